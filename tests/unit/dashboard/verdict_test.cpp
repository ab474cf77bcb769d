#include "dashboard/models/verdict.h"

#include <gtest/gtest.h>

#include "world.h"

namespace clusterwatch::dashboard {
namespace {

using test::World;

std::string sentence(const World& world) { return world.view().verdict.text.toStdString(); }

TEST(Verdict, CalmIsStatedWithItsProof) {
    World world;
    EXPECT_EQ(sentence(world), "No user impact known. 4 of 4 probes fresh.");
    EXPECT_EQ(world.view().verdict.detail, "Not monitored: Load balancer, HornetQ.");
}

TEST(Verdict, NamesThingFaultSinceAndEffect) {
    World world;
    test::setState(world.targets["db2"], State::kCritical, "SQL thread stopped: 1062.");
    EXPECT_EQ(
        sentence(world),
        "MySQL replica db2: SQL thread stopped: 1062 since 11:03:00 (4 min). No user impact seen.");
}

TEST(Verdict, BlindnessOutranksEverything) {
    World world;
    test::setState(world.targets["db2"], State::kCritical, "broken");
    world.alerts = {test::alert("ReplicaSqlThreadStopped", "critical", "db2")};
    world.link.phase = LinkStatus::Phase::kLost;
    world.link.reason = "connection refused";
    world.link.retry_in_s = 2.2;
    EXPECT_EQ(sentence(world), "I am blind since 11:07:11: cannot reach the collector.");
    EXPECT_TRUE(world.view().verdict.detail.contains("connection refused. Next try in 3 s."));
    world.link.heard_ms = 0;
    EXPECT_EQ(sentence(world), "I am blind: cannot reach the collector.");
}

TEST(Verdict, NothingIsClaimedWhileConnecting) {
    World world;
    world.link.phase = LinkStatus::Phase::kConnecting;
    EXPECT_EQ(world.view().verdict.kind, Verdict::Kind::kConnecting);
}

TEST(Verdict, AnEmptyClusterIsNotCalm) {
    World world;
    world.targets.clear();
    world.tiers.tiers.back().expected.clear();
    EXPECT_EQ(world.view().verdict.kind, Verdict::Kind::kEmpty);
}

TEST(Verdict, AnAnswerThatIsNotUnderstoodIsNotAnEmptyCluster) {
    const World world;
    const NowView view = buildNowView(ClusterModel(), world.link, {}, world.now, test::kNow_ms);
    EXPECT_EQ(view.verdict.kind, Verdict::Kind::kUnknown);
}

TEST(Verdict, TheDeepestFailureIsTheCause) {
    World world;
    test::setState(world.targets["web1"], State::kCritical, "5xx");
    test::setState(world.targets["web2"], State::kCritical, "5xx");
    test::setState(world.targets["db1"], State::kCritical, "does not answer");
    world.targets["web1"].state_since_ms = test::kNow_ms - 900'000;  // earlier, and still a symptom
    EXPECT_TRUE(sentence(world).starts_with("MySQL primary db1: does not answer"))
        << sentence(world);
    EXPECT_TRUE(sentence(world).ends_with("Users are affected.")) << sentence(world);
}

TEST(Verdict, ACircleOfNeedsEnds) {
    World world;
    world.tiers.tiers[3].needs = {{"web", "hard"}};
    test::setState(world.targets["web1"], State::kCritical, "5xx");
    test::setState(world.targets["db1"], State::kCritical, "does not answer");
    EXPECT_EQ(world.view().verdict.kind, Verdict::Kind::kCritical);
}

TEST(Verdict, SilenceIsNotCalmAndOutranksAWarning) {
    World world;
    test::setState(world.targets["db1"], State::kWarning, "slow");
    world.silent["web2"] = true;
    EXPECT_EQ(world.view().verdict.kind, Verdict::Kind::kUnknown);
    EXPECT_TRUE(sentence(world).starts_with("Agent web2: silent")) << sentence(world);
    EXPECT_TRUE(sentence(world).ends_with("Effect on users unknown.")) << sentence(world);
}

TEST(Verdict, APendingAlertIsNoVerdict) {
    World world;
    world.alerts = {test::alert("ReplicaLagging", "critical", "db2", "pending")};
    EXPECT_EQ(world.view().verdict.kind, Verdict::Kind::kCalm);
    EXPECT_TRUE(world.view().verdict.detail.contains("1 pending"));
}

TEST(Verdict, IsAtMost110Characters) {
    for (const int length : {1, 30, 60, 100, 300, 1000}) {
        World world;
        world.tiers.tiers[4].title = "MySQL replica of the reporting cluster";
        test::setState(world.targets["db2"], State::kCritical, QString("word ").repeated(length));
        EXPECT_LE(world.view().verdict.text.size(), kVerdictLength);
        EXPECT_TRUE(sentence(world).ends_with("No user impact seen."))
            << "the effect is never cut: " << sentence(world);
    }
}

TEST(Problems, AnAlertSpeaksForItsCheckButNotForAWorseOne) {
    World world;
    test::setState(world.targets["db2"], State::kCritical, "broken");
    world.alerts = {test::alert("ReplicaSqlThreadStopped", "critical", "db2")};
    EXPECT_EQ(world.view().problems.size(), 1U);
    world.alerts = {test::alert("ReplicaLagging", "warning", "db2")};
    EXPECT_EQ(world.view().problems.size(), 2U);
    world.alerts = {test::alert("ReplicaSqlThreadStopped", "critical", "db2", "pending")};
    EXPECT_EQ(world.view().problems.size(), 2U) << "a pending alert speaks for nobody";
}

TEST(Problems, WorstFirstThenNewest) {
    World world;
    test::setState(world.targets["web1"], State::kWarning, "busy");
    test::setState(world.targets["db1"], State::kCritical, "old");
    test::setState(world.targets["db2"], State::kCritical, "new");
    world.targets["db2"].state_since_ms = test::kNow_ms - 1000;
    world.silent["web2"] = true;
    std::vector<std::string> order;
    for (const Problem& problem : world.view().problems)
        order.push_back(problem.text.toStdString());
    EXPECT_EQ(order, (std::vector<std::string>{"new", "old",
                                               "silent; its target's state is not known", "busy"}));
}

TEST(Problems, ARefusingStorageIsCritical) {
    World world;
    world.storage = {false, "disk full"};
    EXPECT_EQ(world.view().verdict.kind, Verdict::Kind::kCritical);
    EXPECT_TRUE(sentence(world).starts_with("Collector's storage: disk full")) << sentence(world);
}

}  // namespace
}  // namespace clusterwatch::dashboard
