#include "agent/probes/docstore.h"

#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/probes/fixture.h"

namespace clusterwatch::agent {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class Docstore : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = (fs::temp_directory_path() / "docstore-XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        root_ = pattern;
    }
    void TearDown() override { fs::remove_all(root_); }

    void file(const std::string& path, std::size_t bytes, long modified) {
        fs::create_directories((root_ / path).parent_path());
        std::ofstream(root_ / path) << std::string(bytes, 'x');
        const timespec times[2] = {{modified, 0}, {modified, 0}};
        ASSERT_EQ(::utimensat(AT_FDCWD, (root_ / path).c_str(), times, 0), 0);
    }

    fs::path root_;
};

TEST_F(Docstore, CountsByTopFolder) {
    file("a.txt", 1, 100);
    file("photos/1.jpg", 10, 200);
    file("photos/2019/2.jpg", 20, 300);
    file("photos/2019/deep/3.jpg", 30, 50);
    fs::create_directories(root_ / "empty");
    fs::create_symlink("/", root_ / "photos" / "everything");
    fs::create_symlink(root_, root_ / "loop");
    DocstoreScan scan(root_.string(), 1000);
    ASSERT_EQ(scan.advance(1000), DocstoreScan::Step::kComplete);
    const ScanTotals& totals = scan.totals();
    EXPECT_EQ(totals.errors, 0u) << totals.first_error;
    EXPECT_EQ(totals.entries, 10u);
    EXPECT_EQ(totals.folders.at(".").documents, 1u);
    EXPECT_EQ(totals.folders.at("photos").documents, 3u);
    EXPECT_EQ(totals.folders.at("photos").bytes, 60u);
    EXPECT_EQ(totals.folders.at("photos").oldest_seconds, 50);
    EXPECT_EQ(totals.folders.at("photos").newest_seconds, 300);
    EXPECT_EQ(totals.folders.at("empty").documents, 0u);
    EXPECT_EQ(totals.folders.count("loop"), 0u);
}

TEST_F(Docstore, ResumesAfterEachEntryWithTheSameResult) {
    for (int i = 0; i < 40; ++i)
        file("f" + std::to_string(i % 4) + "/" + std::to_string(i), static_cast<std::size_t>(i), i);
    DocstoreScan scan(root_.string(), 1000);
    int steps = 1;
    for (; scan.advance(1) == DocstoreScan::Step::kMore; ++steps) ASSERT_LT(steps, 1000);
    EXPECT_EQ(steps, 45);
    std::uint64_t bytes = 0;
    for (const auto& [name, sums] : scan.totals().folders) bytes += sums.bytes;
    EXPECT_EQ(bytes, 780u);
}

TEST_F(Docstore, LimitsAreKept) {
    for (int i = 0; i < 130; ++i) file("f" + std::to_string(i) + "/x", 1, 1);
    DocstoreScan many(root_.string(), 1000);
    ASSERT_EQ(many.advance(10000), DocstoreScan::Step::kComplete);
    EXPECT_EQ(many.totals().folders.size(), kMaxScanFolders + 1);
    EXPECT_EQ(many.totals().folders.at(std::string(kOtherFolders)).documents, 30u);
    DocstoreScan few(root_.string(), 50);
    EXPECT_EQ(few.advance(10000), DocstoreScan::Step::kTooMany);
    EXPECT_EQ(few.totals().entries, 50u);
}

TEST_F(Docstore, AChainDeeperThanTheLimitIsAnErrorNotACrash) {
    fs::path deep = root_;
    for (int i = 0; i < 80; ++i) deep /= "d";
    fs::create_directories(deep);
    DocstoreScan scan(root_.string(), 1000);
    EXPECT_EQ(scan.advance(1000), DocstoreScan::Step::kComplete);
    EXPECT_EQ(scan.totals().errors, 1u);
}

TEST_F(Docstore, FoldersThatVanishMidwayAreNoErrors) {
    for (int i = 0; i < 5; ++i) file("f" + std::to_string(i) + "/x", 1, 1);
    DocstoreScan scan(root_.string(), 1000);
    ASSERT_EQ(scan.advance(1), DocstoreScan::Step::kMore);
    for (const auto& entry : fs::directory_iterator(root_)) fs::remove_all(entry);
    EXPECT_EQ(scan.advance(1000), DocstoreScan::Step::kComplete);
    EXPECT_EQ(scan.totals().errors, 0u) << scan.totals().first_error;
}

TEST_F(Docstore, ProbePublishesFinishedScansOnly) {
    for (int i = 0; i < 30; ++i) file("in/" + std::to_string(i), 1, 1);
    DocstoreProbe::Options options;
    options.path = root_.string();
    options.entries_per_second = 2;
    DocstoreProbe probe(options);
    ManualClock clock(fromUnixMs(1'000'000));
    const std::map<std::string, State, std::less<>> previous;
    const auto run = [&] {
        return probe.run({clock, clock.monotonicNow() + std::chrono::seconds(2), {}, previous});
    };
    const ProbeRun first = run();
    EXPECT_EQ(first.outcome, Outcome::kOk);
    EXPECT_EQ(valueOf(first, "docstore_scan_running"), 1);
    EXPECT_THAT(seriesOf(first), Not(Contains(HasSubstr("docstore_documents"))));
    EXPECT_EQ(first.checks.back().state, State::kUnknown);
    clock.advance(std::chrono::seconds(10));
    const ProbeRun second = run();
    EXPECT_EQ(valueOf(second, "docstore_scan_running"), 0);
    EXPECT_EQ(valueOf(second, "docstore_documents{folder=\"in\"}"), 30);
    EXPECT_EQ(valueOf(second, "docstore_scan_complete_timestamp_seconds"), 1010);
    EXPECT_EQ(second.checks.back().state, State::kOk);
}

TEST_F(Docstore, AMissingPathAndAMissingMountAreCritical) {
    DocstoreProbe::Options options;
    options.path = (root_ / "gone").string();
    const TestContext context;
    ProbeRun run = DocstoreProbe(options).run(context.get());
    EXPECT_EQ(run.outcome, Outcome::kNotFound);
    EXPECT_EQ(run.checks.front().state, State::kCritical);
    EXPECT_EQ(run.sampleCount(), 0u);
    options.path = root_.string();
    options.require_mount = true;
    run = DocstoreProbe(options).run(context.get());
    EXPECT_EQ(run.outcome, Outcome::kNotFound);
    EXPECT_THAT(run.message, HasSubstr("not mounted"));
}

}  // namespace
}  // namespace clusterwatch::agent
