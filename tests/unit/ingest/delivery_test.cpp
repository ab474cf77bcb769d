// Exactly once, through resends, crashes, conflicts and failures of the store.
#include "common/limits.h"
#include "tests/unit/ingest/harness.h"

namespace clusterwatch::ingest {
namespace {

using testing::ElementsAre;

class Delivery : public IngestTest {};

TEST_F(Delivery, StoresARunAndAcknowledgesIt) {
    Sender agent("db2");
    const auto reply = send(agent, 1, runAt(kStart));
    EXPECT_THAT(reply.acknowledged, ElementsAre(1u));
    EXPECT_NE(reply.session, 0u);
    EXPECT_EQ(reply.received_ms, kStart);
    ASSERT_EQ(samples("mysql_up").size(), 1u);
    EXPECT_EQ(samples("mysql_up")[0].t_ms, kStart);
    EXPECT_EQ(samples("mysql_up")[0].value, 1);
    EXPECT_EQ(store_->described["mysql_up"].type, MetricType::kGauge);
    EXPECT_EQ(store_->commits, 1);
}

TEST_F(Delivery, AResendIsAcknowledgedAndNotStored) {
    Sender agent("db2");
    for (int i = 0; i < 50; ++i)
        EXPECT_THAT(send(agent, 1, runAt(kStart)).acknowledged, ElementsAre(1u));
    EXPECT_EQ(samples("mysql_up").size(), 1u);
    EXPECT_EQ(ingest_->statistics().duplicates, 49u);
    EXPECT_EQ(store_->commits, 1);
}

TEST_F(Delivery, ManyBatchesAreOneCommit) {
    Sender agent("db2", 'a', wire::Lane::kBackfill);
    wire::Report report = agent.report(clock_);
    for (std::uint64_t i = 1; i <= 500; ++i)
        agent.encoder.add(report, i, 0, runAt(kStart - 6'000'000 + static_cast<int>(i) * 10'000));
    const auto reply = exchange(agent, report);
    EXPECT_EQ(reply.acknowledged.size(), 500u);
    EXPECT_EQ(samples("mysql_up").size(), 500u);
    EXPECT_EQ(store_->commits, 1);
}

// The answer is lost after the commit: the journal knows, the agent doesn't.
TEST_F(Delivery, ACrashBetweenCommitAndAnswerIsResolvedByTheNote) {
    Sender agent("db2");
    store_->loseNextAnswer();
    wire::Report report = agent.report(clock_);
    agent.encoder.add(report, 1, 7, runAt(kStart));
    EXPECT_EQ(post(report).status, 503);
    start();
    report.session = 0;
    EXPECT_THAT(exchange(agent, report).acknowledged, ElementsAre(1u));
    EXPECT_EQ(samples("mysql_up").size(), 1u);
}

TEST_F(Delivery, ARestartRemembersFromCheckpointAndNotes) {
    Sender agent("db2");
    send(agent, 1, runAt(kStart));
    store_->checkpoint();
    clock_.advance(Milliseconds{10'000});
    send(agent, 2, runAt(kStart + 10'000));
    start();

    EXPECT_TRUE(send(agent, 1, runAt(kStart)).session_unknown);  // sessions are in memory only
    EXPECT_EQ(samples("mysql_up").size(), 2u);
    EXPECT_THAT(send(agent, 1, runAt(kStart)).acknowledged, ElementsAre(1u));
    EXPECT_THAT(send(agent, 2, runAt(kStart + 10'000)).acknowledged, ElementsAre(2u));
    EXPECT_EQ(samples("mysql_up").size(), 2u);
    EXPECT_EQ(ingest_->statistics().duplicates, 2u);
    send(agent, 3, runAt(kStart + 20'000));
    EXPECT_EQ(samples("mysql_up").size(), 3u);
}

// Every prefix of a history, ended by a kill and replayed in whole, leaves each sample once.
TEST_F(Delivery, KillsAtAnyPointLeaveEachSampleOnce) {
    Sender live("db2");
    Sender backfill("db2", 'a', wire::Lane::kBackfill);
    for (std::uint64_t round = 1; round <= 30; ++round) {
        const auto time = kStart + static_cast<std::int64_t>(round) * 10'000;
        if (round % 3 == 0) store_->checkpoint();
        if (round % 5 == 0) store_->loseNextAnswer();
        wire::Report report = (round % 2 ? live : backfill).report(clock_);
        report.session = 0;
        wire::SessionEncoder encoder;
        encoder.add(report, round, static_cast<std::uint32_t>(round), runAt(time));
        const auto first = post(report);
        if (round % 4 == 0) start();
        if (first.status != 200) start();
        EXPECT_EQ(post(report).status, 200);
        clock_.advance(Milliseconds{10'000});
    }
    EXPECT_EQ(samples("mysql_up").size(), 30u);
}

TEST_F(Delivery, AnUnknownSessionStoresNothing) {
    Sender agent("db2");
    agent.encoder.setSession(12345);
    const auto reply = send(agent, 1, runAt(kStart));
    EXPECT_TRUE(reply.session_unknown);
    EXPECT_TRUE(reply.acknowledged.empty());
    EXPECT_EQ(store_->commits, 0);
    EXPECT_FALSE(ingest_->nodes().at(0).silent);  // but the agent has spoken
    EXPECT_THAT(send(agent, 1, runAt(kStart)).acknowledged, ElementsAre(1u));
}

TEST_F(Delivery, ReferencesThatTheSessionLacksMakeTheAgentDefineThemAgain) {
    Sender agent("db2");
    send(agent, 1, runAt(kStart));
    wire::Report report = agent.report(clock_);
    agent.encoder.add(report, 2, 0, runAt(kStart + 10'000));
    report.batches[0].run.layout = 7;
    EXPECT_TRUE(exchange(agent, report).session_unknown);
    EXPECT_THAT(send(agent, 2, runAt(kStart + 10'000)).acknowledged, ElementsAre(2u));
}

TEST_F(Delivery, TheSameReportAgainIsUnderstoodInItsSession) {
    Sender agent("db2");
    heartbeat(agent);
    wire::Report report = agent.report(clock_);
    agent.encoder.add(report, 1, 0, runAt(kStart));
    EXPECT_FALSE(exchange(agent, report).session_unknown);
    EXPECT_FALSE(exchange(agent, report).session_unknown);
    EXPECT_EQ(samples("mysql_up").size(), 1u);
}

TEST_F(Delivery, AKnownNumberWithAnotherContentIsAConflict) {
    Sender agent("db2");
    send(agent, 1, runAt(kStart));
    ProbeRun other = runAt(kStart);
    other.families[0].readings[0].value = 0;
    const auto reply = send(agent, 1, other);
    EXPECT_THAT(reply.conflict, testing::HasSubstr("another content"));
    EXPECT_TRUE(reply.acknowledged.empty());
    EXPECT_EQ(samples("mysql_up").size(), 1u);
    EXPECT_THAT(ingest_->nodes().at(0).conflict, testing::HasSubstr("another content"));
    EXPECT_EQ(events("conflict").size(), 1u);
    send(agent, 1, other);
    EXPECT_EQ(events("conflict").size(), 1u);  // told once
    EXPECT_EQ(ingest_->statistics().conflicts, 2u);

    agent.identity.epoch = 2;  // a new spool counts from 1 again
    EXPECT_THAT(send(agent, 1, other).acknowledged, ElementsAre(1u));
}

TEST_F(Delivery, TwoHostsWithOneIdAreAConflictUntilOneIsGone) {
    Sender agent("db2");
    send(agent, 1, runAt(kStart));
    Sender clone("db2");
    clone.identity.host_id = "host-2";
    EXPECT_THAT(send(clone, 2, runAt(kStart + 1)).conflict, testing::HasSubstr("two hosts"));
    EXPECT_THAT(ingest_->nodes().at(0).conflict, testing::HasSubstr("two hosts"));
    EXPECT_TRUE(heartbeat(agent).conflict.empty());  // the first one goes on
    wait(std::chrono::seconds(20));
    EXPECT_TRUE(send(clone, 2, runAt(now())).conflict.empty());
}

TEST_F(Delivery, TwoAgentsWithOneNodeNameAreAConflictUntilOneIsGone) {
    Sender agent("db2");
    send(agent, 1, runAt(kStart));
    Sender other("db2", 'b');
    EXPECT_THAT(send(other, 1, runAt(kStart + 1)).conflict, testing::HasSubstr("two agents"));
    start();  // also across a restart of the collector
    EXPECT_THAT(send(other, 1, runAt(kStart + 1)).conflict, testing::HasSubstr("two agents"));
    wait(std::chrono::seconds(20));
    EXPECT_TRUE(send(other, 1, runAt(now())).conflict.empty());
    EXPECT_EQ(ingest_->nodes().size(), 1u);
    start();
    EXPECT_EQ(ingest_->nodes().size(), 1u);
}

TEST_F(Delivery, DroppedBatchesAreAKnownGap) {
    Sender agent("db2");
    send(agent, 1, runAt(kStart));
    agent.dropped = {{2, 5, "age"}};
    heartbeat(agent);
    heartbeat(agent);
    EXPECT_EQ(events("agent").size(), 1u);
    EXPECT_THAT(events("agent")[0], testing::HasSubstr("dropped its batches 2 to 5"));
    start();
    heartbeat(agent);
    EXPECT_EQ(events("agent").size(), 1u);
}

TEST_F(Delivery, AFullDiskIsAnswered507AndRecovers) {
    Sender agent("db2");
    store_->failNext(Error{ErrorCode::kFull, "no space left on device"});
    wire::Report report = agent.report(clock_);
    agent.encoder.add(report, 1, 0, runAt(kStart));
    const auto refused = post(report);
    EXPECT_EQ(refused.status, 507);
    EXPECT_GT(refused.retry_after_seconds, 0);
    EXPECT_EQ(post(report).status, 200);
    EXPECT_EQ(samples("mysql_up").size(), 1u);

    store_->failNext(Error{ErrorCode::kIo, "input/output error"});
    agent.encoder.reset();
    wire::Report next = agent.report(clock_);
    agent.encoder.add(next, 2, 0, runAt(kStart + 10));
    EXPECT_EQ(post(next).status, 503);
    EXPECT_EQ(ingest_->statistics().store_failures, 2u);
}

TEST_F(Delivery, MalformedAndOversizedReportsAreRefused) {
    EXPECT_EQ(ingest_->report("garbage", "zstd").status, 400);
    EXPECT_EQ(ingest_->report("garbage", "identity").status, 400);
    EXPECT_EQ(ingest_->report("", "gzip").status, 400);
    EXPECT_EQ(ingest_->report(std::string(limits::kBodyBytes + 1, 'x'), "").status, 413);
    EXPECT_EQ(ingest_->report(wire::compress(std::string(20 << 20, 'a')), "zstd").status, 413);
    EXPECT_EQ(ingest_->statistics().refused_reports, 5u);
    EXPECT_TRUE(ingest_->nodes().empty());
}

TEST_F(Delivery, TooManyAgentsAreTurnedAway) {
    for (char id = 'a'; id < 'a' + 10; ++id) {
        Sender agent(std::string("node-") + id, id);
        heartbeat(agent);
    }
    Sender late("node-late", 'z');
    const auto answer = post(late.report(clock_));
    EXPECT_EQ(answer.status, 429);
    EXPECT_GT(answer.retry_after_seconds, 0);
}

}  // namespace
}  // namespace clusterwatch::ingest
