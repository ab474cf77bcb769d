#include "dashboard/client/collector_client.h"

#include <QJsonDocument>
#include <QJsonObject>
#include <QNetworkProxy>
#include <QNetworkReply>
#include <QNetworkRequest>
#include <QUrlQuery>
#include <algorithm>

#include "common/limits.h"
#include "dashboard/models/freshness.h"

namespace clusterwatch::dashboard {
namespace {

constexpr int kFetchTimeout_ms = 3000;
constexpr int kPollPeriod_ms = 4000;
constexpr int kWatchPeriod_ms = 250;

const QString kTopology = "/api/v1/clusterwatch/topology";
const QString kNodes = "/api/v1/clusterwatch/nodes";
const QString kAlerts = "/api/v1/alerts";
const QString kLive = "/api/v1/clusterwatch/live";

QString seconds(std::int64_t ms) { return QString::number(double(ms) / 1000, 'f', 3); }

// Why a request failed, for a person: the server's own words where it has some.
QString reasonOf(QNetworkReply& reply) {
    const int status = reply.attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt();
    if (reply.error() == QNetworkReply::OperationCanceledError) return "no answer within 3 s";
    if (reply.error() == QNetworkReply::ConnectionRefusedError) return "connection refused";
    if (reply.error() == QNetworkReply::HostNotFoundError) return "host not found";
    if (status == 401 || status == 403)
        return QString("the collector refuses our token (HTTP %1)").arg(status);
    if (status != 0) {
        const QString words =
            QJsonDocument::fromJson(reply.read(4096)).object()["error"].toString();
        return QString("HTTP %1").arg(status) + (words.isEmpty() ? QString() : ": " + words);
    }
    return reply.errorString();
}

}  // namespace

std::chrono::milliseconds retryPause(int failures) {
    const int doublings = std::clamp(failures - 1, 0, 4);
    return std::chrono::milliseconds(500) * (1 << doublings);
}

CollectorClient::CollectorClient(Settings settings, const Clock& clock, QObject* parent)
    : QObject(parent), settings_(std::move(settings)), clock_(clock) {
    network_.setProxy(QNetworkProxy::NoProxy);
    network_.setRedirectPolicy(QNetworkRequest::ManualRedirectPolicy);
    retry_.setSingleShot(true);
    connect(&retry_, &QTimer::timeout, this, &CollectorClient::begin);
    connect(&watch_, &QTimer::timeout, this, &CollectorClient::watchSilence);
    connect(&poll_, &QTimer::timeout, this, &CollectorClient::poll);
}

CollectorClient::~CollectorClient() {
    ++session_;
    if (live_) {
        live_->disconnect(this);
        live_->abort();
    }
}

void CollectorClient::start() { begin(); }

double CollectorClient::retryInSeconds() const {
    return retry_.isActive() ? double(retry_.remainingTime()) / 1000 : -1;
}

void CollectorClient::begin() {
    ++session_;
    failed_ = false;
    emit sessionStarting();
    steps_left_ = 3;
    fetchStep(kTopology, &CollectorClient::topologyArrived);
    fetchStep(kNodes, &CollectorClient::nodesArrived);
    fetchStep(kAlerts, &CollectorClient::alertsArrived);
}

void CollectorClient::fetchStep(const QString& path,
                                void (CollectorClient::*arrived)(const QByteArray&)) {
    fetch(path, {}, [this, path, arrived](const Result<QByteArray>& answer) {
        if (!answer) return fail(QString::fromStdString(answer.error().message()));
        if (path == kNodes) {
            const qint64 id =
                qint64(QJsonDocument::fromJson(*answer).object()["live_id"].toDouble(0));
            last_event_id_ = QByteArray::number(id);
        }
        emit(this->*arrived)(*answer);
        if (--steps_left_ == 0) openLive();
    });
}

void CollectorClient::poll() {
    if (!connected_) return;
    // A failed poll is no end of the session: the stream decides on that, and ages do the rest.
    fetch(kNodes, {}, [this](const Result<QByteArray>& answer) {
        if (answer) emit nodesArrived(*answer);
    });
    fetch(kAlerts, {}, [this](const Result<QByteArray>& answer) {
        if (answer) emit alertsArrived(*answer);
    });
}

void CollectorClient::instantQuery(const QString& promql, const Answer& answer) {
    fetch("/api/v1/query", {{"query", promql}}, answer);
}

void CollectorClient::rangeQuery(const QString& promql, std::int64_t from_ms, std::int64_t to_ms,
                                 int step_s, const Answer& answer) {
    fetch("/api/v1/query_range",
          {{"query", promql},
           {"start", seconds(from_ms)},
           {"end", seconds(to_ms)},
           {"step", QString::number(step_s)}},
          answer);
}

QNetworkReply* CollectorClient::get(const QString& path,
                                    const std::vector<std::pair<QString, QString>>& parameters,
                                    const QByteArray& accept, int timeout_ms) {
    QUrl url = settings_.url;
    QString base = url.path();
    while (base.endsWith('/')) base.chop(1);
    url.setPath(base + path);
    if (!parameters.empty()) {
        QUrlQuery query;
        // QUrlQuery leaves a plus sign alone, which servers read as a space.
        for (const auto& [name, value] : parameters)
            query.addQueryItem(name, QString::fromLatin1(QUrl::toPercentEncoding(value)));
        url.setQuery(query);
    }
    QNetworkRequest request(url);
    request.setRawHeader("Accept", accept);
    if (!settings_.token.isEmpty())
        request.setRawHeader("Authorization", "Bearer " + settings_.token);
    request.setTransferTimeout(timeout_ms);
    return network_.get(request);
}

void CollectorClient::fetch(const QString& path,
                            const std::vector<std::pair<QString, QString>>& parameters,
                            const Answer& answer) {
    QNetworkReply* reply = get(path, parameters, "application/json", kFetchTimeout_ms);
    connect(reply, &QNetworkReply::downloadProgress, reply, [reply](qint64 received, qint64) {
        if (received > qint64(limits::kDecodedBytes)) reply->abort();
    });
    connect(reply, &QNetworkReply::finished, this, [this, reply, answer, session = session_] {
        reply->deleteLater();
        if (session != session_) return;
        const int status = reply->attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt();
        // Prometheus answers a bad query with 400 and says why in the body.
        if (reply->error() != QNetworkReply::NoError || status != 200)
            return answer(Error(ErrorCode::kUnavailable, reasonOf(*reply).toStdString()));
        answer(reply->readAll());
    });
}

void CollectorClient::openLive() {
    parser_ = SseParser();
    last_byte_ = clock_.monotonicNow();
    QUrl url = settings_.url;
    QString base = url.path();
    while (base.endsWith('/')) base.chop(1);
    url.setPath(base + kLive);
    QNetworkRequest request(url);
    request.setRawHeader("Accept", "text/event-stream");
    // Compression would hold heartbeats back in somebody's buffer.
    request.setRawHeader("Accept-Encoding", "identity");
    request.setRawHeader("Cache-Control", "no-store");
    request.setRawHeader("Last-Event-ID", last_event_id_);
    if (!settings_.token.isEmpty())
        request.setRawHeader("Authorization", "Bearer " + settings_.token);
    live_ = network_.get(request);
    connect(live_, &QNetworkReply::readyRead, this, &CollectorClient::readLive);
    connect(live_, &QNetworkReply::finished, this, [this, reply = live_.data()] {
        if (reply != live_.data()) return;
        liveEnded(reply->error() == QNetworkReply::NoError ? "the collector ended the live stream"
                                                           : reasonOf(*reply));
    });
    watch_.start(kWatchPeriod_ms);
}

void CollectorClient::readLive() {
    if (live_->attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt() != 200) return;
    last_byte_ = clock_.monotonicNow();
    const SseParser::Output output = parser_.feed(live_->readAll());
    if (!connected_) {
        connected_ = true;
        failures_ = 0;
        poll_.start(kPollPeriod_ms);
    }
    emit heard();
    for (const QByteArray& comment : output.comments)
        if (comment.startsWith("hb ")) emit heartbeat(comment.mid(3).trimmed().toLongLong());
    for (const SseEvent& event : output.events) {
        last_event_id_ = event.id;
        if (event.type == "reset")
            poll();
        else
            emit liveEvent(event);
    }
    if (parser_.overflowed()) liveEnded("the live stream is not understood: an event is too large");
}

void CollectorClient::watchSilence() {
    if (live_ && clock_.monotonicNow() - last_byte_ > kLinkSilence)
        liveEnded("nothing heard for 3 s");
}

void CollectorClient::liveEnded(const QString& reason) {
    watch_.stop();
    poll_.stop();
    if (QNetworkReply* reply = live_.data()) {
        live_ = nullptr;
        reply->disconnect(this);
        reply->abort();
        reply->deleteLater();
    }
    fail(reason);
}

void CollectorClient::fail(const QString& reason) {
    if (failed_) return;
    failed_ = true;
    ++session_;
    connected_ = false;
    ++failures_;
    retry_.start(retryPause(failures_));
    emit lost(reason);
}

}  // namespace clusterwatch::dashboard
