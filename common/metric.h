// What a metric is, beside its samples: Prometheus's type, HELP and unit.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace clusterwatch {

enum class MetricType { kUnknown, kCounter, kGauge, kHistogram, kSummary, kInfo };

// The words of Prometheus's exposition and metadata API: "unknown", "counter", ...
std::string_view toString(MetricType type);
std::optional<MetricType> parseMetricType(std::string_view text);

struct MetricMetadata {
    MetricType type = MetricType::kUnknown;
    std::string help;
    std::string unit;

    friend bool operator==(const MetricMetadata&, const MetricMetadata&) = default;
};

}  // namespace clusterwatch
