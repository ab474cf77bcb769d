// Paths about the collector itself: is it alive, can it work, what does it count.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "collector/api/routes.h"

namespace clusterwatch::api {
namespace {

Reply text(int status, std::string body) {
    Reply reply;
    reply.status = status;
    reply.content_type = "text/plain; charset=utf-8";
    reply.body = std::move(body);
    return reply;
}

// A plain list, for somebody who opens the address in a browser.
Reply indexPage(const Router& router) {
    std::string body = "clusterwatch collector " CLUSTERWATCH_VERSION "\n\n";
    for (const auto& route : router.routes())
        body += fmt::format("{:<44} {}\n", route.pattern, fmt::join(route.methods, ", "));
    return text(200, std::move(body));
}

}  // namespace

void addServiceRoutes(Router& router, const Telemetry& telemetry,
                      std::function<std::string()> not_ready) {
    const auto light = [&router](std::string path, std::optional<Role> role, auto handle) {
        router.add({std::move(path), {"GET"}, role, RunsOn::kServerThread, std::move(handle), {}});
    };
    light("/", Role::kRead, [&router](const Request&) { return indexPage(router); });
    light("/-/healthy", std::nullopt, [](const Request&) { return text(200, "healthy\n"); });
    light("/-/ready", std::nullopt, [not_ready = std::move(not_ready)](const Request&) {
        const auto why = not_ready();
        return why.empty() ? text(200, "ready\n") : text(503, why + "\n");
    });
    router.add({"/metrics",
                {"GET"},
                Role::kRead,
                RunsOn::kStateExecutor,
                [&telemetry](const Request&) {
                    Reply reply = text(200, telemetry.exposition());
                    reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
                    return reply;
                },
                {}});
}

}  // namespace clusterwatch::api
