#include "dashboard/screens/problem_list.h"

#include <QHelpEvent>
#include <QPainter>
#include <QToolTip>
#include <QVBoxLayout>
#include <algorithm>

#include "dashboard/models/format.h"
#include "dashboard/screens/glyphs.h"

namespace clusterwatch::dashboard {
namespace {

constexpr int kRow = 54;
constexpr int kHeader = 34;

QString originText(const Problem& problem) {
    if (problem.origin == "alert firing") return "firing";
    if (problem.pending()) return "pending";
    if (problem.severity == Severity::kUnknown) return "not known";
    return "check";
}

QString ageText(const Problem& problem, std::int64_t now_ms) {
    if (problem.since_ms <= 0 || now_ms <= 0) return {};
    return formatAge(std::floor(std::max(0.0, double(now_ms - problem.since_ms) / 1000)))
        .replace(".0", "");
}

QString emptyText(const NowView& view) {
    switch (view.verdict.kind) {
        case Verdict::Kind::kConnecting: return "Waiting for the collector.";
        case Verdict::Kind::kBlind: return "Not known: no link to the collector.";
        case Verdict::Kind::kEmpty: return "Nothing is monitored yet.";
        default:
            return QString("No alert is firing and no check complains.\n%1 of %2 probes are fresh.")
                .arg(view.probes_fresh)
                .arg(view.probes);
    }
}

}  // namespace

void ProblemDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                            const QModelIndex& index) const {
    const auto& problem = static_cast<const ProblemListModel*>(index.model())->at(index.row());
    const QRectF r = option.rect;
    painter->save();
    painter->setRenderHint(QPainter::Antialiasing);
    if (option.state & QStyle::State_Selected) {
        painter->fillRect(r, theme_->selection);
        painter->fillRect(QRectF(r.left(), r.top(), 3, r.height()), theme_->accent);
    }
    painter->setPen(QPen(theme_->grid, 1));
    painter->drawLine(r.bottomLeft() + QPointF(12, 0), r.bottomRight() - QPointF(12, 0));
    paintGlyph(*painter, QRectF(r.left() + 14, r.top() + 15, 24, 24), glyphOf(problem.severity),
               *theme_, problem.pending());

    const double left = r.left() + 50, right = r.right() - 14;
    painter->setFont(uiFont(kSmall));
    const QString age = ageText(problem, now_ms_);
    const QString side = originText(problem) + (age.isEmpty() ? "" : "  " + age);
    const double side_width = painter->fontMetrics().horizontalAdvance(side);
    painter->setPen(theme_->dim);
    painter->drawText(QRectF(right - side_width, r.top() + 8, side_width, 19),
                      Qt::AlignRight | Qt::AlignVCenter, side);
    painter->setFont(uiFont(kBody, true));
    painter->setPen(theme_->text);
    const double title_room = right - side_width - 12 - left;
    painter->drawText(
        QRectF(left, r.top() + 8, title_room, 19), Qt::AlignLeft | Qt::AlignVCenter,
        painter->fontMetrics().elidedText(problem.title, Qt::ElideRight, int(title_room)));
    painter->setFont(uiFont(kBody));
    painter->setPen(theme_->text);
    // The title names the thing; of an alert and the check behind it, the check knows more.
    const QString line = (problem.detail.isEmpty() ? problem.text : problem.detail).simplified();
    painter->drawText(QRectF(left, r.top() + 27, right - left, 19),
                      Qt::AlignLeft | Qt::AlignVCenter,
                      painter->fontMetrics().elidedText(line, Qt::ElideRight, int(right - left)));
    painter->restore();
}

QSize ProblemDelegate::sizeHint(const QStyleOptionViewItem&, const QModelIndex&) const {
    return {200, kRow};
}

bool ProblemDelegate::helpEvent(QHelpEvent* event, QAbstractItemView* view,
                                const QStyleOptionViewItem&, const QModelIndex& index) {
    if (!index.isValid()) return false;
    const auto& problem = static_cast<const ProblemListModel*>(index.model())->at(index.row());
    QString text = problem.title + "\n" + problem.text;
    if (!problem.detail.isEmpty()) text += "\n" + problem.detail;
    constexpr std::size_t kMembers = 20;  // a tool tip must fit the screen
    const std::size_t shown = std::min(kMembers, problem.members.size());
    if (shown > 0) text = problem.title;
    for (std::size_t i = 0; i < shown; ++i) text += "\n" + problem.members[i];
    if (problem.members.size() > shown)
        text += QString("\nand %1 more").arg(problem.members.size() - shown);
    if (problem.since_ms > 0) text += "\nsince " + formatClock(problem.since_ms, now_ms_);
    QToolTip::showText(event->globalPos(),
                       "<p style='white-space:pre-wrap'>" + text.toHtmlEscaped() + "</p>", view);
    return true;
}

ProblemList::ProblemList(QWidget* parent)
    : QWidget(parent), delegate_(new ProblemDelegate(this)), list_(new QListView(this)) {
    list_->setModel(&model_);
    list_->setItemDelegate(delegate_);
    list_->setUniformItemSizes(true);
    list_->setFrameShape(QFrame::NoFrame);
    list_->setSelectionMode(QAbstractItemView::SingleSelection);
    list_->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    list_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    list_->setAccessibleName("Problems, worst first");
    list_->viewport()->setAutoFillBackground(false);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(1, kHeader, 1, 1);
    layout->addWidget(list_);
    setMinimumWidth(300);
}

void ProblemList::display(const NowView& view, const Theme& theme) {
    theme_ = &theme;
    delegate_->setTheme(theme);
    delegate_->setNow(view.now_ms);
    model_.update(view.problems);
    blind_ = view.blind();
    const auto count = view.problems.size();
    header_ = count == 0 ? QString() : QString::number(count);
    if (count > ProblemListModel::kRows)
        header_ += QString(", the worst %1 listed").arg(ProblemListModel::kRows);
    if (blind_ && view.link.heard_ms > 0 && count > 0)
        header_ += "  as of " + formatClock(view.link.heard_ms, view.now_ms);
    empty_ = count == 0 ? emptyText(view) : QString();
    list_->setVisible(count > 0);
    list_->viewport()->update();  // ages
    update();
}

void ProblemList::selectNeighbour(int step) {
    if (model_.rowCount() == 0) return;
    const QModelIndex current = list_->currentIndex();
    const int row =
        current.isValid() ? std::clamp(current.row() + step, 0, model_.rowCount() - 1) : 0;
    list_->setCurrentIndex(model_.index(row));
    list_->setFocus();
}

void ProblemList::paintEvent(QPaintEvent*) {
    if (!theme_) return;
    QPainter painter(this);
    painter.fillRect(rect(), theme_->panel);
    if (blind_) paintHatch(painter, rect(), *theme_);
    painter.setPen(QPen(list_->hasFocus() ? theme_->accent : theme_->border, 1));
    painter.drawRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5));
    painter.setFont(uiFont(kBody, true));
    painter.setPen(theme_->text);
    painter.drawText(QRectF(14, 6, width() - 28, 22), Qt::AlignLeft | Qt::AlignVCenter, "Problems");
    const double offset = painter.fontMetrics().horizontalAdvance("Problems  ");
    painter.setFont(uiFont(kBody));
    painter.setPen(theme_->dim);
    painter.drawText(QRectF(14 + offset, 6, width() - 28 - offset, 22),
                     Qt::AlignLeft | Qt::AlignVCenter, header_);
    if (!empty_.isEmpty())
        painter.drawText(QRectF(rect()).adjusted(20, kHeader, -20, -20),
                         Qt::AlignCenter | Qt::TextWordWrap, empty_);
}

}  // namespace clusterwatch::dashboard
