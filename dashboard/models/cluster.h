// What the collector says of the cluster: plain values, as decoded from its HTTP API
// (docs/formats/http-api.md) and not yet judged. Missing is absent: an age of -1 means "never",
// a time of 0 "unknown".
#pragma once

#include <QString>
#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

#include "common/probe_run.h"

namespace clusterwatch::dashboard {

// As the collector judged it when it spoke; the dashboard ages it further (models/freshness.h).
enum class Freshness { kFresh, kLate, kSilent, kNever };

struct Check {
    QString name;
    State state = State::kUnknown;
    QString text;

    friend bool operator==(const Check&, const Check&) = default;
};

struct TargetReport {
    QString node, probe, kind, role, job, instance;
    double interval_s = 10;
    double deadline_s = 5;
    Freshness freshness = Freshness::kNever;
    std::int64_t last_run_ms = 0;
    std::int64_t last_received_ms = 0;
    double age_s = -1;
    QString outcome, message;
    State state = State::kUnknown;
    State last_state = State::kUnknown;
    std::int64_t state_since_ms = 0;
    std::vector<Check> checks;
};

struct NodeReport {
    QString node, version;
    bool silent = true;
    double age_s = -1;
    std::int64_t last_word_ms = 0;
    double clock_offset_s = 0;
    QString conflict;
    std::uint64_t spooled_batches = 0;
    std::uint64_t dropped_samples = 0;
    std::vector<TargetReport> targets;
};

struct StorageHealth {
    bool healthy = true;
    QString reason;
};

struct Snapshot {
    std::int64_t now_ms = 0;
    std::uint64_t live_id = 0;
    StorageHealth storage;
    std::vector<NodeReport> nodes;
};

struct Alert {
    std::map<QString, QString> labels;
    QString state;  // "pending", "firing", "inactive"
    QString summary;
    std::int64_t active_since_ms = 0;

    QString label(const QString& name) const {
        const auto it = labels.find(name);
        return it == labels.end() ? QString() : it->second;
    }
};

struct Member {
    QString job, instance;

    friend bool operator==(const Member&, const Member&) = default;
    friend bool operator<(const Member& a, const Member& b) {
        return std::tie(a.job, a.instance) < std::tie(b.job, b.instance);
    }
};

struct Need {
    QString tier;
    QString edge;  // "hard", "soft", "async"
};

struct Tier {
    QString name, title, role;
    std::vector<QString> jobs;
    std::vector<Need> needs;
    std::vector<Member> expected;
};

struct Topology {
    QString cluster, name_space;
    std::vector<Tier> tiers;
};

}  // namespace clusterwatch::dashboard
