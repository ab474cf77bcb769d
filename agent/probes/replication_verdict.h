// What a replica's own status means, in one line that a person woken at night can act on.
//
// Pure, but for ReceiverWatch, which remembers when something last arrived. The traps it knows, each
// seen on a real server (tests/fixtures/mariadb/replication, mysql56):
//  - Seconds_Behind NULL is never ok: the SQL or the IO thread is not running.
//  - Seconds_Behind 0 proves nothing while the IO thread does not receive: MySQL 5.6 says 0 while it
//    can't connect, and every server says 0 while the primary is frozen.
//  - An operator's STOP leaves error number 0.
//  - A delayed replica is behind by design: lag is what exceeds SQL_Delay, never below 0.
//  - IO "Connecting" with error 0 is the start of an outage, not a healthy state.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "agent/probes/replication_status.h"
#include "common/clock.h"
#include "common/probe_run.h"

namespace clusterwatch::agent {

struct LagThresholds {
    std::chrono::seconds warn{10};
    std::chrono::seconds critical{30};
};

// The check of one channel: "replication", or "replication:<channel>". `silent_for`: how long the
// primary has sent nothing although it should have (ReceiverWatch), if it has.
CheckResult judgeReplication(const ReplicationChannel& channel, const LagThresholds& thresholds,
                             std::optional<std::chrono::seconds> silent_for);

// The check "replication" of a server with no replication configured, by its role: critical for a
// "replica", ok otherwise.
CheckResult judgeNotConfigured(std::string_view role, std::string_view statement);

// Notices that nothing arrives any more although both threads say Yes: the primary sends a heartbeat
// whenever its link is idle for a period, so the count of heartbeats or the read position moves.
// Needs Slave_received_heartbeats and Slave_heartbeat_period, which MariaDB shows and MySQL does not.
class ReceiverWatch {
  public:
    // Call at each run. Returns how long nothing has come, once that is more than three periods.
    std::optional<std::chrono::seconds> observe(const ReplicationChannel& channel,
                                                MonotonicTime now);

  private:
    struct Seen {
        std::string signature;  // what moves when something arrives
        MonotonicTime at{};
    };

    std::map<std::string, Seen, std::less<>> channels_;  // at most kMaxChannels
};

}  // namespace clusterwatch::agent
