#include "collector/api/topology.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include <fmt/format.h>

namespace clusterwatch::api {
namespace {

// An edge to a tier of an unknown name is found only once all files are read.
struct PendingEdge {
    std::string where, tier, needs;
};

Tier readTier(ConfigNode& node, std::vector<PendingEdge>& pending) {
    Tier tier;
    tier.name = node.requiredText("name");
    tier.title = node.text("title", tier.name);
    tier.jobs = node.textList("jobs");
    if (tier.jobs.empty()) node.error("jobs", "needs at least one job, such as [apache]");
    tier.role = node.text("role", "");
    for (auto& edge : node.children("needs")) {
        TierEdge read{edge.requiredText("tier"),
                      edge.oneOf("edge", "hard", {"hard", "soft", "async"})};
        edge.rejectUnknown();
        pending.push_back({edge.where("tier"), tier.name, read.tier});
        tier.needs.push_back(std::move(read));
    }
    for (auto& target : node.children("expected")) {
        Target read{target.requiredText("job"), target.requiredText("instance")};
        if (std::find(tier.jobs.begin(), tier.jobs.end(), read.job) == tier.jobs.end())
            target.error("job", fmt::format("\"{}\" is none of the tier's jobs", read.job));
        if (std::find(tier.expected.begin(), tier.expected.end(), read) != tier.expected.end())
            target.error("instance", "is listed twice");
        target.rejectUnknown();
        tier.expected.push_back(std::move(read));
    }
    node.rejectUnknown();
    return tier;
}

}  // namespace

Topology loadTopology(const std::filesystem::path& file, ConfigErrors& errors) {
    Topology topology;
    std::set<std::string> names;
    std::vector<PendingEdge> pending;
    for (const auto& path : withDropIns(file)) {
        auto root = ConfigNode::load(path, errors);
        for (auto& node : root.children("tiers")) {
            auto tier = readTier(node, pending);
            if (!tier.name.empty() && !names.insert(tier.name).second)
                node.error("name", fmt::format("\"{}\" is the name of another tier", tier.name));
            topology.tiers.push_back(std::move(tier));
        }
        root.rejectUnknown();
    }
    for (const auto& edge : pending) {
        if (edge.needs.empty() || (names.contains(edge.needs) && edge.needs != edge.tier)) continue;
        errors.add(fmt::format("{}: tier \"{}\" needs \"{}\", which is {}", edge.where, edge.tier,
                               edge.needs,
                               edge.needs == edge.tier ? "itself" : "not the name of a tier"));
    }
    return topology;
}

std::string Topology::toJson(std::string_view cluster, std::string_view name_space) const {
    using Json = nlohmann::ordered_json;
    auto list = Json::array();
    for (const auto& tier : tiers) {
        auto needs = Json::array();
        for (const auto& edge : tier.needs)
            needs.push_back({{"tier", edge.tier}, {"edge", edge.kind}});
        auto expected = Json::array();
        for (const auto& target : tier.expected)
            expected.push_back({{"job", target.job}, {"instance", target.instance}});
        list.push_back({{"name", tier.name},
                        {"title", tier.title},
                        {"jobs", tier.jobs},
                        {"role", tier.role},
                        {"needs", needs},
                        {"expected", expected}});
    }
    const Json body{{"cluster", cluster}, {"namespace", name_space}, {"tiers", list}};
    return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace clusterwatch::api
