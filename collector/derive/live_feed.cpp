#include "collector/derive/live_feed.h"

#include <algorithm>

namespace clusterwatch::derive {

void LiveFeed::publish(std::string type, std::string json) {
    {
        const MutexLock lock(mutex_);
        ring_.push_back({++last_id_, std::move(type), std::move(json)});
        if (ring_.size() > kRing) ring_.pop_front();
    }
    // Held while waking, so that after unsubscribe() no call is under way; it is not the lock of the
    // ring, which a woken subscriber may read.
    const MutexLock lock(wake_mutex_);
    for (const auto& [token, wake] : wakes_) wake();
}

std::optional<std::vector<LiveEvent>> LiveFeed::after(std::uint64_t last_id,
                                                      std::size_t limit) const {
    const MutexLock lock(mutex_);
    // A number from before a restart of the collector may be higher than any of ours.
    if (last_id > last_id_) return std::nullopt;
    const std::uint64_t missing = last_id_ - last_id;
    if (missing > ring_.size()) return std::nullopt;
    const auto first = ring_.end() - static_cast<std::ptrdiff_t>(missing);
    const auto count = std::min<std::size_t>(missing, limit);
    return std::vector<LiveEvent>(first, first + static_cast<std::ptrdiff_t>(count));
}

std::uint64_t LiveFeed::lastId() const {
    const MutexLock lock(mutex_);
    return last_id_;
}

std::uint64_t LiveFeed::subscribe(std::function<void()> wake) {
    const MutexLock lock(wake_mutex_);
    wakes_.emplace(next_token_, std::move(wake));
    return next_token_++;
}

void LiveFeed::unsubscribe(std::uint64_t token) {
    const MutexLock lock(wake_mutex_);
    wakes_.erase(token);
}

}  // namespace clusterwatch::derive
