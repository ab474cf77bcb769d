// The cluster's topology: its tiers in the order in which a request flows, what each needs, and the
// targets that are expected. Read from cluster.yaml and its drop-ins (docs/configuration.md).
//
// A value type; immutable once read.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/config_node.h"
#include "common/probe_run.h"

namespace clusterwatch::api {

struct TierEdge {
    std::string tier;  // the name of another tier
    std::string kind;  // "hard", "soft" or "async"
};

struct Tier {
    std::string name;
    std::string title;
    std::vector<std::string> jobs;
    std::string role;  // empty: any
    std::vector<TierEdge> needs;
    std::vector<Target> expected;
};

struct Topology {
    std::vector<Tier> tiers;

    // The body of /api/v1/clusterwatch/topology.
    std::string toJson(std::string_view cluster, std::string_view name_space) const;
};

// Mistakes go to `errors`, all of them, with file and line.
Topology loadTopology(const std::filesystem::path& file, ConfigErrors& errors);

}  // namespace clusterwatch::api
