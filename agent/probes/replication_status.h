// The rows of SHOW ALL SLAVES / SLAVE / REPLICA STATUS, under one set of names.
//
// MySQL 8.0.22 renamed the columns (Replica_IO_Running, Source_Host, ...); MariaDB kept the old
// ones. Here every column has its old name in lower case ("slave_io_running", "master_host"), which
// is what mysqld_exporter's series, its mixin's alerts and this program's checks are written for.
// Columns are found by name, never by position: servers add columns. NULL is absent, never 0.
// Pure functions.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/probes/mysql_text.h"
#include "common/labels.h"
#include "common/probe_run.h"

namespace clusterwatch::agent {

inline constexpr std::size_t kMaxChannels = 16;

// "Replica_IO_Running" -> "slave_io_running", "Seconds_Behind_Source" -> "seconds_behind_master".
// Only whole words change: "Replicate_Do_DB" stays.
std::string canonicalColumn(std::string_view column);

class ReplicationChannel {
  public:
    ReplicationChannel(const SqlRows& rows, const SqlRows::Row& row);

    // Of a canonical column; empty or nullopt where it is absent or NULL.
    std::string_view text(std::string_view column) const;
    std::optional<double> number(std::string_view column) const;

    // MariaDB's connection name or MySQL's channel name; empty for the default one.
    std::string name() const;
    // "host:port" of the primary.
    std::string primary() const;
    Labels labels() const;
    // The word in the statements that this server understands: "REPLICA" where its columns say so
    // (MySQL from 8.0.22 on; 8.4 knows no other), otherwise "SLAVE".
    std::string_view noun() const { return says_replica_ ? "REPLICA" : "SLAVE"; }

    const std::map<std::string, std::string, std::less<>>& columns() const { return columns_; }

  private:
    std::map<std::string, std::string, std::less<>> columns_;  // without the NULLs
    bool says_replica_ = false;
};

// One per row, at most kMaxChannels.
std::vector<ReplicationChannel> replicationChannels(const SqlRows& rows);

// Every column that holds a number, a yes or no, or a log file's name, as
// mysql_slave_status_<column>{channel_name,connection_name,master_host,master_uuid}.
void addSlaveStatus(const ReplicationChannel& channel, ProbeRun& run);

// clusterwatch_replication_thread_state{thread="io|sql",state="yes|no|connecting|preparing"}: 1 for
// the state that holds, 0 for the others, because 0 of slave_io_running means three things.
void addThreadStates(const ReplicationChannel& channel, ProbeRun& run);

// GTID positions, primary and the last errors (literals masked); names end in "[channel]" for
// others than the default channel.
void addReplicationFacts(const ReplicationChannel& channel, ProbeRun& run);

// The statement that this server understands without an error, for SHOW ... STATUS.
std::string_view replicationStatement(const ServerVersion& version);
// The same for the position of the binary log.
std::string_view binlogStatement(const ServerVersion& version);

}  // namespace clusterwatch::agent
