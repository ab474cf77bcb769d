// See notification_queue.h. Here: what waits, and what became of each attempt. How the database is opened
// stands in alert_database.cpp, how a notification gets in in enqueue.cpp, the alerts' states in
// alert_states.cpp.
#include "collector/alerts/notification_queue.h"

#include <nlohmann/json.hpp>
#include <string_view>

#include <fmt/format.h>

#include "collector/alerts/sqlite_statement.h"

namespace clusterwatch::alerts {

Result<std::vector<Notification>> NotificationQueue::heads(const std::string& webhook) const {
    const MutexLock lock(mutex_);
    Statement statement(
        database_.get(),
        "SELECT id, group_key, body, queued_at_ms, attempts FROM queue WHERE id IN "
        "(SELECT min(id) FROM queue WHERE webhook = ? GROUP BY group_key) ORDER BY id");
    statement.bind(webhook);
    std::vector<Notification> result;
    for (;;) {
        const auto row = statement.row();
        if (!row) return row.error();
        if (!*row) return result;
        const std::int64_t id = statement.integer(0);
        result.push_back({id, fmt::format("{}-{}", database_id_, id), webhook, statement.text(1),
                          statement.text(2), statement.integer(3), statement.integer(4)});
    }
}

Status NotificationQueue::finishAttempt(const Notification& notification,
                                        const DeliveryAttempt& attempt) {
    const MutexLock lock(mutex_);
    sqlite3* database = database_.get();
    Transaction transaction(database);
    if (!transaction.status()) return transaction.status();
    Status status =
        Statement(database, attempt.delivered
                                ? "DELETE FROM queue WHERE id = ?"
                                : "UPDATE queue SET attempts = attempts + 1 WHERE id = ?")
            .bind(notification.id)
            .run();
    if (!status) return status;
    status = Statement(database,
                       "INSERT INTO attempt (webhook, at_ms, message_id, group_key, http_status, "
                       "delivered, error) VALUES (?, ?, ?, ?, ?, ?, ?)")
                 .bind(notification.webhook)
                 .bind(attempt.at_ms)
                 .bind(notification.message_id)
                 .bind(notification.group_key)
                 .bind(std::int64_t{attempt.http_status})
                 .bind(std::int64_t{attempt.delivered ? 1 : 0})
                 .bind(attempt.error)
                 .run();
    if (!status) return status;
    status =
        Statement(database,
                  "DELETE FROM attempt WHERE webhook = ? AND id <= (SELECT max(id) FROM attempt "
                  "WHERE webhook = ?) - ?")
            .bind(notification.webhook)
            .bind(notification.webhook)
            .bind(static_cast<std::int64_t>(kKeptAttempts))
            .run();
    if (!status) return status;
    return transaction.commit();
}

Result<std::vector<DeliveryAttempt>> NotificationQueue::attempts(const std::string& webhook,
                                                                 std::size_t limit) const {
    const MutexLock lock(mutex_);
    Statement statement(database_.get(),
                        "SELECT at_ms, message_id, group_key, http_status, delivered, error "
                        "FROM attempt WHERE webhook = ? ORDER BY id DESC LIMIT ?");
    statement.bind(webhook).bind(static_cast<std::int64_t>(limit));
    std::vector<DeliveryAttempt> result;
    for (;;) {
        const auto row = statement.row();
        if (!row) return row.error();
        if (!*row) return result;
        result.push_back({statement.integer(0), statement.text(1), statement.text(2),
                          static_cast<int>(statement.integer(3)), statement.integer(4) != 0,
                          statement.text(5)});
    }
}

Result<std::size_t> NotificationQueue::queued(const std::string& webhook) const {
    const MutexLock lock(mutex_);
    Statement statement(database_.get(), "SELECT count(*) FROM queue WHERE webhook = ?");
    const auto row = statement.bind(webhook).row();
    if (!row) return row.error();
    return static_cast<std::size_t>(statement.integer(0));
}

Result<std::size_t> NotificationQueue::keepOnly(const std::vector<std::string>& webhooks) {
    const std::string names = nlohmann::json(webhooks).dump();
    const MutexLock lock(mutex_);
    sqlite3* database = database_.get();
    Transaction transaction(database);
    if (!transaction.status()) return transaction.status().error();
    std::size_t lost = 0;
    for (const char* sql :
         {"DELETE FROM queue WHERE webhook NOT IN (SELECT value FROM json_each(?))",
          "DELETE FROM told WHERE webhook NOT IN (SELECT value FROM json_each(?))",
          "DELETE FROM attempt WHERE webhook NOT IN (SELECT value FROM json_each(?))"}) {
        if (Status status = Statement(database, sql).bind(names).run(); !status) {
            return status.error();
        }
        if (std::string_view(sql).starts_with("DELETE FROM queue")) {
            lost = static_cast<std::size_t>(sqlite3_changes(database));
        }
    }
    if (Status status = transaction.commit(); !status) return status.error();
    return lost;
}

}  // namespace clusterwatch::alerts
