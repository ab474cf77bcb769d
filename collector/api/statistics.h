// The figures that store and ingest keep, as metric families for /metrics.
#pragma once

#include <vector>

#include <prometheus/metric_family.h>

#include "collector/derive/cluster_state.h"
#include "collector/ingest/ingest.h"
#include "collector/store/store.h"

namespace clusterwatch::api {

std::vector<prometheus::MetricFamily> storeFamilies(const store::StoreStatistics& statistics);
std::vector<prometheus::MetricFamily> ingestFamilies(const ingest::IngestStatistics& statistics);
// How many agents and targets there are in each condition.
std::vector<prometheus::MetricFamily> clusterFamilies(const std::vector<derive::NodeStatus>& nodes);

// This process, under the names of Prometheus's client libraries; what can't be read is left out.
std::vector<prometheus::MetricFamily> processFamilies();

}  // namespace clusterwatch::api
