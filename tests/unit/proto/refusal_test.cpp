// What a decoder must refuse: each case is a valid report with one thing made wrong, through the
// generated classes, as a foreign or broken agent could send it.
#include <functional>

#include <gtest/gtest.h>

#include "clusterwatch/v1/report.pb.h"
#include "common/limits.h"
#include "proto/wire.h"
#include "tests/unit/proto/sample_run.h"

namespace clusterwatch::wire {
namespace {

v1::Report validReport() {
    Report report;
    report.agent = {"0123456789abcdef", 1, "db2", "0.1.0", "host", 0};
    SessionEncoder encoder;
    encoder.add(report, 1, 2, sampleRun());
    v1::Report out;
    EXPECT_TRUE(out.ParseFromString(encode(report)));
    return out;
}

void expectRefused(std::string_view why, ErrorCode code,
                   const std::function<void(v1::Report&)>& spoil) {
    v1::Report report = validReport();
    ASSERT_TRUE(decodeReport(report.SerializeAsString()));
    spoil(report);
    const auto result = decodeReport(report.SerializePartialAsString());
    ASSERT_FALSE(result) << why;
    EXPECT_EQ(result.error().code(), code) << why << ": " << result.error().message();
    EXPECT_FALSE(result.error().message().empty());
}

constexpr auto kInvalid = ErrorCode::kInvalid;
constexpr auto kLimit = ErrorCode::kLimit;

TEST(Refusal, Agent) {
    expectRefused("short id", kInvalid, [](auto& r) { r.mutable_agent()->set_id("short"); });
    expectRefused("no agent", kInvalid, [](auto& r) { r.clear_agent(); });
    expectRefused("no node", kInvalid, [](auto& r) { r.mutable_agent()->clear_node(); });
    expectRefused("long node", kLimit,
                  [](auto& r) { r.mutable_agent()->set_node(std::string(2000, 'n')); });
    expectRefused("long host id", kLimit,
                  [](auto& r) { r.mutable_agent()->set_host_id(std::string(65, 'h')); });
    expectRefused("offset", kInvalid, [](auto& r) { r.set_clock_offset_seconds(1.0 / 0.0); });
    expectRefused("lane", kInvalid, [](auto& r) { r.set_lane(static_cast<v1::Lane>(9)); });
}

TEST(Refusal, Series) {
    expectRefused("no name", kInvalid, [](auto& r) { r.mutable_series(0)->clear_name(); });
    expectRefused("bad name", kInvalid, [](auto& r) { r.mutable_series(0)->set_name("a b"); });
    expectRefused("long name", kLimit,
                  [](auto& r) { r.mutable_series(0)->set_name(std::string(129, 'a')); });
    expectRefused("gap in refs", kInvalid, [](auto& r) { r.mutable_series(1)->set_ref(5); });
    expectRefused("same ref", kInvalid, [](auto& r) { r.mutable_series(1)->set_ref(0); });
    const auto label = [](auto& r, std::string name, std::string value) {
        auto* added = r.mutable_series(0)->add_labels();
        added->set_name(name);
        added->set_value(value);
    };
    expectRefused("label name", kInvalid, [&](auto& r) { label(r, "a-b", "x"); });
    expectRefused("__name__", kInvalid, [&](auto& r) { label(r, "__name__", "x"); });
    expectRefused("long label name", kLimit,
                  [&](auto& r) { label(r, std::string(129, 'a'), "x"); });
    expectRefused("long label", kLimit, [&](auto& r) { label(r, "a", std::string(1025, 'x')); });
    expectRefused("no UTF-8", kInvalid, [&](auto& r) { label(r, "a", "\xff"); });
    expectRefused("twice", kInvalid, [&](auto& r) { label(r, "a", "x"), label(r, "a", "y"); });
    expectRefused("65 labels", kLimit, [&](auto& r) {
        for (int i = 0; i < 65; ++i) label(r, "l" + std::to_string(i), "x");
    });
}

TEST(Refusal, Layouts) {
    expectRefused("twice in a layout", kInvalid,
                  [](auto& r) { r.mutable_layouts(0)->add_series(0); });
    expectRefused("gap in refs", kInvalid, [](auto& r) { r.add_layouts()->set_ref(3); });
    expectRefused("too long", kLimit, [](auto& r) {
        for (std::uint32_t i = 0; i < limits::kSeriesPerProbe; ++i)
            r.mutable_layouts(0)->add_series(100 + i);
    });
}

TEST(Refusal, Batches) {
    expectRefused("number 0", kInvalid, [](auto& r) { r.mutable_batches(0)->set_sequence(0); });
    expectRefused("same number", kInvalid, [](auto& r) { *r.add_batches() = r.batches(0); });
    expectRefused("no run", kInvalid, [](auto& r) { r.mutable_batches(0)->clear_run(); });
    expectRefused("1001 batches", kLimit, [](auto& r) {
        for (std::uint64_t i = 2; i < 1002; ++i) {
            *r.add_batches() = r.batches(0);
            r.mutable_batches(static_cast<int>(i) - 1)->set_sequence(i);
        }
    });
}

TEST(Refusal, Values) {
    const auto values = [](auto& r) {
        return r.mutable_batches(0)->mutable_run()->mutable_values();
    };
    expectRefused("place without value", kInvalid, [&](auto& r) { values(r)->add_real_at(1); });
    expectRefused("value without place", kInvalid, [&](auto& r) { values(r)->add_real(0.5); });
    expectRefused("same place", kInvalid, [&](auto& r) {
        values(r)->add_real(0.5);
        values(r)->add_real_at(0);
    });
    expectRefused("beyond the end", kInvalid, [&](auto& r) { values(r)->set_real_at(0, 3); });
    expectRefused("far beyond", kInvalid, [&](auto& r) { values(r)->set_real_at(0, 0xffffffff); });
    expectRefused("too many", kLimit, [&](auto& r) {
        for (std::size_t i = 0; i < limits::kSeriesPerProbe; ++i) values(r)->add_whole(1);
    });
}

TEST(Refusal, Header) {
    const auto header = [](auto& r) {
        return r.mutable_batches(0)->mutable_run()->mutable_header();
    };
    expectRefused("no job", kInvalid, [&](auto& r) { header(r)->clear_job(); });
    expectRefused("no instance", kInvalid, [&](auto& r) { header(r)->clear_instance(); });
    expectRefused("no probe", kInvalid, [&](auto& r) { header(r)->clear_probe(); });
    expectRefused("outcome", kInvalid, [&](auto& r) { header(r)->set_outcome(10); });
    expectRefused("time", kInvalid, [&](auto& r) { header(r)->set_time_ms(-1); });
    expectRefused("state", kInvalid, [&](auto& r) { header(r)->mutable_checks(0)->set_state(4); });
    expectRefused("long text", kLimit,
                  [&](auto& r) { header(r)->mutable_checks(0)->set_text(std::string(1025, 'x')); });
    expectRefused("long evidence", kLimit, [&](auto& r) {
        header(r)->mutable_evidence(0)->set_text(std::string(limits::kEvidenceBytes + 1, 'x'));
    });
    expectRefused("65 checks", kLimit, [&](auto& r) {
        for (int i = 0; i < 64; ++i) header(r)->add_checks();
    });
}

TEST(Refusal, ScheduleAndDrops) {
    expectRefused("empty probe", kInvalid, [](auto& r) { r.add_schedule(); });
    expectRefused("drop of number 0", kInvalid, [](auto& r) { r.add_dropped(); });
    expectRefused("turned range", kInvalid, [](auto& r) {
        auto* range = r.add_dropped();
        range->set_first(5);
        range->set_last(4);
    });
}

// 2 bytes on the wire, 100 in memory: refused before a single one is made.
TEST(Refusal, MillionsOfEmptyMessages) {
    for (const char tag : {'\x2a', '\x32', '\x3a', '\x42', '\x52'}) {
        std::string bytes = validReport().SerializeAsString();
        for (int i = 0; i < 1'000'000; ++i) bytes.append({tag, '\0'});
        const auto refused = decodeReport(bytes);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code(), ErrorCode::kLimit);
        EXPECT_NE(refused.error().message().find("when parsed"), std::string::npos);
    }
}

TEST(Refusal, MillionsOfValuesInOneRun) {
    v1::Report report = validReport();
    auto* values = report.mutable_batches(0)->mutable_run()->mutable_values();
    values->mutable_whole()->Resize(20'000'000, 0);
    const auto refused = decodeReport(report.SerializeAsString());
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message().find("when parsed"), std::string::npos);
}

TEST(Refusal, EveryCutOfAReportIsRefusedOrWhole) {
    const std::string whole = validReport().SerializeAsString();
    for (std::size_t length = 0; length < whole.size(); ++length)
        (void)decodeReport(std::string_view(whole).substr(0, length));  // must not crash
    EXPECT_FALSE(decodeReport(std::string_view(whole).substr(0, 10)));
}

TEST(Refusal, UnknownFieldsAreIgnored) {
    std::string bytes = validReport().SerializeAsString();
    bytes +=
        "\xc2\x3e\x03"
        "abc";  // field 1000, length-delimited
    EXPECT_TRUE(decodeReport(bytes));
}

}  // namespace
}  // namespace clusterwatch::wire
