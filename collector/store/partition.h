// One partition: the SQLite file that holds the chunk rows of a day (StoreOptions::partition), and
// with each window the journal position up to which its samples are in them. Retention deletes the
// file.
//
// Thread-safe: readers share one connection under a mutex, the sealer has its own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "collector/store/catalogue.h"
#include "collector/store/chunk_row.h"
#include "collector/store/sqlite.h"
#include "common/journal.h"
#include "common/thread_annotations.h"

namespace clusterwatch::store {

struct RowKey {
    std::int64_t id = 0;  // a later row wins over an earlier one at the same time stamp
    std::int64_t window_start_ms = 0;
};

struct NewRow {
    GroupId group = 0;
    std::uint64_t samples = 0;
    std::string blob;
};

struct PartitionSize {
    std::uint64_t rows = 0, bytes = 0;
};

class Partition {
  public:
    // "00001763769600000.db": the start of its time in Unix ms.
    static std::string fileName(std::int64_t start_ms);
    static std::optional<std::int64_t> parseFileName(std::string_view name);

    static Result<std::unique_ptr<Partition>> open(std::filesystem::path file,
                                                   std::int64_t start_ms, Database::Mode mode);

    std::int64_t start() const { return start_ms_; }
    const std::filesystem::path& file() const { return file_; }
    PartitionSize size() const EXCLUDES_LOCK(mutex_);

    // The covered position of each sealed window.
    Result<std::map<std::int64_t, JournalPosition>> windows() const EXCLUDES_LOCK(mutex_);

    // Adds a window's rows and its position in one durable transaction.
    Status seal(std::int64_t window_start_ms, JournalPosition covered,
                const std::vector<NewRow>& rows);

    // Rows of the group whose windows start in [from_ms, to_ms], by window and id.
    Result<std::vector<RowKey>> rows(GroupId group, std::int64_t from_ms, std::int64_t to_ms) const
        EXCLUDES_LOCK(mutex_);
    Result<std::vector<RowKey>> allRows() const EXCLUDES_LOCK(mutex_);
    // kNotFound: no such row. Corrupt bytes are returned as they are; ChunkRow::parse tells.
    Result<std::string> blob(std::int64_t row_id) const EXCLUDES_LOCK(mutex_);
    // What SQLite's own check says; empty if all is well.
    Result<std::vector<std::string>> integrityProblems() const EXCLUDES_LOCK(mutex_);

  private:
    Partition(std::filesystem::path file, std::int64_t start_ms, Database reader)
        : file_(std::move(file)), start_ms_(start_ms), reader_(std::move(reader)) {}

    Status prepareReads() EXCLUDES_LOCK(mutex_);
    static Result<std::vector<RowKey>> collect(Statement& statement);

    const std::filesystem::path file_;
    const std::int64_t start_ms_;
    mutable Mutex mutex_;
    mutable Database reader_ GUARDED_BY(mutex_);
    mutable std::optional<Statement> select_rows_ GUARDED_BY(mutex_);
    mutable std::optional<Statement> select_blob_ GUARDED_BY(mutex_);
    PartitionSize size_ GUARDED_BY(mutex_);
};

}  // namespace clusterwatch::store
