// Columns of numbers to bytes and back, bit for bit. Format and measurements:
// docs/formats/chunks.md; why this one: docs/decisions/0002-chunk-encoding.md.
//
// Pure functions; the decoders are safe on hostile bytes: bounded work and memory (given by `n`),
// false instead of a wrong length.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace clusterwatch::store {

// No column is longer: an hour of samples a millisecond.
inline constexpr std::size_t kMaxColumnSamples = 4'000'000;

// Integers: the best of raw, first and second differences; common divisor; blocks of 128 in as few
// bits as most of the block needs, with exceptions (PFOR). A regular column costs about 10 bytes.
void encodeIntegers(std::string& out, std::span<const std::int64_t> values);
bool decodeIntegers(std::string_view bytes, std::size_t n, std::vector<std::int64_t>& out);

// Doubles: a constant; or integers after decimal scaling, with exceptions (NaN of any payload, -0,
// infinities, what has no short decimal form); or raw bytes in planes through zstd.
void encodeValues(std::string& out, std::span<const double> values);
bool decodeValues(std::string_view bytes, std::size_t n, std::vector<double>& out);

}  // namespace clusterwatch::store
