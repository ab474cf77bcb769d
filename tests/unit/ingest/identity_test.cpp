// Whose series they are, and how many there may be.
#include "tests/unit/ingest/harness.h"

namespace clusterwatch::ingest {
namespace {

class Identity : public IngestTest {};

TEST_F(Identity, ComesFromTheAgentAndTheCollectorNeverFromSamples) {
    Sender agent("db2");
    ProbeRun run = runAt(kStart);
    run.gauge("g", "", 1,
              {{"node", "liar"},
               {"cluster", "liar"},
               {"namespace", "liar"},
               {"job", "liar"},
               {"instance", "liar"},
               {"mode", "idle"}});
    send(agent, 1, run);
    EXPECT_EQ(labelsOf("g"), (Labels{{"__name__", "g"},
                                     {"job", "mysql"},
                                     {"instance", "db2"},
                                     {"node", "db2"},
                                     {"cluster", "demo"},
                                     {"namespace", "default"},
                                     {"mode", "idle"}}));
    EXPECT_EQ(ingest_->statistics().dropped_labels, 5u);
}

TEST_F(Identity, SeriesThatDifferOnlyInDroppedLabelsAreRefusedOnce) {
    Sender agent("db2");
    ProbeRun run = runAt(kStart);
    run.gauge("g", "", 1, {{"node", "a"}});
    run.gauge("g", "", 2, {{"node", "b"}});
    const auto reply = send(agent, 1, run);
    ASSERT_EQ(reply.refused.size(), 1u);
    EXPECT_EQ(reply.refused[0].sequence, 1u);
    EXPECT_EQ(reply.refused[0].samples, 1u);
    EXPECT_EQ(samples("g").size(), 1u);
}

TEST_F(Identity, TheCollectorsOwnMetricsAreItsOwn) {
    Sender agent("db2");
    ProbeRun run = runAt(kStart);
    run.gauge("up", "", 17);
    const auto reply = send(agent, 1, run);
    ASSERT_EQ(reply.refused.size(), 1u);
    ASSERT_EQ(samples("up").size(), 1u);
    EXPECT_EQ(samples("up")[0].value, 1);
}

TEST_F(Identity, EveryRunBringsWhatIsKnownOfItsTarget) {
    Sender agent("db2");
    ProbeRun run = runAt(kStart);
    run.check("replication", State::kCritical, "SQL thread stopped");
    run.facts.push_back({"version", "10.11.19-MariaDB"});
    send(agent, 1, run);
    EXPECT_EQ(samples("clusterwatch_check_state", {{"check", "replication"}})[0].value, 2);
    EXPECT_EQ(samples("clusterwatch_probe_outcome", {{"outcome", "ok"}})[0].value, 1);
    EXPECT_EQ(samples("scrape_duration_seconds")[0].value, 0.02);
    EXPECT_EQ(samples("scrape_samples_scraped")[0].value, 1);
    EXPECT_EQ(samples("target_info")[0].value, 1);
    EXPECT_EQ(labelsOf("target_info").get("version"), "10.11.19-MariaDB");
    EXPECT_EQ(labelsOf("target_info").get("role"), "replica");
    EXPECT_EQ(labelsOf("scrape_duration_seconds").get("probe"), "mysql");
    EXPECT_FALSE(labelsOf("up").has("probe"));
}

TEST_F(Identity, AnAgentOverItsLimitLosesTheRestAndOthersNothing) {
    Sender flood("web1", 'f');
    ProbeRun run = runAt(kStart);
    for (int i = 0; i < 1500; ++i) run.gauge("id", "", 1, {{"id", std::to_string(i)}});
    const auto reply = send(flood, 1, run);
    EXPECT_THAT(reply.acknowledged, testing::ElementsAre(1u));
    ASSERT_EQ(reply.refused.size(), 1u);
    EXPECT_EQ(reply.refused[0].samples, 501u);
    EXPECT_THAT(reply.refused[0].reason, testing::HasSubstr("limit"));
    EXPECT_EQ(ingest_->statistics().refused_samples, 501u);
    EXPECT_EQ(ingest_->statistics().series_limit_hits, 1u);

    Sender other("db2", 'o');
    EXPECT_TRUE(send(other, 1, runAt(kStart)).refused.empty());

    // An hour later what is used no more is no longer counted.
    clock_.advance(std::chrono::hours(2));
    EXPECT_TRUE(send(flood, 2, runAt(now())).refused.empty());
}

TEST_F(Identity, TheStoresLimitIsToldByBatch) {
    Sender agent("db2");
    send(agent, 1, runAt(kStart));
    store_->setMaxSeries(0);
    ProbeRun run = runAt(kStart + 10'000);
    run.gauge("more", "", 1);
    const auto reply = send(agent, 2, run);
    ASSERT_EQ(reply.refused.size(), 1u);
    EXPECT_EQ(reply.refused[0].samples, 1u);
    EXPECT_EQ(samples("mysql_up").size(), 2u);
}

TEST_F(Identity, ARunFromTheFutureIsRefusedAndLeavesNoTrace) {
    Sender agent("db2");
    const auto reply = send(agent, 1, runAt(kStart + 3'600'000));
    EXPECT_THAT(reply.acknowledged, testing::ElementsAre(1u));
    ASSERT_EQ(reply.refused.size(), 1u);
    EXPECT_THAT(reply.refused[0].reason, testing::HasSubstr("ahead"));
    send(agent, 2, runAt(kStart));
    EXPECT_EQ(samples("up").size(), 1u);  // the wrong clock did not make this run look old
}

}  // namespace
}  // namespace clusterwatch::ingest
