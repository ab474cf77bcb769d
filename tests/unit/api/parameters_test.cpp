#include "collector/api/parameters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace clusterwatch::api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Parameters, Parse) {
    const auto parsed = Parameters::parse("a=1&b=x%20y+z&a=2&&empty=&bare&m%5B%5D=%7B%7D");
    ASSERT_TRUE(parsed.ok());
    EXPECT_EQ(parsed->text("a"), "1");
    EXPECT_THAT(parsed->all("a"), ElementsAre("1", "2"));
    EXPECT_EQ(parsed->text("b"), "x y z");
    EXPECT_EQ(parsed->get("empty"), "");
    EXPECT_EQ(parsed->get("bare"), "");
    EXPECT_EQ(parsed->text("m[]"), "{}");
    EXPECT_EQ(parsed->get("none"), std::nullopt);
}

TEST(Parameters, Refused) {
    const auto f = [](std::string_view encoded, const char* why) {
        const auto parsed = Parameters::parse(encoded);
        ASSERT_FALSE(parsed.ok()) << encoded;
        EXPECT_THAT(parsed.error().message(), HasSubstr(why));
    };
    f("a=%", "two hex digits");
    f("a=%4", "two hex digits");
    f("a=%g0", "two hex digits");
    f("%=1", "two hex digits");
    f("a=%ff", "UTF-8");
    f("\xff=1", "UTF-8");
    std::string many;
    for (std::size_t i = 0; i <= kMaxParameters; ++i) many += "a&";
    f(many, "more than 1000");
}

TEST(Parameters, Times) {
    const auto f = [](std::string_view text, std::int64_t expected_ms) {
        const auto ms = parseTimestampMs(text);
        ASSERT_TRUE(ms.ok()) << text;
        EXPECT_EQ(*ms, expected_ms) << text;
    };
    f("0", 0);
    f("1435781430.781", 1435781430781);
    f("1435781430", 1435781430000);
    f("-1.5", -1500);
    f("1e3", 1'000'000);
    f("2015-07-01T20:10:30.781Z", 1435781430781);
    f("2015-07-01T22:10:30.781999+02:00", 1435781430781);
    f("2015-07-01T20:10:30-00:30", 1435783230000);
    f("2024-02-29T00:00:00Z", 1709164800000);
    const auto refused = [](std::string_view text) {
        const auto ms = parseTimestampMs(text);
        ASSERT_FALSE(ms.ok()) << text;
        EXPECT_EQ(ms.error().message(),
                  "cannot parse \"" + std::string(text) + "\" to a valid timestamp");
    };
    for (const auto* text :
         {"x", "", "NaN", "+Inf", "1e300", "2015-07-01", "2015-07-01T20:10:30",
          "2015-13-01T20:10:30Z", "2023-02-29T00:00:00Z", "2015-07-01T24:00:00Z",
          "2015-07-01T20:10:30.Z", "2015-07-01T20:10:30Zx", "2015-07-01T20:10:30+0200"})
        refused(text);
}

TEST(Parameters, Steps) {
    EXPECT_EQ(*parseStep("15"), Milliseconds(15000));
    EXPECT_EQ(*parseStep("0.5"), Milliseconds(500));
    EXPECT_EQ(*parseStep("1m30s"), Milliseconds(90000));
    EXPECT_EQ(*parseStep("-1"), Milliseconds(-1000))
        << "the caller refuses it in Prometheus's words";
    EXPECT_EQ(parseStep("x").error().message(), "cannot parse \"x\" to a valid duration");
    EXPECT_EQ(parseStep("1e300").error().message(),
              "cannot parse \"1e300\" to a valid duration. It overflows int64");
}

TEST(Parameters, ErrorsNameTheParameter) {
    const auto parameters = Parameters::parse("time=x&limit=-1");
    ASSERT_TRUE(parameters.ok());
    EXPECT_EQ(
        timeParameter(*parameters, "time", 7).error().message(),
        "invalid parameter \"time\": Invalid time value for 'time': cannot parse \"x\" to a valid "
        "timestamp");
    EXPECT_EQ(*timeParameter(*parameters, "start", 7), 7);
    EXPECT_THAT(limitParameter(*parameters, "limit").error().message(),
                HasSubstr("invalid parameter \"limit\""));
    EXPECT_EQ(*limitParameter(*parameters, "none"), 0u);
}

}  // namespace
}  // namespace clusterwatch::api
