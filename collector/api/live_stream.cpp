#include "collector/api/live_stream.h"

#include <fmt/format.h>

#include "common/text.h"

namespace clusterwatch::api {
namespace {

constexpr std::size_t kEventsAtOnce = 256;
// Below a second by more than the period with which the server asks for heartbeats.
constexpr std::chrono::milliseconds kHeartbeat{750};

}  // namespace

LiveStream::LiveStream(const derive::LiveFeed& feed, const Clock& clock, const Request& request)
    : feed_(feed), clock_(clock), next_heartbeat_(clock.monotonicNow()) {
    const auto text = !request.last_event_id.empty() ? std::string_view(request.last_event_id)
                                                     : request.parameters.text("last_event_id");
    // An id that is no number can't be resumed after; id 0 asks for everything, and gets a reset
    // unless the ring still holds the first event.
    last_id_ = text.empty() ? feed.lastId() : parseUint(text).value_or(0);
}

// An id above the feed's newest is of an earlier life of the collector.
std::string LiveStream::next() {
    std::string out;
    if (last_id_ > feed_.lastId()) appendReset(out);
    const auto events = feed_.after(last_id_, kEventsAtOnce);
    if (!events) {
        appendReset(out);
    } else {
        for (const auto& event : *events) {
            out += fmt::format("id: {}\nevent: {}\ndata: {}\n\n", event.id, event.type, event.json);
            last_id_ = event.id;
        }
    }
    if (const auto now = clock_.monotonicNow(); now >= next_heartbeat_) {
        out += fmt::format(": hb {}\n\n", toUnixMs(clock_.wallNow()));
        next_heartbeat_ = now + kHeartbeat;
    }
    return out;
}

void LiveStream::appendReset(std::string& out) {
    last_id_ = feed_.lastId();
    out += fmt::format("id: {}\nevent: reset\ndata: {{}}\n\n", last_id_);
}

}  // namespace clusterwatch::api
