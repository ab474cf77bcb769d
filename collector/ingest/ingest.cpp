// The way of a report: decode, admit, session, select what is new, plan, commit, tell, acknowledge.
#include "collector/ingest/ingest.h"

#include <fmt/format.h>

#include "collector/ingest/ingest_impl.h"
#include "collector/ingest/state_events.h"
#include "common/limits.h"
#include "common/logging.h"

namespace clusterwatch::ingest {

namespace {

constexpr int kRetrySeconds = 5;

RateLimitedLog refused_log;
RateLimitedLog store_log;

IngestReply plain(int status, std::string reason, int retry_after = 0) {
    return {status, std::move(reason), retry_after};
}

}  // namespace

std::unique_ptr<Ingest> Ingest::make(IngestOptions options, const Clock& clock,
                                     derive::LiveFeed& feed) {
    return std::make_unique<IngestImpl>(std::move(options), clock, feed);
}

Result<wire::Report> IngestImpl::decode(std::string_view body, std::string_view encoding) {
    if (body.size() > limits::kBodyBytes)
        return Error{ErrorCode::kLimit, fmt::format("a body of {} bytes; at most {} are allowed",
                                                    body.size(), limits::kBodyBytes)};
    if (encoding.empty() || encoding == "identity") return wire::decodeReport(body);
    if (encoding != "zstd")
        return Error{ErrorCode::kInvalid, "Content-Encoding is neither zstd nor identity"};
    auto inflated = wire::decompress(body, limits::kDecodedBytes);
    if (!inflated) return inflated.error();
    return wire::decodeReport(*inflated);
}

IngestReply IngestImpl::report(std::string_view body, std::string_view encoding) {
    CHECK(store_ != nullptr);
    const auto received_ms = toUnixMs(clock_.wallNow());
    auto report = decode(body, encoding);
    if (!report) return fail(report.error());
    AgentEntry* entry = entryOf(report->agent);
    if (entry == nullptr) {
        count([](auto& s) { ++s.refused_reports; });
        return plain(429, fmt::format("more than {} agents", options_.max_agents), 60);
    }
    const MutexLock lock(entry->reporting);
    const Admission admission = admit(*entry, report->agent);
    if (!admission.conflict.empty())
        return conflict(*admission.owner, *report, admission.conflict, received_ms);
    if (!admission.left_node.empty()) cluster_.forget(admission.left_node);
    hear(*entry, *report);
    return accept(*entry, *report, admission.retired, received_ms);
}

IngestReply IngestImpl::fail(const Error& error) {
    const bool ours = error.code() != ErrorCode::kInvalid && error.code() != ErrorCode::kLimit;
    count([&](auto& s) {
        ++s.refused_reports;
        if (error.code() == ErrorCode::kInvalid) ++s.malformed;
        if (error.code() == ErrorCode::kLimit) ++s.oversize;
        if (ours) ++s.store_failures;
    });
    if (ours) {
        store_log.warn(fmt::format("a report could not be stored: {}", error.message()));
        return plain(error.code() == ErrorCode::kFull ? 507 : 503, error.message(), kRetrySeconds);
    }
    refused_log.warn(fmt::format("a report was refused: {}", error.message()));
    return plain(error.code() == ErrorCode::kLimit ? 413 : 400, error.message());
}

wire::ReportReply IngestImpl::newReply(std::int64_t received_ms) const {
    wire::ReportReply reply;
    reply.received_ms = received_ms;
    reply.collector_version = CLUSTERWATCH_VERSION;
    return reply;
}

IngestReply IngestImpl::replyOk(const wire::ReportReply& reply) const {
    wire::ReportReply out = reply;
    out.replied_ms = toUnixMs(clock_.wallNow());
    return {200, wire::encode(out), 0};
}

IngestReply IngestImpl::conflict(AgentEntry& owner, const wire::Report& report,
                                 const std::string& text, std::int64_t received_ms) {
    bool is_news = false;
    {
        const MutexLock lock(mutex_);
        ++statistics_.conflicts;
        ++statistics_.refused_reports;
        is_news = owner.conflict_text != text;
        owner.conflict_at = clock_.monotonicNow();
        owner.conflict_text = text;
    }
    cluster_.conflict(report.agent.node, text);
    if (is_news)
        store_->addEvent(agentEvent("conflict", report.agent.node, "critical", text, received_ms));
    wire::ReportReply reply = newReply(received_ms);
    reply.session = report.session;
    reply.conflict = text;
    IngestReply out = replyOk(reply);
    out.status = 409;
    return out;
}

IngestReply IngestImpl::accept(AgentEntry& entry, const wire::Report& report,
                               const std::vector<std::string>& retired, std::int64_t received_ms) {
    wire::ReportReply reply = newReply(received_ms);
    if (entry.binder.startCountingAgain(clock_.monotonicNow())) entry.sessions.forgetBindings();

    Session* session =
        report.session == 0 ? &entry.sessions.open() : entry.sessions.find(report.session);
    Status defined =
        session ? session->define(report) : Status(Error{ErrorCode::kConflict, "no such session"});
    const auto fresh = selectNew(entry, report);
    if (!fresh) return conflict(entry, report, fresh.error().message(), received_ms);
    if (defined) defined = checkLayouts(*session, *fresh);
    if (!defined) {
        if (session) entry.sessions.drop(session->id());
        if (defined.error().code() != ErrorCode::kConflict) return fail(defined.error());
        count([](auto& s) { ++s.unknown_sessions; });
        reply.session_unknown = true;
        return replyOk(reply);
    }
    reply.session = session->id();
    for (const auto& series : report.series)
        if (series.has_metadata && !isReserved(series.name) && !entry.binder.full())
            store_->describe(series.name, series.metadata);

    std::map<std::string, ProbeRecord> working;
    {
        const MutexLock lock(mutex_);
        for (const auto* batch : *fresh) {
            const auto known = entry.record.probes.find(batch->run.run.probe);
            if (known != entry.record.probes.end()) working.insert(*known);
        }
    }
    RunPlanner planner({*store_, entry.binder, *session, report, external_, received_ms,
                        options_.max_sample_future.count()},
                       std::move(working));
    takeSchedule(entry, report, planner);
    if (auto planned = planRuns(entry, *fresh, planner); !planned) return fail(planned.error());
    ReportPlan& plan = planner.plan();
    for (const auto& id : retired) plan.note.add_retired(id);
    noteReceived(entry, report, *fresh, plan);
    auto committed = commit(plan.note, plan);
    if (!committed) return fail(committed.error().context("storing a report"));

    for (const auto& batch : report.batches) reply.acknowledged.push_back(batch.sequence);
    reply.refused = plan.refused;
    const std::uint64_t sequence = fresh->size() == 1 ? fresh->front()->sequence : 0;
    if (committed->too_old > 0)
        reply.refused.push_back(
            {sequence, "older than is kept", static_cast<std::uint32_t>(committed->too_old)});
    if (committed->too_far_ahead > 0)
        reply.refused.push_back({sequence, "too far ahead of the collector's clock",
                                 static_cast<std::uint32_t>(committed->too_far_ahead)});
    if (!retired.empty()) {
        const MutexLock lock(mutex_);
        entry.taken_over.clear();
    }
    count([&](auto& s) {
        ++s.reports;
        if (report.batches.empty()) ++s.heartbeats;
        s.batches += fresh->size();
        s.duplicates += report.batches.size() - fresh->size();
        s.samples += plan.samples;
        s.refused_samples += plan.refused_samples + committed->too_old + committed->too_far_ahead;
        s.dropped_labels += plan.foreign_labels;
        s.missed_runs += plan.missed_runs;
        if (plan.limit_hit) ++s.series_limit_hits;
    });
    publish(entry, report, plan);
    return replyOk(reply);
}

Result<std::vector<const wire::WireBatch*>> IngestImpl::selectNew(const AgentEntry& entry,
                                                                  const wire::Report& report) {
    std::vector<const wire::WireBatch*> fresh;
    const MutexLock lock(mutex_);
    const ReceivedRanges* received = entry.record.findEpoch(report.agent.epoch);
    for (const auto& batch : report.batches) {
        const auto seen =
            received ? received->look(batch.sequence, batch.checksum) : ReceivedRanges::Seen::kNew;
        if (seen == ReceivedRanges::Seen::kNew) fresh.push_back(&batch);
        if (seen == ReceivedRanges::Seen::kOther)
            return Error{
                ErrorCode::kConflict,
                fmt::format("batch {} of {} came before with another content: its spool was "
                            "copied or restored; remove the agent's spool folder",
                            batch.sequence, report.agent.node)};
    }
    if (received && received->full() && !fresh.empty())
        return Error{ErrorCode::kConflict, fmt::format("the batches of {} have more than {} gaps",
                                                       report.agent.node, ReceivedRanges::kRanges)};
    return fresh;
}

Status IngestImpl::checkLayouts(const Session& session,
                                const std::vector<const wire::WireBatch*>& batches) const {
    for (const auto* batch : batches) {
        if (batch->run.layout >= session.layouts())
            return Error{ErrorCode::kConflict, "a layout is not defined"};
        if (batch->run.values.size() != session.sizeOf(batch->run.layout))
            return Error{ErrorCode::kInvalid,
                         fmt::format("batch {} has {} values for {} series", batch->sequence,
                                     batch->run.values.size(), session.sizeOf(batch->run.layout))};
    }
    return {};
}

Status IngestImpl::planRuns(AgentEntry& entry, const std::vector<const wire::WireBatch*>& batches,
                            RunPlanner& planner) {
    if (batches.empty()) return {};
    const auto now = clock_.monotonicNow();
    Pulses pulses;  // a working copy: these runs are not heard before they are committed
    {
        const MutexLock lock(mutex_);
        pulses = entry.pulses;
    }
    for (const auto* batch : batches) {
        const ProbeRun& run = batch->run.run;
        std::vector<Sample> up;
        if (planner.isCurrent(*batch) && pulses.awaits(run)) {
            for (const auto time_ms : pulses.heard(run, now)) up.push_back({time_ms, 0});
            const bool all = pulses.othersInTime(run.target, run.probe, now);
            up.push_back({toUnixMs(run.time), all ? 1.0 : 0.0});
        }
        if (auto added = planner.add(*batch, up); !added) return added;
    }
    return {};
}

void IngestImpl::noteReceived(AgentEntry& entry, const wire::Report& report,
                              const std::vector<const wire::WireBatch*>& batches,
                              ReportPlan& plan) {
    plan.note.set_id(report.agent.id);
    plan.note.set_node(report.agent.node);
    plan.note.set_host_id(report.agent.host_id);
    plan.note.set_version(report.agent.version);
    auto* epoch = plan.note.add_epochs();
    epoch->set_epoch(report.agent.epoch);
    for (const auto* batch : batches) {
        auto* sum = epoch->add_sums();
        sum->set_sequence(batch->sequence);
        sum->set_checksum(batch->checksum);
    }
    const MutexLock lock(mutex_);
    const ReceivedRanges* received = entry.record.findEpoch(report.agent.epoch);
    for (const auto& range : report.dropped) {
        // Told again until the agent knows that we know.
        if (received && received->containsAll(range.first, range.last)) continue;
        auto* out = epoch->add_ranges();
        out->set_first(range.first);
        out->set_last(range.last);
    }
    if (epoch->sums().empty() && epoch->ranges().empty()) plan.note.mutable_epochs()->RemoveLast();
}

Result<store::CommitResult> IngestImpl::commit(pb::AgentNote note, ReportPlan& plan) {
    const bool empty = plan.write.columns.empty() && note.epochs().empty() &&
                       note.removed().empty() && note.retired().empty();
    if (empty) return store::CommitResult{};
    // Before the commit: should the program end in between, the replayed note does it again.
    changeSilence(plan.disproved);
    pb::Note whole;
    *whole.add_agents() = std::move(note);
    plan.write.note = whole.SerializeAsString();
    return store_->commit(plan.write);
}

void IngestImpl::publish(AgentEntry& entry, const wire::Report& report, const ReportPlan& plan) {
    const auto now = clock_.monotonicNow();
    for (const auto& planned : plan.runs) {
        const ProbeRun& run = planned.batch->run.run;
        bool expected = false;
        {
            const MutexLock lock(mutex_);
            expected = entry.pulses.expects(run.probe);
            if (expected && planned.in_time) entry.pulses.heard(run, now);
        }
        // What a probe said that has left the schedule since is stored, and no longer the state of
        // anything.
        if (expected) cluster_.ran(report.agent.node, run, planned.in_time);
        if (!planned.judged_anew) continue;
        for (auto& event : stateChanges(report.agent.node, run, planned.previous))
            store_->addEvent(std::move(event));
    }
    for (const auto& epoch : plan.note.epochs())
        for (const auto& range : epoch.ranges())
            store_->addEvent(
                agentEvent("agent", report.agent.node, "warning",
                           fmt::format("the agent of {} dropped its batches {} to {} unsent",
                                       report.agent.node, range.first(), range.last()),
                           toUnixMs(clock_.wallNow())));
}

}  // namespace clusterwatch::ingest
