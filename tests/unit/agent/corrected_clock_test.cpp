#include "agent/corrected_clock.h"

#include <gtest/gtest.h>

namespace clusterwatch::agent {
namespace {

using namespace std::chrono_literals;

class CorrectedClockTest : public testing::Test {
  protected:
    // An exchange with a collector whose clock is `ahead`; the way there and back take so long.
    void exchange(Milliseconds ahead, Milliseconds there, Milliseconds back) {
        Exchange e;
        e.sent = clock_.wallNow();
        e.received = e.sent + there + ahead;
        e.replied = e.received + 1ms;
        e.answered = e.sent + there + 1ms + back;
        e.elapsed = there + 1ms + back;
        corrected_.learn(e);
    }

    ManualClock clock_{fromUnixMs(1'000'000'000)};
    CorrectedClock corrected_{clock_};
};

TEST_F(CorrectedClockTest, KeepsTheAgentsTimeBeforeAnythingIsKnown) {
    EXPECT_EQ(corrected_.now(), clock_.wallNow());
    EXPECT_FALSE(corrected_.offset());
}

TEST_F(CorrectedClockTest, KeepsTheAgentsTimeWithinASecond) {
    exchange(900ms, 2ms, 2ms);
    EXPECT_EQ(corrected_.offset(), 900ms);
    EXPECT_EQ(corrected_.now(), clock_.wallNow());
}

TEST_F(CorrectedClockTest, CorrectsBeyondASecondInBothDirections) {
    exchange(5s, 2ms, 2ms);
    EXPECT_EQ(corrected_.now(), clock_.wallNow() + 5s);
    exchange(-3600s, 2ms, 2ms);
    EXPECT_EQ(corrected_.now(), clock_.wallNow() - 3600s);
}

TEST_F(CorrectedClockTest, OneSlowLopsidedExchangeMisleadsNobody) {
    exchange(100ms, 1ms, 1ms);
    exchange(100ms, 4000ms, 0ms);  // would say 2.1 s
    EXPECT_EQ(corrected_.offset(), 100ms);
    EXPECT_FALSE(corrected_.correcting());
}

TEST_F(CorrectedClockTest, ASteppedClockIsNoticedAtOnce) {
    for (int i = 0; i < 8; ++i) exchange(0ms, 1ms, 1ms);
    exchange(3600s, 3ms, 3ms);  // a longer round trip than all before
    EXPECT_EQ(corrected_.offset(), 3600s);
}

TEST_F(CorrectedClockTest, DoesNotFlapAroundTheTolerance) {
    exchange(1010ms, 0ms, 0ms);
    EXPECT_TRUE(corrected_.correcting());
    exchange(990ms, 0ms, 0ms);
    EXPECT_TRUE(corrected_.correcting());
    exchange(400ms, 0ms, 0ms);
    EXPECT_FALSE(corrected_.correcting());
}

TEST_F(CorrectedClockTest, IgnoresAnExchangeDuringWhichTheClockWasStepped) {
    Exchange e{clock_.wallNow(), clock_.wallNow() + 3600s, 4ms, clock_.wallNow(), clock_.wallNow()};
    corrected_.learn(e);
    EXPECT_FALSE(corrected_.offset());
}

}  // namespace
}  // namespace clusterwatch::agent
