// The queue's database: its schema, and how it is opened or refused.
#include <random>
#include <utility>

#include <fmt/format.h>

#include "collector/alerts/notification_queue.h"
#include "collector/alerts/sqlite_statement.h"

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

}  // namespace clusterwatch::alerts
