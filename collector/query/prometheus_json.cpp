// See prometheus_json.h.
#include "collector/query/prometheus_json.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/text.h"

namespace clusterwatch::query {
namespace {

// The length of the UTF-8 character at the front, or 0 if the bytes there are none.
std::size_t characterLength(std::string_view text) {
    for (std::size_t length = 1; length <= 4 && length <= text.size(); ++length) {
        if (isValidUtf8(text.substr(0, length))) return length;
    }
    return 0;
}

void appendEscape(std::string& out, char c) {
    switch (c) {
        case '"': out += "\\\""; return;
        case '\\': out += "\\\\"; return;
        case '\n': out += "\\n"; return;
        case '\r': out += "\\r"; return;
        case '\t': out += "\\t"; return;
        default: out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    }
}

void appendPair(std::string& out, const Sample& sample) {
    out += '[';
    appendTimestamp(out, sample.t_ms);
    out += ',';
    appendSampleValue(out, sample.value);
    out += ']';
}

void append(std::string& out, const Scalar& scalar) { appendPair(out, scalar.sample); }

void append(std::string& out, const String& string) {
    out += '[';
    appendTimestamp(out, string.t_ms);
    out += ',';
    appendJsonString(out, string.value);
    out += ']';
}

void append(std::string& out, const Vector& vector) {
    out += '[';
    for (const VectorElement& element : vector) {
        if (out.back() != '[') out += ',';
        out += "{\"metric\":";
        appendLabels(out, element.labels);
        out += ",\"value\":";
        appendPair(out, element.sample);
        out += '}';
    }
    out += ']';
}

void append(std::string& out, const Matrix& matrix) {
    out += '[';
    for (const Series& series : matrix) {
        if (out.back() != '[') out += ',';
        out += "{\"metric\":";
        appendLabels(out, series.labels);
        out += ",\"values\":[";
        for (const Sample& point : series.points) {
            if (out.back() != '[') out += ',';
            appendPair(out, point);
        }
        out += "]}";
    }
    out += ']';
}

}  // namespace

std::string queryAnswer(const Value& value) {
    std::string out = "{\"status\":\"success\",\"data\":{\"resultType\":\"";
    out += jsonName(typeOf(value));
    out += "\",\"result\":";
    std::visit([&out](const auto& result) { append(out, result); }, value);
    out += "}}";
    return out;
}

std::string errorAnswer(std::string_view error_type, std::string_view message) {
    std::string out = "{\"status\":\"error\",\"errorType\":";
    appendJsonString(out, error_type);
    out += ",\"error\":";
    appendJsonString(out, message);
    out += '}';
    return out;
}

std::string errorAnswer(const Error& error) {
    return errorAnswer(errorType(error.code()), error.message());
}

std::string seriesAnswer(std::span<const Labels> series) {
    std::string out = "{\"status\":\"success\",\"data\":[";
    for (const Labels& labels : series) {
        if (out.back() != '[') out += ',';
        appendLabels(out, labels);
    }
    out += "]}";
    return out;
}

std::string stringsAnswer(std::span<const std::string> values) {
    std::string out = "{\"status\":\"success\",\"data\":[";
    for (const std::string& value : values) {
        if (out.back() != '[') out += ',';
        appendJsonString(out, value);
    }
    out += "]}";
    return out;
}

std::string metadataAnswer(std::span<const std::pair<std::string, MetricMetadata>> metadata) {
    std::string out = "{\"status\":\"success\",\"data\":{";
    std::string_view name;
    for (const auto& [metric, entry] : metadata) {
        const bool same = !name.empty() && name == metric;
        if (same) {
            out.pop_back();  // another entry of the same metric
            out += ',';
        } else {
            if (!name.empty()) out += ',';
            appendJsonString(out, metric);
            out += ":[";
        }
        name = metric;
        out += "{\"type\":";
        appendJsonString(out, toString(entry.type));
        out += ",\"help\":";
        appendJsonString(out, entry.help);
        out += ",\"unit\":";
        appendJsonString(out, entry.unit);
        out += "}]";
    }
    out += "}}";
    return out;
}

std::string_view errorType(ErrorCode code) {
    switch (code) {
        case ErrorCode::kInvalid: return "bad_data";
        case ErrorCode::kTimedOut: return "timeout";
        case ErrorCode::kCancelled: return "canceled";
        case ErrorCode::kNotFound: return "not_found";
        case ErrorCode::kUnavailable: return "unavailable";
        default: return "execution";
    }
}

int httpStatus(ErrorCode code) {
    switch (code) {
        case ErrorCode::kInvalid: return 400;
        case ErrorCode::kTimedOut: return 503;
        case ErrorCode::kCancelled: return 499;
        case ErrorCode::kNotFound: return 404;
        case ErrorCode::kUnavailable: return 503;
        default: return 422;
    }
}

void appendJsonString(std::string& out, std::string_view text) {
    out += '"';
    while (!text.empty()) {
        const auto plain = std::find_if(text.begin(), text.end(), [](char c) {
            return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\' || c < 0;
        });
        const auto length = static_cast<std::size_t>(plain - text.begin());
        out += text.substr(0, length);
        text.remove_prefix(length);
        if (text.empty()) break;
        if (text.front() >= 0) {
            appendEscape(out, text.front());
            text.remove_prefix(1);
        } else if (const std::size_t bytes = characterLength(text)) {
            out += text.substr(0, bytes);
            text.remove_prefix(bytes);
        } else {
            out += "\xEF\xBF\xBD";
            text.remove_prefix(1);
        }
    }
    out += '"';
}

void appendLabels(std::string& out, const Labels& labels) {
    out += '{';
    bool first = true;
    for (const auto& [name, value] : labels.pairs()) {
        if (!first) out += ',';
        first = false;
        appendJsonString(out, name);
        out += ':';
        appendJsonString(out, value);
    }
    out += '}';
}

void appendTimestamp(std::string& out, std::int64_t t_ms) {
    // Source: web/api/v1/json_codec.go, marshalTimestamp: at most three decimals, without the zeros
    // at the end of .000 only: 1.500 is printed with all three.
    std::uint64_t magnitude = static_cast<std::uint64_t>(t_ms);
    if (t_ms < 0) {
        out += '-';
        magnitude = 0 - magnitude;
    }
    fmt::format_to(std::back_inserter(out), "{}", magnitude / 1000);
    if (const auto fraction = magnitude % 1000; fraction != 0) {
        fmt::format_to(std::back_inserter(out), ".{:03}", fraction);
    }
}

void appendSampleValue(std::string& out, double value) {
    out += '"';
    out += formatDouble(value);
    out += '"';
}

}  // namespace clusterwatch::query
