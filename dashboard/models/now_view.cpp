#include "dashboard/models/now_view.h"

#include <algorithm>
#include <cmath>

#include "dashboard/models/format.h"
#include "dashboard/models/problems.h"
#include "dashboard/models/verdict.h"

namespace clusterwatch::dashboard {
namespace {

// What a member of a tier adds to its tile.
struct MemberView {
    TileState state = TileState::kUnknown;
    QString reason;
};

int rank(TileState state) {
    switch (state) {
        case TileState::kNotMonitored: return 0;
        case TileState::kOk: return 1;
        case TileState::kWarning: return 2;
        case TileState::kUnknown: return 3;  // blind outranks a warning
        case TileState::kStale: return 4;
        case TileState::kCritical: return 5;
    }
    return 3;
}

TileState tileState(State state) {
    switch (state) {
        case State::kOk: return TileState::kOk;
        case State::kWarning: return TileState::kWarning;
        case State::kCritical: return TileState::kCritical;
        case State::kUnknown: return TileState::kUnknown;
    }
    return TileState::kUnknown;
}

MemberView viewOfTarget(const JudgedTarget& target) {
    const TargetReport& report = *target.report;
    if (target.now.freshness == Freshness::kNever) return {TileState::kUnknown, "has not run yet"};
    if (target.now.freshness != Freshness::kFresh) return {TileState::kStale, silenceText(target)};
    MemberView view{tileState(target.now.state), {}};
    if (view.state != TileState::kOk) view.reason = faultText(report);
    return view;
}

MemberView viewOfMember(const Member& member, const std::vector<JudgedTarget>& targets) {
    MemberView worst{TileState::kNotMonitored, {}};
    for (const JudgedTarget& target : targets) {
        if (target.report->job != member.job || target.report->instance != member.instance)
            continue;
        const MemberView view = viewOfTarget(target);
        if (rank(view.state) > rank(worst.state)) worst = view;
    }
    if (worst.state == TileState::kNotMonitored) return {TileState::kUnknown, "has never reported"};
    return worst;
}

void addAges(TileView& tile, const std::set<Member>& members,
             const std::vector<JudgedTarget>& targets) {
    for (const JudgedTarget& target : targets) {
        if (!members.contains({target.report->job, target.report->instance})) continue;
        tile.age_s = std::max(tile.age_s, target.now.age_s);
        if (target.now.age_s > 2 * target.report->interval_s) tile.show_age = true;
    }
}

void addNumber(TileView& tile, const TierReadings& readings, MonotonicTime now) {
    // A number is fetched again at each run of its tier, and every few seconds anyway.
    constexpr double kNumberLives_s = 15;
    const auto it = readings.find(tile.name);
    if (it == readings.end()) return;
    const TierReading& reading = it->second;
    tile.value = reading.value;
    tile.spark = reading.spark;
    tile.spark_from_ms = reading.spark_from_ms;
    tile.spark_to_ms = reading.spark_to_ms;
    const bool state_current = tile.state == TileState::kOk || tile.state == TileState::kWarning ||
                               tile.state == TileState::kCritical;
    tile.value_current =
        state_current && reading.value && agedBy(0, reading.at, now) < kNumberLives_s;
}

TileView buildTile(const Tier& tier, const std::vector<JudgedTarget>& targets,
                   const TierReadings& readings, bool blind, MonotonicTime now) {
    TileView tile;
    tile.name = tier.name;
    tile.title = tier.title;
    const std::set<Member> members = membersOf(tier, targets);
    tile.members = int(members.size());
    tile.state = TileState::kNotMonitored;
    if (members.empty()) return tile;

    double interval = 0;
    for (const JudgedTarget& target : targets)
        if (members.contains({target.report->job, target.report->instance}))
            interval = std::max(interval, target.report->interval_s);
    tile.metric = metricOf(tier, interval > 0 ? interval : 10);

    for (const Member& member : members) {
        const MemberView view = viewOfMember(member, targets);
        if (view.state == TileState::kOk) ++tile.healthy;
        if (view.state == TileState::kStale || view.state == TileState::kUnknown) ++tile.unknown;
        if (rank(view.state) <= rank(tile.state)) continue;
        tile.state = view.state;
        tile.reason = view.reason.isEmpty() ? QString() : member.instance + ": " + view.reason;
    }
    addAges(tile, members, targets);
    if (blind) {
        tile.state = tile.age_s < 0 ? TileState::kUnknown : TileState::kStale;
        tile.healthy = 0;
        tile.unknown = tile.members;
        tile.reason = "No link to the collector";
        tile.show_age = tile.age_s >= 0;
    }
    addNumber(tile, readings, now);
    return tile;
}

TrustItem dataItem(const std::vector<JudgedTarget>& targets) {
    double newest = -1;
    double shortest = 0;
    for (const JudgedTarget& target : targets) {
        if (target.now.age_s < 0) continue;
        if (newest < 0 || target.now.age_s < newest) newest = target.now.age_s;
        if (shortest <= 0 || freshLimit(*target.report) < shortest)
            shortest = freshLimit(*target.report);
    }
    const bool bad = newest < 0 || newest > shortest;
    return {"Newest data", newest < 0 ? "none" : formatAge(newest) + " old",
            bad ? "No run has arrived for longer than the shortest interval." : "", bad};
}

TrustItem agentsItem(const std::vector<JudgedNode>& nodes) {
    std::vector<QString> silent;
    for (const JudgedNode& node : nodes)
        if (node.silent) silent.push_back(node.report->node);
    if (nodes.empty()) return {"Agents", "none", "No agent has ever reported.", true};
    if (silent.empty()) return {"Agents", QString("%1 of %1 speak").arg(nodes.size()), {}, false};
    QString who = silent.front();
    if (silent.size() > 1) who += QString(" +%1").arg(silent.size() - 1);
    QString all;
    for (const QString& name : silent) all += (all.isEmpty() ? "Silent: " : ", ") + name;
    return {"Agents", QString("%1 silent: ").arg(silent.size()) + who, all, true};
}

TrustItem clockItem(const std::vector<JudgedNode>& nodes, const LinkStatus& link) {
    double worst = -link.clock_offset_s;
    QString who = "this screen";
    for (const JudgedNode& node : nodes)
        if (!node.silent && std::abs(node.report->clock_offset_s) > std::abs(worst)) {
            worst = -node.report->clock_offset_s;  // reported as the collector's minus the node's
            who = node.report->node;
        }
    const bool bad = std::abs(worst) > 1;
    // Below this an offset can't be told from the time that a message takes.
    constexpr double kAgree_s = 0.1;
    return {"Clocks vs collector's",
            std::abs(worst) < kAgree_s ? QString("agree within 0.1 s")
                                       : who + ' ' + formatOffset(worst),
            "The clock that differs most: " + who + ", " + formatOffset(worst) +
                " against the collector's. Times are corrected beyond 1 s.",
            bad};
}

std::vector<TrustItem> buildTrust(const ClusterModel& model, const NowView& view,
                                  const std::vector<JudgedTarget>& targets,
                                  const std::vector<JudgedNode>& nodes) {
    std::vector<TrustItem> items;
    const LinkStatus& link = view.link;
    items.push_back(
        {"Collector",
         link.heard_age_s < 0 ? "never heard" : "heard " + formatAge(link.heard_age_s) + " ago",
         view.blind() ? link.reason : QString(), view.blind()});
    if (!model.hasSnapshot()) return items;
    items.push_back(dataItem(targets));
    const bool all_fresh = view.probes > 0 && view.probes_fresh == view.probes;
    items.push_back({"Probes", QString("%1 of %2 fresh").arg(view.probes_fresh).arg(view.probes),
                     all_fresh ? "" : "Some probes have not delivered in time.", !all_fresh});
    items.push_back(agentsItem(nodes));
    items.push_back(clockItem(nodes, link));
    const StorageHealth& storage = model.storage();
    items.push_back({"Storage", storage.healthy ? "ok" : shortened(storage.reason, 40),
                     storage.reason, !storage.healthy});
    if (view.blind())  // nothing beyond the link itself can be vouched for
        for (TrustItem& item : items)
            if (item.name == "Agents" || item.name.startsWith("Clocks") || item.name == "Storage") {
                item.value = "not known";
                item.note = "No link to the collector.";
                item.bad = true;
            }
    return items;
}

}  // namespace

QString toWord(TileState state) {
    switch (state) {
        case TileState::kOk: return "ok";
        case TileState::kWarning: return "warning";
        case TileState::kCritical: return "critical";
        case TileState::kUnknown: return "unknown";
        case TileState::kStale: return "stale";
        case TileState::kNotMonitored: return "not_monitored";
    }
    return "unknown";
}

QString toWord(Severity severity) {
    switch (severity) {
        case Severity::kCritical: return "critical";
        case Severity::kUnknown: return "unknown";
        case Severity::kWarning: return "warning";
    }
    return "unknown";
}

std::set<Member> membersOf(const Tier& tier, const std::vector<JudgedTarget>& targets) {
    std::set<Member> members(tier.expected.begin(), tier.expected.end());
    for (const JudgedTarget& target : targets) {
        const TargetReport& report = *target.report;
        const bool job =
            std::find(tier.jobs.begin(), tier.jobs.end(), report.job) != tier.jobs.end();
        if (job && (tier.role.isEmpty() || tier.role == report.role))
            members.insert({report.job, report.instance});
    }
    return members;
}

NowView buildNowView(const ClusterModel& model, const LinkStatus& link,
                     const TierReadings& readings, MonotonicTime now, std::int64_t now_ms) {
    NowView view;
    view.link = link;
    view.cluster = model.topology().cluster;
    view.now_ms = now_ms;
    const std::vector<JudgedTarget> targets = model.targets(now);
    const std::vector<JudgedNode> nodes = model.nodes(now);
    view.probes = int(targets.size());
    if (!view.blind())
        for (const JudgedTarget& target : targets)
            view.probes_fresh += target.now.freshness == Freshness::kFresh;
    for (const Tier& tier : model.topology().tiers)
        view.tiles.push_back(buildTile(tier, targets, readings, view.blind(), now));
    view.problems = buildProblems(model, targets, nodes, now_ms);
    view.trust = buildTrust(model, view, targets, nodes);
    view.verdict = buildVerdict(view, model);
    return view;
}

}  // namespace clusterwatch::dashboard
