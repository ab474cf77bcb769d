// Prometheus's remote write, version 1, written by hand: the one protocol by which Prometheus and
// VictoriaMetrics take the same samples as our collector does, so that they can be compared.
// Source: prometheus.io/docs/specs/prw/remote_write_spec, prompb/types.proto.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/labels.h"

namespace clusterwatch::bench {

// The snappy-compressed body of one request: each series with one sample at `t_ms`.
// REQUIRES: as many values as series; each label set has a __name__.
std::string remoteWriteBody(const std::vector<Labels>& series, const std::vector<double>& values,
                            std::int64_t t_ms);

}  // namespace clusterwatch::bench
