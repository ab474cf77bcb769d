#include "collector/rules/rules_json.h"

#include <gtest/gtest.h>

namespace clusterwatch::rules {
namespace {

Alert firing() {
    Alert alert;
    alert.labels = {{"alertname", "A"}, {"i", "db2"}};
    alert.annotations = {{"summary", "it's \"bad\""}};
    alert.state = AlertState::kFiring;
    alert.value = 12.5;
    alert.active_at_ms = 1795345632000;
    return alert;
}

constexpr const char* kAlert =
    R"({"labels":{"alertname":"A","i":"db2"},"annotations":{"summary":"it's \"bad\""},)"
    R"("state":"firing","activeAt":"2026-11-22T11:07:12.000Z","value":"1.25e+01"})";

TEST(RulesJson, Alerts) {
    EXPECT_EQ(alertJson(firing()), kAlert);
    EXPECT_EQ(alertsAnswer(std::vector<Alert>{firing()}),
              std::string(R"({"status":"success","data":{"alerts":[)") + kAlert + "]}}");
    EXPECT_EQ(alertsAnswer({}), R"({"status":"success","data":{"alerts":[]}})");
}

TEST(RulesJson, Rules) {
    RuleStatus rule;
    rule.name = "A";
    rule.expression = "x > 5";
    rule.type = "alerting";
    rule.hold = Milliseconds{20'000};
    rule.labels = {{"severity", "critical"}};
    rule.health = "err";
    rule.last_error = "no";
    rule.evaluation_seconds = 0.25;
    rule.alerts = {firing()};
    GroupStatus group{"g", "r.yml", Milliseconds{10'000}, {rule}, 0, 0, 0};
    EXPECT_EQ(
        rulesAnswer(std::vector<GroupStatus>{group}),
        std::string(
            R"({"status":"success","data":{"groups":[{"name":"g","file":"r.yml","rules":[)"
            R"({"name":"A","query":"x > 5","labels":{"severity":"critical"},)"
            R"("state":"firing","duration":20,"keepFiringFor":0,"annotations":{},"alerts":[)") +
            kAlert +
            R"(],"health":"err","lastError":"no","evaluationTime":0.25,)"
            R"("lastEvaluation":"0001-01-01T00:00:00Z","type":"alerting"}],"interval":10,"limit":0,)"
            R"("evaluationTime":0,"lastEvaluation":"0001-01-01T00:00:00Z"}]}})");
}

}  // namespace
}  // namespace clusterwatch::rules
