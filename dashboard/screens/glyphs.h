// The marks of the states: each has its own shape, fill and letter, and can be told from the others
// in one-bit black and white at 16 px.
#pragma once

#include <QPainter>

#include "dashboard/models/now_view.h"
#include "dashboard/screens/theme.h"

namespace clusterwatch::dashboard {

enum class Glyph {
    kOk,            // hollow ring
    kWarning,       // filled triangle, W
    kCritical,      // filled square, C
    kUnknown,       // hatched diamond, ?
    kNotMonitored,  // dash
    kBlind,         // crossed eye
    kBusy,          // three dots
};

Glyph glyphOf(TileState state);
Glyph glyphOf(Severity severity);
Glyph glyphOf(Verdict::Kind kind);

// `outline`: without the fill, for what is not certain yet (a pending alert).
void paintGlyph(QPainter& painter, const QRectF& rect, Glyph glyph, const Theme& theme,
                bool outline = false);

// The diagonal hatch that lies over everything not current.
void paintHatch(QPainter& painter, const QRectF& rect, const Theme& theme);

}  // namespace clusterwatch::dashboard
