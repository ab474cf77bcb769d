#include "agent/probes/mysql_status.h"

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>

#include <fmt/format.h>

#include "common/labels.h"
#include "common/text.h"

namespace clusterwatch::agent {

namespace {

constexpr std::string_view kStatusHelp = "The variable of this name in SHOW GLOBAL STATUS.";
constexpr std::string_view kVariablesHelp = "The variable of this name in SHOW GLOBAL VARIABLES.";

struct Group {
    std::string_view prefix;
    std::string_view name;
    std::string_view label;
    std::string_view help;
};

constexpr std::array kGroups = {
    Group{"com_", "mysql_global_status_commands_total", "command",
          "Statements by command (Com_*)."},
    Group{"handler_", "mysql_global_status_handlers_total", "handler",
          "Calls of the storage engines' handlers (Handler_*)."},
    Group{"connection_errors_", "mysql_global_status_connection_errors_total", "error",
          "Connections refused or broken, by reason."},
    Group{"innodb_rows_", "mysql_global_status_innodb_row_ops_total", "operation",
          "Rows that InnoDB read, inserted, updated or deleted."},
    Group{"performance_schema_", "mysql_global_status_performance_schema_lost_total",
          "instrumentation", "Instrumentation that performance_schema had no room for, by kind."},
};

// What the mysqld mixin, Percona's dashboards and our own checks read.
constexpr std::array<std::string_view, 45> kVariables = {"aria_pagecache_buffer_size",
                                                         "auto_increment_increment",
                                                         "auto_increment_offset",
                                                         "binlog_cache_size",
                                                         "expire_logs_days",
                                                         "gtid_domain_id",
                                                         "innodb_additional_mem_pool_size",
                                                         "innodb_adaptive_hash_index",
                                                         "innodb_buffer_pool_chunk_size",
                                                         "innodb_buffer_pool_instances",
                                                         "innodb_buffer_pool_size",
                                                         "innodb_flush_log_at_trx_commit",
                                                         "innodb_io_capacity",
                                                         "innodb_lock_wait_timeout",
                                                         "innodb_log_buffer_size",
                                                         "innodb_log_file_size",
                                                         "innodb_log_files_in_group",
                                                         "innodb_thread_concurrency",
                                                         "interactive_timeout",
                                                         "key_buffer_size",
                                                         "log_bin",
                                                         "log_slave_updates",
                                                         "long_query_time",
                                                         "max_allowed_packet",
                                                         "max_connect_errors",
                                                         "max_connections",
                                                         "max_heap_table_size",
                                                         "max_user_connections",
                                                         "net_read_timeout",
                                                         "net_write_timeout",
                                                         "open_files_limit",
                                                         "query_cache_size",
                                                         "read_only",
                                                         "server_id",
                                                         "slave_net_timeout",
                                                         "slave_parallel_threads",
                                                         "slave_parallel_workers",
                                                         "slow_query_log",
                                                         "super_read_only",
                                                         "sync_binlog",
                                                         "table_definition_cache",
                                                         "table_open_cache",
                                                         "thread_cache_size",
                                                         "tmp_table_size",
                                                         "wait_timeout"};

// Lower case, and '_' for what no metric's name may hold (validPrometheusName).
std::string metricPart(std::string_view name) {
    std::string part = toLower(name);
    for (char& c : part) {
        const bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
        if (!word) c = '_';
    }
    return part;
}

// One family after the other while the rows come in name order, so a group is looked up by name in
// a small map rather than in the run's hundreds of families.
class Families {
  public:
    explicit Families(ProbeRun& run) : run_(run) {}

    void addToGroup(std::string_view name, MetricType type, std::string_view help,
                    std::string_view label, std::string_view value, double number) {
        auto [at, fresh] = index_.try_emplace(name, run_.families.size());
        if (fresh) run_.families.push_back({std::string(name), {type, std::string(help), {}}, {}});
        Labels labels;
        labels.set(label, value);
        run_.families[at->second].readings.push_back({std::move(labels), number});
    }

    void addPlain(std::string name, MetricType type, std::string_view help, double number) {
        run_.families.push_back({std::move(name), {type, std::string(help), {}}, {{{}, number}}});
    }

  private:
    ProbeRun& run_;
    std::unordered_map<std::string_view, std::size_t> index_;  // keys are literals
};

void addBufferPoolPages(std::string_view what, double number, Families& families) {
    constexpr std::array<std::string_view, 4> kStates = {"data", "free", "misc", "old"};
    if (what == "total") return;
    if (what == "dirty")
        families.addPlain("mysql_global_status_buffer_pool_dirty_pages", MetricType::kGauge,
                          "Pages of the InnoDB buffer pool that are changed and not yet written.",
                          number);
    else if (std::find(kStates.begin(), kStates.end(), what) != kStates.end())
        families.addToGroup("mysql_global_status_buffer_pool_pages", MetricType::kGauge,
                            "Pages of the InnoDB buffer pool by what they hold.", "state", what,
                            number);
    else
        families.addToGroup(
            "mysql_global_status_buffer_pool_page_changes_total", MetricType::kCounter,
            "Pages of the InnoDB buffer pool flushed or otherwise handled, by operation.",
            "operation", what, number);
}

void addStatus(const std::string& key, double number, Families& families) {
    constexpr std::string_view kPages = "innodb_buffer_pool_pages_";
    if (key.starts_with(kPages))
        return addBufferPoolPages(std::string_view(key).substr(kPages.size()), number, families);
    for (const Group& group : kGroups)
        if (key.starts_with(group.prefix) && key.size() > group.prefix.size())
            return families.addToGroup(group.name, MetricType::kCounter, group.help, group.label,
                                       std::string_view(key).substr(group.prefix.size()), number);
    families.addPlain("mysql_global_status_" + key, MetricType::kUnknown, kStatusHelp, number);
}

void addVersionInfo(const std::map<std::string, std::string>& texts, ProbeRun& run) {
    const auto text = [&](const std::string& name) {
        const auto found = texts.find(name);
        return found == texts.end() ? std::string() : truncated(found->second, 256);
    };
    run.gauge("mysql_version_info", "1, with the server's version as labels.", 1,
              {{"version", text("version")},
               {"innodb_version", text("innodb_version")},
               {"version_comment", text("version_comment")}});
    const std::string isolation = texts.count("transaction_isolation") != 0
                                      ? text("transaction_isolation")
                                      : text("tx_isolation");
    if (!isolation.empty())
        run.gauge("mysql_transaction_isolation", "1, with the default isolation level as label.", 1,
                  {{"level", isolation}});
}

// Calls `take(name, value)` for each row of a two-column answer.
template <typename Take>
void eachPair(const SqlRows& rows, Take take) {
    const auto name = rows.column("Variable_name");
    const auto value = rows.column("Value");
    if (!name || !value) return;
    std::size_t taken = 0;
    for (const auto& row : rows.rows) {
        if (row.size() <= std::max(*name, *value) || !row[*name] || !row[*value]) continue;
        if (++taken > kMaxStatusRows) return;
        take(metricPart(*row[*name]), *row[*value]);
    }
}

}  // namespace

void addGlobalStatus(const SqlRows& rows, ProbeRun& run, MysqlFigures& figures) {
    Families families(run);
    run.families.reserve(run.families.size() + rows.rows.size());
    eachPair(rows, [&](const std::string& key, const std::string& value) {
        if (key.starts_with("feature_") || key.starts_with("acl_")) return;
        const auto number = statusNumber(value);
        if (!number || key.size() > 128) return;
        if (key == "uptime") figures.uptime_seconds = number;
        if (key == "threads_connected") figures.threads_connected = number;
        if (key == "slaves_connected") figures.slaves_connected = number;
        addStatus(key, *number, families);
    });
}

void addGlobalVariables(const SqlRows& rows, ProbeRun& run, MysqlFigures& figures) {
    std::map<std::string, std::string> texts;
    eachPair(rows, [&](const std::string& key, const std::string& value) {
        if (key == "version" || key == "innodb_version" || key == "version_comment" ||
            key == "transaction_isolation" || key == "tx_isolation")
            texts[key] = value;
        if (!std::binary_search(kVariables.begin(), kVariables.end(), key)) return;
        const auto number = statusNumber(value);
        if (!number) return;
        if (key == "max_connections") figures.max_connections = number;
        if (key == "read_only") figures.read_only = number;
        run.families.push_back({"mysql_global_variables_" + key,
                                {MetricType::kGauge, std::string(kVariablesHelp), {}},
                                {{{}, *number}}});
    });
    if (!texts.empty()) addVersionInfo(texts, run);
}

CheckResult judgeMysqlConnections(const MysqlFigures& figures) {
    if (!figures.threads_connected || !figures.max_connections || *figures.max_connections <= 0)
        return {"connections", State::kUnknown, "the server does not say how many are connected"};
    CheckResult check{"connections", State::kOk,
                      fmt::format("{:.0f} of {:.0f} connections in use", *figures.threads_connected,
                                  *figures.max_connections)};
    const double share = *figures.threads_connected / *figures.max_connections;
    if (share >= 0.80) check.state = State::kWarning;
    if (share >= 0.95) check.state = State::kCritical;
    if (check.state != State::kOk)
        check.text +=
            ": SHOW PROCESSLIST says who holds them; at the limit new clients get "
            "error 1040";
    return check;
}

std::optional<CheckResult> judgeReadOnly(const MysqlFigures& figures, std::string_view role) {
    if (role != "primary" && role != "replica") return std::nullopt;
    if (!figures.read_only)
        return CheckResult{"writable", State::kUnknown,
                           "the server does not say whether it is "
                           "read only"};
    const bool read_only = *figures.read_only != 0;
    if (role == "primary")
        return read_only ? CheckResult{"writable", State::kCritical,
                                       "this primary is read_only and refuses writes; SET GLOBAL "
                                       "read_only=0 if it really is the primary"}
                         : CheckResult{"writable", State::kOk, "accepts writes"};
    return read_only
               ? CheckResult{"writable", State::kOk, "read only, as a replica should be"}
               : CheckResult{"writable", State::kWarning,
                             "this replica accepts writes (read_only=0): a write here makes it "
                             "differ from its primary"};
}

}  // namespace clusterwatch::agent
