// The store in ordinary use: what goes in comes out, over seals and restarts. Faults are in
// tests/faults/store_fault_test.cpp.
#include "collector/store/store.h"

#include <atomic>
#include <fstream>
#include <random>
#include <thread>

#include "collector/store/retention_clock.h"
#include "tests/unit/store/store_fixture.h"

namespace clusterwatch::store {
namespace {

using query::MatchType;

class StoreTest : public StoreFixture {};

const std::int64_t kNow = kDay + 6 * kHourMs;

TEST_F(StoreTest, ACommittedSampleIsVisibleAtOnceAndAfterARestart) {
    open();
    const SeriesId a = id("a"), b = id("b");
    auto result = put(kNow, {a, b}, {1.5, staleMarker()}, "note");
    ASSERT_TRUE(result.ok()) << result.error().message();
    EXPECT_EQ(result->stored, 2u);
    const auto before = readAll(*store_);
    ASSERT_EQ(before.size(), 2u);
    EXPECT_EQ(before.at("b{instance=\"g\",job=\"node\"}").at(kNow), kStaleNaNBits);
    open();
    EXPECT_EQ(readAll(*store_), before);
    EXPECT_EQ(notebook_->notes(), std::multiset<std::string>{"note"});
    EXPECT_EQ(id("a"), a);
    EXPECT_EQ(id("c"), 3u);
}

TEST_F(StoreTest, SealedSamplesStayAndTheJournalShrinks) {
    open();
    const SeriesId a = id("a"), b = id("b", "h");
    for (int i = 0; i < 720; ++i) {
        const std::int64_t t = kDay + i * 10'000;
        ASSERT_TRUE(put(t, {a, b}, {double(i), double(i % 7) / 10}, std::to_string(i)).ok());
    }
    const auto before = readAll(*store_);
    ASSERT_TRUE(store_->maintain());
    auto statistics = store_->statistics();
    EXPECT_EQ(statistics.head_samples, 0u);
    EXPECT_EQ(statistics.chunk_rows, 4u);
    EXPECT_TRUE(statistics.healthy);
    EXPECT_EQ(statistics.oldest_ms, kDay);
    EXPECT_EQ(readAll(*store_), before);
    open();
    EXPECT_EQ(store_->statistics().head_samples, 0u) << "sealed samples are not replayed";
    EXPECT_EQ(readAll(*store_), before);
    EXPECT_EQ(notebook_->notes().size(), 720u);
    EXPECT_EQ(readAll(*store_, {kDay + 100'000, kDay + 199'999}).begin()->second.size(), 10u);
}

TEST_F(StoreTest, TheJournalDropsWhatIsSealed) {
    options_.journal.segment_bytes = 2000;
    open();
    const SeriesId a = id("a");
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(put(kDay + i * 1000, {a}, {1.0 * i}).ok());
    const auto full = store_->statistics().journal_bytes;
    ASSERT_TRUE(store_->sealAll());
    EXPECT_LT(store_->statistics().journal_bytes, full / 3);
    const auto before = readAll(*store_);
    open();
    EXPECT_EQ(readAll(*store_), before);
    ASSERT_TRUE(put(kDay + 500'000, {id("a")}, {7}).ok());
    open();
    EXPECT_EQ(readAll(*store_).begin()->second.size(), 201u);
}

TEST_F(StoreTest, LateSamplesAndReplacementsWinOverSealedOnes) {
    open();
    const SeriesId a = id("a");
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(put(kDay + i * 1000, {a}, {1.0}).ok());
    ASSERT_TRUE(store_->maintain());
    ASSERT_TRUE(put(kDay + 3000, {a}, {2.0}).ok());
    ASSERT_TRUE(put(kDay + 3500, {a}, {3.0}).ok());
    auto expected = readAll(*store_);
    const auto& samples = expected.begin()->second;
    EXPECT_EQ(samples.size(), 11u);
    EXPECT_EQ(samples.at(kDay + 3000), bitsOf(2.0));
    ASSERT_TRUE(store_->maintain());
    EXPECT_EQ(store_->statistics().chunk_rows, 2u);
    EXPECT_EQ(readAll(*store_), expected);
    ASSERT_TRUE(store_->maintain());
    EXPECT_EQ(store_->statistics().chunk_rows, 2u) << "sealing twice adds nothing";
    open();
    EXPECT_EQ(readAll(*store_), expected);
}

TEST_F(StoreTest, SamplesOfATimeInOneSeriesComeInAnyOrder) {
    open();
    const SeriesId a = id("a");
    for (const int i : {5, 1, 9, 1, 3, 9}) ASSERT_TRUE(put(kNow + i, {a}, {double(i)}).ok());
    std::map<std::int64_t, std::uint64_t> expected;
    for (const int i : {1, 3, 5, 9}) expected[kNow + i] = bitsOf(i);
    EXPECT_EQ(readAll(*store_).begin()->second, expected);
}

TEST_F(StoreTest, RefusesWhatIsTooOldOrTooFarAhead) {
    options_.retention = std::chrono::hours(24);
    open();
    const SeriesId a = id("a");
    auto result = store_->commit({{{kNow - 25 * kHourMs, {a}, {1}},
                                   {kNow, {a}, {2}},
                                   {kNow + 11 * 60'000, {a}, {3}},
                                   {kNow + 9 * 60'000, {a}, {4}}},
                                  ""});
    ASSERT_TRUE(result.ok());
    EXPECT_EQ(result->stored, 2u);
    EXPECT_EQ(result->too_old, 1u);
    EXPECT_EQ(result->too_far_ahead, 1u);
    EXPECT_EQ(readAll(*store_).begin()->second.size(), 2u);
}

TEST_F(StoreTest, MatchersSelectAsPrometheusDoes) {
    open();
    auto add = [&](Labels labels) {
        auto made = store_->seriesId(labels, "g");
        ASSERT_TRUE(put(kNow, {*made}, {1}).ok());
    };
    add({{"__name__", "up"}, {"job", "mysql"}, {"instance", "db1"}});
    add({{"__name__", "up"}, {"job", "mysql"}, {"instance", "db2"}, {"role", "replica"}});
    add({{"__name__", "up"}, {"job", "apache"}, {"instance", "web1"}});
    add({{"__name__", "lag"}, {"job", "mysql"}, {"instance", "db2"}});
    auto f = [&](std::vector<query::Matcher> matchers, std::vector<std::string> expected,
                 const char* why) {
        SCOPED_TRACE(why);
        std::vector<std::string> seen;
        for (const auto& [labels, samples] : readAll(*store_, {0, INT64_MAX}, matchers))
            seen.push_back(labels);
        EXPECT_EQ(seen, expected);
    };
    const std::string db1 = "up{instance=\"db1\",job=\"mysql\"}",
                      db2 = "up{instance=\"db2\",job=\"mysql\",role=\"replica\"}",
                      web1 = "up{instance=\"web1\",job=\"apache\"}",
                      lag = "lag{instance=\"db2\",job=\"mysql\"}";
    f({}, {lag, db1, db2, web1}, "everything");
    f({matcher(MatchType::kEqual, "__name__", "up")}, {db1, db2, web1}, "a name");
    f({matcher(MatchType::kEqual, "role", "")}, {lag, db1, web1}, "an absent label is empty");
    f({matcher(MatchType::kNotEqual, "role", "")}, {db2}, "a present label");
    f({matcher(MatchType::kNotEqual, "role", "replica")}, {lag, db1, web1}, "absent is not equal");
    f({matcher(MatchType::kRegex, "instance", "db.")}, {lag, db1, db2}, "anchored");
    f({matcher(MatchType::kRegex, "instance", "d")}, {}, "anchored at both ends");
    f({matcher(MatchType::kRegex, "role", ".*")}, {lag, db1, db2, web1}, "may be absent");
    f({matcher(MatchType::kRegex, "role", ".+")}, {db2}, "must be there");
    f({matcher(MatchType::kNotRegex, "role", ".+")}, {lag, db1, web1}, "must be absent");
    f({matcher(MatchType::kNotRegex, "instance", "db.*")}, {web1}, "not a database");
    f({matcher(MatchType::kEqual, "__name__", "up"), matcher(MatchType::kEqual, "job", "mysql"),
       matcher(MatchType::kNotEqual, "instance", "db1")},
      {db2}, "all together");
    f({matcher(MatchType::kEqual, "nothing", "x")}, {}, "an unknown label");
    EXPECT_EQ(store_->labelNames({}, {0, INT64_MAX}).value(),
              (std::vector<std::string>{"__name__", "instance", "job", "role"}));
    EXPECT_EQ(store_->labelValues("instance", {}, {0, INT64_MAX}).value(),
              (std::vector<std::string>{"db1", "db2", "web1"}));
    EXPECT_EQ(store_->series({}, {0, INT64_MAX}).value().size(), 4u);
    EXPECT_TRUE(store_->series({}, {0, kNow - 1}).value().empty()) << "outside the range";
}

TEST_F(StoreTest, SelectedSeriesAreOrderedByLabels) {
    open();
    for (const char* name : {"b", "c", "a"}) ASSERT_TRUE(put(kNow, {id(name)}, {1}).ok());
    auto selected = store_->select({}, {0, INT64_MAX}, nullptr);
    ASSERT_TRUE(selected.ok());
    EXPECT_TRUE(std::is_sorted(selected->begin(), selected->end(),
                               [](auto& x, auto& y) { return x->labels() < y->labels(); }));
    query::CancelFlag cancelled = true;
    auto stopped = store_->select({}, {0, INT64_MAX}, &cancelled);
    ASSERT_TRUE(stopped.ok());
    EXPECT_EQ(stopped->front()->samples()->next().error().code(), ErrorCode::kCancelled);
}

TEST_F(StoreTest, SilenceIsSeenAsStalenessUntilItIsRetracted) {
    open();
    const SeriesId a = id("a"), b = id("b", "other");
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(put(kDay + i * 1000, {a, b}, {1, 1}).ok());
    store_->markSilent("g", kDay + 1500);
    store_->markSilent("g", kDay + 2000);  // a sample stands there
    for (int round = 0; round < 2; ++round) {
        const auto all = readAll(*store_);
        const auto& marked = all.at("a{instance=\"g\",job=\"node\"}");
        EXPECT_EQ(marked.size(), 6u);
        EXPECT_EQ(marked.at(kDay + 1500), kStaleNaNBits);
        EXPECT_EQ(marked.at(kDay + 2000), bitsOf(1));
        EXPECT_EQ(all.at("b{instance=\"other\",job=\"node\"}").size(), 5u);
        ASSERT_TRUE(store_->sealAll());  // the second round reads chunks
    }
    open();
    EXPECT_EQ(readAll(*store_).begin()->second.size(), 6u) << "kept by the checkpoint";
    store_->retractSilence("g", kDay + 1000, kDay + 1999);
    EXPECT_EQ(readAll(*store_).begin()->second.size(), 5u);
}

TEST_F(StoreTest, EventsAndMetadataAreKept) {
    open();
    store_->describe("up", {MetricType::kGauge, "Whether it answers.", ""});
    store_->addEvent({kNow, "state", "mysql/db2/replication", "critical", "stopped", "{}"});
    store_->addEvent({kNow + 1, "state", "mysql/db1/up", "ok", "up", ""});
    ASSERT_TRUE(put(kNow, {id("a")}, {1}, "n").ok());  // carries the events
    open();
    EXPECT_EQ(store_->events({0, INT64_MAX}, "", 10).value().size(), 2u);
    store_->describe("up", {MetricType::kGauge, "Whether it answers.", ""});
    ASSERT_TRUE(store_->maintain());
    store_->addEvent({kNow + 2, "alert", "mysql/db2/lag", "warning", "lags", ""});
    const auto all = store_->events({0, INT64_MAX}, "", 10).value();
    ASSERT_EQ(all.size(), 3u);
    EXPECT_EQ(all[0].subject, "mysql/db2/lag") << "newest first";
    EXPECT_EQ(store_->events({0, INT64_MAX}, "mysql/db2", 10).value().size(), 2u);
    EXPECT_EQ(store_->events({0, INT64_MAX}, "", 1).value().size(), 1u);
    EXPECT_EQ(store_->events({0, kNow}, "", 10).value()[0].text, "stopped");
    ASSERT_TRUE(store_->maintain());
    open();
    EXPECT_EQ(store_->events({0, INT64_MAX}, "", 10).value().size(), 3u);
    const auto metadata = store_->metadata("up", 10);
    ASSERT_EQ(metadata.size(), 1u);
    EXPECT_EQ(metadata[0].second.help, "Whether it answers.");
    EXPECT_EQ(metadata[0].second.type, MetricType::kGauge);
}

TEST_F(StoreTest, RetentionDeletesWholePartitions) {
    options_.retention = std::chrono::hours(48);
    open();
    for (int day = 0; day < 6; ++day) {
        setTime(kDay + day * 24 * kHourMs + 6 * kHourMs);
        ASSERT_TRUE(put(kDay + day * 24 * kHourMs + 5 * kHourMs, {id("a")}, {1.0 * day}).ok());
        // The retention clock follows at each maintenance.
        ASSERT_TRUE(store_->sealAll());
    }
    const auto left = readAll(*store_).begin()->second;
    EXPECT_EQ(left.size(), 3u);
    EXPECT_EQ(left.begin()->first, kDay + 3 * 24 * kHourMs + 5 * kHourMs);
    int files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(options_.data_dir / "chunks"))
        files += entry.path().extension() == ".db";
    EXPECT_EQ(files, 3);
}

TEST_F(StoreTest, AJumpOfTheClockDeletesNothing) {
    options_.retention = std::chrono::hours(48);
    open();
    ASSERT_TRUE(put(kNow, {id("a")}, {1}).ok());
    ASSERT_TRUE(store_->sealAll());
    clock_.stepWall(std::chrono::hours(24 * 3650));
    // Even if agents follow the wrong clock.
    ASSERT_TRUE(put(toUnixMs(clock_.wallNow()), {id("a")}, {2}).ok());
    ASSERT_TRUE(store_->sealAll());
    open();
    ASSERT_TRUE(store_->sealAll());
    clock_.stepWall(-std::chrono::hours(24 * 3650));
    ASSERT_TRUE(store_->sealAll());
    EXPECT_EQ(readAll(*store_).begin()->second.size(), 2u);
}

TEST(RetentionClock, CatchesUpAtTwiceTheSpeed) {
    const MonotonicTime start{};
    const auto at = [&](std::int64_t s) { return start + std::chrono::seconds(s); };
    const auto wall = [&](std::int64_t s) { return fromUnixMs(kDay + s * 1000); };
    RetentionClock clock(0, at(0));
    clock.advance(wall(0), at(0));
    EXPECT_EQ(clock.value(), kDay) << "the first start believes the wall clock";
    clock.advance(wall(10), at(10));
    EXPECT_EQ(clock.value(), kDay + 10'000);
    clock.advance(wall(100'000), at(20));
    EXPECT_EQ(clock.value(), kDay + 30'000);
    clock.advance(wall(5), at(30));
    EXPECT_EQ(clock.value(), kDay + 5'000) << "never ahead of the wall clock";
    RetentionClock early(1000, at(0));
    early.advance(wall(0), at(0));
    EXPECT_EQ(early.value(), kDay) << "what was set in 1970 is not believed";
}

TEST_F(StoreTest, ASecondCollectorIsRefused) {
    open();
    ASSERT_TRUE(put(kNow, {id("a")}, {1}).ok());
    Notebook other;
    const auto second = Store::open(options_, *fs_, clock_, other);
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().code(), ErrorCode::kUnavailable);
    EXPECT_NE(second.error().message().find("in use"), std::string::npos);
    EXPECT_EQ(readAll(*store_).size(), 1u);
}

std::map<std::string, std::string> imageOf(const std::filesystem::path& directory) {
    std::map<std::string, std::string> out;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
        if (!entry.is_regular_file()) continue;
        std::ifstream file(entry.path(), std::ios::binary);
        out[entry.path().string()] = {std::istreambuf_iterator<char>(file), {}};
    }
    return out;
}

void overwrite(const std::filesystem::path& file, std::size_t at, std::string_view bytes) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(static_cast<std::streamoff>(at));
    stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

TEST_F(StoreTest, ForeignAndNewerDirectoriesAreRefusedUnchanged) {
    const auto refused = [&](const char* why, const char* words) {
        SCOPED_TRACE(why);
        const auto before = imageOf(options_.data_dir);
        const auto opened = tryOpen();
        ASSERT_FALSE(opened.ok());
        EXPECT_EQ(opened.error().code(), ErrorCode::kInvalid);
        EXPECT_NE(opened.error().message().find(words), std::string::npos)
            << opened.error().message();
        EXPECT_EQ(imageOf(options_.data_dir), before);
    };
    const auto fresh = [&] {
        store_.reset();
        std::filesystem::remove_all(options_.data_dir);
        open();
        ASSERT_TRUE(put(kDay, {id("a")}, {1}).ok());
        ASSERT_TRUE(store_->sealAll());
        store_.reset();
    };
    std::filesystem::create_directories(options_.data_dir);
    std::ofstream(options_.data_dir / "thesis.tex") << "important";
    refused("somebody's files", "not a data directory");
    std::filesystem::remove(options_.data_dir / "thesis.tex");
    std::ofstream(options_.data_dir / "clusterwatch-data") << "something else\n";
    refused("another identity", "not a data directory");
    std::ofstream(options_.data_dir / "clusterwatch-data")
        << "clusterwatch data directory\nversion 2\n";
    refused("a newer directory", "newer version");
    fresh();
    overwrite(options_.data_dir / "catalogue.db", 60, std::string("\0\0\0\x63", 4));
    refused("a newer catalogue", "newer version");
    fresh();
    overwrite(options_.data_dir / "catalogue.db", 68, "ABCD");
    refused("another program's database", "not a file of clusterwatch");
    fresh();
    const auto partition =
        std::filesystem::directory_iterator(options_.data_dir / "chunks")->path();
    overwrite(partition.parent_path() / partition.stem().concat(".db"), 60,
              std::string("\0\0\0\x63", 4));
    refused("a newer partition", "newer version");
    fresh();
    std::ofstream(options_.data_dir / "journal" / "readme") << "x";
    refused("a foreign file in the journal", "not a journal");
}

TEST_F(StoreTest, ManyThreadsCommitReadAndMaintainAtOnce) {
    options_.maintain_interval = Milliseconds(1);
    options_.journal.segment_bytes = 20'000;
    open();
    constexpr int kThreads = 4, kEach = 60;
    std::atomic<int> left = kThreads;
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            const std::string group = "g" + std::to_string(t);
            const SeriesId a = id("a", group), b = id("b", group);
            for (int i = 0; i < kEach; ++i)
                ASSERT_TRUE(put(kDay + i * 60'000, {a, b}, {double(i), double(t)},
                                group + "/" + std::to_string(i))
                                .ok());
            --left;
        });
    }
    while (left > 0) readAll(*store_);
    threads.clear();
    auto check = [&] {
        const auto all = readAll(*store_);
        EXPECT_EQ(all.size(), 2u * kThreads);
        for (const auto& [labels, samples] : all)
            EXPECT_EQ(samples.size(), size_t{kEach}) << labels;
        EXPECT_EQ(notebook_->notes().size(), size_t{kThreads * kEach}) << "no note lost or doubled";
    };
    check();
    open();
    check();
}

TEST_F(StoreTest, VerifyReadsEverythingAndFindsDamage) {
    open();
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(put(kDay + i * 1000, {id("a")}, {1.0 * i}).ok());
    ASSERT_TRUE(store_->sealAll());
    ASSERT_TRUE(put(kNow, {id("a")}, {5}).ok());
    store_.reset();
    auto report = verifyDataDirectory(options_.data_dir, posixFileSystem());
    ASSERT_TRUE(report.ok()) << report.error().message();
    EXPECT_TRUE(report->problems.empty()) << report->problems.front();
    EXPECT_EQ(report->chunk_rows, 1u);
    EXPECT_EQ(report->samples, 100u);
    EXPECT_GE(report->journal_records, 1u);

    const auto file = options_.data_dir / "chunks" / "00001795305600000.db";
    const auto before = imageOf(options_.data_dir);
    overwrite(file, before.at(file.string()).find("CWCK") + 30, "x");
    const auto damaged = imageOf(options_.data_dir);
    report = verifyDataDirectory(options_.data_dir, posixFileSystem());
    ASSERT_TRUE(report.ok());
    EXPECT_EQ(report->damaged_chunk_rows, 1u);
    EXPECT_EQ(report->problems.size(), 1u);
    EXPECT_EQ(imageOf(options_.data_dir), damaged) << "nothing is changed";
    EXPECT_FALSE(verifyDataDirectory(directory_.path(), posixFileSystem()).ok());
}

}  // namespace
}  // namespace clusterwatch::store
