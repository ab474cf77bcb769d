// The head: samples that are in the journal but not yet in chunks, per series in order of time.
//
// 16 bytes a sample, in one vector a series. Samples mostly arrive in order and are appended; a
// late one is inserted, one at a time that the series already has replaces it.
//
// For each window the head knows from which journal position on its samples came: the journal may
// drop what is before the least of these.
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "collector/query/series_source.h"
#include "collector/store/chunk_row.h"
#include "collector/store/store.h"
#include "common/journal.h"
#include "common/sample.h"
#include "common/thread_annotations.h"

namespace clusterwatch::store {

// The start of the span of this length that holds t; spans are aligned to the Unix epoch.
constexpr std::int64_t spanStart(std::int64_t t_ms, std::int64_t length_ms) {
    const std::int64_t rest = t_ms % length_ms;
    return t_ms - (rest < 0 ? rest + length_ms : rest);
}

// Times beyond this are neither stored nor looked for, so that sums with lengths can't overflow.
inline constexpr std::int64_t kFarthestMs = std::int64_t{1} << 53;

struct WindowInfo {
    std::int64_t start_ms = 0;
    JournalPosition first_position = 0;
};

class Head {
  public:
    explicit Head(std::int64_t window_ms) : window_ms_(window_ms) {}

    // Adds the columns of a record at `position`.
    void add(const std::vector<Column>& columns, JournalPosition position);

    // Appends the series' samples in the range to `out`.
    void read(SeriesId id, query::TimeRange range, std::vector<Sample>& out) const;

    // Windows that hold samples, oldest first.
    std::vector<WindowInfo> windows() const;
    // A copy of the window's samples, by series id.
    std::vector<SeriesSamples> copyWindow(std::int64_t start_ms) const;
    // Drops what was copied, except samples replaced since. `copied_at` is the journal position up
    // to which everything was in the head when the copy was made.
    void drop(std::int64_t start_ms, const std::vector<SeriesSamples>& copied,
              JournalPosition copied_at);

    std::uint64_t samples() const;
    // The journal position before which the head needs nothing; nullopt if it is empty.
    std::optional<JournalPosition> firstNeeded() const;

  private:
    void addOne(SeriesId id, Sample sample) REQUIRES_LOCK(mutex_);

    const std::int64_t window_ms_;
    mutable Mutex mutex_;
    std::vector<std::vector<Sample>> series_ GUARDED_BY(mutex_);  // by id - 1
    std::map<std::int64_t, JournalPosition> windows_ GUARDED_BY(mutex_);
    std::uint64_t samples_ GUARDED_BY(mutex_) = 0;
};

}  // namespace clusterwatch::store
