// A real server on a free port, and raw sockets to misbehave with.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "collector/api/http_server.h"
#include "collector/api/routes.h"
#include "collector/api/telemetry.h"

namespace clusterwatch::api {

struct TestServer {
    SystemClock clock;
    Telemetry telemetry;
    Access access{std::nullopt, {"collector.example"}};
    Router router;
    ServerOptions options;
    std::unique_ptr<HttpServer> server;

    TestServer() { options.listen = {{"127.0.0.1", 0}}; }

    void add(std::string pattern, RunsOn runs_on, std::function<Reply(const Request&)> handle,
             Role role = Role::kRead, std::vector<std::string> methods = {"GET", "POST"}) {
        router.add({std::move(pattern), std::move(methods), role, runs_on, std::move(handle), {}});
    }
    void start() {
        auto started = HttpServer::start(options, router, access, clock, telemetry);
        ASSERT_TRUE(started.ok()) << started.error().message();
        server = std::move(*started);
    }
    int port() const { return server->addresses().front().port; }
    httplib::Client client() const {
        httplib::Client out("127.0.0.1", port());
        out.set_read_timeout(5, 0);
        return out;
    }
    bool telemetryHas(const std::string& text) const {
        return telemetry.exposition().find(text) != std::string::npos;
    }
};

// What a peer that is no HTTP library does.
class RawClient {
  public:
    explicit RawClient(int port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    }
    ~RawClient() { close(); }
    RawClient(const RawClient&) = delete;
    RawClient& operator=(const RawClient&) = delete;

    void close() {
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }
    void send(const std::string& bytes) {
        EXPECT_EQ(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(bytes.size()));
    }
    bool trySend(const std::string& bytes) {
        return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
               static_cast<ssize_t>(bytes.size());
    }
    // What arrives until `text` is in it, the peer closes, or five seconds pass.
    std::string readUntil(const std::string& text) {
        std::string got;
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
        while (std::chrono::steady_clock::now() < end && got.find(text) == std::string::npos) {
            pollfd ready{fd_, POLLIN, 0};
            if (::poll(&ready, 1, 100) <= 0) continue;
            char block[4096];
            const auto count = ::recv(fd_, block, sizeof block, 0);
            if (count <= 0) {
                closed_ = true;
                break;
            }
            got.append(block, static_cast<std::size_t>(count));
        }
        return got;
    }
    // Whether the peer closes within five seconds, whatever it says before.
    bool seesClose() {
        readUntil("\x01 never");
        return closed_;
    }

  private:
    int fd_;
    bool closed_ = false;
};

// True as soon as `condition` is; false after five seconds.
inline bool eventually(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    while (std::chrono::steady_clock::now() < end) {
        if (condition()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return condition();
}

inline Reply textReply(std::string body) {
    Reply reply;
    reply.content_type = "text/plain";
    reply.body = std::move(body);
    return reply;
}

}  // namespace clusterwatch::api
