// What number stands on a tier's tile, and what the two charts of the Now screen show: one visible
// table from the kind of a tier to a PromQL query whose series models/series.h combines.
#pragma once

#include <optional>

#include "dashboard/models/cluster.h"
#include "dashboard/models/series.h"

namespace clusterwatch::dashboard {

struct TierMetric {
    QString label;  // "replica lag"
    QString unit;   // "s"
    QString query;
    Combine combine = Combine::kSum;
    // Where the drawn range ends at least, so that noise around zero does not look like a storm.
    double least_top = 1;
};

// nullopt: no number is known for that kind of tier yet. `interval_s` is the slowest interval of
// its probes: a rate needs at least two samples in its window.
std::optional<TierMetric> metricOf(const Tier& tier, double interval_s);

// The two charts, in full resolution.
struct ChartMetric {
    QString title, unit, query, job;
    bool by_instance = true;  // a line for each instance, or their sum
    double least_top = 1;
};
ChartMetric replicaLagChart();
ChartMetric requestsChart();

}  // namespace clusterwatch::dashboard
