#include "proto/convert.h"

#include <algorithm>
#include <array>
#include <limits>

#include <fmt/format.h>

#include "common/limits.h"
#include "common/text.h"

namespace clusterwatch::wire {

namespace {

std::uint32_t clampMs(Milliseconds duration) {
    constexpr std::int64_t kMost = std::numeric_limits<std::uint32_t>::max();
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(duration.count(), 0, kMost));
}

Error tooMany(std::string_view what, int count, std::size_t most) {
    return {ErrorCode::kLimit, fmt::format("{} {}; at most {} are allowed", count, what, most)};
}

constexpr std::array<std::pair<MetricType, pb::MetricType>, 6> kMetricTypes{
    {{MetricType::kUnknown, pb::METRIC_UNKNOWN},
     {MetricType::kCounter, pb::METRIC_COUNTER},
     {MetricType::kGauge, pb::METRIC_GAUGE},
     {MetricType::kHistogram, pb::METRIC_HISTOGRAM},
     {MetricType::kSummary, pb::METRIC_SUMMARY},
     {MetricType::kInfo, pb::METRIC_INFO}}};

}  // namespace

std::string cleanText(std::string_view text, std::size_t max_bytes) {
    if (isValidUtf8(text)) return truncated(text, max_bytes);
    std::string mended(text);
    for (std::size_t i = 0; i < mended.size();) {
        std::size_t length = 1;
        const std::string_view rest = std::string_view(mended).substr(i);
        while (length <= std::min<std::size_t>(4, rest.size()) &&
               !isValidUtf8(rest.substr(0, length)))
            ++length;
        if (length > std::min<std::size_t>(4, rest.size())) {
            mended[i] = '?';
            length = 1;
        }
        i += length;
    }
    return truncated(mended, max_bytes);
}

std::string cleanName(std::string_view name) {
    std::string mended = truncated(name, limits::kLabelNameBytes);
    for (char& c : mended) {
        const bool allowed =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
        if (!allowed && c != ':') c = '_';
    }
    if (mended.empty() || (mended[0] >= '0' && mended[0] <= '9')) mended.insert(0, 1, '_');
    return mended;
}

void encodeHeader(const ProbeRun& run, pb::RunHeader& out) {
    out.set_probe(cleanText(run.probe, limits::kLabelValueBytes));
    out.set_kind(cleanText(run.kind, limits::kLabelValueBytes));
    out.set_role(cleanText(run.role, limits::kLabelValueBytes));
    out.set_job(cleanText(run.target.job, limits::kLabelValueBytes));
    out.set_instance(cleanText(run.target.instance, limits::kLabelValueBytes));
    out.set_time_ms(toUnixMs(run.time));
    out.set_duration_ms(clampMs(run.duration));
    out.set_interval_ms(clampMs(run.interval));
    out.set_outcome(static_cast<std::uint32_t>(run.outcome));
    out.set_message(cleanText(run.message, limits::kTextBytes));
    for (const auto& check : run.checks) {
        if (out.checks_size() == static_cast<int>(limits::kChecksPerRun)) break;
        auto* to = out.add_checks();
        to->set_name(cleanText(check.name, limits::kLabelValueBytes));
        to->set_state(static_cast<std::uint32_t>(check.state));
        to->set_text(cleanText(check.text, limits::kTextBytes));
    }
    for (const auto& fact : run.facts) {
        if (out.facts_size() == static_cast<int>(limits::kFactsPerRun)) break;
        auto* to = out.add_facts();
        to->set_name(cleanText(fact.name, limits::kLabelNameBytes));
        to->set_value(cleanText(fact.value, limits::kTextBytes));
    }
    for (const auto& evidence : run.evidence) {
        if (out.evidence_size() == static_cast<int>(limits::kEvidencePerRun)) break;
        auto* to = out.add_evidence();
        to->set_title(cleanText(evidence.title, limits::kTextBytes));
        to->set_text(cleanText(evidence.text, limits::kEvidenceBytes));
    }
}

void encodeMetadata(const MetricMetadata& metadata, pb::Metadata& out) {
    for (const auto& [ours, theirs] : kMetricTypes)
        if (ours == metadata.type) out.set_type(theirs);
    out.set_help(cleanText(metadata.help, limits::kTextBytes));
    out.set_unit(cleanText(metadata.unit, limits::kLabelNameBytes));
}

void encodeLabels(const Labels& labels, google::protobuf::RepeatedPtrField<pb::Label>& out) {
    for (const auto& [name, value] : labels.pairs()) {
        if (name == kMetricName) continue;
        auto* to = out.Add();
        if (isValidLabelName(name) && name.size() <= limits::kLabelNameBytes)
            to->set_name(name);
        else
            to->set_name(cleanName(name));
        to->set_value(cleanText(value, limits::kLabelValueBytes));
    }
}

Status checkText(std::string_view what, std::string_view text, std::size_t max_bytes) {
    if (text.size() > max_bytes)
        return Error{ErrorCode::kLimit, fmt::format("{} has {} bytes; at most {} are allowed", what,
                                                    text.size(), max_bytes)};
    if (!isValidUtf8(text)) return Error{ErrorCode::kInvalid, fmt::format("{} is no UTF-8", what)};
    return {};
}

Status checkMetricName(std::string_view name) {
    if (name.size() > limits::kLabelNameBytes)
        return Error{ErrorCode::kLimit,
                     fmt::format("a metric's name has {} bytes; at most {} are allowed",
                                 name.size(), limits::kLabelNameBytes)};
    if (!isValidMetricName(name))
        return Error{ErrorCode::kInvalid,
                     fmt::format("\"{}\" is no metric name", cleanText(name, 64))};
    return {};
}

namespace {

Status decodeJudgement(const pb::RunHeader& header, ProbeRun& run) {
    if (header.checks_size() > static_cast<int>(limits::kChecksPerRun))
        return tooMany("checks in a run", header.checks_size(), limits::kChecksPerRun);
    for (const auto& check : header.checks()) {
        if (check.state() > static_cast<std::uint32_t>(State::kUnknown))
            return Error{ErrorCode::kInvalid, fmt::format("a check has state {}", check.state())};
        if (auto s = checkText("a check's name", check.name(), limits::kLabelValueBytes); !s)
            return s;
        if (auto s = checkText("a check's text", check.text(), limits::kTextBytes); !s) return s;
        run.checks.push_back({check.name(), static_cast<State>(check.state()), check.text()});
    }
    if (header.facts_size() > static_cast<int>(limits::kFactsPerRun))
        return tooMany("facts in a run", header.facts_size(), limits::kFactsPerRun);
    for (const auto& fact : header.facts()) {
        if (auto s = checkText("a fact's name", fact.name(), limits::kLabelNameBytes); !s) return s;
        if (auto s = checkText("a fact's value", fact.value(), limits::kTextBytes); !s) return s;
        run.facts.push_back({fact.name(), fact.value()});
    }
    if (header.evidence_size() > static_cast<int>(limits::kEvidencePerRun))
        return tooMany("pieces of evidence in a run", header.evidence_size(),
                       limits::kEvidencePerRun);
    for (const auto& evidence : header.evidence()) {
        if (auto s = checkText("evidence's title", evidence.title(), limits::kTextBytes); !s)
            return s;
        if (auto s = checkText("evidence", evidence.text(), limits::kEvidenceBytes); !s) return s;
        run.evidence.push_back({evidence.title(), evidence.text()});
    }
    return {};
}

}  // namespace

Result<ProbeRun> decodeHeader(const pb::RunHeader& header) {
    const std::array<std::pair<std::string_view, const std::string*>, 5> names{
        {{"a run's probe", &header.probe()},
         {"a run's kind", &header.kind()},
         {"a run's role", &header.role()},
         {"a run's job", &header.job()},
         {"a run's instance", &header.instance()}}};
    for (const auto& [what, text] : names)
        if (auto s = checkText(what, *text, limits::kLabelValueBytes); !s) return s.error();
    if (header.probe().empty() || header.job().empty() || header.instance().empty())
        return Error{ErrorCode::kInvalid, "a run needs a probe, a job and an instance"};
    if (header.outcome() >= static_cast<std::uint32_t>(kOutcomeCount))
        return Error{ErrorCode::kInvalid, fmt::format("a run has outcome {}", header.outcome())};
    if (header.time_ms() <= 0)
        return Error{ErrorCode::kInvalid, fmt::format("a run has time {}", header.time_ms())};
    if (auto s = checkText("a run's message", header.message(), limits::kTextBytes); !s)
        return s.error();

    ProbeRun run;
    run.probe = header.probe();
    run.kind = header.kind();
    run.role = header.role();
    run.target = {header.job(), header.instance()};
    run.time = fromUnixMs(header.time_ms());
    run.duration = Milliseconds{header.duration_ms()};
    run.interval = Milliseconds{header.interval_ms()};
    run.outcome = static_cast<Outcome>(header.outcome());
    run.message = header.message();
    if (auto s = decodeJudgement(header, run); !s) return s.error();
    return run;
}

Result<MetricMetadata> decodeMetadata(const pb::Metadata& metadata) {
    MetricMetadata out;
    // A type that a newer agent knows and we don't is "unknown": fields are only ever added.
    for (const auto& [ours, theirs] : kMetricTypes)
        if (theirs == metadata.type()) out.type = ours;
    if (auto s = checkText("a metric's help", metadata.help(), limits::kTextBytes); !s)
        return s.error();
    if (auto s = checkText("a metric's unit", metadata.unit(), limits::kLabelNameBytes); !s)
        return s.error();
    out.help = metadata.help();
    out.unit = metadata.unit();
    return out;
}

Result<Labels> decodeLabels(const google::protobuf::RepeatedPtrField<pb::Label>& labels) {
    if (labels.size() > static_cast<int>(limits::kLabelsPerSeries))
        return tooMany("labels on a series", labels.size(), limits::kLabelsPerSeries);
    std::vector<Labels::Pair> pairs;
    pairs.reserve(static_cast<std::size_t>(labels.size()));
    for (const auto& label : labels) {
        if (label.name().size() > limits::kLabelNameBytes)
            return Error{ErrorCode::kLimit,
                         fmt::format("a label's name has {} bytes; at most {} are allowed",
                                     label.name().size(), limits::kLabelNameBytes)};
        if (!isValidLabelName(label.name()) || label.name() == kMetricName)
            return Error{ErrorCode::kInvalid,
                         fmt::format("\"{}\" is no label name", cleanText(label.name(), 64))};
        if (auto s = checkText("a label's value", label.value(), limits::kLabelValueBytes); !s)
            return s.error();
        for (const auto& [name, value] : pairs)
            if (name == label.name())
                return Error{ErrorCode::kInvalid, fmt::format("label {} occurs twice", name)};
        pairs.emplace_back(label.name(), label.value());
    }
    return Labels(std::move(pairs));
}

}  // namespace clusterwatch::wire
