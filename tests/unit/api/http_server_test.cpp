// The server as its clients see it: answers, refusals, roles, and a stop in the middle of work.
#include <atomic>
#include <future>

#include <gmock/gmock.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "collector/api/compression.h"
#include "tests/unit/api/test_server.h"

namespace clusterwatch::api {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

TEST(HttpServer, EveryExecutorAnswers) {
    TestServer t;
    for (const auto& [path, where] : {std::pair{"/server", RunsOn::kServerThread},
                                      {"/read", RunsOn::kReadExecutor},
                                      {"/state", RunsOn::kStateExecutor},
                                      {"/ingest", RunsOn::kIngestExecutor}})
        t.add(path, where,
              [path = std::string(path)](const Request& r) { return textReply(path + r.body); });
    t.start();
    auto client = t.client();
    client.set_keep_alive(true);
    for (const std::string path : {"/server", "/read", "/state", "/ingest"}) {
        const auto got = client.Get(path);
        ASSERT_TRUE(got) << path;
        EXPECT_EQ(got->status, 200);
        EXPECT_EQ(got->body, path);
        EXPECT_EQ(got->get_header_value("X-Content-Type-Options"), "nosniff");
    }
    const auto posted = client.Post("/ingest", "bytes", "application/x-protobuf");
    ASSERT_TRUE(posted);
    EXPECT_EQ(posted->body, "/ingestbytes");
    const auto head = client.Head("/read");
    ASSERT_TRUE(head);
    EXPECT_EQ(head->status, 200);
    EXPECT_EQ(head->body, "");
}

TEST(HttpServer, ParametersOfQueryAndFormAreMerged) {
    TestServer t;
    t.add("/label/*/values", RunsOn::kReadExecutor, [](const Request& r) {
        std::string out = r.wildcard;
        for (const auto value : r.parameters.all("m[]")) out += "|" + std::string(value);
        return textReply(out);
    });
    t.start();
    const auto got = t.client().Post("/label/a%20b/values?m[]=%7Bx%7D%20", "m%5B%5D=first&n=2",
                                     "application/x-www-form-urlencoded");
    ASSERT_TRUE(got);
    EXPECT_EQ(got->body, "a b|first|{x} ");
}

TEST(HttpServer, Refusals) {
    TestServer t;
    t.add("/q", RunsOn::kReadExecutor, [](const Request&) { return textReply("yes"); });
    t.add("/api/v1/report", RunsOn::kIngestExecutor,
          [](const Request&) { return textReply("yes"); }, Role::kWrite, {"POST"});
    t.start();
    const auto refused = [&](const std::string& request, const std::string& status,
                             const std::string& why) {
        RawClient raw(t.port());
        raw.send(request);
        const auto got = raw.readUntil("\x01 never");
        EXPECT_THAT(got, HasSubstr(status)) << request;
        EXPECT_THAT(got, HasSubstr(why)) << request;
    };
    const std::string end = "Connection: close\r\n\r\n";
    refused("GET /nope HTTP/1.1\r\nHost: localhost\r\n" + end, " 404 ", "no such path: /nope");
    refused("PUT /q HTTP/1.1\r\nHost: localhost\r\n" + end, " 405 ", "Allow: GET, POST");
    refused("GET /api/v1/report HTTP/1.1\r\nHost: localhost\r\n" + end, " 405 ", "Allow: POST");
    refused("GET /q HTTP/1.1\r\nHost: evil.example\r\n" + end, " 421 ", "Host header");
    refused("GET /q HTTP/1.1\r\nHost: COLLECTOR.example:9420\r\n" + end, " 200 ", "yes");
    refused("GET /q HTTP/1.1\r\nHost: [::1]:9420\r\n" + end, " 200 ", "yes");
    refused("GET /q?a=%zz HTTP/1.1\r\nHost: localhost\r\n" + end, " 400 ", "two hex digits");
    refused("GET /%ff HTTP/1.1\r\nHost: localhost\r\n" + end, " 400 ", "UTF-8");
    refused(
        "POST /q HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n" +
            end + "{}",
        " 415 ", "urlencoded");
    refused(
        "POST /api/v1/report HTTP/1.1\r\nHost: localhost\r\nOrigin: "
        "http://evil.example\r\nContent-Length: 0\r\n" +
            end,
        " 403 ", "web pages");
    refused(
        "POST /q HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: "
        "chunked\r\n" +
            end,
        " 400 ", "");
    refused("GET /q HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(limits::kHeaderBytes, 'x') +
                "\r\n" + end,
            " 431 ", "");
}

TEST(HttpServer, RolesDecide) {
    TestServer t;
    const auto token = [](std::string name, Role role) {
        return Token{{name, role}, sha256("secret-" + name)};
    };
    t.access = Access(std::vector<Token>{token("agent", Role::kWrite), token("viewer", Role::kRead),
                                         token("chief", Role::kAdmin)},
                      {});
    t.add("/read", RunsOn::kReadExecutor,
          [](const Request& r) { return textReply(r.principal.name); });
    t.add(
        "/write", RunsOn::kIngestExecutor,
        [](const Request& r) { return textReply(r.principal.name); }, Role::kWrite);
    addServiceRoutes(t.router, t.telemetry, [] { return std::string(); });
    t.start();
    const auto status = [&](const char* path, const std::string& authorization) {
        httplib::Headers headers;
        if (!authorization.empty()) headers.emplace("Authorization", authorization);
        const auto got = t.client().Get(path, headers);
        return got ? got->status : -1;
    };
    EXPECT_EQ(status("/read", ""), 401);
    EXPECT_EQ(status("/read", "Bearer secret-viewer"), 200);
    EXPECT_EQ(status("/read", "bearer secret-chief"), 200);
    EXPECT_EQ(status("/read", "Bearer secret-agent"), 403) << "an agent reads nothing";
    EXPECT_EQ(status("/read", "Bearer secret-viewe"), 401);
    EXPECT_EQ(status("/read", "Basic secret-viewer"), 401);
    EXPECT_EQ(status("/write", "Bearer secret-viewer"), 403);
    EXPECT_EQ(status("/write", "Bearer secret-agent"), 200);
    EXPECT_EQ(status("/metrics", ""), 401);
    EXPECT_EQ(status("/-/healthy", ""), 200);
}

TEST(HttpServer, LargeRepliesAreCompressedForThoseWhoTakeIt) {
    TestServer t;
    const std::string large(100'000, 'a');
    t.add("/large", RunsOn::kReadExecutor, [&](const Request&) { return textReply(large); });
    t.start();
    const auto packed = t.client().Get("/large", {{"Accept-Encoding", "gzip"}});
    ASSERT_TRUE(packed);
    EXPECT_EQ(packed->get_header_value("Content-Encoding"), "gzip");
    EXPECT_LT(std::stoul(packed->get_header_value("Content-Length")), 1000u);
    const auto plain = t.client().Get("/large", {{"Accept-Encoding", "gzip;q=0"}});
    ASSERT_TRUE(plain);
    EXPECT_FALSE(plain->has_header("Content-Encoding"));
    EXPECT_EQ(plain->body, large);
}

TEST(HttpServer, AHandlerThatThrowsIsAnInternalError) {
    TestServer t;
    t.add("/bad", RunsOn::kReadExecutor, [](const Request&) -> Reply { throw std::bad_alloc(); });
    t.start();
    const auto got = t.client().Get("/bad");
    ASSERT_TRUE(got);
    EXPECT_EQ(got->status, 500);
}

TEST(HttpServer, SlowReadsDelayNoReportAndAFullQueueIsSaid) {
    TestServer t;
    t.options.read_threads = 1;
    t.options.read_queue = 1;
    std::promise<void> release;
    auto released = release.get_future().share();
    std::atomic<int> running{0};
    t.add("/slow", RunsOn::kReadExecutor, [&](const Request&) {
        ++running;
        released.wait();
        return textReply("slow");
    });
    t.add("/report", RunsOn::kIngestExecutor, [](const Request&) { return textReply("taken"); });
    t.start();
    RawClient first(t.port()), second(t.port());
    first.send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return running == 1; }));
    second.send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n");
    // The third finds the queue full, as soon as the second is in it.
    ASSERT_TRUE(eventually([&] {
        const auto got = t.client().Get("/report");
        RawClient third(t.port());
        third.send("GET /slow HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        const auto reply = third.readUntil("\r\n\r\n");
        return got && got->body == "taken" && reply.find(" 503 ") != std::string::npos &&
               reply.find("Retry-After: 1") != std::string::npos;
    }));
    EXPECT_TRUE(t.telemetryHas("clusterwatch_limit_hits_total{limit=\"queue\"}"));
    release.set_value();
    EXPECT_THAT(first.readUntil("slow"), HasSubstr(" 200 "));
    EXPECT_THAT(second.readUntil("slow"), HasSubstr(" 200 "));
}

TEST(HttpServer, AClientThatLeavesCancelsItsQuery) {
    TestServer t;
    std::atomic<bool> began{false}, cancelled{false};
    t.add("/query", RunsOn::kReadExecutor, [&](const Request& request) {
        began = true;
        cancelled = eventually([&] { return request.cancelled.load(); });
        return textReply("");
    });
    t.start();
    RawClient raw(t.port());
    raw.send("GET /query HTTP/1.1\r\nHost: localhost\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return began.load(); }));
    raw.close();
    EXPECT_TRUE(eventually([&] { return cancelled.load(); }));
}

TEST(HttpServer, StopsWhileRequestsRun) {
    TestServer t;
    std::atomic<int> running{0};
    t.add("/query", RunsOn::kReadExecutor, [&](const Request& request) {
        ++running;
        while (!request.cancelled) std::this_thread::sleep_for(1ms);
        return textReply("");
    });
    t.start();
    std::vector<std::unique_ptr<RawClient>> clients;
    for (int i = 0; i < 20; ++i) {
        clients.push_back(std::make_unique<RawClient>(t.port()));
        // Some in the queue, some in the middle of a header, some idle.
        if (i % 4 != 3)
            clients.back()->send(i % 4 == 2 ? "GET /que"
                                            : "GET /query HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }
    ASSERT_TRUE(eventually([&] { return running == 8; }));
    const auto began = std::chrono::steady_clock::now();
    t.server->stop(50ms);
    EXPECT_LT(std::chrono::steady_clock::now() - began, 2s);
    for (auto& client : clients) EXPECT_TRUE(client->seesClose());
}

TEST(HttpServer, WhatRunsIsAnsweredBeforeTheStop) {
    TestServer t;
    std::atomic<bool> began{false};
    std::promise<void> release;
    t.add("/report", RunsOn::kIngestExecutor, [&](const Request&) {
        began = true;
        release.get_future().wait();
        return textReply("committed");
    });
    t.start();
    RawClient raw(t.port());
    raw.send(
        "POST /report HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nConnection: "
        "close\r\n\r\nx");
    ASSERT_TRUE(eventually([&] { return began.load(); }));
    auto stopped = std::async(std::launch::async, [&] { t.server->stop(5s); });
    // Once it is stopping, nobody new gets in.
    ASSERT_TRUE(eventually([&] { return !t.client().Get("/-/healthy"); }));
    release.set_value();
    EXPECT_THAT(raw.readUntil("committed"), HasSubstr("committed"));
    stopped.wait();
}

TEST(HttpServer, AClientThatLeavesInTheMiddleIsForgotten) {
    TestServer t;
    t.add("/read", RunsOn::kReadExecutor, [](const Request&) { return textReply(""); });
    t.start();
    for (const auto* piece :
         {"GET /re", "GET /read HTTP/1.1\r\n", "GET /read HTTP/1.1\r\nHost: local",
          "POST /read HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc"})
        RawClient(t.port()).send(piece);
    ASSERT_TRUE(t.client().Get("/read"));
    const auto began = std::chrono::steady_clock::now();
    t.server->stop(10s);  // waits for every request that it believes to be running
    EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
}

// Made anew, because one in the source tree would expire.
TlsMaterial selfSigned() {
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"),
                                                                  EVP_PKEY_free);
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    X509_set_pubkey(certificate.get(), key.get());
    X509_sign(certificate.get(), key.get(), EVP_sha256());
    const auto pem = [](auto write) {
        const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
        write(out.get());
        char* data = nullptr;
        const auto size = BIO_get_mem_data(out.get(), &data);
        return std::string(data, static_cast<std::size_t>(size));
    };
    return {pem([&](BIO* out) { PEM_write_bio_X509(out, certificate.get()); }), pem([&](BIO* out) {
                PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
            })};
}

TEST(HttpServer, SpeaksTls) {
    TestServer t;
    t.options.tls = selfSigned();
    t.add("/read", RunsOn::kReadExecutor, [](const Request&) { return textReply("sealed"); });
    t.start();
    httplib::SSLClient client("127.0.0.1", t.port());
    client.enable_server_certificate_verification(false);
    const auto got = client.Get("/read");
    ASSERT_TRUE(got) << httplib::to_string(got.error());
    EXPECT_EQ(got->body, "sealed");
    EXPECT_FALSE(t.client().Get("/read")) << "nothing in the clear";

    httplib::SSLClient old("127.0.0.1", t.port());
    old.enable_server_certificate_verification(false);
    SSL_CTX_set_max_proto_version(old.ssl_context(), TLS1_1_VERSION);
    EXPECT_FALSE(old.Get("/read"));
}

TEST(HttpServer, ACertificateThatIsNoneIsSaid) {
    TestServer t;
    t.options.tls = TlsMaterial{"x", "y"};
    const auto started = HttpServer::start(t.options, t.router, t.access, t.clock, t.telemetry);
    ASSERT_FALSE(started.ok());
    EXPECT_THAT(started.error().message(), HasSubstr("certificate and key"));
}

TEST(HttpServer, APortInUseIsSaid) {
    TestServer first, second;
    first.start();
    second.options.listen = first.server->addresses();
    const auto started = HttpServer::start(second.options, second.router, second.access,
                                           second.clock, second.telemetry);
    ASSERT_FALSE(started.ok());
    EXPECT_THAT(started.error().message(), HasSubstr("Address already in use"));
}

TEST(Compression, AcceptEncoding) {
    const auto f = [](std::string_view header, bool expected) {
        EXPECT_EQ(acceptsGzip(header), expected) << header;
    };
    f("", false);
    f("gzip", true);
    f("deflate, GZIP;q=0.5", true);
    f("gzip;q=0", false);
    f("identity", false);
    f("*", true);
    f("zstd, br", false);
}

}  // namespace
}  // namespace clusterwatch::api
