// The feed of changes behind /api/v1/clusterwatch/live: a bounded ring of numbered events that
// subscribers read at their own pace. A subscriber that has fallen out of the ring is told so and
// fetches a snapshot; nobody can slow the publisher down.
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/thread_annotations.h"

namespace clusterwatch::derive {

struct LiveEvent {
    std::uint64_t id = 0;  // from 1, rising by 1
    std::string type;      // "run", "node", "alert", "up"; docs/formats/http-api.md
    std::string json;      // one line
};

class LiveFeed {
  public:
    static constexpr std::size_t kRing = 4096;

    void publish(std::string type, std::string json);

    // Events after `last_id`, at most `limit`; nullopt if some of them have left the ring.
    std::optional<std::vector<LiveEvent>> after(std::uint64_t last_id, std::size_t limit) const;
    std::uint64_t lastId() const;

    // `wake` is called after each publish, from the publisher's thread; it may read the feed, must be
    // quick, and must not publish, subscribe or unsubscribe. Returns a token for unsubscribe, after
    // which `wake` is not called any more.
    std::uint64_t subscribe(std::function<void()> wake);
    void unsubscribe(std::uint64_t token);

  private:
    mutable Mutex mutex_;
    std::deque<LiveEvent> ring_ GUARDED_BY(mutex_);
    std::uint64_t last_id_ GUARDED_BY(mutex_) = 0;
    Mutex wake_mutex_;
    std::map<std::uint64_t, std::function<void()>> wakes_ GUARDED_BY(wake_mutex_);
    std::uint64_t next_token_ GUARDED_BY(wake_mutex_) = 1;
};

}  // namespace clusterwatch::derive
