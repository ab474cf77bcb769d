// The list of problems as a Qt model. An update is a difference by key: rows that stay keep their
// persistent indexes, so a selection survives updates and re-sorting.
#pragma once

#include <QAbstractListModel>

#include "dashboard/models/now_view.h"

namespace clusterwatch::dashboard {

class ProblemListModel : public QAbstractListModel {
  public:
    // At most so many rows are listed; the header says how many more there are.
    static constexpr std::size_t kRows = 500;
    enum Roles {
        kKeyRole = Qt::UserRole + 1,
        kSeverityRole,
        kTitleRole,
        kTextRole,
        kSinceRole,
        kOriginRole
    };

    using QAbstractListModel::QAbstractListModel;

    void update(std::vector<Problem> problems);
    const Problem& at(int row) const { return problems_[std::size_t(row)]; }

    int rowCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;

  private:
    std::vector<Problem> problems_;
};

}  // namespace clusterwatch::dashboard
