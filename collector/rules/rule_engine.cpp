// See rule_engine.h. One thread evaluates all groups, each when it is due: the queries of a few dozen
// rules take milliseconds, and a bad one may use no more than half of the shortest interval.
#include "collector/rules/rule_engine.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "collector/rules/group_evaluation.h"
#include "common/logging.h"

namespace clusterwatch::rules {
namespace {

constexpr Milliseconds kMostBudget = limits::kQueryTimeout;

// Stands for a group that is no longer in the files, until its alerts are resolved.
RuleGroup goneGroup(const std::string& key) {
    RuleGroup group;
    const std::size_t separator = std::min(key.rfind(';'), key.size());
    group.file = key.substr(0, separator);
    group.name = key.substr(std::min(separator + 1, key.size()));
    group.interval = Milliseconds{10'000};
    return group;
}

}  // namespace

RuleEngine::RuleEngine(const query::Engine& engine, const Clock& clock, AlertStateStore* store,
                       RuleHooks hooks, RuleEngineOptions options)
    : clock_(clock), hooks_(std::move(hooks)) {
    std::vector<StoredAlert> stored;
    std::string problem;
    if (store != nullptr) {
        if (auto loaded = store->loadAlerts()) {
            stored = std::move(*loaded);
        } else {
            problem = loaded.error().context("reading the alerts of the last run").message();
            spdlog::error("{}", problem);
        }
    }
    Milliseconds budget = kMostBudget;
    for (const RuleGroup& group : options.groups) budget = std::min(budget, group.interval);
    const auto add = [&](RuleGroup group, auto& to) {
        to.push_back(std::make_unique<GroupEvaluation>(
            std::move(group), GroupEvaluation::Parts{engine, clock, store, hooks_, cancel_},
            GroupEvaluation::Options{options.restore_grace, budget}));
        to.back()->restore(stored);
        to.back()->setProblem(problem);
        return to.back()->key();
    };
    std::set<std::string> known;
    for (RuleGroup& group : options.groups) known.insert(add(std::move(group), groups_));
    for (const StoredAlert& alert : stored) {
        if (known.contains(alert.group)) continue;
        known.insert(add(goneGroup(alert.group), gone_));
    }
}

RuleEngine::~RuleEngine() { stop(); }

void RuleEngine::start() {
    thread_ = std::jthread([this](std::stop_token stop) {
        while (sleepUntil(evaluateDue(), stop)) {
        }
    });
}

void RuleEngine::stop() {
    cancel_ = true;
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
}

MonotonicTime RuleEngine::evaluateDue() {
    MonotonicTime next = clock_.monotonicNow() + std::chrono::hours(1);
    for (auto* groups : {&groups_, &gone_}) {
        for (auto& group : *groups) {
            if (cancel_) break;
            if (group->due() <= clock_.monotonicNow()) group->evaluate();
            next = std::min(next, group->due());
        }
    }
    std::erase_if(gone_, [](const auto& group) { return group->settled(); });
    return next;
}

std::vector<GroupStatus> RuleEngine::groups() const {
    std::vector<GroupStatus> result;
    for (const auto& group : groups_) result.push_back(group->status());
    return result;
}

std::vector<Alert> RuleEngine::alerts() const {
    std::vector<Alert> result;
    for (const auto& group : groups_) {
        for (RuleStatus& rule : group->status().rules) {
            std::move(rule.alerts.begin(), rule.alerts.end(), std::back_inserter(result));
        }
    }
    return result;
}

std::string_view toString(AlertState state) {
    switch (state) {
        case AlertState::kInactive: return "inactive";
        case AlertState::kPending: return "pending";
        case AlertState::kFiring: return "firing";
    }
    return "inactive";
}

std::string fingerprint(const Labels& labels) {
    std::uint64_t hash = 14695981039346656037ULL;
    const auto add = [&hash](std::string_view bytes) {
        for (char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
        hash = (hash ^ 255) * 1099511628211ULL;
    };
    for (const auto& [name, value] : labels.pairs()) {
        add(name);
        add(value);
    }
    return fmt::format("{:016x}", hash);
}

}  // namespace clusterwatch::rules
