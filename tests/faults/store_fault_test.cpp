// The store when things break: kills, power cuts, failing calls, a full disk, damaged bytes. The
// oracle is always the same: what was acknowledged is there, once, with its value; nothing else is.
#include <algorithm>
#include <csignal>
#include <fstream>
#include <random>

#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/store/store_fixture.h"

namespace clusterwatch::store {
namespace {

using testing::FaultFileSystem;

class StoreFaults : public StoreFixture {
  protected:
    StoreFaults() {
        options_.journal.segment_bytes = 3000;
        fs_ = &memory_;
    }

    // Commits one random column; the model learns it if it was acknowledged, and what may or may
    // not be there if not.
    void commitRandom(std::mt19937_64& random) {
        const std::string group = "g" + std::to_string(random() % 3);
        const std::int64_t hour = static_cast<std::int64_t>(random() % 6);
        Column column;
        column.t_ms = kDay + hour * kHourMs + static_cast<std::int64_t>(random() % 50) * 1000;
        std::vector<std::string> names;
        for (int i = 0; i < 4; ++i) {
            if (random() % 4 == 0) continue;
            column.series.push_back(id("m" + std::to_string(i), group));
            column.values.push_back(double(random() % 1000) / 10);
            names.push_back(store_->labelsOf(column.series.back()).toString());
        }
        const std::string note = "note " + std::to_string(next_note_++);
        const bool acknowledged = store_->commit({{column}, note}).ok();
        for (std::size_t i = 0; i < names.size(); ++i) {
            auto& possible = model_[names[i]][column.t_ms];
            if (acknowledged)
                possible.clear();
            else if (possible.empty())
                possible.insert(kAbsent);
            possible.insert(bitsOf(column.values[i]));
        }
        (acknowledged ? notes_ : maybe_notes_).insert(note);
    }

    // Everything acknowledged is there, nothing else is but what failed half-way.
    void expectModel() {
        const auto all = readAll(*store_);
        for (const auto& [labels, samples] : model_)
            for (const auto& [t, possible] : samples) {
                const auto series = all.find(labels);
                std::uint64_t seen = kAbsent;
                if (series != all.end() && series->second.contains(t)) seen = series->second.at(t);
                ASSERT_TRUE(possible.contains(seen)) << labels << " at " << t;
            }
        for (const auto& [labels, samples] : all)
            for (const auto& [t, value] : samples) ASSERT_TRUE(model_[labels].contains(t));
        const auto notes = notebook_->notes();
        for (const auto& note : notes_) ASSERT_EQ(notes.count(note), 1u) << note;
        for (const auto& note : notes)
            ASSERT_TRUE(notes_.contains(note) || maybe_notes_.contains(note)) << note;
    }

    static constexpr std::uint64_t kAbsent = 0x7ff8dead00000000;  // a NaN that no test writes

    FaultFileSystem memory_;
    std::map<std::string, std::map<std::int64_t, std::set<std::uint64_t>>> model_;
    std::set<std::string> notes_, maybe_notes_;
    int next_note_ = 0;
};

TEST_F(StoreFaults, RandomCommitsSealsAndCrashesAgreeWithAModel) {
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937_64 random(seed);
        store_.reset();
        std::filesystem::remove_all(options_.data_dir);
        memory_.setImage({});
        model_.clear();
        notes_.clear();
        maybe_notes_.clear();
        open();
        for (int step = 0; step < 150; ++step) {
            switch (random() % 20) {
                case 0: (void)store_->maintain().ok(); break;
                case 1: (void)store_->sealAll().ok(); break;
                case 2:
                    memory_.failCall(random() % 6,
                                     random() % 2 ? ErrorCode::kFull : ErrorCode::kIo);
                    break;
                case 3:  // a kill: what was written stays
                    store_.reset();
                    memory_.clearFaults();
                    open();
                    break;
                case 4:  // a power cut: what was not synced goes
                    store_.reset();
                    memory_.clearFaults();
                    memory_.cutPower(FaultFileSystem::Unsynced::kRandomPrefix, random);
                    open();
                    break;
                default: commitRandom(random);
            }
            if (HasFatalFailure()) return;
            if (step % 10 == 0) expectModel();
            if (HasFatalFailure()) return;
        }
        store_.reset();
        memory_.clearFaults();
        open();
        expectModel();
    }
}

TEST_F(StoreFaults, DyingAtAnyCallOfTheJournalLosesNothing) {
    std::mt19937_64 random(7);
    for (std::uint64_t n = 0; n < 40; ++n) {
        SCOPED_TRACE("call " + std::to_string(n));
        store_.reset();
        std::filesystem::remove_all(options_.data_dir);
        memory_.setImage({});
        model_.clear();
        notes_.clear();
        maybe_notes_.clear();
        open();
        memory_.dieAtCall(n);
        for (int i = 0; i < 12; ++i) {
            commitRandom(random);
            if (i % 5 == 4) (void)store_->sealAll().ok();
        }
        store_.reset();
        memory_.clearFaults();
        memory_.cutPower(FaultFileSystem::Unsynced::kLost, random);
        open();
        expectModel();
        if (HasFatalFailure()) return;
    }
}

TEST_F(StoreFaults, AFullDiskRefusesCommitsKeepsReadsAndHealsByItself) {
    open();
    const SeriesId a = id("a");
    std::map<std::int64_t, std::uint64_t> acknowledged;
    std::int64_t t = kDay;
    const auto commit = [&] {
        t += 1000;
        const auto result = put(t, {a}, {double(t % 1000000)}, "note " + std::to_string(t));
        if (result) acknowledged[t] = bitsOf(double(t % 1000000));
        return result;
    };
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(commit().ok());
    std::uint64_t used = 0;
    for (const auto& [name, bytes] : memory_.image()) used += bytes.size();
    memory_.setCapacity(used + 250);
    int refused = 0;
    for (int i = 0; i < 20; ++i) {
        const auto result = commit();
        if (result) continue;
        ++refused;
        EXPECT_EQ(result.error().code(), ErrorCode::kFull);
        EXPECT_FALSE(store_->statistics().healthy);
        EXPECT_EQ(readAll(*store_).begin()->second, acknowledged);
    }
    EXPECT_GT(refused, 10);
    memory_.clearFaults();
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(commit().ok());
    EXPECT_TRUE(store_->statistics().healthy);
    EXPECT_EQ(readAll(*store_).begin()->second, acknowledged);
    std::mt19937_64 random(1);
    store_.reset();
    memory_.cutPower(FaultFileSystem::Unsynced::kLost, random);
    open();
    EXPECT_EQ(readAll(*store_).begin()->second, acknowledged);
}

TEST_F(StoreFaults, AFlippedByteInTheJournalCostsAtMostOneCommit) {
    open();
    const SeriesId a = id("a");
    ASSERT_TRUE(store_->maintain());  // the series is in the catalogue
    for (int i = 0; i < 5; ++i)
        ASSERT_TRUE(put(kDay + i, {a}, {double(i)}, std::to_string(i)).ok());
    const auto whole = readAll(*store_).begin()->second;
    store_.reset();
    const auto image = memory_.image();
    const auto file = image.begin()->first;
    for (std::size_t at = 0; at < image.begin()->second.size(); ++at) {
        SCOPED_TRACE(at);
        auto damaged = image;
        damaged[file][at] = static_cast<char>(damaged[file][at] ^ 4);
        memory_.setImage(damaged);
        open();
        if (HasFatalFailure()) return;
        const auto seen = readAll(*store_).begin()->second;
        EXPECT_GE(seen.size(), 4u);
        for (const auto& [t, value] : seen) EXPECT_EQ(whole.at(t), value);
        EXPECT_GE(notebook_->notes().size(), 4u);
    }
}

// Flips a byte at many places of the partition's file: a value is either right or missing and
// counted.
TEST_F(StoreFaults, ADamagedChunkIsCountedAndNeverServedWrong) {
    fs_ = &posixFileSystem();
    open();
    for (int i = 0; i < 300; ++i)
        for (const char* group : {"g1", "g2", "g3"})
            ASSERT_TRUE(put(kDay + i * 1000, {id("a", group), id("b", group)},
                            {double(i * i % 977), double(i % 13) / 10})
                            .ok());
    ASSERT_TRUE(store_->sealAll());
    const auto whole = readAll(*store_);
    store_.reset();
    std::filesystem::path file;
    for (const auto& entry : std::filesystem::directory_iterator(options_.data_dir / "chunks"))
        if (entry.path().extension() == ".db") file = entry.path();
    std::ifstream stream(file, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
    int damaged_opens = 0, seen_damage = 0;
    for (std::size_t at = 100; at < bytes.size(); at += 61) {
        SCOPED_TRACE(at);
        std::string damaged = bytes;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x20);
        std::ofstream(file, std::ios::binary) << damaged;
        auto store = tryOpen();
        if (!store) {
            ++damaged_opens;
            continue;
        }
        store_ = std::move(*store);
        Contents seen;
        auto selected = store_->select({}, {INT64_MIN, INT64_MAX}, nullptr);
        ASSERT_TRUE(selected.ok());
        for (const auto& series : *selected) {
            auto iterator = series->samples();
            for (auto block = iterator->next(); block && !block->empty(); block = iterator->next())
                for (const Sample& s : *block)
                    ASSERT_EQ(whole.at(series->labels().toString()).at(s.t_ms), bitsOf(s.value));
        }
        seen_damage += store_->statistics().damaged_chunks > 0;
        store_.reset();
        const auto report = verifyDataDirectory(options_.data_dir, posixFileSystem());
        ASSERT_TRUE(report.ok());
    }
    EXPECT_GT(seen_damage, 10);
    EXPECT_LT(damaged_opens, 10);
}

// A child writes as fast as it can on real files and reports what was acknowledged through a pipe;
// it is killed at a random moment, in the middle of commits, seals and checkpoints.
TEST_F(StoreFaults, KillingTheProcessLosesNothing) {
    fs_ = &posixFileSystem();
    options_.journal.segment_bytes = 50'000;
    std::mt19937_64 random(std::random_device{}());
    std::set<std::int64_t> acknowledged;
    std::int64_t first = kDay;
    for (int round = 0; round < 25; ++round) {
        int ends[2];
        ASSERT_EQ(::pipe(ends), 0);
        const pid_t child = ::fork();
        if (child == 0) {
            ::close(ends[0]);
            store_.reset();
            auto store = tryOpen();
            if (!store) ::_exit(1);
            const auto a = (*store)->seriesId(Labels{{"__name__", "a"}}, "g");
            for (std::int64_t t = first;; t += 700) {
                if (!(*store)->commit({{{t, {*a}, {double(t)}}}, std::to_string(t)})) ::_exit(1);
                if (::write(ends[1], &t, sizeof t) != sizeof t) ::_exit(1);
                if (t / 700 % 20 == 0 && !(*store)->sealAll()) ::_exit(1);
            }
        }
        ::close(ends[1]);
        std::int64_t t = 0, last = first;
        const int commits = 1 + static_cast<int>(random() % 60);
        for (int i = 0; i < commits && ::read(ends[0], &t, sizeof t) == sizeof t; ++i) {
            acknowledged.insert(t);
            last = t;
        }
        ::usleep(static_cast<useconds_t>(random() % 2000));
        ASSERT_EQ(::kill(child, SIGKILL), 0);
        while (::read(ends[0], &t, sizeof t) == sizeof t) {
            acknowledged.insert(t);
            last = t;
        }
        ::close(ends[0]);
        int status = 0;
        ::waitpid(child, &status, 0);
        ASSERT_TRUE(WIFSIGNALED(status)) << "the child failed by itself";
        first = last + 7000;

        open();
        if (HasFatalFailure()) return;
        const auto all = readAll(*store_);
        const auto& samples = all.begin()->second;
        const auto notes = notebook_->notes();
        for (const auto at : acknowledged) {
            ASSERT_TRUE(samples.contains(at)) << at;
            ASSERT_EQ(samples.at(at), bitsOf(double(at)));
            ASSERT_EQ(notes.count(std::to_string(at)), 1u);
        }
        // At most the one commit that was under way is there without having been acknowledged.
        ASSERT_LE(samples.size(), acknowledged.size() + static_cast<std::size_t>(round) + 1);
        store_.reset();
    }
}

}  // namespace
}  // namespace clusterwatch::store
