// The body of a notification: Alertmanager's webhook JSON, version 4.
// Source: prometheus.io/docs/alerting/latest/configuration, <webhook_config>.
//
// Thread-safe: no state.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "collector/rules/rule_engine.h"

namespace clusterwatch::alerts {

// More are left out and counted in truncatedAlerts.
inline constexpr std::size_t kAlertsPerNotification = 1'000;

struct MessageAlert {
    bool firing = true;
    Labels labels;
    Labels annotations;
    std::int64_t starts_at_ms = 0;
    std::int64_t ends_at_ms = 0;  // 0 while it fires
    std::string fingerprint;
};

MessageAlert messageAlert(const rules::Alert& alert);

struct Message {
    std::string receiver;      // the webhook's name
    std::string alertname;     // alerts are grouped by it
    std::string external_url;  // of this collector; may be empty
    std::vector<MessageAlert> alerts;
};

// `{}:{alertname="X"}`: the same for all notifications of a group.
std::string groupKey(const std::string& alertname);
std::string webhookJson(const Message& message);

}  // namespace clusterwatch::alerts
