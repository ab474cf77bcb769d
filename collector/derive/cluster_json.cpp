// The JSON of nodes and targets, shared by /nodes and the live feed.
#include <cmath>
#include <nlohmann/json.hpp>

#include "collector/derive/cluster_state.h"

namespace clusterwatch::derive {

namespace {

using Json = nlohmann::ordered_json;

double seconds(Milliseconds duration) { return static_cast<double>(duration.count()) / 1000.0; }

// Milliseconds are all that an age means; more digits only make the feed longer.
double rounded(double value) { return std::round(value * 1000.0) / 1000.0; }

// Texts were checked as UTF-8 when they came in; should one slip through, it is mended, not thrown.
std::string dump(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json json(const TargetStatus& target, std::string_view node) {
    Json out;
    if (!node.empty()) out["node"] = node;
    out["probe"] = target.probe;
    out["kind"] = target.kind;
    out["role"] = target.role;
    out["job"] = target.target.job;
    out["instance"] = target.target.instance;
    out["interval_seconds"] = seconds(target.interval);
    out["deadline_seconds"] = seconds(target.deadline);
    out["freshness"] = toString(target.freshness);
    out["last_run_ms"] = target.last_run_ms;
    out["last_received_ms"] = target.last_received_ms;
    out["age_seconds"] = rounded(target.age_seconds);
    out["outcome"] = toString(target.outcome);
    out["message"] = target.message;
    out["state"] = toString(target.state);
    out["last_state"] = toString(target.last_state);
    out["state_since_ms"] = target.state_since_ms;
    out["checks"] = Json::array();
    for (const auto& check : target.checks)
        out["checks"].push_back(
            {{"name", check.name}, {"state", toString(check.state)}, {"text", check.text}});
    out["facts"] = Json::object();
    for (const auto& fact : target.facts) out["facts"][fact.name] = fact.value;
    return out;
}

}  // namespace

std::string toJson(const TargetStatus& target, std::string_view node) {
    return dump(json(target, node));
}

std::string toJson(const NodeStatus& node, bool with_targets) {
    Json out;
    out["node"] = node.node;
    out["agent_id"] = node.agent_id;
    out["version"] = node.version;
    out["silent"] = node.silent;
    out["age_seconds"] = rounded(node.age_seconds);
    out["last_word_ms"] = node.last_word_ms;
    out["clock_offset_seconds"] = rounded(node.clock_offset_seconds);
    out["conflict"] = node.conflict;
    out["spool"] = {{"batches", node.spool_batches},
                    {"bytes", node.spool_bytes},
                    {"oldest_ms", node.spool_oldest_ms},
                    {"dropped_batches", node.dropped_batches},
                    {"dropped_samples", node.dropped_samples}};
    if (with_targets) {
        out["targets"] = Json::array();
        for (const auto& target : node.targets) out["targets"].push_back(json(target, ""));
    }
    return dump(out);
}

}  // namespace clusterwatch::derive
