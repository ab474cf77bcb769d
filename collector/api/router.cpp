#include "collector/api/router.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/check.h"

namespace clusterwatch::api {
namespace {

// The text that '*' stands for, or nullopt if the path does not fit.
std::optional<std::string> wildcardOf(std::string_view pattern, std::string_view path) {
    const auto star = pattern.find('*');
    if (star == std::string_view::npos)
        return pattern == path ? std::optional<std::string>(std::string()) : std::nullopt;
    const auto before = pattern.substr(0, star);
    const auto after = pattern.substr(star + 1);
    if (path.size() <= before.size() + after.size() || !path.starts_with(before) ||
        !path.ends_with(after))
        return std::nullopt;
    const auto middle = path.substr(before.size(), path.size() - before.size() - after.size());
    if (middle.find('/') != std::string_view::npos) return std::nullopt;
    return std::string(middle);
}

}  // namespace

bool Route::allows(std::string_view method) const {
    if (method == "HEAD") method = "GET";
    return std::find(methods.begin(), methods.end(), method) != methods.end();
}

void Router::add(Route route) {
    CHECK((route.handle != nullptr) != (route.stream != nullptr));
    routes_.push_back(std::move(route));
}

Router::Match Router::find(std::string_view path) const {
    for (const auto& route : routes_)
        if (auto wildcard = wildcardOf(route.pattern, path)) return {&route, std::move(*wildcard)};
    return {};
}

Reply errorReply(int status, std::string_view why) {
    Reply reply;
    reply.status = status;
    // Outside text may hold anything; what is not UTF-8 is replaced rather than thrown about.
    reply.body = nlohmann::json{{"error", why}}.dump(-1, ' ', false,
                                                     nlohmann::json::error_handler_t::replace);
    return reply;
}

}  // namespace clusterwatch::api
