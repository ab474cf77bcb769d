// The spool on a disk that fills up and is freed again, through the file seam.
#include <atomic>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/spool.h"
#include "tests/unit/agent/support.h"

namespace clusterwatch::agent {
namespace {

using testing::ElementsAre;

class FillableFile final : public File {
  public:
    FillableFile(std::unique_ptr<File> file, const std::atomic<bool>& full)
        : file_(std::move(file)), full_(full) {}
    Status append(std::string_view bytes) override {
        if (!full_) return file_->append(bytes);
        (void)file_->append(bytes.substr(0, bytes.size() / 2)).ok();  // a full disk takes a part
        return Error(ErrorCode::kFull, "No space left on device");
    }
    Status sync() override { return file_->sync(); }
    Status truncate(std::uint64_t size) override { return file_->truncate(size); }
    Result<std::uint64_t> size() const override { return file_->size(); }
    Result<std::string> read(std::uint64_t offset, std::size_t length) const override {
        return file_->read(offset, length);
    }

  private:
    std::unique_ptr<File> file_;
    const std::atomic<bool>& full_;
};

class FillableFileSystem final : public FileSystem {
  public:
    std::atomic<bool> full{false};

    Result<std::unique_ptr<File>> open(const std::filesystem::path& path, OpenMode mode) override {
        if (full && mode == OpenMode::kCreateNew)
            return Error(ErrorCode::kFull, "No space left on device");
        auto file = posixFileSystem().open(path, mode);
        if (!file) return file.error();
        return std::unique_ptr<File>(std::make_unique<FillableFile>(std::move(*file), full));
    }
    Status remove(const std::filesystem::path& path) override {
        return posixFileSystem().remove(path);
    }
    Status rename(const std::filesystem::path& a, const std::filesystem::path& b) override {
        return posixFileSystem().rename(a, b);
    }
    Status createDirectories(const std::filesystem::path& path) override {
        return posixFileSystem().createDirectories(path);
    }
    Result<std::vector<std::string>> list(const std::filesystem::path& path) override {
        return posixFileSystem().list(path);
    }
    Status syncDirectory(const std::filesystem::path& path) override {
        return posixFileSystem().syncDirectory(path);
    }
};

class FullDiskTest : public testing::Test {
  protected:
    void open() {
        spool_.reset();
        auto opened = Spool::open(
            fs_, {{directory_.path() / "spool", 64u << 20, Milliseconds{0}}, {"http://one:1"}},
            clock_);
        ASSERT_TRUE(opened) << opened.error().message();
        spool_ = std::move(*opened);
    }
    std::vector<std::uint64_t> pending() {
        std::vector<std::uint64_t> out;
        EXPECT_TRUE(spool_->readPending(0, UINT64_MAX, [&](const SpooledBatch& batch) {
            out.push_back(batch.sequence);
            return true;
        }));
        return out;
    }

    TemporaryDirectory directory_;
    FillableFileSystem fs_;
    ManualClock clock_{fromUnixMs(1'795'000'000'000)};
    std::unique_ptr<Spool> spool_;
};

TEST_F(FullDiskTest, BatchesGoOnFromMemoryAndAreWrittenWhenThereIsSpace) {
    open();
    spool_->add(smallRun(1));
    fs_.full = true;
    EXPECT_EQ(spool_->add(smallRun(2))->sequence, 2u);
    spool_->add(smallRun(3));
    EXPECT_FALSE(spool_->healthy());
    EXPECT_THAT(pending(), ElementsAre(1, 2, 3));
    spool_->acknowledge(0, {2});  // sent live meanwhile
    fs_.full = false;
    spool_->add(smallRun(4));
    EXPECT_TRUE(spool_->healthy());
    EXPECT_THAT(pending(), ElementsAre(1, 3, 4));
    open();
    EXPECT_THAT(pending(), ElementsAre(1, 3, 4));
    EXPECT_EQ(spool_->status().dropped_batches, 0u);
}

TEST_F(FullDiskTest, WhatMemoryCantHoldIsDroppedAndCountedExactly) {
    open();
    fs_.full = true;
    const std::uint64_t all = kUnwrittenBatches + 10;
    for (std::uint64_t i = 0; i < all; ++i) spool_->add(smallRun(static_cast<double>(i), 3));
    EXPECT_EQ(spool_->status().dropped_batches, 10u);
    EXPECT_EQ(spool_->status().dropped_samples, 30u);
    EXPECT_EQ(pending().size(), kUnwrittenBatches);
    fs_.full = false;
    spool_->add(smallRun(1));
    EXPECT_EQ(pending().size() + spool_->status().dropped_batches, all + 1);
}

TEST_F(FullDiskTest, ANumberThatWasSentFromMemoryIsNeverUsedAgain) {
    open();
    spool_->add(smallRun(1));
    fs_.full = true;
    spool_->add(smallRun(2));
    spool_->add(smallRun(3));
    const auto epoch = spool_->epoch();
    spool_.reset();  // as by kill -9: nothing more is written
    fs_.full = false;
    open();
    EXPECT_EQ(spool_->epoch(), epoch);
    EXPECT_EQ(spool_->nextSequence(), 4u);
    EXPECT_THAT(pending(), ElementsAre(1));
    EXPECT_EQ(spool_->status().dropped_batches, 2u);
    ASSERT_EQ(spool_->droppedRanges(0).size(), 1u);
    EXPECT_EQ(spool_->droppedRanges(0)[0].first, 2u);
    EXPECT_EQ(spool_->droppedRanges(0)[0].last, 3u);
}

}  // namespace
}  // namespace clusterwatch::agent
