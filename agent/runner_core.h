// The runner's inside: what the scheduler and the probes' threads share. Seen by runner*.cpp alone.
#pragma once

#include <condition_variable>
#include <map>
#include <optional>

#include "agent/runner.h"
#include "common/thread_annotations.h"

namespace clusterwatch::agent {

class Runner::Core {
  public:
    Core(std::vector<ProbeSettings> probes, const Clock& clock, WallNow wall_now,
         std::string_view seed, Sink sink);

    std::size_t size() const { return slots_.size(); }
    // The thread of one probe: runs it whenever the scheduler says so, until stopped.
    void work(std::size_t index, const std::stop_token& stop) EXCLUDES_LOCK(mutex_);
    void begin() EXCLUDES_LOCK(mutex_);
    MonotonicTime step() EXCLUDES_LOCK(mutex_);
    void schedule(const std::stop_token& stop) EXCLUDES_LOCK(mutex_);
    // Ends scheduling and publishing; the indices of the probes that are not back within `patience`.
    std::vector<std::size_t> end(Milliseconds patience) EXCLUDES_LOCK(mutex_);

    const ProbeSettings& settings(std::size_t index) const { return slots_[index].settings; }
    std::vector<ProbeStatistics> statistics() const EXCLUDES_LOCK(mutex_);
    std::uint64_t lateWakeups() const EXCLUDES_LOCK(mutex_);

  private:
    struct Slot {
        ProbeSettings settings;  // constant; `settings.probe` is used by the probe's thread alone
        Milliseconds phase{0};

        bool due = false;      // the probe's thread is to run it
        bool running = false;  // from being due until the result is there
        bool hung = false;     // running, and reported as timed out
        MonotonicTime started, deadline;
        WallTime wall_started;
        MonotonicTime next_due;
        std::map<std::string, State, std::less<>> previous_states;  // of the last finished run
        std::optional<ProbeRun> last;                               // of a slow probe, to repeat it
        MonotonicTime last_at, next_repeat;
        ProbeStatistics statistics;
    };

    bool slow(const Slot& slot) const { return slot.settings.interval > kRepeatEvery; }
    void stepSlot(Slot& slot, MonotonicTime now) REQUIRES_LOCK(mutex_);
    MonotonicTime nextEvent(const Slot& slot) const REQUIRES_LOCK(mutex_);
    void startRun(Slot& slot, MonotonicTime now) REQUIRES_LOCK(mutex_);
    void forgiveLateness(MonotonicTime now) REQUIRES_LOCK(mutex_);
    void finish(Slot& slot, ProbeRun run) REQUIRES_LOCK(mutex_);
    void publishTimedOut(Slot& slot, MonotonicTime now) REQUIRES_LOCK(mutex_);
    void publish(Slot& slot, ProbeRun run, MonotonicTime now) REQUIRES_LOCK(mutex_);
    void repeatLast(Slot& slot, MonotonicTime now) REQUIRES_LOCK(mutex_);

    // Constant after construction.
    const Clock& clock_;
    const WallNow wall_now_;
    const Sink sink_;

    mutable Mutex mutex_;
    std::condition_variable_any changed_;
    std::vector<Slot> slots_;  // the vector itself is constant; its slots' states are guarded
    bool ended_ GUARDED_BY(mutex_) = false;
    std::optional<MonotonicTime> wanted_ GUARDED_BY(mutex_);  // when the scheduler wanted to wake
    std::uint64_t late_wakeups_ GUARDED_BY(mutex_) = 0;
};

}  // namespace clusterwatch::agent
