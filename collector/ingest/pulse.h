// When each probe was last heard, on the monotonic clock: what `up` and silence are judged by.
// Not durable: after a restart every probe gets the time to report that a new one gets.
// Not thread-safe.
#pragma once

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
    void heard(const ProbeRun& run, MonotonicTime now);
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
        bool silent = false;
    };
    std::map<std::string, Pulse> pulses_;  // by probe
    bool schedule_known_ = false;
};

}  // namespace clusterwatch::ingest
