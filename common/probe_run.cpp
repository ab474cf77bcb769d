#include "common/probe_run.h"

#include <algorithm>

namespace clusterwatch {

std::string_view toString(Outcome outcome) {
    switch (outcome) {
        case Outcome::kOk: return "ok";
        case Outcome::kRefused: return "refused";
        case Outcome::kAuthentication: return "authentication";
        case Outcome::kFull: return "full";
        case Outcome::kTimedOutConnecting: return "timed_out_connecting";
        case Outcome::kTimedOut: return "timed_out";
        case Outcome::kParse: return "parse";
        case Outcome::kPermission: return "permission";
        case Outcome::kNotFound: return "not_found";
        case Outcome::kInternal: return "internal";
    }
    return "internal";
}

std::string_view toString(State state) {
    switch (state) {
        case State::kOk: return "ok";
        case State::kWarning: return "warning";
        case State::kCritical: return "critical";
        case State::kUnknown: return "unknown";
    }
    return "unknown";
}

State worse(State a, State b) {
    const auto rank = [](State s) {
        switch (s) {
            case State::kOk: return 0;
            case State::kWarning: return 1;
            case State::kUnknown: return 2;
            case State::kCritical: return 3;
        }
        return 2;
    };
    return rank(a) >= rank(b) ? a : b;
}

MetricFamily& ProbeRun::family(std::string_view name, MetricType type, std::string_view help,
                               std::string_view unit) {
    // A probe fills one family after the other, so the one asked for is nearly always the last.
    const auto found = std::find_if(families.rbegin(), families.rend(),
                                    [&](const MetricFamily& f) { return f.name == name; });
    if (found != families.rend()) return *found;
    families.push_back({std::string(name), {type, std::string(help), std::string(unit)}, {}});
    return families.back();
}

void ProbeRun::gauge(std::string_view name, std::string_view help, double value, Labels labels) {
    family(name, MetricType::kGauge, help).readings.push_back({std::move(labels), value});
}

void ProbeRun::counter(std::string_view name, std::string_view help, double value, Labels labels) {
    family(name, MetricType::kCounter, help).readings.push_back({std::move(labels), value});
}

void ProbeRun::check(std::string_view name, State state, std::string text) {
    checks.push_back({std::string(name), state, std::move(text)});
}

std::size_t ProbeRun::sampleCount() const {
    std::size_t count = 0;
    for (const auto& family : families) count += family.readings.size();
    return count;
}

}  // namespace clusterwatch
