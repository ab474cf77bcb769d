#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "common/limits.h"
#include "common/sample.h"
#include "common/text.h"
#include "proto/wire.h"
#include "tests/unit/proto/sample_run.h"

namespace clusterwatch::wire {
namespace {

TEST(SpoolForm, KeepsEveryField) {
    const ProbeRun run = sampleRun();
    const auto back = decodeSpooled(encodeSpooled(run));
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(back->probe, run.probe);
    EXPECT_EQ(back->kind, run.kind);
    EXPECT_EQ(back->role, run.role);
    EXPECT_EQ(back->target, run.target);
    EXPECT_EQ(back->time, run.time);
    EXPECT_EQ(back->duration, run.duration);
    EXPECT_EQ(back->interval, run.interval);
    EXPECT_EQ(back->outcome, run.outcome);
    ASSERT_EQ(back->families.size(), 3u);
    EXPECT_EQ(back->families[1].readings[0].labels, run.families[1].readings[0].labels);
    EXPECT_EQ(back->families[2].metadata, run.families[2].metadata);
    ASSERT_EQ(back->checks.size(), 1u);
    EXPECT_EQ(back->checks[0].state, State::kCritical);
    EXPECT_EQ(back->checks[0].text, run.checks[0].text);
    ASSERT_EQ(back->facts.size(), 1u);
    EXPECT_EQ(back->facts[0].value, "10.11.19-MariaDB");
    ASSERT_EQ(back->evidence.size(), 1u);
    EXPECT_EQ(back->evidence[0].text, "Slave_IO_Running: Yes\n");
}

TEST(SpoolForm, KeepsValuesBitForBit) {
    const double values[] = {0.0,
                             -0.0,
                             0.1,
                             9007199254740991.0,
                             9007199254740992.0,
                             -9007199254740993.0,
                             std::numeric_limits<double>::infinity(),
                             -std::numeric_limits<double>::infinity(),
                             std::numeric_limits<double>::denorm_min(),
                             std::bit_cast<double>(kNormalNaNBits),
                             staleMarker()};
    for (const double value : values) {
        ProbeRun run = sampleRun();
        run.families.clear();
        run.gauge("g", "", value);
        const auto back = decodeSpooled(encodeSpooled(run));
        ASSERT_TRUE(back);
        EXPECT_TRUE(sameBits(back->families[0].readings[0].value, value)) << value;
    }
}

// A service's text may be anything; a run must never be stuck in the spool because of it.
TEST(SpoolForm, MendsWhatADecoderWouldRefuse) {
    ProbeRun run = sampleRun();
    run.message = "caf\xe9";
    run.gauge("bad name", "", 1, {{"bad label", "\xff\xfe"}});
    run.check("long", State::kOk, std::string(5000, 'x'));
    run.evidence.push_back({"status", std::string(200'000, 'y')});
    for (int i = 0; i < 200; ++i) run.check("many", State::kOk, "");
    const auto back = decodeSpooled(encodeSpooled(run));
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(back->message, "caf?");
    EXPECT_EQ(back->families.back().name, "bad_name");
    EXPECT_EQ(back->families.back().readings[0].labels.get("bad_label"), "??");
    EXPECT_EQ(back->checks.size(), limits::kChecksPerRun);
    EXPECT_EQ(back->checks[1].text.size(), limits::kTextBytes);
    EXPECT_EQ(back->evidence[1].text.size(), limits::kEvidenceBytes);
}

TEST(SpoolForm, KeepsWholeCharactersAroundAWrongByte) {
    ProbeRun run = sampleRun();
    run.message = "\xc3\xa9\xff\xe2\x82\xac\xe2\x82";  // é, wrong, €, a cut €
    const auto back = decodeSpooled(encodeSpooled(run));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->message, "\xc3\xa9?\xe2\x82\xac??");
}

TEST(SpoolForm, RefusesDamage) {
    const std::string good = encodeSpooled(sampleRun());
    EXPECT_FALSE(decodeSpooled(""));
    EXPECT_FALSE(decodeSpooled("\xff\xff\xff"));
    EXPECT_FALSE(decodeSpooled(good.substr(0, good.size() / 2)));
}

TEST(SpoolForm, ChecksumIsZlibsCrc32) {
    EXPECT_EQ(checksum("123456789"), 0xcbf43926u);  // the check value of CRC-32/ISO-HDLC
    EXPECT_NE(checksum(encodeSpooled(sampleRun())), 0u);
}

}  // namespace
}  // namespace clusterwatch::wire
