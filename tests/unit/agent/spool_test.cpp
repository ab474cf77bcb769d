#include "agent/spool.h"

#include <fstream>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agent/support.h"

namespace clusterwatch::agent {
namespace {

using testing::ElementsAre;

class SpoolTest : public testing::Test {
  protected:
    void open(std::vector<std::string> collectors = {"http://one:1"},
              std::uint64_t max_bytes = 64u << 20, Milliseconds max_age = Milliseconds{0}) {
        spool_.reset();
        auto opened = Spool::open(
            posixFileSystem(),
            {{directory_.path() / "spool", max_bytes, max_age}, std::move(collectors)}, clock_);
        ASSERT_TRUE(opened) << opened.error().message();
        spool_ = std::move(*opened);
    }
    std::vector<std::uint64_t> pending(std::size_t collector = 0,
                                       std::uint64_t before = UINT64_MAX) {
        std::vector<std::uint64_t> out;
        const auto status = spool_->readPending(collector, before, [&](const SpooledBatch& batch) {
            out.push_back(batch.sequence);
            return true;
        });
        EXPECT_TRUE(status) << status.error().message();
        return out;
    }
    // About 50 kB each, so that a segment holds twenty or so.
    BatchPointer addBig(double value) {
        ProbeRun run = smallRun(value, 3000, toUnixMs(clock_.wallNow()));
        for (auto& reading : run.families[0].readings) {
            random_ = random_ * 6364136223846793005u + 1442695040888963407u;
            reading.value = static_cast<double>(random_);
        }
        return spool_->add(std::move(run));
    }

    TemporaryDirectory directory_;
    ManualClock clock_{fromUnixMs(1'795'000'000'000)};
    std::unique_ptr<Spool> spool_;
    std::uint64_t random_ = 1;
};

TEST_F(SpoolTest, NumbersFromOneAndKeepsTheRunAsItWas) {
    open();
    const auto run = smallRun(41.5, 3);
    EXPECT_EQ(spool_->add(run)->sequence, 1u);
    EXPECT_EQ(spool_->add(run)->sequence, 2u);
    std::vector<SpooledBatch> read;
    ASSERT_TRUE(spool_->readPending(0, UINT64_MAX, [&](const SpooledBatch& batch) {
        read.push_back(batch);
        return true;
    }));
    ASSERT_EQ(read.size(), 2u);
    EXPECT_EQ(wire::encodeSpooled(read[0].run), wire::encodeSpooled(run));
    EXPECT_EQ(read[0].checksum, wire::checksum(wire::encodeSpooled(run)));
}

TEST_F(SpoolTest, SurvivesARestartWithTheSameIdentityAndTheNextNumber) {
    open();
    for (int i = 0; i < 5; ++i) spool_->add(smallRun(i));
    spool_->acknowledge(0, {1, 2, 4});
    const auto id = spool_->agentId();
    const auto epoch = spool_->epoch();
    open();
    EXPECT_EQ(spool_->agentId(), id);
    EXPECT_EQ(id.size(), 16u);
    EXPECT_EQ(spool_->epoch(), epoch);
    EXPECT_NE(epoch, 0u);
    EXPECT_EQ(spool_->nextSequence(), 6u);
    EXPECT_THAT(pending(), ElementsAre(3, 5));
    EXPECT_TRUE(spool_->droppedRanges(0).empty());
}

TEST_F(SpoolTest, ALostCursorOnlySendsAgain) {
    open();
    for (int i = 0; i < 3; ++i) spool_->add(smallRun(i));
    spool_->acknowledge(0, {1, 2});
    const auto epoch = spool_->epoch();
    spool_.reset();
    std::filesystem::remove(directory_.path() / "spool/state");
    open();
    EXPECT_EQ(spool_->epoch(), epoch);
    EXPECT_THAT(pending(), ElementsAre(1, 2, 3));
    EXPECT_EQ(spool_->nextSequence(), 4u);
}

TEST_F(SpoolTest, ARemovedJournalBeginsANewEpochSoThatNoNumberIsUsedTwice) {
    open();
    for (int i = 0; i < 3; ++i) spool_->add(smallRun(i));
    spool_->acknowledge(0, {1, 2, 3});
    const auto epoch = spool_->epoch();
    const auto id = spool_->agentId();
    spool_.reset();
    std::filesystem::remove_all(directory_.path() / "spool/journal");
    open();
    EXPECT_NE(spool_->epoch(), epoch);
    EXPECT_EQ(spool_->agentId(), id);
    EXPECT_EQ(spool_->nextSequence(), 1u);
}

TEST_F(SpoolTest, ADirectoryInUseIsRefused) {
    open();
    const auto second = Spool::open(
        posixFileSystem(),
        {{directory_.path() / "spool", 64u << 20, Milliseconds{0}}, {"http://one:1"}}, clock_);
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message().find("another agent is using this directory"),
              std::string::npos);
}

TEST_F(SpoolTest, AnIdentityThatIsNotOursIsLeftAlone) {
    const auto file = directory_.write("spool/identity", "something else\n");
    const auto opened = Spool::open(
        posixFileSystem(),
        {{directory_.path() / "spool", 64u << 20, Milliseconds{0}}, {"http://one:1"}}, clock_);
    ASSERT_FALSE(opened);
    EXPECT_NE(opened.error().message().find("not an identity file of this version"),
              std::string::npos);
    std::ifstream in(file);
    std::string line;
    std::getline(in, line);
    EXPECT_EQ(line, "something else");
}

TEST_F(SpoolTest, TwoCollectorsHaveACursorEach) {
    open({"http://one:1", "http://two:2"});
    for (int i = 0; i < 3; ++i) spool_->add(smallRun(i));
    spool_->acknowledge(0, {1, 2, 3});
    spool_->acknowledge(1, {1});
    EXPECT_TRUE(pending(0).empty());
    EXPECT_THAT(pending(1), ElementsAre(2, 3));
    EXPECT_EQ(spool_->status().batches, 2u);
    open({"http://two:2", "http://one:1"});  // their order in the configuration does not matter
    EXPECT_THAT(pending(0), ElementsAre(2, 3));
    EXPECT_TRUE(pending(1).empty());
}

TEST_F(SpoolTest, StatusNamesTheOldestThatWaits) {
    open();
    EXPECT_EQ(spool_->status().oldest_ms, 0);
    spool_->add(smallRun(1, 1, 1000));
    spool_->add(smallRun(2, 1, 2000));
    EXPECT_EQ(spool_->status().oldest_ms, 1000);
    spool_->acknowledge(0, {1});
    EXPECT_EQ(spool_->status().oldest_ms, 2000);
    EXPECT_EQ(spool_->status().batches, 1u);
    spool_->acknowledge(0, {2});
    EXPECT_EQ(spool_->status().batches, 0u);
    EXPECT_EQ(spool_->status().bytes, 0u);
}

TEST_F(SpoolTest, DeletesWhatEveryCollectorHas) {
    open();
    for (int i = 0; i < 120; ++i) addBig(i);
    const auto full = spool_->diskBytes();
    ASSERT_GT(full, 3 * kSpoolSegmentBytes);
    std::vector<std::uint64_t> all;
    for (std::uint64_t n = 1; n <= 120; ++n) all.push_back(n);
    spool_->acknowledge(0, all);
    EXPECT_LT(spool_->diskBytes(), 2 * kSpoolSegmentBytes);
    EXPECT_TRUE(pending().empty());
}

// dropped + still there = all, to the batch and the sample, also over a restart in between.
TEST_F(SpoolTest, DropsTheOldestAndCountsExactly) {
    open({"http://one:1"}, 4u << 20);
    for (int i = 0; i < 100; ++i) addBig(i);
    spool_->acknowledge(0, {60, 61});
    open({"http://one:1"}, 4u << 20);
    for (int i = 0; i < 150; ++i) addBig(i);
    const auto status = spool_->status();
    const auto left = pending();
    EXPECT_LE(spool_->diskBytes(), 5u << 20);
    EXPECT_GT(status.dropped_batches, 0u);
    ASSERT_FALSE(left.empty());
    EXPECT_EQ(left.back(), 250u);
    for (std::size_t i = 1; i < left.size(); ++i) ASSERT_EQ(left[i], left[i - 1] + 1);
    // 60 and 61 were acknowledged: neither there nor dropped, whenever their segment went.
    EXPECT_EQ(status.dropped_batches + left.size(), 248u);
    EXPECT_EQ(status.dropped_samples, status.dropped_batches * 3000);
    const auto ranges = spool_->droppedRanges(0);
    ASSERT_FALSE(ranges.empty());
    EXPECT_EQ(ranges.back().last + 1, left.front());
}

TEST_F(SpoolTest, DropsByAgeOfPassedTimeNotByAJumpOfTheClock) {
    open({"http://one:1"}, 64u << 20, std::chrono::hours(1));
    for (int i = 0; i < 60; ++i) addBig(i);
    clock_.stepWall(std::chrono::hours(24 * 365 * 10));
    spool_->enforceLimits();
    EXPECT_EQ(spool_->status().dropped_batches, 0u);
    clock_.advance(std::chrono::hours(2));
    spool_->enforceLimits();
    EXPECT_GT(spool_->status().dropped_batches, 0u);
}

TEST_F(SpoolTest, ADamagedRecordCostsItselfAndIsReported) {
    open();
    for (int i = 0; i < 10; ++i) spool_->add(smallRun(i, 20));
    spool_.reset();
    std::filesystem::path journal;
    for (const auto& entry :
         std::filesystem::directory_iterator(directory_.path() / "spool/journal"))
        journal = entry.path();
    std::fstream file(journal, std::ios::in | std::ios::out | std::ios::binary);
    const auto middle = static_cast<std::streamoff>(std::filesystem::file_size(journal) / 2);
    file.seekg(middle);
    const char was = static_cast<char>(file.get());
    file.seekp(middle);
    file.put(static_cast<char>(was ^ 0x55));
    file.close();
    open();
    const auto left = pending();
    EXPECT_EQ(left.size(), 9u);
    EXPECT_EQ(spool_->status().dropped_batches, 1u);
    ASSERT_EQ(spool_->droppedRanges(0).size(), 1u);
    EXPECT_EQ(spool_->droppedRanges(0)[0].first, spool_->droppedRanges(0)[0].last);
    EXPECT_EQ(spool_->nextSequence(), 11u);
}

TEST_F(SpoolTest, GivingUpABatchIsADrop) {
    open();
    spool_->add(smallRun(1, 4));
    spool_->giveUp(0, 1, 4, "refused by the collector");
    EXPECT_TRUE(pending().empty());
    EXPECT_EQ(spool_->status().dropped_samples, 4u);
    EXPECT_EQ(spool_->droppedRanges(0)[0].reason, "refused by the collector");
}

TEST_F(SpoolTest, ADropThatGrewIsToldWholly) {
    open();
    for (int i = 0; i < 3; ++i) spool_->add(smallRun(i));
    spool_->giveUp(0, 1, 1, "r");
    const auto told = spool_->droppedRanges(0);
    spool_->giveUp(0, 2, 1, "r");
    spool_->droppedReported(0, told);
    ASSERT_EQ(spool_->droppedRanges(0).size(), 1u);
    EXPECT_EQ(spool_->droppedRanges(0)[0].first, 2u);
    EXPECT_EQ(spool_->droppedRanges(0)[0].last, 2u);
}

}  // namespace
}  // namespace clusterwatch::agent
