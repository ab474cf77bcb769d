// The one interface through which everything that reads sees stored series. The query engine knows
// this and nothing of the journal, the head or SQLite; tests implement it over vectors.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "collector/query/matcher.h"
#include "common/labels.h"
#include "common/metric.h"
#include "common/result.h"
#include "common/sample.h"

namespace clusterwatch::query {

// Milliseconds UTC, both ends included.
struct TimeRange {
    std::int64_t from_ms = 0;
    std::int64_t to_ms = 0;
};

// Set by whoever started a query when nobody waits for its answer any more (client gone, deadline,
// shutdown). Checked between blocks.
using CancelFlag = std::atomic<bool>;

// Samples of one series within the selected range: strictly rising time stamps, staleness markers
// included. Not thread-safe.
class SampleIterator {
  public:
    virtual ~SampleIterator() = default;
    // The next block, empty at the end. Valid until the next call. An error ends the iteration.
    virtual Result<std::span<const Sample>> next() = 0;
};

// One selected series. Samples are read when asked for, so selecting many series is cheap.
class SelectedSeries {
  public:
    virtual ~SelectedSeries() = default;
    virtual const Labels& labels() const = 0;  // lives as long as this object
    // May be called more than once; each iterator starts at the range's beginning and must not
    // outlive this object.
    virtual std::unique_ptr<SampleIterator> samples() const = 0;
};

// Thread-safe.
class SeriesSource {
  public:
    virtual ~SeriesSource() = default;

    // Series that match all matchers and may have samples in the range, ordered by labels.
    // A series may turn out to have none.
    virtual Result<std::vector<std::unique_ptr<SelectedSeries>>> select(
        std::span<const Matcher> matchers, TimeRange range, const CancelFlag* cancel) const = 0;

    // Label sets of such series, without touching samples; ordered. No matchers: every series.
    virtual Result<std::vector<Labels>> series(std::span<const Matcher> matchers,
                                               TimeRange range) const = 0;
    virtual Result<std::vector<std::string>> labelNames(std::span<const Matcher> matchers,
                                                        TimeRange range) const = 0;
    virtual Result<std::vector<std::string>> labelValues(const std::string& name,
                                                         std::span<const Matcher> matchers,
                                                         TimeRange range) const = 0;
    // Of each metric name; ordered by name. An empty `metric` means all.
    virtual std::vector<std::pair<std::string, MetricMetadata>> metadata(
        const std::string& metric, std::size_t limit) const = 0;
};

}  // namespace clusterwatch::query
