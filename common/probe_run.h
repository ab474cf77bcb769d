// One finished run of one probe: what an agent measures, spools and sends, and what a collector
// stores. Shared by both programs; proto/ converts it to and from the wire.
//
// Missing is absent: a value that could not be read is left out, never 0, and a probe that can't
// see says State::kUnknown, never kOk.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "common/labels.h"
#include "common/metric.h"

namespace clusterwatch {

// What Prometheus calls a target; job and instance are attached to every series of a run.
struct Target {
    std::string job;
    std::string instance;

    friend auto operator<=>(const Target&, const Target&) = default;
};

// How a run ended. Exactly one per run; a metric and a word on the screen.
enum class Outcome : std::uint8_t {
    kOk = 0,
    kRefused,             // the service did not accept the connection
    kAuthentication,      // it did, and refused our credentials
    kFull,                // it is up, but has no room for us ("too many connections")
    kTimedOutConnecting,  // the deadline passed before a connection stood
    kTimedOut,            // the deadline passed after it stood: a hung service
    kParse,               // it answered something we don't understand
    kPermission,          // it answered, but withholds what we asked for
    kNotFound,            // no such page, file, socket, schema
    kInternal,            // a mistake of the agent's own
};
inline constexpr int kOutcomeCount = 10;

enum class State : std::uint8_t { kOk = 0, kWarning = 1, kCritical = 2, kUnknown = 3 };

std::string_view toString(Outcome outcome);  // "ok", "refused", "authentication", "timed_out", ...
std::string_view toString(State state);      // "ok", "warning", "critical", "unknown"

// The worse of two: critical > unknown > warning > ok. Blind outranks a warning.
State worse(State a, State b);

struct Reading {
    Labels labels;  // without __name__, job, instance, node, cluster
    double value = 0;
};

struct MetricFamily {
    std::string name;
    MetricMetadata metadata;
    std::vector<Reading> readings;
};

// One thing a probe judges, with one line of text that a person can act on.
struct CheckResult {
    std::string name;  // "replication", "reachable", "space"
    State state = State::kUnknown;
    std::string text;
};

// Typed text that is no number: a version, a GTID set, a verdict.
struct Fact {
    std::string name;
    std::string value;
};

// The service's own words at the moment a state worsened; bounded, SQL literals masked.
struct Evidence {
    std::string title;  // "SHOW ALL SLAVES STATUS"
    std::string text;
};

struct ProbeRun {
    std::string probe;  // the configured name, unique within an agent
    std::string kind;   // "host", "apache", "mysql", ...
    std::string role;   // "primary", "replica", "web"; may be empty
    Target target;
    WallTime
        time;  // of the readings, on the corrected clock: the run's start (of a slow probe: end)
    Milliseconds duration{0};  // how long the run took
    Milliseconds interval{0};  // when the next one may be expected
    Outcome outcome = Outcome::kInternal;
    std::string message;  // why, where the outcome is not kOk
    std::vector<MetricFamily> families;
    std::vector<CheckResult> checks;
    std::vector<Fact> facts;
    std::vector<Evidence> evidence;

    // The family of that name, made if it is new. The reference is valid until the next call.
    MetricFamily& family(std::string_view name, MetricType type, std::string_view help,
                         std::string_view unit = {});
    void gauge(std::string_view name, std::string_view help, double value, Labels labels = {});
    void counter(std::string_view name, std::string_view help, double value, Labels labels = {});
    void check(std::string_view name, State state, std::string text);
    std::size_t sampleCount() const;
};

}  // namespace clusterwatch
