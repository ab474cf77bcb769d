#include "agent/probes/replication_status.h"

#include <algorithm>
#include <array>

#include "common/limits.h"
#include "common/text.h"

namespace clusterwatch::agent {

namespace {

constexpr std::size_t kMaxColumns = 256;

// Texts that may happen to look like a number: a user "42" is no reading.
bool isTextColumn(std::string_view column) {
    constexpr std::array<std::string_view, 8> kText = {
        "channel_name", "connection_name", "master_host",       "master_user",
        "master_uuid",  "master_bind",     "network_namespace", "master_info_file"};
    return std::find(kText.begin(), kText.end(), column) != kText.end() ||
           column.starts_with("replicate_") || column.ends_with("_error") ||
           column.find("gtid_") != std::string_view::npos;
}

}  // namespace

std::string canonicalColumn(std::string_view column) {
    std::string out;
    for (const std::string_view word : split(column, '_')) {
        std::string lower = toLower(word);
        if (lower == "replica") lower = "slave";
        if (lower == "source") lower = "master";
        for (char& c : lower)
            if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))) c = '_';
        if (!out.empty()) out += '_';
        out += lower;
    }
    return out;
}

ReplicationChannel::ReplicationChannel(const SqlRows& rows, const SqlRows::Row& row) {
    const std::size_t count = std::min({rows.columns.size(), row.size(), kMaxColumns});
    for (std::size_t c = 0; c < count; ++c) {
        says_replica_ = says_replica_ || toLower(rows.columns[c]).starts_with("replica_");
        if (row[c]) columns_.try_emplace(canonicalColumn(rows.columns[c]), *row[c]);
    }
}

std::string_view ReplicationChannel::text(std::string_view column) const {
    const auto found = columns_.find(column);
    return found == columns_.end() ? std::string_view() : std::string_view(found->second);
}

std::optional<double> ReplicationChannel::number(std::string_view column) const {
    return parseDouble(text(column));
}

std::string ReplicationChannel::name() const {
    const std::string_view connection = text("connection_name");
    return truncated(connection.empty() ? text("channel_name") : connection, 64);
}

std::string ReplicationChannel::primary() const {
    const std::string_view host = text("master_host");
    const std::string_view port = text("master_port");
    return truncated(host.empty() ? "an unnamed primary" : host, 256) +
           (port.empty() ? "" : ":" + truncated(port, 8));
}

Labels ReplicationChannel::labels() const {
    Labels labels;
    for (const std::string_view name :
         {"channel_name", "connection_name", "master_host", "master_uuid"})
        labels.set(name, truncated(text(name), 256));
    return labels;
}

std::vector<ReplicationChannel> replicationChannels(const SqlRows& rows) {
    std::vector<ReplicationChannel> channels;
    for (const auto& row : rows.rows) {
        if (channels.size() == kMaxChannels) break;
        channels.emplace_back(rows, row);
    }
    return channels;
}

void addSlaveStatus(const ReplicationChannel& channel, ProbeRun& run) {
    const Labels labels = channel.labels();
    for (const auto& [column, value] : channel.columns()) {
        if (isTextColumn(column)) continue;
        const auto number =
            column.ends_with("_log_file") ? logFileNumber(value) : statusNumber(value);
        if (!number) continue;
        const std::string name = "mysql_slave_status_" + column;
        if (!isValidMetricName(name)) continue;
        run.family(name, MetricType::kUnknown,
                   "The column of this name in the server's replication status.")
            .readings.push_back({labels, *number});
    }
}

void addThreadStates(const ReplicationChannel& channel, ProbeRun& run) {
    constexpr std::array<std::string_view, 4> kStates = {"yes", "no", "connecting", "preparing"};
    for (const std::string_view thread : {"io", "sql"}) {
        const std::string now = toLower(channel.text("slave_" + std::string(thread) + "_running"));
        if (std::find(kStates.begin(), kStates.end(), now) == kStates.end()) continue;
        for (const std::string_view state : kStates) {
            Labels labels = channel.labels();
            labels.set("thread", thread);
            labels.set("state", state);
            run.gauge("clusterwatch_replication_thread_state",
                      "State of the replica's IO (receiver) and SQL (applier) thread: 1 for the "
                      "state that holds.",
                      now == state ? 1 : 0, std::move(labels));
        }
    }
}

void addReplicationFacts(const ReplicationChannel& channel, ProbeRun& run) {
    constexpr std::array<std::string_view, 6> kFacts = {"gtid_io_pos",        "gtid_slave_pos",
                                                        "retrieved_gtid_set", "executed_gtid_set",
                                                        "last_io_error",      "last_sql_error"};
    const std::string channel_name = channel.name();
    const std::string suffix = channel_name.empty() ? "" : "[" + channel_name + "]";
    run.facts.push_back({"primary" + suffix, channel.primary()});
    for (const std::string_view column : kFacts) {
        const std::string_view value = channel.text(column);
        if (value.empty()) continue;
        std::string text = truncated(value, limits::kTextBytes);
        std::replace(text.begin(), text.end(), '\n', ' ');  // MySQL breaks GTID sets into lines
        run.facts.push_back({std::string(column) + suffix, maskSqlLiterals(text)});
    }
}

std::string_view replicationStatement(const ServerVersion& version) {
    if (version.mariadb)
        return version.atLeast(10, 0, 0) ? "SHOW ALL SLAVES STATUS" : "SHOW SLAVE STATUS";
    return version.atLeast(8, 0, 22) ? "SHOW REPLICA STATUS" : "SHOW SLAVE STATUS";
}

std::string_view binlogStatement(const ServerVersion& version) {
    return !version.mariadb && version.atLeast(8, 2, 0) ? "SHOW BINARY LOG STATUS"
                                                        : "SHOW MASTER STATUS";
}

}  // namespace clusterwatch::agent
