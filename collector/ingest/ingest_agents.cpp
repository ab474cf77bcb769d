// Who may speak, what is expected of them, and what is remembered of them over a restart.
#include <fmt/format.h>

#include "collector/ingest/ingest_impl.h"
#include "collector/ingest/state_events.h"
#include "common/logging.h"

namespace clusterwatch::ingest {

namespace {

// An agent that has said nothing for so long has gone, and its node's name may be taken over.
constexpr std::chrono::seconds kGoneAfter{15};
// A conflict is shown until nobody has contradicted for this long.
constexpr std::chrono::seconds kConflictShown{30};

std::string hex(std::string_view bytes) {
    std::string out;
    for (const unsigned char c : bytes) out += fmt::format("{:02x}", c);
    return out;
}

derive::TargetStatus statusOf(const std::string& node, const wire::ScheduledProbe& probe) {
    derive::TargetStatus status;
    status.node = node;
    status.probe = probe.probe;
    status.kind = probe.kind;
    status.role = probe.role;
    status.target = probe.target;
    status.interval = probe.interval;
    status.deadline = probe.deadline;
    return status;
}

}  // namespace

IngestImpl::IngestImpl(IngestOptions options, const Clock& clock, derive::LiveFeed& feed)
    : options_(std::move(options)),
      external_{options_.cluster, options_.name_space},
      clock_(clock),
      started_(clock.monotonicNow()),
      cluster_(clock, feed) {}

AgentEntry* IngestImpl::entryOf(const wire::AgentIdentity& agent) {
    const MutexLock lock(mutex_);
    auto it = agents_.find(agent.id);
    if (it == agents_.end()) {
        if (agents_.size() >= options_.max_agents) return nullptr;
        it = agents_
                 .emplace(agent.id,
                          std::make_unique<AgentEntry>(external_, options_.max_series_per_agent))
                 .first;
    }
    return it->second.get();
}

bool IngestImpl::stillSpeaks(const AgentEntry& entry, MonotonicTime now) const {
    if (entry.record.node.empty()) return false;
    // After a restart of the collector, whoever was known has the first word.
    return now - entry.last_word.value_or(started_) < kGoneAfter;
}

Admission IngestImpl::admit(AgentEntry& entry, const wire::AgentIdentity& agent) {
    Admission out;
    const MutexLock lock(mutex_);
    const auto now = clock_.monotonicNow();
    if (!entry.record.host_id.empty() && entry.record.host_id != agent.host_id &&
        stillSpeaks(entry, now)) {
        out.owner = &entry;
        out.conflict = fmt::format(
            "two hosts speak as agent {} ({} and {}): a machine was cloned with its agent's spool; "
            "remove the spool folder on the copy",
            hex(agent.id), entry.record.node, agent.node);
        return out;
    }
    if (const auto owner = owners_.find(agent.node);
        owner != owners_.end() && owner->second != agent.id) {
        const auto other = agents_.find(owner->second);
        if (other != agents_.end() && stillSpeaks(*other->second, now)) {
            out.owner = other->second.get();
            out.conflict = fmt::format(
                "two agents call their node {} ({} and {}): give one of them "
                "another name",
                agent.node, hex(owner->second), hex(agent.id));
            return out;
        }
        entry.taken_over.push_back(owner->second);
    }
    if (!entry.record.node.empty() && entry.record.node != agent.node) {
        out.left_node = entry.record.node;
        owners_.erase(entry.record.node);
    }
    out.retired = entry.taken_over;
    owners_[agent.node] = agent.id;
    entry.record.id = agent.id;
    entry.record.node = agent.node;
    entry.record.host_id = agent.host_id;
    entry.record.version = agent.version;
    entry.last_word = now;
    if (entry.conflict_at && now - *entry.conflict_at > kConflictShown) {
        entry.conflict_at.reset();
        entry.conflict_text.clear();
    }
    return out;
}

void IngestImpl::hear(AgentEntry& entry, const wire::Report& report) {
    derive::NodeStatus word;
    word.node = report.agent.node;
    word.agent_id = hex(report.agent.id);
    word.version = report.agent.version;
    word.clock_offset_seconds = report.clock_offset_seconds;
    word.spool_batches = report.spool.batches;
    word.spool_bytes = report.spool.bytes;
    word.spool_oldest_ms = report.spool.oldest_ms;
    word.dropped_batches = report.spool.dropped_batches;
    word.dropped_samples = report.spool.dropped_samples;
    {
        const MutexLock lock(mutex_);
        word.conflict = entry.conflict_text;
    }
    if (const auto change = cluster_.heard(word))
        store_->addEvent(nodeEvent(*change, toUnixMs(clock_.wallNow())));
}

void IngestImpl::takeSchedule(AgentEntry& entry, const wire::Report& report, RunPlanner& planner) {
    if (!report.schedule_complete) return;
    std::vector<derive::TargetStatus> targets;
    std::set<std::string> names;
    for (const auto& probe : report.schedule) {
        targets.push_back(statusOf(report.agent.node, probe));
        names.insert(probe.probe);
    }
    cluster_.scheduled(report.agent.node, targets);
    std::vector<std::pair<std::string, ProbeRecord>> removed;
    {
        const MutexLock lock(mutex_);
        entry.pulses.setSchedule(report.schedule, clock_.monotonicNow());
        for (const auto& [name, record] : entry.record.probes)
            if (!names.contains(name)) removed.emplace_back(name, record);
    }
    for (const auto& [name, record] : removed) planner.remove(name, record);
}

void IngestImpl::applyNote(std::string_view bytes, std::vector<SilenceChange>* changes) {
    pb::Note note;
    if (!note.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
        // The journal's checksum held, so this is a newer version's or a mistake of ours.
        spdlog::error("a note in the journal can't be read; its batches may be stored again");
        return;
    }
    const MutexLock lock(mutex_);
    for (const auto& agent : note.agents()) {
        auto& entry = agents_[agent.id()];
        if (!entry) entry = std::make_unique<AgentEntry>(external_, options_.max_series_per_agent);
        entry->record.apply(agent, changes);
        if (!entry->record.node.empty()) owners_[entry->record.node] = agent.id();
        for (const auto& retired : agent.retired()) {
            const auto it = agents_.find(retired);
            if (it == agents_.end()) continue;
            it->second->record = {};
            it->second->pulses = {};
        }
    }
}

Status IngestImpl::restore(std::string_view snapshot) {
    if (!snapshot.empty()) applyNote(snapshot, nullptr);
    return {};
}

void IngestImpl::replayNote(std::string_view note) {
    std::vector<SilenceChange> changes;
    applyNote(note, &changes);
    const MutexLock lock(mutex_);
    replayed_.insert(replayed_.end(), changes.begin(), changes.end());
}

void IngestImpl::committed(std::string_view note) { applyNote(note, nullptr); }

std::string IngestImpl::snapshot() {
    const MutexLock lock(mutex_);
    pb::Note note;
    for (const auto& [id, entry] : agents_)
        if (!entry->record.node.empty()) *note.add_agents() = entry->record.checkpoint();
    return note.SerializeAsString();
}

void IngestImpl::attach(store::Store& store) {
    store_ = &store;
    describeOwnMetrics(store);
    std::vector<SilenceChange> changes;
    std::vector<derive::NodeStatus> known;
    {
        const MutexLock lock(mutex_);
        changes.swap(replayed_);
        for (auto& [id, entry] : agents_) {
            if (entry->record.node.empty()) continue;
            derive::NodeStatus node;
            node.node = entry->record.node;
            node.agent_id = hex(id);
            node.version = entry->record.version;
            for (const auto& [name, probe] : entry->record.probes) {
                const auto run = runOf(probe.newest());
                if (!run) continue;
                wire::ScheduledProbe scheduled{name,        run->kind,     run->role,
                                               run->target, run->interval, {}};
                // Agents send the schedule, and with it the deadlines, when they reconnect.
                scheduled.deadline = derive::assumedDeadline(run->interval);
                entry->pulses.expect(scheduled, started_, derive::kStartGrace);
                auto target = statusOf(node.node, scheduled);
                target.last_run_ms = probe.newest().time_ms;
                target.outcome = run->outcome;
                target.message = run->message;
                target.last_state = derive::worstState(*run);
                target.state_since_ms = probe.newest().state_since_ms;
                target.checks = run->checks;
                target.facts = run->facts;
                node.targets.push_back(std::move(target));
            }
            known.push_back(std::move(node));
        }
    }
    changeSilence(changes);
    for (const auto& node : known) cluster_.restore(node);
}

std::vector<derive::NodeStatus> IngestImpl::nodes() const { return cluster_.nodes(); }

IngestStatistics IngestImpl::statistics() const {
    const MutexLock lock(mutex_);
    IngestStatistics out = statistics_;
    out.agents = owners_.size();
    return out;
}

}  // namespace clusterwatch::ingest
