#include "dashboard/models/cluster_model.h"

#include <algorithm>

namespace clusterwatch::dashboard {
namespace {

TargetId idOf(const TargetReport& target) {
    return {target.node, target.probe, target.job, target.instance};
}

}  // namespace

void ClusterModel::applySnapshot(const Snapshot& snapshot, MonotonicTime heard) {
    has_snapshot_ = true;
    storage_ = snapshot.storage;
    std::map<QString, Heard<NodeReport>> nodes;
    std::map<TargetId, Heard<TargetReport>> targets;
    for (const NodeReport& node : snapshot.nodes) {
        NodeReport own = node;
        own.targets.clear();
        nodes[node.node] = {std::move(own), heard, 0};
        for (const TargetReport& target : node.targets)
            if (targets.size() < kTargets) targets[idOf(target)] = {target, heard, 0};
    }
    for (const auto& [name, known] : nodes_)
        if (known.event_id > snapshot.live_id) nodes[name] = known;
    for (const auto& [id, known] : targets_)
        if (known.event_id > snapshot.live_id) targets[id] = known;
    nodes_ = std::move(nodes);
    targets_ = std::move(targets);
}

void ClusterModel::applyTarget(const TargetReport& target, std::uint64_t event_id,
                               MonotonicTime heard) {
    const TargetId id = idOf(target);
    if (!targets_.contains(id) && targets_.size() >= kTargets) return;
    targets_[id] = {target, heard, event_id};
}

void ClusterModel::applyNode(const NodeReport& node, std::uint64_t event_id, MonotonicTime heard) {
    if (!nodes_.contains(node.node) && nodes_.size() >= kTargets) return;
    NodeReport own = node;
    own.targets.clear();
    nodes_[node.node] = {std::move(own), heard, event_id};
}

void ClusterModel::applyAlert(const Alert& alert) {
    const auto same = std::find_if(alerts_.begin(), alerts_.end(),
                                   [&](const Alert& a) { return a.labels == alert.labels; });
    if (alert.state == "inactive") {
        if (same != alerts_.end()) alerts_.erase(same);
    } else if (same != alerts_.end()) {
        *same = alert;
    } else if (alerts_.size() < kAlerts) {
        alerts_.push_back(alert);
    }
}

void ClusterModel::setAlerts(std::vector<Alert> alerts) {
    std::erase_if(alerts, [](const Alert& alert) { return alert.state == "inactive"; });
    if (alerts.size() > kAlerts) alerts.resize(kAlerts);
    alerts_ = std::move(alerts);
}

void ClusterModel::forgetEventIds() {
    for (auto& [name, node] : nodes_) node.event_id = 0;
    for (auto& [id, target] : targets_) target.event_id = 0;
}

double ClusterModel::nodeAge(const Heard<NodeReport>& node, MonotonicTime now) const {
    double age = agedBy(node.report.age_s, node.at, now);
    // A run is a word of the agent too, unless it was back-filled: its receipt tells.
    for (auto it = targets_.lower_bound({node.report.node, {}, {}, {}});
         it != targets_.end() && it->first.node == node.report.node; ++it) {
        const double run_age = agedBy(it->second.report.age_s, it->second.at, now);
        if (run_age >= 0 && (age < 0 || run_age < age)) age = run_age;
    }
    return age;
}

std::vector<JudgedNode> ClusterModel::nodes(MonotonicTime now) const {
    std::vector<JudgedNode> judged;
    for (const auto& [name, node] : nodes_) {
        const double age = nodeAge(node, now);
        judged.push_back({&node.report, age, agentSilent(node.report, age)});
    }
    return judged;
}

std::vector<JudgedTarget> ClusterModel::targets(MonotonicTime now) const {
    std::map<QString, bool> silent;
    for (const JudgedNode& node : nodes(now)) silent[node.report->node] = node.silent;
    std::vector<JudgedTarget> judged;
    judged.reserve(targets_.size());
    for (const auto& [id, target] : targets_) {
        // A node that only a live event has named yet is not silent: it has just spoken.
        const auto it = silent.find(id.node);
        const bool agent_silent = it != silent.end() && it->second;
        judged.push_back({&target.report, judge(target.report, target.at, agent_silent, now)});
    }
    return judged;
}

}  // namespace clusterwatch::dashboard
