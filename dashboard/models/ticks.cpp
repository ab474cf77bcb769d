#include "dashboard/models/ticks.h"

#include <algorithm>
#include <cmath>

namespace clusterwatch::dashboard {

std::vector<std::int64_t> timeTicks(std::int64_t from_ms, std::int64_t to_ms, int at_most,
                                    int utc_offset_s) {
    static constexpr std::int64_t kSteps_s[] = {
        1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400};
    std::vector<std::int64_t> ticks;
    if (to_ms <= from_ms || at_most < 1) return ticks;
    std::int64_t step = kSteps_s[0] * 1000;
    for (const std::int64_t candidate : kSteps_s) {
        step = candidate * 1000;
        if ((to_ms - from_ms) / step + 1 <= at_most) break;
    }
    while ((to_ms - from_ms) / step + 1 > at_most) step += std::int64_t{86400} * 1000;
    const std::int64_t shift = std::int64_t(utc_offset_s) * 1000;
    const std::int64_t local = from_ms + shift;
    std::int64_t tick = local - ((local % step) + step) % step;
    if (tick < local) tick += step;
    for (; tick - shift <= to_ms; tick += step) ticks.push_back(tick - shift);
    return ticks;
}

std::vector<double> valueTicks(double top, int at_most) {
    if (!(top > 0) || !std::isfinite(top)) top = 1;
    at_most = std::max(1, at_most);
    double step = std::pow(10.0, std::floor(std::log10(top / at_most)));
    static constexpr double kFactors[] = {1, 2, 5, 10};
    for (const double factor : kFactors)
        if (top / (step * factor) <= at_most) {
            step *= factor;
            break;
        }
    std::vector<double> ticks;
    // A hair's breadth for the rounding of top / step.
    const int count = int(std::ceil(top / step - 1e-9));
    for (int i = 0; i <= count; ++i) ticks.push_back(i * step);
    return ticks;
}

}  // namespace clusterwatch::dashboard
