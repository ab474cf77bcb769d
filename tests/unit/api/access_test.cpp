#include "collector/api/access.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "collector/api/listen.h"

namespace clusterwatch::api {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class TokensFile {
  public:
    explicit TokensFile(const std::string& content, mode_t mode = 0600)
        : path_(fs::path(testing::TempDir()) / "clusterwatch_tokens") {
        std::ofstream(path_) << content;
        ::chmod(path_.c_str(), mode);
    }
    ~TokensFile() { fs::remove(path_); }
    const fs::path& path() const { return path_; }

  private:
    fs::path path_;
};

// printf secret | sha256sum
const std::string kSecretSum = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

TEST(Tokens, Load) {
    const TokensFile file("# who\n\nwrite db1 " + kSecretSum + "\nread  viewer   " +
                          std::string(64, 'A') + "\n");
    const auto tokens = loadTokens(file.path());
    ASSERT_TRUE(tokens.ok()) << tokens.error().message();
    ASSERT_EQ(tokens->size(), 2u);
    const Access access(*tokens, {});
    const auto principal = access.principal("Bearer secret");
    ASSERT_TRUE(principal.has_value());
    EXPECT_EQ(principal->name, "db1");
    EXPECT_EQ(principal->role, Role::kWrite);
    EXPECT_FALSE(access.principal(std::nullopt).has_value());
    EXPECT_FALSE(access.principal("Bearer " + kSecretSum).has_value())
        << "the sum is not the token";
    EXPECT_FALSE(access.principal("Bearer").has_value());
}

TEST(Tokens, Refused) {
    const auto f = [](const std::string& content, const char* why, mode_t mode = 0600) {
        const TokensFile file(content, mode);
        const auto tokens = loadTokens(file.path());
        ASSERT_FALSE(tokens.ok()) << content;
        EXPECT_THAT(tokens.error().message(), HasSubstr(why));
    };
    f("read viewer\n", ":1: must be three fields");
    f("# x\nroot viewer " + kSecretSum, ":2: role \"root\": allowed are");
    f("read viewer abc", "64 hex digits");
    f("read viewer " + std::string(63, 'a') + "g", "64 hex digits");
    f("# nobody yet\n", "holds no token");
    f("read viewer " + kSecretSum, "chmod 600", 0644);
}

TEST(Access, WithoutTokensEverybodyIsLocal) {
    const Access access(std::nullopt, {});
    const auto principal = access.principal(std::nullopt);
    ASSERT_TRUE(principal.has_value());
    EXPECT_EQ(principal->name, "local");
    EXPECT_TRUE(principal->may(Role::kWrite));
}

TEST(Access, WhatARoleMay) {
    const auto f = [](Role has, Role needs, bool expected) {
        EXPECT_EQ((Principal{"x", has}.may(needs)), expected)
            << toString(has) << " " << toString(needs);
    };
    f(Role::kRead, Role::kRead, true);
    f(Role::kRead, Role::kWrite, false);
    f(Role::kRead, Role::kSilence, false);
    f(Role::kWrite, Role::kRead, false);
    f(Role::kSilence, Role::kRead, true);
    f(Role::kSilence, Role::kWrite, false);
    f(Role::kAdmin, Role::kWrite, true);
}

TEST(Access, Hosts) {
    const Access access(std::nullopt, {"Collector.Example"});
    const auto f = [&](std::string_view host, bool expected) {
        EXPECT_EQ(access.hostAllowed(host), expected) << host;
    };
    f("127.0.0.1:9420", true);
    f("10.1.2.3", true);
    f("[::1]:9420", true);
    f("[fe80::1]", true);
    f("localhost:1", true);
    f("LOCALHOST.", true);
    f("collector.example:9420", true);
    f("evil.example", false);
    f("127.0.0.1.evil.example", false);
    f("localhost.evil.example:9420", false);
    f("[::1", false);
    f("", false);
}

TEST(Listen, Addresses) {
    const auto f = [](std::string_view text, bool loopback) {
        const auto address = parseListenAddress(text);
        ASSERT_TRUE(address.ok()) << address.error().message();
        EXPECT_EQ(address->toString(), text);
        EXPECT_EQ(address->isLoopback(), loopback) << text;
    };
    f("127.0.0.1:9420", true);
    f("127.9.9.9:0", true);
    f("[::1]:9420", true);
    f("localhost:9420", true);
    f("0.0.0.0:9420", false);
    f("[::]:9420", false);
    f("10.0.0.1:65535", false);
    for (const auto* text : {"", "9420", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:9420",
                             "example.net:9420", "[::1]"})
        EXPECT_FALSE(parseListenAddress(text).ok()) << text;
}

}  // namespace
}  // namespace clusterwatch::api
