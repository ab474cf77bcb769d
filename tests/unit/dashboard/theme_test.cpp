// Contrast (WCAG 2.1, 1.4.3 and 1.4.11) and colour blindness (Machado, Oliveira, Fernandes 2009:
// matrices for severity 1.0, applied in linear RGB; distance CIE76 in L*a*b*, D65).
#include "dashboard/screens/theme.h"

#include <QImage>
#include <array>
#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "dashboard/screens/glyphs.h"

namespace clusterwatch::dashboard {
namespace {

using Vector = std::array<double, 3>;
using Matrix = std::array<Vector, 3>;

const std::array<const Theme*, 2> kThemes{&Theme::light(), &Theme::darkTheme()};

double linear(double c) { return c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4); }
Vector linearRgb(const QColor& c) {
    return {linear(c.redF()), linear(c.greenF()), linear(c.blueF())};
}

Vector times(const Matrix& m, const Vector& v) {
    Vector r{};
    for (std::size_t i = 0; i < 3; ++i) r[i] = m[i][0] * v[0] + m[i][1] * v[1] + m[i][2] * v[2];
    return r;
}

double luminance(const QColor& c) {
    const Vector v = linearRgb(c);
    return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2];
}

double contrast(const QColor& a, const QColor& b) {
    const double x = luminance(a), y = luminance(b);
    return (std::max(x, y) + 0.05) / (std::min(x, y) + 0.05);
}

Vector lab(const Vector& rgb) {
    const Matrix to_xyz{
        {{0.4124, 0.3576, 0.1805}, {0.2126, 0.7152, 0.0722}, {0.0193, 0.1192, 0.9505}}};
    const Vector xyz = times(to_xyz, rgb);
    const auto f = [](double t) { return t > 0.008856 ? std::cbrt(t) : 7.787 * t + 16.0 / 116; };
    const double x = f(xyz[0] / 0.95047), y = f(xyz[1]), z = f(xyz[2] / 1.08883);
    return {116 * y - 16, 500 * (x - y), 200 * (y - z)};
}

double distance(const QColor& a, const QColor& b, const Matrix& sight) {
    const auto seen = [&](const QColor& c) {
        Vector v = times(sight, linearRgb(c));
        for (double& x : v) x = std::clamp(x, 0.0, 1.0);
        return lab(v);
    };
    const Vector x = seen(a), y = seen(b);
    return std::hypot(x[0] - y[0], x[1] - y[1], x[2] - y[2]);
}

TEST(Theme, TextAndGlyphsStandOutFromTheGround) {
    for (const Theme* theme : kThemes)
        for (const QColor& ground : {theme->window, theme->panel}) {
            EXPECT_GE(contrast(theme->text, ground), 4.5);
            EXPECT_GE(contrast(theme->dim, ground), 4.5);
            EXPECT_GE(contrast(theme->neutral, ground), 3);
            EXPECT_GE(contrast(theme->hatch, ground), 3);
            EXPECT_GE(contrast(theme->critical, ground), 3);
            EXPECT_GE(contrast(theme->warning_edge, ground), 3)
                << "the fill alone is too light, hence the edge";
            EXPECT_GE(contrast(theme->accent, ground), 3);
            EXPECT_GE(contrast(theme->lines[0], ground), 3);
        }
    for (const Theme* theme : kThemes) {
        EXPECT_GE(contrast(theme->critical_text, theme->critical), 4.5);
        EXPECT_GE(contrast(theme->warning_text, theme->warning), 4.5);
        EXPECT_GE(contrast(theme->text, theme->selection), 4.5);
    }
}

TEST(Theme, StateHuesDifferForEveryKindOfSight) {
    const Matrix kinds[] = {
        {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}},
        {{{0.152286, 1.052583, -0.204868},
          {0.114503, 0.786281, 0.099216},
          {-0.003882, -0.048116, 1.051998}}},
        {{{0.367322, 0.860646, -0.227968},
          {0.280085, 0.672501, 0.047413},
          {-0.011820, 0.042940, 0.968881}}},
        {{{1.255528, -0.076749, -0.178779},
          {-0.078411, 0.930809, 0.147602},
          {0.004733, 0.691367, 0.303900}}},
    };
    for (const Theme* theme : kThemes)
        for (const Matrix& sight : kinds) {
            const QColor hues[] = {theme->critical, theme->warning, theme->neutral, theme->accent};
            for (const QColor& a : hues)
                for (const QColor& b : hues)
                    EXPECT_TRUE(a == b || distance(a, b, sight) >= 25)
                        << a.name().toStdString() << " " << b.name().toStdString();
        }
}

TEST(Theme, TheDarkOneIsDark) { EXPECT_LE(Theme::darkTheme().window.lightnessF(), 0.4); }

// Black or white, 16 pixels: how it prints, and how it looks to tired eyes.
QImage bits(Glyph glyph, bool outline, const Theme& theme) {
    QImage image(16, 16, QImage::Format_RGB32);
    image.fill(theme.panel);
    QPainter painter(&image);
    paintGlyph(painter, QRectF(0, 0, 16, 16), glyph, theme, outline);
    painter.end();
    QImage mono(16, 16, QImage::Format_Grayscale8);
    for (int y = 0; y < 16; ++y)
        for (int x = 0; x < 16; ++x) {
            const int distance = std::abs(qGray(image.pixel(x, y)) - qGray(theme.panel.rgb()));
            mono.setPixel(x, y, distance > 50 ? qRgb(0, 0, 0) : qRgb(255, 255, 255));
        }
    return mono;
}

TEST(Glyphs, DifferInBlackAndWhiteAt16Pixels) {
    for (const Theme* theme : kThemes) {
        std::vector<QImage> images;
        for (const Glyph glyph : {Glyph::kOk, Glyph::kWarning, Glyph::kCritical, Glyph::kUnknown,
                                  Glyph::kNotMonitored, Glyph::kBlind, Glyph::kBusy})
            images.push_back(bits(glyph, false, *theme));
        images.push_back(bits(Glyph::kCritical, true, *theme));
        images.push_back(bits(Glyph::kWarning, true, *theme));
        for (std::size_t i = 0; i < images.size(); ++i)
            for (std::size_t j = i + 1; j < images.size(); ++j) {
                int differing = 0;
                for (int p = 0; p < 256; ++p)
                    differing += images[i].pixel(p % 16, p / 16) != images[j].pixel(p % 16, p / 16);
                EXPECT_GE(differing, 12) << i << " and " << j;
            }
    }
}

}  // namespace
}  // namespace clusterwatch::dashboard
