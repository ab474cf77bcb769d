// The runner: gives each probe its schedule, its thread and a hard deadline.
//
// One scheduler decides, one thread a probe works. The first runs come within a second of the start,
// one after the other, so that a person sees data at once; from then on each probe runs on a fixed
// monotonic grid, whose phase follows from the agent's id and the probe's name, so that a hundred
// agents started together do not report together. A probe never runs twice at once.
//
// A probe that is not back at its deadline gets a run with the outcome "timed out" published for it
// then, and another one at each interval while it still hangs; its late result is dropped and counted.
// Meanwhile its checks are unknown: nobody can see. It delays no other probe.
//
// A probe whose interval is longer than kRepeatEvery has its last result published again that often,
// beside its age, so that a query does not find its series gone between two runs. Its own results are
// stamped with the end of the run, not the start, so that they are newer than the repeats before them.
//
// Rejected: a pool of threads shared by the probes (two hung services of collectd's five threads, and
// everything is late); killing a hung thread (its locks stay locked).
//
// Thread-safe.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "agent/settings.h"
#include "common/clock.h"
#include "common/probe_run.h"
#include "proto/wire.h"

namespace clusterwatch::agent {

inline constexpr Milliseconds kFirstRunsWithin{1'000};
inline constexpr Milliseconds kRepeatEvery{60'000};
inline constexpr Milliseconds kLateWakeup{1'000};

// What the runner has seen of one probe, for the agent's own metrics.
struct ProbeStatistics {
    std::string probe;
    std::array<std::uint64_t, kOutcomeCount> runs{};  // published, by outcome
    std::uint64_t started = 0;                        // including those that never came back
    std::uint64_t late_results = 0;                   // dropped, their deadline had passed
    std::uint64_t cut_samples = 0, cut_texts = 0;     // over a limit
    Milliseconds last_duration{0};
    bool running = false;
    bool hung = false;  // running, and past its deadline
};

class Runner {
  public:
    // Takes each published run; called from the runner's threads, possibly several at once, and must
    // not block.
    using Sink = std::function<void(ProbeRun)>;
    // The agent's wall time, corrected where its clock is wrong.
    using WallNow = std::function<WallTime()>;

    // `seed` shifts the grids (the agent's id). REQUIRES: `clock` outlives the process's threads,
    // since a hung probe's thread can't be ended and still holds it.
    Runner(std::vector<ProbeSettings> probes, const Clock& clock, WallNow wall_now,
           std::string_view seed, Sink sink);
    ~Runner();

    // Starts the probes' threads, and the scheduler's unless a test calls step() itself.
    void start(bool own_scheduler = true);
    // One pass of the scheduler: starts what is due, publishes what is overdue. Returns when it wants
    // to be called next.
    MonotonicTime step();
    // Starts no more runs, tells the running ones to return and waits for them at most `patience`.
    // Threads that still hang are left behind: the process is to end by _exit. Returns their names.
    std::vector<std::string> stop(Milliseconds patience);

    std::vector<wire::ScheduledProbe> schedule() const;
    std::vector<ProbeStatistics> statistics() const;

    // How often the scheduler woke late by more than kLateWakeup: the machine was starved or stopped.
    std::uint64_t lateWakeups() const;

  private:
    class Core;
    // Shared with the probes' threads, because a hung one outlives the runner.
    const std::shared_ptr<Core> core_;
    std::vector<std::jthread> threads_;  // one a probe, in the order of the configuration
    std::jthread scheduler_;
};

}  // namespace clusterwatch::agent
