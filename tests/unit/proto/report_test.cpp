#include <limits>

#include <gtest/gtest.h>

#include "common/sample.h"
#include "proto/wire.h"
#include "tests/unit/proto/sample_run.h"

namespace clusterwatch::wire {
namespace {

Report sampleReport() {
    Report report;
    report.agent = {"0123456789abcdef", 0xfeedfacecafebeef, "db2", "0.1.0",
                    "hosthost",         1'795'000'000'000};
    report.session = 77;
    report.lane = Lane::kBackfill;
    report.sent_ms = 1'795'345'632'100;
    report.clock_offset_seconds = -0.25;
    report.schedule_complete = true;
    report.schedule.push_back({"replication",
                               "mysql_replication",
                               "replica",
                               {"mysql", "db2"},
                               Milliseconds{10'000},
                               Milliseconds{5'000}});
    report.spool = {3, 4096, 1'795'345'600'000, 2, 80};
    report.dropped.push_back({5, 6, "age"});
    SessionEncoder encoder;
    encoder.add(report, 7, 0xdeadbeef, sampleRun());
    return report;
}

TEST(Report, KeepsEveryField) {
    const Report report = sampleReport();
    const auto back = decodeReport(encode(report));
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(back->agent.id, report.agent.id);
    EXPECT_EQ(back->agent.epoch, report.agent.epoch);
    EXPECT_EQ(back->agent.node, "db2");
    EXPECT_EQ(back->agent.version, "0.1.0");
    EXPECT_EQ(back->agent.host_id, "hosthost");
    EXPECT_EQ(back->agent.started_ms, report.agent.started_ms);
    EXPECT_EQ(back->session, 77u);
    EXPECT_EQ(back->lane, Lane::kBackfill);
    EXPECT_EQ(back->sent_ms, report.sent_ms);
    EXPECT_EQ(back->clock_offset_seconds, -0.25);
    EXPECT_TRUE(back->schedule_complete);
    EXPECT_EQ(back->schedule, report.schedule);
    EXPECT_EQ(back->spool.batches, 3u);
    EXPECT_EQ(back->spool.dropped_samples, 80u);
    ASSERT_EQ(back->dropped.size(), 1u);
    EXPECT_EQ(back->dropped[0].reason, "age");
    ASSERT_EQ(back->series.size(), 3u);
    EXPECT_EQ(back->series[1].labels.get("master_host"), "db1");
    EXPECT_TRUE(back->series[2].has_metadata);
    EXPECT_EQ(back->series[2].metadata.type, MetricType::kCounter);
    ASSERT_EQ(back->layouts.size(), 1u);
    ASSERT_EQ(back->batches.size(), 1u);
    EXPECT_EQ(back->batches[0].sequence, 7u);
    EXPECT_EQ(back->batches[0].checksum, 0xdeadbeefu);
    EXPECT_EQ(back->batches[0].run.values, (std::vector<double>{1, 0.25, 123'456'789'012.0}));
    EXPECT_EQ(back->batches[0].run.run.checks[0].state, State::kCritical);
}

TEST(Report, KeepsValuesBitForBitWhereverTheyStand) {
    const std::vector<double> edges = {0.0,
                                       -0.0,
                                       1,
                                       -1,
                                       0.5,
                                       9007199254740991.0,
                                       9007199254740992.0,
                                       -9007199254740991.0,
                                       -9007199254740992.0,
                                       1e300,
                                       std::numeric_limits<double>::infinity(),
                                       -std::numeric_limits<double>::infinity(),
                                       std::numeric_limits<double>::denorm_min(),
                                       std::bit_cast<double>(kNormalNaNBits),
                                       staleMarker()};
    // Every rotation, so that each edge stands first, last and beside every other.
    for (std::size_t shift = 0; shift < edges.size(); ++shift) {
        Report report = sampleReport();
        auto& values = report.batches[0].run.values;
        values.clear();
        for (std::size_t i = 0; i < edges.size(); ++i)
            values.push_back(edges[(i + shift) % edges.size()]);
        const auto back = decodeReport(encode(report));
        ASSERT_TRUE(back) << back.error().message();
        ASSERT_EQ(back->batches[0].run.values.size(), values.size());
        for (std::size_t i = 0; i < values.size(); ++i)
            EXPECT_TRUE(sameBits(back->batches[0].run.values[i], values[i])) << shift << " " << i;
    }
}

TEST(Report, AHeartbeatIsSmall) {
    Report report = sampleReport();
    report.series.clear();
    report.layouts.clear();
    report.batches.clear();
    report.schedule.clear();
    const std::string bytes = encode(report);
    EXPECT_TRUE(decodeReport(bytes));
    EXPECT_LT(bytes.size(), 150u);
}

TEST(ReportReply, KeepsEveryField) {
    ReportReply reply;
    reply.session = 5;
    reply.session_unknown = true;
    reply.acknowledged = {1, 2, 1'000'000'000'000};
    reply.refused.push_back({2, "too_old", 17});
    reply.received_ms = 10;
    reply.replied_ms = 11;
    reply.conflict = "two hosts";
    reply.collector_version = "0.1.0";
    const auto back = decodeReply(encode(reply));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->session, 5u);
    EXPECT_TRUE(back->session_unknown);
    EXPECT_EQ(back->acknowledged, reply.acknowledged);
    ASSERT_EQ(back->refused.size(), 1u);
    EXPECT_EQ(back->refused[0].reason, "too_old");
    EXPECT_EQ(back->refused[0].samples, 17u);
    EXPECT_EQ(back->received_ms, 10);
    EXPECT_EQ(back->replied_ms, 11);
    EXPECT_EQ(back->conflict, "two hosts");
    EXPECT_EQ(back->collector_version, "0.1.0");
}

}  // namespace
}  // namespace clusterwatch::wire
