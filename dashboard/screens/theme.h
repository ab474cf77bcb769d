// Colours, sizes and fonts of both themes: DASHBOARD rules "shape, fill, letter, position; never hue
// alone", "a healthy screen has no saturated pixel", contrast of text at least 4.5:1 and of glyphs
// 3:1. tests/unit/dashboard/theme_test.cpp holds them to it.
#pragma once

#include <QColor>
#include <QFont>
#include <QPalette>
#include <vector>

namespace clusterwatch::dashboard {

struct Theme {
    bool dark = false;
    QColor window, panel, border;
    QColor text, dim;  // on window and panel
    QColor neutral;    // glyph of a good state, sparklines
    QColor warning, warning_edge, warning_text;
    QColor critical, critical_text;
    QColor hatch;   // unknown, stale
    QColor accent;  // focus and selection only
    QColor selection;
    QColor grid;
    std::vector<QColor> lines;

    static const Theme& light();
    static const Theme& darkTheme();
    QPalette palette() const;
};

// Pixel sizes, so that a layout is the same on every platform; Qt scales them with the screen.
QFont uiFont(int pixels, bool bold = false);

inline constexpr int kBody = 13;
inline constexpr int kSmall = 12;
inline constexpr int kGap = 10;

}  // namespace clusterwatch::dashboard
