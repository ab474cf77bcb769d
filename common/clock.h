// Time, through a seam, so that a test can hold it still.
//
// Wall time (UTC, for time stamps) and monotonic time (for deadlines, intervals and `for`) are
// different types and do not mix. Inside the program both are std::chrono; integers named `..._ms`
// exist only on the wire and on disk.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stop_token>

namespace clusterwatch {

using Milliseconds = std::chrono::milliseconds;
using WallTime = std::chrono::sys_time<Milliseconds>;
using MonotonicTime = std::chrono::steady_clock::time_point;

constexpr std::int64_t toUnixMs(WallTime t) { return t.time_since_epoch().count(); }
constexpr WallTime fromUnixMs(std::int64_t ms) { return WallTime{Milliseconds{ms}}; }

// Thread-safe.
class Clock {
  public:
    virtual ~Clock() = default;
    virtual WallTime wallNow() const = 0;
    virtual MonotonicTime monotonicNow() const = 0;
};

class SystemClock final : public Clock {
  public:
    WallTime wallNow() const override;
    MonotonicTime monotonicNow() const override;
};

// A clock that moves only when told to. Thread-safe.
class ManualClock final : public Clock {
  public:
    explicit ManualClock(WallTime start)
        : wall_(start), monotonic_(MonotonicTime{} + std::chrono::hours(1)) {}

    WallTime wallNow() const override;
    MonotonicTime monotonicNow() const override;
    // Moves both clocks forward.
    void advance(Milliseconds by);
    // Moves the wall clock alone, as an NTP step does.
    void stepWall(Milliseconds by);

  private:
    mutable std::mutex mutex_;
    WallTime wall_;
    MonotonicTime monotonic_;
};

// Waits on the real monotonic clock until `deadline` or until a stop is requested.
// Returns false if it was stopped.
bool sleepUntil(MonotonicTime deadline, std::stop_token stop);

}  // namespace clusterwatch
