// Round ticks for time and value axes. Qt 6.4's QDateTimeAxis divides its range evenly, so its labels
// fall on crooked times; ours are whole multiples of a round step in local time.
#pragma once

#include <cstdint>
#include <vector>

namespace clusterwatch::dashboard {

// Times within [from, to] at a round step (1 s ... 1 d), at most `at_most` of them. `utc_offset_s`
// shifts the grid so that hours and days are local ones.
std::vector<std::int64_t> timeTicks(std::int64_t from_ms, std::int64_t to_ms, int at_most,
                                    int utc_offset_s);

// Values 0, step, 2 step ... up to the first one not below `top`; the step is 1, 2 or 5 times a
// power of ten, and there are at most `at_most` + 1 of them.
std::vector<double> valueTicks(double top, int at_most);

}  // namespace clusterwatch::dashboard
