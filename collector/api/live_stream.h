// /api/v1/clusterwatch/live: the feed of changes as server-sent events. docs/formats/http-api.md.
//
// A stream resumes after Last-Event-ID (or ?last_event_id=), begins at now without one, and says
// `reset` where the events in between have left the feed's ring. A heartbeat comment goes out every
// second, so that a client knows within three that it is blind.
#pragma once

#include <memory>
#include <string>

#include "collector/api/router.h"
#include "collector/derive/live_feed.h"
#include "common/clock.h"

namespace clusterwatch::api {

class LiveStream final : public EventStream {
  public:
    // REQUIRES: feed and clock outlive the stream.
    LiveStream(const derive::LiveFeed& feed, const Clock& clock, const Request& request);
    std::string next() override;

  private:
    void appendReset(std::string& out);

    const derive::LiveFeed& feed_;
    const Clock& clock_;
    std::uint64_t last_id_ = 0;  // sent, or skipped by a reset
    MonotonicTime next_heartbeat_;
};

}  // namespace clusterwatch::api
