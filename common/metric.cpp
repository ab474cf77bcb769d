#include "common/metric.h"

#include <array>
#include <utility>

namespace clusterwatch {

namespace {

constexpr std::array<std::pair<MetricType, std::string_view>, 6> kNames{{
    {MetricType::kUnknown, "unknown"},
    {MetricType::kCounter, "counter"},
    {MetricType::kGauge, "gauge"},
    {MetricType::kHistogram, "histogram"},
    {MetricType::kSummary, "summary"},
    {MetricType::kInfo, "info"},
}};

}  // namespace

std::string_view toString(MetricType type) {
    for (const auto& [value, name] : kNames)
        if (value == type) return name;
    return "unknown";
}

std::optional<MetricType> parseMetricType(std::string_view text) {
    for (const auto& [value, name] : kNames)
        if (name == text) return value;
    return std::nullopt;
}

}  // namespace clusterwatch
