// The store's parts put together. Each part is thread-safe by itself; what this class adds is the
// order in which they are used. It is spread over store.cpp (open, commit, small reads),
// replay.cpp, maintenance.cpp (checkpoint, seal, retention) and series_reader.cpp (select).
//
// Why nothing is lost or doubled, in one place:
//  - A commit appends one record, then applies it to the head and calls committed(), all inside a
//    Pass of the gate. A checkpoint at position P is taken with the gate shut: every record before
//    P has had all its effects, none after P has had any.
//  - A window is sealed after a checkpoint, from a copy of the head made after it, with that
//    checkpoint's P as its covered position, in one transaction. Replay puts a sample into the head
//    only if its record is not before the covered position of its window. A sample that is in both
//    is the same sample, and readers merge by time.
//  - Covered positions never exceed the checkpoint's. So a record whose append failed but which
//    survived on the disk can't come back as a note whose samples are taken for sealed.
//  - The journal drops a segment when a checkpoint covers it and the head needs nothing of it.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "collector/store/catalogue.h"
#include "collector/store/commit_gate.h"
#include "collector/store/data_directory.h"
#include "collector/store/event_log.h"
#include "collector/store/head.h"
#include "collector/store/journal_record.h"
#include "collector/store/partition_set.h"
#include "collector/store/retention_clock.h"
#include "collector/store/series_index.h"
#include "collector/store/series_progress.h"
#include "collector/store/silence_marks.h"
#include "collector/store/store.h"

namespace clusterwatch::store {

class StoreImpl final : public Store {
  public:
    StoreImpl(StoreOptions options, FileSystem& fs, const Clock& clock, Participant& participant,
              DataDirectory directory);
    ~StoreImpl() override;

    // REQUIRES: called once, before the store is shared.
    Status recover();
    void startThread();

    Result<SeriesId> seriesId(const Labels& labels, std::string_view group) override;
    Labels labelsOf(SeriesId id) const override { return index_.labels(id); }
    void describe(std::string_view metric, const MetricMetadata& metadata) override;
    Result<CommitResult> commit(const WriteBatch& batch) override;
    void markSilent(std::string_view group, std::int64_t t_ms) override;
    void retractSilence(std::string_view group, std::int64_t from_ms, std::int64_t to_ms) override;
    void addEvent(Event event) override { events_.add(std::move(event)); }
    Result<std::vector<Event>> events(query::TimeRange range, std::string_view subject_prefix,
                                      std::size_t limit) const override;
    Status maintain() override { return maintainUntil(toUnixMs(clock_.wallNow())); }
    Status sealAll() override { return maintainUntil(INT64_MAX); }
    StoreStatistics statistics() const override;

    Result<std::vector<std::unique_ptr<query::SelectedSeries>>> select(
        std::span<const query::Matcher> matchers, query::TimeRange range,
        const query::CancelFlag* cancel) const override;
    Result<std::vector<Labels>> series(std::span<const query::Matcher> matchers,
                                       query::TimeRange range) const override;
    Result<std::vector<std::string>> labelNames(std::span<const query::Matcher> matchers,
                                                query::TimeRange range) const override;
    Result<std::vector<std::string>> labelValues(const std::string& name,
                                                 std::span<const query::Matcher> matchers,
                                                 query::TimeRange range) const override;
    std::vector<std::pair<std::string, MetricMetadata>> metadata(const std::string& metric,
                                                                 std::size_t limit) const override;

  private:
    // So many samples of windows that are due wake the maintenance before its time: a back-fill
    // must not pile up in memory.
    static constexpr std::uint64_t kLateSamplesWake = 1'000'000;

    struct Metadata {
        MetricMetadata what;
        bool saved = false;
    };
    // What recover() needs while it replays.
    struct Replay;

    // replay.cpp
    void restoreCatalogue(const Checkpoint& checkpoint);
    Status replayJournal();
    void replayRecord(const JournalRecord& record, Replay& replay);
    std::vector<Column> notYetSealed(std::vector<Column> columns, JournalPosition position,
                                     Replay& replay) const;

    // store.cpp
    std::vector<Column> accept(const WriteBatch& batch, CommitResult& result) const;
    std::vector<SeriesDefinition> define(const std::vector<SeriesId>& ids) const;
    void commitFailed(const Error& error);
    void countLate(const std::vector<Column>& columns);
    std::vector<SeriesId> selectIds(std::span<const query::Matcher> matchers,
                                    query::TimeRange range) const;

    // maintenance.cpp
    Status maintainUntil(std::int64_t now_ms) EXCLUDES_LOCK(maintain_mutex_);
    Status checkpoint() REQUIRES_LOCK(maintain_mutex_);
    Result<std::size_t> sealDue(std::int64_t now_ms) REQUIRES_LOCK(maintain_mutex_);
    Status sealWindow(std::int64_t start_ms) REQUIRES_LOCK(maintain_mutex_);
    std::vector<NewRow> encodeRows(std::int64_t start_ms,
                                   const std::vector<SeriesSamples>& samples) const;
    Status trimJournal() REQUIRES_LOCK(maintain_mutex_);
    Status dropExpired() REQUIRES_LOCK(maintain_mutex_);
    std::int64_t retentionStart() const REQUIRES_LOCK(maintain_mutex_);
    void run(std::stop_token stop);

    const StoreOptions options_;
    FileSystem& fs_;
    const Clock& clock_;
    Participant& participant_;
    const DataDirectory directory_;
    const std::int64_t window_ms_;

    std::unique_ptr<Journal> journal_;  // constant after recover()
    SeriesIndex index_;
    SeriesProgress progress_;
    Head head_;
    mutable PartitionSet partitions_;
    CommitGate gate_;
    EventLog events_;
    SilenceMarks silence_;

    Mutex maintain_mutex_;  // one maintenance at a time; taken before all other mutexes
    JournalPosition checkpoint_position_ GUARDED_BY(maintain_mutex_) = 0;
    GroupId groups_saved_ GUARDED_BY(maintain_mutex_) = 0;
    std::optional<RetentionClock> retention_clock_ GUARDED_BY(maintain_mutex_);

    mutable Mutex catalogue_mutex_;
    mutable std::optional<Catalogue> catalogue_ GUARDED_BY(catalogue_mutex_);

    mutable Mutex metadata_mutex_;
    std::map<std::string, Metadata, std::less<>> metadata_ GUARDED_BY(metadata_mutex_);

    mutable Mutex health_mutex_;
    std::string commit_problem_ GUARDED_BY(health_mutex_);
    std::string maintenance_problem_ GUARDED_BY(health_mutex_);
    std::atomic<std::uint64_t> unattributed_samples_{0};

    std::atomic<std::uint64_t> late_samples_{0};  // since the last maintenance

    Mutex thread_mutex_;
    std::condition_variable_any wake_;
    std::jthread thread_;  // last: stopped before anything it uses goes
};

}  // namespace clusterwatch::store
