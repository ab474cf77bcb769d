#include "dashboard/models/decode.h"

#include <QDateTime>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <cmath>

#include "common/text.h"

namespace clusterwatch::dashboard {
namespace {

Result<QJsonObject> parseObject(const QByteArray& json) {
    QJsonParseError error;
    const QJsonDocument document = QJsonDocument::fromJson(json, &error);
    if (!document.isObject())
        return Error(ErrorCode::kInvalid,
                     "the answer is no JSON object: " + error.errorString().toStdString());
    return document.object();
}

std::int64_t integer(const QJsonObject& object, const char* key) {
    return std::int64_t(object[QLatin1String(key)].toDouble(0));
}

// The text of a number becomes a value only if it says something.
std::optional<double> sampleValue(const QJsonValue& value) {
    const auto number = parseDouble(value.toString().toStdString());
    if (!number || std::isnan(*number)) return std::nullopt;
    return number;
}

State stateOf(const QString& text) {
    if (text == "ok") return State::kOk;
    if (text == "warning") return State::kWarning;
    if (text == "critical") return State::kCritical;
    return State::kUnknown;
}

Freshness freshnessOf(const QString& text) {
    if (text == "fresh") return Freshness::kFresh;
    if (text == "late") return Freshness::kLate;
    if (text == "silent") return Freshness::kSilent;
    return Freshness::kNever;
}

TargetReport targetOf(const QJsonObject& object) {
    TargetReport target;
    target.node = object["node"].toString();
    target.probe = object["probe"].toString();
    target.kind = object["kind"].toString();
    target.role = object["role"].toString();
    target.job = object["job"].toString();
    target.instance = object["instance"].toString();
    target.interval_s = object["interval_seconds"].toDouble(10);
    target.deadline_s = object["deadline_seconds"].toDouble(5);
    target.freshness = freshnessOf(object["freshness"].toString());
    target.last_run_ms = integer(object, "last_run_ms");
    target.last_received_ms = integer(object, "last_received_ms");
    target.age_s = object["age_seconds"].toDouble(-1);
    target.outcome = object["outcome"].toString();
    target.message = object["message"].toString();
    target.state = stateOf(object["state"].toString());
    target.last_state = stateOf(object["last_state"].toString());
    target.state_since_ms = integer(object, "state_since_ms");
    for (const QJsonValue value : object["checks"].toArray()) {
        const QJsonObject check = value.toObject();
        target.checks.push_back({check["name"].toString(), stateOf(check["state"].toString()),
                                 check["text"].toString()});
    }
    return target;
}

NodeReport nodeOf(const QJsonObject& object) {
    NodeReport node;
    node.node = object["node"].toString();
    node.version = object["version"].toString();
    node.silent = object["silent"].toBool(true);
    node.age_s = object["age_seconds"].toDouble(-1);
    node.last_word_ms = integer(object, "last_word_ms");
    node.clock_offset_s = object["clock_offset_seconds"].toDouble(0);
    node.conflict = object["conflict"].toString();
    const QJsonObject spool = object["spool"].toObject();
    node.spooled_batches = std::uint64_t(integer(spool, "batches"));
    node.dropped_samples = std::uint64_t(integer(spool, "dropped_samples"));
    for (const QJsonValue value : object["targets"].toArray()) {
        TargetReport target = targetOf(value.toObject());
        target.node = node.node;
        node.targets.push_back(std::move(target));
    }
    return node;
}

std::map<QString, QString> labelsOf(const QJsonObject& object) {
    std::map<QString, QString> labels;
    for (auto it = object.begin(); it != object.end(); ++it)
        labels[it.key()] = it.value().toString();
    return labels;
}

Alert alertOf(const QJsonObject& object) {
    Alert alert;
    alert.labels = labelsOf(object["labels"].toObject());
    alert.state = object["state"].toString();
    const QJsonObject annotations = object["annotations"].toObject();
    for (const char* key : {"summary", "description", "message"})
        if (alert.summary.isEmpty()) alert.summary = annotations[QLatin1String(key)].toString();
    const QDateTime since = QDateTime::fromString(object["activeAt"].toString(), Qt::ISODateWithMs);
    if (since.isValid()) alert.active_since_ms = since.toMSecsSinceEpoch();
    return alert;
}

Tier tierOf(const QJsonObject& object) {
    Tier tier;
    tier.name = object["name"].toString();
    tier.title = object["title"].toString(tier.name);
    tier.role = object["role"].toString();
    for (const QJsonValue job : object["jobs"].toArray()) tier.jobs.push_back(job.toString());
    for (const QJsonValue need : object["needs"].toArray())
        tier.needs.push_back({need["tier"].toString(), need["edge"].toString()});
    for (const QJsonValue member : object["expected"].toArray())
        tier.expected.push_back({member["job"].toString(), member["instance"].toString()});
    return tier;
}

// Prometheus's time stamps are seconds with a fraction.
std::int64_t sampleTime(const QJsonValue& value) {
    return std::int64_t(std::llround(value.toDouble() * 1000));
}

Series seriesOf(const QJsonObject& object) {
    Series series;
    series.labels = labelsOf(object["metric"].toObject());
    QJsonArray pairs = object["values"].toArray();
    if (object.contains("value")) pairs.append(object["value"]);
    for (const QJsonValue value : pairs) {
        const QJsonArray pair = value.toArray();
        if (const auto number = sampleValue(pair.at(1)))
            series.points.push_back({sampleTime(pair.at(0)), *number});
    }
    return series;
}

template <typename T>
Result<T> decodeWith(const QByteArray& json, T (*decode)(const QJsonObject&)) {
    const auto object = parseObject(json);
    if (!object) return object.error();
    return decode(*object);
}

StorageHealth storageOf(const QJsonObject& object) {
    return {object["healthy"].toBool(false), object["reason"].toString()};
}

}  // namespace

Result<Topology> decodeTopology(const QByteArray& json) {
    const auto object = parseObject(json);
    if (!object) return object.error().context("the topology");
    Topology topology;
    topology.cluster = (*object)["cluster"].toString();
    topology.name_space = (*object)["namespace"].toString();
    for (const QJsonValue tier : (*object)["tiers"].toArray())
        topology.tiers.push_back(tierOf(tier.toObject()));
    return topology;
}

Result<Snapshot> decodeNodes(const QByteArray& json) {
    const auto object = parseObject(json);
    if (!object) return object.error().context("the nodes");
    if (!(*object)["nodes"].isArray())
        return Error(ErrorCode::kInvalid, "the nodes: the answer has no list of nodes");
    Snapshot snapshot;
    snapshot.now_ms = integer(*object, "now_ms");
    snapshot.live_id = std::uint64_t(integer(*object, "live_id"));
    snapshot.storage = storageOf((*object)["storage"].toObject());
    for (const QJsonValue node : (*object)["nodes"].toArray())
        snapshot.nodes.push_back(nodeOf(node.toObject()));
    return snapshot;
}

Result<std::vector<Alert>> decodeAlerts(const QByteArray& json) {
    const auto object = parseObject(json);
    if (!object) return object.error().context("the alerts");
    const QJsonValue list = (*object)["data"].toObject()["alerts"];
    if (!list.isArray())
        return Error(ErrorCode::kInvalid, "the alerts: the answer has no list of alerts");
    std::vector<Alert> alerts;
    for (const QJsonValue alert : list.toArray()) alerts.push_back(alertOf(alert.toObject()));
    return alerts;
}

Result<TargetReport> decodeTargetEvent(const QByteArray& json) {
    return decodeWith(json, targetOf);
}
Result<NodeReport> decodeNodeEvent(const QByteArray& json) { return decodeWith(json, nodeOf); }
Result<Alert> decodeAlertEvent(const QByteArray& json) { return decodeWith(json, alertOf); }
Result<StorageHealth> decodeStorageEvent(const QByteArray& json) {
    return decodeWith(json, storageOf);
}

Result<std::vector<Series>> decodeQuery(const QByteArray& json) {
    const auto object = parseObject(json);
    if (!object) return object.error().context("the query");
    if ((*object)["status"].toString() != "success")
        return Error(ErrorCode::kInvalid,
                     (*object)["error"].toString("the query failed").toStdString());
    std::vector<Series> series;
    for (const QJsonValue one : (*object)["data"].toObject()["result"].toArray())
        series.push_back(seriesOf(one.toObject()));
    return series;
}

}  // namespace clusterwatch::dashboard
