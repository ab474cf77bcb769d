#include "agent/probes/apache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/probes/fixture.h"

namespace clusterwatch::agent {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

ProbeRun statusRun(const std::string& file, ApacheFigures& figures) {
    ProbeRun run;
    auto parsed = parseApacheStatus(fixture("apache/" + file), run);
    EXPECT_TRUE(parsed.ok()) << file;
    if (parsed) figures = *parsed;
    return run;
}

TEST(ApacheStatus, Golden) {
    for (const std::string file :
         {"event-busy", "event-noext-idle", "prefork-idle", "worker-busy"}) {
        ApacheFigures figures;
        ProbeRun run = statusRun(file + ".auto.txt", figures);
        run.checks.push_back(judgeApacheWorkers(figures));
        expectGolden("apache-" + file, printRun(run));
    }
}

TEST(ApacheStatus, SeriesAreTheExporters) {
    ApacheFigures figures;
    const auto ours = seriesOf(statusRun("event-idle.auto.txt", figures));
    for (const auto& [series, value] : exposition(fixture("apache_exporter/metrics.txt"))) {
        if (series == "apache_up") continue;  // the probe's
        EXPECT_THAT(ours, Contains(series));
    }
}

TEST(ApacheStatus, WithoutExtendedStatusWhatIsMissingIsAbsent) {
    ApacheFigures figures;
    const auto ours = seriesOf(statusRun("prefork-noext-idle.auto.txt", figures));
    EXPECT_FALSE(figures.extended);
    EXPECT_THAT(ours, Not(Contains("apache_accesses_total")));
    EXPECT_THAT(ours, Not(Contains("apache_cpu_time_ms_total{type=\"user\"}")));
    EXPECT_THAT(ours, Not(Contains("apache_connections{state=\"total\"}")));
    EXPECT_THAT(ours, Contains("apache_workers{state=\"busy\"}"));
}

TEST(ApacheStatus, WhatIsNoStatusPageIsRefusedWithTheMend) {
    const auto f = [](const std::string& text, const std::string& expected) {
        ProbeRun run;
        const auto parsed = parseApacheStatus(text, run);
        ASSERT_FALSE(parsed.ok()) << text.substr(0, 40);
        EXPECT_THAT(parsed.error().message(), HasSubstr(expected));
    };
    f(fixture("apache/prefork-noext-busy.html"), "?auto");
    f("<html></html>", "?auto");
    f("", "no mod_status page");
    f("hello", "no mod_status page");
    f("BusyWorkers: many\n", "no mod_status page");
    f(std::string(1 << 20, '\0'), "no mod_status page");
    f(std::string(1 << 20, ':'), "no mod_status page");
}

TEST(ApacheStatus, RepeatedLinesGiveOneReadingEach) {
    ProbeRun run;
    const auto parsed =
        parseApacheStatus("BusyWorkers: 1\nBusyWorkers: 2\nScoreboard: __\nScoreboard: W\n", run);
    ASSERT_TRUE(parsed.ok());
    EXPECT_EQ(valueOf(run, "apache_workers{state=\"busy\"}"), 2);
    EXPECT_EQ(valueOf(run, "apache_scoreboard{state=\"idle\"}"), 0);
    EXPECT_EQ(run.family("apache_scoreboard", MetricType::kGauge, "").readings.size(), 11u);
}

TEST(ApacheWorkers, Judged) {
    const auto f = [](double busy, double idle, double slots, State expected) {
        ApacheFigures figures;
        figures.busy = busy;
        figures.idle = idle;
        figures.slots = slots;
        const CheckResult check = judgeApacheWorkers(figures);
        EXPECT_EQ(toString(check.state), toString(expected)) << check.text;
    };
    f(1, 99, 400, State::kOk);
    f(320, 80, 400, State::kWarning);
    f(400, 0, 400, State::kCritical);
    f(150, 0, 400, State::kWarning);  // at MaxRequestWorkers below the scoreboard's length
    f(0, 0, 0, State::kCritical);
    EXPECT_EQ(judgeApacheWorkers({}).state, State::kUnknown);
}

TEST(ApacheProbe, HttpStatusIsExplained) {
    EXPECT_EQ(explainHttpStatus(401, "").first, Outcome::kAuthentication);
    EXPECT_EQ(explainHttpStatus(403, "").first, Outcome::kPermission);
    EXPECT_EQ(explainHttpStatus(404, "").first, Outcome::kNotFound);
    EXPECT_EQ(explainHttpStatus(503, "").first, Outcome::kFull);
    EXPECT_EQ(explainHttpStatus(500, "").first, Outcome::kParse);
    EXPECT_THAT(explainHttpStatus(302, "https://www/").second, HasSubstr("https://www/"));
}

TEST(HttpUrl, IsTakenApart) {
    const auto f = [](std::string_view url, std::string_view origin, std::string_view target) {
        const auto parsed = parseHttpUrl(url);
        ASSERT_TRUE(parsed.ok()) << url;
        EXPECT_EQ(parsed->origin, origin);
        EXPECT_EQ(parsed->target, target);
    };
    f("http://127.0.0.1/server-status?auto", "http://127.0.0.1", "/server-status?auto");
    f("http://web1:8080", "http://web1:8080", "/");
    f("https://[::1]:8443/s", "https://[::1]:8443", "/s");
    f("http://web1?auto", "http://web1", "/?auto");
    for (const std::string_view bad :
         {"", "web1", "ftp://web1", "http://", "http:///x", "http://user:secret@web1/",
          "http://web1/a b", "http://web1/\r\nX: y"})
        EXPECT_FALSE(parseHttpUrl(bad).ok()) << bad;
}

}  // namespace
}  // namespace clusterwatch::agent
