#include "collector/store/partition_set.h"

#include <algorithm>

#include "collector/store/head.h"
#include "common/file_system.h"
#include "common/logging.h"

namespace clusterwatch::store {

namespace {

constexpr std::size_t kMostProblems = 100;
constexpr std::string_view kJournalSuffix = "-journal";  // SQLite's, beside each database
constexpr std::string_view kDamagedSuffix = ".damaged";

}  // namespace

Status PartitionSet::openAll(Database::Mode mode) {
    auto names = posixFileSystem().list(directory_);
    if (!names) {
        if (names.error().code() == ErrorCode::kNotFound) return {};
        return names.error();
    }
    for (const auto& name : *names) {
        if (name.ends_with(kJournalSuffix) || name.ends_with(kDamagedSuffix)) continue;
        const auto start = Partition::parseFileName(name);
        if (!start)
            return Error(ErrorCode::kInvalid,
                         (directory_ / name).string() + " is not a file of clusterwatch's store");
        auto partition = Partition::open(directory_ / name, *start, mode);
        if (!partition) {
            if (partition.error().code() != ErrorCode::kCorrupt) return partition.error();
            countDamage({*start, 0}, partition.error().message());
            continue;
        }
        MutexLock lock(mutex_);
        partitions_[*start] = std::move(*partition);
    }
    return {};
}

std::vector<PartitionPtr> PartitionSet::all() const {
    MutexLock lock(mutex_);
    std::vector<PartitionPtr> out;
    for (const auto& [start, partition] : partitions_) out.push_back(partition);
    return out;
}

std::vector<PartitionPtr> PartitionSet::within(query::TimeRange range) const {
    MutexLock lock(mutex_);
    std::vector<PartitionPtr> out;
    for (const auto& [start, partition] : partitions_)
        if (start <= range.to_ms && start > range.from_ms - length_ms_) out.push_back(partition);
    return out;
}

Result<PartitionPtr> PartitionSet::forTime(std::int64_t t_ms) {
    const std::int64_t start = spanStart(t_ms, length_ms_);
    {
        MutexLock lock(mutex_);
        if (const auto it = partitions_.find(start); it != partitions_.end()) return it->second;
    }
    if (auto s = posixFileSystem().createDirectories(directory_); !s) return s.error();
    const auto file = directory_ / Partition::fileName(start);
    auto made = Partition::open(file, start, Database::Mode::kWrite);
    if (!made && made.error().code() == ErrorCode::kCorrupt) {
        // What is in it can be salvaged by hand; what comes now must have a place.
        const auto aside = file.string() + std::string(kDamagedSuffix);
        if (auto s = posixFileSystem().rename(file, aside); !s) return s.error();
        spdlog::error("{} is damaged and was set aside as {}", file.string(), aside);
        made = Partition::open(file, start, Database::Mode::kWrite);
    }
    if (!made) return made.error();
    MutexLock lock(mutex_);
    return partitions_[start] = std::move(*made);
}

Status PartitionSet::removeBefore(std::int64_t t_ms) {
    std::vector<PartitionPtr> gone;
    {
        MutexLock lock(mutex_);
        while (!partitions_.empty() && partitions_.begin()->first + length_ms_ <= t_ms) {
            gone.push_back(partitions_.begin()->second);
            partitions_.erase(partitions_.begin());
        }
        while (!cache_.empty() && !gone.empty()) {
            const auto stale = std::find_if(cache_.begin(), cache_.end(), [&](const Cached& one) {
                return one.key.first <= gone.back()->start();
            });
            if (stale == cache_.end()) break;
            cache_bytes_ -= stale->row->bytes();
            cached_.erase(stale->key);
            cache_.erase(stale);
        }
    }
    for (const auto& partition : gone) {
        const std::string file = partition->file().string();
        if (auto s = posixFileSystem().remove(file); !s)
            return s.error().context("deleting what is beyond retention");
        (void)posixFileSystem().remove(file + std::string(kJournalSuffix)).ok();
        spdlog::info("deleted {}: beyond retention", file);
    }
    if (gone.empty()) return {};
    return posixFileSystem().syncDirectory(directory_);
}

void PartitionSet::countDamage(Key key, const std::string& what) {
    MutexLock lock(mutex_);
    if (!damaged_.insert(key).second) return;
    const std::string where = (directory_ / Partition::fileName(key.first)).string() + ", row " +
                              std::to_string(key.second);
    if (problems_.size() < kMostProblems) problems_.push_back(where + ": " + what);
    spdlog::error("{}: {}", where, what);
}

Result<RowPtr> PartitionSet::row(const PartitionPtr& partition, std::int64_t row_id) {
    const Key key{partition->start(), row_id};
    {
        MutexLock lock(mutex_);
        if (damaged_.contains(key)) return RowPtr();
        if (const auto it = cached_.find(key); it != cached_.end()) {
            cache_.splice(cache_.begin(), cache_, it->second);
            return it->second->row;
        }
    }
    auto blob = partition->blob(row_id);
    if (!blob) {
        if (blob.error().code() != ErrorCode::kCorrupt) return blob.error();
        countDamage(key, blob.error().message());
        return RowPtr();
    }
    auto parsed = ChunkRow::parse(std::move(*blob));
    if (!parsed) {
        countDamage(key, parsed.error().message());
        return RowPtr();
    }
    auto row = std::make_shared<const ChunkRow>(std::move(*parsed));
    MutexLock lock(mutex_);
    remember(key, row);
    return row;
}

void PartitionSet::remember(Key key, RowPtr row) {
    if (row->bytes() > kCacheBytes / 8 || cached_.contains(key)) return;
    cache_bytes_ += row->bytes();
    cache_.push_front({key, std::move(row)});
    cached_[key] = cache_.begin();
    while (cache_bytes_ > kCacheBytes) {
        cache_bytes_ -= cache_.back().row->bytes();
        cached_.erase(cache_.back().key);
        cache_.pop_back();
    }
}

PartitionSize PartitionSet::size() const {
    PartitionSize total;
    for (const auto& partition : all()) {
        const auto size = partition->size();
        total.rows += size.rows;
        total.bytes += size.bytes;
    }
    return total;
}

std::uint64_t PartitionSet::damaged() const {
    MutexLock lock(mutex_);
    return damaged_.size();
}

std::vector<std::string> PartitionSet::problems() const {
    MutexLock lock(mutex_);
    return problems_;
}

}  // namespace clusterwatch::store
