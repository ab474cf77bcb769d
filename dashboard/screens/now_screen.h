// The Now screen: verdict, trust bar, the tiers in flow order, problems, two linked charts, and a
// footer whose clock shows that the screen itself is alive. It shows a NowView; it decides nothing.
#pragma once

#include <QWidget>

#include "dashboard/models/now_view.h"
#include "dashboard/screens/theme.h"

class QVBoxLayout;

namespace clusterwatch::dashboard {

class FlowRow;
class ProblemList;
class TimeSeriesView;
class TrustBar;
class VerdictLine;

struct ChartData {
    std::vector<Series> lines;
    std::int64_t from_ms = 0, to_ms = 0, gap_ms = 15'000;
    QString error;  // why there is nothing to draw
    bool answered = false;
};

class NowScreen : public QWidget {
  public:
    explicit NowScreen(QWidget* parent = nullptr);

    void setTheme(const Theme& theme);
    void display(const NowView& view);
    void showLag(const ChartData& chart);
    void showRequests(const ChartData& chart);
    void selectNeighbour(int step);
    ProblemList& problems() { return *problems_; }

  protected:
    void paintEvent(QPaintEvent* event) override;

  private:
    void showChart(TimeSeriesView& view, const ChartData& chart, const QString& empty,
                   bool name_instances);

    VerdictLine* verdict_;
    TrustBar* trust_;
    FlowRow* flow_;
    ProblemList* problems_;
    TimeSeriesView* lag_;
    TimeSeriesView* requests_;
    const Theme* theme_ = &Theme::light();
    NowView view_;
};

}  // namespace clusterwatch::dashboard
