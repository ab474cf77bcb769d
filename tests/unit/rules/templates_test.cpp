#include "collector/rules/templates.h"

#include <limits>

#include <gtest/gtest.h>

namespace clusterwatch::rules {
namespace {

std::string expand(std::string_view text, double value = 0) {
    const auto parsed = Template::parse(text);
    if (!parsed) return "error: " + parsed.error().message();
    return parsed->expand(Labels{{"instance", "db2"}, {"free", "0.25"}}, value);
}

TEST(Templates, LabelsAndValue) {
    EXPECT_EQ(expand("plain"), "plain");
    EXPECT_EQ(expand("{{ $labels.instance }} is {{$value}}", 1.5), "db2 is 1.5");
    EXPECT_EQ(expand("{{ .Labels.instance }}/{{ .Value }}", 1e-5), "db2/1e-05");
    EXPECT_EQ(expand("[{{ $labels.absent }}]"), "[]");
    EXPECT_EQ(expand("{{ $value }}", std::numeric_limits<double>::infinity()), "+Inf");
    EXPECT_EQ(expand("{{ $value }}", 123456789), "123456789");
}

TEST(Templates, Humanize) {
    EXPECT_EQ(expand("{{ $value | humanize }}", 1234567), "1.235M");
    EXPECT_EQ(expand("{{ $value | humanize }}", 0.00042), "420u");
    EXPECT_EQ(expand("{{ $value | humanize1024 }}B", 1536), "1.5kiB");
    EXPECT_EQ(expand("{{ humanizeDuration $value }}", 95), "1m 35s");
    EXPECT_EQ(expand("{{ $value | humanizeDuration }}", 90061), "1d 1h 1m 1s");
    EXPECT_EQ(expand("{{ $value | humanizeDuration }}", 12.3456), "12.35s");
    EXPECT_EQ(expand("{{ $value | humanizeDuration }}", 0.0123), "12.3ms");
    EXPECT_EQ(expand("{{ $value | humanizeDuration }}", 0), "0s");
    EXPECT_EQ(expand("{{ $value | humanizePercentage }}", 0.12345), "12.35%");
    EXPECT_EQ(expand("{{ $labels.free | humanizePercentage }}"), "25%");
    EXPECT_EQ(expand("{{ $labels.instance | humanize }}"), "db2");
}

TEST(Templates, Printf) {
    EXPECT_EQ(expand("{{ printf \"%.1f\" $value }}", 2.25), "2.2");
    EXPECT_EQ(expand("{{ $value | printf \"%.2f | s\" }}", 2), "2.00 | s");
    EXPECT_EQ(expand("{{ printf \"%s!\" $labels.instance }}"), "db2!");
    EXPECT_EQ(expand("{{ printf \"%v%%\" $value }}", 5), "5%");
}

TEST(Templates, WhatIsUnknownIsAnErrorWhenLoaded) {
    for (const char* text :
         {"{{ $labels.instance", "{{ }}", "{{ $label.x }}", "{{ $labels.a-b }}",
          "{{ query \"up\" }}", "{{ if $value }}x{{ end }}", "{{ $value | title }}",
          "{{ $value | }}", "{{ printf \"%d\" $value }}", "{{ printf \"%f %f\" $value }}",
          "{{ printf $value }}", "{{ printf \"%n\" $value }}", "{{ printf \"%99999999f\" $value }}",
          "{{ $value $value }}"}) {
        EXPECT_TRUE(expand(text).starts_with("error: template: "))
            << text << " -> " << expand(text);
    }
}

}  // namespace
}  // namespace clusterwatch::rules
