// The least of SQLite that the store needs, with our errors. The only other place that knows SQLite
// is sqlite.cpp; SQL text lives in catalogue.cpp and partition.cpp.
//
// Durability: rollback journal in TRUNCATE mode with synchronous=FULL. A commit that returned
// survives a power cut: database and journal are synced, and the truncation of the journal too. WAL
// was refused: a flipped byte in it silently drops every later commit until the next checkpoint,
// and what it gains (readers beside a writer) matters little to a writer that commits for some
// milliseconds an hour.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace clusterwatch::store {

// Identify our files among SQLite's: PRAGMA application_id and user_version.
struct DatabaseKind {
    std::int32_t application_id = 0;
    std::int32_t version = 0;
    const char* schema = "";  // creates everything
};

class Database;

// A prepared statement. Bound texts and blobs must live until the next reset. Columns are numbered
// from 0; views are valid until the next step. Not thread-safe.
class Statement {
  public:
    Statement& bind(int parameter, std::int64_t value);
    Statement& bindText(int parameter, std::string_view value);
    Statement& bindBlob(int parameter, std::string_view value);

    // True: a row; false: done.
    Result<bool> step();
    // For statements without rows: steps to the end, and makes it ready for the next bindings.
    Status run();
    void reset();

    std::int64_t integer(int column) const;
    std::string_view text(int column) const;
    std::string_view blob(int column) const;

  private:
    friend class Database;
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const;
    };
    std::unique_ptr<sqlite3_stmt, Finalize> statement_;
    int bind_error_ = 0;
};

// A connection. Not thread-safe. An open transaction is rolled back on close.
class Database {
  public:
    enum class Mode { kRead, kWrite };

    // kRead: the file must exist. kWrite: is made if it is missing, whole or not at all.
    // kInvalid: not ours, or of a newer version; the file is not changed.
    static Result<Database> open(const std::filesystem::path& file, const DatabaseKind& kind,
                                 Mode mode);

    Result<Statement> prepare(std::string_view sql);
    Status run(const char* sql);
    // Runs `work` in a transaction; any error rolls it back.
    template <typename Work>
    Status transaction(Work&& work) {
        if (auto s = run("BEGIN IMMEDIATE"); !s) return s;
        Status done = work();
        if (done) done = run("COMMIT");
        if (!done) (void)run("ROLLBACK").ok();
        return done;
    }

  private:
    struct Close {
        void operator()(sqlite3* db) const;
    };
    std::unique_ptr<sqlite3, Close> db_;
};

}  // namespace clusterwatch::store
