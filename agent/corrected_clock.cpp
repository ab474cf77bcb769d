#include "agent/corrected_clock.h"

#include <algorithm>

#include <spdlog/spdlog.h>

#include "common/text.h"

namespace clusterwatch::agent {

void CorrectedClock::learn(const Exchange& e) {
    // The agent's clock was stepped in between: the measurement means nothing.
    const auto wall_elapsed = e.answered - e.sent;
    if (wall_elapsed - e.elapsed > Milliseconds{50} || e.elapsed - wall_elapsed > Milliseconds{50})
        return;
    const auto round_trip = e.elapsed - (e.replied - e.received);
    if (e.replied < e.received || round_trip < -kResolution) return;
    const Measurement fresh{((e.received - e.sent) + (e.replied - e.answered)) / 2,
                            std::max(round_trip, Milliseconds{0})};
    MutexLock lock(mutex_);
    if (!window_.empty()) {
        const auto& old = best();
        const auto apart = std::chrono::abs(fresh.offset - old.offset);
        if (apart > (fresh.round_trip + old.round_trip) / 2 + kResolution) window_.clear();
    }
    window_.push_back(fresh);
    if (window_.size() > kWindow) window_.pop_front();
    const auto offset = best().offset;
    const bool was = correcting_;
    correcting_ = std::chrono::abs(offset) > (was ? kTolerance / 2 : kTolerance);
    if (correcting_ != was)
        spdlog::warn("this machine's clock is {} ms {} the collector's; time stamps are {}",
                     std::chrono::abs(offset).count(), offset.count() > 0 ? "behind" : "ahead of",
                     correcting_ ? "corrected" : "its own again");
}

const CorrectedClock::Measurement& CorrectedClock::best() const {
    return *std::min_element(
        window_.begin(), window_.end(),
        [](const Measurement& a, const Measurement& b) { return a.round_trip < b.round_trip; });
}

WallTime CorrectedClock::now() const {
    const auto own = clock_.wallNow();
    MutexLock lock(mutex_);
    return correcting_ ? own + best().offset : own;
}

std::optional<Milliseconds> CorrectedClock::offset() const {
    MutexLock lock(mutex_);
    if (window_.empty()) return std::nullopt;
    return best().offset;
}

bool CorrectedClock::correcting() const {
    MutexLock lock(mutex_);
    return correcting_;
}

}  // namespace clusterwatch::agent
