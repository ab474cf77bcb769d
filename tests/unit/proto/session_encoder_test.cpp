#include <gtest/gtest.h>

#include "proto/wire.h"
#include "tests/unit/proto/sample_run.h"

namespace clusterwatch::wire {
namespace {

TEST(SessionEncoder, ASteadyProbeDefinesItsSeriesOnce) {
    SessionEncoder encoder;
    Report first, second;
    encoder.add(first, 1, 0, sampleRun());
    encoder.add(second, 2, 0, sampleRun());
    EXPECT_EQ(first.series.size(), 3u);
    EXPECT_EQ(first.layouts.size(), 1u);
    EXPECT_TRUE(second.series.empty());
    EXPECT_TRUE(second.layouts.empty());
    EXPECT_EQ(second.batches[0].run.layout, first.batches[0].run.layout);
    EXPECT_TRUE(second.batches[0].run.run.families.empty());
}

TEST(SessionEncoder, AChangedListIsANewLayoutOfKnownSeries) {
    SessionEncoder encoder;
    Report report;
    encoder.add(report, 1, 0, sampleRun());
    ProbeRun shorter = sampleRun();
    shorter.families.erase(shorter.families.begin() + 1);
    Report next;
    encoder.add(next, 2, 0, shorter);
    encoder.add(next, 3, 0, sampleRun());  // back to the first one, which is remembered
    EXPECT_TRUE(next.series.empty());
    ASSERT_EQ(next.layouts.size(), 1u);
    EXPECT_EQ(next.layouts[0].series, (std::vector<std::uint32_t>{0, 2}));
    EXPECT_EQ(next.batches[1].run.layout, report.batches[0].run.layout);
}

TEST(SessionEncoder, SeesAChangeOfOneLabelAndOfTheOrder) {
    SessionEncoder encoder;
    Report report;
    encoder.add(report, 1, 0, sampleRun());
    ProbeRun other = sampleRun();
    other.families[1].readings[0].labels.set("master_host", "db3");
    Report next;
    encoder.add(next, 2, 0, other);
    ASSERT_EQ(next.series.size(), 1u);
    EXPECT_EQ(next.series[0].labels.get("master_host"), "db3");
    EXPECT_FALSE(next.series[0].has_metadata);  // its name was described before

    ProbeRun turned = sampleRun();
    std::swap(turned.families[0], turned.families[2]);
    Report third;
    encoder.add(third, 3, 0, turned);
    ASSERT_EQ(third.layouts.size(), 1u);
    EXPECT_EQ(third.layouts[0].series, (std::vector<std::uint32_t>{2, 1, 0}));
}

TEST(SessionEncoder, ARunWithoutReadingsHasAnEmptyLayout) {
    SessionEncoder encoder;
    ProbeRun run = sampleRun();
    run.families.clear();
    Report report;
    encoder.add(report, 1, 0, run);
    ASSERT_EQ(report.layouts.size(), 1u);
    EXPECT_TRUE(report.layouts[0].series.empty());
    EXPECT_TRUE(report.batches[0].run.values.empty());
}

TEST(SessionEncoder, ResetDefinesEverythingAgain) {
    SessionEncoder encoder;
    Report first, second;
    encoder.setSession(9);
    encoder.add(first, 1, 0, sampleRun());
    encoder.reset();
    EXPECT_EQ(encoder.session(), 0u);
    encoder.add(second, 2, 0, sampleRun());
    EXPECT_EQ(second.series.size(), 3u);
    EXPECT_EQ(second.series[0].ref, 0u);
    EXPECT_TRUE(second.series[0].has_metadata);
}

// A probe whose series never stop changing must not grow the agent's memory for ever.
TEST(SessionEncoder, GivesUpASessionThatHasGrownTooLarge) {
    SessionEncoder encoder;
    encoder.setSession(9);
    std::uint64_t sequence = 0;
    std::size_t sessions = 0;
    for (std::size_t i = 0; i < kSessionLayouts + 10; ++i) {
        ProbeRun run = sampleRun();
        run.gauge("changing", "", 1, {{"id", std::to_string(i)}});
        Report report;
        encoder.add(report, ++sequence, 0, run);
        if (encoder.session() == 0) {
            ++sessions;
            EXPECT_EQ(report.series.front().ref, 0u);
            encoder.setSession(10);
        }
    }
    EXPECT_EQ(sessions, 1u);
}

}  // namespace
}  // namespace clusterwatch::wire
