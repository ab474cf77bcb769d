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
#include <string_view>
#include <vector>

#include "collector/derive/live_feed.h"
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

// One line of JSON as in docs/formats/http-api.md, "/nodes". A target's carries "node" unless `node` is
// empty; a node's carries "targets" if asked for.
std::string toJson(const TargetStatus& target, std::string_view node);
std::string toJson(const NodeStatus& node, bool with_targets);

// The worst state of a run's checks. A run that failed and judged nothing has not seen that all is
// well: unknown.
State worstState(const ProbeRun& run);

// When a target is late: this long after the receipt of its last run.
Milliseconds lateAfter(Milliseconds interval, Milliseconds deadline);
// The deadline that agents give a probe unless told otherwise; for a run that came before its schedule.
Milliseconds assumedDeadline(Milliseconds interval);

inline constexpr std::chrono::seconds kSilentAfter{5};  // two heartbeats and a second
// After a start nobody is called silent before this: agents are still reconnecting.
inline constexpr std::chrono::seconds kStartGrace{15};

// A node that fell silent or came back, for whoever records events.
struct NodeChange {
    std::string node;
    bool silent = false;
    double silent_seconds = 0;  // how long it has been, or had been
};

class ClusterState {
  public:
    // REQUIRES: both outlive it.
    ClusterState(const Clock& clock, LiveFeed& feed);

    // A word of the agent: a report or a heartbeat. Of `word`, everything but targets, silent and ages
    // is taken. Publishes `node` when it was silent, is new, or its conflict ends; returns the change
    // if it was silent.
    std::optional<NodeChange> heard(const NodeStatus& word);
    // The agent's whole schedule: of each target probe, kind, role, target, interval and deadline are
    // taken; probes that are not in it are forgotten.
    void scheduled(const std::string& node, const std::vector<TargetStatus>& targets);
    // A committed run (families are not looked at). `in_time`: it says how things are now; otherwise
    // it is history, and is shown only if nothing newer is known. Publishes `run`.
    void ran(const std::string& node, const ProbeRun& run, bool in_time);
    // Publishes `node` when the text changes; an empty text ends the conflict.
    void conflict(const std::string& node, const std::string& text);
    // As known before a restart: silent until it speaks.
    void restore(const NodeStatus& node);
    void forget(const std::string& node);

    // Publishes what has changed by time alone. Call it a few times a second: an agent is seen as
    // silent at most one period late.
    std::vector<NodeChange> tick();

    std::vector<NodeStatus> nodes() const;  // ordered by node and probe

  private:
    struct TargetEntry {
        TargetStatus status;  // as last reported; state and ages are worked out when asked for
        std::optional<MonotonicTime> received;
        Freshness published = Freshness::kNever;
    };
    struct NodeEntry {
        NodeStatus status;  // without targets
        std::optional<MonotonicTime> heard;
        bool published_silent = true;
        bool reported_absent = false;  // known from before the start, and has not come back
        std::map<std::string, TargetEntry> targets;  // by probe
    };
    struct Message {
        std::string type, json;
    };

    bool isSilent(const NodeEntry& node, MonotonicTime now) const;
    Freshness freshness(const NodeEntry& node, const TargetEntry& target, MonotonicTime now) const;
    TargetStatus view(const NodeEntry& node, const TargetEntry& target, MonotonicTime now) const;
    NodeStatus view(const NodeEntry& node, MonotonicTime now) const;  // without targets
    void publish(std::vector<Message> messages);

    const Clock& clock_;
    LiveFeed& feed_;
    const MonotonicTime started_;
    // Held from a change until it is published, so that the feed tells changes in their order; taken
    // before mutex_, which is free while publishing.
    Mutex publishing_;
    mutable Mutex mutex_;
    std::map<std::string, NodeEntry> nodes_ GUARDED_BY(mutex_);
};

}  // namespace clusterwatch::derive
