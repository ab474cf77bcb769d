// Prometheus's rule files, read strictly: every mistake is found when the file is loaded and named
// with file and line, unparsable expressions and templates included.
//
// Format: prometheus.io/docs/prometheus/latest/configuration/recording_rules and alerting_rules.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "collector/rules/templates.h"
#include "common/clock.h"
#include "common/config_node.h"

namespace clusterwatch::rules {

inline constexpr std::size_t kMaxGroups = 1'000;
inline constexpr std::size_t kMaxRulesPerGroup = 1'000;

struct Rule {
    bool alerting = true;
    std::string name;        // of the alert, or of the recorded series
    std::string expression;  // known to parse, to a vector or a scalar
    Milliseconds hold{0};    // `for`
    Milliseconds keep_firing{0};
    std::vector<std::pair<std::string, Template>> labels;
    std::vector<std::pair<std::string, Template>> annotations;
};

struct RuleGroup {
    std::string name;
    std::string file;
    Milliseconds interval{0};
    std::int64_t limit = 0;  // series or alerts a rule may give; 0: any number
    std::vector<Rule> rules;
};

// Groups of one file, in its order. `interval` is the default of groups that name none.
std::vector<RuleGroup> loadRuleFile(const std::filesystem::path& file, Milliseconds interval,
                                    ConfigErrors& errors);
// Errors go to the ConfigErrors that `root` was read with.
std::vector<RuleGroup> parseRules(ConfigNode root, const std::string& file, Milliseconds interval);

}  // namespace clusterwatch::rules
