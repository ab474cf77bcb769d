#include "dashboard/models/series.h"

#include <algorithm>
#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "dashboard/models/ticks.h"

namespace clusterwatch::dashboard {
namespace {

Series series(const QString& instance, std::vector<TimePoint> points, const QString& status = {}) {
    return {{{"instance", instance}, {"status", status}}, std::move(points)};
}

TEST(Combine, SumsOnlyMembersAndOnlyWhatIsThere) {
    const std::vector<Series> all{series("a", {{1000, 1}, {2000, 2}}), series("b", {{1000, 10}}),
                                  series("z", {{1000, 99}})};
    EXPECT_EQ(combineSeries(all, {"a", "b"}, Combine::kSum),
              (std::vector<TimePoint>{{1000, 11}, {2000, 2}}));
    EXPECT_TRUE(combineSeries(all, {"c"}, Combine::kSum).empty()) << "absent is not 0";
    EXPECT_EQ(combineSeries(all, {"a", "b"}, Combine::kMax).front().value, 10);
    EXPECT_EQ(combineSeries(all, {"a", "b"}, Combine::kMin).front().value, 1);
}

TEST(Combine, AShareOfHitsNeedsRequests) {
    EXPECT_EQ(combineSeries({series("a", {{0, 90}}, "hit"), series("a", {{0, 10}}, "miss")}, {"a"},
                            Combine::kHitPercent)
                  .front()
                  .value,
              90);
    EXPECT_TRUE(combineSeries({series("a", {{0, 0}}, "hit"), series("a", {{0, 0}}, "miss")}, {"a"},
                              Combine::kHitPercent)
                    .empty());
}

TEST(Combine, FreeSpaceIsThatOfTheFullest) {
    const auto of = [](const char* name, const char* instance, double value) {
        return Series{{{"__name__", name}, {"instance", instance}}, {{0, value}}};
    };
    const std::vector<Series> all{
        of("docstore_size_bytes", "a", 100), of("docstore_avail_bytes", "a", 40),
        of("docstore_size_bytes", "b", 100), of("docstore_avail_bytes", "b", 7),
        of("docstore_avail_bytes", "c", 1)};
    EXPECT_EQ(combineSeries(all, {"a", "b", "c"}, Combine::kFreePercent).front().value, 7)
        << "c has no size";
}

TEST(Gaps, AreCutAndNeverBridged) {
    const auto segments = splitAtGaps({{0, 1}, {10, 1}, {40, 1}, {50, std::nan("")}, {55, 2}}, 15);
    ASSERT_EQ(segments.size(), 3U);
    EXPECT_EQ(segments[0].size(), 2U);
    EXPECT_EQ(segments[1].size(), 1U);
    EXPECT_EQ(segments[2].front().t_ms, 55) << "a NaN breaks the line even between near neighbours";
}

TEST(Gaps, NoSegmentOfRandomDataSpansOne) {
    std::mt19937 random(20261122);
    for (int round = 0; round < 200; ++round) {
        std::vector<TimePoint> points;
        std::int64_t t = 0;
        for (int i = 0; i < 300; ++i) {
            t += random() % 20 == 0 ? 1000 : 10;
            points.push_back({t, random() % 30 == 0 ? std::nan("") : double(random() % 100)});
        }
        std::size_t kept = 0;
        for (const auto& segment : splitAtGaps(points, 15)) {
            kept += segment.size();
            for (std::size_t i = 1; i < segment.size(); ++i)
                ASSERT_LE(segment[i].t_ms - segment[i - 1].t_ms, 15);
        }
        EXPECT_EQ(kept, std::size_t(std::count_if(points.begin(), points.end(),
                                                  [](auto& p) { return std::isfinite(p.value); })));
    }
}

TEST(Decimate, KeepsASpikeOfOneSampleAtAnyWidth) {
    std::mt19937 random(7);
    std::vector<TimePoint> day;
    for (int i = 0; i < 86'400; ++i) day.push_back({i * 1000, 1});
    for (int round = 0; round < 30; ++round) {
        const std::size_t at = random() % day.size();
        day[at].value = round % 2 ? 500 : -500;
        const int columns = 300 + int(random() % 1500);
        const auto drawn = decimate(day, 0, 86'400'000, columns);
        EXPECT_LE(drawn.size(), std::size_t(columns) * 4);
        EXPECT_EQ(std::count(drawn.begin(), drawn.end(), day[at]), 1)
            << "at " << at << " of " << columns;
        day[at].value = 1;
    }
}

TEST(Decimate, KeepsOrderAndFewPointsAsTheyAre) {
    const std::vector<TimePoint> points{{0, 3}, {10, 1}, {20, 2}, {500, 9}};
    EXPECT_EQ(decimate(points, 0, 100, 1000), (std::vector<TimePoint>{{0, 3}, {10, 1}, {20, 2}}))
        << "and none beyond the range";
    EXPECT_TRUE(decimate(points, 100, 100, 1000).empty());
    EXPECT_TRUE(decimate({}, 0, 100, 10).empty());
}

TEST(Window, CoversTheDataAndGrowsInThreeSteps) {
    std::int64_t last = 0;
    std::set<std::int64_t> steps;
    for (std::int64_t span = 0; span <= 3'600'000; span += 1000) {
        EXPECT_GE(windowFor(span), span);
        EXPECT_GE(windowFor(span), last);
        last = windowFor(span);
        steps.insert(last);
    }
    EXPECT_EQ(steps, (std::set<std::int64_t>{300'000, 900'000, 3'600'000}));
}

TEST(TimeTicks, FallOnRoundLocalTimes) {
    const std::int64_t noon = 1'795'348'800'000;
    for (const int minutes : {5, 30, 60, 180, 1440})
        for (const int offset : {0, 3600, 19800}) {
            const auto ticks =
                timeTicks(noon + 123'456, noon + 123'456 + minutes * 60'000, 8, offset);
            ASSERT_GE(ticks.size(), 2U);
            ASSERT_LE(ticks.size(), 8U);
            const std::int64_t step = ticks[1] - ticks[0];
            for (std::size_t i = 1; i < ticks.size(); ++i) EXPECT_EQ(ticks[i] - ticks[i - 1], step);
            EXPECT_EQ((ticks[0] + offset * 1000LL) % step, 0)
                << minutes << " min, offset " << offset;
        }
}

TEST(ValueTicks, CoverTheTopWithRoundSteps) {
    EXPECT_EQ(valueTicks(38.6, 4), (std::vector<double>{0, 10, 20, 30, 40}));
    EXPECT_EQ(valueTicks(5, 4), (std::vector<double>{0, 2, 4, 6}));
    EXPECT_EQ(valueTicks(std::nan(""), 4).front(), 0);
    for (double top = 0.003; top < 1e9; top *= 1.37) {
        const auto ticks = valueTicks(top, 4);
        EXPECT_GE(ticks.back(), top * (1 - 1e-9));
        EXPECT_LE(ticks.size(), 6U);
    }
}

}  // namespace
}  // namespace clusterwatch::dashboard
