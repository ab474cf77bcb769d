#include "collector/alert_hooks.h"

#include <map>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "collector/api/telemetry.h"
#include "collector/rules/rules_json.h"

namespace clusterwatch {
namespace {

// The series of rules share chunks with nobody else's.
constexpr std::string_view kGroup = "rules";

std::string subjectOf(const rules::Alert& alert) {
    const auto name = alert.labels.get("alertname");
    if (!alert.labels.has("instance")) return fmt::format("alert/{}", name);
    return fmt::format("{}/{}/{}", alert.labels.get("job"), alert.labels.get("instance"), name);
}

std::string_view severityOf(const rules::Alert& alert) {
    if (alert.state == rules::AlertState::kInactive) return "ok";
    const auto severity = alert.labels.get("severity");
    return severity == "critical" || severity == "page" ? "critical" : "warning";
}

store::Event eventOf(const rules::Alert& alert, std::int64_t now_ms) {
    const auto summary = alert.annotations.get("summary");
    store::Event event;
    event.t_ms = now_ms;
    event.kind = "alert";
    event.subject = subjectOf(alert);
    event.severity = severityOf(alert);
    // What never fired was told to nobody, so it is not "resolved" either.
    const auto word = alert.state != rules::AlertState::kInactive ? rules::toString(alert.state)
                      : alert.fired_at_ms != 0                    ? "resolved"
                                                                  : "no longer pending";
    event.text =
        fmt::format("{}: {}", word, summary.empty() ? alert.labels.get("alertname") : summary);
    event.detail = rules::alertJson(alert);
    return event;
}

Status record(store::Store& store, const query::Vector& results) {
    std::map<std::int64_t, store::Column> columns;  // by time
    for (const auto& element : results) {
        const auto id = store.seriesId(element.labels, kGroup);
        if (!id) return id.error().context("recording the results of rules");
        auto& column = columns[element.sample.t_ms];
        column.t_ms = element.sample.t_ms;
        column.series.push_back(*id);
        column.values.push_back(element.sample.value);
    }
    if (columns.empty()) return {};
    store::WriteBatch batch;
    for (auto& [time, column] : columns) batch.columns.push_back(std::move(column));
    if (const auto committed = store.commit(batch); !committed)
        return committed.error().context("recording the results of rules");
    return {};
}

}  // namespace

rules::RuleHooks ruleHooks(store::Store& store, derive::LiveFeed& feed, const Clock& clock,
                           alerts::Notifier& notifier) {
    rules::RuleHooks hooks;
    hooks.changed = [&store, &feed, &clock](const rules::Alert& alert) {
        auto event = eventOf(alert, toUnixMs(clock.wallNow()));
        spdlog::info("alert {}: {}", event.subject, event.text);
        feed.publish("alert", event.detail);
        store.addEvent(std::move(event));
    };
    hooks.notify = [&notifier](std::span<const rules::Alert> alerts) {
        return notifier.notify(alerts);
    };
    hooks.record = [&store](const query::Vector& results) { return record(store, results); };
    return hooks;
}

std::vector<prometheus::MetricFamily> webhookFamilies(
    std::span<const alerts::WebhookStatus> webhooks) {
    if (webhooks.empty()) return {};
    std::vector<prometheus::MetricFamily> out{
        api::gaugeFamily("clusterwatch_notifications_queued", "Notifications not delivered yet.",
                         0),
        api::counterFamily("clusterwatch_notifications_delivered_total",
                           "Notifications that a webhook took.", 0),
        api::counterFamily("clusterwatch_notifications_failed_attempts_total",
                           "Attempts that ended without a 2xx answer; each is repeated.", 0),
        api::counterFamily("clusterwatch_notifications_refused_full_total",
                           "Times that the queue of a webhook was full.", 0),
    };
    for (auto& family : out) family.metric.clear();
    for (const auto& hook : webhooks) {
        prometheus::ClientMetric metric;
        metric.label = {{"webhook", hook.name}};
        metric.gauge.value = static_cast<double>(hook.queued);
        out[0].metric.push_back(metric);
        metric.counter.value = static_cast<double>(hook.delivered);
        out[1].metric.push_back(metric);
        metric.counter.value = static_cast<double>(hook.failed_attempts);
        out[2].metric.push_back(metric);
        metric.counter.value = static_cast<double>(hook.refused_full);
        out[3].metric.push_back(metric);
    }
    return out;
}

std::vector<prometheus::MetricFamily> ruleFamilies(std::span<const rules::GroupStatus> groups) {
    if (groups.empty()) return {};
    std::vector<prometheus::MetricFamily> out{
        api::counterFamily("clusterwatch_rule_group_missed_total",
                           "Turns left out because evaluations took too long.", 0),
        api::counterFamily("clusterwatch_rule_failures_total",
                           "Evaluations of a rule that ended in an error; its alerts stayed.", 0),
        api::gaugeFamily("clusterwatch_rule_group_duration_seconds",
                         "How long the group's last evaluation took.", 0),
    };
    for (auto& family : out) family.metric.clear();
    for (const auto& group : groups) {
        prometheus::ClientMetric metric;
        metric.label = {{"rule_group", group.file + ";" + group.name}};
        metric.counter.value = static_cast<double>(group.missed);
        out[0].metric.push_back(metric);
        metric.counter.value = static_cast<double>(group.failures);
        out[1].metric.push_back(metric);
        metric.gauge.value = group.evaluation_seconds;
        out[2].metric.push_back(metric);
    }
    return out;
}

}  // namespace clusterwatch
