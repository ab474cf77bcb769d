// Joins the client and the models: what arrives goes into the cluster model at once; twice a second,
// and at each change, the Now view is derived again and handed on. Numbers and charts are queried
// here, never more often than they can change a pixel.
//
// GUI thread only.
#pragma once

#include <QObject>
#include <QTimer>
#include <deque>
#include <fstream>

#include "dashboard/client/collector_client.h"
#include "dashboard/models/now_view.h"
#include "dashboard/screens/now_screen.h"

namespace clusterwatch::dashboard {

class NowSession : public QObject {
    Q_OBJECT

  public:
    NowSession(const CollectorClient::Settings& settings, const Clock& clock,
               QObject* parent = nullptr);

    void start();
    // One JSON line for each run that reached the model: {"node","probe","job","instance","time_ms",
    // "received_ms","now_ms"}.
    Status logLatencyTo(const std::string& file);

    const NowView& view() const { return view_; }
    const ChartData& lag() const { return lag_; }
    const ChartData& requests() const { return requests_; }
    // The first snapshot, every tier's number and both charts have been answered, and no chart is
    // empty whose number is known.
    bool complete() const;

  signals:
    void viewChanged();
    void lagChanged();
    void requestsChanged();

  private:
    void takeTopology(const QByteArray& json);
    void takeNodes(const QByteArray& json);
    void takeAlerts(const QByteArray& json);
    void takeEvent(const SseEvent& event);
    void takeRun(const SseEvent& event, bool run);
    void takeOffset(double offset_s);
    void takeLoss(const QString& reason);
    void refresh();      // the view, now
    void refreshSoon();  // the view, within 200 ms
    LinkStatus linkStatus() const;
    std::int64_t collectorNow() const;

    void touchTier(const TargetReport& target);
    void fetchTouched();
    void fetchNumber(const Tier& tier);
    void fetchSpark(const Tier& tier);
    void fetchSlowly();  // one spark line or chart a call, round robin
    void fetchChart(const ChartMetric& metric, ChartData& into, void (NowSession::*changed)());
    void takeChart(ChartData& into, const ChartMetric& metric, Result<std::vector<Series>> series);
    void widenWindow(const ChartData& chart);
    bool lagsBehind(const ChartMetric& metric, const ChartData& chart) const;
    std::optional<TierMetric> metricFor(const Tier& tier, std::set<QString>& instances) const;

    const Clock& clock_;
    CollectorClient client_;
    ClusterModel model_;
    TierReadings readings_;
    NowView view_;
    ChartData lag_, requests_;
    std::int64_t window_ms_ = windowFor(0);  // of charts and spark lines; it only grows
    LinkStatus::Phase phase_ = LinkStatus::Phase::kConnecting;
    QString url_, loss_reason_;
    MonotonicTime started_at_{}, heard_at_{}, heartbeat_at_{};
    std::int64_t heard_ms_ = 0, heartbeat_ms_ = 0;
    std::deque<double> offsets_;
    double clock_offset_s_ = 0;
    std::set<QString> touched_;  // tiers whose number is to be fetched
    std::size_t slow_turn_ = 0;
    QTimer tick_, soon_, numbers_, slow_;
    std::ofstream latency_;
};

}  // namespace clusterwatch::dashboard
