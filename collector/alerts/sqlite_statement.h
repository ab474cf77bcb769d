// A prepared statement with bound parameters, and a transaction: the part of SQLite that the queue
// needs.
// Not thread-safe: used under the queue's lock.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <sqlite3.h>

#include "common/result.h"

namespace clusterwatch::alerts {

Error databaseError(sqlite3* database, std::string_view doing);
Status execute(sqlite3* database, const char* sql);

class Statement {
  public:
    // REQUIRES: `sql` is ours, one statement; an error of it shows at the first row().
    Statement(sqlite3* database, const char* sql);
    ~Statement() { sqlite3_finalize(statement_); }
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;

    // Parameters in the order of their question marks.
    Statement& bind(std::int64_t value);
    Statement& bind(double value);
    Statement& bind(std::string_view value);

    // True: a row is there to be read; false: done.
    Result<bool> row();
    Status run();  // for statements without rows

    std::int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
    double real(int column) const { return sqlite3_column_double(statement_, column); }
    std::string text(int column) const;

  private:
    sqlite3* database_;
    sqlite3_stmt* statement_ = nullptr;
    int bound_ = 0;
    int result_ = SQLITE_OK;
};

// Rolls back unless committed.
class Transaction {
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

}  // namespace clusterwatch::alerts
