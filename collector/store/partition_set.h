// The partitions of a data directory by time, and a cache of their parsed rows.
//
// Thread-safe. A partition that a reader holds stays readable after retention has deleted its file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "collector/store/partition.h"
#include "common/thread_annotations.h"

namespace clusterwatch::store {

using PartitionPtr = std::shared_ptr<Partition>;  // shared: by the set and by running queries
using RowPtr = std::shared_ptr<const ChunkRow>;   // shared: by the cache and by running queries

class PartitionSet {
  public:
    static constexpr std::size_t kCacheBytes = std::size_t{32} << 20;

    PartitionSet(std::filesystem::path directory, std::int64_t length_ms)
        : directory_(std::move(directory)), length_ms_(length_ms) {}

    // Opens what is there. A file that is damaged as a whole is set aside from reading, counted and
    // named in problems(); one that is not ours or newer is an error.
    Status openAll(Database::Mode mode);

    std::vector<PartitionPtr> all() const;
    // Those that may hold samples of the range, oldest first.
    std::vector<PartitionPtr> within(query::TimeRange range) const;
    // The one for the time, made if it is missing.
    Result<PartitionPtr> forTime(std::int64_t t_ms);
    // Deletes those that end at or before the time.
    Status removeBefore(std::int64_t t_ms);

    // A parsed row, from the cache or the file. Null if the row is damaged, which is counted once.
    Result<RowPtr> row(const PartitionPtr& partition, std::int64_t row_id);

    PartitionSize size() const;
    std::uint64_t damaged() const;
    std::vector<std::string> problems() const;

  private:
    using Key = std::pair<std::int64_t, std::int64_t>;  // partition's start, row id
    struct Cached {
        Key key;
        RowPtr row;
    };

    void countDamage(Key key, const std::string& what) EXCLUDES_LOCK(mutex_);
    void remember(Key key, RowPtr row) REQUIRES_LOCK(mutex_);

    const std::filesystem::path directory_;
    const std::int64_t length_ms_;
    mutable Mutex mutex_;
    std::map<std::int64_t, PartitionPtr> partitions_ GUARDED_BY(mutex_);
    std::list<Cached> cache_ GUARDED_BY(mutex_);  // most recently used first
    std::map<Key, std::list<Cached>::iterator> cached_ GUARDED_BY(mutex_);
    std::size_t cache_bytes_ GUARDED_BY(mutex_) = 0;
    std::set<Key> damaged_ GUARDED_BY(mutex_);
    std::vector<std::string> problems_ GUARDED_BY(mutex_);
};

}  // namespace clusterwatch::store
