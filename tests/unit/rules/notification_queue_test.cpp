#include "collector/alerts/notification_queue.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include <gmock/gmock.h>

#include "tests/unit/rules/alert_fixture.h"

namespace clusterwatch::alerts {
namespace {

using ::testing::HasSubstr;
using Alerts = std::vector<rules::Alert>;

class NotificationQueueTest : public AlertFixture {
  protected:
    NotificationQueueTest() { reopen(); }

    void reopen() {
        queue.reset();
        auto opened = NotificationQueue::open(directory / "alerts.db", clock);
        ASSERT_TRUE(opened) << opened.error().message();
        queue = std::move(*opened);
    }
    std::size_t enqueue(const Alerts& alerts) {
        const auto queued = queue->enqueue(alerts, options);
        EXPECT_TRUE(queued) << queued.error().message();
        return queued ? *queued : 0;
    }
    // Delivers everything; "firing:db1,db2" or "resolved:db1" each.
    std::vector<std::string> deliverAll() {
        std::vector<std::string> result;
        for (;;) {
            const auto heads = queue->heads("pager").value();
            if (heads.empty()) return result;
            for (const Notification& head : heads) {
                const auto json = nlohmann::json::parse(head.body);
                std::string text = json["status"].get<std::string>() + ":";
                for (const auto& entry : json["alerts"]) {
                    text += entry["status"].get<std::string>().substr(0, 1) +
                            entry["labels"]["i"].get<std::string>() + " ";
                }
                result.push_back(text);
                EXPECT_TRUE(queue->finishAttempt(
                    head, {1, head.message_id, head.group_key, 200, true, ""}));
            }
        }
    }

    ManualClock clock{fromUnixMs(1'000'000'000)};
    EnqueueOptions options{"pager", true, "", kRepeatInterval, kMaxQueuedPerWebhook};
    std::unique_ptr<NotificationQueue> queue;
};

TEST_F(NotificationQueueTest, OnceOnFiringAndOnceOnResolved) {
    EXPECT_EQ(enqueue({alert("db1", true)}), 1u);
    EXPECT_EQ(enqueue({alert("db1", true)}), 0u);
    reopen();  // a crash between queueing and saving hands the same over again
    EXPECT_EQ(enqueue({alert("db1", true)}), 0u);
    EXPECT_EQ(enqueue({alert("db1", false)}), 1u);
    EXPECT_EQ(enqueue({alert("db1", false)}), 0u);
    EXPECT_THAT(deliverAll(), ::testing::ElementsAre("firing:fdb1 ", "resolved:rdb1 "));
}

TEST_F(NotificationQueueTest, AGroupIsToldWhole) {
    enqueue({alert("db1", true)});
    enqueue({alert("db1", true), alert("db2", true)});
    enqueue({alert("db1", false), alert("db2", true)});
    EXPECT_THAT(deliverAll(),
                ::testing::ElementsAre("firing:fdb1 ", "firing:fdb1 fdb2 ", "firing:fdb2 rdb1 "));
}

TEST_F(NotificationQueueTest, RepeatsAfterFourHours) {
    enqueue({alert("db1", true)});
    clock.advance(kRepeatInterval - Milliseconds{1});
    EXPECT_EQ(enqueue({alert("db1", true)}), 0u);
    clock.advance(Milliseconds{1});
    EXPECT_EQ(enqueue({alert("db1", true)}), 1u);
    EXPECT_EQ(enqueue({alert("db1", true)}), 0u);
}

TEST_F(NotificationQueueTest, ResolvedMayBeUnwanted) {
    options.send_resolved = false;
    enqueue({alert("db1", true)});
    EXPECT_EQ(enqueue({alert("db1", false)}), 0u);
    EXPECT_EQ(enqueue({alert("db1", true)}), 1u);  // it was forgotten
}

TEST_F(NotificationQueueTest, FullIsAnErrorAndChangesNothing) {
    options.max_queued = 1;
    enqueue({alert("db1", true)});
    const auto refused = queue->enqueue(Alerts{alert("db2", true, "B")}, options);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ErrorCode::kLimit);
    deliverAll();
    EXPECT_EQ(enqueue({alert("db2", true, "B")}), 1u);
}

TEST_F(NotificationQueueTest, HeadsAreTheOldestOfEachGroup) {
    enqueue({alert("db1", true)});
    enqueue({alert("db1", false)});
    enqueue({alert("db1", true, "B")});
    const auto heads = queue->heads("pager").value();
    ASSERT_EQ(heads.size(), 2u);
    EXPECT_THAT(heads[0].body, HasSubstr("\"status\":\"firing\""));
    EXPECT_EQ(heads[1].group_key, "{}:{alertname=\"B\"}");
    EXPECT_NE(heads[0].message_id, heads[1].message_id);
    EXPECT_TRUE(queue->heads("other").value().empty());
}

TEST_F(NotificationQueueTest, AttemptsAreKeptInBounds) {
    enqueue({alert("db1", true)});
    const auto head = queue->heads("pager").value().at(0);
    for (std::size_t i = 0; i < kKeptAttempts + 20; ++i) {
        ASSERT_TRUE(queue->finishAttempt(head, {static_cast<std::int64_t>(i), head.message_id,
                                                head.group_key, 500, false, "x"}));
    }
    const auto attempts = queue->attempts("pager", 1'000).value();
    EXPECT_EQ(attempts.size(), kKeptAttempts);
    EXPECT_EQ(attempts.front().at_ms, static_cast<std::int64_t>(kKeptAttempts + 19));
    EXPECT_EQ(queue->heads("pager").value().at(0).attempts,
              static_cast<std::int64_t>(kKeptAttempts + 20));
}

TEST_F(NotificationQueueTest, KeepsAlertsOverARestart) {
    rules::StoredAlert stored{"g", "0/A", alert("db\"1", true), 1234, -1};
    stored.alert.value = 2.5;
    stored.alert.active_at_ms = 99;
    ASSERT_TRUE(queue->saveAlerts("g", std::vector{stored}));
    ASSERT_TRUE(queue->saveAlerts("other", {}));
    reopen();
    const auto loaded = queue->loadAlerts().value();
    ASSERT_EQ(loaded.size(), 1u);
    EXPECT_EQ(loaded[0].rule, "0/A");
    EXPECT_EQ(loaded[0].alert.labels, stored.alert.labels);
    EXPECT_EQ(loaded[0].alert.state, rules::AlertState::kFiring);
    EXPECT_EQ(loaded[0].alert.value, 2.5);
    EXPECT_EQ(loaded[0].held_ms, 1234);
    EXPECT_EQ(loaded[0].missing_ms, -1);
    EXPECT_EQ(loaded[0].alert.active_at_ms, 99);
    ASSERT_TRUE(queue->saveAlerts("g", {}));
    EXPECT_TRUE(queue->loadAlerts().value().empty());
}

TEST_F(NotificationQueueTest, ForgetsWebhooksThatAreGone) {
    enqueue({alert("db1", true)});
    EXPECT_EQ(queue->keepOnly({"pager", "other"}).value(), 0u);
    EXPECT_EQ(queue->keepOnly({"other"}).value(), 1u);
    EXPECT_EQ(enqueue({alert("db1", true)}), 1u);
}

TEST_F(NotificationQueueTest, ForeignFilesAreRefusedUnchanged) {
    const auto file = directory / "other.db";
    std::ofstream(file)
        << "this is no database, but long enough to look like one to SQLite ..........";
    EXPECT_FALSE(NotificationQueue::open(file, clock));
    std::ifstream in(file);
    std::string text((std::istreambuf_iterator<char>(in)), {});
    EXPECT_THAT(text, HasSubstr("this is no database"));
    EXPECT_FALSE(NotificationQueue::open(directory / "no" / "such.db", clock));
}

}  // namespace
}  // namespace clusterwatch::alerts
