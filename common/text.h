// Text: parsing without locale or allocation, and the number formats that peers expect.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"

namespace clusterwatch {

std::string_view trim(std::string_view text);

// Views into `text`; empty fields are kept.
std::vector<std::string_view> split(std::string_view text, char separator);

// Whole-string conversions: trailing characters, an empty string or an overflow give nullopt.
std::optional<std::int64_t> parseInt(std::string_view text);
std::optional<std::uint64_t> parseUint(std::string_view text);
// Accepts what strtod does in the C locale (".147541" too), and Prometheus's NaN, Inf, +Inf, -Inf.
std::optional<double> parseDouble(std::string_view text);

// The shortest text that reads back as the same double, in the form Prometheus's JSON and
// exposition use: 0, 1.5, 1e+21, NaN, +Inf, -Inf. Source: strconv.FormatFloat(f, 'f' or 'e', -1, 64);
// exponent form is used below 1e-6 and from 1e21 on, as encoding in Go's JSON does.
std::string formatDouble(double value);

// A Prometheus duration: 1h30m, 15s, 250ms, 2d, 1w, 1y; units in falling order, each once.
std::optional<Milliseconds> parseDuration(std::string_view text);
std::string formatDuration(Milliseconds duration);

// RFC 3339 in UTC with milliseconds: 2026-11-22T03:07:12.000Z
std::string formatTime(WallTime time);

// Appends `value` with \, " and newline escaped as PromQL and the exposition format do.
void appendEscaped(std::string& out, std::string_view value);

// Whether the bytes are well-formed UTF-8 (no overlong forms, no surrogates).
bool isValidUtf8(std::string_view bytes);

// At most `max_bytes` of `text`, cut at a character boundary; "..." marks the cut.
std::string truncated(std::string_view text, std::size_t max_bytes);

std::string toLower(std::string_view text);

}  // namespace clusterwatch
