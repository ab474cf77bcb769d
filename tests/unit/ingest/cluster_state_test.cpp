// What is shown of the cluster, and what the live feed tells.
#include <nlohmann/json.hpp>

#include "tests/unit/ingest/harness.h"

namespace clusterwatch::ingest {
namespace {

using derive::Freshness;
using testing::IsEmpty;

class Cluster : public IngestTest {
  protected:
    derive::NodeStatus node() const { return ingest_->nodes().at(0); }
    derive::TargetStatus target() const { return node().targets.at(0); }
    std::vector<nlohmann::json> live(std::string_view type) const {
        std::vector<nlohmann::json> out;
        const auto events = feed_.after(0, 10'000);
        for (const auto& event : events.value())
            if (event.type == type) out.push_back(nlohmann::json::parse(event.json));
        return out;
    }
    static ProbeRun critical(std::int64_t time_ms) {
        ProbeRun run = runAt(time_ms);
        run.check("replication", State::kCritical, "SQL thread stopped");
        run.evidence.push_back({"SHOW REPLICA STATUS", "Slave_SQL_Running: No"});
        return run;
    }
};

TEST_F(Cluster, AStateIsGoodOnlyWhileItIsFresh) {
    Sender agent("db2");
    agent.schedule = {scheduled("mysql")};
    heartbeat(agent);
    EXPECT_EQ(target().freshness, Freshness::kNever);
    EXPECT_EQ(target().state, State::kUnknown);
    send(agent, 1, runAt(now()));
    EXPECT_EQ(target().freshness, Freshness::kFresh);
    EXPECT_EQ(target().state, State::kOk);
    EXPECT_EQ(target().deadline, Milliseconds{5'000});

    waitBeating(agent, std::chrono::seconds(16));
    EXPECT_EQ(target().freshness, Freshness::kFresh);
    waitBeating(agent, std::chrono::seconds(1));
    EXPECT_EQ(target().freshness, Freshness::kLate);
    EXPECT_EQ(target().state, State::kUnknown);
    EXPECT_EQ(target().last_state, State::kOk);
    ASSERT_EQ(live("target").size(), 1u);
    EXPECT_EQ(live("target")[0]["freshness"], "late");
    EXPECT_EQ(live("target")[0]["state"], "unknown");
    EXPECT_EQ(live("target")[0]["node"], "db2");
}

TEST_F(Cluster, AnAgentIsSilentAfterFiveSecondsAndSaysSoWhenItIsBack) {
    Sender agent("db2");
    send(agent, 1, runAt(now()));
    wait(std::chrono::seconds(5));
    EXPECT_FALSE(node().silent);
    wait(Milliseconds{250});
    EXPECT_TRUE(node().silent);
    EXPECT_EQ(target().freshness, Freshness::kSilent);
    EXPECT_EQ(live("node").back()["silent"], true);
    EXPECT_EQ(live("target").back()["freshness"], "silent");
    heartbeat(agent);
    EXPECT_FALSE(node().silent);
    EXPECT_EQ(live("node").back()["silent"], false);
    wait(Milliseconds{250});
    EXPECT_EQ(live("target").back()["freshness"], "fresh");
    EXPECT_EQ(events("agent").size(), 2u);
}

TEST_F(Cluster, ARunIsTold) {
    Sender agent("db2");
    ProbeRun run = critical(now());
    run.facts.push_back({"version", "10.11"});
    send(agent, 1, run);
    ASSERT_EQ(live("run").size(), 1u);
    const auto told = live("run")[0];
    EXPECT_EQ(told["node"], "db2");
    EXPECT_EQ(told["job"], "mysql");
    EXPECT_EQ(told["state"], "critical");
    EXPECT_EQ(told["interval_seconds"], 10.0);
    EXPECT_EQ(told["checks"][0]["text"], "SQL thread stopped");
    EXPECT_EQ(told["facts"]["version"], "10.11");
    EXPECT_EQ(told["last_run_ms"], kStart);
}

TEST_F(Cluster, AFailedRunThatJudgesNothingIsUnknown) {
    Sender agent("db2");
    ProbeRun run = runAt(now());
    run.outcome = Outcome::kTimedOut;
    send(agent, 1, run);
    EXPECT_EQ(target().state, State::kUnknown);
}

TEST_F(Cluster, AChangeOfStateIsAnEventWithItsEvidence) {
    Sender agent("db2");
    ProbeRun good = runAt(now());
    good.check("replication", State::kOk, "in step");
    send(agent, 1, good);
    EXPECT_THAT(events("state"), IsEmpty());
    send(agent, 2, critical(kStart + 10'000));
    send(agent, 3, critical(kStart + 20'000));
    ASSERT_EQ(events("state").size(), 1u);
    EXPECT_EQ(events("state")[0], "mysql/db2/replication critical: SQL thread stopped");
    const auto detail = nlohmann::json::parse(disk_->events.back().detail);
    EXPECT_EQ(detail["evidence"][0]["text"], "Slave_SQL_Running: No");
    EXPECT_EQ(target().state_since_ms, kStart + 10'000);
}

TEST_F(Cluster, ARestartKnowsTheNodesButNothingGoodOfThem) {
    Sender agent("db2");
    agent.schedule = {scheduled("mysql")};
    send(agent, 1, critical(kStart));
    clock_.advance(Milliseconds{10'000});
    send(agent, 2, critical(kStart + 10'000));
    start();
    EXPECT_TRUE(node().silent);
    EXPECT_EQ(node().age_seconds, -1);
    EXPECT_EQ(target().freshness, Freshness::kSilent);
    EXPECT_EQ(target().state, State::kUnknown);
    EXPECT_EQ(target().last_state, State::kCritical);
    EXPECT_EQ(target().state_since_ms, kStart);
    EXPECT_EQ(target().checks.at(0).text, "SQL thread stopped");

    wait(std::chrono::seconds(14));
    EXPECT_THAT(events("agent"), IsEmpty());  // they are still reconnecting
    wait(std::chrono::seconds(2));
    EXPECT_EQ(events("agent").size(), 1u);
    heartbeat(agent);
    EXPECT_EQ(events("agent").size(), 2u);
}

TEST_F(Cluster, ARestartThatAgentsFollowInTimeIsNoEvent) {
    Sender agent("db2");
    send(agent, 1, critical(kStart));
    start();
    wait(std::chrono::seconds(3));
    agent.encoder.reset();
    send(agent, 2, critical(kStart + 10'000));
    waitBeating(agent, std::chrono::seconds(15));
    EXPECT_THAT(events("agent"), IsEmpty());
    EXPECT_EQ(events("state").size(), 1u);  // the first run's; the state is known over the restart
}

TEST_F(Cluster, BackfillIsNotTheStateOfThings) {
    Sender live("db2");
    Sender backfill("db2", 'a', wire::Lane::kBackfill);
    send(live, 9, critical(now()));
    send(backfill, 1, runAt(kStart - 50'000));
    EXPECT_EQ(target().state, State::kCritical);
    EXPECT_EQ(target().last_run_ms, kStart);
    EXPECT_EQ(IngestTest::feed_.after(0, 100)->size(), 2u);  // a node, a run
}

TEST_F(Cluster, ARenamedNodeLeavesItsOldName) {
    Sender agent("db2");
    send(agent, 1, runAt(now()));
    agent.identity.node = "db2-new";
    send(agent, 2, runAt(now() + 10));
    ASSERT_EQ(ingest_->nodes().size(), 1u);
    EXPECT_EQ(node().node, "db2-new");
}

TEST(LiveFeed, ASubscriberThatFellBehindIsTold) {
    derive::LiveFeed feed;
    int woken = 0;
    const auto token = feed.subscribe([&] { ++woken; });
    EXPECT_TRUE(feed.after(0, 10)->empty());
    for (std::size_t i = 0; i < derive::LiveFeed::kRing + 5; ++i) feed.publish("run", "{}");
    EXPECT_EQ(woken, static_cast<int>(derive::LiveFeed::kRing) + 5);
    EXPECT_FALSE(feed.after(4, 10));
    const auto tail = feed.after(5, 10);
    ASSERT_TRUE(tail);
    ASSERT_EQ(tail->size(), 10u);
    EXPECT_EQ(tail->front().id, 6u);
    EXPECT_FALSE(feed.after(feed.lastId() + 1, 10));  // of another life of the collector
    feed.unsubscribe(token);
    feed.publish("run", "{}");
    EXPECT_EQ(woken, static_cast<int>(derive::LiveFeed::kRing) + 5);
}

}  // namespace
}  // namespace clusterwatch::ingest
