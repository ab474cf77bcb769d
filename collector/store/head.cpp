#include "collector/store/head.h"

#include <algorithm>

namespace clusterwatch::store {

namespace {

bool earlier(const Sample& sample, std::int64_t t_ms) { return sample.t_ms < t_ms; }

}  // namespace

void Head::add(const std::vector<Column>& columns, JournalPosition position) {
    MutexLock lock(mutex_);
    for (const auto& column : columns) {
        if (column.series.empty()) continue;
        const auto [window, added] =
            windows_.try_emplace(spanStart(column.t_ms, window_ms_), position);
        if (!added) window->second = std::min(window->second, position);
        for (std::size_t i = 0; i < column.series.size(); ++i)
            addOne(column.series[i], {column.t_ms, column.values[i]});
    }
}

void Head::addOne(SeriesId id, Sample sample) {
    if (id > series_.size()) series_.resize(id);
    auto& samples = series_[id - 1];
    if (samples.empty() || samples.back().t_ms < sample.t_ms) {
        samples.push_back(sample);
        ++samples_;
        return;
    }
    const auto at = std::lower_bound(samples.begin(), samples.end(), sample.t_ms, earlier);
    if (at->t_ms == sample.t_ms) {
        at->value = sample.value;
        return;
    }
    samples.insert(at, sample);
    ++samples_;
}

void Head::read(SeriesId id, query::TimeRange range, std::vector<Sample>& out) const {
    MutexLock lock(mutex_);
    if (id == 0 || id > series_.size()) return;
    const auto& samples = series_[id - 1];
    auto at = std::lower_bound(samples.begin(), samples.end(), range.from_ms, earlier);
    for (; at != samples.end() && at->t_ms <= range.to_ms; ++at) out.push_back(*at);
}

std::vector<WindowInfo> Head::windows() const {
    MutexLock lock(mutex_);
    std::vector<WindowInfo> out;
    for (const auto& [start, position] : windows_) out.push_back({start, position});
    return out;
}

std::vector<SeriesSamples> Head::copyWindow(std::int64_t start_ms) const {
    MutexLock lock(mutex_);
    std::vector<SeriesSamples> out;
    for (std::size_t i = 0; i < series_.size(); ++i) {
        const auto& samples = series_[i];
        const auto from = std::lower_bound(samples.begin(), samples.end(), start_ms, earlier);
        const auto to = std::lower_bound(from, samples.end(), start_ms + window_ms_, earlier);
        if (from != to) out.push_back({i + 1, std::vector<Sample>(from, to)});
    }
    return out;
}

void Head::drop(std::int64_t start_ms, const std::vector<SeriesSamples>& copied,
                JournalPosition copied_at) {
    MutexLock lock(mutex_);
    for (const auto& one : copied) {
        auto& samples = series_[one.id - 1];
        const auto begin = std::lower_bound(samples.begin(), samples.end(), start_ms, earlier);
        const auto end = std::lower_bound(begin, samples.end(), start_ms + window_ms_, earlier);
        auto sealed = one.samples.begin();
        auto kept = std::remove_if(begin, end, [&](const Sample& s) {
            while (sealed != one.samples.end() && sealed->t_ms < s.t_ms) ++sealed;
            return sealed != one.samples.end() && sealed->t_ms == s.t_ms &&
                   sameBits(sealed->value, s.value);
        });
        samples_ -= static_cast<std::uint64_t>(end - kept);
        samples.erase(kept, end);
        if (samples.capacity() > 2 * samples.size() + 64) samples.shrink_to_fit();
    }
    // Whatever the window still holds came after the copy.
    const auto rest = std::any_of(series_.begin(), series_.end(), [&](const auto& samples) {
        const auto at = std::lower_bound(samples.begin(), samples.end(), start_ms, earlier);
        return at != samples.end() && at->t_ms < start_ms + window_ms_;
    });
    if (rest)
        windows_[start_ms] = copied_at;
    else
        windows_.erase(start_ms);
}

std::uint64_t Head::samples() const {
    MutexLock lock(mutex_);
    return samples_;
}

std::optional<JournalPosition> Head::firstNeeded() const {
    MutexLock lock(mutex_);
    std::optional<JournalPosition> least;
    for (const auto& [start, position] : windows_)
        least = std::min(least.value_or(position), position);
    return least;
}

}  // namespace clusterwatch::store
