// Prometheus's query API over the engine and the series source.
// Parameters, statuses and words: prometheus.io/docs/prometheus/latest/querying/api and
// web/api/v1/api.go.
#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "collector/api/federate.h"
#include "collector/api/routes.h"
#include "collector/api/telemetry.h"
#include "collector/query/parser.h"
#include "collector/query/prometheus_json.h"
#include "common/limits.h"
#include "common/text.h"

namespace clusterwatch::api {
namespace {

using query::Engine;
using query::Matcher;
using query::SeriesSource;
using query::TimeRange;

constexpr std::int64_t kEarliestMs = std::numeric_limits<std::int64_t>::min() / 4;
constexpr std::int64_t kLatestMs = std::numeric_limits<std::int64_t>::max() / 4;

Reply success(std::string body) {
    Reply reply;
    reply.body = std::move(body);
    return reply;
}

Reply failure(const Error& error) {
    Reply reply;
    reply.status = query::httpStatus(error.code());
    reply.body = query::errorAnswer(error);
    return reply;
}

Reply badData(std::string message) {
    return failure(Error(ErrorCode::kInvalid, std::move(message)));
}

// The mistakes of an expression name the parameter; those of its evaluation stand alone.
Reply queryFailure(const Error& error, Telemetry& telemetry) {
    if (error.code() == ErrorCode::kLimit) telemetry.limitHit("query_samples");
    if (error.code() == ErrorCode::kTimedOut) telemetry.limitHit("query_timeout");
    return failure(error.code() == ErrorCode::kInvalid ? invalidParameter("query", error.message())
                                                       : error);
}

// The caller's own, which may only be shorter than the engine's.
Result<Milliseconds> timeoutParameter(const Parameters& parameters) {
    const auto text = parameters.text("timeout");
    if (text.empty()) return Milliseconds::max();
    const auto timeout = parseStep(text);
    if (!timeout) return invalidParameter("timeout", timeout.error().message());
    return *timeout;
}

Result<std::string_view> expression(const Parameters& parameters) {
    const auto text = parameters.text("query");
    if (text.size() > limits::kQueryBytes)
        return invalidParameter("query", fmt::format("has {} bytes; at most {} are taken",
                                                     text.size(), limits::kQueryBytes));
    return text;
}

Reply instantQuery(const Engine& engine, const Clock& clock, Telemetry& telemetry,
                   const Request& request) {
    const auto time = timeParameter(request.parameters, "time", toUnixMs(clock.wallNow()));
    if (!time) return failure(time.error());
    const auto timeout = timeoutParameter(request.parameters);
    if (!timeout) return failure(timeout.error());
    const auto text = expression(request.parameters);
    if (!text) return failure(text.error());
    const auto value = engine.instant(*text, *time, &request.cancelled, *timeout);
    return value ? success(query::queryAnswer(*value)) : queryFailure(value.error(), telemetry);
}

struct RangeParameters {
    std::int64_t start_ms = 0, end_ms = 0, step_ms = 0;
};

Result<RangeParameters> rangeParameters(const Parameters& parameters) {
    RangeParameters out;
    for (const auto& [name, value] :
         {std::pair{"start", &out.start_ms}, std::pair{"end", &out.end_ms}}) {
        const auto ms = parseTimestampMs(parameters.text(name));
        if (!ms) return invalidParameter(name, ms.error().message());
        *value = *ms;
    }
    if (out.end_ms < out.start_ms)
        return invalidParameter("end", "end timestamp must not be before start time");
    const auto step = parseStep(parameters.text("step"));
    if (!step) return invalidParameter("step", step.error().message());
    out.step_ms = step->count();
    if (out.step_ms <= 0)
        return invalidParameter("step",
                                "zero or negative query resolution step widths are not accepted. "
                                "Try a positive integer");
    if ((out.end_ms - out.start_ms) / out.step_ms > limits::kQueryPointsPerSeries)
        return Error(
            ErrorCode::kInvalid,
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query "
            "resolution (?step=XX)");
    return out;
}

Reply rangeQuery(const Engine& engine, Telemetry& telemetry, const Request& request) {
    const auto range = rangeParameters(request.parameters);
    if (!range) return failure(range.error());
    const auto timeout = timeoutParameter(request.parameters);
    if (!timeout) return failure(timeout.error());
    const auto text = expression(request.parameters);
    if (!text) return failure(text.error());
    const auto value = engine.range(*text, range->start_ms, range->end_ms, range->step_ms,
                                    &request.cancelled, *timeout);
    return value ? success(query::queryAnswer(*value)) : queryFailure(value.error(), telemetry);
}

// --- series, labels, metadata ------------------------------------------------------------------

struct Selection {
    std::vector<std::vector<Matcher>> matcher_sets;  // results are the union
    TimeRange range;
    std::size_t limit = 0;  // 0: none
};

Result<Selection> selection(const Parameters& parameters) {
    Selection out;
    for (const auto text : parameters.all("match[]")) {
        if (text.size() > limits::kQueryBytes) return invalidParameter("match[]", "is too long");
        auto matchers = query::parseSelector(text);
        if (!matchers) return invalidParameter("match[]", matchers.error().message());
        out.matcher_sets.push_back(std::move(*matchers));
    }
    const auto start = timeParameter(parameters, "start", kEarliestMs);
    if (!start) return start.error();
    const auto end = timeParameter(parameters, "end", kLatestMs);
    if (!end) return end.error();
    out.range = {*start, *end};
    const auto limit = limitParameter(parameters, "limit");
    if (!limit) return limit.error();
    out.limit = *limit;
    return out;
}

// Sorted, each once, at most `limit`.
template <typename T>
void finish(std::vector<T>& values, std::size_t limit) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
    if (limit > 0 && values.size() > limit) values.resize(limit);
}

// The union of what `ask` gives for each matcher set; with none, of everything.
template <typename T, typename Ask>
Result<std::vector<T>> collect(const Selection& chosen, Ask ask) {
    std::vector<T> all;
    if (chosen.range.to_ms < chosen.range.from_ms) return all;  // not an error there either
    const std::vector<std::vector<Matcher>> everything(1);
    for (const auto& matchers : chosen.matcher_sets.empty() ? everything : chosen.matcher_sets) {
        Result<std::vector<T>> part = ask(std::span<const Matcher>(matchers));
        if (!part) return part.error();
        all.insert(all.end(), std::make_move_iterator(part->begin()),
                   std::make_move_iterator(part->end()));
    }
    finish(all, chosen.limit);
    return all;
}

Reply series(const SeriesSource& source, const Request& request) {
    const auto chosen = selection(request.parameters);
    if (!chosen) return failure(chosen.error());
    if (chosen->matcher_sets.empty()) return badData("no match[] parameter provided");
    const auto found =
        collect<Labels>(*chosen, [&](auto m) { return source.series(m, chosen->range); });
    return found ? success(query::seriesAnswer(*found)) : failure(found.error());
}

Reply labelNames(const SeriesSource& source, const Request& request) {
    const auto chosen = selection(request.parameters);
    if (!chosen) return failure(chosen.error());
    const auto found =
        collect<std::string>(*chosen, [&](auto m) { return source.labelNames(m, chosen->range); });
    return found ? success(query::stringsAnswer(*found)) : failure(found.error());
}

Reply labelValues(const SeriesSource& source, const Request& request) {
    const auto& name = request.wildcard;
    if (!isValidLabelName(name)) return badData(fmt::format("invalid label name: \"{}\"", name));
    const auto chosen = selection(request.parameters);
    if (!chosen) return failure(chosen.error());
    const auto found = collect<std::string>(
        *chosen, [&](auto m) { return source.labelValues(name, m, chosen->range); });
    return found ? success(query::stringsAnswer(*found)) : failure(found.error());
}

Reply metadata(const SeriesSource& source, const Request& request) {
    const auto text = request.parameters.text("limit");
    const auto limit = limitParameter(request.parameters, "limit");
    if (!limit) return badData("limit must be a number");
    const auto most =
        text.empty() || *limit == 0 ? std::numeric_limits<std::size_t>::max() : *limit;
    return success(query::metadataAnswer(
        source.metadata(std::string(request.parameters.text("metric")), most)));
}

// --- status ------------------------------------------------------------------------------------

// Grafana asks for it to learn which of Prometheus's features there are; `application` says who
// answers.
Reply buildInformation() {
    return success(
        R"({"status":"success","data":{"application":"clusterwatch","version":")" CLUSTERWATCH_VERSION
        R"(","revision":"","branch":"","buildUser":"","buildDate":"","goVersion":""}})");
}

Reply runtimeInformation(WallTime started) {
    return success(
        fmt::format(R"({{"status":"success","data":{{"startTime":"{}"}}}})", formatTime(started)));
}

}  // namespace

void addPrometheusRoutes(Router& router, const Engine& engine, const SeriesSource& source,
                         const Clock& clock, Telemetry& telemetry) {
    const auto read = [&router](std::string path, std::vector<std::string> methods, auto handle) {
        router.add({std::move(path),
                    std::move(methods),
                    Role::kRead,
                    RunsOn::kReadExecutor,
                    std::move(handle),
                    {}});
    };
    const std::vector<std::string> both{"GET", "POST"};
    read("/api/v1/query", both,
         [&](const Request& request) { return instantQuery(engine, clock, telemetry, request); });
    read("/api/v1/query_range", both,
         [&](const Request& request) { return rangeQuery(engine, telemetry, request); });
    read("/api/v1/series", both, [&](const Request& request) { return series(source, request); });
    read("/api/v1/labels", both,
         [&](const Request& request) { return labelNames(source, request); });
    read("/api/v1/label/*/values", {"GET"},
         [&](const Request& request) { return labelValues(source, request); });
    read("/api/v1/metadata", {"GET"},
         [&](const Request& request) { return metadata(source, request); });
    read("/api/v1/status/buildinfo", {"GET"}, [](const Request&) { return buildInformation(); });
    read("/api/v1/status/runtimeinfo", {"GET"},
         [started = clock.wallNow()](const Request&) { return runtimeInformation(started); });
    read("/federate", {"GET"},
         [&](const Request& request) { return federate(source, clock, request); });
}

}  // namespace clusterwatch::api
