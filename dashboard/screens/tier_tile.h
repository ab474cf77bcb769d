// One tier on the Now screen. All tiles have the same anatomy, top to bottom: name and state mark,
// members healthy, one number with its unit, what the number is, the last half hour of it, and one
// line for a fault or an age. Painted by hand: no child widgets, and repainted only when what it
// shows has changed.
#pragma once

#include <QWidget>

#include "dashboard/models/now_view.h"
#include "dashboard/screens/theme.h"

namespace clusterwatch::dashboard {

class TierTile : public QWidget {
  public:
    static constexpr int kHeight = 214;

    explicit TierTile(QWidget* parent);

    void display(const TileView& tile, const Theme& theme);
    QSize sizeHint() const override { return {150, kHeight}; }

  protected:
    void paintEvent(QPaintEvent* event) override;

  private:
    bool hatched() const;
    void paintGround(QPainter& painter) const;
    void paintNumber(QPainter& painter, const QRectF& area) const;
    void paintSpark(QPainter& painter, const QRectF& area) const;
    void paintReason(QPainter& painter, const QRectF& area) const;

    TileView tile_;
    const Theme* theme_ = nullptr;
    QString last_;  // what was shown, to skip needless repaints
};

// The tiles in the order in which requests flow, in as many rows as the width asks for.
class FlowRow : public QWidget {
  public:
    explicit FlowRow(QWidget* parent = nullptr);

    void display(const std::vector<TileView>& tiles, const Theme& theme);
    bool hasHeightForWidth() const override { return true; }
    int heightForWidth(int width) const override;
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return {300, TierTile::kHeight}; }

  protected:
    void resizeEvent(QResizeEvent* event) override;
    void paintEvent(QPaintEvent* event) override;

  private:
    int columns(int width) const;
    void place();

    std::vector<TierTile*> tiles_;  // owned by this widget
    const Theme* theme_ = nullptr;
};

}  // namespace clusterwatch::dashboard
