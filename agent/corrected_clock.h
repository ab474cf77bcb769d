// The agent's wall time, corrected by what the collector says when the agent's clock is wrong.
//
// Every exchange gives one measurement, as in NTP (RFC 5905, section 8): with the agent's times of
// sending (t1) and of the reply (t4) and the collector's of receipt (t2) and reply (t3),
//     offset = ((t2 - t1) + (t3 - t4)) / 2        collector minus agent
//     round trip = (t4 - t1) - (t3 - t2)          the offset's error is at most half of it
// Of the last kWindow measurements the one with the shortest round trip is believed, so a slow exchange
// misleads nobody. If a new one contradicts it by more than both errors allow, a clock has been
// stepped: the older ones are forgotten.
//
// Times stay the agent's own while the offset is within kTolerance; beyond it `now()` is corrected,
// until the offset is within half of it again. Thread-safe.
#pragma once

#include <deque>
#include <optional>

#include "common/clock.h"
#include "common/thread_annotations.h"

namespace clusterwatch::agent {

struct Exchange {
    WallTime sent, answered;     // the agent's clock, uncorrected
    Milliseconds elapsed{0};     // between the two, on the monotonic clock
    WallTime received, replied;  // the collector's clock
};

class CorrectedClock {
  public:
    static constexpr std::size_t kWindow = 8;
    static constexpr Milliseconds kTolerance{1'000};
    // The times are whole milliseconds, so an error of this size is in each measurement.
    static constexpr Milliseconds kResolution{2};

    // REQUIRES: `clock` outlives this.
    explicit CorrectedClock(const Clock& clock) : clock_(clock) {}

    void learn(const Exchange& exchange);

    WallTime now() const;
    // Collector minus agent; absent before the first exchange.
    std::optional<Milliseconds> offset() const;
    bool correcting() const;

  private:
    struct Measurement {
        Milliseconds offset{0};
        Milliseconds round_trip{0};
    };
    const Measurement& best() const REQUIRES_LOCK(mutex_);

    const Clock& clock_;
    mutable Mutex mutex_;
    std::deque<Measurement> window_ GUARDED_BY(mutex_);
    bool correcting_ GUARDED_BY(mutex_) = false;
};

}  // namespace clusterwatch::agent
