// The collector's JSON to plain values. Pure functions; unknown fields are ignored, so that a
// dashboard of version N works with a collector of N-1 and N+1; a field of the wrong type reads as
// absent. Only a document that is not the expected kind at all is an error.
#pragma once

#include <QByteArray>

#include "common/result.h"
#include "dashboard/models/cluster.h"
#include "dashboard/models/series.h"

namespace clusterwatch::dashboard {

Result<Topology> decodeTopology(const QByteArray& json);
Result<Snapshot> decodeNodes(const QByteArray& json);
Result<std::vector<Alert>> decodeAlerts(const QByteArray& json);

// The data of live events.
Result<TargetReport> decodeTargetEvent(const QByteArray& json);
Result<NodeReport> decodeNodeEvent(const QByteArray& json);
Result<Alert> decodeAlertEvent(const QByteArray& json);
Result<StorageHealth> decodeStorageEvent(const QByteArray& json);

// Answers of /api/v1/query (vector) and /api/v1/query_range (matrix): an instant sample is a series
// of one point. NaN is left out: it says nothing. Prometheus's error answers become an Error.
Result<std::vector<Series>> decodeQuery(const QByteArray& json);

}  // namespace clusterwatch::dashboard
