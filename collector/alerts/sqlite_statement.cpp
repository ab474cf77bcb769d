// See sqlite_statement.h.
#include "collector/alerts/sqlite_statement.h"

#include <fmt/format.h>

namespace clusterwatch::alerts {

Error databaseError(sqlite3* database, std::string_view doing) {
    const int code = sqlite3_errcode(database) & 0xFF;
    ErrorCode kind = ErrorCode::kIo;
    if (code == SQLITE_FULL) kind = ErrorCode::kFull;
    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) kind = ErrorCode::kCorrupt;
    if (code == SQLITE_BUSY || code == SQLITE_LOCKED) kind = ErrorCode::kUnavailable;
    return {kind, fmt::format("{}: {}", doing, sqlite3_errmsg(database))};
}

Status execute(sqlite3* database, const char* sql) {
    if (sqlite3_exec(database, sql, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
    return databaseError(database, "alerts.db");
}

Statement::Statement(sqlite3* database, const char* sql) : database_(database) {
    result_ = sqlite3_prepare_v2(database, sql, -1, &statement_, nullptr);
}

Statement& Statement::bind(std::int64_t value) {
    if (result_ == SQLITE_OK) result_ = sqlite3_bind_int64(statement_, ++bound_, value);
    return *this;
}

Statement& Statement::bind(double value) {
    if (result_ == SQLITE_OK) result_ = sqlite3_bind_double(statement_, ++bound_, value);
    return *this;
}

Statement& Statement::bind(std::string_view value) {
    if (result_ == SQLITE_OK) {
        result_ = sqlite3_bind_text64(statement_, ++bound_, value.data(), value.size(),
                                      SQLITE_TRANSIENT, SQLITE_UTF8);
    }
    return *this;
}

Result<bool> Statement::row() {
    if (result_ == SQLITE_OK) {
        const int step = sqlite3_step(statement_);
        if (step == SQLITE_ROW) return true;
        if (step == SQLITE_DONE) return false;
    }
    return databaseError(database_, "alerts.db");
}

Status Statement::run() {
    auto more = row();
    while (more && *more) more = row();
    if (!more) return more.error();
    return {};
}

std::string Statement::text(int column) const {
    const auto* bytes = sqlite3_column_text(statement_, column);
    if (bytes == nullptr) return {};
    return std::string(reinterpret_cast<const char*>(bytes),
                       static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
}

}  // namespace clusterwatch::alerts
