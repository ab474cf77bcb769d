// /api/v1/clusterwatch/live: resumption, resets, heartbeats, and streams while the server stops.
#include <gmock/gmock.h>

#include "collector/api/live_stream.h"
#include "collector/api/stream_set.h"
#include "tests/unit/api/test_server.h"

namespace clusterwatch::api {
namespace {

using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

class LiveStreamTest : public testing::Test {
  protected:
    LiveStream streamAfter(const std::string& last_event_id) {
        Request request;
        request.last_event_id = last_event_id;
        return LiveStream(feed_, clock_, request);
    }

    derive::LiveFeed feed_;
    ManualClock clock_{fromUnixMs(5000)};
};

TEST_F(LiveStreamTest, BeginsAtNowAndBeatsEverySecond) {
    feed_.publish("run", "{\"old\":1}");
    auto stream = streamAfter("");
    EXPECT_EQ(stream.next(), ": hb 5000\n\n");
    EXPECT_EQ(stream.next(), "");
    feed_.publish("run", "{\"new\":1}");
    EXPECT_EQ(stream.next(), "id: 2\nevent: run\ndata: {\"new\":1}\n\n");
    EXPECT_EQ(stream.next(), "");
    clock_.advance(1s);
    EXPECT_EQ(stream.next(), ": hb 6000\n\n");
}

TEST_F(LiveStreamTest, ResumesAfterTheLastEvent) {
    for (int i = 1; i <= 3; ++i) feed_.publish("run", "{}");
    EXPECT_THAT(streamAfter("1").next(),
                testing::StartsWith("id: 2\nevent: run\ndata: {}\n\nid: 3\nevent: run\n"));
    EXPECT_EQ(streamAfter("3").next(), ": hb 5000\n\n");
    EXPECT_THAT(streamAfter("0").next(), testing::StartsWith("id: 1\n"));
}

TEST_F(LiveStreamTest, ResetsWhereEventsAreGone) {
    feed_.publish("run", "{}");
    EXPECT_THAT(streamAfter("7").next(), testing::StartsWith("id: 1\nevent: reset\ndata: {}\n\n"))
        << "an id of an earlier life of the collector";
    for (std::size_t i = 0; i < derive::LiveFeed::kRing; ++i) feed_.publish("run", "{}");
    EXPECT_THAT(streamAfter("0").next(), testing::StartsWith("id: 4097\nevent: reset\n"));
    auto stream = streamAfter("0");
    stream.next();
    feed_.publish("run", "{}");
    EXPECT_THAT(stream.next(), testing::StartsWith("id: 4098\nevent: run\n"))
        << "it goes on after a reset";
}

struct LiveServer : TestServer {
    derive::LiveFeed feed;
    std::uint64_t subscription = 0;

    LiveServer() {
        router.add({"/live",
                    {"GET"},
                    Role::kRead,
                    RunsOn::kServerThread,
                    {},
                    [this](const Request& request) {
                        return std::make_unique<LiveStream>(feed, clock, request);
                    }});
        add("/read", RunsOn::kReadExecutor, [](const Request&) { return textReply("read"); });
    }
    ~LiveServer() { feed.unsubscribe(subscription); }
    void startLive() {
        start();
        subscription = feed.subscribe([this] { server->wakeStreams(); });
    }
    // A client whose stream has begun.
    std::unique_ptr<RawClient> connect(const std::string& headers = "") {
        auto client = std::make_unique<RawClient>(port());
        client->send("GET /live HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n");
        EXPECT_THAT(client->readUntil(": hb"), HasSubstr("text/event-stream"));
        return client;
    }
};

TEST(Live, EventsArriveAtOnceAndHeartbeatsWithoutThem) {
    LiveServer t;
    t.startLive();
    const auto client = t.connect();
    const auto began = std::chrono::steady_clock::now();
    t.feed.publish("alert", "{\"a\":1}");
    EXPECT_THAT(client->readUntil("{\"a\":1}"), HasSubstr("event: alert\ndata: {\"a\":1}"));
    EXPECT_LT(std::chrono::steady_clock::now() - began, 200ms)
        << "not only with the next heartbeat";
    client->readUntil(": hb");
    EXPECT_LT(std::chrono::steady_clock::now() - began, 1200ms);
}

TEST(Live, ResumesByHeader) {
    LiveServer t;
    t.startLive();
    t.feed.publish("run", "{\"n\":1}");
    t.feed.publish("run", "{\"n\":2}");
    RawClient client(t.port());
    client.send("GET /live HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 1\r\n\r\n");
    const auto got = client.readUntil("{\"n\":2}");
    EXPECT_THAT(got, HasSubstr("id: 2"));
    EXPECT_THAT(got, Not(HasSubstr("{\"n\":1}")));
}

TEST(Live, ALargeEventArrivesWhole) {
    LiveServer t;
    t.startLive();
    const auto client = t.connect();
    const std::string large(200'000, 'x');
    t.feed.publish("run", large);
    const auto got = client->readUntil(": hb");
    EXPECT_EQ(std::count(got.begin(), got.end(), 'x'), 200'000);
}

TEST(Live, AReaderThatTakesNothingIsDropped) {
    LiveServer t;
    t.options.connections.stream_stall = 200ms;
    t.startLive();
    const auto client = t.connect();
    const std::string large(1'000'000, 'x');
    // More than the sockets' buffers hold.
    ASSERT_TRUE(eventually([&] {
        t.feed.publish("run", large);
        return t.telemetryHas("limit=\"stream_stall\"");
    }));
}

TEST(Live, TooManyStreams) {
    LiveServer t;
    t.startLive();
    std::vector<std::unique_ptr<RawClient>> clients;
    for (std::size_t i = 0; i < kMaxStreams; ++i) clients.push_back(t.connect());
    RawClient late(t.port());
    late.send("GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_THAT(late.readUntil("streams"), HasSubstr(" 503 "));
    clients.pop_back();
    ASSERT_TRUE(eventually([&] {
        RawClient next(t.port());
        next.send("GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n");
        return next.readUntil("\r\n\r\n").find(" 200 ") != std::string::npos;
    })) << "a stream that has gone makes room";
}

TEST(Live, StopsWithStreamsRequestsAndPublishersInFlight) {
    LiveServer t;
    t.startLive();
    std::vector<std::unique_ptr<RawClient>> clients;
    for (int i = 0; i < 20; ++i) clients.push_back(t.connect());
    std::jthread publisher([&](std::stop_token stop) {
        while (!stop.stop_requested()) t.feed.publish("run", "{}");
    });
    std::vector<std::jthread> readers;
    for (int i = 0; i < 4; ++i)
        readers.emplace_back([&](std::stop_token stop) {
            while (!stop.stop_requested() && t.client().Get("/read")) {
            }
        });
    EXPECT_THAT(clients.front()->readUntil("event: run"), HasSubstr("event: run"));
    const auto began = std::chrono::steady_clock::now();
    t.server->stop(2s);
    EXPECT_LT(std::chrono::steady_clock::now() - began, 4s);
    for (auto& client : clients) EXPECT_TRUE(client->seesClose());
}

}  // namespace
}  // namespace clusterwatch::api
