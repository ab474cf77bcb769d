// The cluster as last heard of: the newest snapshot with every live event applied, each word with
// the moment it was heard, and how it is judged now.
//
// A snapshot and the live stream overlap, so each word remembers the event that brought it: a
// snapshot taken before that event does not undo it. Not thread-safe; no I/O.
#pragma once

#include <tuple>

#include "dashboard/models/cluster.h"
#include "dashboard/models/freshness.h"

namespace clusterwatch::dashboard {

struct TargetId {
    QString node, probe, job, instance;

    friend bool operator<(const TargetId& a, const TargetId& b) {
        return std::tie(a.node, a.probe, a.job, a.instance) <
               std::tie(b.node, b.probe, b.job, b.instance);
    }
};

// A target as it is judged now.
struct JudgedTarget {
    const TargetReport* report = nullptr;  // valid until the model changes
    Judgement now;
};

struct JudgedNode {
    const NodeReport* report = nullptr;  // valid until the model changes; `targets` is empty
    double age_s = -1;
    bool silent = true;
};

class ClusterModel {
  public:
    // More of either than this is refused: nobody's cluster, or nobody's friend.
    static constexpr std::size_t kTargets = 20'000;
    static constexpr std::size_t kAlerts = 5'000;

    void setTopology(Topology topology) { topology_ = std::move(topology); }
    void applySnapshot(const Snapshot& snapshot, MonotonicTime heard);
    void applyTarget(const TargetReport& target, std::uint64_t event_id, MonotonicTime heard);
    void applyNode(const NodeReport& node, std::uint64_t event_id, MonotonicTime heard);
    void applyAlert(const Alert& alert);
    void setAlerts(std::vector<Alert> alerts);
    void setStorage(StorageHealth storage) { storage_ = std::move(storage); }
    // The collector may have restarted and counts its events from 1 again: the next snapshot wins
    // over everything.
    void forgetEventIds();

    bool hasSnapshot() const { return has_snapshot_; }
    const Topology& topology() const { return topology_; }
    const StorageHealth& storage() const { return storage_; }
    const std::vector<Alert>& alerts() const { return alerts_; }

    std::vector<JudgedTarget> targets(MonotonicTime now) const;
    std::vector<JudgedNode> nodes(MonotonicTime now) const;

  private:
    template <typename Report>
    struct Heard {
        Report report;
        MonotonicTime at;
        std::uint64_t event_id = 0;  // 0: from a snapshot
    };

    double nodeAge(const Heard<NodeReport>& node, MonotonicTime now) const;

    Topology topology_;
    StorageHealth storage_;
    bool has_snapshot_ = false;
    std::map<QString, Heard<NodeReport>> nodes_;
    std::map<TargetId, Heard<TargetReport>> targets_;
    std::vector<Alert> alerts_;
};

}  // namespace clusterwatch::dashboard
