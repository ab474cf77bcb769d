#include "dashboard/screens/now_screen.h"

#include <QDateTime>
#include <QHBoxLayout>
#include <QPainter>
#include <QVBoxLayout>

#include "dashboard/charts/time_series_view.h"
#include "dashboard/models/format.h"
#include "dashboard/screens/headline.h"
#include "dashboard/screens/problem_list.h"
#include "dashboard/screens/tier_tile.h"

namespace clusterwatch::dashboard {
namespace {

constexpr int kMargin = 12;
constexpr int kFooter = 26;

ChartColors chartColors(const Theme& theme) {
    return {.background = theme.panel,
            .border = theme.border,
            .grid = theme.grid,
            .axis_text = theme.dim,
            .title = theme.text,
            .gap = theme.border,
            .cursor = theme.accent,
            .lines = theme.lines,
            .warning = theme.warning_edge,
            .critical = theme.critical};
}

QString zoneText(const QDateTime& time) {
    const int minutes = time.offsetFromUtc() / 60;
    if (minutes == 0) return "UTC";
    return QString("UTC%1%2:%3")
        .arg(minutes < 0 ? "-" : "+")
        .arg(std::abs(minutes) / 60)
        .arg(std::abs(minutes) % 60, 2, 10, QChar('0'));
}

}  // namespace

NowScreen::NowScreen(QWidget* parent)
    : QWidget(parent),
      verdict_(new VerdictLine(this)),
      trust_(new TrustBar(this)),
      flow_(new FlowRow(this)),
      problems_(new ProblemList(this)) {
    const ChartMetric lag = replicaLagChart(), requests = requestsChart();
    lag_ = new TimeSeriesView(lag.title, lag.unit, lag.least_top, this);
    requests_ = new TimeSeriesView(requests.title, requests.unit, requests.least_top, this);
    // The replication probe's default limits; the rule file has the ones that page.
    lag_->setThresholds({{10, false}, {30, true}});
    for (TimeSeriesView* from : {lag_, requests_})
        for (TimeSeriesView* to : {lag_, requests_})
            connect(from, &TimeSeriesView::cursorMoved, to,
                    [to](std::optional<qint64> t) { to->setCursorTime(t); });

    auto* charts = new QVBoxLayout;
    charts->setSpacing(kGap);
    charts->addWidget(lag_, 1);
    charts->addWidget(requests_, 1);
    auto* lower = new QHBoxLayout;
    lower->setSpacing(kGap);
    lower->addWidget(problems_, 5);
    lower->addLayout(charts, 7);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(kMargin, kMargin, kMargin, kFooter);
    layout->setSpacing(kGap);
    layout->addWidget(verdict_);
    layout->addWidget(trust_);
    layout->addWidget(flow_);
    layout->addLayout(lower, 1);
    setTabOrder(verdict_, trust_);
    setTheme(*theme_);
}

void NowScreen::setTheme(const Theme& theme) {
    theme_ = &theme;
    for (TimeSeriesView* view : {lag_, requests_}) {
        view->setFont(uiFont(kSmall));
        view->setColors(chartColors(theme));
    }
    display(view_);
}

void NowScreen::display(const NowView& view) {
    view_ = view;
    verdict_->display(view.verdict, *theme_);
    trust_->display(view.trust, view.link.phase == LinkStatus::Phase::kLost, *theme_);
    flow_->display(view.tiles, *theme_);
    flow_->setVisible(!view.tiles.empty());
    problems_->display(view, *theme_);
    const QString stale = !view.blind() ? QString()
                          : view.link.heard_ms > 0
                              ? "as of " + formatClock(view.link.heard_ms, view.now_ms)
                              : QString("not known");
    lag_->setStale(stale);
    requests_->setStale(stale);
    update(0, height() - kFooter, width(), kFooter);
}

void NowScreen::showChart(TimeSeriesView& view, const ChartData& chart, const QString& empty,
                          bool name_instances) {
    if (!chart.error.isEmpty()) return view.setMessage(chart.error);
    if (!chart.answered) return view.setMessage("Waiting for the collector.");
    std::vector<ChartLine> lines;
    for (const Series& series : chart.lines)
        if (!series.points.empty())
            lines.push_back(
                {name_instances ? series.label("instance") : QString("total"), series.points});
    if (lines.empty()) return view.setMessage(empty);
    view.setData(std::move(lines), chart.from_ms, chart.to_ms, chart.gap_ms);
}

void NowScreen::showLag(const ChartData& chart) {
    showChart(*lag_, chart, "No replica has reported a lag in the last hour.", true);
}

void NowScreen::showRequests(const ChartData& chart) {
    showChart(*requests_, chart, "No web server has reported requests in the last hour.", false);
}

void NowScreen::selectNeighbour(int step) { problems_->selectNeighbour(step); }

void NowScreen::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.fillRect(rect(), theme_->window);
    painter.setFont(uiFont(kSmall));
    painter.setPen(theme_->dim);
    const QRectF footer(kMargin + 2, height() - kFooter, width() - 2 * kMargin - 4, kFooter);
    const QDateTime now = QDateTime::currentDateTime();
    const QString cluster =
        view_.cluster.isEmpty() ? QString("clusterwatch") : "cluster " + view_.cluster;
    painter.drawText(footer, Qt::AlignLeft | Qt::AlignVCenter, cluster + "   " + view_.link.url);
    painter.drawText(footer, Qt::AlignRight | Qt::AlignVCenter,
                     "? keys   " + now.toString("yyyy-MM-dd HH:mm:ss") + ' ' + zoneText(now));
}

}  // namespace clusterwatch::dashboard
