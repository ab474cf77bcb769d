#include "agent/sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agent/fake_collector.h"
#include "tests/unit/agent/support.h"

namespace clusterwatch::agent {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using Mood = FakeCollector::Mood;

class SenderTest : public testing::Test {
  protected:
    void SetUp() override {
        auto spool = Spool::open(
            posixFileSystem(),
            {{directory_.path() / "spool", 64u << 20, Milliseconds{0}}, {"http://c:1"}}, clock_);
        ASSERT_TRUE(spool) << spool.error().message();
        spool_ = std::move(*spool);
    }
    void start() {
        auto transport = makeHttpTransport({collector_.url(), "", ""});
        ASSERT_TRUE(transport);
        transport_ = std::move(*transport);
        SenderOptions options;
        options.url = collector_.url();
        options.agent.id = spool_->agentId();
        options.agent.epoch = spool_->epoch();
        options.agent.node = "n";
        options.schedule = {{.probe = "fake",
                             .kind = "fake",
                             .role = "",
                             .target = {"fake", "here"},
                             .interval = 10s,
                             .deadline = 5s}};
        sender_ = std::make_unique<Sender>(options, *spool_, *transport_, corrected_, &corrected_,
                                           clock_);
        sender_->start();
    }
    void TearDown() override {
        if (sender_) sender_->stop(0ms);
    }
    void add(double value) { sender_->deliver(spool_->add(smallRun(value))); }
    bool allStored(std::size_t count) {
        return eventually(
            [&] { return collector_.stored().size() == count && spool_->status().batches == 0; });
    }

    TemporaryDirectory directory_;
    SystemClock clock_;
    CorrectedClock corrected_{clock_};
    FakeCollector collector_;
    std::unique_ptr<Spool> spool_;
    std::unique_ptr<Transport> transport_;
    std::unique_ptr<Sender> sender_;
};

TEST_F(SenderTest, ANewBatchArrivesAtOnceAndIsDeletedWhenAcknowledged) {
    start();
    const auto begun = std::chrono::steady_clock::now();
    add(7);
    ASSERT_TRUE(allStored(1));
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 1s);
    EXPECT_EQ(collector_.stored().at(1).first_value, 7);
    EXPECT_EQ(collector_.stored().at(1).lane, wire::Lane::kLive);
    EXPECT_EQ(collector_.schedule().size(), 1u);
    EXPECT_EQ(collector_.last().agent.node, "n");
}

TEST_F(SenderTest, OnlyWhatWasSentIsDeletedWhateverIsAcknowledged) {
    collector_.set(Mood::kAcknowledgeMore);
    start();
    const auto sent = spool_->add(smallRun(1));
    const auto unsent = spool_->add(smallRun(2));
    sender_->deliver(sent);
    ASSERT_TRUE(eventually([&] { return sender_->statistics().batches_live == 1; }));
    EXPECT_EQ(spool_->status().batches, 1u);
    sender_->deliver(unsent);
    EXPECT_TRUE(allStored(2));
}

TEST_F(SenderTest, ASilentAgentSendsHeartbeats) {
    start();
    EXPECT_TRUE(eventually([&] { return collector_.heartbeats() >= 2; }, 6s));
    EXPECT_TRUE(collector_.stored().empty());
}

TEST_F(SenderTest, ALostReplyIsSentAgainAndStoredOnce) {
    start();
    add(1);
    ASSERT_TRUE(allStored(1));
    collector_.set(Mood::kLoseReply);
    add(2);
    ASSERT_TRUE(allStored(2));
    EXPECT_THAT(collector_.arrivals(), ElementsAre(1, 2, 2));
    EXPECT_EQ(sender_->statistics().reports["no_answer"], 1u);
    EXPECT_EQ(sender_->statistics().conflicts, 0u);
}

TEST_F(SenderTest, AnUnknownSessionIsOpenedAgainWithoutDelay) {
    start();
    add(1);
    ASSERT_TRUE(allStored(1));
    collector_.set(Mood::kForgetful);
    add(2);
    ASSERT_TRUE(allStored(2));
    EXPECT_EQ(sender_->statistics().reports["session_unknown"], 1u);
    EXPECT_EQ(sender_->statistics().sessions, 2u);
    EXPECT_FALSE(sender_->statistics().backing_off);
}

TEST_F(SenderTest, RetryAfterIsHonouredAndNothingIsLost) {
    start();
    collector_.set(Mood::kStatus, 507, "2");
    add(1);
    ASSERT_TRUE(eventually([&] { return sender_->statistics().reports["status_507"] == 1; }));
    const auto refused = std::chrono::steady_clock::now();
    const auto reports = collector_.reports();
    collector_.set(Mood::kWell);
    add(2);
    ASSERT_TRUE(eventually([&] { return collector_.reports() > reports; }));
    EXPECT_GE(std::chrono::steady_clock::now() - refused, 1900ms);
    ASSERT_TRUE(allStored(2));
}

TEST_F(SenderTest, AfterAnOutageTheNewestComesBeforeTheOld) {
    for (int i = 1; i <= 500; ++i) spool_->add(smallRun(i));
    start();
    add(501);
    ASSERT_TRUE(allStored(501));
    const auto arrivals = collector_.arrivals();
    const auto live = std::find(arrivals.begin(), arrivals.end(), 501u) - arrivals.begin();
    EXPECT_LE(live, static_cast<std::ptrdiff_t>(2 * kBackfillBatches));
    EXPECT_EQ(collector_.stored().at(501).lane, wire::Lane::kLive);
    EXPECT_EQ(collector_.stored().at(1).lane, wire::Lane::kBackfill);
    EXPECT_EQ(arrivals.size(), 501u);  // nothing twice
    for (int i = 1; i <= 501; ++i)
        EXPECT_EQ(collector_.stored().at(static_cast<std::uint64_t>(i)).first_value, i);
}

TEST_F(SenderTest, APoisonedBatchDoesNotBlockTheOthers) {
    for (int i = 1; i <= 6; ++i) spool_->add(smallRun(i));
    collector_.poison(3);
    start();
    ASSERT_TRUE(allStored(5));
    EXPECT_FALSE(collector_.stored().contains(3));
    EXPECT_EQ(sender_->statistics().given_up, 1u);
    EXPECT_EQ(spool_->status().dropped_batches, 1u);
    ASSERT_TRUE(eventually([&] { return spool_->droppedRanges(0).empty(); }));  // and it was told
}

TEST_F(SenderTest, LearnsTheCollectorsClock) {
    collector_.setAhead(5000ms);
    start();
    add(1);
    ASSERT_TRUE(eventually([&] { return corrected_.correcting(); }));
    EXPECT_NEAR(static_cast<double>(corrected_.offset()->count()), 5000, 100);
}

TEST_F(SenderTest, StoppingSendsWhatWaits) {
    start();
    add(1);
    sender_->stop(5s);
    EXPECT_EQ(collector_.stored().size(), 1u);
}

}  // namespace
}  // namespace clusterwatch::agent
