// The journal when disks fail: torn tails, flipped bytes, failing calls, full disks, power cuts.
// The bars are those of the fault table: nothing acknowledged is lost; a flipped byte costs at most
// the record it hit; every image opens without an operator; no wrong record is ever read.
#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "common/journal.h"
#include "tests/faults/fault_file_system.h"

namespace clusterwatch {
namespace {

using testing::FaultFileSystem;

const std::filesystem::path kDirectory = "/j";

std::vector<std::string> readAll(Journal& journal) {
    std::vector<std::string> out;
    const auto status = journal.read(0, [&](const JournalRecord& r) {
        out.push_back(r.payload);
        return true;
    });
    EXPECT_TRUE(status.ok());
    return out;
}

std::unique_ptr<Journal> mustOpen(FileSystem& fs, JournalOptions options = {}) {
    auto journal = Journal::open(fs, kDirectory, options);
    if (!journal) {
        ADD_FAILURE() << journal.error().message();
        return nullptr;
    }
    return std::move(*journal);
}

bool contains(const std::vector<std::string>& all, const std::string& one) {
    return std::find(all.begin(), all.end(), one) != all.end();
}

// A journal of three records in one segment.
FaultFileSystem& smallJournal(FaultFileSystem& fs) {
    auto journal = mustOpen(fs);
    for (const char* payload : {"first", "the second one", "third"})
        EXPECT_TRUE(journal->append(1, payload).ok());
    return fs;
}

TEST(JournalFaults, ATornTailCostsOnlyItselfAtEveryCut) {
    FaultFileSystem original;
    smallJournal(original);
    const auto file = original.files().front();
    const std::string bytes = original.contents(file);
    const std::vector<std::string> all = {"first", "the second one", "third"};
    // Where each record ends: 32 bytes of file header, 24 of each record's.
    const std::vector<std::size_t> ends = {32 + 24 + 5, 32 + 24 + 5 + 24 + 14, bytes.size()};
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
        SCOPED_TRACE(cut);
        FaultFileSystem fs;
        fs.setContents(file, bytes.substr(0, cut));
        auto journal = mustOpen(fs);
        std::vector<std::string> expected;
        for (std::size_t i = 0; i < all.size(); ++i)
            if (ends[i] <= cut) expected.push_back(all[i]);
        EXPECT_EQ(readAll(*journal), expected);
        const std::size_t whole = expected.empty() ? 32 : ends[expected.size() - 1];
        EXPECT_EQ(journal->damage().torn_tail_bytes, cut > whole ? cut - whole : 0);
        ASSERT_TRUE(journal->append(1, "next").ok());
        expected.push_back("next");
        EXPECT_EQ(readAll(*journal), expected);
        journal.reset();
        EXPECT_EQ(readAll(*mustOpen(fs)), expected);
    }
}

TEST(JournalFaults, ATailOfZerosIsCut) {
    for (const std::size_t zeros : {1, 31, 512, 4096, 300'000}) {
        SCOPED_TRACE(zeros);
        FaultFileSystem fs;
        smallJournal(fs);
        const auto file = fs.files().front();
        fs.setContents(file, fs.contents(file) + std::string(zeros, '\0'));
        auto journal = mustOpen(fs);
        EXPECT_EQ(readAll(*journal).size(), 3u);
        ASSERT_TRUE(journal->append(1, "next").ok());
        journal.reset();
        EXPECT_EQ(readAll(*mustOpen(fs)).size(), 4u);
    }
}

TEST(JournalFaults, AFlippedByteCostsAtMostTheRecordItHit) {
    FaultFileSystem original;
    smallJournal(original);
    const auto file = original.files().front();
    const std::string bytes = original.contents(file);
    const std::vector<std::string> all = {"first", "the second one", "third"};
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        for (const int bit : {0, 3, 7}) {
            SCOPED_TRACE(std::to_string(at) + " bit " + std::to_string(bit));
            FaultFileSystem fs;
            std::string damaged = bytes;
            damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
            fs.setContents(file, damaged);
            auto journal = mustOpen(fs);
            const auto seen = readAll(*journal);
            EXPECT_GE(seen.size(), at < 32 ? 3u : 2u);
            for (const auto& payload : seen) EXPECT_TRUE(contains(all, payload)) << payload;
            const auto damage = journal->damage();
            EXPECT_EQ(damage.damaged_records + (damage.torn_tail_bytes > 0 ? 1 : 0), 1u);
            ASSERT_TRUE(journal->append(1, "next").ok());
            const auto before = readAll(*journal);
            EXPECT_EQ(before.back(), "next");
            EXPECT_EQ(journal->damage().damaged_records, damage.damaged_records)
                << "the same damage is counted once";
            journal.reset();
            EXPECT_EQ(readAll(*mustOpen(fs)), before);
        }
    }
}

TEST(JournalFaults, ARecordInsideAnothersPayloadIsNotTakenForOne) {
    FaultFileSystem fs;
    smallJournal(fs);
    const auto file = fs.files().front();
    const std::string copy = fs.contents(file).substr(32);
    mustOpen(fs)->append(1, copy).value();
    std::string bytes = fs.contents(file);
    bytes[bytes.size() - copy.size() - 1] ^= 1;  // the header's CRC: its payload is searched now
    fs.setContents(file, bytes);
    EXPECT_EQ(readAll(*mustOpen(fs)).size(), 3u);
}

// Appends until the fault has passed, then some more; returns what was acknowledged.
std::vector<std::string> appendThroughFault(Journal& journal, FaultFileSystem& fs) {
    std::vector<std::string> acknowledged;
    int after = 0;
    for (int i = 0; after < 5 && i < 200; ++i) {
        const std::string payload = "record " + std::to_string(i) + std::string(20, '.');
        const auto end = journal.append(1, payload);
        if (end) acknowledged.push_back(payload);
        EXPECT_EQ(journal.healthy(), end.ok());
        if (fs.faultHappened()) ++after;
    }
    return acknowledged;
}

void expectAllOf(const std::vector<std::string>& acknowledged,
                 const std::vector<std::string>& seen) {
    for (const auto& payload : acknowledged) EXPECT_TRUE(contains(seen, payload)) << payload;
    EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), seen.size()) << "twice";
}

TEST(JournalFaults, NothingAcknowledgedIsLostWhicheverCallFails) {
    std::mt19937_64 random(1);
    for (std::uint64_t n = 0; n < 60; ++n) {
        SCOPED_TRACE("call " + std::to_string(n));
        FaultFileSystem fs;
        auto journal = mustOpen(fs, {.segment_bytes = 200});
        fs.failCall(n);
        const auto acknowledged = appendThroughFault(*journal, fs);
        ASSERT_TRUE(fs.faultHappened());
        EXPECT_GE(acknowledged.size(), 4u) << "it goes on by itself";
        EXPECT_EQ(readAll(*journal), acknowledged) << "a failed record is not read";
        journal.reset();
        expectAllOf(acknowledged, readAll(*mustOpen(fs)));
        fs.cutPower(FaultFileSystem::Unsynced::kLost, random);
        expectAllOf(acknowledged, readAll(*mustOpen(fs)));
    }
}

// The cut after a failed write or sync fails too, or the removal after a failed creation.
TEST(JournalFaults, FailuresOfTheMendingItselfLoseNothing) {
    std::mt19937_64 random(5);
    for (std::uint64_t n = 0; n < 60; ++n) {
        for (std::uint64_t times = 2; times < 5; ++times) {
            SCOPED_TRACE(std::to_string(times) + " calls from " + std::to_string(n));
            FaultFileSystem fs;
            auto journal = mustOpen(fs, {.segment_bytes = 200});
            fs.failCall(n, ErrorCode::kIo, times);
            const auto acknowledged = appendThroughFault(*journal, fs);
            EXPECT_EQ(readAll(*journal), acknowledged) << "a failed record is not read";
            journal.reset();
            expectAllOf(acknowledged, readAll(*mustOpen(fs)));
            fs.cutPower(FaultFileSystem::Unsynced::kRandomPrefix, random);
            expectAllOf(acknowledged, readAll(*mustOpen(fs)));
        }
    }
}

TEST(JournalFaults, TwoFailuresSoonAfterOneAnotherLoseNothing) {
    std::mt19937_64 random(2);
    for (std::uint64_t n = 0; n < 30; ++n) {
        for (std::uint64_t then = 0; then < 4; ++then) {
            SCOPED_TRACE(std::to_string(n) + " and " + std::to_string(then));
            FaultFileSystem fs;
            auto journal = mustOpen(fs, {.segment_bytes = 200});
            fs.failCall(n);
            auto acknowledged = appendThroughFault(*journal, fs);
            fs.failCall(then);
            for (int i = 0; i < 6; ++i) {
                const std::string payload = "later " + std::to_string(i);
                if (journal->append(1, payload)) acknowledged.push_back(payload);
            }
            journal.reset();
            fs.cutPower(FaultFileSystem::Unsynced::kRandomPrefix, random);
            expectAllOf(acknowledged, readAll(*mustOpen(fs)));
        }
    }
}

TEST(JournalFaults, DyingAtAnyCallLosesNothingAcknowledged) {
    std::mt19937_64 random(3);
    for (std::uint64_t n = 0; n < 80; ++n) {
        for (const bool power : {false, true}) {
            SCOPED_TRACE("call " + std::to_string(n) + (power ? ", power cut" : ", kill"));
            FaultFileSystem fs;
            auto journal = mustOpen(fs, {.segment_bytes = 150});
            fs.dieAtCall(n);
            std::vector<std::string> acknowledged;
            for (int i = 0; i < 60; ++i) {
                const std::string payload = "record " + std::to_string(i);
                if (journal->append(1, payload)) acknowledged.push_back(payload);
                if (i % 10 == 9) (void)journal->removeBefore(0).ok();
            }
            journal.reset();
            fs.clearFaults();
            if (power) fs.cutPower(FaultFileSystem::Unsynced::kRandomPrefix, random);
            auto again = mustOpen(fs, {.segment_bytes = 150});
            expectAllOf(acknowledged, readAll(*again));
            ASSERT_TRUE(again->append(1, "after").ok());
            EXPECT_TRUE(contains(readAll(*again), "after"));
        }
    }
}

// A kill leaves what was written in the kernel's memory. Whoever opens the journal reads it and may
// tell a peer that it is safe, so opening must make it durable.
TEST(JournalFaults, WhatIsReadAfterAKillSurvivesAPowerCut) {
    FaultFileSystem fs;
    std::mt19937_64 random(4);
    auto journal = mustOpen(fs);
    ASSERT_TRUE(journal->append(1, "one").ok());
    fs.dieAtCall(1);  // the write succeeds, the sync is never made
    EXPECT_FALSE(journal->append(1, "two").ok());
    journal.reset();
    fs.clearFaults();
    const auto seen = readAll(*mustOpen(fs));
    fs.cutPower(FaultFileSystem::Unsynced::kLost, random);
    EXPECT_EQ(readAll(*mustOpen(fs)), seen);
}

TEST(JournalFaults, RecordsAfterAFullDiskSurviveARestart) {
    for (std::uint64_t room = 0; room < 120; ++room) {
        SCOPED_TRACE(room);
        FaultFileSystem fs;
        std::mt19937_64 random(room);
        auto journal = mustOpen(fs, {.segment_bytes = 100});
        std::vector<std::string> acknowledged;
        auto append = [&](const std::string& payload) {
            const auto end = journal->append(1, payload);
            if (end) acknowledged.push_back(payload);
            return end;
        };
        ASSERT_TRUE(append("before the disk was full").ok());
        fs.setCapacity(fs.contents(fs.files().front()).size() + room);
        bool refused = false;
        for (int i = 0; i < 8; ++i) {
            const auto end = append("while " + std::to_string(i));
            if (end) continue;
            refused = true;
            EXPECT_EQ(end.error().code(), ErrorCode::kFull);
        }
        EXPECT_TRUE(refused);
        EXPECT_TRUE(contains(readAll(*journal), "before the disk was full"));
        fs.clearFaults();
        for (int i = 0; i < 5; ++i) ASSERT_TRUE(append("after " + std::to_string(i)).ok());
        EXPECT_EQ(readAll(*journal), acknowledged);
        journal.reset();
        fs.cutPower(FaultFileSystem::Unsynced::kLost, random);
        EXPECT_EQ(readAll(*mustOpen(fs)), acknowledged);
    }
}

TEST(JournalFaults, AFileThatIsNotOursIsRefusedAndNothingChanges) {
    const std::string newer = [] {
        FaultFileSystem fs;
        smallJournal(fs);
        return fs.contents(fs.files().front());
    }();
    struct Case {
        std::string name, bytes, why;
    };
    const std::vector<Case> cases = {
        {"notes.txt", "hello", "a foreign name"},
        {"0000000000001000.journal", std::string(100, 'z'), "our name, foreign bytes"},
        {"0000000000001000.journal", newer, "a segment under another's name"},
        {"1000.journal", newer, "a short name"},
    };
    for (const auto& one : cases) {
        SCOPED_TRACE(one.why);
        FaultFileSystem fs;
        smallJournal(fs);
        const auto first = fs.files().front();
        fs.setContents(first, fs.contents(first) + "torn");
        fs.setContents(kDirectory / one.name, one.bytes);
        const auto before = fs.image();
        const auto journal = Journal::open(fs, kDirectory, {});
        ASSERT_FALSE(journal.ok());
        EXPECT_EQ(journal.error().code(), ErrorCode::kInvalid);
        EXPECT_NE(journal.error().message().find(one.name), std::string::npos);
        EXPECT_EQ(fs.image(), before);
    }
}

TEST(JournalFaults, InspectionReportsDamageAndChangesNothing) {
    FaultFileSystem fs;
    smallJournal(fs);
    const auto file = fs.files().front();
    std::string bytes = fs.contents(file);
    bytes[32 + 24 + 2] ^= 1;
    fs.setContents(file, bytes + "torn");
    const auto before = fs.image();
    int records = 0;
    const auto damage = Journal::inspect(fs, kDirectory, [&](const JournalRecord&) {
        ++records;
        return true;
    });
    ASSERT_TRUE(damage.ok());
    EXPECT_EQ(records, 2);
    EXPECT_EQ(damage->damaged_records, 1u);
    EXPECT_EQ(damage->torn_tail_bytes, 4u);
    EXPECT_EQ(fs.image(), before);
}

}  // namespace
}  // namespace clusterwatch
