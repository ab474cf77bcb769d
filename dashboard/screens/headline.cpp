#include "dashboard/screens/headline.h"

#include <QHelpEvent>
#include <QPainter>
#include <QToolTip>

#include "dashboard/screens/glyphs.h"

namespace clusterwatch::dashboard {
namespace {

QColor edgeOf(Verdict::Kind kind, const Theme& theme) {
    switch (kind) {
        case Verdict::Kind::kCritical: return theme.critical;
        case Verdict::Kind::kWarning: return theme.warning;
        case Verdict::Kind::kBlind: return theme.text;
        default: return theme.border;
    }
}

// The largest size at which the sentence fits on one line; below the least it is elided.
QFont fitting(const QString& text, double width) {
    for (int pixels = width > 1500 ? 28 : 24; pixels > 15; --pixels)
        if (QFontMetrics(uiFont(pixels, true)).horizontalAdvance(text) <= width)
            return uiFont(pixels, true);
    return uiFont(15, true);
}

}  // namespace

VerdictLine::VerdictLine(QWidget* parent) : QWidget(parent) {
    setFixedHeight(kHeight);
    setFocusPolicy(Qt::TabFocus);
}

void VerdictLine::display(const Verdict& verdict, const Theme& theme) {
    const bool same = verdict.kind == verdict_.kind && verdict.text == verdict_.text &&
                      verdict.detail == verdict_.detail && theme_ == &theme;
    verdict_ = verdict;
    theme_ = &theme;
    if (same) return;
    setAccessibleName("Verdict: " + verdict.text);
    setAccessibleDescription(verdict.detail);
    update();
}

void VerdictLine::paintEvent(QPaintEvent*) {
    if (!theme_) return;
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.fillRect(rect(), theme_->panel);
    if (verdict_.kind == Verdict::Kind::kBlind)
        paintHatch(painter, QRectF(0, 0, 84, height()), *theme_);
    const bool loud = verdict_.kind == Verdict::Kind::kCritical ||
                      verdict_.kind == Verdict::Kind::kBlind ||
                      verdict_.kind == Verdict::Kind::kWarning;
    painter.setBrush(Qt::NoBrush);
    painter.setPen(QPen(
        verdict_.kind == Verdict::Kind::kWarning ? theme_->neutral : edgeOf(verdict_.kind, *theme_),
        loud ? 2 : 1));
    painter.drawRect(QRectF(rect()).adjusted(1, 1, -1, -1));
    painter.fillRect(QRectF(0, 0, 8, height()), edgeOf(verdict_.kind, *theme_));
    if (hasFocus()) {
        painter.setPen(QPen(theme_->accent, 2));
        painter.drawRect(QRectF(rect()).adjusted(12, 4, -4, -4));
    }
    paintGlyph(painter, QRectF(24, (height() - 44) / 2.0, 44, 44), glyphOf(verdict_.kind), *theme_);
    const double left = 88, room = width() - left - 16;
    painter.setFont(fitting(verdict_.text, room));
    painter.setPen(theme_->text);
    const bool alone = verdict_.detail.isEmpty();
    painter.drawText(QRectF(left, alone ? 0 : 8, room, alone ? height() : 40),
                     Qt::AlignLeft | Qt::AlignVCenter,
                     painter.fontMetrics().elidedText(verdict_.text, Qt::ElideRight, int(room)));
    painter.setFont(uiFont(kBody));
    painter.setPen(theme_->dim);
    painter.drawText(QRectF(left, 48, room, 24), Qt::AlignLeft | Qt::AlignVCenter,
                     painter.fontMetrics().elidedText(verdict_.detail, Qt::ElideRight, int(room)));
}

TrustBar::TrustBar(QWidget* parent) : QWidget(parent) {
    setFixedHeight(kHeight);
    setFocusPolicy(Qt::TabFocus);
    setAccessibleName("Trust: how old what you see is");
}

void TrustBar::display(const std::vector<TrustItem>& items, bool blind, const Theme& theme) {
    items_ = items;
    blind_ = blind;
    theme_ = &theme;
    QString text;
    for (const TrustItem& item : items)
        text += item.name + ' ' + item.value + (item.bad ? " (!). " : ". ");
    setAccessibleDescription(text);
    update();
}

void TrustBar::paintEvent(QPaintEvent*) {
    if (!theme_ || items_.empty()) return;
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setBrush(Qt::NoBrush);
    painter.setPen(QPen(blind_ ? theme_->critical : theme_->border, blind_ ? 2 : 1));
    painter.drawRect(QRectF(rect()).adjusted(1, 1, -1, -1));
    const double cell = double(width()) / double(items_.size());
    for (std::size_t i = 0; i < items_.size(); ++i) {
        const TrustItem& item = items_[i];
        double left = double(i) * cell + 14;
        if (i > 0) {
            painter.setPen(QPen(theme_->border, 1));
            painter.drawLine(QPointF(left - 14, 9), QPointF(left - 14, height() - 9));
        }
        if (item.bad) {
            paintGlyph(painter, QRectF(left - 2, 15, 18, 18),
                       item.value == "not known" ? Glyph::kUnknown : Glyph::kWarning, *theme_);
            left += 24;
        }
        const double room = double(i + 1) * cell - left - 6;
        painter.setFont(uiFont(kSmall));
        painter.setPen(theme_->dim);
        painter.drawText(QRectF(left, 6, room, 17), Qt::AlignLeft | Qt::AlignVCenter, item.name);
        painter.setFont(uiFont(kBody, true));
        painter.setPen(theme_->text);
        painter.drawText(QRectF(left, 23, room, 19), Qt::AlignLeft | Qt::AlignVCenter,
                         painter.fontMetrics().elidedText(item.value, Qt::ElideRight, int(room)));
    }
    if (hasFocus()) {
        painter.setPen(QPen(theme_->accent, 2));
        painter.drawRect(QRectF(rect()).adjusted(3, 3, -3, -3));
    }
}

bool TrustBar::event(QEvent* event) {
    if (event->type() != QEvent::ToolTip || items_.empty()) return QWidget::event(event);
    const auto* help = static_cast<QHelpEvent*>(event);
    const auto index = std::min(items_.size() - 1,
                                std::size_t(double(help->x()) / width() * double(items_.size())));
    const TrustItem& item = items_[index];
    const QString text =
        item.name + ": " + item.value + (item.note.isEmpty() ? "" : "\n" + item.note);
    QToolTip::showText(help->globalPos(),
                       "<p style='white-space:pre-wrap'>" + text.toHtmlEscaped() + "</p>", this);
    return true;
}

}  // namespace clusterwatch::dashboard
