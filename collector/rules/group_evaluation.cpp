// See group_evaluation.h.
#include "collector/rules/group_evaluation.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "collector/rules/active_alerts.h"

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

query::Vector asVector(query::Value value) {
    if (auto* vector = std::get_if<query::Vector>(&value)) return std::move(*vector);
    query::Vector one;
    if (const auto* scalar = std::get_if<query::Scalar>(&value)) {
        one.push_back({Labels{}, scalar->sample});
    }
    return one;
}

// ALERTS_FOR_STATE and ALERTS, as Prometheus writes them.
query::Vector seriesOf(const Alert& alert, std::int64_t wall_ms) {
    query::Vector result;
    Labels labels = alert.labels;
    labels.set(kMetricName, "ALERTS_FOR_STATE");
    result.push_back({labels, {wall_ms, static_cast<double>(alert.active_at_ms) / 1000}});
    labels.set(kMetricName, "ALERTS");
    labels.set("alertstate", toString(alert.state));
    result.push_back({std::move(labels), {wall_ms, 1}});
    return result;
}

}  // namespace

// One rule and what it has led to. Used under the group's evaluation lock.
struct EvaluatedRule {
    EvaluatedRule(const Rule& r, std::string k) : rule(r), key(std::move(k)), active(r) {}

    const Rule& rule;
    const std::string key;  // its name and how many of that name stand before it
    ActiveAlerts active;
    std::set<Labels> recorded;  // written last time: what vanishes gets a staleness marker
    std::string health = "unknown";
    std::string last_error;
    std::int64_t last_evaluation_ms = 0;
    double evaluation_seconds = 0;
};

GroupEvaluation::GroupEvaluation(RuleGroup group, const Parts& parts, const Options& options)
    : group_(std::move(group)),
      key_(group_.file + ";" + group_.name),
      engine_(parts.engine),
      clock_(parts.clock),
      store_(parts.store),
      hooks_(parts.hooks),
      cancel_(parts.cancel),
      options_(options),
      due_(clock_.monotonicNow()),
      grace_ends_(clock_.monotonicNow() + options.restore_grace) {
    std::map<std::string, int> of_name;
    for (const Rule& rule : group_.rules) {
        rules_.push_back(std::make_unique<EvaluatedRule>(
            rule, fmt::format("{}/{}", rule.name, of_name[rule.name]++)));
    }
}

GroupEvaluation::~GroupEvaluation() = default;

void GroupEvaluation::restore(std::span<const StoredAlert> alerts) {
    const MutexLock lock(mutex_);
    for (const StoredAlert& stored : alerts) {
        if (stored.group != key_) continue;
        const auto rule = std::find_if(rules_.begin(), rules_.end(), [&stored](const auto& own) {
            return own->key == stored.rule;
        });
        if (rule != rules_.end()) {
            (*rule)->active.restore(stored, clock_.monotonicNow());
        } else if (stored.alert.state == AlertState::kFiring) {
            ended_.push_back(stored.alert);
        }
    }
}

void GroupEvaluation::evaluate() {
    const MonotonicTime begin = clock_.monotonicNow();
    // Missed turns are counted and left out, not caught up with.
    const auto missed = (begin - due_) / group_.interval;
    due_ += (missed + 1) * group_.interval;
    const std::int64_t wall_ms = toUnixMs(clock_.wallNow());
    query::Vector series;
    std::vector<Alert> changed;
    endAlertsWithoutRule(wall_ms, series, changed);
    for (auto& rule : rules_) {
        evaluateRule(*rule, wall_ms, begin + options_.budget, series, changed);
    }
    hand(changed, series);
    const MutexLock lock(mutex_);
    missed_ += static_cast<std::uint64_t>(missed);
    last_evaluation_ms_ = wall_ms;
    evaluation_seconds_ = seconds(clock_.monotonicNow() - begin);
}

// Their rules were taken out of the file: nothing will ever say that they are over, so it is said now.
void GroupEvaluation::endAlertsWithoutRule(std::int64_t wall_ms, query::Vector& series,
                                           std::vector<Alert>& changed) {
    const MutexLock lock(mutex_);
    for (Alert& alert : ended_) {
        for (query::VectorElement& element : seriesOf(alert, wall_ms)) {
            series.push_back({std::move(element.labels), {wall_ms, staleMarker()}});
        }
        alert.state = AlertState::kInactive;
        alert.resolved_at_ms = wall_ms;
        changed.push_back(alert);
        unsent_resolved_.push_back(std::move(alert));
    }
    ended_.clear();
}

GroupStatus GroupEvaluation::status() const {
    const MutexLock lock(mutex_);
    GroupStatus status{group_.name,  group_.file,         group_.interval,     {},
                       group_.limit, last_evaluation_ms_, evaluation_seconds_, missed_,
                       failures_};
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

void GroupEvaluation::setProblem(std::string problem) {
    const MutexLock lock(mutex_);
    problem_ = std::move(problem);
}

void GroupEvaluation::evaluateRule(EvaluatedRule& rule, std::int64_t wall_ms, MonotonicTime ends,
                                   query::Vector& series, std::vector<Alert>& changed) {
    const MonotonicTime begin = clock_.monotonicNow();
    // Half of what is left: a rule that takes for ever leaves time for all the others.
    const auto left = std::chrono::duration_cast<Milliseconds>(ends - begin);
    auto value = engine_.instant(rule.rule.expression, wall_ms, &cancel_, left / 2);
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
    if (!status) ++failures_;
    rule.health = status ? "ok" : "err";
    rule.last_error = status ? "" : status.error().message();
    rule.last_evaluation_ms = wall_ms;
    rule.evaluation_seconds = seconds(clock_.monotonicNow() - begin);
}

Status GroupEvaluation::takeAlerts(EvaluatedRule& rule, const query::Vector& vector,
                                   std::int64_t wall_ms, std::vector<Alert>& changed) {
    const MonotonicTime now = clock_.monotonicNow();
    auto outcome = rule.active.update(vector, group_.limit, {wall_ms, now, now < grace_ends_});
    if (!outcome) return outcome.error();
    changed.insert(changed.end(), outcome->changed.begin(), outcome->changed.end());
    unsent_resolved_.insert(unsent_resolved_.end(), outcome->resolved.begin(),
                            outcome->resolved.end());
    return {};
}

Status GroupEvaluation::takeRecording(EvaluatedRule& rule, query::Vector vector,
                                      query::Vector& series) {
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

void GroupEvaluation::alertSeries(EvaluatedRule& rule, std::int64_t wall_ms,
                                  query::Vector& series) {
    query::Vector result;
    for (const Alert& alert : rule.active.all()) {
        for (query::VectorElement& element : seriesOf(alert, wall_ms)) {
            result.push_back(std::move(element));
        }
    }
    write(rule, std::move(result), series);
}

// Adds the samples, and staleness markers for series of the last time that are no more.
void GroupEvaluation::write(EvaluatedRule& rule, query::Vector result, query::Vector& series) {
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
void GroupEvaluation::hand(const std::vector<Alert>& changed, const query::Vector& series) {
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
    settled_ = problem.empty();
    setProblem(std::move(problem));
}

Status GroupEvaluation::notify(std::vector<Alert> alerts) {
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

Status GroupEvaluation::save(std::vector<StoredAlert>& alerts) {
    if (store_ == nullptr || (saved_ && sameForStorage(*saved_, alerts))) return {};
    if (Status status = store_->saveAlerts(key_, alerts); !status) return status;
    saved_ = std::move(alerts);
    return {};
}

}  // namespace clusterwatch::rules
