#include "dashboard/models/verdict.h"

#include <QStringList>
#include <algorithm>
#include <cmath>

#include "dashboard/models/format.h"
#include "dashboard/models/verdict_sentence.h"

namespace clusterwatch::dashboard {
namespace {

const Tier* tierNamed(const ClusterModel& model, const QString& name) {
    for (const Tier& tier : model.topology().tiers)
        if (tier.name == name) return &tier;
    return nullptr;
}

// Whether a tier that `name` depends on through hard edges is critical itself: then `name` is a
// symptom. Visited tiers guard against a circle in the configuration.
bool explained(const ClusterModel& model, const QString& name, const std::set<QString>& critical,
               std::set<QString>& visited) {
    if (!visited.insert(name).second) return false;
    const Tier* tier = tierNamed(model, name);
    if (!tier) return false;
    return std::any_of(tier->needs.begin(), tier->needs.end(), [&](const Need& need) {
        return need.edge == "hard" && !visited.contains(need.tier) &&
               (critical.contains(need.tier) || explained(model, need.tier, critical, visited));
    });
}

// Among the problems of the worst severity, the one that no other explains; the earliest of those.
const Problem* causeOf(const NowView& view, const ClusterModel& model) {
    const auto counts = [](const Problem& p) { return !p.pending(); };
    const auto first = std::find_if(view.problems.begin(), view.problems.end(), counts);
    if (first == view.problems.end()) return nullptr;
    std::set<QString> critical;
    for (const TileView& tile : view.tiles)
        if (tile.state == TileState::kCritical) critical.insert(tile.name);
    const Problem* cause = nullptr;
    for (const Problem& problem : view.problems) {
        if (!counts(problem) || problem.severity != first->severity) continue;
        std::set<QString> visited;
        if (explained(model, problem.tier, critical, visited)) continue;
        if (!cause ||
            (problem.since_ms != 0 && (cause->since_ms == 0 || problem.since_ms < cause->since_ms)))
            cause = &problem;
    }
    return cause ? cause : &*first;
}

// The tiers without a healthy member.
std::set<QString> tiersDown(const NowView& view) {
    std::set<QString> down;
    for (const TileView& tile : view.tiles)
        if (tile.state != TileState::kNotMonitored && tile.healthy == 0 &&
            tile.state != TileState::kWarning)
            down.insert(tile.name);
    return down;
}

// What users notice is judged at the tier that they meet first; but where that looks well and one
// that it cannot do without is down, nobody can call it unharmed.
Effect effectOf(const NowView& view, const ClusterModel& model) {
    const auto front = std::find_if(view.tiles.begin(), view.tiles.end(), [](const TileView& t) {
        return t.state != TileState::kNotMonitored;
    });
    const Effect unknown{"Effect on users unknown.", "Impact unknown."};
    if (front == view.tiles.end()) return unknown;
    switch (front->state) {
        case TileState::kOk: {
            std::set<QString> visited;
            if (explained(model, front->name, tiersDown(view), visited))
                return {"Users may be affected.", "Users may notice."};
            return {"No user impact seen.", "No impact seen."};
        }
        case TileState::kWarning: return {"Users may notice.", "Users may notice."};
        case TileState::kCritical:
            return front->healthy == 0 ? Effect{"Users are affected.", "Users are affected."}
                                       : Effect{"Users may be affected.", "Users may notice."};
        default: return unknown;
    }
}

QString counted(const NowView& view) {
    std::map<Severity, int> counts;
    int pending = 0;
    for (const Problem& problem : view.problems)
        problem.pending() ? ++pending : ++counts[problem.severity];
    QStringList parts;
    for (const auto& [severity, count] : counts)
        parts << QString("%1 %2").arg(count).arg(toWord(severity));
    if (pending) parts << QString("%1 pending").arg(pending);
    return parts.join(" · ");
}

QString notMonitored(const NowView& view) {
    QStringList names;
    for (const TileView& tile : view.tiles)
        if (tile.state == TileState::kNotMonitored) names << tile.title;
    return names.isEmpty() ? QString() : "Not monitored: " + names.join(", ") + ".";
}

QString retryText(const LinkStatus& link) {
    if (link.retry_in_s > 0)
        return QString("Next try in %1 s.").arg(int(std::ceil(link.retry_in_s)));
    return "Trying now.";
}

Verdict blindVerdict(const NowView& view) {
    const LinkStatus& link = view.link;
    Verdict verdict;
    verdict.kind = Verdict::Kind::kBlind;
    verdict.text = link.heard_ms > 0
                       ? "I am blind since " + formatClock(link.heard_ms, view.now_ms) +
                             ": cannot reach the collector."
                       : "I am blind: cannot reach the collector.";
    verdict.detail = link.url + ": " + (link.reason.isEmpty() ? "no answer" : link.reason) + ". " +
                     retryText(link);
    if (!view.tiles.empty() && link.heard_ms > 0)
        verdict.detail +=
            " What is below is as of " + formatClock(link.heard_ms, view.now_ms) + ", hatched.";
    return verdict;
}

Verdict calmVerdict(const NowView& view) {
    const QString proof = QString("%1 of %2 probes fresh.").arg(view.probes_fresh).arg(view.probes);
    const QString rest = counted(view);
    return {Verdict::Kind::kCalm, "No user impact known. " + proof,
            QStringList{notMonitored(view), rest}.join(rest.isEmpty() ? "" : " ").trimmed()};
}

}  // namespace

QString toWord(Verdict::Kind kind) {
    switch (kind) {
        case Verdict::Kind::kConnecting: return "connecting";
        case Verdict::Kind::kBlind: return "blind";
        case Verdict::Kind::kCritical: return "critical";
        case Verdict::Kind::kUnknown: return "unknown";
        case Verdict::Kind::kWarning: return "warning";
        case Verdict::Kind::kEmpty: return "empty";
        case Verdict::Kind::kCalm: return "calm";
    }
    return "unknown";
}

Verdict buildVerdict(const NowView& view, const ClusterModel& model) {
    if (view.link.phase == LinkStatus::Phase::kLost) return blindVerdict(view);
    if (view.link.phase == LinkStatus::Phase::kConnecting)
        return {Verdict::Kind::kConnecting, "Connecting to the collector; nothing is known yet.",
                view.link.url + " (" +
                    formatAge(std::floor(view.link.connecting_s)).replace(".0", "") + ")"};
    if (!model.hasSnapshot())
        return {Verdict::Kind::kUnknown,
                "The collector answers, but not in a way that I understand.",
                "Nothing is known of the cluster. Are both of the same release?"};
    if (const Problem* cause = causeOf(view, model)) {
        const Verdict::Kind kind = cause->severity == Severity::kCritical ? Verdict::Kind::kCritical
                                   : cause->severity == Severity::kUnknown
                                       ? Verdict::Kind::kUnknown
                                       : Verdict::Kind::kWarning;
        QStringList parts{counted(view), notMonitored(view), cause->detail.simplified()};
        parts.removeAll(QString());
        return {kind, sentenceOf(*cause, effectOf(view, model), view.now_ms), parts.join(" · ")};
    }
    if (view.probes == 0)
        return {Verdict::Kind::kEmpty,
                "Nothing is monitored yet: no agent has reported to this collector.",
                "Start clusterwatch-agent on a node with --collector " + view.link.url + "."};
    if (view.probes_fresh <
        view.probes)  // cannot happen without a problem; never calm without proof
        return {Verdict::Kind::kUnknown,
                QString("Only %1 of %2 probes are fresh.").arg(view.probes_fresh).arg(view.probes),
                {}};
    return calmVerdict(view);
}

}  // namespace clusterwatch::dashboard
