// See rule_file.h.
#include "collector/rules/rule_file.h"

#include <set>

#include <fmt/format.h>

#include "collector/query/parser.h"
#include "common/labels.h"

namespace clusterwatch::rules {
namespace {

using Texts = std::vector<std::pair<std::string, Template>>;

Texts readTemplates(ConfigNode& node, std::string_view key, bool are_labels) {
    Texts result;
    for (const auto& [name, text] : node.textMap(key)) {
        if (!isValidLabelName(name) ||
            (are_labels && (name == kMetricName || name == "alertname"))) {
            node.error(key, fmt::format("\"{}\" is no valid name here", name));
            continue;
        }
        auto parsed = Template::parse(text);
        if (!parsed) {
            node.error(key, fmt::format("{}: {}", name, parsed.error().message()));
            continue;
        }
        result.emplace_back(name, std::move(*parsed));
    }
    return result;
}

void checkExpression(ConfigNode& node, const std::string& expression) {
    if (expression.empty()) return;  // requiredText() has complained
    const auto parsed = query::parseExpression(expression);
    if (!parsed) {
        node.error("expr", "could not parse expression: " + parsed.error().message());
        return;
    }
    const auto type = (*parsed)->type;
    if (type != query::ValueType::kVector && type != query::ValueType::kScalar) {
        node.error("expr",
                   fmt::format("the expression must give an instant vector or a scalar, not a {}",
                               query::documentedName(type)));
    }
}

Rule readRule(ConfigNode& node) {
    Rule rule;
    const bool alert = node.has("alert");
    if (alert == node.has("record")) {
        node.error(alert ? "only one of \"record\" and \"alert\" may be set"
                         : "one of \"record\" and \"alert\" must be set");
    }
    rule.alerting = alert;
    rule.name = node.requiredText(alert ? "alert" : "record");
    rule.expression = node.requiredText("expr");
    checkExpression(node, rule.expression);
    rule.labels = readTemplates(node, "labels", true);
    if (alert) {
        rule.hold = node.duration("for", Milliseconds{0});
        rule.keep_firing = node.duration("keep_firing_for", Milliseconds{0});
        rule.annotations = readTemplates(node, "annotations", false);
    } else if (!rule.name.empty() && !isValidMetricName(rule.name)) {
        node.error("record", fmt::format("\"{}\" is no valid metric name", rule.name));
    }
    node.rejectUnknown();
    return rule;
}

RuleGroup readGroup(ConfigNode& node, const std::string& file, Milliseconds interval) {
    RuleGroup group;
    group.file = file;
    group.name = node.requiredText("name");
    group.interval = node.duration("interval", interval);
    if (group.interval < Milliseconds{1000}) node.error("interval", "must be at least 1s");
    group.limit = node.integer("limit", 0, 0, 1'000'000);
    for (ConfigNode& rule : node.children("rules")) {
        if (group.rules.size() == kMaxRulesPerGroup) {
            rule.error(fmt::format("more than {} rules in a group", kMaxRulesPerGroup));
            break;
        }
        group.rules.push_back(readRule(rule));
    }
    node.rejectUnknown();
    return group;
}

}  // namespace

std::vector<RuleGroup> loadRuleFile(const std::filesystem::path& file, Milliseconds interval,
                                    ConfigErrors& errors) {
    return parseRules(ConfigNode::load(file, errors), file.string(), interval);
}

std::vector<RuleGroup> parseRules(ConfigNode root, const std::string& file, Milliseconds interval) {
    std::vector<RuleGroup> groups;
    std::set<std::string> names;
    for (ConfigNode& node : root.children("groups")) {
        if (groups.size() == kMaxGroups) {
            node.error(fmt::format("more than {} groups in a file", kMaxGroups));
            break;
        }
        groups.push_back(readGroup(node, file, interval));
        if (!names.insert(groups.back().name).second) {
            node.error("name",
                       fmt::format("group \"{}\" is repeated in this file", groups.back().name));
        }
    }
    root.rejectUnknown();
    return groups;
}

}  // namespace clusterwatch::rules
