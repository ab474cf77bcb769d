#include "dashboard/models/now_json.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

namespace clusterwatch::dashboard {
namespace {

QJsonValue orNull(const std::optional<double>& value) {
    return value ? QJsonValue(*value) : QJsonValue(QJsonValue::Null);
}

QJsonObject objectOf(const TileView& tile) {
    QJsonObject object{{"name", tile.name},           {"title", tile.title},
                       {"state", toWord(tile.state)}, {"healthy", tile.healthy},
                       {"members", tile.members},     {"unknown", tile.unknown},
                       {"reason", tile.reason},       {"age_seconds", tile.age_s}};
    if (tile.metric)
        object["number"] = QJsonObject{{"label", tile.metric->label},
                                       {"unit", tile.metric->unit},
                                       {"value", orNull(tile.value)},
                                       {"current", tile.value_current}};
    return object;
}

QString phaseWord(LinkStatus::Phase phase) {
    switch (phase) {
        case LinkStatus::Phase::kConnecting: return "connecting";
        case LinkStatus::Phase::kLive: return "live";
        case LinkStatus::Phase::kLost: return "lost";
    }
    return "lost";
}

}  // namespace

QByteArray toJson(const NowView& view) {
    QJsonArray tiles, problems, trust;
    for (const TileView& tile : view.tiles) tiles.append(objectOf(tile));
    for (const Problem& problem : view.problems)
        problems.append(
            QJsonObject{{"severity", toWord(problem.severity)},
                        {"origin", problem.origin},
                        {"title", problem.title},
                        {"text", problem.text},
                        {"detail", problem.detail},
                        {"instances", int(std::max<std::size_t>(1, problem.members.size()))},
                        {"tier", problem.tier},
                        {"since_ms", qint64(problem.since_ms)}});
    for (const TrustItem& item : view.trust)
        trust.append(QJsonObject{{"name", item.name}, {"value", item.value}, {"bad", item.bad}});
    const QJsonObject root{{"now_ms", qint64(view.now_ms)},
                           {"link", QJsonObject{{"phase", phaseWord(view.link.phase)},
                                                {"heard_age_seconds", view.link.heard_age_s},
                                                {"reason", view.link.reason}}},
                           {"verdict", QJsonObject{{"kind", toWord(view.verdict.kind)},
                                                   {"text", view.verdict.text},
                                                   {"detail", view.verdict.detail}}},
                           {"probes", view.probes},
                           {"probes_fresh", view.probes_fresh},
                           {"trust", trust},
                           {"tiles", tiles},
                           {"problems", problems}};
    return QJsonDocument(root).toJson(QJsonDocument::Indented);
}

}  // namespace clusterwatch::dashboard
