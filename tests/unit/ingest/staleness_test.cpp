// `up`, staleness markers and marks of silence, as Prometheus would have them.
#include "tests/unit/ingest/harness.h"

namespace clusterwatch::ingest {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Staleness : public IngestTest {
  protected:
    static ProbeRun withLag(std::int64_t time_ms) {
        ProbeRun run = runAt(time_ms);
        run.gauge("lag", "", 3);
        return run;
    }
    std::vector<double> up() const {
        std::vector<double> values;
        for (const auto& sample : samples("up")) values.push_back(sample.value);
        return values;
    }
    const std::string group_ = "db2/mysql/db2/mysql";
};

TEST_F(Staleness, ASeriesThatTheNextRunLacksEndsThere) {
    Sender agent("db2");
    send(agent, 1, withLag(kStart));
    send(agent, 2, runAt(kStart + 10'000));
    send(agent, 3, runAt(kStart + 20'000));
    EXPECT_THAT(staleAt("lag"), ElementsAre(kStart + 10'000));
    EXPECT_THAT(staleAt("mysql_up"), IsEmpty());
}

TEST_F(Staleness, AFailedRunEndsAllThatItDoesNotBring) {
    Sender agent("db2");
    send(agent, 1, withLag(kStart));
    ProbeRun failed = runAt(kStart + 10'000);
    failed.outcome = Outcome::kRefused;
    failed.families[0].readings[0].value = 0;  // mysql_up 0
    send(agent, 2, failed);
    EXPECT_THAT(staleAt("lag"), ElementsAre(kStart + 10'000));
    EXPECT_THAT(staleAt("mysql_up"), IsEmpty());
    EXPECT_THAT(up(), ElementsAre(1, 1));  // the run arrived: `up` is about that
    EXPECT_THAT(staleAt("clusterwatch_probe_outcome", {{"outcome", "ok"}}),
                ElementsAre(kStart + 10'000));
}

TEST_F(Staleness, ReadsTheSameFromNotesAfterARestart) {
    Sender agent("db2");
    send(agent, 1, withLag(kStart));
    send(agent, 2, withLag(kStart + 10'000));
    start();
    heartbeat(agent);
    send(agent, 3, runAt(kStart + 20'000));
    EXPECT_THAT(staleAt("lag"), ElementsAre(kStart + 20'000));
}

TEST_F(Staleness, ProbesOfOneTargetDoNotEndEachOthersSeries) {
    Sender agent("db2");
    send(agent, 1, withLag(kStart));
    send(agent, 2, runAt(kStart + 3'000, "replication"));
    send(agent, 3, withLag(kStart + 10'000));
    EXPECT_THAT(staleAt("lag"), IsEmpty());
}

TEST_F(Staleness, BackfillAndLiveRunsDoNotEndEachOthersSeries) {
    Sender live("db2");
    Sender backfill("db2", 'a', wire::Lane::kBackfill);
    send(live, 1, withLag(kStart));
    clock_.advance(Milliseconds{100'000});
    send(live, 9, runAt(kStart + 100'000));  // live again, and the lag has gone meanwhile
    EXPECT_THAT(staleAt("lag"), ElementsAre(kStart + 100'000));
    for (std::uint64_t i = 1; i <= 8; ++i) {  // what happened in between: it went at +50 s
        const auto time = kStart + static_cast<std::int64_t>(i) * 10'000;
        send(backfill, i + 1 == 9 ? 99 : i + 1, i < 5 ? withLag(time) : runAt(time));
    }
    EXPECT_THAT(staleAt("lag"), ElementsAre(kStart + 50'000, kStart + 100'000));
    EXPECT_THAT(staleAt("mysql_up"), IsEmpty());
    send(live, 10, withLag(kStart + 110'000));
    EXPECT_THAT(staleAt("lag"), ElementsAre(kStart + 50'000, kStart + 100'000));
}

// The gap's first run is compared with the live run before the gap, though a newer one came since.
TEST_F(Staleness, WhatWentAtTheBeginningOfAGapEndsThere) {
    Sender live("db2");
    Sender backfill("db2", 'a', wire::Lane::kBackfill);
    send(live, 1, withLag(kStart));
    clock_.advance(Milliseconds{100'000});
    send(live, 9, withLag(kStart + 100'000));
    send(backfill, 2, runAt(kStart + 10'000));
    EXPECT_THAT(staleAt("lag"), ElementsAre(kStart + 10'000));
}

TEST_F(Staleness, AnOlderRunInTheLiveLaneIsHistory) {
    Sender agent("db2");
    send(agent, 2, runAt(kStart));
    send(agent, 1, runAt(kStart - 10'000));
    EXPECT_EQ(samples("mysql_up").size(), 2u);
    EXPECT_THAT(up(), ElementsAre(1));
}

TEST_F(Staleness, BackfillOutOfOrderEndsNothing) {
    Sender backfill("db2", 'a', wire::Lane::kBackfill);
    send(backfill, 2, withLag(kStart - 10'000));
    send(backfill, 1, runAt(kStart - 20'000));
    EXPECT_THAT(staleAt("lag"), IsEmpty());
}

TEST_F(Staleness, AProbeThatLeavesTheScheduleEnds) {
    Sender agent("db2");
    agent.schedule = {scheduled("mysql"), scheduled("replication")};
    send(agent, 1, withLag(kStart));
    clock_.advance(Milliseconds{1000});
    agent.schedule = {scheduled("replication")};
    heartbeat(agent);
    EXPECT_THAT(staleAt("lag"), ElementsAre(kStart + 1000));
    EXPECT_EQ(ingest_->nodes().at(0).targets.size(), 1u);
    heartbeat(agent);
    EXPECT_THAT(staleAt("lag"), ElementsAre(kStart + 1000));
}

TEST_F(Staleness, UpIsZeroForEachIntervalMissed) {
    Sender agent("db2");
    agent.schedule = {scheduled("mysql")};
    send(agent, 1, runAt(kStart));
    waitBeating(agent, std::chrono::seconds(16));
    EXPECT_THAT(up(), ElementsAre(1));
    waitBeating(agent, std::chrono::seconds(20));
    EXPECT_THAT(up(), ElementsAre(1, 0, 0));
    send(agent, 2, runAt(now()));
    // The run due at 30 s was not called missed yet, and has been passed over.
    EXPECT_THAT(up(), ElementsAre(1, 0, 0, 0, 1));
}

TEST_F(Staleness, UpIsZeroWhileAnotherProbeOfTheTargetIsMissing) {
    Sender agent("db2");
    agent.schedule = {scheduled("mysql"), scheduled("replication")};
    send(agent, 1, runAt(kStart, "mysql"));
    send(agent, 2, runAt(kStart, "replication"));
    waitBeating(agent, std::chrono::seconds(10));
    send(agent, 3, runAt(now(), "mysql"));
    EXPECT_EQ(up().back(), 1);  // the other one is not late yet
    waitBeating(agent, std::chrono::seconds(10));
    send(agent, 4, runAt(now(), "mysql"));
    EXPECT_EQ(up().back(), 0);
    send(agent, 5, runAt(now(), "replication"));
    clock_.advance(Milliseconds{100});
    send(agent, 6, runAt(now(), "mysql"));
    EXPECT_EQ(up().back(), 1);
}

TEST_F(Staleness, ARunWhoseFirstSendingFailedHasUpOne) {
    Sender live("db2");
    Sender backfill("db2", 'a', wire::Lane::kBackfill);
    live.schedule = {scheduled("mysql")};
    send(live, 1, runAt(kStart));
    waitBeating(live, std::chrono::seconds(11));
    send(backfill, 2, runAt(kStart + 10'000));
    EXPECT_EQ(ingest_->nodes().at(0).targets.at(0).freshness, derive::Freshness::kFresh);
    waitBeating(live, std::chrono::seconds(9));
    send(live, 3, runAt(now()));
    EXPECT_THAT(up(), ElementsAre(1, 1, 1));
}

TEST_F(Staleness, AnIntervalCalledMissedStaysMissed) {
    Sender live("db2");
    Sender backfill("db2", 'a', wire::Lane::kBackfill);
    live.schedule = {scheduled("mysql")};
    send(live, 1, runAt(kStart));
    waitBeating(live, std::chrono::seconds(18));
    EXPECT_THAT(up(), ElementsAre(1, 0));
    send(backfill, 2, runAt(kStart + 10'000));
    EXPECT_EQ(samples("mysql_up").size(), 2u);
    waitBeating(live, std::chrono::seconds(2));
    send(live, 3, runAt(now()));
    EXPECT_THAT(up(), ElementsAre(1, 0, 1));
}

// With so long a deadline the next run comes before the one before it could be called missed.
TEST_F(Staleness, ARunThatANewerOnePassedOverWasMissed) {
    Sender live("db2");
    Sender backfill("db2", 'a', wire::Lane::kBackfill);
    live.schedule = {scheduled("mysql")};
    live.schedule[0].deadline = Milliseconds{10'000};
    send(live, 1, runAt(kStart));
    waitBeating(live, std::chrono::seconds(20));
    send(live, 3, runAt(kStart + 20'000));
    send(backfill, 2, runAt(kStart + 10'000));
    EXPECT_THAT(up(), ElementsAre(1, 0, 1));
    EXPECT_EQ(samples("up").at(1).t_ms, kStart + 10'000);
    EXPECT_EQ(ingest_->statistics().missed_runs, 1u);
}

TEST_F(Staleness, ManyRunsInOneReportAreJudgedOneAfterTheOther) {
    Sender agent("db2");
    send(agent, 1, runAt(kStart));
    clock_.advance(std::chrono::seconds(11));
    wire::Report report = agent.report(clock_);
    for (const std::uint64_t i : {2u, 3u})  // the same interval's, twice
        agent.encoder.add(report, i, i, runAt(kStart + 8'000 + 1'000 * static_cast<int>(i)));
    exchange(agent, report);
    EXPECT_EQ(samples("mysql_up").size(), 3u);
    EXPECT_THAT(up(), ElementsAre(1, 1));
}

TEST_F(Staleness, AProbeThatNeverReportsHasUpZero) {
    Sender agent("db2");
    agent.schedule = {scheduled("mysql")};
    heartbeat(agent);
    waitBeating(agent, std::chrono::seconds(30));
    ASSERT_FALSE(up().empty());
    EXPECT_EQ(up().front(), 0);
}

TEST_F(Staleness, ALateRunIsStoredWithoutUp) {
    Sender agent("db2");
    send(agent, 1, runAt(kStart));
    clock_.advance(Milliseconds{60'000});
    send(agent, 2, runAt(kStart + 10'000));
    EXPECT_EQ(samples("mysql_up").size(), 2u);
    EXPECT_THAT(up(), ElementsAre(1));
}

TEST_F(Staleness, AnAgentSilentForThreeIntervalsIsMarkedAndBackfillTakesTheMarkBack) {
    Sender live("db2");
    live.schedule = {scheduled("mysql")};
    send(live, 1, runAt(kStart));
    wait(std::chrono::seconds(30));
    EXPECT_THAT(disk_->silences, IsEmpty());
    wait(std::chrono::seconds(30));
    ASSERT_EQ(disk_->silences.size(), 1u);  // once
    EXPECT_EQ(disk_->silences.begin()->first, group_);
    const auto mark = disk_->silences.begin()->second;

    send(live, 7, runAt(now()));
    EXPECT_EQ(disk_->silences.size(), 1u);  // it was silent, as far as is known
    Sender backfill("db2", 'a', wire::Lane::kBackfill);
    for (std::uint64_t i = 1; i <= 5; ++i)
        send(backfill, i + 1, runAt(kStart + static_cast<std::int64_t>(i) * 10'000));
    EXPECT_THAT(disk_->silences, IsEmpty()) << mark;
}

TEST_F(Staleness, MarksOfSilenceAreRebuiltFromNotes) {
    Sender agent("db2");
    send(agent, 1, runAt(kStart));
    wait(std::chrono::seconds(60));
    ASSERT_EQ(disk_->silences.size(), 1u);
    const auto before = disk_->silences;
    disk_->silences.clear();  // they are durable with the next checkpoint only
    start();
    EXPECT_EQ(disk_->silences, before);
    store_->checkpoint();
    send(agent, 2, runAt(kStart + 10'000));  // unknown session
    send(agent, 2, runAt(kStart + 10'000));
    EXPECT_THAT(disk_->silences, IsEmpty());
}

// kill -STOP of the collector, or its machine asleep: what it did not hear, nobody is to blame for.
TEST_F(Staleness, APauseOfTheCollectorMarksNobody) {
    Sender agent("db2");
    send(agent, 1, runAt(kStart));
    wait(std::chrono::seconds(1));
    clock_.advance(std::chrono::minutes(10));
    ingest_->tick();
    wait(std::chrono::seconds(3));
    EXPECT_THAT(disk_->silences, IsEmpty());
    EXPECT_THAT(up(), ElementsAre(1));
}

TEST_F(Staleness, AStepOfTheWallClockMarksNobody) {
    Sender agent("db2");
    send(agent, 1, runAt(kStart));
    for (const auto step : {std::chrono::hours(1), std::chrono::hours(-2)}) {
        clock_.stepWall(step);
        waitBeating(agent, std::chrono::seconds(3));
    }
    EXPECT_THAT(disk_->silences, IsEmpty());
    EXPECT_EQ(ingest_->nodes().at(0).targets.at(0).freshness, derive::Freshness::kFresh);
}

}  // namespace
}  // namespace clusterwatch::ingest
