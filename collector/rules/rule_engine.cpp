// See rule_engine.h. One thread evaluates all groups, each when it is due: the queries of a few dozen
// rules take milliseconds, and the engine's timeout bounds a bad one.
#include "collector/rules/rule_engine.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "collector/rules/active_alerts.h"
#include "common/logging.h"

namespace clusterwatch::rules {
namespace {

double seconds(MonotonicTime::duration duration) {
    return std::chrono::duration<double>(duration).count();
}

Labels sources(const std::vector<std::pair<std::string, Template>>& templates) {
    Labels labels;
    for (const auto& [name, text] : templates) labels.set(name, text.source());
    return labels;
}

std::string ruleKey(std::size_t index, const Rule& rule) {
    return fmt::format("{}/{}", index, rule.name);
}

// Whether there is anything new to put on disk. Annotations and values are not: they are taken from
// the next evaluation.
bool sameForStorage(const std::vector<StoredAlert>& a, const std::vector<StoredAlert>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const StoredAlert& x, const StoredAlert& y) {
                          return x.rule == y.rule && x.alert.labels == y.alert.labels &&
                                 x.alert.state == y.alert.state && x.held_ms == y.held_ms &&
                                 x.missing_ms == y.missing_ms;
                      });
}

}  // namespace

// One rule and what it has led to. Used under the group's evaluation lock.
struct EvaluatedRule {
    EvaluatedRule(const Rule& r, std::size_t index) : rule(r), key(ruleKey(index, r)), active(r) {}

    const Rule& rule;
    const std::string key;
    ActiveAlerts active;
    std::set<Labels>
        recorded;  // series written last time: those that vanish get a staleness marker
    std::string health = "unknown";
    std::string last_error;
    std::int64_t last_evaluation_ms = 0;
    double evaluation_seconds = 0;
};

class RuleEngine::Group {
  public:
    Group(RuleGroup group, const query::Engine& engine, const Clock& clock, AlertStateStore* store,
          const RuleHooks& hooks, const query::CancelFlag& cancel, Milliseconds grace)
        : group_(std::move(group)),
          key_(group_.file + ";" + group_.name),
          engine_(engine),
          clock_(clock),
          store_(store),
          hooks_(hooks),
          cancel_(cancel),
          due_(clock.monotonicNow()),
          grace_ends_(clock.monotonicNow() + grace) {
        for (std::size_t i = 0; i < group_.rules.size(); ++i) {
            rules_.push_back(std::make_unique<EvaluatedRule>(group_.rules[i], i));
        }
    }

    void restore(std::span<const StoredAlert> alerts) {
        const MutexLock lock(mutex_);
        for (const StoredAlert& stored : alerts) {
            for (auto& rule : rules_) {
                if (stored.group == key_ && stored.rule == rule->key) {
                    rule->active.restore(stored, clock_.monotonicNow());
                }
            }
        }
    }

    MonotonicTime due() const { return due_; }

    void evaluate() {
        const MonotonicTime begin = clock_.monotonicNow();
        // Missed turns are left out, not caught up with.
        do due_ += group_.interval;
        while (due_ <= begin);
        const std::int64_t wall_ms = toUnixMs(clock_.wallNow());
        query::Vector series;
        std::vector<Alert> changed;
        for (auto& rule : rules_) evaluateRule(*rule, wall_ms, series, changed);
        hand(changed, series);
        const MutexLock lock(mutex_);
        last_evaluation_ms_ = wall_ms;
        evaluation_seconds_ = seconds(clock_.monotonicNow() - begin);
    }

    GroupStatus status() const {
        const MutexLock lock(mutex_);
        GroupStatus status{group_.name,  group_.file,         group_.interval,    {},
                           group_.limit, last_evaluation_ms_, evaluation_seconds_};
        for (const auto& rule : rules_) {
            RuleStatus entry;
            entry.group = group_.name;
            entry.file = group_.file;
            entry.name = rule->rule.name;
            entry.expression = rule->rule.expression;
            entry.type = rule->rule.alerting ? "alerting" : "recording";
            entry.labels = sources(rule->rule.labels);
            entry.annotations = sources(rule->rule.annotations);
            entry.hold = rule->rule.hold;
            entry.keep_firing = rule->rule.keep_firing;
            entry.health = rule->health;
            entry.last_error = rule->last_error.empty() ? problem_ : rule->last_error;
            entry.last_evaluation_ms = rule->last_evaluation_ms;
            entry.evaluation_seconds = rule->evaluation_seconds;
            entry.alerts = rule->active.all();
            status.rules.push_back(std::move(entry));
        }
        return status;
    }

    void setProblem(std::string problem) {
        const MutexLock lock(mutex_);
        problem_ = std::move(problem);
    }

  private:
    void evaluateRule(EvaluatedRule& rule, std::int64_t wall_ms, query::Vector& series,
                      std::vector<Alert>& changed) {
        const MonotonicTime begin = clock_.monotonicNow();
        auto value = engine_.instant(rule.rule.expression, wall_ms, &cancel_);
        const MutexLock lock(mutex_);
        Status status;
        if (!value) {
            status = value.error();
        } else if (rule.rule.alerting) {
            status = takeAlerts(rule, asVector(std::move(*value)), wall_ms, changed);
        } else {
            status = takeRecording(rule, asVector(std::move(*value)), series);
        }
        if (rule.rule.alerting) alertSeries(rule, wall_ms, series);
        rule.health = status ? "ok" : "err";
        rule.last_error = status ? "" : status.error().message();
        rule.last_evaluation_ms = wall_ms;
        rule.evaluation_seconds = seconds(clock_.monotonicNow() - begin);
    }

    static query::Vector asVector(query::Value value) {
        if (auto* vector = std::get_if<query::Vector>(&value)) return std::move(*vector);
        query::Vector one;
        if (const auto* scalar = std::get_if<query::Scalar>(&value)) {
            one.push_back({Labels{}, scalar->sample});
        }
        return one;
    }

    Status takeAlerts(EvaluatedRule& rule, const query::Vector& vector, std::int64_t wall_ms,
                      std::vector<Alert>& changed) REQUIRES_LOCK(mutex_) {
        const MonotonicTime now = clock_.monotonicNow();
        auto outcome = rule.active.update(vector, group_.limit, {wall_ms, now, now < grace_ends_});
        if (!outcome) return outcome.error();
        changed.insert(changed.end(), outcome->changed.begin(), outcome->changed.end());
        unsent_resolved_.insert(unsent_resolved_.end(), outcome->resolved.begin(),
                                outcome->resolved.end());
        return {};
    }

    Status takeRecording(EvaluatedRule& rule, query::Vector vector, query::Vector& series)
        REQUIRES_LOCK(mutex_) {
        if (group_.limit > 0 && vector.size() > static_cast<std::size_t>(group_.limit)) {
            return Error(ErrorCode::kLimit, fmt::format("exceeded limit of {} with {} series",
                                                        group_.limit, vector.size()));
        }
        query::Vector result;
        std::set<Labels> present;
        for (query::VectorElement& element : vector) {
            for (const auto& [name, text] : rule.rule.labels) {
                element.labels.set(name, text.source());
            }
            element.labels.set(kMetricName, rule.rule.name);
            if (!present.insert(element.labels).second) {
                return Error(
                    ErrorCode::kConflict,
                    "vector contains metrics with the same labelset after applying rule labels");
            }
            result.push_back(std::move(element));
        }
        write(rule, std::move(result), series);
        return {};
    }

    void alertSeries(EvaluatedRule& rule, std::int64_t wall_ms, query::Vector& series)
        REQUIRES_LOCK(mutex_) {
        query::Vector result;
        for (const Alert& alert : rule.active.all()) {
            Labels labels = alert.labels;
            labels.set(kMetricName, "ALERTS_FOR_STATE");
            result.push_back({labels, {wall_ms, static_cast<double>(alert.active_at_ms) / 1000}});
            labels.set(kMetricName, "ALERTS");
            labels.set("alertstate", toString(alert.state));
            result.push_back({std::move(labels), {wall_ms, 1}});
        }
        write(rule, std::move(result), series);
    }

    // Adds the samples, and staleness markers for series of the last time that are no more.
    void write(EvaluatedRule& rule, query::Vector result, query::Vector& series)
        REQUIRES_LOCK(mutex_) {
        std::set<Labels> present;
        std::int64_t t_ms = toUnixMs(clock_.wallNow());
        for (query::VectorElement& element : result) {
            present.insert(element.labels);
            t_ms = element.sample.t_ms;
            series.push_back(std::move(element));
        }
        for (const Labels& labels : rule.recorded) {
            if (!present.contains(labels)) series.push_back({labels, {t_ms, staleMarker()}});
        }
        rule.recorded = std::move(present);
    }

    // Notifies, saves, tells: in this order (see the header).
    void hand(const std::vector<Alert>& changed, const query::Vector& series) {
        std::vector<Alert> to_notify;
        std::vector<StoredAlert> to_store;
        {
            const MutexLock lock(mutex_);
            for (const auto& rule : rules_) {
                for (Alert& alert : rule->active.all()) {
                    if (alert.state != AlertState::kFiring) continue;
                    // It fires again before its end could be told: then it has not ended.
                    std::erase_if(unsent_resolved_, [&alert](const Alert& resolved) {
                        return resolved.labels == alert.labels;
                    });
                    to_notify.push_back(std::move(alert));
                }
                for (StoredAlert& stored : rule->active.stored(clock_.monotonicNow())) {
                    stored.group = key_;
                    stored.rule = rule->key;
                    to_store.push_back(std::move(stored));
                }
            }
        }
        std::string problem;
        if (Status status = notify(std::move(to_notify)); !status) {
            problem = status.error().context("queueing notifications").message();
        } else if (status = save(to_store); !status) {
            problem = status.error().context("keeping the alerts' state").message();
        }
        if (hooks_.changed) {
            for (const Alert& alert : changed) hooks_.changed(alert);
        }
        if (hooks_.record && !series.empty()) {
            if (Status status = hooks_.record(series); !status && problem.empty()) {
                problem = status.error().context("writing the rules' series").message();
            }
        }
        if (!problem.empty()) log_.warn(fmt::format("rule group {}: {}", group_.name, problem));
        setProblem(std::move(problem));
    }

    Status notify(std::vector<Alert> alerts) {
        {
            const MutexLock lock(mutex_);
            alerts.insert(alerts.end(), unsent_resolved_.begin(), unsent_resolved_.end());
        }
        if (hooks_.notify && !alerts.empty()) {
            if (Status status = hooks_.notify(alerts); !status) return status;
        }
        const MutexLock lock(mutex_);
        unsent_resolved_.clear();
        return {};
    }

    Status save(std::vector<StoredAlert>& alerts) {
        if (store_ == nullptr || (saved_ && sameForStorage(*saved_, alerts))) return {};
        if (Status status = store_->saveAlerts(key_, alerts); !status) return status;
        saved_ = std::move(alerts);
        return {};
    }

    // Constant after construction.
    const RuleGroup group_;
    const std::string key_;
    const query::Engine& engine_;
    const Clock& clock_;
    AlertStateStore* const store_;
    const RuleHooks& hooks_;
    const query::CancelFlag& cancel_;

    // Of the evaluating thread alone.
    MonotonicTime due_;
    const MonotonicTime grace_ends_;
    std::optional<std::vector<StoredAlert>> saved_;
    RateLimitedLog log_{std::chrono::seconds(60)};

    mutable Mutex mutex_;
    std::vector<std::unique_ptr<EvaluatedRule>> rules_ GUARDED_BY(mutex_);
    std::vector<Alert> unsent_resolved_ GUARDED_BY(mutex_);
    std::string problem_ GUARDED_BY(mutex_);
    std::int64_t last_evaluation_ms_ GUARDED_BY(mutex_) = 0;
    double evaluation_seconds_ GUARDED_BY(mutex_) = 0;
};

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
    for (RuleGroup& group : options.groups) {
        groups_.push_back(std::make_unique<Group>(std::move(group), engine, clock, store, hooks_,
                                                  cancel_, options.restore_grace));
        groups_.back()->restore(stored);
        groups_.back()->setProblem(problem);
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
    for (auto& group : groups_) {
        if (cancel_) break;
        if (group->due() <= clock_.monotonicNow()) group->evaluate();
        next = std::min(next, group->due());
    }
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
