#include "agent/transport.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/agent/fake_collector.h"
#include "tests/unit/agent/support.h"

namespace clusterwatch::agent {
namespace {

using namespace std::chrono_literals;

TEST(Transport, SendsTheTokenAndReadsItAgainWhenRefused) {
    TemporaryDirectory directory;
    FakeCollector collector;
    const auto file = directory.write("token", "first\n");
    auto transport = makeHttpTransport({collector.url(), file.string(), ""});
    ASSERT_TRUE(transport);
    const auto body = wire::compress(wire::encode(wire::Report{}));
    ASSERT_TRUE((*transport)->post(body));
    EXPECT_EQ(collector.authorization(), "Bearer first");
    directory.write("token", "second\n");
    (*transport)->renewCredentials();
    ASSERT_TRUE((*transport)->post(body));
    EXPECT_EQ(collector.authorization(), "Bearer second");
}

TEST(Transport, NobodyThereIsUnavailableAndSaysWhere) {
    // A port that was ours a moment ago.
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), size), 0);
    ASSERT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
    ::close(fd);
    const int port = ntohs(address.sin_port);
    const auto url = fmt::format("http://127.0.0.1:{}", port);
    auto transport = makeHttpTransport({url, "", ""});
    ASSERT_TRUE(transport);
    const auto answer = (*transport)->post("x");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code(), ErrorCode::kUnavailable);
    EXPECT_NE(answer.error().message().find(url), std::string::npos);
}

TEST(Transport, ACancelledPostReturnsSoon) {
    httplib::Server server;
    std::atomic<bool> arrived{false}, release{false};
    server.Post("/api/v1/report", [&](const httplib::Request&, httplib::Response&) {
        arrived = true;
        while (!release) std::this_thread::sleep_for(1ms);
    });
    const int port = server.bind_to_any_port("127.0.0.1");
    std::jthread serving([&] { server.listen_after_bind(); });
    auto transport = makeHttpTransport({fmt::format("http://127.0.0.1:{}", port), "", ""});
    ASSERT_TRUE(transport);
    const auto begun = std::chrono::steady_clock::now();
    std::jthread cancels([&] {
        ASSERT_TRUE(eventually([&] { return arrived.load(); }));
        (*transport)->cancel();
    });
    EXPECT_FALSE((*transport)->post("x"));
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 5s);
    release = true;
    server.stop();
}

TEST(Transport, AnEndlessAnswerIsNotReadToItsEnd) {
    httplib::Server server;
    std::atomic<std::size_t> given{0};
    server.Post("/api/v1/report", [&](const httplib::Request&, httplib::Response& response) {
        response.set_chunked_content_provider(
            "text/plain", [&](std::size_t, httplib::DataSink& sink) {
                const std::string piece(std::size_t{64} << 10, 'x');
                given += piece.size();
                return given < 64 * wire::kReplyBytes && sink.write(piece.data(), piece.size());
            });
    });
    const int port = server.bind_to_any_port("127.0.0.1");
    std::jthread serving([&] { server.listen_after_bind(); });
    auto transport = makeHttpTransport({fmt::format("http://127.0.0.1:{}", port), "", ""});
    ASSERT_TRUE(transport);
    const auto answer = (*transport)->post("x");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code(), ErrorCode::kLimit);
    EXPECT_LT(given, 64 * wire::kReplyBytes);
    server.stop();
}

TEST(Transport, AnHttpServerBehindAnHttpsUrlIsRefused) {
    FakeCollector collector;
    auto url = collector.url();
    url.replace(0, 4, "https");
    auto transport = makeHttpTransport({url, "", ""});
    ASSERT_TRUE(transport);
    EXPECT_FALSE((*transport)->post("x"));
    EXPECT_EQ(collector.reports(), 0u);
}

}  // namespace
}  // namespace clusterwatch::agent
