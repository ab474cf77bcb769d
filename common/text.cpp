#include "common/text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <limits>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace clusterwatch {

std::string_view trim(std::string_view text) {
    const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
    while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
    return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> fields;
    for (;;) {
        const auto at = text.find(separator);
        fields.push_back(text.substr(0, at));
        if (at == std::string_view::npos) return fields;
        text.remove_prefix(at + 1);
    }
}

namespace {

template <typename Number>
std::optional<Number> parseWhole(std::string_view text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

}  // namespace

std::optional<std::int64_t> parseInt(std::string_view text) {
    return parseWhole<std::int64_t>(text);
}

std::optional<std::uint64_t> parseUint(std::string_view text) {
    return parseWhole<std::uint64_t>(text);
}

std::optional<double> parseDouble(std::string_view text) {
    // from_chars takes no plus sign; Prometheus and strtod do.
    if (text.size() > 1 && text.front() == '+' && text[1] != '-' && text[1] != '+')
        text.remove_prefix(1);
    return parseWhole<double>(text);
}

std::string formatDouble(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
    const double magnitude = std::fabs(value);
    const bool exponent = magnitude != 0 && (magnitude < 1e-6 || magnitude >= 1e21);
    std::array<char, 400> buffer;  // the longest fixed form is 309 digits
    const auto [end, error] =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                      exponent ? std::chars_format::scientific : std::chars_format::fixed);
    if (error != std::errc{}) return "NaN";
    return {buffer.data(), end};
}

namespace {

struct DurationUnit {
    std::string_view name;
    std::int64_t ms;
};

constexpr std::array<DurationUnit, 7> kDurationUnits{{{"y", 365LL * 24 * 3600 * 1000},
                                                      {"w", 7LL * 24 * 3600 * 1000},
                                                      {"d", 24LL * 3600 * 1000},
                                                      {"h", 3600LL * 1000},
                                                      {"m", 60LL * 1000},
                                                      {"s", 1000},
                                                      {"ms", 1}}};

}  // namespace

std::optional<Milliseconds> parseDuration(std::string_view text) {
    if (text == "0") return Milliseconds{0};
    if (text.empty()) return std::nullopt;
    std::int64_t total = 0;
    std::size_t next_unit = 0;  // units must come in falling order, each at most once
    while (!text.empty()) {
        std::int64_t number = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error != std::errc{} || number < 0 || text.front() == '-') return std::nullopt;
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        const auto letters = std::min(text.find_first_of("0123456789"), text.size());
        const auto unit_text = text.substr(0, letters);
        const auto unit = std::find_if(
            kDurationUnits.begin() + static_cast<std::ptrdiff_t>(next_unit), kDurationUnits.end(),
            [&](const DurationUnit& u) { return u.name == unit_text; });
        if (unit == kDurationUnits.end()) return std::nullopt;
        next_unit = static_cast<std::size_t>(unit - kDurationUnits.begin()) + 1;
        constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
        if (number > kMax / unit->ms || number * unit->ms > kMax - total) return std::nullopt;
        total += number * unit->ms;
        text.remove_prefix(letters);
    }
    return Milliseconds{total};
}

std::string formatDuration(Milliseconds duration) {
    std::int64_t rest = duration.count();
    if (rest == 0) return "0s";
    std::string out;
    if (rest < 0) out = "-";
    rest = std::abs(rest);
    for (const auto& unit : kDurationUnits) {
        // Years and weeks only where they divide the whole, as Prometheus prints them.
        if ((unit.name == "y" || unit.name == "w") && rest % unit.ms != 0) continue;
        if (rest >= unit.ms) {
            out += fmt::format("{}{}", rest / unit.ms, unit.name);
            rest %= unit.ms;
        }
    }
    return out;
}

std::string formatTime(WallTime time) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03d}Z",
                       fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)),
                       (time - seconds).count());
}

void appendEscaped(std::string& out, std::string_view value) {
    for (char c : value) {
        switch (c) {
            case '\\': out += "\\\\"; break;
            case '"': out += "\\\""; break;
            case '\n': out += "\\n"; break;
            default: out += c;
        }
    }
}

namespace {

// Length of the well-formed UTF-8 sequence at the start of `s`, or 0. Source: Unicode 15, table 3-7.
std::size_t utf8SequenceLength(std::string_view s) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
    const auto within = [&](std::size_t i, unsigned lo, unsigned hi) {
        return i < s.size() && byte(i) >= lo && byte(i) <= hi;
    };
    const unsigned lead = byte(0);
    if (lead < 0x80) return 1;
    if (lead >= 0xc2 && lead <= 0xdf) return within(1, 0x80, 0xbf) ? 2 : 0;
    if (lead >= 0xe0 && lead <= 0xef) {
        const unsigned lo = lead == 0xe0 ? 0xa0 : 0x80;
        const unsigned hi = lead == 0xed ? 0x9f : 0xbf;
        return within(1, lo, hi) && within(2, 0x80, 0xbf) ? 3 : 0;
    }
    if (lead >= 0xf0 && lead <= 0xf4) {
        const unsigned lo = lead == 0xf0 ? 0x90 : 0x80;
        const unsigned hi = lead == 0xf4 ? 0x8f : 0xbf;
        return within(1, lo, hi) && within(2, 0x80, 0xbf) && within(3, 0x80, 0xbf) ? 4 : 0;
    }
    return 0;
}

}  // namespace

bool isValidUtf8(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto length = utf8SequenceLength(bytes);
        if (length == 0) return false;
        bytes.remove_prefix(length);
    }
    return true;
}

std::string truncated(std::string_view text, std::size_t max_bytes) {
    if (text.size() <= max_bytes) return std::string(text);
    constexpr std::string_view kMark = "...";
    if (max_bytes <= kMark.size()) return std::string(kMark.substr(0, max_bytes));
    std::size_t cut = max_bytes - kMark.size();
    while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xc0) == 0x80) --cut;
    return std::string(text.substr(0, cut)).append(kMark);
}

std::string toLower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

}  // namespace clusterwatch
