#include "common/labels.h"

#include <gtest/gtest.h>

namespace clusterwatch {
namespace {

TEST(Labels, EqualSetsCompareEqualHoweverTheyWereMade) {
    const Labels a{{"b", "2"}, {"a", "1"}, {"empty", ""}};
    Labels b;
    b.set("a", "1");
    b.set("b", "x");
    b.set("b", "2");
    EXPECT_EQ(a, b);
    EXPECT_EQ(a.hash(), b.hash());
    EXPECT_EQ(a.size(), 2U);
}

TEST(Labels, OfARepeatedNameTheLastWins) {
    const Labels labels{{"a", "first"}, {"a", "last"}};
    EXPECT_EQ(labels.get("a"), "last");
    EXPECT_EQ(labels.size(), 1U);
}

TEST(Labels, ARepeatedNameWhoseLastValueIsEmptyIsAbsent) {
    const Labels labels{{"a", "first"}, {"a", ""}};
    EXPECT_FALSE(labels.has("a"));
}

TEST(Labels, AnEmptyValueRemoves) {
    Labels labels{{"a", "1"}, {"b", "2"}};
    labels.set("a", "");
    EXPECT_FALSE(labels.has("a"));
    EXPECT_EQ(labels.get("missing"), "");
    labels.remove("missing");
    EXPECT_EQ(labels, (Labels{{"b", "2"}}));
}

TEST(Labels, HashSeparatesNameFromValue) {
    EXPECT_NE((Labels{{"ab", "c"}}).hash(), (Labels{{"a", "bc"}}).hash());
}

TEST(Labels, ToStringIsPromQL) {
    EXPECT_EQ((Labels{{"__name__", "up"}, {"job", "mysql"}}).toString(), "up{job=\"mysql\"}");
    EXPECT_EQ((Labels{{"__name__", "up"}}).toString(), "up");
    EXPECT_EQ(Labels{}.toString(), "{}");
    EXPECT_EQ((Labels{{"a", "\"\\\n"}}).toString(), "{a=\"\\\"\\\\\\n\"}");
}

TEST(Labels, ValidNames) {
    EXPECT_TRUE(isValidLabelName("_a9"));
    EXPECT_FALSE(isValidLabelName("9a"));
    EXPECT_FALSE(isValidLabelName("a:b"));
    EXPECT_TRUE(isValidMetricName("a:b"));
    EXPECT_FALSE(isValidMetricName(""));
    EXPECT_FALSE(isValidMetricName("a-b"));
}

}  // namespace
}  // namespace clusterwatch
