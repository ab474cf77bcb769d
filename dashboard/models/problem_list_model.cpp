#include "dashboard/models/problem_list_model.h"

#include <algorithm>

namespace clusterwatch::dashboard {

void ProblemListModel::update(std::vector<Problem> problems) {
    if (problems.size() > kRows) problems.resize(kRows);
    std::set<QString> keys;
    for (const Problem& problem : problems) keys.insert(problem.key);

    for (int row = int(problems_.size()) - 1; row >= 0; --row) {
        if (keys.contains(at(row).key)) continue;
        beginRemoveRows({}, row, row);
        problems_.erase(problems_.begin() + row);
        endRemoveRows();
    }
    // From the top, each wanted row is moved up from below or inserted.
    for (int row = 0; row < int(problems.size()); ++row) {
        const Problem& wanted = problems[std::size_t(row)];
        const auto found = std::find_if(problems_.begin() + row, problems_.end(),
                                        [&](const Problem& p) { return p.key == wanted.key; });
        if (found == problems_.end()) {
            beginInsertRows({}, row, row);
            problems_.insert(problems_.begin() + row, wanted);
            endInsertRows();
            continue;
        }
        const int from = int(found - problems_.begin());
        if (from != row) {
            beginMoveRows({}, from, from, {}, row);
            std::rotate(problems_.begin() + row, found, found + 1);
            endMoveRows();
        }
        if (!(at(row) == wanted)) {
            problems_[std::size_t(row)] = wanted;
            emit dataChanged(index(row), index(row));
        }
    }
}

int ProblemListModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : int(problems_.size());
}

QVariant ProblemListModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid() || index.row() >= rowCount()) return {};
    const Problem& problem = at(index.row());
    switch (role) {
        case Qt::DisplayRole:
        case Qt::AccessibleTextRole:
            return toWord(problem.severity) + ": " + problem.title + ": " + problem.text +
                   (problem.detail.isEmpty() ? "" : ". " + problem.detail);
        case kKeyRole: return problem.key;
        case kSeverityRole: return int(problem.severity);
        case kTitleRole: return problem.title;
        case kTextRole: return problem.text;
        case kSinceRole: return qlonglong(problem.since_ms);
        case kOriginRole: return problem.origin;
        default: return {};
    }
}

}  // namespace clusterwatch::dashboard
