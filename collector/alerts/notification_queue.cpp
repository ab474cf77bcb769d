// See notification_queue.h. Labels are kept as JSON objects, so that an operator can read them with
// the sqlite3 program.
#include "collector/alerts/notification_queue.h"

#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "collector/alerts/sqlite_statement.h"
#include "collector/query/prometheus_json.h"

namespace clusterwatch::alerts {
namespace {

constexpr int kApplicationId = 0x43574131;  // "CWA1"
constexpr int kVersion = 1;

constexpr const char* kSchema = R"sql(
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS alert (
    group_key TEXT NOT NULL, rule_key TEXT NOT NULL, labels TEXT NOT NULL,
    annotations TEXT NOT NULL, fingerprint TEXT NOT NULL, state INTEGER NOT NULL,
    value REAL, active_at_ms INTEGER NOT NULL, fired_at_ms INTEGER NOT NULL,
    held_ms INTEGER NOT NULL, missing_ms INTEGER NOT NULL,
    PRIMARY KEY (group_key, rule_key, labels));
CREATE TABLE IF NOT EXISTS told (
    webhook TEXT NOT NULL, fingerprint TEXT NOT NULL, alertname TEXT NOT NULL,
    labels TEXT NOT NULL, annotations TEXT NOT NULL, starts_at_ms INTEGER NOT NULL,
    told_at_ms INTEGER NOT NULL,
    PRIMARY KEY (webhook, fingerprint));
CREATE TABLE IF NOT EXISTS queue (
    id INTEGER PRIMARY KEY AUTOINCREMENT, webhook TEXT NOT NULL, group_key TEXT NOT NULL,
    body TEXT NOT NULL, queued_at_ms INTEGER NOT NULL, attempts INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS queue_order ON queue (webhook, group_key, id);
CREATE TABLE IF NOT EXISTS attempt (
    id INTEGER PRIMARY KEY AUTOINCREMENT, webhook TEXT NOT NULL, at_ms INTEGER NOT NULL,
    message_id TEXT NOT NULL, group_key TEXT NOT NULL, http_status INTEGER NOT NULL,
    delivered INTEGER NOT NULL, error TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS attempt_order ON attempt (webhook, id);
)sql";

std::string labelsText(const Labels& labels) {
    std::string out;
    query::appendLabels(out, labels);
    return out;
}

Result<Labels> labelsOf(const std::string& text) {
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object()) return Error(ErrorCode::kCorrupt, "alerts.db: a label set is damaged");
    std::vector<Labels::Pair> pairs;
    for (const auto& [name, value] : json.items()) {
        if (!value.is_string()) return Error(ErrorCode::kCorrupt, "alerts.db: a label is damaged");
        pairs.emplace_back(name, value.get<std::string>());
    }
    return Labels(std::move(pairs));
}

std::string randomId() {
    std::random_device random;
    return fmt::format("{:08x}{:08x}", random(), random());
}

Result<std::int64_t> pragma(sqlite3* database, const char* sql) {
    Statement statement(database, sql);
    const auto row = statement.row();
    if (!row) return row.error();
    return statement.integer(0);
}

}  // namespace

// Rolls back unless committed.
class NotificationQueue::Transaction {
  public:
    explicit Transaction(sqlite3* database)
        : database_(database), status_(execute(database, "BEGIN IMMEDIATE")) {}
    ~Transaction() {
        if (status_ && !committed_) {
            [[maybe_unused]] const Status ignored = execute(database_, "ROLLBACK");
        }
    }
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;

    const Status& status() const { return status_; }
    Status commit() {
        Status status = execute(database_, "COMMIT");
        committed_ = status.ok();
        return status;
    }

  private:
    sqlite3* database_;
    Status status_;
    bool committed_ = false;
};

void NotificationQueue::Close::operator()(sqlite3* database) const { sqlite3_close_v2(database); }

NotificationQueue::NotificationQueue(std::unique_ptr<sqlite3, Close> database, const Clock& clock)
    : clock_(clock), database_(std::move(database)) {}

NotificationQueue::~NotificationQueue() = default;

Result<std::unique_ptr<NotificationQueue>> NotificationQueue::open(
    const std::filesystem::path& file, const Clock& clock) {
    sqlite3* raw = nullptr;
    const int result =
        sqlite3_open_v2(file.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
    std::unique_ptr<sqlite3, Close> database(raw);
    const std::string doing = fmt::format("opening {}", file.string());
    if (result != SQLITE_OK) return databaseError(raw, doing);
    std::unique_ptr<NotificationQueue> queue(new NotificationQueue(std::move(database), clock));
    if (Status status = queue->prepare(); !status) return status.error().context(doing);
    return queue;
}

Status NotificationQueue::prepare() {
    const MutexLock lock(mutex_);
    sqlite3* database = database_.get();
    sqlite3_busy_timeout(database, 5000);
    const auto application = pragma(database, "PRAGMA application_id");
    if (!application) return application.error();
    const auto version = pragma(database, "PRAGMA user_version");
    if (!version) return version.error();
    const auto tables = pragma(database, "SELECT count(*) FROM sqlite_master");
    if (!tables) return tables.error();
    if (*tables > 0 && *application != kApplicationId) {
        return Error(ErrorCode::kConflict, "this database is not clusterwatch's");
    }
    if (*version > kVersion) {
        return Error(
            ErrorCode::kConflict,
            fmt::format("made by a newer version (format {}, known {})", *version, kVersion));
    }
    if (Status status = execute(database, "PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL");
        !status) {
        return status;
    }
    Transaction transaction(database);
    if (!transaction.status()) return transaction.status();
    const std::string header =
        fmt::format("PRAGMA application_id={}; PRAGMA user_version={}", kApplicationId, kVersion);
    if (*tables == 0) {
        if (Status status = execute(database, header.c_str()); !status) return status;
    }
    if (Status status = execute(database, kSchema); !status) return status;
    if (Status status =
            Statement(database, "INSERT OR IGNORE INTO meta (key, value) VALUES ('id', ?)")
                .bind(randomId())
                .run();
        !status) {
        return status;
    }
    if (Status status = transaction.commit(); !status) return status;
    Statement id(database, "SELECT value FROM meta WHERE key = 'id'");
    const auto row = id.row();
    if (!row) return row.error();
    database_id_ = id.text(0);
    return {};
}

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
