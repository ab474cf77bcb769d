#include "dashboard/models/problems.h"

#include <QStringList>
#include <algorithm>

#include "dashboard/models/format.h"
#include "dashboard/models/problem_groups.h"

namespace clusterwatch::dashboard {
namespace {

Severity severityOf(const Alert& alert) {
    const QString word = alert.label("severity").toLower();
    return word == "critical" || word == "page" || word == "error" ? Severity::kCritical
                                                                   : Severity::kWarning;
}

const Tier* tierOf(const ClusterModel& model, const std::vector<JudgedTarget>& targets,
                   const Member& member) {
    for (const Tier& tier : model.topology().tiers)
        if (membersOf(tier, targets).contains(member)) return &tier;
    return nullptr;
}

QString titleOf(const Tier* tier, const QString& fallback, const QString& instance) {
    const QString thing = tier ? tier->title : fallback == "node" ? "Host" : fallback;
    return instance.isEmpty() ? thing : thing + ' ' + instance;
}

// True where an alert of at least that severity already speaks for the target.
bool spokenFor(const std::vector<Alert>& alerts, const TargetReport& target, State state) {
    return std::any_of(alerts.begin(), alerts.end(), [&](const Alert& alert) {
        return alert.state == "firing" && alert.label("instance") == target.instance &&
               (alert.label("job").isEmpty() || alert.label("job") == target.job) &&
               (state != State::kCritical || severityOf(alert) == Severity::kCritical);
    });
}

const Check* worstCheck(const TargetReport& target) {
    const Check* worst = nullptr;
    for (const Check& check : target.checks)
        if (check.state != State::kOk &&
            (!worst ||
             (worse(check.state, worst->state) == check.state && check.state != worst->state)))
            worst = &check;
    return worst;
}

// What the agent says of the thing that an alert is about: the text of the check that the alert
// names, else of the worst one.
QString detailOf(const Alert& alert, const std::vector<JudgedTarget>& targets) {
    const JudgedTarget* behind = nullptr;
    for (const JudgedTarget& target : targets) {
        const TargetReport& report = *target.report;
        if (report.instance != alert.label("instance") || report.job != alert.label("job"))
            continue;
        for (const Check& check : report.checks)
            if (check.name == alert.label("check") && check.state != State::kOk) return check.text;
        const bool bad =
            target.now.freshness != Freshness::kFresh || target.now.state != State::kOk;
        if (!bad || (behind && worse(behind->now.state, target.now.state) == behind->now.state))
            continue;
        behind = &target;
    }
    if (!behind) return {};
    return behind->now.freshness == Freshness::kFresh ? faultText(*behind->report)
                                                      : silenceText(*behind);
}

Problem problemOf(const Alert& alert, const Tier* tier, const std::vector<JudgedTarget>& targets) {
    Problem problem;
    problem.key = "alert";
    for (const auto& [name, value] : alert.labels) problem.key += '\x1f' + name + '=' + value;
    problem.severity = severityOf(alert);
    problem.origin = "alert " + alert.state;
    problem.title = titleOf(tier, alert.label("alertname"), alert.label("instance"));
    problem.text = alert.summary.isEmpty() ? alert.label("alertname") : alert.summary;
    problem.tier = tier ? tier->name : QString();
    problem.since_ms = alert.active_since_ms;
    problem.instance = alert.label("instance");
    problem.detail = detailOf(alert, targets);
    return problem;
}

// A check is joined with the same one of other instances; runs that failed, with those of the other
// probes of their instance.
void joinable(Problem& problem, const TargetReport& report, const Tier* tier) {
    const bool failed = report.outcome != "ok" && problem.severity == Severity::kUnknown;
    const Check* check = failed ? nullptr : worstCheck(report);
    const QStringList group{report.job, problem.tier, toWord(problem.severity),
                            check ? "check " + check->name : "runs of " + report.instance};
    problem.group = group.join('\x1f');
    problem.group_title = check ? titleOf(tier, report.job, {}) + ' ' + check->name : problem.title;
    problem.member = check ? report.instance : report.probe;
}

Problem problemOf(const JudgedTarget& target, const Tier* tier, std::int64_t now_ms) {
    const TargetReport& report = *target.report;
    Problem problem;
    problem.key = "target\x1f" + report.node + '\x1f' + report.probe + '\x1f' + report.job +
                  '\x1f' + report.instance;
    problem.title = titleOf(tier, report.job, report.instance);
    problem.tier = tier ? tier->name : QString();
    problem.origin = "check";
    problem.instance = report.instance;
    if (target.now.freshness == Freshness::kFresh) {
        problem.severity = target.now.state == State::kCritical  ? Severity::kCritical
                           : target.now.state == State::kWarning ? Severity::kWarning
                                                                 : Severity::kUnknown;
        problem.text = faultText(report);
        problem.since_ms = report.state_since_ms;
        joinable(problem, report, tier);
    } else {
        problem.severity = Severity::kUnknown;
        problem.text = target.now.freshness == Freshness::kNever
                           ? "probe " + report.probe + " has not run yet"
                           : "probe " + report.probe + " does not deliver";
        if (target.now.age_s >= 0)
            problem.since_ms = now_ms - std::int64_t(target.now.age_s * 1000);
    }
    return problem;
}

Problem problemOf(const JudgedNode& node, int targets, std::int64_t now_ms) {
    Problem problem;
    problem.key = "agent\x1f" + node.report->node;
    problem.severity = Severity::kUnknown;
    problem.origin = "agent";
    problem.title = "Agent " + node.report->node;
    problem.text = targets == 1
                       ? QString("silent; its target's state is not known")
                       : QString("silent; the state of its %1 targets is not known").arg(targets);
    if (node.age_s >= 0) problem.since_ms = now_ms - std::int64_t(node.age_s * 1000);
    return problem;
}

void addExpectedButAbsent(const ClusterModel& model, const std::vector<JudgedTarget>& targets,
                          std::vector<Problem>& problems) {
    std::set<Member> reported;
    for (const JudgedTarget& target : targets)
        reported.insert({target.report->job, target.report->instance});
    for (const Tier& tier : model.topology().tiers)
        for (const Member& member : tier.expected) {
            if (reported.contains(member)) continue;
            problems.push_back({"expected\x1f" + member.job + '\x1f' + member.instance,
                                Severity::kUnknown, "check", titleOf(&tier, {}, member.instance),
                                "expected, but has never reported", tier.name, 0, member.instance});
        }
}

// A silence's start is computed from an age at each call and jitters by milliseconds; whole seconds
// keep a row from changing at each tick.
void roundSince(std::vector<Problem>& problems) {
    for (Problem& problem : problems)
        if (problem.severity == Severity::kUnknown)
            problem.since_ms = (problem.since_ms + 500) / 1000 * 1000;
}

}  // namespace

QString faultText(const TargetReport& target) {
    const Check* worst = worstCheck(target);
    if (worst && !worst->text.isEmpty()) return worst->text;
    if (!target.message.isEmpty()) return target.message;
    if (worst)
        return worst->name + " is " + QString::fromStdString(std::string(toString(worst->state)));
    return "state not known";
}

QString silenceText(const JudgedTarget& target) {
    const QString age = formatAge(target.now.age_s);
    if (target.now.freshness == Freshness::kSilent)
        return target.now.age_s < 0 ? QString("agent silent")
                                    : "agent silent, data " + age + " old";
    return "no run for " + age + ", every " + formatNumber(target.report->interval_s) +
           " s expected";
}

std::vector<Problem> buildProblems(const ClusterModel& model,
                                   const std::vector<JudgedTarget>& targets,
                                   const std::vector<JudgedNode>& nodes, std::int64_t now_ms) {
    std::vector<Problem> problems;
    if (model.hasSnapshot() && !model.storage().healthy)
        problems.push_back(
            {"storage",
             Severity::kCritical,
             "collector",
             "Collector's storage",
             model.storage().reason.isEmpty() ? "does not accept data" : model.storage().reason,
             {},
             0});
    for (const Alert& alert : model.alerts())
        problems.push_back(problemOf(
            alert, tierOf(model, targets, {alert.label("job"), alert.label("instance")}), targets));

    std::map<QString, int> targets_of;
    for (const JudgedTarget& target : targets) ++targets_of[target.report->node];
    std::set<QString> silent;
    for (const JudgedNode& node : nodes) {
        if (!node.report->conflict.isEmpty())
            problems.push_back({"conflict\x1f" + node.report->node,
                                Severity::kCritical,
                                "agent",
                                "Agent " + node.report->node,
                                node.report->conflict,
                                {},
                                0});
        if (!node.silent) continue;
        silent.insert(node.report->node);
        problems.push_back(problemOf(node, targets_of[node.report->node], now_ms));
    }
    for (const JudgedTarget& target : targets) {
        const TargetReport& report = *target.report;
        const bool fresh = target.now.freshness == Freshness::kFresh;
        if (silent.contains(report.node)) continue;  // one row for the agent says it
        if (fresh && target.now.state == State::kOk) continue;
        if (fresh && target.now.state != State::kUnknown &&
            spokenFor(model.alerts(), report, target.now.state))
            continue;
        problems.push_back(
            problemOf(target, tierOf(model, targets, {report.job, report.instance}), now_ms));
    }
    addExpectedButAbsent(model, targets, problems);
    problems = grouped(std::move(problems));
    roundSince(problems);
    std::sort(problems.begin(), problems.end(), [](const Problem& a, const Problem& b) {
        if (a.pending() != b.pending() && a.severity == b.severity) return b.pending();
        return std::tuple(a.severity, -a.since_ms, a.key) <
               std::tuple(b.severity, -b.since_ms, b.key);
    });
    return problems;
}

}  // namespace clusterwatch::dashboard
