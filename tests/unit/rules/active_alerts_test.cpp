#include "collector/rules/active_alerts.h"

#include <gtest/gtest.h>

namespace clusterwatch::rules {
namespace {

class ActiveAlertsTest : public ::testing::Test {
  protected:
    ActiveAlertsTest() {
        rule.name = "A";
        rule.hold = Milliseconds{20'000};
        rule.labels.emplace_back("severity", Template::parse("critical").value());
    }

    ActiveAlerts::Now at(int seconds, bool in_grace = false) const {
        return {seconds * 1000, MonotonicTime{} + std::chrono::seconds(1000 + seconds), in_grace};
    }
    static query::Vector lag(double value) {
        return {{Labels{{"__name__", "lag"}, {"i", "db2"}}, {0, value}}};
    }
    // "pending", "firing", or "" if there is none.
    static std::string state(const ActiveAlerts& alerts) {
        const auto all = alerts.all();
        return all.empty() ? "" : std::string(toString(all.front().state));
    }

    Rule rule;
};

TEST_F(ActiveAlertsTest, PendingFiringResolved) {
    ActiveAlerts alerts(rule);
    auto outcome = alerts.update(lag(50), 0, at(0)).value();
    ASSERT_EQ(outcome.changed.size(), 1u);
    EXPECT_EQ(outcome.changed[0].state, AlertState::kPending);
    EXPECT_EQ(outcome.changed[0].labels.toString(),
              "{alertname=\"A\",i=\"db2\",severity=\"critical\"}");
    EXPECT_TRUE(alerts.update(lag(51), 0, at(19)).value().changed.empty());
    outcome = alerts.update(lag(52), 0, at(20)).value();
    ASSERT_EQ(outcome.changed.size(), 1u);
    EXPECT_EQ(outcome.changed[0].state, AlertState::kFiring);
    EXPECT_EQ(outcome.changed[0].active_at_ms, 0);
    EXPECT_EQ(outcome.changed[0].fired_at_ms, 20'000);
    EXPECT_TRUE(alerts.update(lag(53), 0, at(30)).value().changed.empty());
    EXPECT_EQ(alerts.all()[0].value, 53);
    outcome = alerts.update({}, 0, at(40)).value();
    ASSERT_EQ(outcome.resolved.size(), 1u);
    EXPECT_EQ(outcome.resolved[0].resolved_at_ms, 40'000);
    EXPECT_EQ(state(alerts), "");
}

TEST_F(ActiveAlertsTest, PendingThatEndsIsNotResolved) {
    ActiveAlerts alerts(rule);
    ASSERT_TRUE(alerts.update(lag(50), 0, at(0)));
    const auto outcome = alerts.update({}, 0, at(10)).value();
    EXPECT_TRUE(outcome.resolved.empty());
    ASSERT_EQ(outcome.changed.size(), 1u);
    EXPECT_EQ(outcome.changed[0].state, AlertState::kInactive);
    // And begins anew.
    ASSERT_TRUE(alerts.update(lag(50), 0, at(15)));
    ASSERT_TRUE(alerts.update(lag(50), 0, at(30)));
    EXPECT_EQ(state(alerts), "pending");
}

TEST_F(ActiveAlertsTest, WithoutForItFiresAtOnce) {
    rule.hold = Milliseconds{0};
    ActiveAlerts alerts(rule);
    EXPECT_EQ(alerts.update(lag(1), 0, at(0)).value().changed[0].state, AlertState::kFiring);
}

TEST_F(ActiveAlertsTest, KeepFiringFor) {
    rule.hold = Milliseconds{0};
    rule.keep_firing = Milliseconds{30'000};
    ActiveAlerts alerts(rule);
    ASSERT_TRUE(alerts.update(lag(1), 0, at(0)));
    EXPECT_TRUE(alerts.update({}, 0, at(10)).value().changed.empty());
    ASSERT_TRUE(alerts.update(lag(1), 0, at(20)));  // seen again: the time starts anew
    EXPECT_TRUE(alerts.update({}, 0, at(45)).value().changed.empty());
    EXPECT_EQ(state(alerts), "firing");
    EXPECT_TRUE(alerts.update({}, 0, at(74)).value().changed.empty());
    EXPECT_EQ(alerts.update({}, 0, at(75)).value().resolved.size(), 1u);
}

TEST_F(ActiveAlertsTest, ErrorsChangeNothing) {
    rule.hold = Milliseconds{0};
    rule.labels.emplace_back("i", Template::parse("same").value());
    ActiveAlerts alerts(rule);
    ASSERT_TRUE(alerts.update(lag(1), 0, at(0)));
    query::Vector two = lag(1);
    two.push_back({Labels{{"i", "db3"}}, {0, 1}});
    EXPECT_FALSE(alerts.update(two, 0, at(10)));
    EXPECT_EQ(alerts.update(two, 1, at(10)).error().message(), "exceeded limit of 1 with 2 alerts");
    EXPECT_EQ(state(alerts), "firing");
}

TEST_F(ActiveAlertsTest, RestoredAlertsGoOn) {
    ActiveAlerts before(rule);
    ASSERT_TRUE(before.update(lag(1), 0, at(0)));
    ASSERT_TRUE(before.update(lag(1), 0, at(15)));
    const auto stored = before.stored(at(15).monotonic);
    ASSERT_EQ(stored.size(), 1u);
    EXPECT_EQ(stored[0].held_ms, 15'000);
    // Ten minutes later, on another monotonic clock: 15 s are held, 5 s are left.
    ActiveAlerts after(rule);
    after.restore(stored[0], at(600).monotonic);
    ASSERT_TRUE(after.update(lag(1), 0, at(604)));
    EXPECT_EQ(state(after), "pending");
    ASSERT_TRUE(after.update(lag(1), 0, at(605)));
    EXPECT_EQ(state(after), "firing");
    EXPECT_EQ(after.all()[0].active_at_ms, 0);
}

TEST_F(ActiveAlertsTest, RestoredAlertsOutliveTheGraceWithoutData) {
    rule.hold = Milliseconds{0};
    ActiveAlerts before(rule);
    ASSERT_TRUE(before.update(lag(1), 0, at(0)));
    ActiveAlerts after(rule);
    after.restore(before.stored(at(0).monotonic)[0], at(100).monotonic);
    EXPECT_TRUE(after.update({}, 0, at(110, true)).value().resolved.empty());
    EXPECT_EQ(after.update({}, 0, at(160, false)).value().resolved.size(), 1u);
    // Once seen, the grace is over for it.
    ActiveAlerts seen(rule);
    seen.restore(before.stored(at(0).monotonic)[0], at(100).monotonic);
    ASSERT_TRUE(seen.update(lag(1), 0, at(105, true)));
    EXPECT_EQ(seen.update({}, 0, at(110, true)).value().resolved.size(), 1u);
}

TEST(Fingerprint, IsStable) {
    // FNV-1a 64 of nothing, and of "a" 0xff "b" 0xff.
    EXPECT_EQ(fingerprint({}), "cbf29ce484222325");
    EXPECT_EQ(fingerprint(Labels{{"a", "b"}}), fingerprint(Labels{{"a", "b"}}));
    EXPECT_NE(fingerprint(Labels{{"a", "b"}}), fingerprint(Labels{{"ab", ""}}));
    EXPECT_EQ(fingerprint(Labels{{"a", "b"}}).size(), 16u);
}

}  // namespace
}  // namespace clusterwatch::rules
