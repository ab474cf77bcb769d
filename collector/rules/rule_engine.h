// Evaluates Prometheus rule files and keeps the alerts they raise.
//
// Each group has its interval; `for` and `keep_firing_for` run on the monotonic clock and survive a
// restart (state is kept in the data directory). Alerts are handed to the sink when they start firing,
// stay firing, or are resolved.
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/labels.h"
#include "common/result.h"

namespace clusterwatch::rules {

enum class AlertState { kInactive, kPending, kFiring };

struct Alert {
    Labels labels;       // with alertname, and the rule's own
    Labels annotations;  // templates expanded
    AlertState state = AlertState::kInactive;
    double value = 0;
    std::int64_t active_at_ms = 0;   // pending since
    std::int64_t fired_at_ms = 0;    // 0 until it fires
    std::int64_t resolved_at_ms = 0; // 0 until it is resolved
    std::string fingerprint;         // 16 hex digits of the labels
};

struct RuleStatus {
    std::string group, file, name, expression, type;  // type: "alerting" or "recording"
    Labels labels, annotations;
    Milliseconds hold{0}, keep_firing{0};
    std::string health;      // "ok", "err", "unknown"
    std::string last_error;
    std::int64_t last_evaluation_ms = 0;
    double evaluation_seconds = 0;
    std::vector<Alert> alerts;
};

struct GroupStatus {
    std::string name, file;
    Milliseconds interval{0};
    std::vector<RuleStatus> rules;
};

}  // namespace clusterwatch::rules
