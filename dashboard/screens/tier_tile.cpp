#include "dashboard/screens/tier_tile.h"

#include <QPainter>
#include <QStringList>
#include <QTextLayout>
#include <algorithm>

#include "dashboard/models/format.h"
#include "dashboard/screens/glyphs.h"

namespace clusterwatch::dashboard {
namespace {

constexpr int kPad = 10;
constexpr int kMostWidth = 440;  // a lone tile is no banner
constexpr int kLeastWidth = 126;
constexpr int kArrow = 14;  // between two tiles

QString membersText(const TileView& tile) {
    if (tile.state == TileState::kNotMonitored) return "not monitored";
    if (tile.unknown == tile.members) return QString("not known: %1 of %1").arg(tile.members);
    return QString("%1 of %2 healthy").arg(tile.healthy).arg(tile.members);
}

QString numberText(const TileView& tile) {
    return tile.value ? formatNumber(*tile.value) : QString("?");
}

QString numberLabel(const TileView& tile) {
    if (!tile.metric) return {};
    if (!tile.value) return tile.metric->label;  // "no replica lag" would sound like good news
    return (tile.value_current ? QString() : QString("last ")) + tile.metric->label;
}

QString bottomText(const TileView& tile) {
    if (!tile.reason.isEmpty() && !tile.show_age) return tile.reason;
    if (tile.show_age && tile.reason.isEmpty()) return formatAge(tile.age_s) + " old";
    // An age is told once: where the reason does not name it already.
    if (tile.show_age && !tile.reason.contains(formatAge(tile.age_s)))
        return formatAge(tile.age_s) + " old. " + tile.reason;
    return tile.reason;
}

// The largest size at which no word of the title is wider than its room; titles may take two lines.
QFont titleFont(const QString& title, double room) {
    for (int pixels = kBody; pixels > 9; --pixels) {
        const QFontMetrics metrics(uiFont(pixels, true));
        const QStringList words = title.split(' ');
        if (std::all_of(words.begin(), words.end(),
                        [&](const QString& w) { return metrics.horizontalAdvance(w) <= room; }))
            return uiFont(pixels, true);
    }
    return uiFont(9, true);
}

// Everything that is painted, as text; cheaper to compare than pixels to paint.
QString fingerprint(const TileView& tile, const Theme& theme) {
    QString print = tile.title + toWord(tile.state) + membersText(tile) + numberText(tile) +
                    numberLabel(tile) + bottomText(tile) + (theme.dark ? 'd' : 'l') +
                    QString::number(tile.spark_to_ms) + QString::number(tile.spark_from_ms);
    if (!tile.spark.empty()) print += QString::number(tile.spark.back().t_ms);
    return print;
}

}  // namespace

TierTile::TierTile(QWidget* parent) : QWidget(parent) {
    setFocusPolicy(Qt::TabFocus);
    setMinimumWidth(kLeastWidth);
}

void TierTile::display(const TileView& tile, const Theme& theme) {
    const QString print = fingerprint(tile, theme);
    tile_ = tile;
    theme_ = &theme;
    if (print == last_) return;
    last_ = print;
    setAccessibleName(tile.title + ": " + toWord(tile.state).replace('_', ' '));
    const QString number =
        tile.metric ? numberLabel(tile) + ' ' + numberText(tile) + ' ' + tile.metric->unit + ". "
                    : QString();
    setAccessibleDescription(membersText(tile) + ". " + number + bottomText(tile));
    const QString tip = tile.title + "\n" + membersText(tile) +
                        (number.isEmpty() ? "" : "\n" + number) +
                        (tile.reason.isEmpty() ? "" : "\n" + tile.reason);
    setToolTip("<p style='white-space:pre-wrap'>" + tip.toHtmlEscaped() + "</p>");
    update();
}

bool TierTile::hatched() const {
    return tile_.state == TileState::kStale || tile_.state == TileState::kUnknown;
}

void TierTile::paintGround(QPainter& painter) const {
    const QRectF frame = QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5);
    const bool absent = tile_.state == TileState::kNotMonitored;
    painter.fillRect(rect(), absent || hatched() ? theme_->window : theme_->panel);
    if (hatched()) paintHatch(painter, rect(), *theme_);
    painter.setBrush(Qt::NoBrush);
    painter.setPen(QPen(theme_->border, 1, absent ? Qt::DashLine : Qt::SolidLine));
    if (tile_.state == TileState::kCritical) painter.setPen(QPen(theme_->critical, 3));
    if (tile_.state == TileState::kWarning) painter.setPen(QPen(theme_->neutral, 2));
    const double inset = painter.pen().widthF() > 1 ? painter.pen().widthF() / 2 - 0.5 : 0;
    painter.drawRect(frame.adjusted(inset, inset, -inset, -inset));
    if (hasFocus()) {
        painter.setPen(QPen(theme_->accent, 2));
        painter.drawRect(frame.adjusted(4, 4, -4, -4));
    }
}

void TierTile::paintNumber(QPainter& painter, const QRectF& area) const {
    if (!tile_.metric) return;
    const bool current = tile_.value_current;
    painter.setPen(current ? theme_->text : theme_->dim);
    painter.setFont(uiFont(28, current));
    const QString number = numberText(tile_);
    painter.drawText(QRectF(area.left(), area.top(), area.width(), 34),
                     Qt::AlignLeft | Qt::AlignVCenter, number);
    if (tile_.value) {
        const double width = painter.fontMetrics().horizontalAdvance(number);
        painter.setFont(uiFont(kBody));
        painter.setPen(theme_->dim);
        painter.drawText(QRectF(area.left() + width + 5, area.top() + 9, area.width(), 22),
                         Qt::AlignLeft | Qt::AlignVCenter, tile_.metric->unit);
    }
    painter.setFont(uiFont(kSmall));
    painter.setPen(theme_->dim);
    painter.drawText(QRectF(area.left(), area.top() + 33, area.width(), 17),
                     Qt::AlignLeft | Qt::AlignVCenter, numberLabel(tile_));
}

void TierTile::paintSpark(QPainter& painter, const QRectF& area) const {
    if (!tile_.metric || tile_.spark.empty() || tile_.spark_to_ms <= tile_.spark_from_ms) return;
    double top = tile_.metric->least_top;
    for (const TimePoint& point : tile_.spark)
        if (point.t_ms >= tile_.spark_from_ms) top = std::max(top, point.value);
    const auto place = [&](const TimePoint& point) {
        const double x = double(point.t_ms - tile_.spark_from_ms) /
                         double(tile_.spark_to_ms - tile_.spark_from_ms);
        return QPointF(area.left() + x * area.width(),
                       area.bottom() - point.value / top * (area.height() - 2));
    };
    painter.setPen(QPen(theme_->grid, 1));
    painter.drawLine(QPointF(area.left(), area.bottom() + 0.5),
                     QPointF(area.right(), area.bottom() + 0.5));
    painter.setPen(QPen(tile_.value_current ? theme_->lines.front() : theme_->neutral, 1.3));
    constexpr std::int64_t kGap_ms = 45'000;  // the range is asked for in steps of 15 s
    for (const auto& stretch : splitAtGaps(tile_.spark, kGap_ms)) {
        QPolygonF line;
        for (const TimePoint& p :
             decimate(stretch, tile_.spark_from_ms, tile_.spark_to_ms, int(area.width())))
            line << place(p);
        if (line.size() == 1) line << line.front() + QPointF(1, 0);
        painter.drawPolyline(line);
    }
}

// As many whole words as the area holds, the last line elided; the tool tip and the list have the rest.
void TierTile::paintReason(QPainter& painter, const QRectF& area) const {
    const QString text = bottomText(tile_);
    if (text.isEmpty()) return;
    const QFont font = uiFont(kSmall);
    painter.setFont(font);
    painter.setPen(theme_->text);
    const QFontMetrics metrics(font);
    const int most = std::max(1, int(area.height()) / metrics.height());
    QTextLayout layout(text, font);
    QTextOption option;
    option.setWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
    layout.setTextOption(option);
    layout.beginLayout();
    for (int i = 0; i < most; ++i) {
        QTextLine line = layout.createLine();
        if (!line.isValid()) break;
        line.setLineWidth(area.width());
        const bool last = i == most - 1;
        const QString words =
            last ? metrics.elidedText(text.mid(line.textStart()), Qt::ElideRight, int(area.width()))
                 : text.mid(line.textStart(), line.textLength());
        painter.drawText(QRectF(area.left(), area.top() + i * metrics.height(), area.width() + 4,
                                metrics.height()),
                         Qt::AlignLeft | Qt::AlignVCenter, words);
    }
    layout.endLayout();
}

void TierTile::paintEvent(QPaintEvent*) {
    if (!theme_) return;
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    paintGround(painter);
    const double inner = width() - 2 * kPad;
    constexpr double kMark = 24;
    const double title_room = inner - kMark - 4;
    painter.setFont(titleFont(tile_.title, title_room));
    painter.setPen(tile_.state == TileState::kNotMonitored ? theme_->dim : theme_->text);
    painter.drawText(QRectF(kPad, kPad - 1, title_room, 36),
                     Qt::AlignLeft | Qt::AlignTop | Qt::TextWordWrap, tile_.title);
    paintGlyph(painter, QRectF(width() - kPad - kMark, kPad, kMark, kMark), glyphOf(tile_.state),
               *theme_);
    painter.setFont(uiFont(kSmall));
    painter.setPen(theme_->dim);
    painter.drawText(QRectF(kPad, 46, inner, 17), Qt::AlignLeft | Qt::AlignVCenter,
                     membersText(tile_));
    if (tile_.state == TileState::kNotMonitored) return;
    paintNumber(painter, QRectF(kPad, 66, inner, 50));
    paintSpark(painter, QRectF(kPad, 122, inner, 34));
    paintReason(painter, QRectF(kPad, 161, inner, 46));
}

FlowRow::FlowRow(QWidget* parent) : QWidget(parent) {
    QSizePolicy policy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    policy.setHeightForWidth(true);
    setSizePolicy(policy);
}

void FlowRow::display(const std::vector<TileView>& tiles, const Theme& theme) {
    theme_ = &theme;
    const bool changed = tiles.size() != tiles_.size();
    while (tiles_.size() > tiles.size()) {
        delete tiles_.back();
        tiles_.pop_back();
    }
    while (tiles_.size() < tiles.size()) {
        tiles_.push_back(new TierTile(this));
        tiles_.back()->setVisible(true);
    }
    for (std::size_t i = 0; i < tiles.size(); ++i) tiles_[i]->display(tiles[i], theme);
    if (!changed) return;
    updateGeometry();
    place();
    update();
}

int FlowRow::columns(int width) const {
    const int count = std::max(1, int(tiles_.size()));
    const int fitting = std::max(1, (width + kArrow) / (kLeastWidth + kArrow));
    if (fitting >= count) return count;
    const int rows = (count + fitting - 1) / fitting;
    return (count + rows - 1) / rows;  // rows of nearly equal length
}

int FlowRow::heightForWidth(int width) const {
    const int per_row = columns(width);
    const int rows = std::max(1, (int(tiles_.size()) + per_row - 1) / per_row);
    return rows * TierTile::kHeight + (rows - 1) * kGap;
}

QSize FlowRow::sizeHint() const { return {900, heightForWidth(width() > 200 ? width() : 1300)}; }

void FlowRow::place() {
    const int per_row = columns(width());
    const double tile_width =
        std::min((width() - double(kArrow) * (per_row - 1)) / per_row, double(kMostWidth));
    for (std::size_t i = 0; i < tiles_.size(); ++i) {
        const int column = int(i) % per_row, row = int(i) / per_row;
        const int left = int(column * (tile_width + kArrow));
        const int right = int(column * (tile_width + kArrow) + tile_width);
        tiles_[i]->setGeometry(left, row * (TierTile::kHeight + kGap), right - left,
                               TierTile::kHeight);
    }
}

void FlowRow::resizeEvent(QResizeEvent*) { place(); }

void FlowRow::paintEvent(QPaintEvent*) {
    if (!theme_) return;
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(QPen(theme_->neutral, 1.6));
    for (std::size_t i = 0; i + 1 < tiles_.size(); ++i) {
        const QRect box = tiles_[i]->geometry();
        if (tiles_[i + 1]->y() != box.y()) continue;
        const QPointF tip(box.right() + kArrow / 2.0 + 4, box.center().y());
        painter.drawPolyline(QPolygonF({tip + QPointF(-5, -6), tip, tip + QPointF(-5, 6)}));
    }
}

}  // namespace clusterwatch::dashboard
