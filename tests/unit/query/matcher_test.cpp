#include "collector/query/matcher.h"

#include <gtest/gtest.h>

namespace clusterwatch::query {
namespace {

bool matches(MatchType type, const char* pattern, const char* value) {
    const auto matcher = Matcher::make(type, "a", pattern);
    return matcher && matcher->matches(value);
}

TEST(Matcher, FourKinds) {
    EXPECT_TRUE(matches(MatchType::kEqual, "db1", "db1"));
    EXPECT_FALSE(matches(MatchType::kEqual, "db1", "db"));
    EXPECT_TRUE(matches(MatchType::kEqual, "", ""));  // an absent label
    EXPECT_TRUE(matches(MatchType::kNotEqual, "db1", ""));
    EXPECT_TRUE(matches(MatchType::kRegex, "db[0-9]", "db1"));
    EXPECT_TRUE(matches(MatchType::kNotRegex, "db[0-9]", "web1"));
}

TEST(Matcher, ExpressionsAreAnchored) {
    EXPECT_FALSE(matches(MatchType::kRegex, "b", "abc"));
    EXPECT_FALSE(matches(MatchType::kRegex, "a|b", "ab"));   // not ^a|b$
    EXPECT_TRUE(matches(MatchType::kRegex, "a.c", "a\nc"));  // since Prometheus 3
}

TEST(Matcher, BadExpressionsAreRefused) {
    for (const char* pattern : {"(", "a)(b", "[", "a{1001}", "\\8"}) {
        const auto matcher = Matcher::make(MatchType::kRegex, "a", pattern);
        ASSERT_FALSE(matcher) << pattern;
        EXPECT_EQ(matcher.error().code(), ErrorCode::kInvalid);
    }
}

TEST(Matcher, Text) {
    EXPECT_EQ(Matcher::make(MatchType::kNotRegex, "a", "x\"y").value().toString(), "a!~\"x\\\"y\"");
}

}  // namespace
}  // namespace clusterwatch::query
