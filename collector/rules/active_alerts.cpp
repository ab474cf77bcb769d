// See active_alerts.h.
#include "collector/rules/active_alerts.h"

#include <utility>

#include <fmt/format.h>

namespace clusterwatch::rules {
namespace {

std::int64_t milliseconds(MonotonicTime::duration duration) {
    return std::chrono::duration_cast<Milliseconds>(duration).count();
}

}  // namespace

Result<std::map<Labels, Alert>> ActiveAlerts::expand(const query::Vector& vector,
                                                     std::int64_t limit) const {
    if (limit > 0 && vector.size() > static_cast<std::size_t>(limit)) {
        return Error(ErrorCode::kLimit,
                     fmt::format("exceeded limit of {} with {} alerts", limit, vector.size()));
    }
    std::map<Labels, Alert> result;
    for (const query::VectorElement& element : vector) {
        Alert alert;
        alert.value = element.sample.value;
        alert.labels = element.labels;
        alert.labels.remove(kMetricName);
        for (const auto& [name, text] : rule_.labels) {
            alert.labels.set(name, text.expand(element.labels, alert.value));
        }
        alert.labels.set("alertname", rule_.name);
        for (const auto& [name, text] : rule_.annotations) {
            alert.annotations.set(name, text.expand(element.labels, alert.value));
        }
        alert.fingerprint = fingerprint(alert.labels);
        Labels key = alert.labels;
        if (!result.emplace(std::move(key), std::move(alert)).second) {
            return Error(
                ErrorCode::kConflict,
                "vector contains metrics with the same labelset after applying alert labels");
        }
    }
    return result;
}

Result<ActiveAlerts::Outcome> ActiveAlerts::update(const query::Vector& vector, std::int64_t limit,
                                                   const Now& now) {
    auto present = expand(vector, limit);
    if (!present) return present.error();
    Outcome outcome;
    for (auto& [labels, seen] : *present) {
        auto [at, is_new] = active_.try_emplace(labels);
        Active& active = at->second;
        if (is_new) {
            active.alert = std::move(seen);
            active.alert.state = AlertState::kPending;
            active.alert.active_at_ms = now.wall_ms;
            active.since = now.monotonic;
        } else {
            active.alert.value = seen.value;
            active.alert.annotations = std::move(seen.annotations);
        }
        active.missing = false;
        active.restored = false;
        const bool fires = active.alert.state == AlertState::kPending &&
                           now.monotonic - active.since >= rule_.hold;
        if (fires) {
            active.alert.state = AlertState::kFiring;
            active.alert.fired_at_ms = now.wall_ms;
        }
        if (is_new || fires) outcome.changed.push_back(active.alert);
    }
    for (auto at = active_.begin(); at != active_.end();) {
        Active& active = at->second;
        if (present->contains(at->first) || keepWithoutData(active, now)) {
            ++at;
            continue;
        }
        const bool fired = active.alert.state == AlertState::kFiring;
        active.alert.state = AlertState::kInactive;
        if (fired) {
            active.alert.resolved_at_ms = now.wall_ms;
            outcome.resolved.push_back(active.alert);
        }
        outcome.changed.push_back(active.alert);
        at = active_.erase(at);
    }
    return outcome;
}

bool ActiveAlerts::keepWithoutData(Active& active, const Now& now) const {
    if (active.restored && now.in_grace) return true;
    if (active.alert.state != AlertState::kFiring || rule_.keep_firing.count() == 0) return false;
    if (!active.missing) {
        active.missing = true;
        active.missing_since = now.monotonic;
    }
    return now.monotonic - active.missing_since < rule_.keep_firing;
}

void ActiveAlerts::restore(const StoredAlert& stored, MonotonicTime now) {
    Active active;
    active.alert = stored.alert;
    active.since = now - Milliseconds(stored.held_ms);
    active.missing = stored.missing_ms >= 0;
    active.missing_since = now - Milliseconds(stored.missing_ms);
    active.restored = true;
    active_.insert_or_assign(stored.alert.labels, std::move(active));
}

std::vector<StoredAlert> ActiveAlerts::stored(MonotonicTime now) const {
    std::vector<StoredAlert> result;
    for (const auto& [labels, active] : active_) {
        StoredAlert stored;
        stored.alert = active.alert;
        // Once it fires, how long it was pending is of no more use; so steady alerts cost no writes.
        stored.held_ms = active.alert.state == AlertState::kFiring
                             ? rule_.hold.count()
                             : milliseconds(now - active.since);
        stored.missing_ms = active.missing ? milliseconds(now - active.missing_since) : -1;
        result.push_back(std::move(stored));
    }
    return result;
}

std::vector<Alert> ActiveAlerts::all() const {
    std::vector<Alert> result;
    for (const auto& [labels, active] : active_) result.push_back(active.alert);
    return result;
}

}  // namespace clusterwatch::rules
