// One exchange with the collector, and what its answer means.
#include <algorithm>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "agent/sender.h"
#include "common/text.h"

namespace clusterwatch::agent {
namespace {

constexpr std::size_t kShownReasonBytes = 200;

}  // namespace

Sender::Fate Sender::exchange(Lane& lane, const wire::Report& filled,
                              const std::vector<Sent>& sent) {
    auto report = filled;
    // What waits beside what goes out here: an agent that keeps up shows 0, not 1.
    report.spool.batches -= std::min<std::uint64_t>(report.spool.batches, sent.size());
    if (report.spool.batches == 0) report.spool.bytes = 0, report.spool.oldest_ms = 0;
    Exchange times;
    const auto started = clock_.monotonicNow();
    times.sent = clock_.wallNow();
    report.sent_ms = toUnixMs(times.sent);
    const auto body = wire::compress(wire::encode(report));
    auto answer = transport_.post(body);
    times.answered = clock_.wallNow();
    last_report_ = clock_.monotonicNow();
    times.elapsed = std::chrono::duration_cast<Milliseconds>(last_report_ - started);
    {
        MutexLock lock(mutex_);
        statistics_.bytes += body.size();
    }
    if (!answer) {
        const bool unconnected = answer.error().code() == ErrorCode::kUnavailable;
        forgetSession(lane);
        return fail(unconnected ? "unreachable" : "no_answer", answer.error().message(),
                    unconnected ? Backoff::kMostUnconnected : Backoff::kMost);
    }
    if (answer->status != 200) return takeAnswer(lane, report, sent, *answer);
    auto reply = wire::decodeReply(answer->body);
    if (!reply) {
        forgetSession(lane);
        return fail("answer_malformed", reply.error().message(), Backoff::kMost);
    }
    times.received = fromUnixMs(reply->received_ms);
    times.replied = fromUnixMs(reply->replied_ms);
    if (clock_to_teach_ != nullptr && reply->received_ms != 0) clock_to_teach_->learn(times);
    return takeReply(lane, report, sent, *reply);
}

Sender::Fate Sender::takeReply(Lane& lane, const wire::Report& report,
                               const std::vector<Sent>& sent, const wire::ReportReply& reply) {
    if (!reply.conflict.empty()) {
        MutexLock lock(mutex_);
        ++statistics_.conflicts;
    }
    if (!reply.conflict.empty()) {
        forgetSession(lane);
        return fail("conflict", "it accepts nothing from this agent: " + reply.conflict,
                    Backoff::kMost, Backoff::kMost);
    }
    if (reply.session_unknown) {
        const bool was_new = report.session == 0;
        forgetSession(lane);
        if (was_new) return fail("session_unknown", "it does not open a session", Backoff::kMost);
        MutexLock lock(mutex_);
        ++statistics_.reports["session_unknown"];
        return Fate::kSessionUnknown;
    }
    const bool opened = lane.encoder.session() != reply.session;
    lane.encoder.setSession(reply.session);
    spool_.droppedReported(options_.collector, report.dropped);
    // Whatever the answer says, only what went out may be deleted.
    auto acknowledged = reply.acknowledged;
    std::erase_if(acknowledged, [&](std::uint64_t sequence) {
        return std::none_of(sent.begin(), sent.end(),
                            [&](const Sent& batch) { return batch.sequence == sequence; });
    });
    spool_.acknowledge(options_.collector, acknowledged);
    std::uint64_t refused = 0;
    for (const auto& refusal : reply.refused) {
        refused += refusal.samples;
        log_.warn(fmt::format("{} refused {} samples of batch {}: {}", options_.url,
                              refusal.samples, refusal.sequence,
                              truncated(refusal.reason, kShownReasonBytes)));
    }
    if (!sent.empty() && acknowledged.empty())
        return fail("not_acknowledged", "it acknowledged nothing of a report", Backoff::kMost);
    if (backoff_.failures() > 0) spdlog::info("{} takes reports again", options_.url);
    backoff_.succeeded();
    if (lane.kind == wire::Lane::kBackfill) {
        one_at_a_time_ = false;
        for (const auto& batch : sent) strikes_.erase(batch.sequence);
    }
    MutexLock lock(mutex_);
    ++statistics_.reports["ok"];
    statistics_.sessions += opened ? 1 : 0;
    statistics_.refused_samples += refused;
    statistics_.last_success = last_report_;
    statistics_.heartbeats += sent.empty() ? 1 : 0;
    (lane.kind == wire::Lane::kLive ? statistics_.batches_live : statistics_.batches_backfill) +=
        sent.size();
    return Fate::kDone;
}

Sender::Fate Sender::takeAnswer(Lane& lane, const wire::Report& report,
                                const std::vector<Sent>& sent, const HttpAnswer& answer) {
    const auto result = fmt::format("status_{}", answer.status);
    const auto reason = fmt::format("HTTP status {}: {}", answer.status,
                                    truncated(trim(answer.body), kShownReasonBytes));
    const auto least =
        answer.retry_after ? std::optional<Milliseconds>(*answer.retry_after) : std::nullopt;
    forgetSession(lane);
    switch (answer.status) {
        case 400:
        case 413: return takeRefusal(answer, sent);
        case 401:
        case 403:
            transport_.renewCredentials();
            return fail(result, "it refuses our token: " + reason, Backoff::kMost, least);
        case 409:
            if (const auto reply = wire::decodeReply(answer.body);
                reply && !reply->conflict.empty())
                return takeReply(lane, report, sent, *reply);
            return fail(result, reason, Backoff::kMost, Backoff::kMost);
        default: return fail(result, reason, Backoff::kMost, least);
    }
}

// The collector says that the report itself is wrong. Which batch is meant shows when they go alone.
Sender::Fate Sender::takeRefusal(const HttpAnswer& answer, const std::vector<Sent>& sent) {
    const auto result = fmt::format("status_{}", answer.status);
    const auto reason = fmt::format("HTTP status {}: {}", answer.status,
                                    truncated(trim(answer.body), kShownReasonBytes));
    if (sent.size() == 1 && ++strikes_[sent[0].sequence] >= kStrikes) {
        spool_.giveUp(options_.collector, sent[0].sequence, sent[0].samples,
                      "refused by the collector");
        spdlog::warn("{} refuses batch {} for good; it is dropped: {}", options_.url,
                     sent[0].sequence, reason);
        strikes_.erase(sent[0].sequence);
        MutexLock lock(mutex_);
        ++statistics_.given_up;
        ++statistics_.reports[result];
        return Fate::kRefusedForm;
    }
    one_at_a_time_ = true;
    if (sent.size() <= 1) return fail(result, reason, Backoff::kFirst);
    MutexLock lock(mutex_);
    ++statistics_.reports[result];
    return Fate::kRefusedForm;
}

Sender::Fate Sender::fail(const std::string& result, const std::string& message, Milliseconds most,
                          std::optional<Milliseconds> least) {
    const auto wait = backoff_.failed(most, least);
    log_.warn(
        fmt::format("{}; next try in {}",
                    message.starts_with(options_.url) ? message : options_.url + ": " + message,
                    formatDuration(wait)));
    MutexLock lock(mutex_);
    ++statistics_.reports[result];
    not_before_ = clock_.monotonicNow() + wait;
    return Fate::kFailed;
}

}  // namespace clusterwatch::agent
