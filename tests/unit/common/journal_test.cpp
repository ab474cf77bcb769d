// The journal in ordinary use, on real files and in memory. What it does when disks fail is in
// tests/faults/journal_fault_test.cpp.
#include "common/journal.h"

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <set>
#include <thread>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/faults/fault_file_system.h"

namespace clusterwatch {
namespace {

using testing::FaultFileSystem;

std::vector<std::string> payloads(Journal& journal, JournalPosition from = 0) {
    std::vector<std::string> out;
    const auto status = journal.read(from, [&](const JournalRecord& r) {
        out.push_back(r.payload);
        return true;
    });
    EXPECT_TRUE(status.ok());
    return out;
}

class TemporaryDirectory {
  public:
    TemporaryDirectory() {
        std::string name = (std::filesystem::temp_directory_path() / "cw-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

TEST(Journal, KeepsRecordsOverReopensOnRealFiles) {
    TemporaryDirectory directory;
    std::vector<std::string> written;
    for (int round = 0; round < 3; ++round) {
        auto journal = Journal::open(posixFileSystem(), directory.path() / "deep/journal",
                                     {.segment_bytes = 500});
        ASSERT_TRUE(journal.ok()) << journal.error().message();
        EXPECT_EQ(payloads(**journal), written);
        for (int i = 0; i < 20; ++i) {
            written.push_back("round " + std::to_string(round) + std::string(size_t(i) * 7, 'x'));
            const auto end = (*journal)->append(std::uint8_t(i), written.back());
            ASSERT_TRUE(end.ok()) << end.error().message();
            EXPECT_EQ(*end, (*journal)->end());
        }
        EXPECT_EQ(payloads(**journal), written);
        EXPECT_GT((*journal)->segments().size(), 1u);
        EXPECT_EQ((*journal)->damage().torn_tail_bytes, 0u);
    }
}

TEST(Journal, RecordsCarryTypeAndPositions) {
    FaultFileSystem fs;
    auto journal = Journal::open(fs, "/j", {});
    ASSERT_TRUE(journal.ok());
    EXPECT_EQ((*journal)->begin(), 0u);
    EXPECT_EQ((*journal)->end(), 0u);
    const auto first = (*journal)->append(7, "one");
    const auto second = (*journal)->append(255, "");
    ASSERT_TRUE(first.ok() && second.ok());
    std::vector<JournalRecord> records;
    ASSERT_TRUE((*journal)->read(0, [&](const JournalRecord& r) {
        records.push_back(r);
        return true;
    }));
    ASSERT_EQ(records.size(), 2u);
    EXPECT_EQ(records[0].type, 7);
    EXPECT_EQ(records[0].position, 0u);
    EXPECT_EQ(records[0].next_position, *first);
    EXPECT_EQ(records[1].type, 255);
    EXPECT_EQ(records[1].position, *first);
    EXPECT_EQ(records[1].next_position, *second);
    EXPECT_EQ(payloads(**journal, *first), std::vector<std::string>{""});
    EXPECT_TRUE(payloads(**journal, *second).empty());
}

TEST(Journal, ReadStopsWhenToldTo) {
    FaultFileSystem fs;
    auto journal = Journal::open(fs, "/j", {.segment_bytes = 10});
    ASSERT_TRUE(journal.ok());
    for (int i = 0; i < 5; ++i) ASSERT_TRUE((*journal)->append(1, std::to_string(i)).ok());
    int seen = 0;
    ASSERT_TRUE((*journal)->read(0, [&](const JournalRecord&) { return ++seen < 2; }));
    EXPECT_EQ(seen, 2);
}

TEST(Journal, RemovesWholeSegmentsAndNeverTheLast) {
    FaultFileSystem fs;
    JournalPosition end = 0;
    {
        auto journal = Journal::open(fs, "/j", {.segment_bytes = 100});
        ASSERT_TRUE(journal.ok());
        for (int i = 0; i < 30; ++i) ASSERT_TRUE((*journal)->append(1, "0123456789").ok());
        end = (*journal)->end();
        const auto middle = (*journal)->segments()[3].begin;
        ASSERT_TRUE((*journal)->removeBefore(middle + 1));
        EXPECT_EQ((*journal)->begin(), middle);
        ASSERT_TRUE((*journal)->removeBefore(end));
        EXPECT_EQ((*journal)->segments().size(), 1u);
    }
    auto journal = Journal::open(fs, "/j", {});
    ASSERT_TRUE(journal.ok());
    EXPECT_EQ((*journal)->end(), end) << "positions go on where they were";
}

TEST(Journal, NewRecordsNeverFallBehindTheGivenPosition) {
    FaultFileSystem fs;
    auto journal = Journal::open(fs, "/j", {.first_position = 5000});
    ASSERT_TRUE(journal.ok());
    EXPECT_EQ((*journal)->end(), 5000u);
    ASSERT_TRUE((*journal)->append(1, "x").ok());
    EXPECT_EQ(payloads(**journal, 5000), std::vector<std::string>{"x"});
}

TEST(Journal, RefusesARecordAboveTheLimit) {
    FaultFileSystem fs;
    auto journal = Journal::open(fs, "/j", {.max_record_bytes = 10});
    ASSERT_TRUE(journal.ok());
    const auto refused = (*journal)->append(1, "01234567890");
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code(), ErrorCode::kLimit);
    EXPECT_TRUE((*journal)->append(1, "0123456789").ok());
}

TEST(Journal, ReadsARecordLargerThanItsBuffer) {
    FaultFileSystem fs;
    auto journal = Journal::open(fs, "/j", {});
    ASSERT_TRUE(journal.ok());
    const std::string large(3 << 20, 'L');
    ASSERT_TRUE((*journal)->append(1, "before").ok());
    ASSERT_TRUE((*journal)->append(1, large).ok());
    ASSERT_TRUE((*journal)->append(1, "after").ok());
    EXPECT_EQ(payloads(**journal), (std::vector<std::string>{"before", large, "after"}));
}

TEST(Journal, ConcurrentAppendsAreAllKeptAndShareSyncs) {
    FaultFileSystem fs;
    auto journal = Journal::open(fs, "/j", {.segment_bytes = 4096});
    ASSERT_TRUE(journal.ok());
    constexpr int kThreads = 8, kEach = 100;
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < kEach; ++i) {
                const std::string payload = std::to_string(t) + "/" + std::to_string(i);
                ASSERT_TRUE((*journal)->append(1, payload).ok());
            }
        });
    }
    threads.clear();
    const auto all = payloads(**journal);
    EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), size_t{kThreads * kEach});
    EXPECT_EQ(all.size(), size_t{kThreads * kEach});
    // The order of each thread's own records is kept.
    std::vector<int> next(kThreads, 0);
    for (const auto& payload : all) {
        const int t = payload[0] - '0';
        EXPECT_EQ(payload, std::to_string(t) + "/" + std::to_string(next[size_t(t)]++));
    }
}

TEST(Journal, RecordsThatWaitedForASyncGoTogetherInTheNext) {
    FaultFileSystem fs;
    auto journal = Journal::open(fs, "/j", {});
    ASSERT_TRUE(journal.ok());
    ASSERT_TRUE((*journal)->append(1, "makes the segment").ok());

    std::mutex mutex;
    std::condition_variable changed;
    int syncs = 0;
    bool open_gate = false;
    fs.onSync([&] {
        std::unique_lock lock(mutex);
        ++syncs;
        changed.notify_all();
        changed.wait(lock, [&] { return open_gate; });
    });
    std::jthread leader([&] { ASSERT_TRUE((*journal)->append(1, "leader").ok()); });
    {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return syncs == 1; });
    }
    std::atomic<int> started = 0;
    std::vector<std::jthread> others;
    for (int i = 0; i < 5; ++i)
        others.emplace_back([&] {
            ++started;
            ASSERT_TRUE((*journal)->append(1, "follower").ok());
        });
    while (started != 5) std::this_thread::yield();
    {
        std::lock_guard lock(mutex);
        open_gate = true;
        changed.notify_all();
    }
    others.clear();
    leader.join();
    EXPECT_EQ(payloads(**journal).size(), 7u);
    EXPECT_LE(syncs, 6);
}

TEST(Journal, ReadsBesideAppendsSeeWhatWasAcknowledged) {
    FaultFileSystem fs;
    auto journal = Journal::open(fs, "/j", {.segment_bytes = 1000});
    ASSERT_TRUE(journal.ok());
    std::atomic<int> acknowledged = 0;
    std::jthread writer([&] {
        for (int i = 0; i < 500; ++i) {
            ASSERT_TRUE((*journal)->append(1, std::to_string(i)).ok());
            acknowledged = i + 1;
        }
    });
    while (acknowledged < 500) {
        const int before = acknowledged;
        const auto seen = payloads(**journal);
        ASSERT_GE(seen.size(), size_t(before));
        for (std::size_t i = 0; i < seen.size(); ++i) ASSERT_EQ(seen[i], std::to_string(i));
    }
}

}  // namespace
}  // namespace clusterwatch
