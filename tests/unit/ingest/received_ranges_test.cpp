#include "collector/ingest/received_ranges.h"

#include <random>
#include <set>

#include <gtest/gtest.h>

namespace clusterwatch::ingest {
namespace {

// Against the obvious: a set of numbers.
TEST(ReceivedRanges, AgreesWithASetOfNumbers) {
    std::mt19937 random(20261122);
    for (int round = 0; round < 50; ++round) {
        ReceivedRanges ranges;
        std::set<std::uint64_t> model;
        for (int i = 0; i < 200; ++i) {
            const std::uint64_t first = 1 + random() % 150;
            const std::uint64_t last = random() % 4 ? first : first + random() % 10;
            if (first == last)
                ranges.add(first, static_cast<std::uint32_t>(first));
            else
                ranges.addRange(first, last);
            for (auto n = first; n <= last; ++n) model.insert(n);
        }
        for (std::uint64_t n = 0; n < 200; ++n)
            ASSERT_EQ(ranges.contains(n), model.contains(n)) << n;
        auto previous_last = std::uint64_t{0};
        for (const auto& [first, last] : ranges.ranges()) {
            EXPECT_GT(first, previous_last + (previous_last ? 1 : 0));  // neither overlap nor touch
            EXPECT_LE(first, last);
            previous_last = last;
        }
    }
}

TEST(ReceivedRanges, KnowsChecksumsOfTheNewestNumbersOnly) {
    ReceivedRanges ranges;
    for (std::uint64_t n = 1; n <= ReceivedRanges::kSums + 1; ++n)
        ranges.add(n, static_cast<std::uint32_t>(n));
    EXPECT_EQ(ranges.look(2, 2), ReceivedRanges::Seen::kSame);
    EXPECT_EQ(ranges.look(2, 3), ReceivedRanges::Seen::kOther);
    EXPECT_EQ(ranges.look(1, 99), ReceivedRanges::Seen::kSame);  // forgotten: the same again
    EXPECT_EQ(ranges.look(ReceivedRanges::kSums + 2, 0), ReceivedRanges::Seen::kNew);
    EXPECT_EQ(ranges.ranges().size(), 1u);
}

TEST(ReceivedRanges, HoldsTheWholeRangeOfNumbers) {
    ReceivedRanges ranges;
    ranges.addRange(5, ~std::uint64_t{0});
    ranges.addRange(1, 4);
    EXPECT_EQ(ranges.ranges().size(), 1u);
    EXPECT_TRUE(ranges.contains(~std::uint64_t{0}));
    EXPECT_FALSE(ranges.contains(0));
}

}  // namespace
}  // namespace clusterwatch::ingest
