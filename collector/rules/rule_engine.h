// Evaluates Prometheus rule files and keeps the alerts they raise.
//
// Each group has its interval; `for` and `keep_firing_for` run on the monotonic clock and survive a
// restart: the alerts are kept through an AlertStateStore, and time that the collector was down counts
// neither for nor against an alert. An evaluation that fails keeps every alert as it was and shows in
// the rule's health: a page is never resolved because nobody could look. A rule that takes too long fails,
// so that it blinds no other; turns that were missed are counted.
//
// Alerts belong to a rule by its file, group and name. One that fires and whose rule is taken out is
// resolved at once: nothing could ever say so later.
//
// After a restart a restored alert is not resolved by an empty answer until `restore_grace` has passed:
// the agents may not have reported yet.
//
// Order of one evaluation: new states -> notify (which queues on disk) -> save. A crash in between
// repeats a notification, which the notifier knows to be a repetition; it never loses one.
//
// Alerts become series as in Prometheus: ALERTS{alertstate=...} and ALERTS_FOR_STATE, through `record`.
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "collector/query/engine.h"
#include "collector/rules/rule_file.h"
#include "common/clock.h"
#include "common/labels.h"
#include "common/result.h"
#include "common/thread_annotations.h"

namespace clusterwatch::rules {

enum class AlertState { kInactive, kPending, kFiring };

struct Alert {
    Labels labels;       // with alertname, and the rule's own
    Labels annotations;  // templates expanded
    AlertState state = AlertState::kInactive;
    double value = 0;
    std::int64_t active_at_ms = 0;    // pending since
    std::int64_t fired_at_ms = 0;     // 0 until it fires
    std::int64_t resolved_at_ms = 0;  // 0 until it is resolved
    std::string fingerprint;          // 16 hex digits of the labels
};

struct RuleStatus {
    std::string group, file, name, expression, type;  // type: "alerting" or "recording"
    Labels labels, annotations;                       // as written, templates not expanded
    Milliseconds hold{0}, keep_firing{0};
    std::string health;  // "ok", "err", "unknown"
    std::string last_error;
    std::int64_t last_evaluation_ms = 0;
    double evaluation_seconds = 0;
    std::vector<Alert> alerts;
};

struct GroupStatus {
    std::string name, file;
    Milliseconds interval{0};
    std::vector<RuleStatus> rules;
    std::int64_t limit = 0;
    std::int64_t last_evaluation_ms = 0;
    double evaluation_seconds = 0;
    std::uint64_t missed =
        0;  // turns left out since the start, because an evaluation took too long
    std::uint64_t failures = 0;  // evaluations of a rule that ended in an error, since the start
};

// An active alert as kept over a restart.
struct StoredAlert {
    std::string group;  // file and group
    std::string rule;   // "<name>/<how many of that name stand before it in the group>"
    Alert alert;
    std::int64_t held_ms = 0;      // how long it has been active, on the monotonic clock
    std::int64_t missing_ms = -1;  // how long its expression has been empty; -1: it is not
};

// Thread-safe. The implementation is alerts/notification_queue.h; tests use one in memory.
class AlertStateStore {
  public:
    virtual ~AlertStateStore() = default;
    virtual Result<std::vector<StoredAlert>> loadAlerts() = 0;
    // Replaces what is kept of this group; on disk when it returns.
    virtual Status saveAlerts(const std::string& group, std::span<const StoredAlert> alerts) = 0;
};

// All are called on the evaluating thread, without a lock held; each may be empty.
struct RuleHooks {
    // An alert became pending, fires, was resolved, or stopped being pending (state kInactive).
    std::function<void(const Alert&)> changed;
    // After each evaluation of a group: its firing alerts, and those resolved by this evaluation. Must
    // have queued them on disk when it returns; after an error the same are handed over again.
    std::function<Status(std::span<const Alert>)> notify;
    // Results of recording rules, ALERTS and ALERTS_FOR_STATE, staleness markers included.
    std::function<Status(const query::Vector&)> record;
};

struct RuleEngineOptions {
    std::vector<RuleGroup> groups;
    Milliseconds restore_grace{std::chrono::seconds(60)};
};

class GroupEvaluation;

class RuleEngine {
  public:
    // Reads the stored alerts; an error of the store is logged and shown as lastError of each rule.
    // REQUIRES: all references outlive the engine. `store` may be null.
    RuleEngine(const query::Engine& engine, const Clock& clock, AlertStateStore* store,
               RuleHooks hooks, RuleEngineOptions options);
    ~RuleEngine();
    RuleEngine(const RuleEngine&) = delete;
    RuleEngine& operator=(const RuleEngine&) = delete;

    // Evaluates on its own thread until stop() or destruction. stop() cancels a running query.
    void start();
    void stop();

    // Evaluates the groups that are due now, and returns when the next one will be. What start()'s
    // thread calls; tests call it themselves.
    MonotonicTime evaluateDue();

    std::vector<GroupStatus> groups() const;
    std::vector<Alert> alerts() const;  // pending and firing

  private:
    const Clock& clock_;
    const RuleHooks hooks_;
    query::CancelFlag cancel_{false};
    // Constant after construction; each locks itself.
    std::vector<std::unique_ptr<GroupEvaluation>> groups_;
    // No longer in the files, with alerts that are to be resolved. Of the evaluating thread alone.
    std::vector<std::unique_ptr<GroupEvaluation>> gone_;
    std::jthread thread_;
};

std::string_view toString(AlertState state);  // "inactive", "pending", "firing"

// FNV-1a over names and values, as Alertmanager's fingerprints (prometheus/common,
// model/signature.go), in 16 hex digits. Stable for storage.
std::string fingerprint(const Labels& labels);

}  // namespace clusterwatch::rules
