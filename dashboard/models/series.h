// Time series as the screens use them, and the arithmetic that the client does itself because the
// collector's first PromQL has no aggregation: joining the series of a tier's members into one.
#pragma once

#include <QString>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace clusterwatch::dashboard {

struct TimePoint {
    std::int64_t t_ms = 0;
    double value = 0;

    friend bool operator==(const TimePoint&, const TimePoint&) = default;
};

struct Series {
    std::map<QString, QString> labels;
    std::vector<TimePoint> points;  // in rising order of time

    QString label(const QString& name) const {
        const auto it = labels.find(name);
        return it == labels.end() ? QString() : it->second;
    }
};

// How the values of several series become one number.
enum class Combine {
    kSum,
    kMax,
    kMin,
    kHitPercent,  // 100 * hits / (hits + misses), by the label `status`
    kFreePercent,  // the least of 100 * (metric ending in free or avail) / (metric ending in size), by instance
};

// One value a time stamp, over the series whose `instance` is among `instances`. A time stamp
// at which nothing can be said has no point: absent is never 0.
std::vector<TimePoint> combineSeries(const std::vector<Series>& series,
                                     const std::set<QString>& instances, Combine how);

// Cuts where two neighbours are more than `gap_ms` apart or a value is not finite. No segment is empty.
std::vector<std::vector<TimePoint>> splitAtGaps(const std::vector<TimePoint>& points,
                                                std::int64_t gap_ms);

// At most four points for each of `columns` equal slices of [from, to]: first, least, greatest and
// last, so a spike of one sample keeps its true height at any width. Points outside are dropped.
// Rejected: LTTB, which may drop the second of two neighbouring spikes.
std::vector<TimePoint> decimate(const std::vector<TimePoint>& points, std::int64_t from_ms,
                                std::int64_t to_ms, int columns);

// The range that charts show: the least of 5, 15 and 60 min that covers data of that length.
std::int64_t windowFor(std::int64_t span_ms);

}  // namespace clusterwatch::dashboard
