// /api/v1/rules and /api/v1/alerts, as Prometheus answers them, and one alert for the live feed.
// Thread-safe: no state.
#pragma once

#include <span>
#include <string>

#include "collector/rules/rule_engine.h"

namespace clusterwatch::rules {

std::string rulesAnswer(std::span<const GroupStatus> groups);
std::string alertsAnswer(std::span<const Alert> alerts);
std::string alertJson(const Alert& alert);

}  // namespace clusterwatch::rules
