#include "collector/store/partition.h"

#include <fmt/format.h>

#include "common/text.h"

namespace clusterwatch::store {

namespace {

constexpr DatabaseKind kKind{0x43574348,  // "CWCH"
                             1,
                             R"sql(
CREATE TABLE chunk (
    chunk_id INTEGER PRIMARY KEY AUTOINCREMENT,
    group_id INTEGER NOT NULL,
    window_start_ms INTEGER NOT NULL,
    samples INTEGER NOT NULL,
    data BLOB NOT NULL
);
CREATE INDEX chunk_by_group ON chunk (group_id, window_start_ms);
CREATE TABLE sealed_window (
    window_start_ms INTEGER PRIMARY KEY,
    covered_position INTEGER NOT NULL
);
)sql"};

constexpr std::string_view kSuffix = ".db";

}  // namespace

std::string Partition::fileName(std::int64_t start_ms) {
    return fmt::format("{:017d}{}", start_ms, kSuffix);
}

std::optional<std::int64_t> Partition::parseFileName(std::string_view name) {
    if (!name.ends_with(kSuffix)) return std::nullopt;
    // parseInt takes no sign or zeros amiss; the round trip below does.
    const auto start = parseInt(name.substr(0, name.size() - kSuffix.size()));
    if (!start || fileName(*start) != name) return std::nullopt;
    return start;
}

Result<std::unique_ptr<Partition>> Partition::open(std::filesystem::path file,
                                                   std::int64_t start_ms, Database::Mode mode) {
    auto db = Database::open(file, kKind, mode);
    if (!db) return db.error();
    std::unique_ptr<Partition> partition(new Partition(std::move(file), start_ms, std::move(*db)));
    if (auto s = partition->prepareReads(); !s)
        return s.error().context("opening " + partition->file_.string());
    return partition;
}

Status Partition::prepareReads() {
    MutexLock lock(mutex_);
    auto rows = reader_.prepare(
        "SELECT chunk_id, window_start_ms FROM chunk"
        " WHERE group_id = ?1 AND window_start_ms BETWEEN ?2 AND ?3"
        " ORDER BY window_start_ms, chunk_id");
    if (!rows) return rows.error();
    auto blob = reader_.prepare("SELECT data FROM chunk WHERE chunk_id = ?1");
    if (!blob) return blob.error();
    select_rows_ = std::move(*rows);
    select_blob_ = std::move(*blob);
    auto size = reader_.prepare("SELECT count(*), coalesce(sum(length(data)), 0) FROM chunk");
    if (!size) return size.error();
    auto row = size->step();
    if (!row) return row.error();
    size_ = {static_cast<std::uint64_t>(size->integer(0)),
             static_cast<std::uint64_t>(size->integer(1))};
    return {};
}

PartitionSize Partition::size() const {
    MutexLock lock(mutex_);
    return size_;
}

Result<std::map<std::int64_t, JournalPosition>> Partition::windows() const {
    MutexLock lock(mutex_);
    auto statement = reader_.prepare("SELECT window_start_ms, covered_position FROM sealed_window");
    if (!statement) return statement.error();
    std::map<std::int64_t, JournalPosition> out;
    auto row = statement->step();
    for (; row && *row; row = statement->step())
        out[statement->integer(0)] = static_cast<JournalPosition>(statement->integer(1));
    if (!row) return row.error();
    return out;
}

Status Partition::seal(std::int64_t window_start_ms, JournalPosition covered,
                       const std::vector<NewRow>& rows) {
    auto db = Database::open(file_, kKind, Database::Mode::kWrite);
    if (!db) return db.error();
    std::uint64_t bytes = 0;
    const Status done = db->transaction([&]() -> Status {
        auto insert = db->prepare(
            "INSERT INTO chunk (group_id, window_start_ms, samples, data) VALUES (?1, ?2, ?3, ?4)");
        if (!insert) return insert.error();
        for (const auto& row : rows) {
            insert->bind(1, static_cast<std::int64_t>(row.group))
                .bind(2, window_start_ms)
                .bind(3, static_cast<std::int64_t>(row.samples))
                .bindBlob(4, row.blob);
            if (auto s = insert->run(); !s) return s;
            bytes += row.blob.size();
        }
        auto window = db->prepare(
            "INSERT OR REPLACE INTO sealed_window (window_start_ms, covered_position)"
            " VALUES (?1, ?2)");
        if (!window) return window.error();
        return window->bind(1, window_start_ms).bind(2, static_cast<std::int64_t>(covered)).run();
    });
    if (!done) return done.error().context("sealing into " + file_.string());
    MutexLock lock(mutex_);
    size_.rows += rows.size();
    size_.bytes += bytes;
    return {};
}

Result<std::vector<RowKey>> Partition::collect(Statement& statement) {
    std::vector<RowKey> out;
    auto row = statement.step();
    for (; row && *row; row = statement.step())
        out.push_back({statement.integer(0), statement.integer(1)});
    statement.reset();
    if (!row) return row.error();
    return out;
}

Result<std::vector<RowKey>> Partition::rows(GroupId group, std::int64_t from_ms,
                                            std::int64_t to_ms) const {
    MutexLock lock(mutex_);
    select_rows_->bind(1, static_cast<std::int64_t>(group)).bind(2, from_ms).bind(3, to_ms);
    return collect(*select_rows_);
}

Result<std::vector<RowKey>> Partition::allRows() const {
    MutexLock lock(mutex_);
    auto statement =
        reader_.prepare("SELECT chunk_id, window_start_ms FROM chunk ORDER BY chunk_id");
    if (!statement) return statement.error();
    return collect(*statement);
}

Result<std::string> Partition::blob(std::int64_t row_id) const {
    MutexLock lock(mutex_);
    auto row = select_blob_->bind(1, row_id).step();
    std::string bytes = row && *row ? std::string(select_blob_->blob(0)) : std::string();
    select_blob_->reset();
    if (!row) return row.error();
    if (!*row) return Error(ErrorCode::kNotFound, "no such chunk row");
    return bytes;
}

Result<std::vector<std::string>> Partition::integrityProblems() const {
    MutexLock lock(mutex_);
    auto statement = reader_.prepare("PRAGMA integrity_check(10)");
    if (!statement) return statement.error();
    std::vector<std::string> out;
    auto row = statement->step();
    for (; row && *row; row = statement->step())
        if (statement->text(0) != "ok") out.emplace_back(statement->text(0));
    if (!row) return row.error();
    return out;
}

}  // namespace clusterwatch::store
