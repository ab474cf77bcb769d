// What is known of the cluster right now: agents, their targets, each target's checks, and how old
// all of that is. Fed by the ingest as runs are committed and by its tick; read by the API.
//
// Freshness is judged on the monotonic time of receipt, never on an agent's clock.
// Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/probe_run.h"
#include "common/thread_annotations.h"

namespace clusterwatch::derive {

enum class Freshness { kFresh, kLate, kSilent, kNever };
// kFresh: the last run arrived within interval + deadline + 1 s. kLate: it did not, but the agent speaks.
// kSilent: the agent itself has said nothing for 5 s (two heartbeats and a second). kNever: no run yet.
std::string_view toString(Freshness freshness);

struct TargetStatus {
    std::string node, probe, kind, role;
    Target target;
    Milliseconds interval{0}, deadline{0};
    Freshness freshness = Freshness::kNever;
    std::int64_t last_run_ms = 0;  // the run's own time; 0: never
    std::int64_t last_received_ms = 0;
    double age_seconds = -1;  // since receipt, monotonic; -1: never
    Outcome outcome = Outcome::kInternal;
    std::string message;
    State state = State::kUnknown;       // worst of the checks; unknown unless fresh
    State last_state = State::kUnknown;  // worst of the checks as last reported
    std::int64_t state_since_ms = 0;
    std::vector<CheckResult> checks;
    std::vector<Fact> facts;
};

struct NodeStatus {
    std::string node, agent_id, version;
    bool silent = true;
    double age_seconds = -1;  // since the agent's last word, monotonic
    std::int64_t last_word_ms = 0;
    double clock_offset_seconds = 0;
    std::uint64_t spool_batches = 0, spool_bytes = 0;
    std::int64_t spool_oldest_ms = 0;
    std::uint64_t dropped_batches = 0, dropped_samples = 0;
    std::string conflict;
    std::vector<TargetStatus> targets;
};

}  // namespace clusterwatch::derive
