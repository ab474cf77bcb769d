// collector.yaml and cluster.yaml: what is read, and what is said of mistakes.
#include "collector/settings.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace clusterwatch {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
namespace fs = std::filesystem;

class SettingsTest : public testing::Test {
  protected:
    SettingsTest()
        : dir_(fs::path(testing::TempDir()) /
               ("clusterwatch_settings_" + std::to_string(::getpid()))) {
        fs::create_directories(dir_);
    }
    ~SettingsTest() override { fs::remove_all(dir_); }

    fs::path write(const std::string& name, const std::string& content, mode_t mode = 0600) {
        const auto path = dir_ / name;
        fs::create_directories(path.parent_path());
        std::ofstream(path) << content;
        ::chmod(path.c_str(), mode);
        return path;
    }
    CollectorSettings load(const std::string& yaml) {
        command_line_.config = write("collector.yaml", yaml);
        return loadSettings(command_line_, errors_);
    }
    void expectError(const std::string& yaml, const std::string& message) {
        errors_ = {};
        load(yaml);
        EXPECT_THAT(errors_.joined(), HasSubstr(message)) << yaml;
    }

    fs::path dir_;
    CommandLine command_line_;
    ConfigErrors errors_;
};

TEST_F(SettingsTest, DefaultsWithoutAFile) {
    const auto settings = loadSettings({}, errors_);
    EXPECT_EQ(errors_.joined(), "");
    ASSERT_EQ(settings.listen.size(), 1u);
    EXPECT_EQ(settings.listen.front().toString(), "127.0.0.1:9420");
    EXPECT_EQ(settings.cluster, "default");
    EXPECT_TRUE(settings.topology.tiers.empty());
}

TEST_F(SettingsTest, DropInsAppendListsAndReplaceValues) {
    write("collector.d/10-site.yaml", "cluster: second\nlisten: ['[::1]:2']\n");
    write("rules/a.yml", "groups: []\n");
    write("rules.d/b.yml", "groups: []\n");
    const auto settings = load(
        "cluster: first\nnamespace: n\nlisten: ['127.0.0.1:1']\nrule_files: [rules/*.yml]\n"
        "data_dir: data\nstorage: {retention: 10d}\n");
    EXPECT_EQ(errors_.joined(), "");
    EXPECT_EQ(settings.cluster, "second");
    EXPECT_EQ(settings.name_space, "n");
    ASSERT_EQ(settings.listen.size(), 2u);
    EXPECT_EQ(settings.listen[1].toString(), "[::1]:2");
    EXPECT_EQ(settings.data_dir, dir_ / "data");
    EXPECT_EQ(settings.retention, std::chrono::hours(240));
    EXPECT_THAT(settings.rule_files, ElementsAre(dir_ / "rules/a.yml", dir_ / "rules.d/b.yml"));
}

TEST_F(SettingsTest, TheCommandLineReplacesTheFile) {
    command_line_.listen = {"127.0.0.1:7"};
    command_line_.data_dir = "/elsewhere";
    const auto settings = load("listen: ['127.0.0.1:1']\ndata_dir: data\n");
    EXPECT_EQ(errors_.joined(), "");
    ASSERT_EQ(settings.listen.size(), 1u);
    EXPECT_EQ(settings.listen.front().port, 7);
    EXPECT_EQ(settings.data_dir, "/elsewhere");
}

TEST_F(SettingsTest, OtherMachinesNeedTlsAndTokens) {
    const std::string why =
        "collector.yaml:1: listen: 0.0.0.0:9420 is reachable from other machines";
    expectError("listen: ['0.0.0.0:9420']\n", why);
    write("tokens", "read v " + std::string(64, 'a') + "\n");
    expectError("listen: ['0.0.0.0:9420']\nauth: {tokens_file: tokens}\n", why);
    write("c.pem", "x");
    write("k.pem", "x");
    errors_ = {};
    load(
        "listen: ['0.0.0.0:9420']\nauth: {tokens_file: tokens}\ntls: {cert_file: c.pem, key_file: "
        "k.pem}\n");
    EXPECT_EQ(errors_.joined(), "");
    command_line_.insecure = true;
    load("listen: ['0.0.0.0:9420']\n");
    EXPECT_EQ(errors_.joined(), "");
}

TEST_F(SettingsTest, Mistakes) {
    expectError("clutser: x\n", "collector.yaml:1: clutser: unknown key");
    expectError("\nlisten: [nowhere]\n", "collector.yaml:2: listen: \"nowhere\": has no port");
    expectError("cluster: ''\n", "must not be empty");
    expectError("storage: {mode: remote}\n", "not available in this version");
    expectError("storage: {mode: far}\n", "allowed are local, remote");
    expectError("storage: {retention: long}\n", "must be a duration");
    expectError("limits: {max_series: 0}\n", "allowed is a whole number");
    expectError("tls: {cert_file: a}\n", "go together");
    expectError("rule_files: [none.yml]\n", "none.yml: no such file");
    expectError("rule_files: [nothere/*.yml]\n", "there is no folder");
    expectError("topology_file: none.yaml\n", "none.yaml: can't read it");
    expectError("auth: {tokens_file: none}\n", "auth.tokens_file: ");
    expectError("alerting: {webhooks: [{name: a, url: 'ftp://x'}]}\n", "must begin with http://");
    expectError("alerting: {webhooks: [{name: a, url: 'http://x'}, {name: a, url: 'http://y'}]}\n",
                "another webhook");
    expectError("log: {level: loud}\n", "allowed are debug, info, warning, error");
}

TEST_F(SettingsTest, AllMistakesAtOnce) {
    load("clutser: x\nstorage: {retention: long}\nlog: {level: loud}\n");
    EXPECT_EQ(errors_.messages().size(), 3u) << errors_.joined();
}

TEST_F(SettingsTest, TopologyMistakes) {
    const auto f = [&](const std::string& yaml, const std::string& message) {
        ConfigErrors errors;
        api::loadTopology(write("cluster.yaml", yaml), errors);
        EXPECT_THAT(errors.joined(), HasSubstr(message)) << yaml;
    };
    f("tiers: [{name: a, jobs: [x], needs: [{tier: b}]}]\n",
      "cluster.yaml:1: tier \"a\" needs \"b\", which is not the name");
    f("tiers: [{name: a, jobs: [x], needs: [{tier: a}]}]\n", "which is itself");
    f("tiers: [{name: a, jobs: [x], needs: [{tier: a, edge: firm}]}]\n",
      "allowed are hard, soft, async");
    f("tiers: [{name: a, jobs: [x]}, {name: a, jobs: [x]}]\n", "the name of another tier");
    f("tiers: [{name: a}]\n", "at least one job");
    f("tiers: [{jobs: [x]}]\n", "name: is required");
    f("tiers: [{name: a, jobs: [x], expected: [{job: y, instance: i}]}]\n",
      "none of the tier's jobs");
    f("tiers: [{name: a, jobs: [x], expected: [{job: x, instance: i}, {job: x, instance: i}]}]\n",
      "listed twice");
    f("tiers: [{name: a, jobs: [x], colour: red}]\n", "unknown key");
}

TEST_F(SettingsTest, TheShippedFilesAreRight) {
    ConfigErrors errors;
    const auto topology =
        api::loadTopology(fs::path(CLUSTERWATCH_SOURCE_DIR) / "config/cluster.yaml", errors);
    EXPECT_EQ(errors.joined(), "");
    EXPECT_EQ(topology.tiers.size(), 9u);
    const auto json = nlohmann::json::parse(topology.toJson("c", "n"));
    EXPECT_EQ(json["cluster"], "c");
    EXPECT_EQ(json["tiers"][0]["name"], "load-balancer");
    EXPECT_EQ(json["tiers"][0]["needs"][0], (nlohmann::json{{"tier", "web"}, {"edge", "hard"}}));
    EXPECT_EQ(json["tiers"][8]["role"], "replica");
    loadSettings({fs::path(CLUSTERWATCH_SOURCE_DIR) / "config/collector.yaml", {}, {}, {}, false},
                 errors);
    EXPECT_EQ(errors.joined(), "");
}

}  // namespace
}  // namespace clusterwatch
