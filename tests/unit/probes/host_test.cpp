#include "agent/probes/host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/probes/fixture.h"

namespace clusterwatch::agent {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;

std::optional<FileSystemSpace> fakeSpace(const std::string& path, std::string& error) {
    if (path.ends_with("/run")) {
        error = "Permission denied";
        return std::nullopt;
    }
    FileSystemSpace space{100e9, 50e9, 45e9, 1000, 900, false};
    if (path.ends_with("/srv/my documents")) space.available_bytes = 2e9;
    if (path.ends_with("/media/cdrom")) space = {1e9, 0, 0, 0, 0, true};
    return space;
}

ProbeRun fixtureRun() {
    HostProbe probe({fixturePath("proc/small-vm"), false, fakeSpace});
    ManualClock clock(fromUnixMs(1795339509123));
    const std::map<std::string, State, std::less<>> previous;
    ProbeRun run = probe.run({clock, clock.monotonicNow() + std::chrono::seconds(2), {}, previous});
    // These are of the machine that runs the test.
    std::erase_if(run.families, [](const auto& f) { return f.name == "node_uname_info"; });
    std::erase_if(run.facts, [](const auto& f) { return f.name == "kernel"; });
    return run;
}

TEST(HostProbe, Golden) { expectGolden("host-small-vm", printRun(fixtureRun())); }

TEST(HostProbe, NamesAreTheExporters) {
    const auto nameOf = [](const std::string& series) {
        return series.substr(0, series.find('{'));
    };
    std::set<std::string> theirs;
    for (const auto& [series, value] : exposition(fixture("node_exporter/metrics.txt")))
        theirs.insert(nameOf(series));
    for (const auto& series : seriesOf(fixtureRun())) {
        // Of newer kernels' /proc/meminfo, which that machine did not have.
        if (series.starts_with("node_memory_")) continue;
        EXPECT_TRUE(theirs.count(nameOf(series)) == 1) << series;
    }
}

TEST(HostProbe, FileSystemsAreChosenAndJudged) {
    const ProbeRun run = fixtureRun();
    const auto series = seriesOf(run);
    EXPECT_THAT(series, Contains(HasSubstr("mountpoint=\"/srv/my documents\"")));
    EXPECT_THAT(series, Not(Contains(HasSubstr("/srv/nfs"))));  // may block for ever
    EXPECT_THAT(series, Not(Contains(HasSubstr("squashfs"))));
    EXPECT_THAT(series, Not(Contains(HasSubstr("docker"))));
    EXPECT_EQ(valueOf(run,
                      "node_filesystem_device_error{device=\"tmpfs\",fstype=\"tmpfs\","
                      "mountpoint=\"/run\"}"),
              1);
    const auto check = std::find_if(run.checks.begin(), run.checks.end(),
                                    [](const auto& c) { return c.name == "filesystems"; });
    ASSERT_NE(check, run.checks.end());
    EXPECT_EQ(check->state, State::kCritical);
    EXPECT_THAT(check->text, HasSubstr("/srv/my documents has 1.9 GiB left (2.0 %)"));
    EXPECT_THAT(check->text, Not(HasSubstr("cdrom")));  // full by design
}

TEST(HostProbe, WithoutProcItSaysSo) {
    HostProbe probe({"/nonexistent", false, fakeSpace});
    const TestContext context;
    const ProbeRun run = probe.run(context.get());
    EXPECT_EQ(run.outcome, Outcome::kNotFound);
    EXPECT_THAT(run.message, HasSubstr("/nonexistent/proc/stat"));
    EXPECT_EQ(run.sampleCount(), 0u);
    ASSERT_FALSE(run.checks.empty());
    EXPECT_EQ(run.checks[0].state, State::kUnknown);
}

TEST(HostProbe, ReadsThisMachine) {
    HostProbe probe({});
    const TestContext context;
    const ProbeRun run = probe.run(context.get());
    EXPECT_EQ(run.outcome, Outcome::kOk) << run.message;
    EXPECT_GT(valueOf(run, "node_memory_MemTotal_bytes"), 0);
    EXPECT_THAT(seriesOf(run), Contains(HasSubstr("node_cpu_seconds_total{cpu=\"0\"")));
}

TEST(HostKernel, AnyBytesAreTaken) {
    const std::string noise = [] {
        std::string text;
        for (int i = 0; i < 20000; ++i) text += static_cast<char>(i * 7919 % 251);
        return text;
    }();
    for (const std::string& text :
         {std::string(), std::string("\n\n\n"), std::string("cpu0"), std::string("cpu0 1 2 x"),
          std::string("cpux 1"), std::string(":"), std::string("a: "), std::string("a b c d e"),
          std::string("some total="), std::string("Tcp: A\n"), std::string(100000, ' '), noise}) {
        ProbeRun run;
        KernelFigures figures;
        parseStat(text, 100, run, figures);
        parseLoadavg(text, run, figures);
        parseMeminfo(text, run, figures);
        parseVmstat(text, run, figures);
        parsePressure("io", text, run);
        parseFileNr(text, run);
        parseSockstat(text, 4096, run);
        parseNetstat(text, run);
        parseDiskstats(text, run);
        parseNetDev(text, run);
        parseMounts(text);
        EXPECT_LT(run.sampleCount(), 1000u);
    }
}

TEST(HostKernel, HostileCpuCountIsBounded) {
    std::string text;
    for (int i = 0; i < 5000; ++i) text += "cpu" + std::to_string(i) + " 1 1 1 1 1 1 1 1 1 1\n";
    ProbeRun run;
    KernelFigures figures;
    parseStat(text, 100, run, figures);
    EXPECT_EQ(figures.cpus, kMaxCpus);
}

TEST(HostChecks, AnOomKillIsShownForTenMinutes) {
    // Two fixture trees would be needed to move the counter, so the parser's part is used here.
    ProbeRun run;
    KernelFigures figures;
    parseVmstat("oom_kill 3\npgfault 1\nnr_free_pages 9\n", run, figures);
    EXPECT_EQ(figures.oom_kills, 3);
    EXPECT_EQ(run.families.size(), 2u);
}

}  // namespace
}  // namespace clusterwatch::agent
