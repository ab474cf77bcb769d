// Over https the agent speaks only with a server whose certificate a trusted CA signed for that very
// name and for today. Anything else is refused before a byte of a report or the token is sent.
#include <cstdlib>

#include <gtest/gtest.h>

#include "agent/transport.h"
#include "tests/unit/agent/fake_collector.h"
#include "tests/unit/agent/support.h"

namespace clusterwatch::agent {
namespace {

// Certificates as operators make them, by the openssl command, in a directory of their own.
class Tls : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        directory_ = new TemporaryDirectory;
        makeCa("ca");
        makeCa("other-ca");
        sign("good", "ca", "DNS:localhost,IP:127.0.0.1", 30);
        sign("other-name", "ca", "DNS:collector.example", 30);
        sign("expired", "ca", "DNS:localhost,IP:127.0.0.1", -1);
        sign("other-signer", "other-ca", "DNS:localhost,IP:127.0.0.1", 30);
    }
    static void TearDownTestSuite() { delete directory_; }

    static std::string file(const std::string& name) { return directory_->path() / name; }

    static void openssl(const std::string& arguments) {
        const auto command =
            fmt::format("cd '{}' && openssl {} >>log 2>&1", directory_->path().string(), arguments);
        ASSERT_EQ(std::system(command.c_str()), 0) << command;
    }
    static void makeCa(const std::string& name) {
        openssl(
            fmt::format("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
                        "-keyout {0}.key -out {0}.pem -days 30 -subj /CN={0}",
                        name));
    }
    static void sign(const std::string& name, const std::string& ca, const std::string& names,
                     int days) {
        openssl(
            fmt::format("req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
                        "-keyout {0}.key -out {0}.csr -subj /CN=collector -addext "
                        "subjectAltName={1}",
                        name, names));
        openssl(
            fmt::format("x509 -req -in {0}.csr -CA {1}.pem -CAkey {1}.key -CAcreateserial "
                        "-copy_extensions copy -days {2} -out {0}.pem",
                        name, ca, days));
    }

    // What a post to a server with this certificate comes to, and how many requests the server saw.
    struct Outcome {
        Result<HttpAnswer> answer;
        int requests = 0;
    };
    static Outcome post(const std::string& certificate, const std::string& ca_file,
                        const std::string& host = "127.0.0.1") {
        httplib::SSLServer server(file(certificate + ".pem").c_str(),
                                  file(certificate + ".key").c_str());
        std::atomic<int> requests{0};
        server.Post("/api/v1/report", [&](const httplib::Request&, httplib::Response& response) {
            ++requests;
            response.set_content("taken", "text/plain");
        });
        EXPECT_TRUE(server.is_valid());
        server.set_keep_alive_max_count(1);  // or stop() waits for the idle connection
        const int port = server.bind_to_any_port("127.0.0.1");
        std::jthread serving([&] { server.listen_after_bind(); });
        EXPECT_TRUE(eventually([&] { return server.is_running(); }));
        const auto token = directory_->write("token", "secret");
        auto transport =
            makeHttpTransport({fmt::format("https://{}:{}", host, port), token, ca_file});
        EXPECT_TRUE(transport);
        Outcome outcome{(*transport)->post("x"), 0};
        server.stop();
        serving.join();
        outcome.requests = requests;
        return outcome;
    }
    static void expectRefused(const Outcome& outcome, const std::string& text) {
        ASSERT_FALSE(outcome.answer);
        EXPECT_EQ(outcome.answer.error().code(), ErrorCode::kUnavailable);
        EXPECT_NE(outcome.answer.error().message().find(text), std::string::npos)
            << outcome.answer.error().message();
        EXPECT_EQ(outcome.requests, 0);
    }

    static inline TemporaryDirectory* directory_ = nullptr;
};

TEST_F(Tls, ACertificateOfTheConfiguredCaForThisNameIsTaken) {
    for (const auto* host : {"127.0.0.1", "localhost"}) {
        const auto outcome = post("good", file("ca.pem"), host);
        ASSERT_TRUE(outcome.answer) << outcome.answer.error().message();
        EXPECT_EQ(outcome.answer->status, 200);
        EXPECT_EQ(outcome.answer->body, "taken");
        EXPECT_EQ(outcome.requests, 1);
    }
}

TEST_F(Tls, AnotherNameIsRefused) {
    expectRefused(post("other-name", file("ca.pem")), "certificate");
    expectRefused(post("other-name", file("ca.pem"), "localhost"), "certificate");
}

TEST_F(Tls, AnExpiredCertificateIsRefused) {
    expectRefused(post("expired", file("ca.pem")), "certificate");
}

TEST_F(Tls, AnotherSignerIsRefused) {
    expectRefused(post("other-signer", file("ca.pem")), "certificate");
}

TEST_F(Tls, ASelfSignedCertificateIsRefused) {
    expectRefused(post("other-ca", file("ca.pem")), "certificate");
}

// Without a ca_file the system's authorities count, and they have not signed a test's.
TEST_F(Tls, WithoutACaFileAPrivateCaIsRefused) { expectRefused(post("good", ""), "certificate"); }

TEST_F(Tls, ACaFileThatIsNoneRefusesEverything) {
    const auto broken = directory_->write("broken.pem", "no certificate");
    const auto outcome = post("good", broken);
    ASSERT_FALSE(outcome.answer);
    EXPECT_EQ(outcome.requests, 0);
}

}  // namespace
}  // namespace clusterwatch::agent
