#include "agent/settings.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agent/support.h"

namespace clusterwatch::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class NothingProbe final : public Probe {
  public:
    ProbeRun run(const ProbeContext&) override { return {}; }
    static std::unique_ptr<Probe> make(ConfigNode& config) {
        config.text("address", "");
        return std::make_unique<NothingProbe>();
    }
};

constexpr ProbeKind kKinds[] = {
    {"host", "node", &NothingProbe::make, "this machine"},
    {"memcached", "memcached", &NothingProbe::make, "a cache"},
};

class SettingsTest : public testing::Test {
  protected:
    Settings load(const std::string& yaml, const Overrides& overrides = {}) {
        file_ = directory_.write("agent.yaml", yaml).string();
        return loadSettings(file_, overrides, kKinds, errors_);
    }
    std::string at(int line, const std::string& text) const {
        return fmt::format("{}:{}: {}", file_, line, text);
    }

    TemporaryDirectory directory_;
    std::string file_;
    ConfigErrors errors_;
};

TEST_F(SettingsTest, ReadsTheDocumentedExample) {
    const auto s = load(
        "node: db2\n"
        "collectors:\n  - url: http://127.0.0.1:9420/\n"
        "listen: 127.0.0.1:9421\ninterval: 20s\n"
        "spool: {dir: /tmp/x, max_bytes: 64MiB, max_age: 2d}\nlog: {level: debug}\n"
        "probes:\n  - {kind: host}\n"
        "  - {kind: memcached, name: m, address: \"127.0.0.1:11211\", instance: cache7, role: "
        "front, interval: 5s, deadline: 1s}\n");
    ASSERT_TRUE(errors_.empty()) << errors_.joined();
    EXPECT_EQ(s.node, "db2");
    EXPECT_EQ(s.collectors[0].url, "http://127.0.0.1:9420");
    EXPECT_EQ(s.spool.max_bytes, 64u << 20);
    ASSERT_EQ(s.probes.size(), 2u);
    EXPECT_EQ(s.probes[0].target, (Target{"node", "db2"}));
    EXPECT_EQ(s.probes[0].interval, Milliseconds{20'000});
    EXPECT_EQ(s.probes[0].deadline, Milliseconds{5'000});
    EXPECT_EQ(s.probes[1].target, (Target{"memcached", "cache7"}));
    EXPECT_EQ(s.probes[1].deadline, Milliseconds{1'000});
    EXPECT_EQ(s.probes[1].role, "front");
}

TEST_F(SettingsTest, SaysEverythingThatIsWrongAtOnceWithFileAndLine) {
    load(
        "node: x\n"
        "colector: y\n"
        "collectors:\n"
        "  - url: ftp://somewhere\n"
        "probes:\n"
        "  - {kind: hosts}\n"
        "  - {kind: host, interval: 10ms}\n"
        "  - {kind: memcached, deadline: 1h}\n");
    EXPECT_THAT(
        errors_.messages(),
        ElementsAre(
            at(4,
               "collectors[0].url: \"ftp://somewhere\": must be http://HOST:PORT or "
               "https://HOST:PORT"),
            at(6, "probes[0].kind: \"hosts\": allowed are host, memcached"),
            at(7, "probes[1].interval: 10ms: allowed is 1s to 1d"),
            at(8, "probes[2].deadline: 1h: must be more than 0 and at most the interval (10s)"),
            at(2,
               "colector: unknown key; allowed here: collectors, interval, listen, log, node, "
               "probes")));
}

TEST_F(SettingsTest, RefusesTwoOfOneTargetAndTwoOfOneName) {
    load(
        "node: n\nprobes:\n"
        "  - {kind: memcached}\n"
        "  - {kind: memcached, name: second}\n"
        "  - {kind: memcached, name: memcached, instance: other}\n");
    EXPECT_THAT(errors_.messages(),
                ElementsAre(at(4,
                               "probes[1]: a second memcached probe of job \"memcached\" and "
                               "instance \"n\"; give it an explicit `instance`"),
                            at(5,
                               "probes[2].name: \"memcached\" is the name of another probe; give "
                               "this one a `name` of its own")));
}

TEST_F(SettingsTest, DropInsAppendListsAndReplaceValues) {
    directory_.write("agent.d/10-cache.yaml", "interval: 30s\nprobes: [{kind: memcached}]\n");
    const auto s = load("node: n\nprobes: [{kind: host}]\n");
    ASSERT_TRUE(errors_.empty()) << errors_.joined();
    ASSERT_EQ(s.probes.size(), 2u);
    EXPECT_EQ(s.probes[0].interval, Milliseconds{30'000});
}

TEST_F(SettingsTest, ADropInsMistakeNamesTheDropIn) {
    const auto drop_in = directory_.write("agent.d/a.yaml", "listen: nowhere\n");
    load("probes: [{kind: host}]\n");
    EXPECT_THAT(errors_.messages(),
                ElementsAre(drop_in.string() +
                            ":1: listen: \"nowhere\": must be ADDRESS:PORT, or \"\" for off"));
}

TEST_F(SettingsTest, TheCommandLineWins) {
    const auto s = load("collectors: [{url: \"http://a:1\"}]\nprobes: [{kind: host}]\n",
                        {.collector = "http://b:2", .spool_directory = "/tmp/s", .listen = ""});
    ASSERT_TRUE(errors_.empty()) << errors_.joined();
    ASSERT_EQ(s.collectors.size(), 1u);
    EXPECT_EQ(s.collectors[0].url, "http://b:2");
    EXPECT_EQ(s.spool.directory, "/tmp/s");
    EXPECT_EQ(s.listen, "");
}

TEST_F(SettingsTest, ATokenThatOthersMayReadIsRefused) {
    const auto token = directory_.write("token", "secret\n", 0644);
    load("collectors: [{url: \"http://a:1\", token_file: \"" + token.string() +
         "\"}]\nprobes: [{kind: host}]\n");
    ASSERT_EQ(errors_.messages().size(), 1u);
    EXPECT_THAT(errors_.messages()[0], HasSubstr("others may read it (mode 0644); chmod 600 it"));
    EXPECT_THAT(errors_.messages()[0], testing::Not(HasSubstr("secret\n")));
}

TEST_F(SettingsTest, AMissingFileIsAnError) {
    loadSettings(directory_.path() / "none.yaml", {}, kKinds, errors_);
    EXPECT_THAT(errors_.joined(), HasSubstr("none.yaml: can't read it"));
}

TEST_F(SettingsTest, WithoutAFileTheHostIsWatched) {
    const auto s = loadSettings("", {}, kKinds, errors_);
    ASSERT_TRUE(errors_.empty()) << errors_.joined();
    ASSERT_EQ(s.probes.size(), 1u);
    EXPECT_EQ(s.collectors[0].url, "http://127.0.0.1:9420");
}

TEST(ListenAddress, Forms) {
    EXPECT_EQ(parseListenAddress("127.0.0.1:9421")->port, 9421);
    EXPECT_EQ(parseListenAddress("[::1]:9421")->host, "::1");
    for (const auto* bad :
         {"", "9421", ":9421", "::1:9421", "host:", "host:65536", "host:-1", "host:1x"})
        EXPECT_FALSE(parseListenAddress(bad)) << bad;
}

}  // namespace
}  // namespace clusterwatch::agent
