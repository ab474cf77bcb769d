#include "dashboard/models/format.h"

#include <QDateTime>
#include <algorithm>
#include <cmath>

namespace clusterwatch::dashboard {
namespace {

QString withUnit(double value, const char* unit) {
    return QString::number(std::floor(value), 'f', 0) + ' ' + QLatin1String(unit);
}

// No more digits than a glance can use, and no trailing zeros.
QString digits(double value) {
    const double size = std::abs(value);
    const int decimals = size >= 100 || size == 0 ? 0 : size >= 1 ? 1 : 2;
    QString text = QString::number(value, 'f', decimals);
    if (text.contains('.')) {
        while (text.endsWith('0')) text.chop(1);
        if (text.endsWith('.')) text.chop(1);
    }
    return text == "-0" ? "0" : text;
}

}  // namespace

QString formatAge(double seconds) {
    if (!(seconds >= 0)) return "never";
    if (seconds < 9.95) return QString::number(seconds, 'f', 1) + " s";
    if (seconds < 120) return withUnit(seconds, "s");
    if (seconds < 7200) return withUnit(seconds / 60, "min");
    if (seconds < 2 * 86400) {
        const int minutes = int(seconds / 60) % 60;
        return withUnit(seconds / 3600, "h") +
               (minutes ? ' ' + withUnit(minutes, "min") : QString());
    }
    return withUnit(seconds / 86400, "d");
}

QString formatNumber(double value) {
    if (!std::isfinite(value)) return std::isnan(value) ? "?" : value > 0 ? "∞" : "-∞";
    static constexpr struct {
        double size;
        const char* suffix;
    } kScales[] = {{1e12, " T"}, {1e9, " G"}, {1e6, " M"}, {1e4, " k"}};
    for (const auto& [size, suffix] : kScales)
        if (std::abs(value) >= size) {
            const double scaled = value / (size == 1e4 ? 1e3 : size);
            return digits(scaled) + QLatin1String(suffix);
        }
    return digits(value);
}

QString formatClock(std::int64_t unix_ms, std::int64_t now_ms) {
    const QDateTime time = QDateTime::fromMSecsSinceEpoch(unix_ms);
    const bool today = time.date() == QDateTime::fromMSecsSinceEpoch(now_ms).date();
    return time.toString(today ? "HH:mm:ss" : "yyyy-MM-dd HH:mm:ss");
}

QString formatOffset(double seconds) {
    const QString sign = seconds < 0 ? "-" : "+";
    const double size = std::abs(seconds);
    if (size < 0.9995) return sign + QString::number(std::lround(size * 1000)) + " ms";
    if (size < 99.95) return sign + QString::number(size, 'f', 1) + " s";
    return sign + formatAge(size);
}

QString shortened(const QString& text, int length) {
    if (text.size() <= length) return text;
    QString cut = text.left(std::max(0, length - 1));
    const auto space = cut.lastIndexOf(' ');
    if (space > length * 3 / 4) cut.truncate(space);
    while (!cut.isEmpty() && QString(" ,;:.").contains(cut.back())) cut.chop(1);
    return cut + "…";
}

}  // namespace clusterwatch::dashboard
