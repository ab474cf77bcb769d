#include "collector/store/sqlite.h"

#include <sqlite3.h>
#include <unistd.h>

namespace clusterwatch::store {

namespace {

// Another connection of ours holds the file for one commit or one read, so this is never reached
// but where an operator's shell sits on a lock.
constexpr int kBusyTimeoutMs = 5000;

Error errorOf(sqlite3* db, int code, std::string_view doing) {
    ErrorCode ours = ErrorCode::kIo;
    switch (code & 0xff) {
        case SQLITE_FULL: ours = ErrorCode::kFull; break;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB: ours = ErrorCode::kCorrupt; break;
        case SQLITE_BUSY:
        case SQLITE_LOCKED: ours = ErrorCode::kUnavailable; break;
        case SQLITE_PERM:
        case SQLITE_READONLY:
        case SQLITE_AUTH: ours = ErrorCode::kPermission; break;
        case SQLITE_CANTOPEN: ours = ErrorCode::kIo; break;
        default: break;
    }
    std::string message(doing);
    message += ": ";
    message += db ? sqlite3_errmsg(db) : sqlite3_errstr(code);
    return {ours, std::move(message)};
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
void Database::Close::operator()(sqlite3* db) const { sqlite3_close_v2(db); }

Statement& Statement::bind(int parameter, std::int64_t value) {
    bind_error_ |= sqlite3_bind_int64(statement_.get(), parameter, value);
    return *this;
}

Statement& Statement::bindText(int parameter, std::string_view value) {
    // An empty view may be null, which SQLite would take for NULL.
    const char* data = value.empty() ? "" : value.data();
    bind_error_ |= sqlite3_bind_text64(statement_.get(), parameter, data, value.size(),
                                       SQLITE_STATIC, SQLITE_UTF8);
    return *this;
}

Statement& Statement::bindBlob(int parameter, std::string_view value) {
    const char* data = value.empty() ? "" : value.data();
    bind_error_ |=
        sqlite3_bind_blob64(statement_.get(), parameter, data, value.size(), SQLITE_STATIC);
    return *this;
}

Result<bool> Statement::step() {
    sqlite3* db = sqlite3_db_handle(statement_.get());
    if (bind_error_ != SQLITE_OK) return errorOf(db, bind_error_, "binding a parameter");
    const int code = sqlite3_step(statement_.get());
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return errorOf(db, code, sqlite3_sql(statement_.get()));
}

Status Statement::run() {
    auto more = step();
    while (more && *more) more = step();
    reset();
    if (!more) return more.error();
    return {};
}

void Statement::reset() {
    sqlite3_reset(statement_.get());
    sqlite3_clear_bindings(statement_.get());
    bind_error_ = SQLITE_OK;
}

std::int64_t Statement::integer(int column) const {
    return sqlite3_column_int64(statement_.get(), column);
}

std::string_view Statement::text(int column) const { return blob(column); }

std::string_view Statement::blob(int column) const {
    const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
    const int size = sqlite3_column_bytes(statement_.get(), column);
    return data ? std::string_view(data, static_cast<std::size_t>(size)) : std::string_view();
}

Result<Statement> Database::prepare(std::string_view sql) {
    sqlite3_stmt* raw = nullptr;
    const int code =
        sqlite3_prepare_v2(db_.get(), sql.data(), static_cast<int>(sql.size()), &raw, nullptr);
    Statement statement;
    statement.statement_.reset(raw);
    if (code != SQLITE_OK) return errorOf(db_.get(), code, sql);
    return statement;
}

Status Database::run(const char* sql) {
    const int code = sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return errorOf(db_.get(), code, sql);
    return {};
}

namespace {

Result<std::int64_t> pragma(Database& db, const char* sql) {
    auto statement = db.prepare(sql);
    if (!statement) return statement.error();
    auto row = statement->step();
    if (!row) return row.error();
    return *row ? statement->integer(0) : 0;
}

// An empty file is what a crash before the first commit leaves; it is ours to fill.
Result<bool> isOurs(Database& db, const DatabaseKind& kind, const std::string& name) {
    auto id = pragma(db, "PRAGMA application_id");
    if (!id) return id.error();
    auto version = pragma(db, "PRAGMA user_version");
    if (!version) return version.error();
    auto objects = pragma(db, "SELECT count(*) FROM sqlite_master");
    if (!objects) return objects.error();
    if (*id == 0 && *version == 0 && *objects == 0) return false;
    if (*id != kind.application_id)
        return Error(ErrorCode::kInvalid, name + " is not a file of clusterwatch's store");
    if (*version > kind.version)
        return Error(ErrorCode::kInvalid, name + " was written by a newer version (its format is " +
                                              std::to_string(*version) + ", this program knows " +
                                              std::to_string(kind.version) + ")");
    return true;
}

Status makeSchema(Database& db, const DatabaseKind& kind) {
    return db.transaction([&]() -> Status {
        if (auto s = db.run(kind.schema); !s) return s;
        const std::string identity =
            "PRAGMA application_id=" + std::to_string(kind.application_id) +
            "; PRAGMA user_version=" + std::to_string(kind.version);
        return db.run(identity.c_str());
    });
}

}  // namespace

Result<Database> Database::open(const std::filesystem::path& file, const DatabaseKind& kind,
                                Mode mode) {
    const std::string name = file.string();
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    flags |=
        mode == Mode::kRead ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    sqlite3* raw = nullptr;
    const int code = sqlite3_open_v2(name.c_str(), &raw, flags, nullptr);
    Database db;
    db.db_.reset(raw);
    if (code != SQLITE_OK) return errorOf(raw, code, "opening " + name);
    sqlite3_busy_timeout(raw, kBusyTimeoutMs);

    auto ours = isOurs(db, kind, name);
    if (!ours) return ours.error().context("opening " + name);
    if (mode == Mode::kRead) {
        if (!*ours) return Error(ErrorCode::kNotFound, name + " is empty");
        return db;
    }
    // The whole transaction stays in the cache until it commits, so that readers are shut out only
    // then.
    const Status set = db.run(
        "PRAGMA journal_mode=TRUNCATE; PRAGMA synchronous=FULL; PRAGMA cache_spill=OFF;"
        "PRAGMA foreign_keys=OFF;");
    if (!set) return set.error().context("opening " + name);
    if (!*ours)
        if (auto s = makeSchema(db, kind); !s) return s.error().context("making " + name);
    return db;
}

}  // namespace clusterwatch::store
