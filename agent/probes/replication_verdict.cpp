#include "agent/probes/replication_verdict.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/limits.h"
#include "common/text.h"

namespace clusterwatch::agent {

namespace {

enum class Thread { kYes, kNo, kConnecting, kPreparing, kUnknown };

Thread threadState(const ReplicationChannel& channel, std::string_view column) {
    const std::string state = toLower(channel.text(column));
    if (state == "yes") return Thread::kYes;
    if (state == "no") return Thread::kNo;
    if (state == "connecting") return Thread::kConnecting;
    if (state == "preparing") return Thread::kPreparing;
    return Thread::kUnknown;
}

// "error 1062: Could not execute ...", or empty where the number is 0.
std::string errorText(const ReplicationChannel& channel, std::string_view which) {
    const std::string column = "last_" + std::string(which);
    const double number = channel.number(column + "_errno").value_or(0);
    if (number == 0) return {};
    std::string text = maskSqlLiterals(channel.text(column + "_error"));
    std::replace(text.begin(), text.end(), '\n', ' ');
    return fmt::format("error {:.0f}: {}", number, truncated(text, limits::kTextBytes / 2));
}

struct Verdict {
    State state;
    std::string text;
};

Verdict judgeStopped(const ReplicationChannel& channel, Thread io, Thread sql) {
    const std::string io_error = errorText(channel, "io");
    const std::string sql_error = errorText(channel, "sql");
    const std::string_view noun = channel.noun();
    std::string text;
    if (sql == Thread::kNo && !sql_error.empty())
        text = fmt::format(
            "SQL thread stopped by {}. The replica's data stays as it is until this is mended; "
            "then START {} SQL_THREAD",
            sql_error, noun);
    else if (sql == Thread::kNo && io == Thread::kNo && io_error.empty())
        text = fmt::format(
            "both threads are stopped without an error: by an operator's STOP {0}, or never "
            "started after they were configured or reset. START {0} when that is over",
            noun);
    else if (sql == Thread::kNo)
        text = fmt::format(
            "SQL thread stopped without an error: by an operator's STOP {0} SQL_THREAD. Changes "
            "are received but not applied; START {0} SQL_THREAD when that is over",
            noun);
    else if (!io_error.empty())
        text = fmt::format("IO thread stopped by {}. Nothing more is received from {}", io_error,
                           channel.primary());
    else
        text = fmt::format(
            "IO thread stopped without an error: by an operator's STOP {0} IO_THREAD. Nothing more "
            "is received from {1}; START {0} IO_THREAD when that is over",
            noun, channel.primary());
    return {State::kCritical, std::move(text)};
}

Verdict judgeConnecting(const ReplicationChannel& channel) {
    const std::string error = errorText(channel, "io");
    if (error.empty())
        return {State::kWarning, "IO thread is connecting to " + channel.primary() +
                                     " and has no connection yet; no error so far"};
    return {State::kCritical, "IO thread can't connect to " + channel.primary() + ": " + error};
}

Verdict judgeLag(const ReplicationChannel& channel, const LagThresholds& thresholds) {
    const auto behind = channel.number("seconds_behind_master");
    if (!behind) return {State::kUnknown, "both threads run, but the server reports no lag (NULL)"};
    const double delay = std::max(0.0, channel.number("sql_delay").value_or(0));
    const double lag = std::max(0.0, *behind - delay);
    Verdict verdict{State::kOk, fmt::format("{:.0f} s behind {}", lag, channel.primary())};
    if (delay > 0) verdict.text += fmt::format(" beyond its configured delay of {:.0f} s", delay);
    if (lag >= static_cast<double>(thresholds.warn.count())) verdict.state = State::kWarning;
    if (lag >= static_cast<double>(thresholds.critical.count())) verdict.state = State::kCritical;
    if (verdict.state == State::kOk) return verdict;
    const std::string_view doing = channel.text("slave_sql_running_state");
    const std::string_view doing_all = channel.text("slave_sql_state");
    const std::string_view state = doing.empty() ? doing_all : doing;
    if (!state.empty()) verdict.text += "; SQL thread: " + truncated(state, 128);
    return verdict;
}

Verdict judge(const ReplicationChannel& channel, const LagThresholds& thresholds,
              std::optional<std::chrono::seconds> silent_for) {
    const Thread io = threadState(channel, "slave_io_running");
    const Thread sql = threadState(channel, "slave_sql_running");
    if (io == Thread::kUnknown || sql == Thread::kUnknown)
        return {State::kUnknown, "the server does not say whether its threads run"};
    if (io == Thread::kNo || sql == Thread::kNo) return judgeStopped(channel, io, sql);
    if (io == Thread::kConnecting) return judgeConnecting(channel);
    if (io == Thread::kPreparing || sql != Thread::kYes)
        return {State::kWarning, "the replication threads are still starting"};
    if (silent_for)
        return {State::kCritical,
                fmt::format("nothing has come from {} for {} s, not even the heartbeats due every "
                            "{:.0f} s: the primary or the link is frozen, so a lag of {} s can't "
                            "be believed",
                            channel.primary(), silent_for->count(),
                            channel.number("slave_heartbeat_period").value_or(0),
                            channel.text("seconds_behind_master"))};
    return judgeLag(channel, thresholds);
}

}  // namespace

CheckResult judgeReplication(const ReplicationChannel& channel, const LagThresholds& thresholds,
                             std::optional<std::chrono::seconds> silent_for) {
    const std::string name = channel.name();
    Verdict verdict = judge(channel, thresholds, silent_for);
    return {name.empty() ? "replication" : "replication:" + name, verdict.state,
            std::move(verdict.text)};
}

CheckResult judgeNotConfigured(std::string_view role, std::string_view statement) {
    if (role == "replica")
        return {"replication", State::kCritical,
                fmt::format(
                    "this server should be a replica but has no replication configured ({} is "
                    "empty): somebody reset it (RESET {} ALL), or its data directory is new",
                    statement, statement.find("REPLICA") == statement.npos ? "SLAVE" : "REPLICA")};
    return {"replication", State::kOk,
            role == "primary" ? "a primary: it replicates from nobody, as expected"
                              : "no replication configured, and no role says that it should be"};
}

std::optional<std::chrono::seconds> ReceiverWatch::observe(const ReplicationChannel& channel,
                                                           MonotonicTime now) {
    const std::string name = channel.name();
    const auto period = channel.number("slave_heartbeat_period");
    const bool running = threadState(channel, "slave_io_running") == Thread::kYes;
    if (!running || !period || *period <= 0 || channel.text("slave_received_heartbeats").empty()) {
        channels_.erase(name);
        return std::nullopt;
    }
    const std::string signature =
        fmt::format("{} {} {}", channel.text("slave_received_heartbeats"),
                    channel.text("master_log_file"), channel.text("read_master_log_pos"));
    auto seen = channels_.find(name);
    if (seen == channels_.end() && channels_.size() < kMaxChannels)
        seen = channels_.emplace(name, Seen{signature, now}).first;
    if (seen == channels_.end()) return std::nullopt;
    if (seen->second.signature != signature) seen->second = {signature, now};
    const auto silence = std::chrono::duration_cast<std::chrono::seconds>(now - seen->second.at);
    if (static_cast<double>(silence.count()) <= 3 * *period) return std::nullopt;
    return silence;
}

}  // namespace clusterwatch::agent
