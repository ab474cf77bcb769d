// Prometheus's JSON of its HTTP API, appended to a string without a document in between.
// Source: prometheus.io/docs/prometheus/latest/querying/api, and web/api/v1/json_codec.go for the
// exact form of numbers and time stamps.
//
// Thread-safe: no state.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collector/query/value.h"
#include "common/labels.h"
#include "common/metric.h"
#include "common/result.h"

namespace clusterwatch::query {

// Whole answers.
std::string queryAnswer(const Value& value);  // {"status":"success","data":{"resultType":...}}
std::string errorAnswer(std::string_view error_type, std::string_view message);
std::string errorAnswer(const Error& error);
std::string seriesAnswer(std::span<const Labels> series);
std::string stringsAnswer(std::span<const std::string> values);  // labels, label values
std::string metadataAnswer(std::span<const std::pair<std::string, MetricMetadata>> metadata);

// "bad_data", "timeout", "canceled", "execution", ...; and the HTTP status Prometheus gives it.
std::string_view errorType(ErrorCode code);
int httpStatus(ErrorCode code);

// Parts, for whoever builds an answer of another shape.
void appendJsonString(std::string& out, std::string_view text);  // quoted; not UTF-8 becomes U+FFFD
void appendLabels(std::string& out, const Labels& labels);       // {"a":"b"}
void appendTimestamp(std::string& out, std::int64_t t_ms);       // 1435781430.781
void appendSampleValue(std::string& out, double value);          // "1.5", quoted

}  // namespace clusterwatch::query
