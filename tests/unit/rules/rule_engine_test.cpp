#include "collector/rules/rule_engine.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/query/vector_source.h"

namespace clusterwatch::rules {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class MemoryStore final : public AlertStateStore {
  public:
    Result<std::vector<StoredAlert>> loadAlerts() override { return alerts; }
    Status saveAlerts(const std::string& group, std::span<const StoredAlert> saved) override {
        ++saves;
        std::erase_if(alerts,
                      [&group](const StoredAlert& stored) { return stored.group == group; });
        alerts.insert(alerts.end(), saved.begin(), saved.end());
        return {};
    }
    std::vector<StoredAlert> alerts;
    int saves = 0;
};

class RuleEngineTest : public ::testing::Test {
  protected:
    std::unique_ptr<RuleEngine> make(std::string_view rules) {
        ConfigErrors errors;
        RuleEngineOptions options;
        options.groups =
            parseRules(ConfigNode::parse(rules, "r.yml", errors), "r.yml", Milliseconds{10'000});
        EXPECT_EQ(errors.joined(), "");
        RuleHooks hooks;
        hooks.changed = [this](const Alert& alert) {
            changes.push_back(std::string(toString(alert.state)));
        };
        hooks.notify = [this](std::span<const Alert> alerts) -> Status {
            if (queue_full) return Error(ErrorCode::kLimit, "full");
            for (const Alert& alert : alerts) {
                notified.push_back(
                    fmt::format("{} {}", toString(alert.state), alert.labels.get("i")));
            }
            return {};
        };
        hooks.record = [this](const query::Vector& series) -> Status {
            for (const auto& element : series) {
                recorded.push_back(fmt::format("{} {}", element.labels.toString(),
                                               isStaleMarker(element.sample.value)
                                                   ? "stale"
                                                   : fmt::to_string(element.sample.value)));
            }
            return {};
        };
        return std::make_unique<RuleEngine>(engine, clock, &store, hooks, std::move(options));
    }
    // The value of x from now on, or none.
    void feed(std::optional<double> value) {
        source.add({{"__name__", "x"}, {"i", "db2"}},
                   {{toUnixMs(clock.wallNow()), value ? *value : staleMarker()}});
    }
    void step(RuleEngine& rules, std::optional<double> value, int seconds = 10) {
        clock.advance(std::chrono::seconds(seconds));
        feed(value);
        rules.evaluateDue();
    }

    query::VectorSource source;
    ManualClock clock{fromUnixMs(1'000'000)};
    query::Engine engine{source, clock};
    MemoryStore store;
    std::vector<std::string> changes, notified, recorded;
    bool queue_full = false;
};

constexpr const char* kRules = R"(
groups:
  - name: g
    rules:
      - {alert: A, expr: x > 5, for: 20s}
)";

TEST_F(RuleEngineTest, FromPendingToResolved) {
    auto rules = make(kRules);
    rules->evaluateDue();
    step(*rules, 10);
    step(*rules, 10);
    EXPECT_THAT(notified, IsEmpty());
    step(*rules, 10);
    step(*rules, 10);
    EXPECT_THAT(notified, ElementsAre("firing db2", "firing db2"));
    step(*rules, 1);
    EXPECT_THAT(notified, ElementsAre("firing db2", "firing db2", "inactive db2"));
    EXPECT_THAT(changes, ElementsAre("pending", "firing", "inactive"));
    step(*rules, 1);
    EXPECT_EQ(notified.size(), 3u);
    EXPECT_THAT(rules->alerts(), IsEmpty());
}

TEST_F(RuleEngineTest, ForRunsOnTheMonotonicClock) {
    auto rules = make(kRules);
    step(*rules, 10);
    clock.stepWall(std::chrono::hours(1));
    feed(10);
    step(*rules, 10);
    EXPECT_EQ(rules->alerts().at(0).state, AlertState::kPending);
}

TEST_F(RuleEngineTest, RestartKeepsFor) {
    {
        auto rules = make(kRules);
        step(*rules, 10);
        step(*rules, 10);
        EXPECT_EQ(store.alerts.at(0).held_ms, 10'000);
    }
    clock.advance(std::chrono::minutes(2));
    changes.clear();
    auto rules = make(kRules);
    feed(10);
    rules->evaluateDue();
    EXPECT_EQ(rules->alerts().at(0).state, AlertState::kPending);
    step(*rules, 10);
    EXPECT_EQ(rules->alerts().at(0).state, AlertState::kFiring);
    EXPECT_THAT(changes, ElementsAre("firing"));  // and not pending again
}

TEST_F(RuleEngineTest, RestartWithoutDataDoesNotResolve) {
    {
        auto rules = make(kRules);
        for (int i = 0; i < 3; ++i) step(*rules, 10);
    }
    clock.advance(std::chrono::minutes(10));  // beyond the lookback: no data
    notified.clear();
    auto rules = make(kRules);
    rules->evaluateDue();
    EXPECT_THAT(notified, ElementsAre("firing db2"));
    step(*rules, 10);
    step(*rules, 1);
    EXPECT_THAT(notified, ElementsAre("firing db2", "firing db2", "inactive db2"));
}

// As a reload does it: the new engine reads what the old one stored.
TEST_F(RuleEngineTest, AlertsOfARuleThatWasTakenOutAreResolved) {
    {
        auto rules = make(kRules);
        for (int i = 0; i < 3; ++i) step(*rules, 10);
    }
    changes.clear();
    notified.clear();
    recorded.clear();
    auto rules = make("groups: [{name: g, rules: [{alert: B, expr: x > 100}]}]");
    queue_full = true;
    step(*rules, 10);
    EXPECT_EQ(store.alerts.size(), 1u);  // until it is told, a crash must not forget it
    queue_full = false;
    step(*rules, 10);
    step(*rules, 10);
    EXPECT_THAT(changes, ElementsAre("inactive"));
    EXPECT_THAT(notified, ElementsAre("inactive db2"));
    EXPECT_THAT(recorded,
                ElementsAre("ALERTS_FOR_STATE{alertname=\"A\",i=\"db2\"} stale",
                            "ALERTS{alertname=\"A\",alertstate=\"firing\",i=\"db2\"} stale"));
    EXPECT_THAT(store.alerts, IsEmpty());
}

TEST_F(RuleEngineTest, AlertsOfAGroupThatWasTakenOutAreResolved) {
    {
        auto rules = make(kRules);
        for (int i = 0; i < 3; ++i) step(*rules, 10);
    }
    notified.clear();
    auto rules = make("groups: []");
    queue_full = true;
    step(*rules, 10);
    EXPECT_EQ(store.alerts.size(), 1u);
    queue_full = false;
    step(*rules, 10);
    step(*rules, 10);
    EXPECT_THAT(notified, ElementsAre("inactive db2"));
    EXPECT_THAT(store.alerts, IsEmpty());
    EXPECT_THAT(rules->groups(), IsEmpty());
}

TEST_F(RuleEngineTest, ARuleThatMovedWithinItsGroupKeepsItsAlerts) {
    {
        auto rules = make(kRules);
        for (int i = 0; i < 3; ++i) step(*rules, 10);
    }
    changes.clear();
    auto rules = make(R"(
groups:
  - name: g
    rules:
      - {alert: New, expr: x > 100}
      - {alert: A, expr: x > 5, for: 20s}
)");
    step(*rules, 10);
    EXPECT_EQ(rules->alerts().at(0).state, AlertState::kFiring);
    EXPECT_THAT(changes, IsEmpty());
}

TEST_F(RuleEngineTest, ARuleThatTakesForEverBlindsNoOther) {
    source.add({{"__name__", "slow"}}, {{1'000'000, 1}, {2'000'000, 1}});
    source.onSelect("slow", [this] { clock.advance(Milliseconds{6'000}); });
    auto rules = make(R"(
groups:
  - name: bad
    rules:
      - {alert: Slow, expr: slow > 0}
      - {alert: A, expr: x > 5}
  - {name: good, interval: 10s, rules: [{alert: B, expr: x > 5}]}
)");
    step(*rules, 10);
    const auto groups = rules->groups();
    EXPECT_EQ(groups[0].rules[0].health, "err");
    EXPECT_EQ(groups[0].rules[0].last_error, "query timed out in expression evaluation");
    EXPECT_EQ(groups[0].rules[1].alerts.size(), 1u);
    EXPECT_EQ(groups[1].rules[0].alerts.size(), 1u);
    EXPECT_EQ(groups[0].failures, 1u);
    EXPECT_EQ(groups[1].failures, 0u);
}

TEST_F(RuleEngineTest, MissedTurnsAreCounted) {
    auto rules = make(kRules);
    rules->evaluateDue();
    step(*rules, 10, 10);
    EXPECT_EQ(rules->groups()[0].missed, 0u);
    step(*rules, 10, 39);  // due after 10 s; two whole turns later
    EXPECT_EQ(rules->groups()[0].missed, 2u);
    EXPECT_EQ(rules->evaluateDue(), clock.monotonicNow() + std::chrono::seconds(1));
}

TEST_F(RuleEngineTest, FailedEvaluationKeepsTheAlert) {
    auto rules = make(kRules);
    for (int i = 0; i < 3; ++i) step(*rules, 10);
    source.failWith(Error(ErrorCode::kCorrupt, "a chunk is damaged"));
    step(*rules, std::nullopt);
    EXPECT_EQ(rules->alerts().at(0).state, AlertState::kFiring);
    const auto rule = rules->groups().at(0).rules.at(0);
    EXPECT_EQ(rule.health, "err");
    EXPECT_EQ(rule.last_error, "a chunk is damaged");
}

TEST_F(RuleEngineTest, ResolvedIsHandedOverUntilItIsQueued) {
    auto rules = make(kRules);
    for (int i = 0; i < 3; ++i) step(*rules, 10);
    notified.clear();
    queue_full = true;
    step(*rules, 1);
    EXPECT_THAT(rules->groups().at(0).rules.at(0).last_error, HasSubstr("full"));
    queue_full = false;
    step(*rules, 1);
    step(*rules, 1);
    EXPECT_THAT(notified, ElementsAre("inactive db2"));
}

TEST_F(RuleEngineTest, SteadyAlertsAreNotSavedAgain) {
    auto rules = make(kRules);
    for (int i = 0; i < 3; ++i) step(*rules, 10);
    const int saves = store.saves;
    for (int i = 0; i < 5; ++i) step(*rules, 10);
    EXPECT_EQ(store.saves, saves);
}

TEST_F(RuleEngineTest, AlertsAndRecordingsBecomeSeries) {
    auto rules = make(R"(
groups:
  - name: g
    rules:
      - {record: "x:double", expr: x * 2, labels: {l: v}}
      - {alert: A, expr: x > 5}
)");
    feed(10);
    rules->evaluateDue();
    EXPECT_THAT(recorded, ElementsAre("x:double{i=\"db2\",l=\"v\"} 20",
                                      "ALERTS_FOR_STATE{alertname=\"A\",i=\"db2\"} 1000",
                                      "ALERTS{alertname=\"A\",alertstate=\"firing\",i=\"db2\"} 1"));
    recorded.clear();
    step(*rules, std::nullopt);
    EXPECT_THAT(recorded, ::testing::UnorderedElementsAre(
                              "x:double{i=\"db2\",l=\"v\"} stale",
                              "ALERTS_FOR_STATE{alertname=\"A\",i=\"db2\"} stale",
                              "ALERTS{alertname=\"A\",alertstate=\"firing\",i=\"db2\"} stale"));
}

TEST_F(RuleEngineTest, GroupsRunAtTheirOwnIntervals) {
    auto rules = make(R"(
groups:
  - {name: fast, interval: 5s, rules: [{alert: F, expr: x > 5}]}
  - {name: slow, interval: 60s, rules: [{alert: S, expr: x > 5}]}
)");
    rules->evaluateDue();
    const auto start = clock.monotonicNow();
    EXPECT_EQ(rules->evaluateDue(), start + std::chrono::seconds(5));
    step(*rules, 10, 5);
    ASSERT_EQ(rules->alerts().size(), 1u);
    EXPECT_EQ(rules->alerts()[0].labels.get("alertname"), "F");
    step(*rules, 10, 55);
    EXPECT_EQ(rules->alerts().size(), 2u);
}

}  // namespace
}  // namespace clusterwatch::rules
