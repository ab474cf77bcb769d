// Checkpoint, seal, retention. store_impl.h says why their order is what it is.
#include <algorithm>

#include "collector/store/store_impl.h"
#include "common/logging.h"

namespace clusterwatch::store {

namespace {

// A row larger than a few hundred series gains nothing and makes reading one of them slower.
constexpr std::size_t kSeriesPerRow = 256;
// Retention waits while the newest sample is older than this: the clock or the agents are wrong.
constexpr std::int64_t kRetentionWaitsMs = std::int64_t{24} * 3'600'000;

}  // namespace

void StoreImpl::startThread() {
    if (options_.maintain_interval.count() <= 0) return;
    thread_ = std::jthread([this](std::stop_token stop) { run(stop); });
}

void StoreImpl::run(std::stop_token stop) {
    while (!stop.stop_requested()) {
        {
            MutexLock lock(thread_mutex_);
            wake_.wait_for(lock, stop, options_.maintain_interval,
                           [&] { return late_samples_ >= kLateSamplesWake; });
        }
        // Its failure is in statistics(), and the next round tries again.
        if (!stop.stop_requested()) (void)maintain().ok();
    }
}

Status StoreImpl::maintainUntil(std::int64_t now_ms) {
    MutexLock lock(maintain_mutex_);
    late_samples_ = 0;
    // Each step is tried, whatever became of the others: on a full disk it is the last ones that
    // help.
    Status status;
    const auto note = [&](Status done) {
        if (status && !done) status = std::move(done);
    };
    note(checkpoint());
    const auto sealed = sealDue(now_ms);
    if (!sealed) note(sealed.error());
    // Extents of what was sealed must be in the catalogue before the journal lets go of the
    // samples.
    if (!sealed || *sealed > 0) note(checkpoint());
    if (status) note(trimJournal());
    note(dropExpired());
    MutexLock health(health_mutex_);
    if (!status && maintenance_problem_.empty())
        spdlog::error("maintenance of the store failed: {}", status.error().message());
    maintenance_problem_ = status ? "" : status.error().message();
    return status;
}

Status StoreImpl::checkpoint() {
    Checkpoint next;
    EventLog::Taken events;
    gate_.quiesce([&] {
        next.position = journal_->end();
        next.snapshot = participant_.snapshot();
        events = events_.takeForCheckpoint();
    });
    next.events = events.events;
    retention_clock_->advance(clock_.wallNow(), clock_.monotonicNow());
    next.retention_clock_ms = retention_clock_->value();
    next.events_from_ms = retentionStart();
    next.silence = silence_.takeFrom(retentionStart());

    const SeriesId last_series = index_.size();
    const GroupId last_group = index_.groupCount();
    for (GroupId id = groups_saved_ + 1; id <= last_group; ++id)
        next.groups.emplace_back(id, index_.groupName(id));
    const auto unsaved = progress_.unsaved(last_series);
    for (const SeriesId id : unsaved)
        if (index_.known(id))
            next.series.push_back({id, index_.group(id), index_.labels(id), progress_.extent(id)});
    {
        MutexLock lock(metadata_mutex_);
        for (const auto& [metric, metadata] : metadata_)
            if (!metadata.saved) next.metadata.emplace_back(metric, metadata.what);
    }

    Status saved;
    {
        MutexLock lock(catalogue_mutex_);
        saved = catalogue_->save(next);
        events_.checkpointDone(events, saved.ok());
    }
    if (!saved) return saved.error().context("saving a checkpoint");
    checkpoint_position_ = next.position;
    groups_saved_ = last_group;
    progress_.setSaved(unsaved);
    MutexLock lock(metadata_mutex_);
    for (const auto& [metric, what] : next.metadata) {
        auto& known = metadata_[metric];
        known.saved = known.what == what;
    }
    return {};
}

Result<std::size_t> StoreImpl::sealDue(std::int64_t now_ms) {
    std::size_t sealed = 0;
    for (const auto& window : head_.windows()) {
        const std::int64_t due = window.start_ms + window_ms_ + options_.seal_delay.count();
        if (due > now_ms) break;
        if (auto s = sealWindow(window.start_ms); !s) return s.error();
        ++sealed;
    }
    return sealed;
}

Status StoreImpl::sealWindow(std::int64_t start_ms) {
    const auto samples = head_.copyWindow(start_ms);
    if (!samples.empty()) {
        auto partition = partitions_.forTime(start_ms);
        if (!partition) return partition.error().context("opening a partition");
        const Status sealed =
            (*partition)->seal(start_ms, checkpoint_position_, encodeRows(start_ms, samples));
        if (!sealed) return sealed;
        progress_.setSealed(samples);
    }
    head_.drop(start_ms, samples, checkpoint_position_);
    return {};
}

std::vector<NewRow> StoreImpl::encodeRows(std::int64_t start_ms,
                                          const std::vector<SeriesSamples>& samples) const {
    std::map<GroupId, std::vector<SeriesSamples>> groups;
    std::vector<NewRow> rows;
    const auto flush = [&](GroupId group, std::vector<SeriesSamples>& members) {
        NewRow row{group, 0, encodeChunkRow(group, start_ms, members)};
        for (const auto& one : members) row.samples += one.samples.size();
        rows.push_back(std::move(row));
        members.clear();
    };
    for (const auto& one : samples) {
        const GroupId group = index_.group(one.id);
        auto& members = groups[group];
        members.push_back(one);
        if (members.size() >= kSeriesPerRow) flush(group, members);
    }
    for (auto& [group, members] : groups)
        if (!members.empty()) flush(group, members);
    return rows;
}

Status StoreImpl::trimJournal() {
    JournalPosition needed = checkpoint_position_;
    if (const auto first = head_.firstNeeded()) needed = std::min(needed, *first);
    return journal_->removeBefore(needed);
}

// The time before which retention keeps nothing; far in the past if it keeps everything.
std::int64_t StoreImpl::retentionStart() const {
    if (options_.retention.count() <= 0) return -kFarthestMs;
    return retention_clock_->value() - options_.retention.count();
}

Status StoreImpl::dropExpired() {
    if (options_.retention.count() <= 0) return {};
    const std::int64_t newest = progress_.newest();
    if (newest < retention_clock_->value() - kRetentionWaitsMs) return {};
    return partitions_.removeBefore(retentionStart());
}

}  // namespace clusterwatch::store
