// Numbers, ages and times as text: the one place that decides how they read.
#pragma once

#include <QString>
#include <cstdint>

namespace clusterwatch::dashboard {

// "0.4 s", "17 s", "4 min", "2 h 5 min", "3 d"; "never" below zero.
QString formatAge(double seconds);
// Three significant digits at most: "0.42", "9.5", "182", "18.4 k", "2.1 M".
QString formatNumber(double value);
// Local time of day, with the date in front if it is not today's.
QString formatClock(std::int64_t unix_ms, std::int64_t now_ms);
// "+3 ms", "-1.4 s".
QString formatOffset(double seconds);
// At most `length` characters, cut at a word where that costs little; "…" marks the cut.
QString shortened(const QString& text, int length);

}  // namespace clusterwatch::dashboard
