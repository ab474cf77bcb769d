// A probe run with something in each of its fields, for the tests of the wire.
#pragma once

#include "common/probe_run.h"

namespace clusterwatch {

inline ProbeRun sampleRun() {
    ProbeRun run;
    run.probe = "replication";
    run.kind = "mysql_replication";
    run.role = "replica";
    run.target = {"mysql", "db2"};
    run.time = fromUnixMs(1'795'345'632'000);
    run.duration = Milliseconds{12};
    run.interval = Milliseconds{10'000};
    run.outcome = Outcome::kOk;
    run.gauge("mysql_up", "Whether the server answered.", 1);
    run.gauge("mysql_slave_status_seconds_behind_master", "Lag.", 0.25,
              {{"channel_name", ""}, {"master_host", "db1"}});
    run.counter("mysql_global_status_queries", "Queries.", 123'456'789'012.0);
    run.check("replication", State::kCritical, "SQL thread stopped: 1062 Duplicate entry");
    run.facts.push_back({"version", "10.11.19-MariaDB"});
    run.evidence.push_back({"SHOW ALL SLAVES STATUS", "Slave_IO_Running: Yes\n"});
    return run;
}

}  // namespace clusterwatch
