// Events on their way to the catalogue. Each goes out with the next commit's journal record, or
// with the next checkpoint, whichever comes first, and leaves when a checkpoint has stored it.
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <string_view>
#include <vector>

#include "collector/query/series_source.h"
#include "collector/store/store.h"
#include "common/thread_annotations.h"

namespace clusterwatch::store {

class EventLog {
  public:
    // While the disk is full, no more than this many wait; the oldest go.
    static constexpr std::size_t kMostWaiting = 10'000;

    struct Taken {
        std::vector<std::uint64_t> numbers;
        std::vector<Event> events;
    };

    void add(Event event);
    // From a journal record that no checkpoint covers.
    void replay(std::vector<Event> events);

    // For a commit's record: events that no record carries yet.
    Taken takeForRecord();
    void recordDone(const Taken& taken, bool stored);

    // For a checkpoint: all. REQUIRES: no commit is under way.
    Taken takeForCheckpoint();
    void checkpointDone(const Taken& taken, bool stored);

    // Those still waiting that match, newest first.
    std::vector<Event> matching(query::TimeRange range, std::string_view subject_prefix) const;

  private:
    enum class Stage { kNew, kInRecord, kJournaled, kInCheckpoint };
    struct Waiting {
        std::uint64_t number;
        Stage stage;
        Event event;
    };

    void push(Event event, Stage stage) REQUIRES_LOCK(mutex_);
    void move(const Taken& taken, Stage from, Stage to) REQUIRES_LOCK(mutex_);

    mutable Mutex mutex_;
    std::deque<Waiting> waiting_ GUARDED_BY(mutex_);  // by number
    std::uint64_t next_number_ GUARDED_BY(mutex_) = 1;
};

}  // namespace clusterwatch::store
