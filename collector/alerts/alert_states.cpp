// The queue's database as the rule engine's memory: the states of alerts over a restart.
#include <utility>

#include "collector/alerts/alert_labels.h"
#include "collector/alerts/notification_queue.h"
#include "collector/alerts/sqlite_statement.h"

namespace clusterwatch::alerts {

Result<std::vector<rules::StoredAlert>> NotificationQueue::loadAlerts() {
    const MutexLock lock(mutex_);
    Statement statement(
        database_.get(),
        "SELECT group_key, rule_key, labels, annotations, fingerprint, state, value, "
        "active_at_ms, fired_at_ms, held_ms, missing_ms FROM alert "
        "ORDER BY group_key, rule_key, labels");
    std::vector<rules::StoredAlert> result;
    for (;;) {
        const auto row = statement.row();
        if (!row) return row.error();
        if (!*row) return result;
        auto labels = labelsOf(statement.text(2));
        auto annotations = labelsOf(statement.text(3));
        if (!labels) return labels.error();
        if (!annotations) return annotations.error();
        rules::StoredAlert stored;
        stored.group = statement.text(0);
        stored.rule = statement.text(1);
        stored.alert.labels = std::move(*labels);
        stored.alert.annotations = std::move(*annotations);
        stored.alert.fingerprint = statement.text(4);
        stored.alert.state =
            statement.integer(5) == 2 ? rules::AlertState::kFiring : rules::AlertState::kPending;
        stored.alert.value = statement.real(6);
        stored.alert.active_at_ms = statement.integer(7);
        stored.alert.fired_at_ms = statement.integer(8);
        stored.held_ms = statement.integer(9);
        stored.missing_ms = statement.integer(10);
        result.push_back(std::move(stored));
    }
}

Status NotificationQueue::saveAlerts(const std::string& group,
                                     std::span<const rules::StoredAlert> alerts) {
    const MutexLock lock(mutex_);
    sqlite3* database = database_.get();
    Transaction transaction(database);
    if (!transaction.status()) return transaction.status();
    if (Status status =
            Statement(database, "DELETE FROM alert WHERE group_key = ?").bind(group).run();
        !status) {
        return status;
    }
    for (const rules::StoredAlert& stored : alerts) {
        const rules::Alert& alert = stored.alert;
        const Status status =
            Statement(database,
                      "INSERT OR REPLACE INTO alert (group_key, rule_key, labels, annotations, "
                      "fingerprint, state, value, active_at_ms, fired_at_ms, held_ms, missing_ms) "
                      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
                .bind(group)
                .bind(stored.rule)
                .bind(labelsText(alert.labels))
                .bind(labelsText(alert.annotations))
                .bind(alert.fingerprint)
                .bind(std::int64_t{alert.state == rules::AlertState::kFiring ? 2 : 1})
                .bind(alert.value)
                .bind(alert.active_at_ms)
                .bind(alert.fired_at_ms)
                .bind(stored.held_ms)
                .bind(stored.missing_ms)
                .run();
        if (!status) return status;
    }
    return transaction.commit();
}

}  // namespace clusterwatch::alerts
