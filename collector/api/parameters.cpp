#include "collector/api/parameters.h"

#include <cmath>
#include <cstdio>
#include <limits>

#include <fmt/format.h>

#include "common/text.h"

namespace clusterwatch::api {
namespace {

int hexDigit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// A run of `digits` decimal digits at the front of `text`, which is moved past them.
std::optional<int> takeDigits(std::string_view& text, std::size_t digits) {
    if (text.size() < digits) return std::nullopt;
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
        if (text[i] < '0' || text[i] > '9') return std::nullopt;
        value = value * 10 + (text[i] - '0');
    }
    text.remove_prefix(digits);
    return value;
}

bool take(std::string_view& text, char expected) {
    if (text.empty() || text.front() != expected) return false;
    text.remove_prefix(1);
    return true;
}

// ".123456", of which milliseconds count; 0 where there is none.
std::optional<int> takeFractionMs(std::string_view& text) {
    if (!take(text, '.')) return 0;
    int ms = 0;
    int digits = 0;
    for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1)) {
        if (digits < 3) ms = ms * 10 + (text.front() - '0');
        ++digits;
    }
    if (digits == 0) return std::nullopt;
    for (; digits < 3; ++digits) ms *= 10;
    return ms;
}

// "Z", "+02:00"; minutes east of Greenwich.
std::optional<int> takeZone(std::string_view& text) {
    if (take(text, 'Z')) return 0;
    const int sign = !text.empty() && text.front() == '-' ? -1 : 1;
    if (!take(text, '+') && !take(text, '-')) return std::nullopt;
    const auto hours = takeDigits(text, 2);
    if (!hours || !take(text, ':')) return std::nullopt;
    const auto minutes = takeDigits(text, 2);
    if (!minutes || *hours > 23 || *minutes > 59) return std::nullopt;
    return sign * (*hours * 60 + *minutes);
}

// 2026-11-22T03:07:12.5+02:00. Source: RFC 3339, section 5.6; 'T' and 'Z' in upper case, as Go
// wants.
std::optional<std::int64_t> parseRfc3339(std::string_view text) {
    using namespace std::chrono;
    const auto year_ = takeDigits(text, 4);
    if (!year_ || !take(text, '-')) return std::nullopt;
    const auto month_ = takeDigits(text, 2);
    if (!month_ || !take(text, '-')) return std::nullopt;
    const auto day_ = takeDigits(text, 2);
    if (!day_ || !take(text, 'T')) return std::nullopt;
    const auto hour = takeDigits(text, 2);
    if (!hour || !take(text, ':')) return std::nullopt;
    const auto minute = takeDigits(text, 2);
    if (!minute || !take(text, ':')) return std::nullopt;
    const auto second = takeDigits(text, 2);
    if (!second) return std::nullopt;
    const auto fraction_ms = takeFractionMs(text);
    if (!fraction_ms) return std::nullopt;
    const auto zone_minutes = takeZone(text);
    if (!zone_minutes || !text.empty()) return std::nullopt;

    const year_month_day date{year{*year_}, month{static_cast<unsigned>(*month_)},
                              day{static_cast<unsigned>(*day_)}};
    if (!date.ok() || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
    const auto time = sys_days{date} + hours{*hour} + minutes{*minute - *zone_minutes} +
                      seconds{*second} + milliseconds{*fraction_ms};
    return time_point_cast<milliseconds>(time).time_since_epoch().count();
}

// Milliseconds of a number of seconds; nullopt beyond what fits or is no number.
std::optional<std::int64_t> secondsToMs(double seconds) {
    const double ms = std::round(seconds * 1000);
    // Half of the range leaves room for differences of two such values.
    constexpr double kMost = static_cast<double>(std::numeric_limits<std::int64_t>::max()) / 2;
    if (!std::isfinite(ms) || std::abs(ms) > kMost) return std::nullopt;
    return static_cast<std::int64_t>(ms);
}

}  // namespace

std::optional<std::string> percentDecoded(std::string_view text, bool plus_is_space) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && plus_is_space) {
            out += ' ';
        } else if (text[i] != '%') {
            out += text[i];
        } else {
            if (i + 2 >= text.size()) return std::nullopt;
            const int high = hexDigit(text[i + 1]);
            const int low = hexDigit(text[i + 2]);
            if (high < 0 || low < 0) return std::nullopt;
            out += static_cast<char>(high * 16 + low);
            i += 2;
        }
    }
    return out;
}

Result<Parameters> Parameters::parse(std::string_view encoded) {
    Parameters out;
    if (encoded.empty()) return out;
    for (const auto field : split(encoded, '&')) {
        if (field.empty()) continue;
        if (out.pairs_.size() == kMaxParameters)
            return Error(ErrorCode::kInvalid,
                         fmt::format("more than {} parameters", kMaxParameters));
        const auto equals = field.find('=');
        auto name = percentDecoded(field.substr(0, equals), true);
        auto value = equals == std::string_view::npos
                         ? std::string()
                         : percentDecoded(field.substr(equals + 1), true);
        if (!name || !value)
            return Error(ErrorCode::kInvalid,
                         fmt::format("parameter \"{}\": a '%' must be followed by two hex digits",
                                     truncated(isValidUtf8(field) ? field : "?", 60)));
        if (!isValidUtf8(*name) || !isValidUtf8(*value))
            return Error(ErrorCode::kInvalid, "a parameter is not valid UTF-8");
        out.pairs_.emplace_back(std::move(*name), std::move(*value));
    }
    return out;
}

std::optional<std::string_view> Parameters::get(std::string_view name) const {
    for (const auto& [key, value] : pairs_)
        if (key == name) return value;
    return std::nullopt;
}

std::vector<std::string_view> Parameters::all(std::string_view name) const {
    std::vector<std::string_view> out;
    for (const auto& [key, value] : pairs_)
        if (key == name) out.push_back(value);
    return out;
}

void Parameters::prepend(Parameters first) {
    first.pairs_.insert(first.pairs_.end(), std::make_move_iterator(pairs_.begin()),
                        std::make_move_iterator(pairs_.end()));
    pairs_ = std::move(first.pairs_);
}

Result<std::int64_t> parseTimestampMs(std::string_view text) {
    if (const auto seconds = parseDouble(text))
        if (const auto ms = secondsToMs(*seconds)) return *ms;
    if (const auto ms = parseRfc3339(text)) return *ms;
    return Error(ErrorCode::kInvalid,
                 fmt::format("cannot parse \"{}\" to a valid timestamp", text));
}

Result<Milliseconds> parseStep(std::string_view text) {
    if (const auto seconds = parseDouble(text)) {
        if (const auto ms = secondsToMs(*seconds)) return Milliseconds(*ms);
        return Error(
            ErrorCode::kInvalid,
            fmt::format("cannot parse \"{}\" to a valid duration. It overflows int64", text));
    }
    if (const auto duration = parseDuration(text)) return *duration;
    return Error(ErrorCode::kInvalid, fmt::format("cannot parse \"{}\" to a valid duration", text));
}

Error invalidParameter(std::string_view name, std::string_view why) {
    return {ErrorCode::kInvalid, fmt::format("invalid parameter \"{}\": {}", name, why)};
}

Result<std::int64_t> timeParameter(const Parameters& parameters, std::string_view name,
                                   std::int64_t fallback_ms) {
    const auto text = parameters.text(name);
    if (text.empty()) return fallback_ms;
    const auto ms = parseTimestampMs(text);
    if (!ms)
        return invalidParameter(
            name, fmt::format("Invalid time value for '{}': {}", name, ms.error().message()));
    return *ms;
}

Result<std::size_t> limitParameter(const Parameters& parameters, std::string_view name) {
    const auto text = parameters.text(name);
    if (text.empty()) return std::size_t{0};
    const auto value = parseUint(text);
    if (!value)
        return invalidParameter(name,
                                fmt::format("\"{}\" must be a whole number, not negative", text));
    return static_cast<std::size_t>(*value);
}

}  // namespace clusterwatch::api
