// How it works: SHOW GLOBAL STATUS at each run over one kept connection, SHOW GLOBAL VARIABLES
// once a minute (its last answer is repeated in between).
//
// When the server is at its connection limit, mysql_up is 0, as mysqld_exporter says it, so that
// rules on it keep working; the outcome `full` and the text say that it is up but full. A kept
// connection makes this rare: what was connected before the limit was reached goes on seeing.
#include "agent/probes/mysql.h"

#include <utility>

#include <fmt/format.h>

#include "common/limits.h"
#include "common/text.h"

namespace clusterwatch::agent {

namespace {

constexpr std::chrono::seconds kVariablesInterval{60};

void setUp(ProbeRun& run, bool up) {
    run.gauge("mysql_up", "1 if the probe could log in and ask, 0 if not.", up ? 1 : 0);
}

}  // namespace

std::unique_ptr<Probe> MysqlProbe::make(ConfigNode& config) {
    MysqlTarget target = readMysqlTarget(config);
    std::string role = config.text("role", "");
    return std::make_unique<MysqlProbe>(std::move(target), std::move(role));
}

ProbeRun MysqlProbe::failed(const MysqlSession::Failure& failure) {
    variables_.clear();  // another server may answer next time
    ProbeRun run;
    const bool refused_us = failure.outcome == Outcome::kAuthentication;
    // An unreadable secret is our own fault: the server was not asked, and may be well.
    if (!refused_us || failure.error != 0) setUp(run, false);
    run.outcome = failure.outcome;
    run.message = failure.message;
    run.check("reachable", refused_us ? State::kUnknown : State::kCritical, failure.message);
    return run;
}

std::optional<MysqlSession::Failure> MysqlProbe::refreshVariables(const ProbeContext& context) {
    const MonotonicTime now = context.clock.monotonicNow();
    if (!variables_.empty() && now - variables_read_ < kVariablesInterval) return std::nullopt;
    SqlRows rows;
    if (auto failure = session_.query("SHOW GLOBAL VARIABLES", context, rows)) return failure;
    ProbeRun part;
    variable_figures_ = {};
    addGlobalVariables(rows, part, variable_figures_);
    variables_ = std::move(part.families);
    variables_read_ = now;
    return std::nullopt;
}

void MysqlProbe::addProcessList(const ProbeContext& context, ProbeRun& run) {
    SqlRows rows;
    // Without the right PROCESS it lists only our own connection, and says so by that.
    if (!session_.query("SHOW PROCESSLIST", context, rows))
        run.evidence.push_back({"SHOW PROCESSLIST", verticalText(rows, limits::kEvidenceBytes)});
}

ProbeRun MysqlProbe::run(const ProbeContext& context) {
    SqlRows rows;
    if (auto failure = session_.query("SHOW GLOBAL STATUS", context, rows)) return failed(*failure);
    if (auto failure = refreshVariables(context)) return failed(*failure);

    ProbeRun run;
    setUp(run, true);
    MysqlFigures figures = variable_figures_;
    addGlobalStatus(rows, run, figures);
    run.families.insert(run.families.end(), variables_.begin(), variables_.end());
    if (!figures.uptime_seconds) {
        run = failed({Outcome::kParse,
                      session_.target().where() + ": SHOW GLOBAL STATUS holds no Uptime", 0});
        return run;
    }
    run.outcome = Outcome::kOk;
    const auto uptime = Milliseconds{static_cast<std::int64_t>(*figures.uptime_seconds) * 1000};
    run.check("reachable", State::kOk,
              fmt::format("{}, up {}", session_.version().text, formatDuration(uptime)));
    run.checks.push_back(judgeMysqlConnections(figures));
    if (context.worsened("connections", run.checks.back().state)) addProcessList(context, run);
    if (auto writable = judgeReadOnly(figures, role_)) run.checks.push_back(*writable);
    run.facts.push_back({"version", session_.version().text});
    return run;
}

}  // namespace clusterwatch::agent
