#include "collector/api/federate.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "collector/query/parser.h"
#include "collector/query/prometheus_json.h"
#include "common/text.h"

namespace clusterwatch::api {
namespace {

Reply failure(const Error& error) {
    Reply reply;
    reply.status = query::httpStatus(error.code());
    reply.content_type = "text/plain; charset=utf-8";
    reply.body = error.message() + "\n";
    return reply;
}

// The newest sample of the series, or nullopt if it has none or ended with a staleness marker.
Result<std::optional<Sample>> newest(const query::SelectedSeries& series) {
    std::optional<Sample> last;
    const auto samples = series.samples();
    while (true) {
        const auto block = samples->next();
        if (!block) return block.error();
        if (block->empty()) break;
        last = block->back();
    }
    if (last && isStaleMarker(last->value)) last.reset();
    return last;
}

Status collectSet(const query::SeriesSource& source, std::span<const query::Matcher> matchers,
                  query::TimeRange range, const query::CancelFlag& cancelled,
                  std::vector<FederatedSample>& out) {
    const auto selected = source.select(matchers, range, &cancelled);
    if (!selected) return selected.error();
    for (const auto& series : *selected) {
        if (cancelled) return Error(ErrorCode::kCancelled, "the client has left");
        const auto sample = newest(*series);
        if (!sample) return sample.error();
        if (*sample && !series->labels().metricName().empty())
            out.push_back({series->labels(), **sample});
    }
    return {};
}

// The type's word in the text format, which has no info and writes unknown as untyped. A series
// that bears the bare name of a histogram is no part of one.
std::string_view typeWord(MetricType type) {
    switch (type) {
        case MetricType::kCounter: return "counter";
        case MetricType::kGauge:
        case MetricType::kInfo: return "gauge";
        default: return "untyped";
    }
}

// HELP escapes only backslash and line feed.
void appendHelp(std::string& out, std::string_view help) {
    for (const char c : help) {
        if (c == '\\')
            out += "\\\\";
        else if (c == '\n')
            out += "\\n";
        else
            out += c;
    }
}

void appendHead(std::string& out, std::string_view name, const MetricMetadata* metadata) {
    if (metadata != nullptr && !metadata->help.empty()) {
        out += fmt::format("# HELP {} ", name);
        appendHelp(out, metadata->help);
        out += '\n';
    }
    out += fmt::format("# TYPE {} {}\n", name,
                       typeWord(metadata != nullptr ? metadata->type : MetricType::kUnknown));
}

void appendSample(std::string& out, const FederatedSample& item) {
    out += item.labels.metricName();
    char separator = '{';
    for (const auto& [name, value] : item.labels.pairs()) {
        if (name == kMetricName) continue;
        out += std::exchange(separator, ',');
        out += name;
        out += "=\"";
        appendEscaped(out, value);
        out += '"';
    }
    // As Prometheus federates: it says that there is no instance, or the scraper would attach its own.
    if (!item.labels.has("instance")) {
        out += std::exchange(separator, ',');
        out += "instance=\"\"";
    }
    out += '}';
    out += fmt::format(" {} {}\n", formatDouble(item.sample.value), item.sample.t_ms);
}

}  // namespace

std::string exposition(std::span<const FederatedSample> samples,
                       std::span<const std::pair<std::string, MetricMetadata>> metadata) {
    std::string out;
    std::string_view current;
    for (const auto& item : samples) {
        const auto name = item.labels.metricName();
        if (name != current) {
            const auto found =
                std::lower_bound(metadata.begin(), metadata.end(), name,
                                 [](const auto& entry, auto key) { return entry.first < key; });
            const bool known = found != metadata.end() && found->first == name;
            appendHead(out, name, known ? &found->second : nullptr);
            current = name;
        }
        appendSample(out, item);
    }
    return out;
}

Reply federate(const query::SeriesSource& source, const Clock& clock, const Request& request) {
    std::vector<std::vector<query::Matcher>> sets;
    for (const auto text : request.parameters.all("match[]")) {
        auto matchers = query::parseSelector(text);
        if (!matchers) return failure(invalidParameter("match[]", matchers.error().message()));
        sets.push_back(std::move(*matchers));
    }
    if (sets.empty()) sets.emplace_back();

    const auto now_ms = toUnixMs(clock.wallNow());
    // Open to the left, as the lookback of a query.
    const query::TimeRange range{now_ms - kFederateLookback.count() + 1, now_ms};
    std::vector<FederatedSample> samples;
    for (const auto& matchers : sets)
        if (auto status = collectSet(source, matchers, range, request.cancelled, samples); !status)
            return failure(status.error());

    std::sort(samples.begin(), samples.end(), [&](const auto& a, const auto& b) {
        const auto order = a.labels.metricName() <=> b.labels.metricName();
        return order != 0 ? order < 0 : a.labels < b.labels;
    });
    samples.erase(std::unique(samples.begin(), samples.end(),
                              [](const auto& a, const auto& b) { return a.labels == b.labels; }),
                  samples.end());

    Reply reply;
    reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
    reply.body = exposition(samples, source.metadata({}, std::numeric_limits<std::size_t>::max()));
    return reply;
}

}  // namespace clusterwatch::api
