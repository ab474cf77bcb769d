// When each probe was last heard, on the monotonic clock, and up to which of its intervals `up` has
// been written: what `up` and silence are judged by. Each interval gets a 1 or a 0, and only one of
// them, whichever lane brings its run: a run that comes after its interval was called missed is
// history, and an interval that a newer run has passed over was missed.
// Not durable: after a restart every probe gets the time to report that a new one gets.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "collector/derive/cluster_state.h"
#include "common/clock.h"
#include "common/probe_run.h"
#include "proto/wire.h"

namespace clusterwatch::ingest {

class Pulses {
  public:
    static constexpr int kSilentIntervals = 3;

    // A probe that is expected; it has `grace` more than usual for its first run.
    void expect(const wire::ScheduledProbe& probe, MonotonicTime now, Milliseconds grace);
    // The whole schedule: what is not in it is expected no more.
    void setSchedule(const std::vector<wire::ScheduledProbe>& schedule, MonotonicTime now);
    // Before a schedule is known, whatever reports is expected to go on.
    bool expects(const std::string& probe) const {
        return !schedule_known_ || pulses_.contains(probe);
    }
    // Whether the run's interval has neither its 1 nor its 0 yet.
    bool awaits(const ProbeRun& run) const;
    // A run that was awaited. Returns the times of the runs that it passed over, rising.
    std::vector<std::int64_t> heard(const ProbeRun& run, MonotonicTime now);
    // After a pause of the collector itself nothing was missed: everybody starts anew.
    void startAgain(MonotonicTime now, Milliseconds grace);

    // Whether every probe of the target but `probe` is in time: `up` of the target at a run of `probe`.
    bool othersInTime(const Target& target, const std::string& probe, MonotonicTime now) const;

    struct Missed {
        std::vector<Target> targets;  // `up` is 0; each once
        struct Silent {
            std::string probe;
            Target target;
        };
        std::vector<Silent> silent;  // have just been silent for three intervals
    };
    // Intervals that have been missed since the last call.
    Missed missed(MonotonicTime now);

  private:
    struct Pulse {
        Target target;
        Milliseconds interval{0}, deadline{0};
        MonotonicTime since;  // receipt of the last run, or when it was first expected
        MonotonicTime next_miss;
        std::int64_t accounted_ms =
            0;  // time of the last run, or of the last one missed; 0: none yet
        bool silent = false;
    };
    std::map<std::string, Pulse> pulses_;  // by probe
    bool schedule_known_ = false;
};

}  // namespace clusterwatch::ingest
