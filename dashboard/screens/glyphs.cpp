#include "dashboard/screens/glyphs.h"

#include <QPainterPath>

namespace clusterwatch::dashboard {
namespace {

void letter(QPainter& painter, const QRectF& rect, const QString& text, const QColor& color,
            double share) {
    painter.setFont(uiFont(std::max(7, int(rect.height() * share)), true));
    painter.setPen(color);
    painter.drawText(rect, Qt::AlignCenter, text);
}

// Lines at 45 degrees, `step` apart, in our own hand: Qt's pattern brushes don't scale with the glyph.
void hatchLines(QPainter& painter, const QRectF& rect, double step) {
    for (double x = rect.left() - rect.height(); x < rect.right(); x += step)
        painter.drawLine(QPointF(x, rect.bottom()), QPointF(x + rect.height(), rect.top()));
}

void paintTriangle(QPainter& painter, const QRectF& r, const Theme& theme, bool outline) {
    QPainterPath path;
    path.moveTo(r.center().x(), r.top() + r.height() * 0.04);
    path.lineTo(r.right(), r.bottom() - r.height() * 0.06);
    path.lineTo(r.left(), r.bottom() - r.height() * 0.06);
    path.closeSubpath();
    painter.setPen(QPen(theme.warning_edge, std::max(1.0, r.width() / 16), Qt::SolidLine,
                        Qt::SquareCap, Qt::MiterJoin));
    painter.setBrush(outline ? QBrush(Qt::NoBrush) : QBrush(theme.warning));
    painter.drawPath(path);
    letter(painter, r.adjusted(0, r.height() * 0.26, 0, 0), "W",
           outline ? theme.text : theme.warning_text, 0.46);
}

void paintSquare(QPainter& painter, const QRectF& r, const Theme& theme, bool outline) {
    const QRectF box =
        r.adjusted(r.width() * 0.05, r.height() * 0.05, -r.width() * 0.05, -r.height() * 0.05);
    painter.setPen(QPen(theme.critical, std::max(2.0, r.width() / 10), Qt::SolidLine, Qt::SquareCap,
                        Qt::MiterJoin));
    painter.setBrush(outline ? QBrush(Qt::NoBrush) : QBrush(theme.critical));
    painter.drawRect(box);
    letter(painter, box, "C", outline ? theme.text : theme.critical_text, 0.72);
}

void paintDiamond(QPainter& painter, const QRectF& r, const Theme& theme) {
    QPainterPath path;
    path.moveTo(r.center().x(), r.top());
    path.lineTo(r.right(), r.center().y());
    path.lineTo(r.center().x(), r.bottom());
    path.lineTo(r.left(), r.center().y());
    path.closeSubpath();
    painter.fillPath(path, theme.panel);
    painter.save();
    painter.setClipPath(path);
    painter.setPen(QPen(theme.hatch, std::max(1.0, r.width() / 22)));
    hatchLines(painter, r, std::max(3.0, r.width() / 6));
    const double plate = r.width() * 0.27;
    painter.setPen(Qt::NoPen);
    painter.setBrush(theme.panel);
    painter.drawEllipse(r.center(), plate, plate);
    painter.restore();
    painter.setBrush(Qt::NoBrush);
    painter.setPen(QPen(theme.hatch, std::max(1.2, r.width() / 14), Qt::SolidLine, Qt::SquareCap,
                        Qt::MiterJoin));
    painter.drawPath(path);
    letter(painter, r, "?", theme.text, 0.56);
}

void paintCrossedEye(QPainter& painter, const QRectF& r, const Theme& theme) {
    QPainterPath eye;
    eye.moveTo(r.left(), r.center().y());
    eye.quadTo(r.center().x(), r.top() - r.height() * 0.05, r.right(), r.center().y());
    eye.quadTo(r.center().x(), r.bottom() + r.height() * 0.05, r.left(), r.center().y());
    painter.setBrush(Qt::NoBrush);
    painter.setPen(QPen(theme.text, std::max(1.4, r.width() / 14)));
    painter.drawPath(eye);
    painter.setBrush(theme.text);
    painter.drawEllipse(r.center(), r.width() * 0.13, r.width() * 0.13);
    painter.setPen(QPen(theme.panel, std::max(3.0, r.width() / 5)));
    painter.drawLine(r.bottomLeft() + QPointF(r.width() * 0.1, 0),
                     r.topRight() - QPointF(r.width() * 0.1, 0));
    painter.setPen(QPen(theme.text, std::max(1.6, r.width() / 11)));
    painter.drawLine(r.bottomLeft() + QPointF(r.width() * 0.1, 0),
                     r.topRight() - QPointF(r.width() * 0.1, 0));
}

}  // namespace

Glyph glyphOf(TileState state) {
    switch (state) {
        case TileState::kOk: return Glyph::kOk;
        case TileState::kWarning: return Glyph::kWarning;
        case TileState::kCritical: return Glyph::kCritical;
        case TileState::kUnknown: return Glyph::kUnknown;
        case TileState::kStale: return Glyph::kUnknown;
        case TileState::kNotMonitored: return Glyph::kNotMonitored;
    }
    return Glyph::kUnknown;
}

Glyph glyphOf(Severity severity) {
    switch (severity) {
        case Severity::kCritical: return Glyph::kCritical;
        case Severity::kUnknown: return Glyph::kUnknown;
        case Severity::kWarning: return Glyph::kWarning;
    }
    return Glyph::kUnknown;
}

Glyph glyphOf(Verdict::Kind kind) {
    switch (kind) {
        case Verdict::Kind::kConnecting: return Glyph::kBusy;
        case Verdict::Kind::kBlind: return Glyph::kBlind;
        case Verdict::Kind::kCritical: return Glyph::kCritical;
        case Verdict::Kind::kUnknown: return Glyph::kUnknown;
        case Verdict::Kind::kWarning: return Glyph::kWarning;
        case Verdict::Kind::kEmpty: return Glyph::kNotMonitored;
        case Verdict::Kind::kCalm: return Glyph::kOk;
    }
    return Glyph::kUnknown;
}

void paintGlyph(QPainter& painter, const QRectF& r, Glyph glyph, const Theme& theme, bool outline) {
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    switch (glyph) {
        case Glyph::kOk:
            painter.setBrush(Qt::NoBrush);
            painter.setPen(QPen(theme.neutral, std::max(1.4, r.width() / 12)));
            painter.drawEllipse(r.adjusted(r.width() * 0.18, r.height() * 0.18, -r.width() * 0.18,
                                           -r.height() * 0.18));
            break;
        case Glyph::kWarning: paintTriangle(painter, r, theme, outline); break;
        case Glyph::kCritical: paintSquare(painter, r, theme, outline); break;
        case Glyph::kUnknown: paintDiamond(painter, r, theme); break;
        case Glyph::kNotMonitored:
            painter.setPen(
                QPen(theme.neutral, std::max(2.0, r.width() / 8), Qt::SolidLine, Qt::FlatCap));
            painter.drawLine(QPointF(r.left() + r.width() * 0.1, r.center().y()),
                             QPointF(r.right() - r.width() * 0.1, r.center().y()));
            break;
        case Glyph::kBlind: paintCrossedEye(painter, r, theme); break;
        case Glyph::kBusy:
            painter.setPen(Qt::NoPen);
            painter.setBrush(theme.neutral);
            for (const double x : {0.2, 0.5, 0.8})
                painter.drawEllipse(QPointF(r.left() + r.width() * x, r.center().y()),
                                    r.width() * 0.12, r.width() * 0.12);
            break;
    }
    painter.restore();
}

void paintHatch(QPainter& painter, const QRectF& rect, const Theme& theme) {
    painter.save();
    painter.setClipRect(rect);
    painter.setRenderHint(QPainter::Antialiasing);
    QColor color = theme.hatch;
    color.setAlphaF(theme.dark ? 0.30F : 0.28F);
    painter.setPen(QPen(color, 1.2));
    hatchLines(painter, rect, 8);
    painter.restore();
}

}  // namespace clusterwatch::dashboard
