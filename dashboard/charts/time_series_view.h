// A chart of a few lines over time: the one class that knows Qt Charts, and its faults in 6.4:
//  - append() is quadratic on a shown chart: each refresh is one replace() a line segment;
//  - a NaN is dropped and the line drawn across: each gapless segment is a series of its own;
//  - QDateTimeAxis labels crooked times, and fixed plot areas are needed to align charts: both axes
//    are hidden and grid, labels, gaps and thresholds are drawn here;
//  - a click on an empty chart can crash (QTBUG-118669): presses are not passed on;
//  - OpenGL series do not work off screen: never used.
// Qt Charts is in maintenance; to replace it, replace this class.
//
// GUI thread only.
#pragma once

#include <QChartView>
#include <QColor>
#include <cstdint>
#include <optional>
#include <vector>

#include "dashboard/models/series.h"

class QLineSeries;
class QValueAxis;

namespace clusterwatch::dashboard {

struct ChartColors {
    QColor background, border, grid, axis_text, title, gap, cursor;
    std::vector<QColor> lines;
    QColor warning, critical;
};

struct ChartLine {
    QString name;
    std::vector<TimePoint> points;
};

struct ChartThreshold {
    double value = 0;
    bool critical = false;
};

class TimeSeriesView : public QChartView {
    Q_OBJECT

  public:
    // Beyond this many unbroken stretches the oldest are left out.
    static constexpr std::size_t kSegments = 200;
    static constexpr std::size_t kLines = 7;  // more cannot be told apart

    TimeSeriesView(const QString& title, const QString& unit, double least_top,
                   QWidget* parent = nullptr);

    void setColors(const ChartColors& colors);
    void setThresholds(std::vector<ChartThreshold> thresholds);
    // The range is shared by linked charts; two points further apart than `gap_ms` are not joined.
    void setData(std::vector<ChartLine> lines, std::int64_t from_ms, std::int64_t to_ms,
                 std::int64_t gap_ms);
    // A sentence in the middle instead of lines ("no replica is monitored").
    void setMessage(const QString& message);
    // Hatched, with this text; empty: current.
    void setStale(const QString& text);
    // The linked cursor; nullopt takes it away.
    void setCursorTime(std::optional<std::int64_t> t_ms);

    // The drawn segments, for tests.
    std::vector<std::vector<TimePoint>> drawnSegments() const;

  signals:
    void cursorMoved(std::optional<qint64> t_ms);

  protected:
    void resizeEvent(QResizeEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void drawBackground(QPainter* painter, const QRectF& rect) override;
    void drawForeground(QPainter* painter, const QRectF& rect) override;

  private:
    void rebuild();
    void placePlot();
    void describe();
    void drawTimeGrid(QPainter& painter, const QRectF& plot) const;
    void drawValueGrid(QPainter& painter, const QRectF& plot) const;
    void drawGaps(QPainter& painter, const QRectF& plot) const;
    void drawBeforeFirst(QPainter& painter, const QRectF& plot) const;
    QString subtitle() const;
    void drawThresholds(QPainter& painter, const QRectF& plot) const;
    void drawLabels(QPainter& painter, const QRectF& plot) const;
    void drawCursor(QPainter& painter, const QRectF& plot) const;
    QPointF place(const QRectF& plot, double t_ms, double value) const;
    QColor lineColor(std::size_t index) const;

    const QString title_, unit_;
    const double least_top_;
    ChartColors colors_;
    std::vector<ChartThreshold> thresholds_;
    std::vector<ChartLine> lines_;
    std::vector<QLineSeries*> pool_;  // owned by the chart; reused
    std::size_t used_ = 0;
    QValueAxis* time_axis_;
    QValueAxis* value_axis_;
    std::int64_t from_ms_ = 0, to_ms_ = 1, gap_ms_ = 1;
    std::vector<double> ticks_{0, 1};
    QString message_, stale_;
    std::optional<std::int64_t> cursor_ms_;
};

}  // namespace clusterwatch::dashboard
