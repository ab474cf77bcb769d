// How long to wait before asking a peer again: exponential, with full jitter, so that a thousand
// agents do not come back at once. Source: Brooker, "Exponential Backoff And Jitter", AWS, 2015.
//
// Not thread-safe.
#pragma once

#include <algorithm>
#include <optional>
#include <random>

#include "common/clock.h"

namespace clusterwatch::agent {

class Backoff {
  public:
    static constexpr Milliseconds kFirst{1'000};
    static constexpr Milliseconds kMost{30'000};
    // While the collector's machine refuses connections, asking costs it nothing, and a restart
    // should not leave the screens stale for half a minute.
    static constexpr Milliseconds kMostUnconnected{8'000};

    explicit Backoff(std::uint64_t seed) : random_(seed) {}

    void succeeded() { failures_ = 0; }
    // `least`: what the peer asked for (Retry-After).
    Milliseconds failed(Milliseconds most, std::optional<Milliseconds> least = std::nullopt) {
        const auto ceiling = std::min(most, kFirst * (1 << std::min(failures_, 10)));
        ++failures_;
        std::uniform_int_distribution<std::int64_t> pick(ceiling.count() / 10, ceiling.count());
        const Milliseconds jittered{pick(random_)};
        // A whole flock was told the same number: spread it too.
        return least ? *least + jittered : jittered;
    }
    int failures() const { return failures_; }

  private:
    std::minstd_rand random_;
    int failures_ = 0;
};

}  // namespace clusterwatch::agent
