// Takes the runs off the probes' threads, puts each into the spool (which syncs) and hands it to the
// senders. So a slow disk delays neither a probe nor the schedule.
//
// The queue is bounded (kQueuedRuns); when the disk can't follow, the oldest run is dropped and counted.
//
// Thread-safe.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <thread>

#include "agent/spool.h"
#include "common/thread_annotations.h"

namespace clusterwatch::agent {

inline constexpr std::size_t kQueuedRuns = 128;
inline constexpr Milliseconds kLimitsEvery{10'000};  // how often the spool's age is looked at

class SpoolWriter {
  public:
    using Deliver = std::function<void(const BatchPointer&)>;

    // REQUIRES: `spool` and what `deliver` uses outlive the writer.
    SpoolWriter(Spool& spool, Deliver deliver) : spool_(spool), deliver_(std::move(deliver)) {}
    ~SpoolWriter() { stop(); }

    void start();
    // Writes what is queued, then ends.
    void stop();
    // Does not block.
    void put(ProbeRun run);

  private:
    void work(const std::stop_token& stop);

    Spool& spool_;
    const Deliver deliver_;
    Mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<ProbeRun> queue_ GUARDED_BY(mutex_);
    std::vector<std::size_t> lost_samples_ GUARDED_BY(mutex_);  // of runs dropped, not counted yet
    std::jthread thread_;
};

}  // namespace clusterwatch::agent
