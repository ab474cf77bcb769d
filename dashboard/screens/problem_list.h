// The list of problems: a mark, what and since when, the fault in one line. Plain text only: a
// label from outside cannot inject markup.
#pragma once

#include <QListView>
#include <QStyledItemDelegate>

#include "dashboard/models/problem_list_model.h"
#include "dashboard/screens/theme.h"

namespace clusterwatch::dashboard {

class ProblemDelegate : public QStyledItemDelegate {
  public:
    using QStyledItemDelegate::QStyledItemDelegate;

    void setTheme(const Theme& theme) { theme_ = &theme; }
    void setNow(std::int64_t now_ms) { now_ms_ = now_ms; }
    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override;
    QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;
    bool helpEvent(QHelpEvent* event, QAbstractItemView* view, const QStyleOptionViewItem& option,
                   const QModelIndex& index) override;

  private:
    const Theme* theme_ = &Theme::light();
    std::int64_t now_ms_ = 0;
};

class ProblemList : public QWidget {
  public:
    explicit ProblemList(QWidget* parent = nullptr);

    void display(const NowView& view, const Theme& theme);
    void selectNeighbour(int step);
    QListView& list() { return *list_; }
    ProblemListModel& model() { return model_; }

  protected:
    void paintEvent(QPaintEvent* event) override;

  private:
    ProblemListModel model_;
    ProblemDelegate* delegate_;
    QListView* list_;
    const Theme* theme_ = nullptr;
    QString header_, empty_;
    bool blind_ = false;
};

}  // namespace clusterwatch::dashboard
