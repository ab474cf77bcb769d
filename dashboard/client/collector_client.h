// The only part of the dashboard that speaks to the collector.
//
// A session is: fetch topology, nodes and alerts; open the live stream behind the snapshot's
// `live_id`; then poll nodes and alerts every few seconds, which mends whatever a lost event left
// wrong. Anything that fails ends the session, and a new one begins after a growing pause: the
// snapshot is fetched anew each time, because a restarted collector counts its events from 1.
//
// Nothing heard on the stream for kLinkSilence ends the session too: a collector that is frozen
// keeps its connection open, so silence, not sockets, is what counts. (Heartbeats come each second.)
//
// Lives in the GUI thread; QNetworkAccessManager does its I/O in a thread of its own. Answers are
// limited in size. Redirects are not followed (they would carry the token elsewhere) and proxies
// are not used.
#pragma once

#include <QNetworkAccessManager>
#include <QObject>
#include <QPointer>
#include <QTimer>
#include <QUrl>
#include <functional>
#include <memory>

#include "common/clock.h"
#include "common/result.h"
#include "dashboard/client/sse_parser.h"

class QNetworkReply;

namespace clusterwatch::dashboard {

// Pauses between tries: 0.5 s, doubled up to 8 s.
std::chrono::milliseconds retryPause(int failures);

class CollectorClient : public QObject {
    Q_OBJECT

  public:
    struct Settings {
        QUrl url;
        QByteArray token;  // empty: none
    };
    using Answer = std::function<void(const Result<QByteArray>&)>;

    CollectorClient(Settings settings, const Clock& clock, QObject* parent = nullptr);
    ~CollectorClient() override;

    void start();
    // Fetches nodes and alerts again, soon; also what a `reset` event asks for.
    void poll();
    // A query of Prometheus's API; the answer comes once, on this thread, unless the client dies.
    void instantQuery(const QString& promql, const Answer& answer);
    void rangeQuery(const QString& promql, std::int64_t from_ms, std::int64_t to_ms, int step_s,
                    const Answer& answer);

    // Until the next try; -1 while trying.
    double retryInSeconds() const;

  signals:
    void sessionStarting();  // event ids known so far are void
    void topologyArrived(const QByteArray& json);
    void nodesArrived(const QByteArray& json);
    void alertsArrived(const QByteArray& json);
    void liveEvent(const clusterwatch::dashboard::SseEvent& event);
    void heard();                         // any byte of the live stream
    void heartbeat(qint64 collector_ms);  // the collector's clock
    void lost(const QString& reason);

  private:
    void begin();
    void fetch(const QString& path, const std::vector<std::pair<QString, QString>>& parameters,
               const Answer& answer);
    void fetchStep(const QString& path, void (CollectorClient::*arrived)(const QByteArray&));
    void openLive();
    void readLive();
    void liveEnded(const QString& reason);
    void fail(const QString& reason);
    void watchSilence();
    QNetworkReply* get(const QString& path,
                       const std::vector<std::pair<QString, QString>>& parameters,
                       const QByteArray& accept, int timeout_ms);

    const Settings settings_;
    const Clock& clock_;
    QNetworkAccessManager network_;
    QTimer retry_, watch_, poll_;
    QPointer<QNetworkReply> live_;
    SseParser parser_;
    QByteArray last_event_id_;
    MonotonicTime last_byte_{};
    std::uint64_t session_ = 0;  // answers to an earlier session are dropped
    int steps_left_ = 0;         // of the three first fetches
    int failures_ = 0;
    bool connected_ = false;
    bool failed_ = false;
};

}  // namespace clusterwatch::dashboard
