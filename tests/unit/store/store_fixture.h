// A store on a real temporary directory for SQLite, its journal on any file system; with a
// participant that remembers its notes, and a way to read everything back.
#pragma once

#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "collector/store/store.h"
#include "common/logging.h"
#include "tests/faults/fault_file_system.h"

namespace clusterwatch::store {

class TemporaryDirectory {
  public:
    TemporaryDirectory() {
        // In memory where there is such a place: these tests make thousands of syncs.
        const std::filesystem::path memory = "/dev/shm";
        const bool usable = ::access(memory.c_str(), W_OK) == 0;
        std::string name =
            ((usable ? memory : std::filesystem::temp_directory_path()) / "cw-store-XXXXXX")
                .string();
        path_ = ::mkdtemp(name.data());
    }
    ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

// Its state is the multiset of the notes that were committed.
class Notebook final : public Participant {
  public:
    Status restore(std::string_view snapshot) override {
        MutexLock lock(mutex_);
        notes_.clear();
        std::string note;
        for (const char c : snapshot) {
            if (c != '\n') {
                note += c;
                continue;
            }
            notes_.insert(note);
            note.clear();
        }
        return {};
    }
    void replayNote(std::string_view note) override {
        MutexLock lock(mutex_);
        notes_.emplace(note);
    }
    std::string snapshot() override {
        MutexLock lock(mutex_);
        std::string out;
        for (const auto& note : notes_) out += note + "\n";
        return out;
    }
    void committed(std::string_view note) override {
        MutexLock lock(mutex_);
        notes_.emplace(note);
    }
    std::multiset<std::string> notes() const {
        MutexLock lock(mutex_);
        return notes_;
    }

  private:
    mutable Mutex mutex_;
    std::multiset<std::string> notes_ GUARDED_BY(mutex_);
};

// 2026-11-22T00:00:00Z, the start of a partition.
inline constexpr std::int64_t kDay = 1'795'305'600'000;
inline constexpr std::int64_t kHourMs = 3'600'000;

// By labels as text, then time; values as bits, so that NaNs compare.
using Contents = std::map<std::string, std::map<std::int64_t, std::uint64_t>>;

inline Contents readAll(const Store& store, query::TimeRange range = {INT64_MIN, INT64_MAX},
                        std::vector<query::Matcher> matchers = {}) {
    Contents out;
    auto selected = store.select(matchers, range, nullptr);
    if (!selected) {
        ADD_FAILURE() << selected.error().message();
        return out;
    }
    std::string previous;
    for (const auto& series : *selected) {
        auto& samples = out[series->labels().toString()];
        auto iterator = series->samples();
        std::int64_t last = INT64_MIN;
        for (;;) {
            auto block = iterator->next();
            if (!block) {
                ADD_FAILURE() << block.error().message();
                break;
            }
            if (block->empty()) break;
            for (const Sample& s : *block) {
                EXPECT_GT(s.t_ms, last) << "times rise strictly";
                last = s.t_ms;
                samples[s.t_ms] = std::bit_cast<std::uint64_t>(s.value);
            }
        }
        if (samples.empty()) out.erase(series->labels().toString());
    }
    return out;
}

class StoreFixture : public ::testing::Test {
  protected:
    StoreFixture() {
        spdlog::set_level(spdlog::level::off);  // what is broken on purpose would fill the log
        options_.data_dir = directory_.path() / "data";
        options_.maintain_interval = Milliseconds(0);
    }

    Result<std::unique_ptr<Store>> tryOpen() {
        notebook_ = std::make_unique<Notebook>();
        return Store::open(options_, *fs_, clock_, *notebook_);
    }
    void open() {
        store_.reset();
        auto store = tryOpen();
        ASSERT_TRUE(store.ok()) << store.error().message();
        store_ = std::move(*store);
    }
    SeriesId id(const std::string& name, const std::string& group = "g",
                const std::string& job = "node") {
        auto made =
            store_->seriesId(Labels{{"__name__", name}, {"instance", group}, {"job", job}}, group);
        EXPECT_TRUE(made.ok());
        return made.value();
    }
    Result<CommitResult> put(std::int64_t t_ms, std::vector<SeriesId> series,
                             std::vector<double> values, std::string note = {}) {
        return store_->commit({{{t_ms, std::move(series), std::move(values)}}, std::move(note)});
    }
    void setTime(std::int64_t ms) { clock_.advance(Milliseconds(ms - toUnixMs(clock_.wallNow()))); }

    TemporaryDirectory directory_;
    StoreOptions options_;
    ManualClock clock_{fromUnixMs(kDay + 6 * kHourMs)};
    std::unique_ptr<Notebook> notebook_;
    FileSystem* fs_ = &posixFileSystem();
    std::unique_ptr<Store> store_;
};

inline std::uint64_t bitsOf(double v) { return std::bit_cast<std::uint64_t>(v); }

inline query::Matcher matcher(query::MatchType type, std::string name, std::string value) {
    return query::Matcher::make(type, std::move(name), std::move(value)).value();
}

}  // namespace clusterwatch::store
