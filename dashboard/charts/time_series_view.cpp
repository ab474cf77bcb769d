#include "dashboard/charts/time_series_view.h"

#include <QChart>
#include <QDateTime>
#include <QGraphicsLayout>
#include <QLineSeries>
#include <QMouseEvent>
#include <QPainter>
#include <QPainterPath>
#include <QValueAxis>
#include <algorithm>

#include "dashboard/models/format.h"
#include "dashboard/models/ticks.h"

namespace clusterwatch::dashboard {
namespace {

constexpr double kLeft = 52, kRight = 96, kTop = 34, kBottom = 26;

QString clockText(std::int64_t t_ms) {
    return QDateTime::fromMSecsSinceEpoch(t_ms).toString(t_ms % 60'000 == 0 ? "HH:mm" : "HH:mm:ss");
}

int utcOffset(std::int64_t t_ms) { return QDateTime::fromMSecsSinceEpoch(t_ms).offsetFromUtc(); }

// The newest value of a line, if it belongs to the present: within the gap of the range's end.
std::optional<TimePoint> newest(const ChartLine& line, std::int64_t to_ms, std::int64_t gap_ms) {
    if (line.points.empty() || to_ms - line.points.back().t_ms > gap_ms) return std::nullopt;
    return line.points.back();
}

// The point that the cursor reads: the nearest one, unless the cursor stands in a gap.
std::optional<TimePoint> nearest(const std::vector<TimePoint>& points, std::int64_t t_ms,
                                 std::int64_t gap_ms) {
    std::optional<TimePoint> best;
    for (const TimePoint& point : points)
        if (std::abs(point.t_ms - t_ms) <= gap_ms / 2 &&
            (!best || std::abs(point.t_ms - t_ms) < std::abs(best->t_ms - t_ms)))
            best = point;
    return best;
}

}  // namespace

TimeSeriesView::TimeSeriesView(const QString& title, const QString& unit, double least_top,
                               QWidget* parent)
    : QChartView(parent),
      title_(title),
      unit_(unit),
      least_top_(least_top),
      time_axis_(new QValueAxis),
      value_axis_(new QValueAxis) {
    QChart* own = chart();
    own->legend()->hide();
    own->setBackgroundVisible(false);
    own->setMargins({0, 0, 0, 0});
    own->layout()->setContentsMargins(0, 0, 0, 0);
    own->setAnimationOptions(QChart::NoAnimation);
    own->addAxis(time_axis_, Qt::AlignBottom);
    own->addAxis(value_axis_, Qt::AlignLeft);
    time_axis_->hide();
    value_axis_->hide();
    setFrameShape(QFrame::NoFrame);
    setRenderHint(QPainter::Antialiasing);
    setMouseTracking(true);
    setCacheMode(QGraphicsView::CacheNone);
    setMinimumSize(240, 120);
    setFocusPolicy(Qt::TabFocus);
    setAccessibleName(title_ + " over time");
    describe();
}

void TimeSeriesView::setColors(const ChartColors& colors) {
    colors_ = colors;
    rebuild();
}

void TimeSeriesView::setThresholds(std::vector<ChartThreshold> thresholds) {
    thresholds_ = std::move(thresholds);
    viewport()->update();
}

void TimeSeriesView::setData(std::vector<ChartLine> lines, std::int64_t from_ms, std::int64_t to_ms,
                             std::int64_t gap_ms) {
    if (lines.size() > kLines) lines.resize(kLines);
    lines_ = std::move(lines);
    from_ms_ = from_ms;
    to_ms_ = std::max(to_ms, from_ms + 1);
    gap_ms_ = gap_ms;
    message_.clear();
    rebuild();
}

void TimeSeriesView::setMessage(const QString& message) {
    lines_.clear();
    message_ = message;
    rebuild();
}

void TimeSeriesView::setStale(const QString& text) {
    if (stale_ == text) return;
    stale_ = text;
    describe();
    viewport()->update();
}

void TimeSeriesView::setCursorTime(std::optional<std::int64_t> t_ms) {
    if (cursor_ms_ == t_ms) return;
    cursor_ms_ = t_ms;
    viewport()->update();
}

QColor TimeSeriesView::lineColor(std::size_t index) const {
    return colors_.lines.empty() ? QColor(Qt::gray) : colors_.lines[index % colors_.lines.size()];
}

void TimeSeriesView::rebuild() {
    double top = least_top_;
    for (const ChartLine& line : lines_)
        for (const TimePoint& point : line.points)
            if (point.t_ms >= from_ms_ && point.t_ms <= to_ms_) top = std::max(top, point.value);
    ticks_ = valueTicks(top, 4);
    value_axis_->setRange(0, ticks_.back());
    time_axis_->setRange(double(from_ms_), double(to_ms_));

    struct Segment {
        std::size_t line;
        std::vector<TimePoint> points;
    };
    std::vector<Segment> segments;
    const int columns = std::max(300, int(chart()->plotArea().width()));
    for (std::size_t i = 0; i < lines_.size(); ++i)
        for (const auto& stretch : splitAtGaps(lines_[i].points, gap_ms_))
            if (auto kept = decimate(stretch, from_ms_, to_ms_, columns); !kept.empty())
                segments.push_back({i, std::move(kept)});
    std::stable_sort(segments.begin(), segments.end(), [](const Segment& a, const Segment& b) {
        return a.points.back().t_ms > b.points.back().t_ms;
    });
    if (segments.size() > kSegments) segments.resize(kSegments);

    used_ = segments.size();
    while (pool_.size() < used_) {
        auto* series = new QLineSeries;
        chart()->addSeries(series);
        series->attachAxis(time_axis_);
        series->attachAxis(value_axis_);
        pool_.push_back(series);
    }
    for (std::size_t i = 0; i < pool_.size(); ++i) {
        QList<QPointF> points;
        if (i < used_) {
            for (const TimePoint& p : segments[i].points) points.append({double(p.t_ms), p.value});
            // A lone sample would be invisible: a line needs two ends.
            if (points.size() == 1)
                points.append({points[0].x() + double(to_ms_ - from_ms_) / columns, points[0].y()});
            pool_[i]->setPen(QPen(lineColor(segments[i].line), 1.6));
        }
        pool_[i]->setVisible(i < used_);
        if (i < used_ || pool_[i]->count() > 0) pool_[i]->replace(points);
    }
    describe();
    viewport()->update();
}

std::vector<std::vector<TimePoint>> TimeSeriesView::drawnSegments() const {
    std::vector<std::vector<TimePoint>> drawn;
    for (std::size_t i = 0; i < used_; ++i) {
        drawn.emplace_back();
        for (const QPointF& point : pool_[i]->points())
            drawn.back().push_back({std::int64_t(point.x()), point.y()});
    }
    return drawn;
}

void TimeSeriesView::describe() {
    QString text = message_;
    for (const ChartLine& line : lines_) {
        const auto now = newest(line, to_ms_, gap_ms_);
        text += line.name + ": " +
                (now ? formatNumber(now->value) + ' ' + unit_ : QString("no current value")) + ". ";
    }
    for (const ChartThreshold& threshold : thresholds_)
        text += (threshold.critical ? "Critical above " : "Warning above ") +
                formatNumber(threshold.value) + ' ' + unit_ + ". ";
    setAccessibleDescription(text + stale_);
}

void TimeSeriesView::placePlot() {
    const QRectF area(kLeft, kTop, std::max(10.0, width() - kLeft - kRight),
                      std::max(10.0, height() - kTop - kBottom));
    chart()->setPlotArea(area);
}

void TimeSeriesView::resizeEvent(QResizeEvent* event) {
    QChartView::resizeEvent(event);
    placePlot();
    rebuild();
}

// Not passed on: QChartView's own handler dereferences a null item on an empty chart (QTBUG-118669).
void TimeSeriesView::mousePressEvent(QMouseEvent* event) { event->accept(); }
void TimeSeriesView::mouseReleaseEvent(QMouseEvent* event) { event->accept(); }

void TimeSeriesView::mouseMoveEvent(QMouseEvent* event) {
    const QRectF plot = chart()->plotArea();
    const double share = (event->position().x() - plot.left()) / plot.width();
    if (share < 0 || share > 1)
        emit cursorMoved(std::nullopt);
    else
        emit cursorMoved(from_ms_ + qint64(share * double(to_ms_ - from_ms_)));
}

void TimeSeriesView::leaveEvent(QEvent* event) {
    emit cursorMoved(std::nullopt);
    QChartView::leaveEvent(event);
}

QPointF TimeSeriesView::place(const QRectF& plot, double t_ms, double value) const {
    const double x = (t_ms - double(from_ms_)) / double(to_ms_ - from_ms_);
    return {plot.left() + x * plot.width(), plot.bottom() - value / ticks_.back() * plot.height()};
}

void TimeSeriesView::drawTimeGrid(QPainter& painter, const QRectF& plot) const {
    const int at_most = std::max(2, int(plot.width() / 78));
    for (const std::int64_t tick : timeTicks(from_ms_, to_ms_, at_most, utcOffset(to_ms_))) {
        const double x = std::floor(place(plot, double(tick), 0).x()) + 0.5;
        painter.setPen(QPen(colors_.grid, 1));
        painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()));
        painter.setPen(colors_.axis_text);
        painter.drawText(QRectF(x - 40, plot.bottom() + 5, 80, 18), Qt::AlignHCenter | Qt::AlignTop,
                         clockText(tick));
    }
}

void TimeSeriesView::drawValueGrid(QPainter& painter, const QRectF& plot) const {
    for (const double tick : ticks_) {
        const double y = std::floor(place(plot, double(from_ms_), tick).y()) + 0.5;
        painter.setPen(QPen(colors_.grid, 1));
        painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y));
        painter.setPen(colors_.axis_text);
        painter.drawText(QRectF(0, y - 9, kLeft - 8, 18), Qt::AlignRight | Qt::AlignVCenter,
                         formatNumber(tick));
    }
}

// Where no line has a value between two that have, or since the last one, the ground is hatched:
// "nothing known" must not look like "nothing happened". Before the first value it says so in words.
void TimeSeriesView::drawGaps(QPainter& painter, const QRectF& plot) const {
    if (lines_.empty()) return;
    std::vector<TimePoint> all;
    for (const ChartLine& line : lines_)
        all.insert(all.end(), line.points.begin(), line.points.end());
    std::sort(all.begin(), all.end(),
              [](const TimePoint& a, const TimePoint& b) { return a.t_ms < b.t_ms; });
    painter.setPen(Qt::NoPen);
    painter.setBrush(QBrush(colors_.gap, Qt::BDiagPattern));
    double open = double(from_ms_);
    bool known = false;
    const auto shade = [&](double from, double to) {
        if (to - from <= double(gap_ms_)) return;
        painter.drawRect(QRectF(place(plot, from, ticks_.back()), place(plot, to, 0)));
    };
    for (const TimePoint& point : all) {
        if (point.t_ms < from_ms_) continue;
        if (known) shade(open, double(point.t_ms));
        known = true;
        open = double(point.t_ms);
    }
    shade(open, double(to_ms_));
}

void TimeSeriesView::drawBeforeFirst(QPainter& painter, const QRectF& plot) const {
    std::int64_t first_ms = to_ms_;
    for (const ChartLine& line : lines_)
        for (const TimePoint& point : line.points)
            if (point.t_ms >= from_ms_) first_ms = std::min(first_ms, point.t_ms);
    if (first_ms - from_ms_ <= gap_ms_) return;
    const QString text =
        "no data until " + QDateTime::fromMSecsSinceEpoch(first_ms).toString("HH:mm:ss");
    const QRectF area(plot.topLeft(), place(plot, double(first_ms), 0));
    QRectF words({}, painter.fontMetrics().boundingRect(text).size() + QSizeF(12, 6));
    if (words.width() >= area.width()) return;
    words.moveCenter(area.center());
    painter.fillRect(words, colors_.background);  // so that no grid line strikes it through
    painter.setPen(colors_.axis_text);
    painter.drawText(words, Qt::AlignCenter, text);
}

void TimeSeriesView::drawThresholds(QPainter& painter, const QRectF& plot) const {
    double value = 0;
    for (const ChartLine& line : lines_)
        if (const auto now = newest(line, to_ms_, gap_ms_)) value = std::max(value, now->value);
    std::vector<ChartThreshold> highest_first = thresholds_;
    std::sort(highest_first.begin(), highest_first.end(),
              [](const ChartThreshold& a, const ChartThreshold& b) { return a.value > b.value; });
    double label_y = -1e9;
    for (const ChartThreshold& threshold : highest_first) {
        if (threshold.value > ticks_.back()) continue;
        const bool violated = value > threshold.value && stale_.isEmpty();
        const QColor hue = threshold.critical ? colors_.critical : colors_.warning;
        const double y = std::floor(place(plot, double(from_ms_), threshold.value).y()) + 0.5;
        painter.setPen(QPen(violated ? hue : colors_.axis_text, violated ? 1.5 : 1, Qt::DashLine));
        painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y));
        if (y - label_y < 16) continue;  // two names in one place can't be read
        label_y = y;
        const QString name = threshold.critical ? "critical " : "warning ";
        painter.setPen(colors_.axis_text);
        painter.drawText(QRectF(plot.left() + 6, y - 17, 200, 16), Qt::AlignLeft | Qt::AlignBottom,
                         name + formatNumber(threshold.value) + ' ' + unit_);
    }
}

QString TimeSeriesView::subtitle() const {
    const QString unit = unit_ == "s" ? "seconds" : "per second";
    if (!message_.isEmpty()) return unit;
    return unit + ", last " + QString::number((to_ms_ - from_ms_ + 30'000) / 60'000) + " min";
}

void TimeSeriesView::drawBackground(QPainter* painter, const QRectF&) {
    painter->save();
    painter->resetTransform();
    const QRectF plot = chart()->plotArea();
    painter->fillRect(rect(), colors_.background);
    painter->setPen(QPen(colors_.border, 1));
    painter->drawRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5));
    painter->setRenderHint(QPainter::Antialiasing);
    painter->setFont(font());
    if (message_.isEmpty()) {
        drawGaps(*painter, plot);
        painter->setBrush(Qt::NoBrush);
        drawValueGrid(*painter, plot);
        drawTimeGrid(*painter, plot);
        drawBeforeFirst(*painter, plot);
        drawThresholds(*painter, plot);
    }
    QFont bold = font();
    bold.setBold(true);
    painter->setFont(bold);
    painter->setPen(colors_.title);
    painter->drawText(QRectF(12, 6, width() - 24, 22), Qt::AlignLeft | Qt::AlignVCenter, title_);
    const double title_width = painter->fontMetrics().horizontalAdvance(title_ + "  ");
    painter->setFont(font());
    painter->setPen(colors_.axis_text);
    painter->drawText(QRectF(12 + title_width, 6, width() - 24, 22),
                      Qt::AlignLeft | Qt::AlignVCenter, subtitle());
    if (!message_.isEmpty())
        painter->drawText(QRectF(rect()).adjusted(16, 30, -16, -10),
                          Qt::AlignCenter | Qt::TextWordWrap, message_);
    painter->restore();
}

// Labels stand at the end of their line instead of in a legend; they make room for each other.
void TimeSeriesView::drawLabels(QPainter& painter, const QRectF& plot) const {
    struct Label {
        double y;
        QString name, value;
        QColor color;
    };
    std::vector<Label> labels;
    for (std::size_t i = 0; i < lines_.size(); ++i) {
        const auto now = newest(lines_[i], to_ms_, gap_ms_);
        const double y = now ? place(plot, double(to_ms_), now->value).y() : plot.bottom();
        labels.push_back({y, lines_[i].name,
                          now ? formatNumber(now->value) + ' ' + unit_ : QString("no value"),
                          lineColor(i)});
    }
    std::sort(labels.begin(), labels.end(),
              [](const Label& a, const Label& b) { return a.y > b.y; });
    double limit = plot.bottom() + 6;
    for (const Label& label : labels) {
        const double y = std::min(label.y + 8, limit);
        limit = y - 34;
        painter.setPen(label.color);
        QFont bold = font();
        bold.setBold(true);
        painter.setFont(bold);
        painter.drawText(QRectF(plot.right() + 8, y - 32, kRight - 12, 17),
                         Qt::AlignLeft | Qt::AlignVCenter, label.value);
        painter.setFont(font());
        painter.setPen(colors_.axis_text);
        const QString name =
            painter.fontMetrics().elidedText(label.name, Qt::ElideRight, int(kRight - 14));
        painter.drawText(QRectF(plot.right() + 8, y - 16, kRight - 12, 16),
                         Qt::AlignLeft | Qt::AlignVCenter, name);
    }
}

void TimeSeriesView::drawCursor(QPainter& painter, const QRectF& plot) const {
    if (!cursor_ms_ || *cursor_ms_ < from_ms_ || *cursor_ms_ > to_ms_) return;
    const double x = place(plot, double(*cursor_ms_), 0).x();
    painter.setPen(QPen(colors_.cursor, 1));
    painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()));
    QString text = QDateTime::fromMSecsSinceEpoch(*cursor_ms_).toString("HH:mm:ss");
    for (const ChartLine& line : lines_) {
        const auto point = nearest(line.points, *cursor_ms_, gap_ms_);
        text += "   " + line.name + ' ' +
                (point ? formatNumber(point->value) + ' ' + unit_ : QString("no value"));
    }
    painter.setPen(colors_.title);
    painter.drawText(QRectF(width() / 2.0 - 40, 6, width() / 2.0 + 28, 22),
                     Qt::AlignRight | Qt::AlignVCenter, text);
}

void TimeSeriesView::drawForeground(QPainter* painter, const QRectF&) {
    if (!message_.isEmpty()) return;
    painter->save();
    painter->resetTransform();
    painter->setRenderHint(QPainter::Antialiasing);
    const QRectF plot = chart()->plotArea();
    if (stale_.isEmpty()) {
        drawLabels(*painter, plot);
    } else {
        painter->setPen(Qt::NoPen);
        painter->setBrush(QBrush(colors_.gap, Qt::BDiagPattern));
        painter->drawRect(plot);
        painter->setPen(colors_.title);
        painter->drawText(QRectF(width() / 2.0 - 40, 6, width() / 2.0 + 28, 22),
                          Qt::AlignRight | Qt::AlignVCenter, stale_);
    }
    drawCursor(*painter, plot);
    if (hasFocus()) {
        painter->setPen(QPen(colors_.cursor, 2));
        painter->setBrush(Qt::NoBrush);
        painter->drawRect(QRectF(rect()).adjusted(1, 1, -1, -1));
    }
    painter->restore();
}

}  // namespace clusterwatch::dashboard
