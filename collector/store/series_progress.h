// What the store knows of each series beside its labels: the extent of its samples, and whether its
// definition is durable (in a synced record or in the catalogue).
//
// Thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "collector/query/series_source.h"
#include "collector/store/chunk_row.h"
#include "collector/store/store.h"
#include "common/check.h"
#include "common/thread_annotations.h"

namespace clusterwatch::store {

class SeriesProgress {
  public:
    static constexpr query::TimeRange kNoSamples{INT64_MAX, INT64_MIN};

    // From the catalogue.
    void restore(SeriesId id, query::TimeRange extent) {
        MutexLock lock(mutex_);
        State& state = at(id);
        state = {extent, true, true, false};
    }

    void addSamples(const std::vector<Column>& columns) {
        MutexLock lock(mutex_);
        for (const auto& column : columns)
            for (const SeriesId id : column.series) {
                auto& extent = at(id).extent;
                if (column.t_ms < extent.from_ms) extent.from_ms = column.t_ms;
                if (column.t_ms > extent.to_ms) extent.to_ms = column.t_ms;
            }
    }

    // Ids of the columns whose definitions are not durable, each once, in order.
    std::vector<SeriesId> undefined(const std::vector<Column>& columns) const {
        MutexLock lock(mutex_);
        std::vector<SeriesId> out;
        for (const auto& column : columns)
            for (const SeriesId id : column.series)
                if (id > states_.size() || !states_[id - 1].durable) out.push_back(id);
        std::sort(out.begin(), out.end());
        out.erase(std::unique(out.begin(), out.end()), out.end());
        return out;
    }

    void setDurable(std::span<const SeriesId> ids) {
        MutexLock lock(mutex_);
        for (const SeriesId id : ids) at(id).durable = true;
    }

    // Their samples are no longer in the journal for long, so their extents must be in the
    // catalogue.
    void setSealed(const std::vector<SeriesSamples>& sealed) {
        MutexLock lock(mutex_);
        for (const auto& one : sealed) at(one.id).sealed = true;
    }

    // Of ids up to `last`: those whose catalogue row is missing or old.
    std::vector<SeriesId> unsaved(SeriesId last) {
        MutexLock lock(mutex_);
        if (states_.size() < last) states_.resize(last);
        std::vector<SeriesId> out;
        for (SeriesId id = 1; id <= last; ++id)
            if (!states_[id - 1].saved || states_[id - 1].sealed) out.push_back(id);
        return out;
    }
    // REQUIRES: nothing was sealed since unsaved(); one thread maintains.
    void setSaved(std::span<const SeriesId> ids) {
        MutexLock lock(mutex_);
        for (const SeriesId id : ids) {
            State& state = at(id);
            state.durable = state.saved = true;
            state.sealed = false;
        }
    }

    query::TimeRange extent(SeriesId id) const {
        MutexLock lock(mutex_);
        return id <= states_.size() ? states_[id - 1].extent : kNoSamples;
    }

    // Keeps of `ids` those with samples in the range, as far as the extents tell.
    std::vector<SeriesId> within(std::vector<SeriesId> ids, query::TimeRange range) const {
        MutexLock lock(mutex_);
        std::erase_if(ids, [&](SeriesId id) REQUIRES_LOCK(mutex_) {
            if (id > states_.size()) return true;
            const auto& extent = states_[id - 1].extent;
            return extent.from_ms > range.to_ms || extent.to_ms < range.from_ms;
        });
        return ids;
    }

    std::int64_t newest() const {
        MutexLock lock(mutex_);
        std::int64_t newest = INT64_MIN;
        for (const auto& state : states_) newest = std::max(newest, state.extent.to_ms);
        return newest;
    }

  private:
    struct State {
        query::TimeRange extent = kNoSamples;
        bool durable = false;
        bool saved = false;
        bool sealed = false;
    };

    State& at(SeriesId id) REQUIRES_LOCK(mutex_) {
        CHECK(id >= 1);
        if (id > states_.size()) states_.resize(id);
        return states_[id - 1];
    }

    mutable Mutex mutex_;
    std::vector<State> states_ GUARDED_BY(mutex_);  // by id - 1
};

}  // namespace clusterwatch::store
