#include "agent/discover.h"

#include <gtest/gtest.h>

namespace clusterwatch::agent {
namespace {

// Lines of a real /proc/net/tcp: a listener on all addresses, one on loopback, a connection.
constexpr std::string_view kTable =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode\n"
    "   0: 00000000:0CEA 00000000:0000 0A 00000000:00000000 00:00000000 00000000   110        0 "
    "21577 1 0 100 0 0 10 0\n"
    "   1: 0100007F:2BCB 00000000:0000 0A 00000000:00000000 00:00000000 00000000   111        0 "
    "21600 1 0 100 0 0 10 0\n"
    "   2: 0100007F:0CEA 0100007F:D2F0 01 00000000:00000000 00:00000000 00000000   110        0 "
    "21700 1 0 100 0 0 10 0\n";

TEST(Discover, ReadsListenersOnly) {
    const auto listeners = parseListeners(kTable);
    ASSERT_EQ(listeners.size(), 2u);
    EXPECT_EQ(listeners[0].address, "127.0.0.1");
    EXPECT_EQ(listeners[0].port, 3306);
    EXPECT_EQ(listeners[0].inode, 21577u);
    EXPECT_EQ(listeners[1].port, 11211);
}

TEST(Discover, SurvivesATableThatIsNone) {
    EXPECT_TRUE(parseListeners("").empty());
    EXPECT_TRUE(parseListeners("a b c d e f g h i j\n 0: x:y z 0A 1 2 3 4 5 6 7\n").empty());
}

TEST(Discover, ProposesWhatTheProcessSaysAndNotThePort) {
    const auto text = describeMachine(
        "web1", {{"127.0.0.1", 8081, 1, "apache2"}, {"127.0.0.1", 3306, 2, "something-else"}});
    EXPECT_NE(text.find("{kind: host}"), std::string::npos);
    EXPECT_NE(text.find("- {kind: apache, url: \"http://127.0.0.1:8081/server-status?auto\"}"),
              std::string::npos);
    EXPECT_EQ(text.find("mysql"), std::string::npos);
}

TEST(Discover, ASecondServiceOfAKindGetsANameAndAnInstance) {
    const auto text = describeMachine(
        "web1", {{"127.0.0.1", 11211, 1, "memcached"}, {"127.0.0.1", 11212, 2, "memcached"}});
    EXPECT_NE(text.find("- {kind: memcached, address: \"127.0.0.1:11211\"}"), std::string::npos);
    EXPECT_NE(
        text.find("name: memcached-11212, instance: \"web1:11212\", address: \"127.0.0.1:11212\""),
        std::string::npos);
}

TEST(Discover, AnUnseenOwnerIsSaidToBeUnseen) {
    const auto text = describeMachine("db1", {{"127.0.0.1", 3306, 1, ""}});
    EXPECT_NE(text.find("its process can't be seen"), std::string::npos);
    EXPECT_NE(text.find("# - {kind: mysql,"), std::string::npos);  // proposed, not switched on
    EXPECT_NE(text.find("CREATE USER clusterwatch@'127.0.0.1'"), std::string::npos);
}

}  // namespace
}  // namespace clusterwatch::agent
