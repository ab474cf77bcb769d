#include "collector/query/parser.h"

#include <gtest/gtest.h>

#include "common/limits.h"

namespace clusterwatch::query {
namespace {

std::string stringOf(const char* query) {
    const auto expr = parseExpression(query);
    if (!expr) return "error: " + expr.error().message();
    const auto* literal = std::get_if<StringLiteral>(&(*expr)->node);
    return literal != nullptr ? literal->value : "no string";
}

TEST(Parser, EscapesOfStrings) {
    EXPECT_EQ(stringOf(R"("a\n\t\"\\b")"), "a\n\t\"\\b");
    EXPECT_EQ(stringOf(R"('it\'s')"), "it's");
    EXPECT_EQ(stringOf(R"(`raw\n`)"), "raw\\n");
    EXPECT_EQ(stringOf(R"("\x41\101\u00e9\U0001F600")"), "AA\u00e9\U0001F600");
    EXPECT_EQ(stringOf(R"("\'")"), "error: 1:2: parse error: unknown escape sequence");
    EXPECT_EQ(stringOf(R"("\ud800")"),
              "error: 1:2: parse error: escape sequence is an invalid Unicode code point");
}

TEST(Parser, PositionsCountLines) {
    EXPECT_EQ(parseExpression("up +\n  # a comment\n  )").error().message(),
              "3:3: parse error: unexpected \")\"");
    EXPECT_EQ(parseExpression("").error().message(),
              "1:1: parse error: no expression found in input");
}

TEST(Parser, KeywordsAreNamesWhereNamesStand) {
    EXPECT_TRUE(parseExpression("sum"));
    EXPECT_TRUE(parseExpression("by{offset=\"x\"}"));
    EXPECT_TRUE(parseExpression("sum(sum)"));
}

TEST(Parser, SelectorsAlone) {
    const auto matchers = parseSelector("up{job=~\"a|b\",x!=\"\"}");
    ASSERT_TRUE(matchers);
    ASSERT_EQ(matchers->size(), 3u);
    EXPECT_EQ((*matchers)[0].toString(), "__name__=\"up\"");
    EXPECT_FALSE(parseSelector("up > 1"));
    EXPECT_FALSE(parseSelector("up[5m]"));
    EXPECT_FALSE(parseSelector("up{__name__=\"x\"}"));
}

TEST(Parser, DepthAndLengthAreBounded) {
    std::string nested(limits::kQueryDepth * 2, '(');
    EXPECT_FALSE(parseExpression(nested + "1"));
    EXPECT_FALSE(parseExpression(std::string(60'000, '-') + "1"));
    std::string chain = "1";
    for (int i = 0; i < 20'000; ++i) chain += "+1";
    EXPECT_FALSE(parseExpression(chain));
    EXPECT_FALSE(parseExpression(std::string(limits::kQueryBytes + 1, ' ')));
    EXPECT_TRUE(parseExpression("((((((1))))))"));
}

TEST(Parser, AnyBytesGiveAnAnswer) {
    std::uint32_t seed = 1;
    const std::string_view alphabet = "up{}[]()=~!\"'`\\x5m.e+-*/%^<>,:@ by sum rate\n#\xff\x00";
    for (int i = 0; i < 20'000; ++i) {
        std::string text;
        for (int length = 0; length < 24; ++length) {
            seed = seed * 1664525 + 1013904223;
            text += alphabet[(seed >> 16) % alphabet.size()];
        }
        const auto expr = parseExpression(text);
        if (!expr) {
            EXPECT_EQ(expr.error().code(), ErrorCode::kInvalid);
            EXPECT_NE(expr.error().message().find("parse error"), std::string::npos);
        }
    }
}

}  // namespace
}  // namespace clusterwatch::query
