// What a webhook has not been told yet, decided and queued in one transaction.
#include <cstdlib>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "collector/alerts/alert_labels.h"
#include "collector/alerts/notification_queue.h"
#include "collector/alerts/sqlite_statement.h"

namespace clusterwatch::alerts {

Result<std::size_t> NotificationQueue::enqueue(std::span<const rules::Alert> alerts,
                                               const EnqueueOptions& options) {
    std::map<std::string, std::vector<const rules::Alert*>> by_name;
    for (const rules::Alert& alert : alerts) {
        by_name[std::string(alert.labels.get("alertname"))].push_back(&alert);
    }
    const MutexLock lock(mutex_);
    Transaction transaction(database_.get());
    if (!transaction.status()) return transaction.status().error();
    std::size_t queued = 0;
    bool changed = false;
    for (const auto& [alertname, group] : by_name) {
        auto news = newsOf(group, options);
        if (!news) return news.error();
        if (!news->firing && news->resolved.empty()) continue;
        changed = true;
        if (Status status = remember(alertname, group, options); !status) return status.error();
        if (!news->firing && !options.send_resolved) continue;
        if (Status status = push(alertname, *news, options); !status) return status.error();
        ++queued;
    }
    if (!changed) return queued;  // and the roll-back costs no sync
    if (Status status = transaction.commit(); !status) return status.error();
    return queued;
}

Result<NotificationQueue::News> NotificationQueue::newsOf(
    const std::vector<const rules::Alert*>& alerts, const EnqueueOptions& options) {
    News news;
    for (const rules::Alert* alert : alerts) {
        Statement told(database_.get(),
                       "SELECT told_at_ms FROM told WHERE webhook = ? AND fingerprint = ?");
        const auto row = told.bind(options.webhook).bind(alert->fingerprint).row();
        if (!row) return row.error();
        if (alert->state == rules::AlertState::kFiring) {
            // A wall clock that was set back must not silence the repetition.
            const std::int64_t age_ms =
                *row ? std::abs(toUnixMs(clock_.wallNow()) - told.integer(0)) : 0;
            news.firing = news.firing || !*row || age_ms >= options.repeat.count();
        } else if (*row) {  // of what was never told, the end is not told either
            news.resolved.push_back(messageAlert(*alert));
        }
    }
    return news;
}

Status NotificationQueue::remember(const std::string& alertname,
                                   const std::vector<const rules::Alert*>& alerts,
                                   const EnqueueOptions& options) {
    sqlite3* database = database_.get();
    for (const rules::Alert* alert : alerts) {
        Status status;
        if (alert->state == rules::AlertState::kFiring) {
            status =
                Statement(database,
                          "INSERT INTO told (webhook, fingerprint, alertname, labels, annotations, "
                          "starts_at_ms, told_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?) "
                          "ON CONFLICT (webhook, fingerprint) DO UPDATE SET "
                          "annotations = excluded.annotations")
                    .bind(options.webhook)
                    .bind(alert->fingerprint)
                    .bind(alertname)
                    .bind(labelsText(alert->labels))
                    .bind(labelsText(alert->annotations))
                    .bind(alert->fired_at_ms)
                    .bind(toUnixMs(clock_.wallNow()))
                    .run();
        } else {
            status = Statement(database, "DELETE FROM told WHERE webhook = ? AND fingerprint = ?")
                         .bind(options.webhook)
                         .bind(alert->fingerprint)
                         .run();
        }
        if (!status) return status;
    }
    return {};
}

// A notification tells the whole group: all that fires, and what has just been resolved.
Status NotificationQueue::push(const std::string& alertname, const News& news,
                               const EnqueueOptions& options) {
    sqlite3* database = database_.get();
    auto firing = firingOf(alertname, options);
    if (!firing) return firing.error();
    Message message{options.webhook, alertname, options.external_url, std::move(*firing)};
    if (options.send_resolved) {
        message.alerts.insert(message.alerts.end(), news.resolved.begin(), news.resolved.end());
    }
    Statement count(database, "SELECT count(*) FROM queue WHERE webhook = ?");
    const auto row = count.bind(options.webhook).row();
    if (!row) return row.error();
    if (static_cast<std::size_t>(count.integer(0)) >= options.max_queued) {
        return Error(ErrorCode::kLimit,
                     fmt::format("{} notifications are waiting for webhook {}; no "
                                 "more are taken until some are delivered",
                                 options.max_queued, options.webhook));
    }
    const std::int64_t now_ms = toUnixMs(clock_.wallNow());
    if (Status status =
            Statement(database,
                      "UPDATE told SET told_at_ms = ? WHERE webhook = ? AND alertname = ?")
                .bind(now_ms)
                .bind(options.webhook)
                .bind(alertname)
                .run();
        !status) {
        return status;
    }
    return Statement(database,
                     "INSERT INTO queue (webhook, group_key, body, queued_at_ms, attempts) "
                     "VALUES (?, ?, ?, ?, 0)")
        .bind(options.webhook)
        .bind(groupKey(alertname))
        .bind(webhookJson(message))
        .bind(now_ms)
        .run();
}

Result<std::vector<MessageAlert>> NotificationQueue::firingOf(const std::string& alertname,
                                                              const EnqueueOptions& options) {
    Statement statement(database_.get(),
                        "SELECT fingerprint, labels, annotations, starts_at_ms FROM told "
                        "WHERE webhook = ? AND alertname = ? ORDER BY starts_at_ms, fingerprint");
    statement.bind(options.webhook).bind(alertname);
    std::vector<MessageAlert> result;
    for (;;) {
        const auto row = statement.row();
        if (!row) return row.error();
        if (!*row) return result;
        auto labels = labelsOf(statement.text(1));
        auto annotations = labelsOf(statement.text(2));
        if (!labels) return labels.error();
        if (!annotations) return annotations.error();
        result.push_back({true, std::move(*labels), std::move(*annotations), statement.integer(3),
                          0, statement.text(0)});
    }
}

}  // namespace clusterwatch::alerts
