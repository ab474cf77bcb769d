// How it works: one statement, chosen by the server's version so that none fails with a syntax error
// (mysqld_exporter tries up to eight at each scrape and fills error logs), its rows turned into
// series, a verdict per channel, and on a worse verdict the raw rows as evidence.
//
// Its connection is its own, so that a stuck SHOW ... STATUS does not hold up the probe `mysql`.
#include "agent/probes/mysql_replication.h"

#include <utility>

#include <fmt/format.h>

#include "common/limits.h"
#include "common/text.h"

namespace clusterwatch::agent {

std::unique_ptr<Probe> MysqlReplicationProbe::make(ConfigNode& config) {
    MysqlTarget target = readMysqlTarget(config);
    std::string role = config.text("role", "");
    if (!role.empty() && role != "replica" && role != "primary")
        config.error("role", "must be replica or primary, or left out");
    const Milliseconds warn = config.duration("warn_lag", std::chrono::seconds(10));
    const Milliseconds critical = config.duration("critical_lag", std::chrono::seconds(30));
    if (warn < std::chrono::seconds(1)) config.error("warn_lag", "must be at least 1s");
    if (critical < warn) config.error("critical_lag", "must not be below warn_lag");
    const LagThresholds thresholds{std::chrono::duration_cast<std::chrono::seconds>(warn),
                                   std::chrono::duration_cast<std::chrono::seconds>(critical)};
    return std::make_unique<MysqlReplicationProbe>(std::move(target), std::move(role), thresholds);
}

std::optional<MysqlSession::Failure> MysqlReplicationProbe::readReplica(const ProbeContext& context,
                                                                        ProbeRun& run) {
    const std::string_view statement = replicationStatement(session_.version());
    SqlRows rows;
    if (auto failure = session_.query(statement, context, rows)) return failure;
    const auto channels = replicationChannels(rows);
    run.gauge("clusterwatch_replication_configured",
              "Whether this server is configured to replicate from another.",
              channels.empty() ? 0 : 1);
    if (channels.empty()) run.checks.push_back(judgeNotConfigured(role_, statement));
    for (const ReplicationChannel& channel : channels) {
        addSlaveStatus(channel, run);
        addThreadStates(channel, run);
        addReplicationFacts(channel, run);
        const auto silent_for = receiver_.observe(channel, context.clock.monotonicNow());
        run.checks.push_back(judgeReplication(channel, thresholds_, silent_for));
    }
    if (context.worsened(run))
        run.evidence.push_back(
            {std::string(statement),
             rows.rows.empty() ? "(no row)" : verticalText(rows, limits::kEvidenceBytes)});
    return std::nullopt;
}

std::optional<MysqlSession::Failure> MysqlReplicationProbe::countReplicas(
    const ProbeContext& context, std::optional<double>& count) {
    SqlRows rows;
    const bool mariadb = session_.version().mariadb;
    const std::string_view statement =
        mariadb ? "SHOW GLOBAL STATUS LIKE 'Slaves_connected'"
                : (session_.version().atLeast(8, 0, 22) ? "SHOW REPLICAS" : "SHOW SLAVE HOSTS");
    if (auto failure = session_.query(statement, context, rows)) return failure;
    if (!mariadb)
        count = static_cast<double>(rows.rows.size());
    else if (rows.rows.size() == 1 && rows.rows[0].size() == 2 && rows.rows[0][1])
        count = parseDouble(*rows.rows[0][1]);
    return std::nullopt;
}

std::optional<MysqlSession::Failure> MysqlReplicationProbe::readPrimary(const ProbeContext& context,
                                                                        ProbeRun& run) {
    SqlRows rows;
    if (auto failure = session_.query(binlogStatement(session_.version()), context, rows))
        return failure;
    if (rows.rows.empty()) {
        run.check("primary", State::kCritical,
                  "the binary log is off (log_bin): no replica can follow this primary");
        return std::nullopt;
    }
    const ReplicationChannel status(rows, rows.rows.front());
    if (const auto number = logFileNumber(status.text("file")))
        run.counter("clusterwatch_binlog_file_number", "Number of the binary log being written.",
                    *number);
    if (const auto position = status.number("position"))
        run.counter("clusterwatch_binlog_position_bytes",
                    "Position in the binary log being written.", *position);
    run.facts.push_back({"binlog", fmt::format("{}:{}", truncated(status.text("file"), 256),
                                               truncated(status.text("position"), 32))});
    if (const auto gtids = status.text("executed_gtid_set"); !gtids.empty())
        run.facts.push_back({"executed_gtid_set", truncated(gtids, limits::kTextBytes)});
    if (session_.version().mariadb) {
        if (auto failure = session_.query("SELECT @@GLOBAL.gtid_binlog_pos AS pos", context, rows))
            return failure;
        if (rows.rows.size() == 1 && rows.rows[0].size() == 1 && rows.rows[0][0])
            run.facts.push_back(
                {"gtid_binlog_pos", truncated(*rows.rows[0][0], limits::kTextBytes)});
    }

    std::optional<double> replicas;
    if (auto failure = countReplicas(context, replicas)) return failure;
    if (!replicas) {
        run.check("primary", State::kUnknown, "the server does not say how many replicas read it");
        return std::nullopt;
    }
    run.gauge("clusterwatch_replicas_connected", "Replicas that read this server's binary log.",
              *replicas);
    if (*replicas > 0)
        run.check("primary", State::kOk, fmt::format("{:.0f} replica(s) connected", *replicas));
    else
        run.check("primary", State::kWarning,
                  "no replica is connected to this primary: nothing is copied at the moment");
    return std::nullopt;
}

ProbeRun MysqlReplicationProbe::run(const ProbeContext& context) {
    ProbeRun run;
    auto failure = session_.connect(context);
    if (!failure) failure = readReplica(context, run);
    if (!failure && role_ == "primary") failure = readPrimary(context, run);
    if (!failure) {
        run.outcome = Outcome::kOk;
        run.facts.push_back({"version", session_.version().text});
        return run;
    }
    // What was read before the failure may be half of the truth, so none of it is passed on.
    run = {};
    run.outcome = failure->outcome;
    run.message = failure->message;
    if (failure->outcome == Outcome::kPermission)
        run.message +=
            "; GRANT REPLICATION CLIENT (MySQL, MariaDB before 10.5) or SLAVE MONITOR, "
            "BINLOG MONITOR (MariaDB) to " +
            session_.target().user;
    run.check("replication", State::kUnknown, run.message);
    return run;
}

}  // namespace clusterwatch::agent
