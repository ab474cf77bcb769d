#include "collector/store/store.h"

#include <algorithm>
#include <set>

#include "collector/store/store_impl.h"
#include "common/logging.h"

namespace clusterwatch::store {

StoreImpl::StoreImpl(StoreOptions options, FileSystem& fs, const Clock& clock,
                     Participant& participant, DataDirectory directory)
    : options_(std::move(options)),
      fs_(fs),
      clock_(clock),
      participant_(participant),
      directory_(std::move(directory)),
      window_ms_(directory_.window().count()),
      index_(options_.max_series),
      head_(window_ms_),
      partitions_(directory_.chunks(), directory_.partition().count()) {}

StoreImpl::~StoreImpl() {
    thread_.request_stop();
    wake_.notify_all();
}

Result<std::unique_ptr<Store>> Store::open(StoreOptions options, FileSystem& fs, const Clock& clock,
                                           Participant& participant) {
    auto directory = DataDirectory::open(options.data_dir, options.window, options.partition);
    if (!directory) return directory.error();
    auto store = std::make_unique<StoreImpl>(std::move(options), fs, clock, participant,
                                             std::move(*directory));
    if (auto s = store->recover(); !s) return s.error();
    store->startThread();
    return std::unique_ptr<Store>(std::move(store));
}

Result<SeriesId> StoreImpl::seriesId(const Labels& labels, std::string_view group) {
    return index_.findOrAdd(labels, group);
}

void StoreImpl::describe(std::string_view metric, const MetricMetadata& metadata) {
    MutexLock lock(metadata_mutex_);
    auto it = metadata_.find(metric);
    if (it == metadata_.end()) it = metadata_.emplace(std::string(metric), Metadata{}).first;
    if (it->second.what == metadata && it->second.saved) return;
    it->second = {metadata, false};
}

// The columns that may be stored; the others are counted.
std::vector<Column> StoreImpl::accept(const WriteBatch& batch, CommitResult& result) const {
    const std::int64_t now = toUnixMs(clock_.wallNow());
    std::int64_t oldest = -kFarthestMs;
    for (const Milliseconds limit : {options_.retention, options_.max_sample_age})
        if (limit.count() > 0) oldest = std::max(oldest, now - limit.count());
    const std::int64_t newest = options_.max_sample_future.count() > 0
                                    ? now + options_.max_sample_future.count()
                                    : kFarthestMs;
    std::vector<Column> out;
    for (const auto& column : batch.columns) {
        CHECK(column.series.size() == column.values.size());
        if (column.t_ms < oldest)
            result.too_old += column.series.size();
        else if (column.t_ms > newest)
            result.too_far_ahead += column.series.size();
        else
            out.push_back(column);
    }
    for (const auto& column : out) result.stored += column.series.size();
    return out;
}

std::vector<SeriesDefinition> StoreImpl::define(const std::vector<SeriesId>& ids) const {
    std::vector<SeriesDefinition> out;
    out.reserve(ids.size());
    for (const SeriesId id : ids) {
        const GroupId group = index_.group(id);
        out.push_back({id, group, index_.groupName(group), index_.labels(id)});
    }
    return out;
}

Result<CommitResult> StoreImpl::commit(const WriteBatch& batch) {
    CommitResult result;
    CommitRecord record;
    record.columns = accept(batch, result);
    record.note = batch.note;
    if (record.columns.empty() && record.note.empty()) return result;
    const std::vector<SeriesId> undefined = progress_.undefined(record.columns);
    record.definitions = define(undefined);

    CommitGate::Pass pass(gate_);
    auto events = events_.takeForRecord();
    record.events = events.events;
    const auto end = journal_->append(kCommitRecord, encodeRecord(record));
    events_.recordDone(events, end.ok());
    if (!end) {
        commitFailed(end.error());
        return end.error();
    }
    result.position = *end;
    progress_.setDurable(undefined);
    // Any position inside the record serves: the journal keeps or drops it whole.
    head_.add(record.columns, *end - 1);
    progress_.addSamples(record.columns);
    participant_.committed(record.note);
    countLate(record.columns);
    MutexLock lock(health_mutex_);
    commit_problem_.clear();
    return result;
}

void StoreImpl::countLate(const std::vector<Column>& columns) {
    const std::int64_t due = toUnixMs(clock_.wallNow()) - window_ms_ - options_.seal_delay.count();
    std::uint64_t late = 0;
    for (const auto& column : columns)
        if (spanStart(column.t_ms, window_ms_) <= due) late += column.series.size();
    if (late == 0 || (late_samples_ += late) < kLateSamplesWake) return;
    MutexLock lock(thread_mutex_);  // so that the thread is not between its look and its wait
    wake_.notify_all();
}

void StoreImpl::commitFailed(const Error& error) {
    MutexLock lock(health_mutex_);
    if (commit_problem_.empty()) spdlog::error("nothing can be stored: {}", error.message());
    commit_problem_ = error.message();
}

void StoreImpl::markSilent(std::string_view group, std::int64_t t_ms) {
    silence_.add(index_.findOrAddGroup(group), t_ms);
}

void StoreImpl::retractSilence(std::string_view group, std::int64_t from_ms, std::int64_t to_ms) {
    silence_.remove(index_.findOrAddGroup(group), {from_ms, to_ms});
}

Result<std::vector<Event>> StoreImpl::events(query::TimeRange range,
                                             std::string_view subject_prefix,
                                             std::size_t limit) const {
    // Waiting ones first: one that a checkpoint moves meanwhile is then seen twice, not missed.
    std::vector<Event> out = events_.matching(range, subject_prefix);
    const std::size_t waiting = out.size();
    MutexLock lock(catalogue_mutex_);
    auto stored = catalogue_->events(range, subject_prefix, limit);
    if (!stored) return stored.error().context("reading events");
    out.insert(out.end(), stored->begin(), stored->end());
    std::inplace_merge(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(waiting), out.end(),
                       [](const Event& a, const Event& b) { return a.t_ms > b.t_ms; });
    if (out.size() > limit) out.resize(limit);
    return out;
}

StoreStatistics StoreImpl::statistics() const {
    StoreStatistics out;
    out.series = index_.size();
    out.head_samples = head_.samples();
    const PartitionSize chunks = partitions_.size();
    out.chunk_rows = chunks.rows;
    out.chunk_bytes = chunks.bytes;
    out.journal_bytes = journal_->bytes();
    out.journal_damage = journal_->damage();
    out.damaged_chunks = partitions_.damaged();
    out.unattributed_samples = unattributed_samples_;
    const auto partitions = partitions_.all();
    const auto windows = head_.windows();
    if (!windows.empty()) out.oldest_ms = windows.front().start_ms;
    if (!partitions.empty() && (windows.empty() || partitions.front()->start() < out.oldest_ms))
        out.oldest_ms = partitions.front()->start();
    MutexLock lock(health_mutex_);
    out.unhealthy_reason = commit_problem_.empty() ? maintenance_problem_ : commit_problem_;
    out.healthy = out.unhealthy_reason.empty();
    return out;
}

std::vector<SeriesId> StoreImpl::selectIds(std::span<const query::Matcher> matchers,
                                           query::TimeRange range) const {
    return progress_.within(index_.select(matchers), range);
}

Result<std::vector<Labels>> StoreImpl::series(std::span<const query::Matcher> matchers,
                                              query::TimeRange range) const {
    std::vector<Labels> out;
    for (const SeriesId id : selectIds(matchers, range)) out.push_back(index_.labels(id));
    std::sort(out.begin(), out.end());
    return out;
}

Result<std::vector<std::string>> StoreImpl::labelNames(std::span<const query::Matcher> matchers,
                                                       query::TimeRange range) const {
    std::set<std::string> names;
    for (const SeriesId id : selectIds(matchers, range))
        for (const auto& [name, value] : index_.labels(id).pairs()) names.insert(name);
    return std::vector<std::string>(names.begin(), names.end());
}

Result<std::vector<std::string>> StoreImpl::labelValues(const std::string& name,
                                                        std::span<const query::Matcher> matchers,
                                                        query::TimeRange range) const {
    std::set<std::string> values;
    for (const SeriesId id : selectIds(matchers, range))
        if (const auto value = index_.labels(id).get(name); !value.empty()) values.emplace(value);
    return std::vector<std::string>(values.begin(), values.end());
}

std::vector<std::pair<std::string, MetricMetadata>> StoreImpl::metadata(const std::string& metric,
                                                                        std::size_t limit) const {
    MutexLock lock(metadata_mutex_);
    std::vector<std::pair<std::string, MetricMetadata>> out;
    for (const auto& [name, metadata] : metadata_) {
        if (out.size() >= limit) break;
        if (metric.empty() || name == metric) out.emplace_back(name, metadata.what);
    }
    return out;
}

}  // namespace clusterwatch::store
