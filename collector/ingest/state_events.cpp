#include "collector/ingest/state_events.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include "common/text.h"

namespace clusterwatch::ingest {

namespace {

std::string detailOf(const std::string& node, const ProbeRun& run) {
    nlohmann::ordered_json detail;
    detail["node"] = node;
    detail["probe"] = run.probe;
    detail["outcome"] = toString(run.outcome);
    detail["message"] = run.message;
    detail["facts"] = nlohmann::ordered_json::object();
    for (const auto& fact : run.facts) detail["facts"][fact.name] = fact.value;
    detail["evidence"] = nlohmann::ordered_json::array();
    for (const auto& evidence : run.evidence)
        detail["evidence"].push_back({{"title", evidence.title}, {"text", evidence.text}});
    return detail.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

std::vector<store::Event> stateChanges(const std::string& node, const ProbeRun& run,
                                       const std::optional<ProbeRun>& previous) {
    std::vector<store::Event> events;
    for (const auto& check : run.checks) {
        State before = State::kOk;
        if (previous) {
            const auto found =
                std::find_if(previous->checks.begin(), previous->checks.end(),
                             [&](const CheckResult& c) { return c.name == check.name; });
            if (found != previous->checks.end()) before = found->state;
        }
        if (before == check.state) continue;
        events.push_back({toUnixMs(run.time), "state",
                          fmt::format("{}/{}/{}", run.target.job, run.target.instance, check.name),
                          std::string(toString(check.state)), check.text, detailOf(node, run)});
    }
    return events;
}

store::Event agentEvent(std::string kind, const std::string& node, std::string severity,
                        std::string text, std::int64_t now_ms) {
    return {now_ms, std::move(kind), "node/" + node, std::move(severity), std::move(text), "{}"};
}

store::Event nodeEvent(const derive::NodeChange& change, std::int64_t now_ms) {
    const auto length =
        formatDuration(Milliseconds{static_cast<std::int64_t>(change.silent_seconds) * 1000});
    if (change.silent)
        return agentEvent(
            "agent", change.node, "unknown",
            fmt::format("the agent of {} has said nothing for {}", change.node, length), now_ms);
    return agentEvent(
        "agent", change.node, "ok",
        fmt::format("the agent of {} is back after {} of silence", change.node, length), now_ms);
}

}  // namespace clusterwatch::ingest
