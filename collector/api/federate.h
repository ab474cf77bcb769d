// /federate: the last value of each selected series, as Prometheus's text exposition, for a
// Prometheus that scrapes us.
//
// As Prometheus federates: the value is the newest within the lookback at now; a series whose
// newest sample is a staleness marker is left out; samples carry their time stamps. Two deliberate
// differences: without match[] every series is given (an operator who scrapes us wants them), and
// types and HELP are given where they are known (Prometheus writes untyped). Numbers are the
// shortest that read back the same; prometheus-cpp's writer rounds, so it is not used here. Format:
// prometheus.io/docs/instrumenting/exposition_formats, "Text-based format".
#pragma once

#include <span>
#include <string>
#include <vector>

#include "collector/api/router.h"
#include "collector/query/series_source.h"
#include "common/clock.h"

namespace clusterwatch::api {

inline constexpr Milliseconds kFederateLookback{5 * 60 * 1000};

Reply federate(const query::SeriesSource& source, const Clock& clock, const Request& request);

struct FederatedSample {
    Labels labels;
    Sample sample;
};

// `samples` are ordered by metric name, then labels; `metadata` by name.
std::string exposition(std::span<const FederatedSample> samples,
                       std::span<const std::pair<std::string, MetricMetadata>> metadata);

}  // namespace clusterwatch::api
