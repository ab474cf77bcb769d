// When the collector judged a target (a group) silent. Readers see a staleness marker in each of
// its series at those times, unless a sample stands there.
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "collector/query/series_source.h"
#include "collector/store/catalogue.h"
#include "common/thread_annotations.h"

namespace clusterwatch::store {

class SilenceMarks {
  public:
    void add(GroupId group, std::int64_t t_ms) {
        MutexLock lock(mutex_);
        marks_[group].insert(t_ms);
    }

    void remove(GroupId group, query::TimeRange range) {
        MutexLock lock(mutex_);
        const auto it = marks_.find(group);
        if (it == marks_.end()) return;
        it->second.erase(it->second.lower_bound(range.from_ms),
                         it->second.upper_bound(range.to_ms));
        if (it->second.empty()) marks_.erase(it);
    }

    std::vector<std::int64_t> within(GroupId group, query::TimeRange range) const {
        MutexLock lock(mutex_);
        const auto it = marks_.find(group);
        if (it == marks_.end()) return {};
        return {it->second.lower_bound(range.from_ms), it->second.upper_bound(range.to_ms)};
    }

    // All of them from this time on; older ones are forgotten.
    std::vector<SilenceMark> takeFrom(std::int64_t from_ms) {
        MutexLock lock(mutex_);
        std::vector<SilenceMark> out;
        for (auto& [group, times] : marks_) {
            times.erase(times.begin(), times.lower_bound(from_ms));
            for (const std::int64_t t_ms : times) out.push_back({group, t_ms});
        }
        return out;
    }

  private:
    mutable Mutex mutex_;
    std::map<GroupId, std::set<std::int64_t>> marks_ GUARDED_BY(mutex_);
};

}  // namespace clusterwatch::store
