#include "agent/run_limits.h"

#include <gtest/gtest.h>

#include "common/limits.h"
#include "common/text.h"
#include "tests/unit/agent/support.h"

namespace clusterwatch::agent {
namespace {

TEST(RunLimits, LeavesAnOrdinaryRunAlone) {
    auto run = smallRun(1, 10);
    run.check("reachable", State::kOk, "answers");
    const auto cut = applyLimits(run, true);
    EXPECT_EQ(cut.samples, 0u);
    EXPECT_EQ(cut.texts, 0u);
    EXPECT_EQ(run.sampleCount(), 10u);
}

TEST(RunLimits, CutsAndCountsWhatIsOver) {
    auto run = smallRun(0, limits::kSeriesPerProbe + 7);
    run.gauge("bad-name", "", 1);
    run.gauge("good", "", 1, {{"a", std::string(limits::kLabelValueBytes + 1, 'x')}});
    run.message = std::string(limits::kTextBytes + 1, 'm');
    const auto cut = applyLimits(run, true);
    EXPECT_EQ(run.sampleCount(), limits::kSeriesPerProbe);
    EXPECT_EQ(cut.samples, 9u);
    EXPECT_EQ(cut.texts, 1u);
    EXPECT_LE(run.message.size(), limits::kTextBytes);
}

TEST(RunLimits, TextsLeaveAsUtf8) {
    auto run = smallRun(1);
    run.check("replication", State::kCritical, "Table 'caf\xe9' doesn't exist");
    applyLimits(run, true);
    EXPECT_TRUE(isValidUtf8(run.checks[0].text));
    EXPECT_EQ(run.checks[0].text, "Table 'caf?' doesn't exist");
}

TEST(RunLimits, EvidenceStaysOnlyWhereItIsWanted) {
    auto run = smallRun(1);
    run.evidence.push_back({"SHOW REPLICA STATUS", "..."});
    auto copy = run;
    applyLimits(run, true);
    EXPECT_EQ(run.evidence.size(), 1u);
    applyLimits(copy, false);
    EXPECT_TRUE(copy.evidence.empty());
}

}  // namespace
}  // namespace clusterwatch::agent
