// Limits, cancellation, errors of the source, orders. What expressions give is in tests/scripts.
#include "collector/query/engine.h"

#include <gtest/gtest.h>

#include "tests/unit/query/vector_source.h"

namespace clusterwatch::query {
namespace {

class EngineTest : public ::testing::Test {
  protected:
    EngineTest() {
        for (const char* instance : {"b", "a"}) {
            std::vector<Sample> samples;
            for (int i = 0; i < 100; ++i) samples.push_back({i * 1000, static_cast<double>(i)});
            source.add({{"__name__", "x"}, {"instance", instance}}, std::move(samples));
        }
    }
    VectorSource source;
    ManualClock clock{fromUnixMs(0)};
};

TEST_F(EngineTest, SamplesHeldAreLimited) {
    const Engine engine(source, clock, {.max_samples = 150});
    EXPECT_TRUE(engine.instant("x[50s]", 99'000));
    const auto result = engine.range("x", 0, 99'000, 1000);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), ErrorCode::kLimit);
    EXPECT_EQ(result.error().message(),
              "query processing would load too many samples into memory in query execution");
    // What is read and not held does not count: 200 samples, 20 points.
    EXPECT_TRUE(engine.range("rate(x[5s])", 0, 99'000, 10'000));
}

TEST_F(EngineTest, CancelledAndTimedOut) {
    const Engine engine(source, clock);
    const CancelFlag cancel{true};
    EXPECT_EQ(engine.instant("x", 0, &cancel).error().code(), ErrorCode::kCancelled);
    const Engine hurried(source, clock, {.timeout = Milliseconds{0}});
    EXPECT_EQ(hurried.instant("x", 0).error().code(), ErrorCode::kTimedOut);
}

TEST_F(EngineTest, ACallMayAskForLessTimeAndNotForMore) {
    const Engine engine(source, clock, {.timeout = Milliseconds{1000}});
    for (const auto timeout : {Milliseconds{0}, Milliseconds{-5}, Milliseconds::min()}) {
        EXPECT_EQ(engine.instant("x", 0, nullptr, timeout).error().code(), ErrorCode::kTimedOut);
        EXPECT_EQ(engine.range("1", 0, 1, 1, nullptr, timeout).error().code(),
                  ErrorCode::kTimedOut);
    }
    EXPECT_TRUE(engine.instant("x", 0, nullptr, Milliseconds{1}));
    source.onSelect([this] { clock.advance(Milliseconds{500}); });
    EXPECT_TRUE(engine.instant("x", 0));
    EXPECT_EQ(engine.instant("x", 0, nullptr, Milliseconds{500}).error().message(),
              "query timed out in expression evaluation");
    source.onSelect([this] { clock.advance(Milliseconds{1000}); });
    EXPECT_EQ(engine.range("x", 0, 1, 1, nullptr, Milliseconds::max()).error().code(),
              ErrorCode::kTimedOut);
}

TEST_F(EngineTest, ErrorsOfTheSourceAreHandedOn) {
    source.failWith(Error(ErrorCode::kCorrupt, "a chunk is damaged"));
    const Engine engine(source, clock);
    EXPECT_EQ(engine.instant("sum(rate(x[1m])) > 1", 0).error().message(), "a chunk is damaged");
    EXPECT_TRUE(engine.instant("1 + 1", 0));
}

TEST_F(EngineTest, OrderedByLabels) {
    const Engine engine(source, clock);
    const auto value = engine.instant("rate(x[1m])", 60'000);
    ASSERT_TRUE(value);
    const auto& vector = std::get<Vector>(*value);
    ASSERT_EQ(vector.size(), 2u);
    EXPECT_EQ(vector[0].labels.toString(), "{instance=\"a\"}");
    EXPECT_EQ(vector[0].sample.t_ms, 60'000);
}

TEST_F(EngineTest, RangeSelectorAloneGivesRawSamples) {
    const Engine engine(source, clock);
    const auto value = engine.instant("x{instance=\"a\"}[3s]", 10'500);
    ASSERT_TRUE(value);
    const auto& matrix = std::get<Matrix>(*value);
    ASSERT_EQ(matrix.size(), 1u);
    ASSERT_EQ(matrix[0].points.size(), 3u);
    EXPECT_EQ(matrix[0].points[0].t_ms, 8'000);
}

TEST_F(EngineTest, FarTimesDoNotOverflow) {
    const Engine engine(source, clock);
    for (const std::int64_t t : {INT64_MIN, INT64_MAX}) EXPECT_FALSE(engine.instant("x", t));
    EXPECT_TRUE(engine.instant("rate(x[100y] offset 100y)", std::int64_t{1} << 60));
    EXPECT_TRUE(engine.instant("rate(x[9000000000] offset -9000000000)", -(std::int64_t{1} << 60)));
}

}  // namespace
}  // namespace clusterwatch::query
