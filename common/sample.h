// A sample as Prometheus defines it: a millisecond time stamp in UTC and a float64.
#pragma once

#include <bit>
#include <cstdint>

namespace clusterwatch {

struct Sample {
    std::int64_t t_ms = 0;
    double value = 0;
};

// The staleness marker is one particular NaN, so it must be compared by its bits.
// Source: Prometheus, model/value/value.go, StaleNaN; NormalNaN is what a computed NaN is stored as.
inline constexpr std::uint64_t kStaleNaNBits = 0x7ff0000000000002;
inline constexpr std::uint64_t kNormalNaNBits = 0x7ff8000000000001;

inline double staleMarker() { return std::bit_cast<double>(kStaleNaNBits); }
inline bool isStaleMarker(double value) {
    return std::bit_cast<std::uint64_t>(value) == kStaleNaNBits;
}

// Equal bit for bit, so that NaNs and signed zeros compare as what is stored.
inline bool sameBits(double a, double b) {
    return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

}  // namespace clusterwatch
