// See webhook_message.h.
#include "collector/alerts/webhook_message.h"

#include <algorithm>

#include <fmt/format.h>

#include "collector/query/prometheus_json.h"
#include "common/text.h"

namespace clusterwatch::alerts {
namespace {

using query::appendJsonString;
using query::appendLabels;

std::string_view statusText(bool firing) { return firing ? "firing" : "resolved"; }

void appendText(std::string& out, std::string_view key, std::string_view text) {
    fmt::format_to(std::back_inserter(out), "\"{}\":", key);
    appendJsonString(out, text);
}

// Those pairs that every alert has.
Labels common(const std::vector<MessageAlert>& alerts, Labels MessageAlert::*member) {
    if (alerts.empty()) return {};
    Labels result = alerts.front().*member;
    for (const MessageAlert& alert : alerts) {
        const Labels& other = alert.*member;
        const std::vector<Labels::Pair> pairs = result.pairs();
        for (const auto& [name, value] : pairs) {
            if (other.get(name) != value) result.remove(name);
        }
    }
    return result;
}

void appendAlert(std::string& out, const MessageAlert& alert, const std::string& external_url) {
    out += '{';
    appendText(out, "status", statusText(alert.firing));
    out += ",\"labels\":";
    appendLabels(out, alert.labels);
    out += ",\"annotations\":";
    appendLabels(out, alert.annotations);
    // Go's zero time says: has not ended.
    fmt::format_to(
        std::back_inserter(out), ",\"startsAt\":\"{}\",\"endsAt\":\"{}\",",
        formatTime(fromUnixMs(alert.starts_at_ms)),
        alert.firing ? "0001-01-01T00:00:00Z" : formatTime(fromUnixMs(alert.ends_at_ms)));
    appendText(out, "generatorURL",
               external_url.empty() ? std::string() : external_url + "/api/v1/rules");
    out += ',';
    appendText(out, "fingerprint", alert.fingerprint);
    out += '}';
}

}  // namespace

MessageAlert messageAlert(const rules::Alert& alert) {
    return {alert.state == rules::AlertState::kFiring,
            alert.labels,
            alert.annotations,
            alert.fired_at_ms,
            alert.resolved_at_ms,
            alert.fingerprint};
}

std::string groupKey(const std::string& alertname) {
    std::string key = "{}:{alertname=\"";
    appendEscaped(key, alertname);
    return key + "\"}";
}

std::string webhookJson(const Message& message) {
    const auto& alerts = message.alerts;
    const bool firing = std::any_of(alerts.begin(), alerts.end(),
                                    [](const MessageAlert& alert) { return alert.firing; });
    const std::size_t shown = std::min(alerts.size(), kAlertsPerNotification);
    std::string out = "{\"version\":\"4\",";
    appendText(out, "groupKey", groupKey(message.alertname));
    fmt::format_to(std::back_inserter(out), ",\"truncatedAlerts\":{},", alerts.size() - shown);
    appendText(out, "status", statusText(firing));
    out += ',';
    appendText(out, "receiver", message.receiver);
    out += ",\"groupLabels\":";
    appendLabels(out, Labels{{"alertname", message.alertname}});
    out += ",\"commonLabels\":";
    appendLabels(out, common(alerts, &MessageAlert::labels));
    out += ",\"commonAnnotations\":";
    appendLabels(out, common(alerts, &MessageAlert::annotations));
    out += ',';
    appendText(out, "externalURL", message.external_url);
    out += ",\"alerts\":[";
    for (std::size_t i = 0; i < shown; ++i) {
        if (i > 0) out += ',';
        appendAlert(out, alerts[i], message.external_url);
    }
    out += "]}";
    return out;
}

}  // namespace clusterwatch::alerts
