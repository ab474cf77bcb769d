#include "dashboard/models/verdict.h"

#include <gtest/gtest.h>

#include "dashboard/models/verdict_sentence.h"
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

TEST(Verdict, NoImpactIsNotClaimedWhileATierThatIsNeededIsDown) {
    World world;
    test::setState(world.targets["db1"], State::kUnknown, "no answer within 5 s");
    EXPECT_TRUE(sentence(world).ends_with("Users may be affected.")) << sentence(world);
    test::setState(world.targets["db1"], State::kWarning, "slow");
    EXPECT_TRUE(sentence(world).ends_with("No user impact seen.")) << sentence(world);
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
        EXPECT_TRUE(sentence(world).ends_with("No user impact seen.") ||
                    sentence(world).ends_with("No impact seen."))
            << "the effect is never cut: " << sentence(world);
    }
}

std::string alertSentence(const QString& summary, std::int64_t age_s) {
    World world;
    Alert alert = test::alert("Replica", "critical", "db2");
    alert.summary = summary;
    alert.active_since_ms = test::kNow_ms - age_s * 1000;
    world.alerts = {alert};
    return sentence(world);
}

TEST(Verdict, NamesTheThingOnceAndKeepsTheFaultWhole) {
    EXPECT_EQ(alertSentence("Replication is broken on db2: the SQL thread has stopped", 39),
              "Replication is broken on db2: the SQL thread has stopped since 11:06:33 (39 s). "
              "No user impact seen.");
    EXPECT_EQ(alertSentence("db2 gets nothing from its primary db1.fra.example.net, nor from the "
                            "one between",
                            86400 * 3),
              "db2 gets nothing from its primary db1.fra.example.net, nor from the one between "
              "for 3 d. No user impact seen.");
    EXPECT_EQ(alertSentence("a fault that names only db21 and old-db2", 39),
              "MySQL replica db2: a fault that names only db21 and old-db2 since 11:06:33 (39 s). "
              "No user impact seen.");
}

// The summaries of config/rules/replication.yml, with long names filled in.
TEST(Verdict, EverySummaryOfTheReplicationRulesIsToldWhole) {
    for (const QString summary :
         {"Replication is broken on db2: the SQL thread has stopped",
          "db2 receives nothing from its primary db1.fra.example.net",
          "db2 is 2h 3m 41s behind its primary", "Replication is critical on db2",
          "Nobody can see whether db2 replicates",
          "No word from the agent that watches db2 (mysql)"})
        for (const std::int64_t age_s : {0, 39, 4000, 86400 * 20})
            EXPECT_TRUE(alertSentence(summary, age_s).starts_with(summary.toStdString()))
                << alertSentence(summary, age_s);
}

std::string checkSentence(const char* target, const char* text) {
    World world;
    test::setState(world.targets[target], State::kCritical, text);
    return sentence(world);
}

// Texts of the agent's probes: advice goes first, the fault stays.
TEST(Verdict, ALongCheckIsCutAtAClause) {
    EXPECT_EQ(checkSentence("web1",
                            "load 7.90 over 5 min on 2 CPUs: more work than CPUs; look at "
                            "`top` for the process, at the pressure charts"),
              "Apache httpd web1: load 7.90 over 5 min on 2 CPUs: more work than CPUs for 4 min. "
              "Users may be affected.");
    EXPECT_EQ(checkSentence("db2",
                            "SQL thread stopped by error 1062: Could not execute "
                            "Write_rows_v1 event on table shop.orders; Duplicate entry '?'"),
              "MySQL replica db2: SQL thread stopped by error 1062 since 11:03:00 (4 min). "
              "No user impact seen.");
    EXPECT_EQ(checkSentence("web1",
                            "http://127.0.0.1:37005: connection refused, or the host is unknown "
                            "or unreachable"),
              "Apache httpd web1: http://127.0.0.1:37005: connection refused since 11:03:00 "
              "(4 min). Users may be affected.");
    EXPECT_EQ(checkSentence("db2",
                            "SQL thread stopped without an error: by an operator's STOP "
                            "SLAVE SQL_THREAD. Changes are received but not applied"),
              "MySQL replica db2: SQL thread stopped without an error since 11:03:00 (4 min). "
              "No user impact seen.");
}

TEST(Problems, TheSameCheckOnSeveralInstancesIsOneRow) {
    World world;
    for (const char* name : {"web1", "web2"}) {
        test::setState(world.targets[name], State::kWarning, "busy");
        world.targets[name].checks[0].name = "workers";
    }
    world.targets["web2"].state_since_ms -= 1000;
    const std::vector<Problem> problems = world.view().problems;
    ASSERT_EQ(problems.size(), 1U);
    EXPECT_EQ(problems[0].title.toStdString(), "Apache httpd workers: web1, web2");
    EXPECT_EQ(problems[0].text, "busy");
    EXPECT_EQ(problems[0].since_ms, world.targets["web2"].state_since_ms) << "since the first";
    EXPECT_EQ(problems[0].members, (std::vector<QString>{"web1: busy", "web2: busy"}));
    const QString key = problems[0].key;
    EXPECT_TRUE(sentence(world).starts_with("Apache httpd workers on web1, web2: busy since"));
    for (int i = 3; i <= 7; ++i) {
        const QString name = QString("web%1").arg(i);
        world.targets[name] = test::target(name, "apache", "apache");
        test::setState(world.targets[name], State::kWarning, "very busy");
        world.targets[name].checks[0].name = "workers";
    }
    ASSERT_EQ(world.view().problems.size(), 1U);
    EXPECT_EQ(world.view().problems[0].title, "Apache httpd workers: 7 instances");
    EXPECT_EQ(world.view().problems[0].text, "web2: busy") << "the one that has stood longest";
    EXPECT_EQ(world.view().problems[0].key, key) << "a selection survives";
    EXPECT_EQ(sentence(world),
              "Apache httpd workers on 7 instances, such as web2: busy since 11:02:59 (4 min). "
              "Users may notice.");
}

TEST(Problems, TheFailedProbesOfAnInstanceAreOneRow) {
    World world;
    world.targets["db1 replication"] = test::target("db1", "mysql", "replication", "primary");
    int age_s = 20;
    for (const char* name : {"db1", "db1 replication"}) {
        TargetReport& report = world.targets[name];
        report.state = report.last_state = State::kUnknown;
        report.outcome = "timeout";
        report.message = QString("no answer within %1 s").arg(age_s);
        report.checks = {{report.probe, State::kUnknown, report.message}};
        report.state_since_ms = test::kNow_ms - age_s-- * 1000;
    }
    const std::vector<Problem> problems = world.view().problems;
    ASSERT_EQ(problems.size(), 1U);
    EXPECT_EQ(problems[0].title.toStdString(), "MySQL primary db1");
    EXPECT_EQ(problems[0].text, "no answer within 20 s") << "of the first";
    EXPECT_EQ(problems[0].members, (std::vector<QString>{"mysql: no answer within 20 s",
                                                         "replication: no answer within 19 s"}));
    EXPECT_TRUE(sentence(world).starts_with("MySQL primary db1: no answer within 20 s since"));
}

TEST(Problems, AnotherStateCheckOrTierIsARowOfItsOwn) {
    World world;
    test::setState(world.targets["web1"], State::kWarning, "busy");
    test::setState(world.targets["web2"], State::kCritical, "busy");
    test::setState(world.targets["db1"], State::kWarning, "busy");
    test::setState(world.targets["db2"], State::kWarning, "busy");
    EXPECT_EQ(world.view().problems.size(), 4U);
}

TEST(Problems, AnAlertShowsWhatTheCheckBehindItSays) {
    World world;
    test::setState(world.targets["db2"], State::kCritical, "SQL thread stopped by error 1062");
    world.alerts = {test::alert("ReplicaSqlThreadStopped", "critical", "db2")};
    EXPECT_EQ(world.view().problems[0].detail, "SQL thread stopped by error 1062");
    EXPECT_TRUE(world.view().verdict.detail.contains("error 1062"));
    world.targets["db2"].checks.push_back({"lag", State::kWarning, "12 s behind"});
    world.alerts[0].labels["check"] = "lag";
    EXPECT_EQ(world.view().problems[0].detail, "12 s behind") << "the check that it names";
    const auto detailOfAlert = [&] {
        for (const Problem& problem : world.view().problems)
            if (problem.origin == "alert firing") return problem.detail.toStdString();
        return std::string("no alert");
    };
    world.alerts[0].labels["instance"] = "db9";
    EXPECT_EQ(detailOfAlert(), "") << "another instance's check is none of its business";
    world.alerts[0].labels["instance"] = "db2";
    world.targets["db2"].freshness = Freshness::kLate;
    world.targets["db2"].checks.clear();
    EXPECT_TRUE(detailOfAlert().starts_with("no run for")) << detailOfAlert();
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
