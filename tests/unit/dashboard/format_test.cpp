#include "dashboard/models/format.h"

#include <cmath>

#include <gtest/gtest.h>

namespace clusterwatch::dashboard {
namespace {

TEST(Format, Ages) {
    const auto f = [](double seconds, const char* expected) {
        EXPECT_EQ(formatAge(seconds).toStdString(), expected);
    };
    f(-1, "never");
    f(std::nan(""), "never");
    f(0, "0.0 s");
    f(9.94, "9.9 s");
    f(9.96, "9 s");
    f(17.9, "17 s");
    f(119, "119 s");
    f(252, "4 min");
    f(7500, "2 h 5 min");
    f(3 * 86400, "3 d");
}

TEST(Format, Numbers) {
    const auto f = [](double value, const char* expected) {
        EXPECT_EQ(formatNumber(value).toStdString(), expected);
    };
    f(0, "0");
    f(0.421, "0.42");
    f(1, "1");
    f(9.54, "9.5");
    f(95.6, "95.6");
    f(182.4, "182");
    f(9999, "9999");
    f(18432, "18.4 k");
    f(2.13e6, "2.1 M");
    f(-0.001, "0");
    f(std::nan(""), "?");
}

TEST(Format, OffsetsAndCuts) {
    EXPECT_EQ(formatOffset(0.0034), "+3 ms");
    EXPECT_EQ(formatOffset(-1.44), "-1.4 s");
    EXPECT_EQ(shortened("short", 10), "short");
    EXPECT_EQ(shortened("a long sentence here", 17), "a long sentence…");
    EXPECT_LE(shortened(QString(500, 'x'), 40).size(), 40);
}

}  // namespace
}  // namespace clusterwatch::dashboard
