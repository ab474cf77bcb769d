// SHOW GLOBAL STATUS and SHOW GLOBAL VARIABLES in, families with mysqld_exporter's names out.
//
// Pure functions. Grouping, labels and conversions are those of mysqld_exporter 0.14
// (collector/global_status.go, global_variables.go): com_x is commands_total{command="x"} and so on.
// Left out, because no dashboard or rule uses them and they are a quarter of the series: feature_*
// and acl_* of the status, and all variables but the ones in kVariables.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent/probes/mysql_text.h"
#include "common/probe_run.h"

namespace clusterwatch::agent {

// What a server may send of either; MariaDB 10.11 has some 550 and 1,000.
inline constexpr std::size_t kMaxStatusRows = 2000;

struct MysqlFigures {
    std::optional<double> uptime_seconds;
    std::optional<double> threads_connected;
    std::optional<double> max_connections;
    std::optional<double> read_only;
    std::optional<double> slaves_connected;
};

void addGlobalStatus(const SqlRows& rows, ProbeRun& run, MysqlFigures& figures);
void addGlobalVariables(const SqlRows& rows, ProbeRun& run, MysqlFigures& figures);

// The check "connections": how near the server is to max_connections.
CheckResult judgeMysqlConnections(const MysqlFigures& figures);

// The check "writable", only where a role says what to expect: a primary must accept writes, a
// replica should not.
std::optional<CheckResult> judgeReadOnly(const MysqlFigures& figures, std::string_view role);

}  // namespace clusterwatch::agent
