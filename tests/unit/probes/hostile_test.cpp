// Captured output, damaged at random: no parser may crash, hang, or yield more than its limits.
// The seed is fixed and printed with a failure; the campaign under tests/fuzz goes further.
#include <random>

#include <gtest/gtest.h>

#include "agent/probes/apache_status.h"
#include "agent/probes/host_devices.h"
#include "agent/probes/host_kernel.h"
#include "agent/probes/memcached_stats.h"
#include "agent/probes/mysql_status.h"
#include "agent/probes/replication_verdict.h"
#include "tests/unit/probes/fixture.h"

namespace clusterwatch::agent {
namespace {

constexpr unsigned kSeed = 20261122;
constexpr int kRounds = 300;
constexpr std::size_t kMostSamples = 5000;

std::string damaged(std::string text, std::mt19937& random) {
    const auto below = [&](std::size_t limit) {
        return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
    };
    for (std::size_t hits = 1 + below(20); hits > 0 && !text.empty(); --hits) {
        const std::size_t at = below(text.size());
        switch (below(4)) {
            case 0: text[at] = static_cast<char>(below(256)); break;
            case 1: text.erase(at, below(40)); break;
            case 2: text.insert(at, text.substr(below(text.size()), below(200))); break;
            default: text.resize(at); break;
        }
    }
    return text;
}

template <typename Parse>
void torture(const std::string& file, Parse parse) {
    std::mt19937 random(kSeed);
    const std::string text = fixture(file);
    for (int round = 0; round < kRounds; ++round) {
        ProbeRun run;
        parse(damaged(text, random), run);
        ASSERT_LE(run.sampleCount(), kMostSamples) << file << " round " << round << " " << kSeed;
    }
}

TEST(Hostile, Apache) {
    torture("apache/event-proxystatus-on.auto.txt",
            [](const std::string& text, ProbeRun& run) { (void)parseApacheStatus(text, run); });
}

TEST(Hostile, Host) {
    const auto kernel = [](const std::string& text, ProbeRun& run) {
        KernelFigures figures;
        parseStat(text, 100, run, figures);
        parseMeminfo(text, run, figures);
        parseVmstat(text, run, figures);
        parsePressure("io", text, run);
        parseSockstat(text, 4096, run);
        parseNetstat(text, run);
        parseDiskstats(text, run);
        parseNetDev(text, run);
        parseMounts(text);
    };
    for (const std::string file : {"stat", "meminfo", "vmstat", "pressure/io", "net/sockstat",
                                   "net/netstat", "diskstats", "net/dev", "1/mounts"})
        torture("proc/small-vm/proc/" + file, kernel);
}

TEST(Hostile, MysqlStatus) {
    torture("mariadb/replica-show-global-status.tsv", [](const std::string& text, ProbeRun& run) {
        MysqlFigures figures;
        addGlobalStatus(rowsFromTsv(text), run, figures);
        addGlobalVariables(rowsFromTsv(text), run, figures);
    });
}

TEST(Hostile, Replication) {
    const auto parse = [](const SqlRows& rows, ProbeRun& run) {
        ReceiverWatch watch;
        for (const auto& channel : replicationChannels(rows)) {
            addSlaveStatus(channel, run);
            addThreadStates(channel, run);
            addReplicationFacts(channel, run);
            run.checks.push_back(
                judgeReplication(channel, {}, watch.observe(channel, MonotonicTime{})));
        }
        EXPECT_LE(verticalText(rows, 1000).size(), 1003u);
    };
    torture("mysql56/03-sql-thread-stopped-duplicate-key-1062.txt",
            [&](const std::string& text, ProbeRun& run) { parse(rowsFromVertical(text), run); });
    torture(
        "mariadb/replication/"
        "19-multi-source-default-ok-reports-connecting.all_slaves.tsv",
        [&](const std::string& text, ProbeRun& run) { parse(rowsFromTsv(text), run); });
}

TEST(Hostile, MaskingTakesAnyText) {
    std::mt19937 random(kSeed);
    const std::string text =
        "Duplicate entry '50' for key 'PRIMARY' value: 'x' Query: 'insert into t "
        "values(\"a\\'b\")'";
    for (int round = 0; round < kRounds; ++round) {
        const std::string bad = damaged(text, random);
        EXPECT_LE(maskSqlLiterals(bad).size(), bad.size() + 10);
    }
}

}  // namespace
}  // namespace clusterwatch::agent
