#include "agent/sequence_set.h"

#include <random>
#include <set>

#include <gtest/gtest.h>

namespace clusterwatch::agent {
namespace {

// Against a plain std::set, over random ranges.
TEST(SequenceSet, AgreesWithAPlainSet) {
    std::minstd_rand random(7);
    for (int round = 0; round < 200; ++round) {
        SequenceSet set;
        std::set<std::uint64_t> plain;
        for (int i = 0; i < 20; ++i) {
            const std::uint64_t first = 1 + random() % 60;
            const std::uint64_t last = first + random() % 6;
            set.add(first, last);
            for (auto n = first; n <= last; ++n) plain.insert(n);
        }
        for (std::uint64_t n = 1; n < 70; ++n) {
            ASSERT_EQ(set.contains(n), plain.contains(n)) << n;
            std::uint64_t missing = n;
            while (plain.contains(missing)) ++missing;
            ASSERT_EQ(set.firstMissing(n), missing) << n;
        }
        ASSERT_EQ(set.countWithin(10, 50), static_cast<std::uint64_t>(std::distance(
                                               plain.lower_bound(10), plain.upper_bound(50))));
    }
}

TEST(SequenceSet, MergesNeighboursSoThatItStaysSmall) {
    SequenceSet set;
    for (std::uint64_t n = 1; n <= 1000; n += 2) set.add(n);
    EXPECT_EQ(set.ranges().size(), 500u);
    for (std::uint64_t n = 2; n <= 1000; n += 2) set.add(n);
    EXPECT_EQ(set.ranges().size(), 1u);
    EXPECT_EQ(set.firstMissing(1), 1001u);
}

TEST(SequenceSet, AnEmptyRangeAddsNothing) {
    SequenceSet set;
    set.add(5, 4);
    EXPECT_EQ(set.ranges().size(), 0u);
}

}  // namespace
}  // namespace clusterwatch::agent
