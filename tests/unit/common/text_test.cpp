#include "common/text.h"

#include <cmath>
#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "common/sample.h"

namespace clusterwatch {
namespace {

TEST(Text, ParseDouble) {
    const auto f = [](std::string_view text, std::optional<double> expected) {
        const auto got = parseDouble(text);
        ASSERT_EQ(got.has_value(), expected.has_value()) << text;
        if (expected) {
            EXPECT_EQ(*got, *expected) << text;
        }
    };
    f("0", 0.0);
    f(".147541", 0.147541);  // Apache's CPULoad
    f("1e3", 1000.0);
    f("+5", 5.0);
    f("-5", -5.0);
    f("+Inf", std::numeric_limits<double>::infinity());
    f("-Inf", -std::numeric_limits<double>::infinity());
    f("1K", std::nullopt);  // a unit suffix is not part of a number
    f("", std::nullopt);
    f(" 1", std::nullopt);
    f("+-1", std::nullopt);
    f("1 ", std::nullopt);
    EXPECT_TRUE(std::isnan(parseDouble("NaN").value()));
}

TEST(Text, ParseIntRefusesWhatIsNotWhollyANumber) {
    EXPECT_EQ(parseInt("-12"), -12);
    EXPECT_FALSE(parseInt("12x"));
    EXPECT_FALSE(parseInt("9223372036854775808"));
    EXPECT_EQ(parseUint("18446744073709551615"), UINT64_MAX);
    EXPECT_FALSE(parseUint("-1"));
}

TEST(Text, FormatDouble) {
    const auto f = [](double value, std::string_view expected) {
        EXPECT_EQ(formatDouble(value), expected);
    };
    f(0, "0");
    f(-0.0, "-0");
    f(1, "1");
    f(0.1, "0.1");
    f(1.5e20, "150000000000000000000");
    f(1e21, "1e+21");
    f(0.000001, "0.000001");
    f(0.0000001, "1e-07");
    f(1795345632.123, "1795345632.123");
    f(std::numeric_limits<double>::quiet_NaN(), "NaN");
    f(std::numeric_limits<double>::infinity(), "+Inf");
    f(-std::numeric_limits<double>::infinity(), "-Inf");
    f(std::numeric_limits<double>::denorm_min(), "5e-324");
}

TEST(Text, FormatDoubleReadsBackAsTheSameBits) {
    std::mt19937_64 random(20261122);
    for (int i = 0; i < 100'000; ++i) {
        const auto value = std::bit_cast<double>(random());
        if (std::isnan(value)) continue;
        const auto back = parseDouble(formatDouble(value));
        ASSERT_TRUE(back.has_value()) << formatDouble(value);
        ASSERT_TRUE(sameBits(*back, value)) << formatDouble(value);
    }
}

TEST(Text, ParseDuration) {
    const auto f = [](std::string_view text, std::optional<std::int64_t> expected_ms) {
        const auto got = parseDuration(text);
        ASSERT_EQ(got.has_value(), expected_ms.has_value()) << text;
        if (expected_ms) {
            EXPECT_EQ(got->count(), *expected_ms) << text;
        }
    };
    f("10s", 10'000);
    f("1h30m", 5'400'000);
    f("250ms", 250);
    f("1m5s10ms", 65'010);
    f("90d", 90LL * 86'400'000);
    f("0", 0);
    f("10", std::nullopt);    // no unit
    f("5m1h", std::nullopt);  // units must fall
    f("1s1s", std::nullopt);  // each once
    f("-5s", std::nullopt);
    f("1.5s", std::nullopt);
    f("", std::nullopt);
    f("s", std::nullopt);
    f("9223372036854775807y", std::nullopt);  // overflow
}

TEST(Text, FormatDuration) {
    EXPECT_EQ(formatDuration(Milliseconds(0)), "0s");
    EXPECT_EQ(formatDuration(Milliseconds(65'010)), "1m5s10ms");
    EXPECT_EQ(formatDuration(std::chrono::hours(24 * 7)), "1w");
    EXPECT_EQ(formatDuration(std::chrono::hours(24 * 8)), "8d");
    EXPECT_EQ(formatDuration(Milliseconds(-1500)), "-1s500ms");
}

TEST(Text, FormatTime) {
    EXPECT_EQ(formatTime(fromUnixMs(0)), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(formatTime(fromUnixMs(1795345632007)), "2026-11-22T11:07:12.007Z");
    EXPECT_EQ(formatTime(fromUnixMs(-1)), "1969-12-31T23:59:59.999Z");
}

TEST(Text, ValidUtf8) {
    EXPECT_TRUE(isValidUtf8("plain"));
    EXPECT_TRUE(isValidUtf8("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"));
    EXPECT_FALSE(isValidUtf8("\xc0\xaf"));          // overlong
    EXPECT_FALSE(isValidUtf8("\xed\xa0\x80"));      // surrogate
    EXPECT_FALSE(isValidUtf8("\xf4\x90\x80\x80"));  // beyond U+10FFFF
    EXPECT_FALSE(isValidUtf8("\xe2\x82"));          // cut
    EXPECT_FALSE(isValidUtf8("\x80"));
}

TEST(Text, TruncatedCutsAtACharacter) {
    EXPECT_EQ(truncated("short", 10), "short");
    EXPECT_EQ(truncated("0123456789", 8), "01234...");
    EXPECT_EQ(truncated("abc\xe2\x82\xac\xe2\x82\xac", 8), "abc...");
    EXPECT_EQ(truncated("abcdef", 2), "..");
}

TEST(Text, SplitKeepsEmptyFields) {
    EXPECT_EQ(split("a,,b", ',').size(), 3U);
    EXPECT_EQ(split("", ',').size(), 1U);
}

}  // namespace
}  // namespace clusterwatch
