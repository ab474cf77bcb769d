// One group of rules: evaluates them in order, hands on what changed, and remembers what must survive a
// restart. Internal to the rule engine.
//
// Each rule may use half of what is left of the budget, so that one which takes for ever leaves time for
// the rules behind it, and the group is done in time for the others. What it could not evaluate keeps
// its alerts as they were, and is counted.
//
// evaluate() belongs to one thread; status() and setProblem() to any.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "collector/query/engine.h"
#include "collector/rules/rule_engine.h"
#include "common/clock.h"
#include "common/logging.h"
#include "common/thread_annotations.h"

namespace clusterwatch::rules {

struct EvaluatedRule;

class GroupEvaluation {
  public:
    // REQUIRES: all outlive the group. `store` may be null.
    struct Parts {
        const query::Engine& engine;
        const Clock& clock;
        AlertStateStore* store;
        const RuleHooks& hooks;
        const query::CancelFlag& cancel;
    };
    struct Options {
        Milliseconds restore_grace{0};
        Milliseconds budget{0};  // for one evaluation of the whole group
    };

    GroupEvaluation(RuleGroup group, const Parts& parts, const Options& options);
    ~GroupEvaluation();
    GroupEvaluation(const GroupEvaluation&) = delete;
    GroupEvaluation& operator=(const GroupEvaluation&) = delete;

    // Takes those of this group. A firing one whose rule is no more is resolved by the first
    // evaluation; a pending one is forgotten.
    void restore(std::span<const StoredAlert> alerts);

    const std::string& key() const { return key_; }
    MonotonicTime due() const { return due_; }
    void evaluate();
    // Whether all that the last evaluation found is handed over and saved.
    bool settled() const { return settled_; }

    GroupStatus status() const;
    void setProblem(std::string problem);

  private:
    void endAlertsWithoutRule(std::int64_t wall_ms, query::Vector& series,
                              std::vector<Alert>& changed) EXCLUDES_LOCK(mutex_);
    void evaluateRule(EvaluatedRule& rule, std::int64_t wall_ms, MonotonicTime ends,
                      query::Vector& series, std::vector<Alert>& changed) EXCLUDES_LOCK(mutex_);
    Status takeAlerts(EvaluatedRule& rule, const query::Vector& vector, std::int64_t wall_ms,
                      std::vector<Alert>& changed) REQUIRES_LOCK(mutex_);
    Status takeRecording(EvaluatedRule& rule, query::Vector vector, query::Vector& series)
        REQUIRES_LOCK(mutex_);
    void alertSeries(EvaluatedRule& rule, std::int64_t wall_ms, query::Vector& series)
        REQUIRES_LOCK(mutex_);
    void write(EvaluatedRule& rule, query::Vector result, query::Vector& series)
        REQUIRES_LOCK(mutex_);
    void hand(const std::vector<Alert>& changed, const query::Vector& series) EXCLUDES_LOCK(mutex_);
    Status notify(std::vector<Alert> alerts) EXCLUDES_LOCK(mutex_);
    Status save(std::vector<StoredAlert>& alerts);

    // Constant after construction.
    const RuleGroup group_;
    const std::string key_;
    const query::Engine& engine_;
    const Clock& clock_;
    AlertStateStore* const store_;
    const RuleHooks& hooks_;
    const query::CancelFlag& cancel_;
    const Options options_;

    // Of the evaluating thread alone.
    MonotonicTime due_;
    const MonotonicTime grace_ends_;
    bool settled_ = false;
    std::optional<std::vector<StoredAlert>> saved_;
    RateLimitedLog log_{std::chrono::seconds(60)};

    mutable Mutex mutex_;
    // The list is constant after construction; what its elements hold is guarded by mutex_.
    std::vector<std::unique_ptr<EvaluatedRule>> rules_;
    std::vector<Alert> ended_ GUARDED_BY(mutex_);  // restored, without a rule
    std::vector<Alert> unsent_resolved_ GUARDED_BY(mutex_);
    std::string problem_ GUARDED_BY(mutex_);
    std::int64_t last_evaluation_ms_ GUARDED_BY(mutex_) = 0;
    double evaluation_seconds_ GUARDED_BY(mutex_) = 0;
    std::uint64_t missed_ GUARDED_BY(mutex_) = 0;
    std::uint64_t failures_ GUARDED_BY(mutex_) = 0;
};

}  // namespace clusterwatch::rules
