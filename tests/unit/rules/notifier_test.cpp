// The notifier against a real HTTP server in this process: down, refusing, slow, redirecting.
#include "collector/alerts/notifier.h"

#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>

#include <gmock/gmock.h>
#include <httplib.h>

#include "tests/unit/rules/alert_fixture.h"

namespace clusterwatch::alerts {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

bool eventually(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(2ms);
    }
    return true;
}

// Records "status group" of what it accepts; `answer` decides what each request gets.
class Receiver {
  public:
    explicit Receiver(int wanted = 0) {
        server_.Post("/hook", [this](const httplib::Request& request, httplib::Response& response) {
            const auto json = nlohmann::json::parse(request.body);
            const std::string name = json["groupLabels"]["alertname"];
            response.status = answer ? answer(name) : 200;
            const std::lock_guard lock(mutex_);
            ++requests_;
            keys_.insert(request.get_header_value("Idempotency-Key"));
            authorization_ = request.get_header_value("Authorization");
            if (response.status == 302) response.set_header("Location", "/other");
            if (response.status == 200) {
                accepted_.push_back(json["status"].get<std::string>() + " " + name);
            }
        });
        server_.Post("/other", [this](const httplib::Request&, httplib::Response&) {
            const std::lock_guard lock(mutex_);
            accepted_.push_back("redirected");
        });
        port = wanted == 0 ? server_.bind_to_any_port("127.0.0.1")
                           : (server_.bind_to_port("127.0.0.1", wanted) ? wanted : -1);
        thread_ = std::thread([this] { server_.listen_after_bind(); });
        EXPECT_TRUE(eventually([this] { return server_.is_running(); }));
    }
    ~Receiver() {
        server_.stop();
        thread_.join();
    }

    std::vector<std::string> accepted() const {
        const std::lock_guard lock(mutex_);
        return accepted_;
    }
    int requests() const {
        const std::lock_guard lock(mutex_);
        return requests_;
    }
    std::size_t keys() const {
        const std::lock_guard lock(mutex_);
        return keys_.size();
    }
    std::string authorization() const {
        const std::lock_guard lock(mutex_);
        return authorization_;
    }

    std::function<int(const std::string& alertname)> answer;  // set before the first request
    int port = 0;

  private:
    mutable std::mutex mutex_;
    httplib::Server server_;
    std::thread thread_;
    std::vector<std::string> accepted_;
    std::set<std::string> keys_;
    std::string authorization_;
    int requests_ = 0;
};

class NotifierTest : public AlertFixture {
  protected:
    NotifierTest() {
        auto opened = NotificationQueue::open(directory / "alerts.db", clock);
        EXPECT_TRUE(opened);
        queue = std::move(*opened);
    }
    std::unique_ptr<Notifier> make(int port, const std::string& token = "") {
        NotifierOptions options;
        options.first_retry = 5ms;
        options.last_retry = 40ms;
        options.timeout = 2s;
        auto made = Notifier::make(
            *queue, clock,
            {{"pager", "http://127.0.0.1:" + std::to_string(port) + "/hook", token, true, {}}},
            options);
        EXPECT_TRUE(made);
        return std::move(*made);
    }
    void tell(Notifier& notifier, bool firing, const char* name = "A") {
        EXPECT_TRUE(notifier.notify(std::vector{alert("db1", firing, name)}));
    }

    SystemClock clock;
    std::unique_ptr<NotificationQueue> queue;
};

TEST_F(NotifierTest, DeliversWithTheToken) {
    Receiver receiver;
    auto notifier = make(receiver.port, "secret");
    notifier->start();
    tell(*notifier, true);
    tell(*notifier, false);
    EXPECT_TRUE(eventually([&] { return receiver.accepted().size() == 2; }));
    EXPECT_THAT(receiver.accepted(), ElementsAre("firing A", "resolved A"));
    EXPECT_EQ(receiver.authorization(), "Bearer secret");
    EXPECT_TRUE(eventually([&] { return notifier->status()[0].delivered == 2; }));
    EXPECT_EQ(notifier->status()[0].queued, 0u);
}

TEST_F(NotifierTest, ReceiverIsDownThenBrokenThenWell) {
    int port = 0;
    {
        const Receiver reserve;  // finds a free port
        port = reserve.port;
    }
    auto notifier = make(port);
    notifier->start();
    tell(*notifier, true);
    EXPECT_TRUE(eventually([&] { return notifier->status()[0].failed_attempts >= 2; }));
    tell(*notifier, false);
    Receiver receiver(port);
    ASSERT_EQ(receiver.port, port);
    EXPECT_TRUE(eventually([&] { return receiver.accepted().size() >= 2; }));
    notifier->stop();
    EXPECT_THAT(receiver.accepted(), ElementsAre("firing A", "resolved A"));
    EXPECT_TRUE(queue->heads("pager").value().empty());
    EXPECT_FALSE(queue->attempts("pager", 100).value().back().delivered);
}

TEST_F(NotifierTest, ServerErrorsAreRepeatedWithTheSameKey) {
    Receiver receiver;
    int failures = 3;
    receiver.answer = [&failures](const std::string&) { return failures-- > 0 ? 503 : 200; };
    auto notifier = make(receiver.port);
    notifier->start();
    tell(*notifier, true);
    EXPECT_TRUE(eventually([&] { return notifier->status()[0].delivered == 1; }));
    EXPECT_EQ(receiver.requests(), 4);
    EXPECT_EQ(receiver.keys(), 1u);
    const auto status = notifier->status()[0];
    EXPECT_EQ(status.failed_attempts, 3u);
    EXPECT_EQ(status.last_error, "");
    ASSERT_EQ(status.attempts.size(), 4u);
    EXPECT_EQ(status.attempts.back().http_status, 503);
}

TEST_F(NotifierTest, ARestartDeliversWhatWasQueuedInOrder) {
    Receiver receiver;
    {
        auto notifier = make(receiver.port);  // never started: as if killed at once
        tell(*notifier, true);
        tell(*notifier, false);
        tell(*notifier, true);
    }
    queue.reset();
    queue = std::move(*NotificationQueue::open(directory / "alerts.db", clock));
    auto notifier = make(receiver.port);
    tell(*notifier, true);  // handed over again, and known
    notifier->start();
    EXPECT_TRUE(eventually([&] { return notifier->status()[0].delivered == 3; }));
    EXPECT_THAT(receiver.accepted(), ElementsAre("firing A", "resolved A", "firing A"));
}

TEST_F(NotifierTest, ARefusedGroupHoldsUpNoOther) {
    Receiver receiver;
    std::atomic<bool> refuse{true};
    receiver.answer = [&refuse](const std::string& name) {
        return name == "A" && refuse ? 400 : 200;
    };
    auto notifier = make(receiver.port);
    tell(*notifier, true, "A");
    tell(*notifier, false, "A");
    tell(*notifier, true, "B");
    notifier->start();
    EXPECT_TRUE(
        eventually([&] { return receiver.accepted().size() == 1 && receiver.requests() >= 4; }));
    EXPECT_THAT(receiver.accepted(), ElementsAre("firing B"));
    EXPECT_EQ(notifier->status()[0].queued, 2u);
    refuse = false;
    EXPECT_TRUE(eventually([&] { return receiver.accepted().size() == 3; }));
    EXPECT_THAT(receiver.accepted(), ElementsAre("firing B", "firing A", "resolved A"));
}

TEST_F(NotifierTest, RedirectsAreNotFollowed) {
    Receiver receiver;
    receiver.answer = [](const std::string&) { return 302; };
    auto notifier = make(receiver.port, "secret");
    notifier->start();
    tell(*notifier, true);
    EXPECT_TRUE(eventually([&] { return receiver.requests() >= 2; }));
    EXPECT_TRUE(receiver.accepted().empty());
    EXPECT_THAT(notifier->status()[0].last_error, HasSubstr("redirects are not followed"));
}

TEST_F(NotifierTest, ASlowReceiverDelaysNoOther) {
    Receiver fast;
    Receiver slow;
    std::atomic<bool> release{false};
    slow.answer = [&release](const std::string&) {
        while (!release) std::this_thread::sleep_for(1ms);
        return 200;
    };
    const auto url = [](int port) { return "http://127.0.0.1:" + std::to_string(port) + "/hook"; };
    auto notifier = std::move(*Notifier::make(
        *queue, clock,
        {{"slow", url(slow.port), "", true, {}}, {"fast", url(fast.port), "", true, {}}}));
    notifier->start();
    tell(*notifier, true);
    EXPECT_TRUE(eventually([&] { return fast.accepted().size() == 1; }));
    EXPECT_TRUE(slow.accepted().empty());
    release = true;
    EXPECT_TRUE(eventually([&] { return slow.accepted().size() == 1; }));
}

TEST_F(NotifierTest, BadUrlsAreRefused) {
    for (const char* url : {"", "ftp://x/", "http://", "http://user:pass@x/", "http://x y/", "x"}) {
        const auto made = Notifier::make(*queue, clock, {{"pager", url, "", true, {}}});
        ASSERT_FALSE(made) << url;
        EXPECT_EQ(made.error().code(), ErrorCode::kInvalid);
        EXPECT_THAT(made.error().message(), HasSubstr("pager"));
    }
}

}  // namespace
}  // namespace clusterwatch::alerts
