// The shipped replication rules against what a replica's agent reports: one fault gives one page, and a
// lag that becomes NULL never leaves a broken replica without one.
#include <optional>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/rules/rule_engine.h"
#include "tests/unit/query/vector_source.h"

namespace clusterwatch::rules {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

enum class Check { kOk = 0, kWarning = 1, kCritical = 2, kUnknown = 3 };

// One run of the replication probe; nullopt: the series ends.
struct Report {
    std::optional<double> io = 1, sql = 1, lag = 0;
    std::optional<Check> check = Check::kOk;
    double up = 1;
    std::optional<double> mysql_up = 1;  // of the probe `mysql`; nullopt: no such probe
};

class ReplicationRules : public ::testing::Test {
  protected:
    ReplicationRules() {
        ConfigErrors errors;
        RuleEngineOptions options;
        options.groups = loadRuleFile(CLUSTERWATCH_SOURCE_DIR "/config/rules/replication.yml",
                                      Milliseconds{10'000}, errors);
        EXPECT_EQ(errors.joined(), "");
        rules_ =
            std::make_unique<RuleEngine>(engine_, clock_, nullptr, RuleHooks{}, std::move(options));
    }

    // Reports every 5 s for `seconds`, and evaluates. Returns the critical alerts that ever fired.
    std::set<std::string> run(const Report& report, int seconds) {
        std::set<std::string> fired;
        for (int passed = 0; passed < seconds; passed += 5) {
            clock_.advance(std::chrono::seconds(5));
            feed(report);
            rules_->evaluateDue();
            const auto now = pages();
            fired.insert(now.begin(), now.end());
        }
        return fired;
    }

    std::set<std::string> pages() const {
        std::set<std::string> names;
        for (const Alert& alert : rules_->alerts()) {
            if (alert.state != AlertState::kFiring || alert.labels.get("severity") != "critical")
                continue;
            names.emplace(alert.labels.get("alertname"));
        }
        return names;
    }

  private:
    void feed(const Report& report) {
        const auto set = [this](const char* name, std::optional<double> value, Labels labels) {
            labels.set(kMetricName, name);
            labels.set("job", "mysql");
            labels.set("instance", "db2");
            source_.add(labels, {{toUnixMs(clock_.wallNow()), value ? *value : staleMarker()}});
        };
        const Labels channel{{"master_host", "db1"}};
        set("mysql_slave_status_slave_io_running", report.io, channel);
        set("mysql_slave_status_slave_sql_running", report.sql, channel);
        set("mysql_slave_status_seconds_behind_master", report.lag, channel);
        std::optional<double> state;
        if (report.check) state = static_cast<double>(*report.check);
        set("clusterwatch_check_state", state, {{"check", "replication"}});
        set("up", report.up, {});
        set("mysql_up", report.mysql_up, {});
    }

    query::VectorSource source_;
    ManualClock clock_{fromUnixMs(1'000'000)};
    query::Engine engine_{source_, clock_};
    std::unique_ptr<RuleEngine> rules_;
};

constexpr int kLong = 600;

TEST_F(ReplicationRules, AHealthyReplicaPagesNobody) { EXPECT_THAT(run({}, kLong), IsEmpty()); }

TEST_F(ReplicationRules, AStoppedSqlThreadIsOnePage) {
    run({}, 60);
    EXPECT_THAT(run({.sql = 0, .lag = {}, .check = Check::kCritical}, kLong),
                ElementsAre("ReplicaSqlThreadStopped"));
    EXPECT_THAT(run({}, 10), IsEmpty());
}

TEST_F(ReplicationRules, AStoppedIoThreadIsOnePage) {
    EXPECT_THAT(run({.io = 0, .lag = {}, .check = Check::kCritical}, kLong),
                ElementsAre("ReplicaIoThreadNotRunning"));
}

TEST_F(ReplicationRules, LagIsOnePage) {
    EXPECT_THAT(run({.lag = 100, .check = Check::kCritical}, kLong),
                ElementsAre("ReplicaLaggingBadly"));
}

TEST_F(ReplicationRules, WhatNoOtherRuleNamesPagesThroughTheCheck) {
    // The primary is frozen: both threads run, and the lag reads 0.
    EXPECT_THAT(run({.check = Check::kCritical}, kLong), ElementsAre("ReplicationCritical"));
}

TEST_F(ReplicationRules, AReplicaThatIsNoneAnyMoreIsOnePage) {
    run({}, 60);
    EXPECT_THAT(run({.io = {}, .sql = {}, .lag = {}, .check = Check::kCritical}, kLong),
                ElementsAre("ReplicationCritical"));
}

TEST_F(ReplicationRules, AnUnreachableServerIsOnePage) {
    EXPECT_THAT(
        run({.io = {}, .sql = {}, .lag = {}, .check = Check::kUnknown, .mysql_up = 0}, kLong),
        ElementsAre("DatabaseNotAnswering"));
}

TEST_F(ReplicationRules, AStatusThatIsWithheldIsOnePage) {
    EXPECT_THAT(run({.io = {}, .sql = {}, .lag = {}, .check = Check::kUnknown}, kLong),
                ElementsAre("ReplicaNotVisible"));
}

TEST_F(ReplicationRules, WithoutAProbeOfTheServerABlindOneStillPages) {
    EXPECT_THAT(
        run({.io = {}, .sql = {}, .lag = {}, .check = Check::kUnknown, .mysql_up = {}}, kLong),
        ElementsAre("ReplicaNotVisible"));
}

TEST_F(ReplicationRules, ASilentAgentIsOnePage) {
    EXPECT_THAT(run({.io = {}, .sql = {}, .lag = {}, .check = {}, .up = 0}, kLong),
                ElementsAre("DatabaseAgentSilent"));
}

TEST_F(ReplicationRules, ALagThatBecomesNullLeavesNoMomentWithoutAPage) {
    run({.lag = 100, .check = Check::kCritical}, kLong);
    ASSERT_THAT(pages(), ElementsAre("ReplicaLaggingBadly"));
    for (int i = 0; i < kLong / 5; ++i) {
        run({.sql = 0, .lag = {}, .check = Check::kCritical}, 5);
        ASSERT_FALSE(pages().empty()) << i * 5 << " s after the lag became NULL";
    }
    EXPECT_THAT(pages(), ElementsAre("ReplicaSqlThreadStopped"));
}

TEST_F(ReplicationRules, AFrozenPrimaryWhoseReplicaBreaksLeavesNoMomentWithoutAPage) {
    run({.check = Check::kCritical}, kLong);
    for (int i = 0; i < kLong / 5; ++i) {
        run({.sql = 0, .lag = {}, .check = Check::kCritical}, 5);
        ASSERT_FALSE(pages().empty()) << i * 5 << " s after the thread stopped";
    }
}

}  // namespace
}  // namespace clusterwatch::rules
