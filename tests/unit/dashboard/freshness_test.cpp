#include <gtest/gtest.h>

#include "world.h"

namespace clusterwatch::dashboard {
namespace {

using namespace std::chrono_literals;
using test::target;

const MonotonicTime kHeard{1h};

Freshness judged(std::chrono::milliseconds later, bool silent = false,
                 Freshness said = Freshness::kFresh) {
    TargetReport report = target("web1", "apache", "apache");
    report.freshness = said;
    return judge(report, kHeard, silent, kHeard + later).freshness;
}

TEST(Freshness, AgesOnTheMonotonicClock) {
    EXPECT_DOUBLE_EQ(agedBy(1.5, kHeard, kHeard + 2s), 3.5);
    EXPECT_DOUBLE_EQ(agedBy(-1, kHeard, kHeard + 2s), -1) << "never stays never";
    EXPECT_DOUBLE_EQ(agedBy(1.5, kHeard, kHeard - 2s), 1.5) << "no age gets younger";
}

TEST(Freshness, EndsAfterIntervalDeadlineAndASecond) {
    // The report was 1 s old when heard; interval 10, deadline 5: fresh up to 16 s.
    EXPECT_EQ(judged(0s), Freshness::kFresh);
    EXPECT_EQ(judged(14900ms), Freshness::kFresh);
    EXPECT_EQ(judged(15100ms), Freshness::kLate) << "a frozen collector keeps nothing fresh";
}

TEST(Freshness, IsNeverLongerThanTwoIntervalsAndASecond) {
    TargetReport report = target("web1", "apache", "apache");
    report.deadline_s = 60;
    EXPECT_DOUBLE_EQ(freshLimit(report), 21);
}

TEST(Freshness, ThePessimistWins) {
    EXPECT_EQ(judged(0s, true), Freshness::kSilent);
    EXPECT_EQ(judged(0s, false, Freshness::kLate), Freshness::kLate);
    EXPECT_EQ(judged(0s, false, Freshness::kSilent), Freshness::kSilent);
    EXPECT_EQ(judged(0s, false, Freshness::kNever), Freshness::kNever);
}

TEST(Freshness, AStateIsKnownOnlyWhileFresh) {
    TargetReport report = target("web1", "apache", "apache");
    EXPECT_EQ(judge(report, kHeard, false, kHeard).state, State::kOk);
    EXPECT_EQ(judge(report, kHeard, false, kHeard + 1min).state, State::kUnknown);
    EXPECT_EQ(judge(report, kHeard, true, kHeard).state, State::kUnknown);
}

TEST(Freshness, AnAgentUnheardIsSilentEvenIfNobodySaysSo) {
    NodeReport node;
    node.silent = false;
    EXPECT_FALSE(agentSilent(node, 4.9));
    EXPECT_TRUE(agentSilent(node, kAgentBackstop_s + 0.1));
    EXPECT_TRUE(agentSilent(node, -1));
    node.silent = true;
    EXPECT_TRUE(agentSilent(node, 0.1));
}

}  // namespace
}  // namespace clusterwatch::dashboard
