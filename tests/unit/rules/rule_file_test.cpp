#include "collector/rules/rule_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace clusterwatch::rules {
namespace {

using ::testing::HasSubstr;

std::string complaints(std::string_view yaml) {
    ConfigErrors errors;
    parseRules(ConfigNode::parse(yaml, "r.yml", errors), "r.yml", Milliseconds{10'000});
    return errors.joined();
}

TEST(RuleFile, TheShippedRulesLoad) {
    ConfigErrors errors;
    const auto groups = loadRuleFile(CLUSTERWATCH_SOURCE_DIR "/config/rules/replication.yml",
                                     Milliseconds{10'000}, errors);
    EXPECT_EQ(errors.joined(), "");
    ASSERT_EQ(groups.size(), 1u);
    EXPECT_GE(groups[0].rules.size(), 6u);
    for (const Rule& rule : groups[0].rules) {
        EXPECT_EQ(rule.labels.size(), 1u) << rule.name;  // severity
        EXPECT_EQ(rule.annotations.size(), 3u) << rule.name;
    }
}

TEST(RuleFile, EveryKey) {
    ConfigErrors errors;
    const auto groups = parseRules(ConfigNode::parse(R"(
groups:
  - name: g
    interval: 15s
    limit: 3
    rules:
      - {alert: A, expr: "up == 0", for: 1m, keep_firing_for: 2m, labels: {a: b}, annotations: {c: "{{ $value }}"}}
      - {record: "job:up:sum", expr: sum by (job) (up), labels: {x: y}}
)",
                                                     "r.yml", errors),
                                   "r.yml", Milliseconds{10'000});
    EXPECT_EQ(errors.joined(), "");
    ASSERT_EQ(groups.size(), 1u);
    EXPECT_EQ(groups[0].interval, Milliseconds{15'000});
    EXPECT_EQ(groups[0].limit, 3);
    EXPECT_EQ(groups[0].rules[0].hold, Milliseconds{60'000});
    EXPECT_EQ(groups[0].rules[0].keep_firing, Milliseconds{120'000});
    EXPECT_FALSE(groups[0].rules[1].alerting);
}

TEST(RuleFile, MistakesAreNamedWithTheirLine) {
    const auto rule = [](std::string_view body) {
        return complaints("groups:\n  - name: g\n    rules:\n      - " + std::string(body) + "\n");
    };
    EXPECT_EQ(rule("{alert: A, expr: up}"), "");
    EXPECT_THAT(rule("{alert: A, expr: \"up ==\"}"), HasSubstr("r.yml:4"));
    EXPECT_THAT(rule("{alert: A, expr: \"up ==\"}"), HasSubstr("1:6: parse error: unexpected end"));
    EXPECT_THAT(rule("{alert: A, expr: \"up[5m]\"}"), HasSubstr("not a range vector"));
    EXPECT_THAT(rule("{alert: A, record: b, expr: up}"), HasSubstr("only one of"));
    EXPECT_THAT(rule("{expr: up}"), HasSubstr("one of"));
    EXPECT_THAT(rule("{alert: A}"), HasSubstr("expr"));
    EXPECT_THAT(rule("{alert: A, expr: up, fro: 1m}"), HasSubstr("unknown key"));
    EXPECT_THAT(rule("{alert: A, expr: up, for: soon}"), HasSubstr("r.yml:4"));
    EXPECT_THAT(rule("{record: a-b, expr: up}"), HasSubstr("no valid metric name"));
    EXPECT_THAT(rule("{record: a, expr: up, for: 1m}"), HasSubstr("unknown key"));
    EXPECT_THAT(rule("{alert: A, expr: up, labels: {alertname: x}}"), HasSubstr("no valid name"));
    EXPECT_THAT(rule("{alert: A, expr: up, annotations: {s: \"{{ $val }}\"}}"),
                HasSubstr("unknown operand"));
    EXPECT_THAT(complaints("groups:\n  - {name: g}\n  - {name: g}\n"), HasSubstr("repeated"));
    EXPECT_THAT(complaints("groups:\n  - {name: g, interval: 10ms}\n"), HasSubstr("at least 1s"));
    EXPECT_THAT(complaints("group: []\n"), HasSubstr("unknown key"));
}

}  // namespace
}  // namespace clusterwatch::rules
