// What time alone brings: runs that are missed, targets and agents that fall silent.
#include <fmt/format.h>

#include "collector/ingest/ingest_impl.h"
#include "collector/ingest/state_events.h"
#include "common/logging.h"

namespace clusterwatch::ingest {

namespace {

// A tick that comes this late means that the collector itself stood still (stopped, or its machine
// asleep): nobody can be blamed for what was not heard meanwhile.
constexpr std::chrono::seconds kPause{5};

RateLimitedLog tick_log;

}  // namespace

void IngestImpl::tick() {
    CHECK(store_ != nullptr);
    for (const auto& change : cluster_.tick())
        store_->addEvent(nodeEvent(change, toUnixMs(clock_.wallNow())));
    const auto misses = collectMisses();
    if (!misses.empty()) writeMisses(misses);
}

std::vector<IngestImpl::Misses> IngestImpl::collectMisses() {
    std::vector<Misses> out;
    const MutexLock lock(mutex_);
    const auto now = clock_.monotonicNow();
    const bool paused = last_tick_ && now - *last_tick_ > kPause;
    last_tick_ = now;
    for (auto& [id, entry] : agents_) {
        if (paused) entry->pulses.startAgain(now, derive::kStartGrace);
        auto missed = entry->pulses.missed(now);
        if (!missed.targets.empty() && !entry->record.node.empty())
            out.push_back({id, entry->record.node, std::move(missed)});
    }
    return out;
}

void IngestImpl::writeMisses(const std::vector<Misses>& misses) {
    const auto now_ms = toUnixMs(clock_.wallNow());
    store::WriteBatch write;
    pb::Note note;
    std::vector<SilenceChange> changes;
    for (const auto& [agent, node, missed] : misses) {
        for (const auto& target : missed.targets) {
            const auto id = store_->seriesId(identify({}, "up", target, node, external_),
                                             targetGroup(node, target));
            if (id) write.columns.push_back({now_ms, {*id}, {0}});
        }
        if (missed.silent.empty()) continue;
        auto* of_agent = note.add_agents();
        of_agent->set_id(agent);
        for (const auto& silent : missed.silent) {
            auto* mark = of_agent->add_silences();
            mark->set_probe(silent.probe);
            mark->set_time_ms(now_ms);
            changes.push_back({node, silent.probe, silent.target, now_ms, now_ms, true});
        }
    }
    // Before the commit, as for a report: the note does it again if the program ends in between.
    changeSilence(changes);
    if (note.agents_size() > 0) write.note = note.SerializeAsString();
    const auto columns = write.columns.size();
    const auto committed = store_->commit(write);
    if (!committed) {
        tick_log.warn(
            fmt::format("`up` of missed runs was not stored: {}", committed.error().message()));
        return;
    }
    count([&](auto& s) { s.missed_runs += columns; });
}

void IngestImpl::changeSilence(const std::vector<SilenceChange>& changes) {
    for (const auto& change : changes) {
        const std::string group = probeGroup(change.node, change.target, change.probe);
        if (change.silent)
            store_->markSilent(group, change.from_ms);
        else
            store_->retractSilence(group, change.from_ms, change.to_ms);
    }
}

}  // namespace clusterwatch::ingest
