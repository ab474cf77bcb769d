// The time by which retention judges. It never runs ahead of the wall clock and catches up with it
// at twice the speed of the monotonic clock, so a wall clock that jumps years ahead deletes
// nothing, and a collector that was off for a week deletes that week's share over the next one.
//
// Not thread-safe: maintenance alone uses it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "common/clock.h"

namespace clusterwatch::store {

class RetentionClock {
  public:
    // A machine without a clock of its own starts in 1970; nothing is believed before 2024.
    static constexpr std::int64_t kEarliestMs = 1'704'067'200'000;

    // `stored_ms`: as value() was at the last checkpoint; 0 at the first start.
    RetentionClock(std::int64_t stored_ms, MonotonicTime now) : value_ms_(stored_ms), last_(now) {}

    void advance(WallTime wall, MonotonicTime now) {
        const std::int64_t wall_ms = toUnixMs(wall);
        const auto passed = std::chrono::duration_cast<Milliseconds>(now - last_).count();
        last_ = now;
        if (value_ms_ < kEarliestMs)
            value_ms_ = wall_ms;
        else
            value_ms_ = std::min(wall_ms, value_ms_ + 2 * passed);
    }

    std::int64_t value() const { return value_ms_; }

  private:
    std::int64_t value_ms_;
    MonotonicTime last_;
};

}  // namespace clusterwatch::store
