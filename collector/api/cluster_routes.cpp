// The paths of our own: topology, nodes, events, the live feed. docs/formats/http-api.md.
#include <limits>
#include <nlohmann/json.hpp>

#include "collector/api/live_stream.h"
#include "collector/api/routes.h"
#include "collector/derive/cluster_state.h"

namespace clusterwatch::api {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Reply nodes(const ClusterSources& sources) {
    // The id is read first: what happens between the two is sent again rather than missed.
    const auto live_id = sources.feed.lastId();
    const auto statistics = sources.store.statistics();
    Json head{
        {"now_ms", toUnixMs(sources.clock.wallNow())},
        {"version", CLUSTERWATCH_VERSION},
        {"live_id", live_id},
        {"storage", {{"healthy", statistics.healthy}, {"reason", statistics.unhealthy_reason}}}};
    Reply reply;
    reply.body = dump(head);
    reply.body.back() = ',';  // the object goes on with the nodes, which come as text
    reply.body += "\"nodes\":[";
    for (const auto& node : sources.ingest.nodes()) {
        if (reply.body.back() == '}') reply.body += ',';
        reply.body += derive::toJson(node, true);
    }
    reply.body += "]}";
    return reply;
}

Reply events(const ClusterSources& sources, const Request& request) {
    constexpr std::size_t kDefaultLimit = 100, kMostLimit = 1000;
    const auto& parameters = request.parameters;
    const auto from = timeParameter(parameters, "from", 0);
    if (!from) return errorReply(400, from.error().message());
    const auto to = timeParameter(parameters, "to", std::numeric_limits<std::int64_t>::max() / 4);
    if (!to) return errorReply(400, to.error().message());
    const auto limit = limitParameter(parameters, "limit");
    if (!limit) return errorReply(400, limit.error().message());
    if (*limit > kMostLimit) return errorReply(400, "invalid parameter \"limit\": at most 1000");
    const auto found = sources.store.events({*from, *to}, parameters.text("subject"),
                                            *limit == 0 ? kDefaultLimit : *limit);
    if (!found) return errorReply(503, found.error().message());
    auto list = Json::array();
    for (const auto& event : *found) {
        Json detail = Json::parse(event.detail, nullptr, false);
        list.push_back({{"time_ms", event.t_ms},
                        {"kind", event.kind},
                        {"subject", event.subject},
                        {"severity", event.severity},
                        {"text", event.text},
                        {"detail", detail.is_object() ? std::move(detail) : Json::object()}});
    }
    Reply reply;
    reply.body = dump({{"events", list}});
    return reply;
}

}  // namespace

void addClusterRoutes(Router& router, ClusterSources sources) {
    const auto read = [&router](std::string path, auto handle) {
        router.add(
            {std::move(path), {"GET"}, Role::kRead, RunsOn::kStateExecutor, std::move(handle), {}});
    };
    read("/api/v1/clusterwatch/topology",
         [json = std::move(sources.topology_json)](const Request&) {
             Reply reply;
             reply.body = json;
             return reply;
         });
    read("/api/v1/clusterwatch/nodes", [sources](const Request&) { return nodes(sources); });
    read("/api/v1/clusterwatch/events",
         [sources](const Request& request) { return events(sources, request); });
    router.add({"/api/v1/clusterwatch/live",
                {"GET"},
                Role::kRead,
                RunsOn::kServerThread,
                {},
                [sources](const Request& request) -> std::unique_ptr<EventStream> {
                    return std::make_unique<LiveStream>(sources.feed, sources.clock, request);
                }});
}

}  // namespace clusterwatch::api
