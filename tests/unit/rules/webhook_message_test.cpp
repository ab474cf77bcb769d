#include "collector/alerts/webhook_message.h"

#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

namespace clusterwatch::alerts {
namespace {

MessageAlert alert(const char* instance, bool firing) {
    return {firing,
            Labels{{"alertname", "A"}, {"i", instance}, {"severity", "critical"}},
            Labels{{"summary", std::string("about ") + instance}, {"runbook_url", "r"}},
            1795345632000,
            firing ? 0 : 1795345692500,
            "00000000000000ff"};
}

TEST(WebhookMessage, Golden) {
    EXPECT_EQ(
        webhookJson({"pager", "A", "http://c:9420", {alert("db1", true), alert("db2", false)}}),
        R"({"version":"4","groupKey":"{}:{alertname=\"A\"}","truncatedAlerts":0,"status":"firing",)"
        R"("receiver":"pager","groupLabels":{"alertname":"A"},)"
        R"("commonLabels":{"alertname":"A","severity":"critical"},)"
        R"("commonAnnotations":{"runbook_url":"r"},"externalURL":"http://c:9420","alerts":[)"
        R"({"status":"firing","labels":{"alertname":"A","i":"db1","severity":"critical"},)"
        R"("annotations":{"runbook_url":"r","summary":"about db1"},)"
        R"("startsAt":"2026-11-22T11:07:12.000Z","endsAt":"0001-01-01T00:00:00Z",)"
        R"("generatorURL":"http://c:9420/api/v1/rules","fingerprint":"00000000000000ff"},)"
        R"({"status":"resolved","labels":{"alertname":"A","i":"db2","severity":"critical"},)"
        R"("annotations":{"runbook_url":"r","summary":"about db2"},)"
        R"("startsAt":"2026-11-22T11:07:12.000Z","endsAt":"2026-11-22T11:08:12.500Z",)"
        R"("generatorURL":"http://c:9420/api/v1/rules","fingerprint":"00000000000000ff"}]})");
}

TEST(WebhookMessage, ResolvedWhenNothingFires) {
    const auto json = nlohmann::json::parse(webhookJson({"p", "A", "", {alert("db1", false)}}));
    EXPECT_EQ(json["status"], "resolved");
}

TEST(WebhookMessage, TooManyAreCounted) {
    const Message message{
        "p", "A", "", std::vector<MessageAlert>(kAlertsPerNotification + 7, alert("db1", true))};
    const auto json = nlohmann::json::parse(webhookJson(message));
    EXPECT_EQ(json["truncatedAlerts"], 7);
    EXPECT_EQ(json["alerts"].size(), kAlertsPerNotification);
}

}  // namespace
}  // namespace clusterwatch::alerts
