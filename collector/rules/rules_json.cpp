// See rules_json.h. Source of the fields: Prometheus, web/api/v1/api.go, AlertingRule, RuleGroup.
#include "collector/rules/rules_json.h"

#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "collector/query/prometheus_json.h"
#include "common/text.h"

namespace clusterwatch::rules {
namespace {

using query::appendJsonString;
using query::appendLabels;

// Go's FormatFloat(v, 'e', -1, 64), in which an alert's value is printed there.
std::string scientific(double value) {
    if (!std::isfinite(value)) return goFloat(value);
    std::array<char, 64> buffer{};
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                   std::chars_format::scientific);
    return std::string(buffer.data(), end.ptr);
}

void appendTime(std::string& out, std::string_view key, std::int64_t t_ms) {
    // Go's zero time, where there is none.
    fmt::format_to(std::back_inserter(out), ",\"{}\":\"{}\"", key,
                   t_ms == 0 ? "0001-01-01T00:00:00Z" : formatTime(fromUnixMs(t_ms)));
}

void appendText(std::string& out, std::string_view key, std::string_view text) {
    fmt::format_to(std::back_inserter(out), ",\"{}\":", key);
    appendJsonString(out, text);
}

void appendSeconds(std::string& out, std::string_view key, double value) {
    fmt::format_to(std::back_inserter(out), ",\"{}\":{}", key, formatDouble(value));
}

void appendAlert(std::string& out, const Alert& alert) {
    out += "{\"labels\":";
    appendLabels(out, alert.labels);
    out += ",\"annotations\":";
    appendLabels(out, alert.annotations);
    appendText(out, "state", toString(alert.state));
    appendTime(out, "activeAt", alert.active_at_ms);
    appendText(out, "value", scientific(alert.value));
    out += '}';
}

void appendAlerts(std::string& out, std::span<const Alert> alerts) {
    out += '[';
    for (const Alert& alert : alerts) {
        if (out.back() != '[') out += ',';
        appendAlert(out, alert);
    }
    out += ']';
}

std::string_view worstState(const RuleStatus& rule) {
    AlertState worst = AlertState::kInactive;
    for (const Alert& alert : rule.alerts) worst = std::max(worst, alert.state);
    return toString(worst);
}

void appendRule(std::string& out, const RuleStatus& rule) {
    out += "{\"name\":";
    appendJsonString(out, rule.name);
    appendText(out, "query", rule.expression);
    out += ",\"labels\":";
    appendLabels(out, rule.labels);
    if (rule.type == "alerting") {
        appendText(out, "state", worstState(rule));
        appendSeconds(out, "duration", std::chrono::duration<double>(rule.hold).count());
        appendSeconds(out, "keepFiringFor",
                      std::chrono::duration<double>(rule.keep_firing).count());
        out += ",\"annotations\":";
        appendLabels(out, rule.annotations);
        out += ",\"alerts\":";
        appendAlerts(out, rule.alerts);
    }
    appendText(out, "health", rule.health);
    if (!rule.last_error.empty()) appendText(out, "lastError", rule.last_error);
    appendSeconds(out, "evaluationTime", rule.evaluation_seconds);
    appendTime(out, "lastEvaluation", rule.last_evaluation_ms);
    appendText(out, "type", rule.type);
    out += '}';
}

}  // namespace

std::string rulesAnswer(std::span<const GroupStatus> groups) {
    std::string out = "{\"status\":\"success\",\"data\":{\"groups\":[";
    for (const GroupStatus& group : groups) {
        if (out.back() != '[') out += ',';
        out += "{\"name\":";
        appendJsonString(out, group.name);
        appendText(out, "file", group.file);
        out += ",\"rules\":[";
        for (const RuleStatus& rule : group.rules) {
            if (out.back() != '[') out += ',';
            appendRule(out, rule);
        }
        out += ']';
        appendSeconds(out, "interval", std::chrono::duration<double>(group.interval).count());
        fmt::format_to(std::back_inserter(out), ",\"limit\":{}", group.limit);
        appendSeconds(out, "evaluationTime", group.evaluation_seconds);
        appendTime(out, "lastEvaluation", group.last_evaluation_ms);
        out += '}';
    }
    out += "]}}";
    return out;
}

std::string alertsAnswer(std::span<const Alert> alerts) {
    std::string out = "{\"status\":\"success\",\"data\":{\"alerts\":";
    appendAlerts(out, alerts);
    out += "}}";
    return out;
}

std::string alertJson(const Alert& alert) {
    std::string out;
    appendAlert(out, alert);
    return out;
}

}  // namespace clusterwatch::rules
