// See alert_labels.h.
#include "collector/alerts/alert_labels.h"

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "collector/query/prometheus_json.h"

namespace clusterwatch::alerts {

std::string labelsText(const Labels& labels) {
    std::string out;
    query::appendLabels(out, labels);
    return out;
}

Result<Labels> labelsOf(const std::string& text) {
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object()) return Error(ErrorCode::kCorrupt, "alerts.db: a label set is damaged");
    std::vector<Labels::Pair> pairs;
    for (const auto& [name, value] : json.items()) {
        if (!value.is_string()) return Error(ErrorCode::kCorrupt, "alerts.db: a label is damaged");
        pairs.emplace_back(name, value.get<std::string>());
    }
    return Labels(std::move(pairs));
}

}  // namespace clusterwatch::alerts
