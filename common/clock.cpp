#include "common/clock.h"

namespace clusterwatch {

WallTime SystemClock::wallNow() const {
    return std::chrono::floor<Milliseconds>(std::chrono::system_clock::now());
}

MonotonicTime SystemClock::monotonicNow() const { return std::chrono::steady_clock::now(); }

WallTime ManualClock::wallNow() const {
    std::lock_guard lock(mutex_);
    return wall_;
}

MonotonicTime ManualClock::monotonicNow() const {
    std::lock_guard lock(mutex_);
    return monotonic_;
}

void ManualClock::advance(Milliseconds by) {
    std::lock_guard lock(mutex_);
    wall_ += by;
    monotonic_ += by;
}

void ManualClock::stepWall(Milliseconds by) {
    std::lock_guard lock(mutex_);
    wall_ += by;
}

bool sleepUntil(MonotonicTime deadline, std::stop_token stop) {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    wake.wait_until(lock, stop, deadline, [] { return false; });
    return !stop.stop_requested();
}

}  // namespace clusterwatch
