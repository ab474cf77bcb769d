// Peers that send too much, too slowly, or from too many sockets.
#include <atomic>
#include <future>

#include <gmock/gmock.h>

#include "tests/unit/api/test_server.h"

namespace clusterwatch::api {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

void addReport(TestServer& t) {
    t.add("/report", RunsOn::kIngestExecutor,
          [](const Request& r) { return textReply(std::to_string(r.body.size()) + " bytes"); });
}

TEST(Limits, ADeclaredLengthIsRefusedBeforeTheBodyIsSent) {
    TestServer t;
    addReport(t);
    t.start();
    RawClient raw(t.port());
    raw.send("POST /report HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2700000000\r\n\r\n");
    EXPECT_THAT(raw.readUntil("taken"), HasSubstr(" 413 "));
    EXPECT_TRUE(raw.seesClose());
    EXPECT_TRUE(t.telemetryHas("clusterwatch_limit_hits_total{limit=\"body_bytes\"} 1"));
}

TEST(Limits, ABodyWithoutALengthIsBoundedAsItComes) {
    TestServer t;
    t.options.report_bytes = 1000;
    addReport(t);
    t.start();
    const auto post = [&](int chunks) {
        RawClient raw(t.port());
        raw.send(
            "POST /report HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: "
            "close\r\n\r\n");
        for (int i = 0; i < chunks; ++i) raw.send("64\r\n" + std::string(100, 'x') + "\r\n");
        raw.send("0\r\n\r\n");
        return raw.readUntil("\x01 never");
    };
    EXPECT_THAT(post(10), HasSubstr("1000 bytes"));
    EXPECT_THAT(post(11), HasSubstr(" 413 "));
}

TEST(Limits, AllBodiesTogetherAreBounded) {
    TestServer t;
    t.options.bodies_in_flight_bytes = 1000;
    std::promise<void> release;
    std::atomic<bool> held{false};
    t.add("/hold", RunsOn::kIngestExecutor, [&](const Request& r) {
        held = true;
        release.get_future().wait();
        return textReply(std::to_string(r.body.size()) + " bytes");
    });
    addReport(t);
    t.start();
    RawClient holder(t.port());
    holder.send("POST /hold HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\n" +
                std::string(900, 'x'));
    ASSERT_TRUE(eventually([&] { return held.load(); }));
    const auto post = [&] {
        return t.client().Post("/report", std::string(200, 'x'), "application/x-protobuf");
    };
    const auto refused = post();
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->status, 503);
    EXPECT_EQ(refused->get_header_value("Retry-After"), "1");
    release.set_value();
    EXPECT_THAT(holder.readUntil("bytes"), HasSubstr("900 bytes"));
    const auto taken = post();
    ASSERT_TRUE(taken);
    EXPECT_EQ(taken->status, 200) << "what was held is given back";
}

TEST(Limits, FormsAreSmallerThanReports) {
    TestServer t;
    t.add("/query", RunsOn::kReadExecutor, [](const Request&) { return textReply("yes"); });
    t.start();
    RawClient raw(t.port());
    raw.send("POST /query HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300000\r\n\r\n");
    EXPECT_THAT(raw.readUntil("taken"), HasSubstr(" 413 "));
}

TEST(Limits, ASlowHeaderIsEnded) {
    TestServer t;
    t.options.connections.header_deadline = 200ms;
    addReport(t);
    t.start();
    RawClient silent(t.port()), trickling(t.port());
    trickling.send("GET /report HTTP/1.1\r\nX: ");
    // Never idle for long, and never done.
    std::jthread trickle([&](std::stop_token stop) {
        while (!stop.stop_requested() && trickling.trySend("x")) std::this_thread::sleep_for(20ms);
    });
    const auto began = std::chrono::steady_clock::now();
    EXPECT_TRUE(silent.seesClose());
    EXPECT_TRUE(trickling.seesClose());
    EXPECT_LT(std::chrono::steady_clock::now() - began, 2s);
    EXPECT_TRUE(t.telemetryHas("clusterwatch_limit_hits_total{limit=\"header_deadline\"} 2"));
}

TEST(Limits, ASlowBodyIsEnded) {
    TestServer t;
    t.options.connections.body_deadline = 100ms;
    addReport(t);
    t.start();
    RawClient raw(t.port());
    raw.send("POST /report HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nx");
    EXPECT_TRUE(raw.seesClose());
    EXPECT_TRUE(t.telemetryHas("clusterwatch_limit_hits_total{limit=\"body_deadline\"} 1"));
}

TEST(Limits, AnIdleConnectionIsEnded) {
    TestServer t;
    t.options.connections.idle_deadline = 100ms;
    addReport(t);
    t.start();
    RawClient raw(t.port());
    raw.send("POST /report HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx");
    EXPECT_THAT(raw.readUntil("bytes"), HasSubstr("1 bytes"));
    EXPECT_TRUE(raw.seesClose());
}

// Row 6 of the reliability bars: slow connections must not keep an agent out.
TEST(Limits, AFloodOfSlowConnectionsGivesWayToAWorkingClient) {
    const auto flooded = [](ConnectionLimits limits, const char* which) {
        TestServer t;
        t.options.connections = limits;
        addReport(t);
        t.start();
        std::vector<std::unique_ptr<RawClient>> flood;
        for (int i = 0; i < 60; ++i) {
            flood.push_back(std::make_unique<RawClient>(t.port()));
            flood.back()->send("GET / HTTP/1.1\r\nHost: local");
        }
        const auto got = t.client().Post("/report", "x", "application/x-protobuf");
        ASSERT_TRUE(got) << which;
        EXPECT_EQ(got->status, 200) << which;
        EXPECT_TRUE(t.telemetryHas(which));
    };
    ConnectionLimits limits;
    limits.connections_per_address = 10;
    flooded(limits, "limit=\"connections_per_address\"");
    limits.connections_per_address = 1000;
    limits.connections = 10;
    flooded(limits, "limit=\"connections\"");
}

TEST(Limits, ConnectionsInTheMiddleOfARequestDoNotGiveWay) {
    TestServer t;
    t.options.connections.connections_per_address = 2;
    addReport(t);
    t.start();
    RawClient first(t.port()), second(t.port());
    for (auto* client : {&first, &second}) {
        client->send(
            "POST /report HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: "
            "100-continue\r\n\r\n");
        EXPECT_THAT(client->readUntil("100 Continue\r\n\r\n"), HasSubstr("100 Continue"));
        client->send("x");
    }
    RawClient third(t.port());
    EXPECT_TRUE(third.seesClose());
    EXPECT_TRUE(t.telemetryHas("limit=\"connections_per_address\""));
    first.send("x");
    second.send("x");
    EXPECT_THAT(first.readUntil("bytes"), HasSubstr("2 bytes"));
    EXPECT_THAT(second.readUntil("bytes"), HasSubstr("2 bytes"));
}

}  // namespace
}  // namespace clusterwatch::api
