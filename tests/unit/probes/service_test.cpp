// The probes against sockets that misbehave as real services do: nobody listening, and a listener
// that accepts (in the kernel's queue) and never says a word, as a stopped process does.
#include <thread>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/probes/probe_table.h"
#include "tests/unit/probes/fixture.h"

namespace clusterwatch::agent {
namespace {

using ::testing::HasSubstr;

class Listener {
  public:
    explicit Listener(bool listening) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        socklen_t length = sizeof address;
        EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length), 0);
        port_ = ntohs(address.sin_port);
        if (listening) {
            EXPECT_EQ(::listen(fd_, 16), 0);
        }
    }
    ~Listener() { ::close(fd_); }
    std::string port() const { return std::to_string(port_); }

    // Accepts once and sends `text`, then closes; on the test's own thread, after the probe's start.
    void answerOnce(const std::string& text) const {
        const int client = ::accept(fd_, nullptr, nullptr);
        char ignored[4096];
        (void)!::recv(client, ignored, sizeof ignored, MSG_DONTWAIT);
        EXPECT_EQ(::send(client, text.data(), text.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(text.size()));
        ::close(client);
    }

  private:
    int fd_;
    std::uint16_t port_ = 0;
};

std::unique_ptr<Probe> makeProbe(std::string_view kind, const std::string& yaml,
                                 ConfigErrors& errors) {
    ConfigNode node = ConfigNode::parse(yaml, "test.yaml", errors);
    for (const ProbeKind& row : probeKinds())
        if (row.kind == kind) {
            auto probe = row.make(node);
            node.rejectUnknown();
            return probe;
        }
    return nullptr;
}

ProbeRun runOf(std::string_view kind, const std::string& yaml, Milliseconds budget) {
    ConfigErrors errors;
    auto probe = makeProbe(kind, yaml, errors);
    EXPECT_TRUE(errors.empty()) << errors.joined();
    const TestContext context(budget);
    const auto began = std::chrono::steady_clock::now();
    ProbeRun run = probe->run(context.get());
    const auto took = std::chrono::steady_clock::now() - began;
    EXPECT_LT(took, budget + std::chrono::milliseconds(500)) << kind;
    return run;
}

struct Service {
    std::string_view kind;
    std::string key;
    std::string before;
    std::string after;

    std::string yaml(const std::string& port) const {
        return key + ": \"" + before + port + after + "\"\n";
    }
};

const std::vector<Service>& services() {
    static const std::vector<Service> all = {
        {"apache", "url", "http://127.0.0.1:", "/server-status?auto"},
        {"memcached", "address", "127.0.0.1:", ""},
        {"mysql", "address", "127.0.0.1:", ""},
        {"mysql_replication", "address", "127.0.0.1:", ""}};
    return all;
}

TEST(Services, NobodyListening) {
    for (const Service& service : services()) {
        SCOPED_TRACE(std::string(service.kind));
        const Listener closed(false);
        const ProbeRun run =
            runOf(service.kind, service.yaml(closed.port()), std::chrono::seconds(5));
        EXPECT_EQ(toString(run.outcome), "refused") << run.message;
        EXPECT_THAT(run.message, testing::ContainsRegex("[Cc]onnection refused"));
        ASSERT_EQ(run.checks.size(), 1u);
        EXPECT_NE(run.checks[0].state, State::kOk);
    }
}

TEST(Services, FrozenProcessTimesOutAfterConnecting) {
    for (const Service& service : services()) {
        SCOPED_TRACE(std::string(service.kind));
        const Listener frozen(true);
        const ProbeRun run =
            runOf(service.kind, service.yaml(frozen.port()), std::chrono::milliseconds(300));
        EXPECT_EQ(toString(run.outcome), "timed_out") << run.message;
        EXPECT_THAT(run.message, HasSubstr("accepts connections"));
    }
}

TEST(Services, FrozenMeansDownInTheExportersOwnGauge) {
    const Listener frozen(true);
    const auto up = [&](std::size_t service, const std::string& series) {
        return valueOf(runOf(services()[service].kind, services()[service].yaml(frozen.port()),
                             std::chrono::milliseconds(200)),
                       series);
    };
    EXPECT_EQ(up(0, "apache_up"), 0);
    EXPECT_EQ(up(1, "memcached_up"), 0);
    EXPECT_EQ(up(2, "mysql_up"), 0);
}

TEST(Services, GarbageIsAParseOutcome) {
    for (const Service& service : services()) {
        SCOPED_TRACE(std::string(service.kind));
        const Listener odd(true);
        std::jthread server([&] { odd.answerOnce(std::string(200, '\x7f') + "\r\n\r\n"); });
        // memcached's probe listens once more for the "full" line; nobody answers that.
        const ProbeRun run =
            runOf(service.kind, service.yaml(odd.port()), std::chrono::milliseconds(800));
        EXPECT_NE(run.outcome, Outcome::kOk);
        EXPECT_NE(run.outcome, Outcome::kInternal) << run.message;
        EXPECT_FALSE(run.message.empty());
    }
}

TEST(Services, MysqlSaysUpButFullOrDenied) {
    const auto f = [](unsigned error, const std::string& text, std::string_view outcome) {
        const Listener server(true);
        // An error packet in place of the greeting: length, sequence 0, 0xff, number, text.
        std::string packet = "\xff";
        packet += static_cast<char>(error & 0xff);
        packet += static_cast<char>(error >> 8);
        packet += text;
        const std::string header{static_cast<char>(packet.size()), 0, 0, 0};
        std::jthread thread([&] { server.answerOnce(header + packet); });
        const ProbeRun run =
            runOf("mysql", services()[2].yaml(server.port()), std::chrono::seconds(2));
        EXPECT_EQ(toString(run.outcome), outcome) << run.message;
        EXPECT_THAT(run.message, HasSubstr(text));
        EXPECT_EQ(valueOf(run, "mysql_up"), 0);
    };
    f(1040, "Too many connections", "full");
    f(1130, "Host '10.0.0.9' is not allowed to connect to this server", "authentication");
}

TEST(Services, APasswordThatCannotBeReadSaysNothingOfTheServer) {
    const ProbeRun run =
        runOf("mysql", "{address: \"127.0.0.1:1\", user: m, password_file: /nonexistent/secret}",
              std::chrono::seconds(1));
    EXPECT_EQ(run.outcome, Outcome::kAuthentication) << run.message;
    EXPECT_EQ(run.sampleCount(), 0U);
    ASSERT_EQ(run.checks.size(), 1U);
    EXPECT_EQ(run.checks[0].state, State::kUnknown);
}

TEST(Services, MistakesOfTheConfigurationAreNamed) {
    const auto f = [](std::string_view kind, const std::string& yaml, const std::string& text) {
        ConfigErrors errors;
        makeProbe(kind, yaml, errors);
        EXPECT_THAT(errors.joined(), HasSubstr(text));
        EXPECT_THAT(errors.joined(), HasSubstr("test.yaml:"));
    };
    f("apache", "url: \"http://user:secret@web1/\"", "user name");
    f("apache", "ur: x", "ur");
    f("memcached", "address: \"a b\"", "HOST");
    f("memcached", "address: \"host:99999\"", "HOST");
    f("mysql", "{address: \"a:1\", socket: /x}", "either");
    f("mysql_replication", "role: chief", "role");
    f("mysql_replication", "{warn_lag: 60s, critical_lag: 10s}", "critical_lag");
    f("docstore", "path: relative", "absolute");
    f("docstore", "{path: /srv, scan: {entries_per_second: 0}}", "entries_per_second");
    f("docstore", "{path: /srv, scan: {fast: true}}", "fast");
    f("host", "root: proc", "absolute");
}

TEST(ProbeTable, KindsAreUnique) {
    std::set<std::string_view> kinds;
    for (const ProbeKind& row : probeKinds()) {
        EXPECT_TRUE(kinds.insert(row.kind).second) << row.kind;
        EXPECT_FALSE(row.default_job.empty());
        EXPECT_FALSE(row.help.empty());
    }
    EXPECT_EQ(kinds.size(), 6u);
}

}  // namespace
}  // namespace clusterwatch::agent
