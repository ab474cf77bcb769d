#include "dashboard/shell/now_session.h"

#include <QJsonDocument>
#include <QJsonObject>
#include <algorithm>

#include "dashboard/models/decode.h"

namespace clusterwatch::dashboard {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kChartRange_ms = 3'600'000;
constexpr int kChartStep_s = 5;
constexpr std::int64_t kSparkRange_ms = 1'800'000;
constexpr int kSparkStep_s = 15;

double secondsSince(MonotonicTime then, MonotonicTime now) {
    return std::chrono::duration<double>(now - then).count();
}

// The points of a range are aligned to its step, so that a refresh does not make old points dance.
std::int64_t aligned(std::int64_t t_ms, int step_s) {
    return t_ms - t_ms % (std::int64_t(step_s) * 1000);
}

}  // namespace

NowSession::NowSession(const CollectorClient::Settings& settings, const Clock& clock,
                       QObject* parent)
    : QObject(parent),
      clock_(clock),
      client_(settings, clock),
      url_(settings.url.toString(QUrl::RemoveUserInfo)) {
    connect(&client_, &CollectorClient::sessionStarting, this, [this] { model_.forgetEventIds(); });
    connect(&client_, &CollectorClient::topologyArrived, this, &NowSession::takeTopology);
    connect(&client_, &CollectorClient::nodesArrived, this, &NowSession::takeNodes);
    connect(&client_, &CollectorClient::alertsArrived, this, &NowSession::takeAlerts);
    connect(&client_, &CollectorClient::liveEvent, this, &NowSession::takeEvent);
    connect(&client_, &CollectorClient::lost, this, &NowSession::takeLoss);
    connect(&client_, &CollectorClient::heartbeat, this, [this](qint64 collector_ms) {
        heartbeat_at_ = clock_.monotonicNow();
        heartbeat_ms_ = collector_ms;
        takeOffset(double(collector_ms - toUnixMs(clock_.wallNow())) / 1000);
    });
    connect(&client_, &CollectorClient::heard, this, [this] {
        heard_at_ = clock_.monotonicNow();
        heard_ms_ = toUnixMs(clock_.wallNow());
        if (phase_ == LinkStatus::Phase::kLive) return;
        phase_ = LinkStatus::Phase::kLive;
        for (const Tier& tier : model_.topology().tiers) touched_.insert(tier.name);
        fetchTouched();
        // All at once this time: the screen is waiting for it.
        for (std::size_t i = 0; i < model_.topology().tiers.size() + 2; ++i) fetchSlowly();
        refresh();
    });
    connect(&tick_, &QTimer::timeout, this, &NowSession::refresh);
    connect(&soon_, &QTimer::timeout, this, &NowSession::refresh);
    connect(&numbers_, &QTimer::timeout, this, &NowSession::fetchTouched);
    connect(&slow_, &QTimer::timeout, this, &NowSession::fetchSlowly);
    soon_.setSingleShot(true);
}

void NowSession::start() {
    started_at_ = clock_.monotonicNow();
    tick_.start(500ms);
    numbers_.start(500ms);
    slow_.start(1000ms);
    client_.start();
    refresh();
}

Status NowSession::logLatencyTo(const std::string& file) {
    latency_.open(file, std::ios::app);
    if (!latency_) return Error::fromErrno(errno, "opening " + file);
    return {};
}

bool NowSession::complete() const {
    if (phase_ != LinkStatus::Phase::kLive || !model_.hasSnapshot()) return false;
    if (!lag_.answered || !requests_.answered || soon_.isActive()) return false;
    if (lagsBehind(replicaLagChart(), lag_) || lagsBehind(requestsChart(), requests_)) return false;
    for (const TileView& tile : view_.tiles) {
        const auto it = readings_.find(tile.name);
        if (tile.metric &&
            (it == readings_.end() || !it->second.answered || it->second.spark_to_ms == 0))
            return false;
    }
    return true;
}

std::int64_t NowSession::collectorNow() const {
    const MonotonicTime now = clock_.monotonicNow();
    if (heartbeat_ms_ == 0) return toUnixMs(clock_.wallNow());
    return heartbeat_ms_ + std::int64_t(secondsSince(heartbeat_at_, now) * 1000);
}

LinkStatus NowSession::linkStatus() const {
    const MonotonicTime now = clock_.monotonicNow();
    LinkStatus link;
    link.phase = phase_;
    // The client says so too; this is judged here as well so that no timer's fault can keep it live.
    if (phase_ == LinkStatus::Phase::kLive && now - heard_at_ > kLinkSilence + 500ms)
        link.phase = LinkStatus::Phase::kLost;
    link.url = url_;
    link.reason = link.phase == LinkStatus::Phase::kLost && loss_reason_.isEmpty()
                      ? "nothing heard for 3 s"
                      : loss_reason_;
    link.heard_age_s = heard_ms_ == 0 ? -1 : secondsSince(heard_at_, now);
    link.heard_ms = heard_ms_;
    link.connecting_s = secondsSince(started_at_, now);
    link.retry_in_s = client_.retryInSeconds();
    link.clock_offset_s = clock_offset_s_;
    return link;
}

void NowSession::refresh() {
    soon_.stop();
    view_ = buildNowView(model_, linkStatus(), readings_, clock_.monotonicNow(), collectorNow());
    emit viewChanged();
}

void NowSession::refreshSoon() {
    if (!soon_.isActive()) soon_.start(200ms);
}

void NowSession::takeTopology(const QByteArray& json) {
    if (auto topology = decodeTopology(json)) model_.setTopology(std::move(*topology));
}

void NowSession::takeNodes(const QByteArray& json) {
    const auto snapshot = decodeNodes(json);
    if (!snapshot) return;
    model_.applySnapshot(*snapshot, clock_.monotonicNow());
    refreshSoon();
}

void NowSession::takeAlerts(const QByteArray& json) {
    auto alerts = decodeAlerts(json);
    if (!alerts) return;
    model_.setAlerts(std::move(*alerts));
    refreshSoon();
}

void NowSession::takeEvent(const SseEvent& event) {
    if (event.type == "run" || event.type == "target") {
        takeRun(event, event.type == "run");
    } else if (event.type == "node") {
        if (const auto node = decodeNodeEvent(event.data))
            model_.applyNode(*node, event.id.toULongLong(), clock_.monotonicNow());
    } else if (event.type == "alert") {
        if (const auto alert = decodeAlertEvent(event.data)) model_.applyAlert(*alert);
    } else if (event.type == "storage") {
        if (const auto storage = decodeStorageEvent(event.data)) model_.setStorage(*storage);
    }
    refreshSoon();
}

void NowSession::takeRun(const SseEvent& event, bool run) {
    const auto target = decodeTargetEvent(event.data);
    if (!target) return;
    model_.applyTarget(*target, event.id.toULongLong(), clock_.monotonicNow());
    touchTier(*target);
    if (!run || !latency_.is_open()) return;
    const QJsonObject line{{"node", target->node},
                           {"probe", target->probe},
                           {"job", target->job},
                           {"instance", target->instance},
                           {"time_ms", qint64(target->last_run_ms)},
                           {"received_ms", qint64(target->last_received_ms)},
                           {"now_ms", qint64(toUnixMs(clock_.wallNow()))}};
    latency_ << QJsonDocument(line).toJson(QJsonDocument::Compact).toStdString() << std::endl;
}

// A heartbeat's way, and the wait in this process's event loop, only ever make the collector's clock
// look late, so the greatest offset of the last minute is the truest.
void NowSession::takeOffset(double offset_s) {
    constexpr std::size_t kOffsets = 60;
    offsets_.push_back(offset_s);
    if (offsets_.size() > kOffsets) offsets_.pop_front();
    clock_offset_s_ = *std::max_element(offsets_.begin(), offsets_.end());
}

void NowSession::takeLoss(const QString& reason) {
    loss_reason_ = reason;
    offsets_.clear();
    phase_ = LinkStatus::Phase::kLost;
    refresh();
}

void NowSession::touchTier(const TargetReport& target) {
    const std::vector<JudgedTarget> targets = model_.targets(clock_.monotonicNow());
    for (const Tier& tier : model_.topology().tiers)
        if (membersOf(tier, targets).contains({target.job, target.instance}))
            touched_.insert(tier.name);
}

std::optional<TierMetric> NowSession::metricFor(const Tier& tier,
                                                std::set<QString>& instances) const {
    const std::vector<JudgedTarget> targets = model_.targets(clock_.monotonicNow());
    const std::set<Member> members = membersOf(tier, targets);
    double interval = 0;
    for (const JudgedTarget& target : targets) {
        if (!members.contains({target.report->job, target.report->instance})) continue;
        interval = std::max(interval, target.report->interval_s);
        // A silent member's last value is no part of today's number.
        if (target.now.freshness == Freshness::kFresh) instances.insert(target.report->instance);
    }
    if (members.empty()) return std::nullopt;
    return metricOf(tier, interval > 0 ? interval : 10);
}

void NowSession::fetchTouched() {
    if (phase_ != LinkStatus::Phase::kLive) return;
    const std::set<QString> touched = std::exchange(touched_, {});
    for (const Tier& tier : model_.topology().tiers)
        if (touched.contains(tier.name)) fetchNumber(tier);
}

void NowSession::fetchNumber(const Tier& tier) {
    std::set<QString> instances;
    const auto metric = metricFor(tier, instances);
    if (!metric) return;
    client_.instantQuery(metric->query, [this, name = tier.name, instances,
                                         how = metric->combine](const Result<QByteArray>& answer) {
        TierReading& reading = readings_[name];
        reading.answered = true;
        const auto series =
            answer ? decodeQuery(*answer) : Result<std::vector<Series>>(answer.error());
        if (!series) {
            reading.error = QString::fromStdString(series.error().message());
            return;
        }
        reading.error.clear();
        // While no member is fresh the last number stays, and its tile says how old it is.
        if (instances.empty()) return;
        const std::vector<TimePoint> now = combineSeries(*series, instances, how);
        reading.value = now.empty() ? std::nullopt : std::optional(now.back().value);
        reading.at = clock_.monotonicNow();
        refreshSoon();
    });
}

void NowSession::fetchSpark(const Tier& tier) {
    std::set<QString> fresh;
    const auto metric = metricFor(tier, fresh);
    if (!metric) return;
    std::set<QString> instances;
    for (const Member& member : membersOf(tier, model_.targets(clock_.monotonicNow())))
        instances.insert(member.instance);
    const std::int64_t to = aligned(collectorNow(), kSparkStep_s), from = to - kSparkRange_ms;
    client_.rangeQuery(metric->query, from, to, kSparkStep_s,
                       [this, name = tier.name, instances, how = metric->combine, from,
                        to](const Result<QByteArray>& answer) {
                           const auto series = answer ? decodeQuery(*answer)
                                                      : Result<std::vector<Series>>(answer.error());
                           TierReading& reading = readings_[name];
                           if (series) reading.spark = combineSeries(*series, instances, how);
                           reading.spark_from_ms = std::max(from, to - window_ms_);
                           reading.spark_to_ms = to;
                           refreshSoon();
                       });
}

void NowSession::fetchSlowly() {
    if (phase_ != LinkStatus::Phase::kLive) return;
    const std::vector<Tier>& tiers = model_.topology().tiers;
    // Numbers too, whether a run came or not: they lapse after 15 s (models/now_view.cpp).
    if (slow_turn_ % 5 == 0)
        for (const Tier& tier : tiers) touched_.insert(tier.name);
    // A chart that was asked for before its first sample is not left empty for a whole round.
    if (lagsBehind(replicaLagChart(), lag_))
        fetchChart(replicaLagChart(), lag_, &NowSession::lagChanged);
    if (lagsBehind(requestsChart(), requests_))
        fetchChart(requestsChart(), requests_, &NowSession::requestsChanged);
    const std::size_t turn = slow_turn_++ % (tiers.size() + 2);
    if (turn == 0)
        fetchChart(replicaLagChart(), lag_, &NowSession::lagChanged);
    else if (turn == 1)
        fetchChart(requestsChart(), requests_, &NowSession::requestsChanged);
    else
        fetchSpark(tiers[turn - 2]);
}

void NowSession::fetchChart(const ChartMetric& metric, ChartData& into,
                            void (NowSession::*changed)()) {
    const std::int64_t to = aligned(collectorNow(), kChartStep_s), from = to - kChartRange_ms;
    client_.rangeQuery(
        metric.query, from, to, kChartStep_s,
        [this, &into, changed, to, metric](const Result<QByteArray>& answer) {
            into.to_ms = to;
            takeChart(into, metric,
                      answer ? decodeQuery(*answer) : Result<std::vector<Series>>(answer.error()));
            emit(this->*changed)();
        });
}

void NowSession::takeChart(ChartData& into, const ChartMetric& metric,
                           Result<std::vector<Series>> series) {
    into.answered = true;
    into.error = series ? QString() : QString::fromStdString(series.error().message());
    into.lines.clear();
    if (series && metric.by_instance) {
        into.lines = std::move(*series);
    } else if (series) {
        std::set<QString> instances;
        for (const Series& one : *series) instances.insert(one.label("instance"));
        into.lines.push_back({{}, combineSeries(*series, instances, Combine::kSum)});
    }
    widenWindow(into);
    into.from_ms = into.to_ms - window_ms_;
}

// One window for both charts and all spark lines: what stands above each other is of one time.
void NowSession::widenWindow(const ChartData& chart) {
    std::int64_t window = window_ms_;
    for (const Series& line : chart.lines)
        if (!line.points.empty())
            window = std::max(window, windowFor(chart.to_ms - line.points.front().t_ms));
    if (window == window_ms_) return;
    window_ms_ = window;
    for (ChartData* other : {&lag_, &requests_}) other->from_ms = other->to_ms - window;
    for (auto& [tier, reading] : readings_)
        reading.spark_from_ms = reading.spark_to_ms - std::min(window, kSparkRange_ms);
    emit lagChanged();
    emit requestsChanged();
}

// True where a tile already has the number of which the chart shows nothing.
bool NowSession::lagsBehind(const ChartMetric& metric, const ChartData& chart) const {
    const bool empty = std::all_of(chart.lines.begin(), chart.lines.end(),
                                   [](const Series& line) { return line.points.empty(); });
    return chart.answered && chart.error.isEmpty() && empty &&
           std::any_of(view_.tiles.begin(), view_.tiles.end(), [&](const TileView& tile) {
               return tile.metric && tile.metric->query == metric.query && tile.value_current;
           });
}

}  // namespace clusterwatch::dashboard
