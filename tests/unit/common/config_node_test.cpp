#include "common/config_node.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace clusterwatch {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(ConfigNode, ReadsTypedValues) {
    ConfigErrors errors;
    auto root = ConfigNode::parse(
        "node: db2\ninterval: 1m30s\ndeep: {size: 64KiB, on: true, port: 9420}\nlist: [a, b]\n",
        "agent.yaml", errors);
    EXPECT_EQ(root.text("node", ""), "db2");
    EXPECT_EQ(root.duration("interval", seconds(10)), seconds(90));
    auto deep = root.child("deep");
    EXPECT_EQ(deep.bytes("size", 0), 65536U);
    EXPECT_TRUE(deep.boolean("on", false));
    EXPECT_EQ(deep.integer("port", 0, 1, 65535), 9420);
    deep.rejectUnknown();
    EXPECT_THAT(root.textList("list"), ElementsAre("a", "b"));
    EXPECT_EQ(root.duration("absent", seconds(7)), seconds(7));
    root.rejectUnknown();
    EXPECT_TRUE(errors.empty()) << errors.joined();
}

TEST(ConfigNode, EveryComplaintHasFileLineAndMend) {
    ConfigErrors errors;
    auto root = ConfigNode::parse(
        "node: db2\n"
        "interval: 10\n"
        "storage:\n"
        "  retention: 90x\n"
        "  colour: blue\n"
        "probes:\n"
        "  - kind: host\n"
        "    port: 99999\n",
        "agent.yaml", errors);
    root.text("node", "");
    root.duration("interval", seconds(10));
    auto storage = root.child("storage");
    storage.duration("retention", seconds(1));
    storage.rejectUnknown();
    for (auto& probe : root.children("probes")) {
        probe.oneOf("kind", "host", {"apache", "mysql"});
        probe.integer("port", 1, 1, 65535);
    }
    root.rejectUnknown();
    EXPECT_THAT(
        errors.messages(),
        ElementsAre(HasSubstr("agent.yaml:2: interval: \"10\": must be a duration such as 10s"),
                    HasSubstr("agent.yaml:4: storage.retention: \"90x\""),
                    "agent.yaml:5: storage.colour: unknown key; allowed here: retention",
                    "agent.yaml:7: probes[0].kind: \"host\": allowed are apache, mysql",
                    HasSubstr("agent.yaml:8: probes[0].port: \"99999\": allowed is a whole "
                              "number from 1 to 65535")));
}

TEST(ConfigNode, MalformedYamlIsOneErrorWithItsLine) {
    ConfigErrors errors;
    auto root = ConfigNode::parse("a: 1\nb: [1, 2\nc: 3\n", "x.yaml", errors);
    ASSERT_EQ(errors.messages().size(), 1U);
    EXPECT_THAT(errors.messages()[0], HasSubstr("x.yaml:"));
    EXPECT_FALSE(root.has("a"));
}

TEST(ConfigNode, WrongShapesAreErrors) {
    ConfigErrors errors;
    auto root = ConfigNode::parse("a: [1]\nb: text\nc: {d: 1}\n", "x.yaml", errors);
    root.text("a", "");
    root.child("b");
    root.children("c");
    EXPECT_THAT(errors.messages(),
                ElementsAre("x.yaml:1: a: must be one value, not a list or a mapping",
                            "x.yaml:2: b: must be a mapping of keys to values",
                            "x.yaml:3: c: must be a list"));
}

TEST(ConfigNode, ListIsNotAConfiguration) {
    ConfigErrors errors;
    ConfigNode::parse("- a\n- b\n", "x.yaml", errors);
    EXPECT_THAT(errors.messages(), ElementsAre("x.yaml:1: must be a mapping of keys to values"));
}

TEST(ConfigNode, AskingForAMissingChildDoesNotCreateIt) {
    ConfigErrors errors;
    auto root = ConfigNode::parse("a: 1\n", "x.yaml", errors);
    EXPECT_TRUE(root.child("storage").missing());
    EXPECT_FALSE(root.has("storage"));
    root.text("a", "");
    root.rejectUnknown();
    EXPECT_TRUE(errors.empty()) << errors.joined();
}

TEST(ConfigNode, MissingFileSaysSo) {
    ConfigErrors errors;
    ConfigNode::load("/nonexistent/agent.yaml", errors);
    EXPECT_THAT(errors.messages(),
                ElementsAre("/nonexistent/agent.yaml: can't read it: No such file or directory"));
}

class SecretFile : public testing::Test {
  protected:
    void SetUp() override {
        file_ = std::filesystem::path(testing::TempDir()) / "secret_file_test";
        std::ofstream(file_) << "s3cret#with hash\n";
    }
    void TearDown() override { std::filesystem::remove(file_); }
    std::filesystem::path file_;
};

TEST_F(SecretFile, IsRefusedIfOthersMayReadIt) {
    ::chmod(file_.c_str(), 0644);
    const auto secret = readSecret(file_);
    ASSERT_FALSE(secret);
    EXPECT_EQ(secret.error().code(), ErrorCode::kPermission);
    EXPECT_THAT(secret.error().message(), HasSubstr("chmod 600"));
    EXPECT_THAT(secret.error().message(), testing::Not(HasSubstr("s3cret")));
}

TEST_F(SecretFile, IsRefusedIfEmpty) {
    std::ofstream(file_) << "\n";
    ::chmod(file_.c_str(), 0600);
    const auto secret = readSecret(file_);
    ASSERT_FALSE(secret);
    EXPECT_THAT(secret.error().message(), HasSubstr("is empty"));
}

TEST_F(SecretFile, IsReadWithoutItsLineBreak) {
    ::chmod(file_.c_str(), 0600);
    const auto secret = readSecret(file_);
    ASSERT_TRUE(secret);
    EXPECT_EQ(*secret, "s3cret#with hash");
}

TEST(DropIns, ComeAfterTheFileInOrder) {
    const auto dir = std::filesystem::path(testing::TempDir()) / "drop_ins_test";
    std::filesystem::create_directories(dir / "agent.d");
    for (const char* name : {"20-b.yaml", "10-a.yml", "README.txt"})
        std::ofstream(dir / "agent.d" / name) << "\n";
    EXPECT_THAT(
        withDropIns(dir / "agent.yaml"),
        ElementsAre(dir / "agent.yaml", dir / "agent.d/10-a.yml", dir / "agent.d/20-b.yaml"));
    EXPECT_THAT(withDropIns(dir / "other.yaml"), ElementsAre(dir / "other.yaml"));
    std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace clusterwatch
