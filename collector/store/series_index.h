// From labels to series: every series' labels and group, and for each label value the ordered list
// of series that carry it.
//
// Ids are dense, so a series is an index into a vector, and since ids only grow, posting lists grow
// at their ends and stay sorted. Series are never forgotten while the process runs.
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "collector/query/matcher.h"
#include "collector/store/catalogue.h"
#include "collector/store/store.h"
#include "common/labels.h"
#include "common/result.h"
#include "common/thread_annotations.h"

namespace clusterwatch::store {

class SeriesIndex {
  public:
    explicit SeriesIndex(std::size_t max_series) : max_series_(max_series) {}

    // The series' id, made if it is new; kLimit beyond max_series.
    Result<SeriesId> findOrAdd(const Labels& labels, std::string_view group);
    // A series as stored. One that is known already is left as it is; false if the id belongs to
    // another label set or the labels to another id (damaged bytes).
    bool restore(SeriesId id, const Labels& labels, GroupId group);
    // False likewise.
    bool restoreGroup(GroupId id, std::string_view name);
    GroupId findOrAddGroup(std::string_view name);

    // REQUIRES: a known id, here and below. Labels live as long as the index and do not change.
    const Labels& labels(SeriesId id) const;
    GroupId group(SeriesId id) const;
    std::string groupName(GroupId id) const;
    bool known(SeriesId id) const;
    std::size_t size() const;
    std::size_t groupCount() const;

    // Series that match all matchers, by id.
    std::vector<SeriesId> select(std::span<const query::Matcher> matchers) const;

  private:
    using Postings = std::vector<SeriesId>;
    using Values = std::map<std::string, Postings, std::less<>>;
    struct Series {
        Labels labels;
        GroupId group = 0;
    };

    void add(SeriesId id, const Labels& labels, GroupId group) REQUIRES_LOCK(mutex_);
    GroupId groupOf(std::string_view name) REQUIRES_LOCK(mutex_);
    // Series with a value of this label for which `wanted` holds of the matcher.
    Postings having(const query::Matcher& matcher, bool wanted) const REQUIRES_LOCK(mutex_);
    Postings all() const REQUIRES_LOCK(mutex_);

    const std::size_t max_series_;
    mutable Mutex mutex_;
    // By id - 1; null where a damaged journal left a hole. Pointers stay valid as the vector grows.
    std::vector<std::unique_ptr<const Series>> series_ GUARDED_BY(mutex_);
    std::unordered_multimap<std::uint64_t, SeriesId> by_hash_ GUARDED_BY(mutex_);
    std::map<std::string, Values, std::less<>> postings_ GUARDED_BY(mutex_);
    std::vector<std::string> groups_ GUARDED_BY(mutex_);  // by id - 1
    std::map<std::string, GroupId, std::less<>> group_ids_ GUARDED_BY(mutex_);
};

}  // namespace clusterwatch::store
