// Everything shown is worked out from monotonic times of receipt at the moment of asking; what is kept
// is only what was last said, and what was last published, to know when that has changed.
#include "collector/derive/cluster_state.h"

#include <algorithm>
#include <set>

namespace clusterwatch::derive {

std::string_view toString(Freshness freshness) {
    switch (freshness) {
        case Freshness::kFresh: return "fresh";
        case Freshness::kLate: return "late";
        case Freshness::kSilent: return "silent";
        case Freshness::kNever: return "never";
    }
    return "never";
}

State worstState(const ProbeRun& run) {
    if (run.checks.empty()) return run.outcome == Outcome::kOk ? State::kOk : State::kUnknown;
    State worst = run.checks.front().state;
    for (const auto& check : run.checks) worst = worse(worst, check.state);
    return worst;
}

Milliseconds lateAfter(Milliseconds interval, Milliseconds deadline) {
    return interval + deadline + std::chrono::seconds(1);
}

Milliseconds assumedDeadline(Milliseconds interval) {
    return std::min(Milliseconds{std::chrono::seconds(5)}, interval / 2);
}

namespace {

double secondsBetween(MonotonicTime from, MonotonicTime to) {
    return std::chrono::duration<double>(to - from).count();
}

}  // namespace

ClusterState::ClusterState(const Clock& clock, LiveFeed& feed)
    : clock_(clock), feed_(feed), started_(clock.monotonicNow()) {}

bool ClusterState::isSilent(const NodeEntry& node, MonotonicTime now) const {
    return !node.heard || now - *node.heard > kSilentAfter;
}

Freshness ClusterState::freshness(const NodeEntry& node, const TargetEntry& target,
                                  MonotonicTime now) const {
    if (target.status.last_run_ms == 0) return Freshness::kNever;
    if (isSilent(node, now)) return Freshness::kSilent;
    if (!target.received) return Freshness::kLate;
    const auto late = lateAfter(target.status.interval, target.status.deadline);
    return now - *target.received > late ? Freshness::kLate : Freshness::kFresh;
}

TargetStatus ClusterState::view(const NodeEntry& node, const TargetEntry& target,
                                MonotonicTime now) const {
    TargetStatus out = target.status;
    out.freshness = freshness(node, target, now);
    if (target.received) out.age_seconds = secondsBetween(*target.received, now);
    out.state = out.freshness == Freshness::kFresh ? out.last_state : State::kUnknown;
    return out;
}

NodeStatus ClusterState::view(const NodeEntry& node, MonotonicTime now) const {
    NodeStatus out = node.status;
    out.silent = isSilent(node, now);
    if (node.heard) out.age_seconds = secondsBetween(*node.heard, now);
    return out;
}

std::optional<NodeChange> ClusterState::heard(const NodeStatus& word) {
    const MutexLock order(publishing_);
    std::vector<Message> messages;
    std::optional<NodeChange> change;
    {
        const MutexLock lock(mutex_);
        const auto now = clock_.monotonicNow();
        NodeEntry& node = nodes_[word.node];
        if (node.published_silent && (node.heard || node.reported_absent)) {
            change = NodeChange{
                word.node, false,
                node.heard ? secondsBetween(*node.heard, now) : secondsBetween(started_, now)};
        }
        const bool changed = node.published_silent || node.status.conflict != word.conflict ||
                             node.status.version != word.version;
        node.status = word;
        node.status.targets.clear();
        node.status.last_word_ms = toUnixMs(clock_.wallNow());
        node.heard = now;
        node.published_silent = false;
        node.reported_absent = false;
        if (changed) messages.push_back({"node", toJson(view(node, now), false)});
    }
    publish(std::move(messages));
    return change;
}

void ClusterState::scheduled(const std::string& name, const std::vector<TargetStatus>& targets) {
    const MutexLock lock(mutex_);
    NodeEntry& node = nodes_[name];
    std::set<std::string> expected;
    for (const auto& target : targets) {
        expected.insert(target.probe);
        TargetStatus& status = node.targets[target.probe].status;
        status.node = name;
        status.probe = target.probe;
        status.kind = target.kind;
        status.role = target.role;
        status.target = target.target;
        status.interval = target.interval;
        status.deadline = target.deadline;
    }
    std::erase_if(node.targets, [&](const auto& entry) { return !expected.contains(entry.first); });
}

void ClusterState::ran(const std::string& name, const ProbeRun& run, bool in_time) {
    const MutexLock order(publishing_);
    std::vector<Message> messages;
    {
        const MutexLock lock(mutex_);
        const auto now = clock_.monotonicNow();
        NodeEntry& node = nodes_[name];
        TargetEntry& target = node.targets[run.probe];
        TargetStatus& status = target.status;
        const std::int64_t time_ms = toUnixMs(run.time);
        if (!in_time && time_ms <= status.last_run_ms) return;
        const State state = worstState(run);
        if (status.last_run_ms == 0 || state != status.last_state) status.state_since_ms = time_ms;
        status.node = name;
        status.probe = run.probe;
        status.kind = run.kind;
        status.role = run.role;
        status.target = run.target;
        status.interval = run.interval;
        if (status.deadline.count() == 0) status.deadline = assumedDeadline(run.interval);
        status.last_run_ms = time_ms;
        status.outcome = run.outcome;
        status.message = run.message;
        status.last_state = state;
        status.checks = run.checks;
        status.facts = run.facts;
        if (in_time) {
            target.received = now;
            status.last_received_ms = toUnixMs(clock_.wallNow());
        }
        target.published = freshness(node, target, now);
        messages.push_back({"run", toJson(view(node, target, now), name)});
    }
    publish(std::move(messages));
}

void ClusterState::conflict(const std::string& name, const std::string& text) {
    const MutexLock order(publishing_);
    std::vector<Message> messages;
    {
        const MutexLock lock(mutex_);
        const auto it = nodes_.find(name);
        if (it == nodes_.end() || it->second.status.conflict == text) return;
        it->second.status.conflict = text;
        messages.push_back({"node", toJson(view(it->second, clock_.monotonicNow()), false)});
    }
    publish(std::move(messages));
}

void ClusterState::restore(const NodeStatus& known) {
    const MutexLock lock(mutex_);
    NodeEntry& node = nodes_[known.node];
    node.status = known;
    node.status.targets.clear();
    node.status.age_seconds = -1;
    for (const auto& target : known.targets) {
        TargetEntry& entry = node.targets[target.probe];
        entry.status = target;
        entry.status.age_seconds = -1;
        entry.received.reset();
        entry.published = freshness(node, entry, clock_.monotonicNow());
    }
}

void ClusterState::forget(const std::string& node) {
    const MutexLock lock(mutex_);
    nodes_.erase(node);
}

std::vector<NodeChange> ClusterState::tick() {
    const MutexLock order(publishing_);
    std::vector<Message> messages;
    std::vector<NodeChange> changes;
    {
        const MutexLock lock(mutex_);
        const auto now = clock_.monotonicNow();
        const bool starting = now - started_ < kStartGrace;
        for (auto& [name, node] : nodes_) {
            const bool silent = isSilent(node, now);
            if (silent && !node.published_silent) {
                node.published_silent = true;
                const double age = node.heard ? secondsBetween(*node.heard, now) : 0;
                // A node that has spoken since the start is no longer reconnecting.
                changes.push_back({name, true, age});
                messages.push_back({"node", toJson(view(node, now), false)});
            } else if (silent && !node.heard && !starting && !node.reported_absent) {
                node.reported_absent = true;
                changes.push_back({name, true, secondsBetween(started_, now)});
            }
            for (auto& [probe, target] : node.targets) {
                const Freshness current = freshness(node, target, now);
                if (current == target.published) continue;
                target.published = current;
                messages.push_back({"target", toJson(view(node, target, now), name)});
            }
        }
    }
    publish(std::move(messages));
    return changes;
}

std::vector<NodeStatus> ClusterState::nodes() const {
    const MutexLock lock(mutex_);
    const auto now = clock_.monotonicNow();
    std::vector<NodeStatus> out;
    out.reserve(nodes_.size());
    for (const auto& [name, node] : nodes_) {
        out.push_back(view(node, now));
        for (const auto& [probe, target] : node.targets)
            out.back().targets.push_back(view(node, target, now));
    }
    return out;
}

void ClusterState::publish(std::vector<Message> messages) {
    for (auto& message : messages) feed_.publish(std::move(message.type), std::move(message.json));
}

}  // namespace clusterwatch::derive
