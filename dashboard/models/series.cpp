#include "dashboard/models/series.h"

#include <algorithm>
#include <cmath>

namespace clusterwatch::dashboard {
namespace {

// The values of one time stamp.
struct Cell {
    const Series* series;
    double value;
};

std::optional<double> hitPercent(const std::vector<Cell>& cells) {
    double hits = 0, misses = 0;
    for (const Cell& cell : cells) {
        const QString status = cell.series->label("status");
        if (status == "hit") hits += cell.value;
        if (status == "miss") misses += cell.value;
    }
    if (hits + misses <= 0) return std::nullopt;  // no request: no share of hits
    return 100 * hits / (hits + misses);
}

std::optional<double> freePercent(const std::vector<Cell>& cells) {
    std::map<QString, std::pair<std::optional<double>, std::optional<double>>> by_instance;
    for (const Cell& cell : cells) {
        const QString name = cell.series->label("__name__");
        auto& [free, size] = by_instance[cell.series->label("instance")];
        if (name.contains("avail") || name.contains("free")) free = cell.value;
        if (name.contains("size") || name.contains("total")) size = cell.value;
    }
    std::optional<double> least;
    for (const auto& [instance, pair] : by_instance) {
        const auto& [free, size] = pair;
        if (!free || !size || *size <= 0) continue;
        const double percent = 100 * *free / *size;
        if (!least || percent < *least) least = percent;
    }
    return least;
}

std::optional<double> combine(const std::vector<Cell>& cells, Combine how) {
    if (cells.empty()) return std::nullopt;
    const auto by_value = [](const Cell& a, const Cell& b) { return a.value < b.value; };
    switch (how) {
        case Combine::kSum: {
            double sum = 0;
            for (const Cell& cell : cells) sum += cell.value;
            return sum;
        }
        case Combine::kMax: return std::max_element(cells.begin(), cells.end(), by_value)->value;
        case Combine::kMin: return std::min_element(cells.begin(), cells.end(), by_value)->value;
        case Combine::kHitPercent: return hitPercent(cells);
        case Combine::kFreePercent: return freePercent(cells);
    }
    return std::nullopt;
}

}  // namespace

std::vector<TimePoint> combineSeries(const std::vector<Series>& series,
                                     const std::set<QString>& instances, Combine how) {
    std::map<std::int64_t, std::vector<Cell>> by_time;
    for (const Series& one : series) {
        if (!instances.contains(one.label("instance"))) continue;
        for (const TimePoint& point : one.points)
            if (std::isfinite(point.value)) by_time[point.t_ms].push_back({&one, point.value});
    }
    std::vector<TimePoint> combined;
    combined.reserve(by_time.size());
    for (const auto& [t_ms, cells] : by_time)
        if (const auto value = combine(cells, how)) combined.push_back({t_ms, *value});
    return combined;
}

std::vector<std::vector<TimePoint>> splitAtGaps(const std::vector<TimePoint>& points,
                                                std::int64_t gap_ms) {
    std::vector<std::vector<TimePoint>> segments;
    bool open = false;
    for (const TimePoint& point : points) {
        if (!std::isfinite(point.value)) {
            open = false;
            continue;
        }
        if (open && point.t_ms - segments.back().back().t_ms > gap_ms) open = false;
        if (!open) segments.emplace_back();
        open = true;
        segments.back().push_back(point);
    }
    return segments;
}

std::vector<TimePoint> decimate(const std::vector<TimePoint>& points, std::int64_t from_ms,
                                std::int64_t to_ms, int columns) {
    std::vector<TimePoint> kept;
    if (to_ms <= from_ms || columns <= 0) return kept;
    const double scale = double(columns) / double(to_ms - from_ms);
    const auto column = [&](const TimePoint& p) {
        return std::min<std::int64_t>(columns - 1, std::int64_t(double(p.t_ms - from_ms) * scale));
    };
    const auto inside = [&](const TimePoint& p) { return p.t_ms >= from_ms && p.t_ms <= to_ms; };

    for (std::size_t i = 0; i < points.size();) {
        if (!inside(points[i])) {
            ++i;
            continue;
        }
        std::size_t least = i, greatest = i, end = i;
        for (;
             end < points.size() && inside(points[end]) && column(points[end]) == column(points[i]);
             ++end) {
            if (points[end].value < points[least].value) least = end;
            if (points[end].value > points[greatest].value) greatest = end;
        }
        const std::set<std::size_t> chosen{i, least, greatest, end - 1};
        for (const std::size_t index : chosen) kept.push_back(points[index]);
        i = end;
    }
    return kept;
}

std::int64_t windowFor(std::int64_t span_ms) {
    constexpr std::int64_t kMinute_ms = 60'000;
    for (const std::int64_t minutes : {5, 15})
        if (span_ms <= minutes * kMinute_ms) return minutes * kMinute_ms;
    return 60 * kMinute_ms;
}

}  // namespace clusterwatch::dashboard
