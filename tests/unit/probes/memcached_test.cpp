#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/probes/memcached_stats.h"
#include "agent/probes/scan_text.h"
#include "tests/unit/probes/fixture.h"

namespace clusterwatch::agent {
namespace {

using ::testing::HasSubstr;

StatMap statsOf(const std::string& file) {
    StatMap stats;
    const std::string text = fixture("memcached/" + file);
    std::string_view rest = text;
    std::string_view line;
    while (nextLine(rest, line)) {
        if (nextField(line) != "STAT") continue;
        const std::string key(nextField(line));
        if (!line.empty()) line.remove_prefix(1);
        stats[key] = std::string(line);
    }
    return stats;
}

TEST(MemcachedStats, Golden) {
    ProbeRun run;
    addMemcachedStats(statsOf("stats-loaded.txt"), run);
    addMemcachedSettings(statsOf("stats-settings-loaded.txt"), run);
    addMemcachedSlabTotals(statsOf("stats-slabs-loaded.txt"), run);
    run.checks.push_back(judgeMemcachedConnections(statsOf("stats-loaded.txt"), 0));
    expectGolden("memcached-loaded", printRun(run));
}

TEST(MemcachedStats, SetsDoNotCountCasTwice) {
    ProbeRun run;
    addMemcachedStats(
        {{"cmd_set", "10"}, {"cas_hits", "3"}, {"cas_misses", "1"}, {"cas_badval", "2"}}, run);
    EXPECT_EQ(valueOf(run, "memcached_commands_total{command=\"set\",status=\"hit\"}"), 4);
}

TEST(MemcachedStats, WhatIsMissingOrNoNumberIsAbsent) {
    ProbeRun run;
    addMemcachedStats({}, run);
    addMemcachedStats({{"uptime", "soon"}, {"cmd_set", "1"}, {"bytes", ""}}, run);
    EXPECT_EQ(run.sampleCount(), 0u);
}

TEST(MemcachedConnections, Judged) {
    const auto f = [](const StatMap& stats, double rejections, State expected,
                      const std::string& text) {
        const CheckResult check = judgeMemcachedConnections(stats, rejections);
        EXPECT_EQ(toString(check.state), toString(expected)) << check.text;
        EXPECT_THAT(check.text, HasSubstr(text));
    };
    f(statsOf("stats-loaded.txt"), 0, State::kOk, "1 of 256");
    // Turned away and gone again: listen_disabled_num is still 0, so only the rejections tell.
    f(statsOf("stats-after-maxconns.txt"), 26, State::kCritical, "26 clients were turned away");
    f({{"curr_connections", "210"}, {"max_connections", "256"}}, 0, State::kWarning, "210 of 256");
    f({{"curr_connections", "255"}, {"max_connections", "256"}}, 0, State::kCritical, "255");
    f({{"curr_connections", "1"}, {"max_connections", "256"}, {"accepting_conns", "0"}}, 0,
      State::kCritical, "1 of 256");
    f({}, 0, State::kUnknown, "does not say");
}

}  // namespace
}  // namespace clusterwatch::agent
