// Reports and replies from protobuf bytes. Everything is checked that can be checked without
// knowing the session; whether references exist in the session is the ingest's to check.
#include <cmath>
#include <unordered_set>

#include <fmt/format.h>
#include <google/protobuf/stubs/logging.h>

#include "common/limits.h"
#include "proto/convert.h"
#include "proto/parse_budget.h"
#include "proto/wire.h"

namespace clusterwatch::wire {

namespace {

// protobuf writes a line to standard error for each string that is no UTF-8: a peer could fill the
// disk with them. Our own refusals are counted and rate-limited where they are handled.
[[maybe_unused]] google::protobuf::LogHandler* const kPreviousHandler =
    google::protobuf::SetLogHandler(nullptr);

Error invalid(std::string message) { return {ErrorCode::kInvalid, std::move(message)}; }

Status checkCount(std::string_view what, int count, std::size_t most) {
    if (static_cast<std::size_t>(count) <= most) return {};
    return Error{ErrorCode::kLimit,
                 fmt::format("a report has {} {}; at most {} are allowed", count, what, most)};
}

Result<AgentIdentity> decodeAgent(const pb::Agent& agent) {
    if (agent.id().size() != kAgentIdBytes)
        return invalid(
            fmt::format("an agent's id has {} bytes, not {}", agent.id().size(), kAgentIdBytes));
    if (agent.node().empty()) return invalid("an agent has no node name");
    if (auto s = checkText("a node's name", agent.node(), limits::kLabelValueBytes); !s)
        return s.error();
    if (auto s = checkText("an agent's version", agent.version(), limits::kLabelValueBytes); !s)
        return s.error();
    if (agent.host_id().size() > kHostIdBytes)
        return Error{ErrorCode::kLimit,
                     fmt::format("a host id has more than {} bytes", kHostIdBytes)};
    return AgentIdentity{agent.id(),      agent.epoch(),   agent.node(),
                         agent.version(), agent.host_id(), agent.started_ms()};
}

Result<ScheduledProbe> decodeScheduled(const pb::Scheduled& in) {
    for (const auto* text : {&in.probe(), &in.kind(), &in.role(), &in.job(), &in.instance()})
        if (auto s = checkText("a scheduled probe", *text, limits::kLabelValueBytes); !s)
            return s.error();
    if (in.probe().empty() || in.job().empty() || in.instance().empty())
        return invalid("a scheduled probe needs a name, a job and an instance");
    return ScheduledProbe{in.probe(),
                          in.kind(),
                          in.role(),
                          {in.job(), in.instance()},
                          Milliseconds{in.interval_ms()},
                          Milliseconds{in.deadline_ms()}};
}

Result<SeriesDefinition> decodeSeries(const pb::SeriesDefinition& in) {
    if (auto s = checkMetricName(in.name()); !s) return s.error();
    auto labels = decodeLabels(in.labels());
    if (!labels) return labels.error().context(in.name());
    SeriesDefinition out{in.ref(), in.name(), std::move(*labels), in.has_metadata(), {}};
    if (in.has_metadata()) {
        auto metadata = decodeMetadata(in.metadata());
        if (!metadata) return metadata.error().context(in.name());
        out.metadata = std::move(*metadata);
    }
    return out;
}

Result<LayoutDefinition> decodeLayout(const pb::LayoutDefinition& in) {
    if (auto s = checkCount("series in a layout", in.series_size(), limits::kSeriesPerProbe); !s)
        return s.error();
    std::unordered_set<std::uint32_t> seen;
    for (const auto ref : in.series())
        if (!seen.insert(ref).second)
            return invalid(fmt::format("layout {} names series {} twice", in.ref(), ref));
    return LayoutDefinition{in.ref(), {in.series().begin(), in.series().end()}};
}

Result<std::vector<double>> decodeValues(const pb::Values& in) {
    if (in.real_at_size() != in.real_size())
        return invalid(fmt::format("{} values have {} places", in.real_size(), in.real_at_size()));
    if (auto s = checkCount("values in a run", in.whole_size(), limits::kSeriesPerProbe); !s)
        return s.error();
    if (auto s = checkCount("values in a run", in.real_size(), limits::kSeriesPerProbe); !s)
        return s.error();
    const auto total =
        static_cast<std::uint64_t>(in.whole_size()) + static_cast<std::uint64_t>(in.real_size());
    std::vector<double> values;
    values.reserve(total);
    int whole = 0;
    std::uint64_t at = 0;
    for (int i = 0; i < in.real_size(); ++i) {
        const std::uint64_t delta = in.real_at(i);
        if (i > 0 && delta == 0) return invalid("two values have the same place");
        at += delta;
        if (at >= total) return invalid("a value's place is beyond the last");
        while (values.size() < at && whole < in.whole_size())
            values.push_back(static_cast<double>(in.whole(whole++)));
        if (values.size() != at) return invalid("a value's place is beyond the last");
        values.push_back(in.real(i));
    }
    while (whole < in.whole_size()) values.push_back(static_cast<double>(in.whole(whole++)));
    return values;
}

Status decodeDefinitions(const pb::Report& in, Report& out) {
    if (auto s = checkCount("series", in.series_size(), kSessionSeries); !s) return s;
    for (const auto& definition : in.series()) {
        auto series = decodeSeries(definition);
        if (!series) return series.error();
        if (!out.series.empty() && series->ref != out.series.back().ref + 1)
            return invalid(
                fmt::format("series {} follows series {}", series->ref, out.series.back().ref));
        out.series.push_back(std::move(*series));
    }
    if (auto s = checkCount("layouts", in.layouts_size(), kSessionLayouts); !s) return s;
    for (const auto& definition : in.layouts()) {
        auto layout = decodeLayout(definition);
        if (!layout) return layout.error();
        if (!out.layouts.empty() && layout->ref != out.layouts.back().ref + 1)
            return invalid(
                fmt::format("layout {} follows layout {}", layout->ref, out.layouts.back().ref));
        out.layouts.push_back(std::move(*layout));
    }
    return {};
}

Status decodeBatches(const pb::Report& in, Report& out) {
    if (auto s = checkCount("batches", in.batches_size(), limits::kBatchesPerReport); !s) return s;
    std::unordered_set<std::uint64_t> sequences;
    for (const auto& batch : in.batches()) {
        if (batch.sequence() == 0) return invalid("a batch has number 0");
        if (!sequences.insert(batch.sequence()).second)
            return invalid(fmt::format("batch {} occurs twice in a report", batch.sequence()));
        auto run = decodeHeader(batch.run().header());
        if (!run) return run.error();
        auto values = decodeValues(batch.run().values());
        if (!values) return values.error();
        out.batches.push_back({batch.sequence(),
                               batch.checksum(),
                               {std::move(*run), batch.run().layout(), std::move(*values)}});
    }
    return {};
}

Status decodeSchedule(const pb::Report& in, Report& out) {
    if (auto s = checkCount("scheduled probes", in.schedule_size(), kScheduledProbes); !s) return s;
    for (const auto& entry : in.schedule()) {
        auto probe = decodeScheduled(entry);
        if (!probe) return probe.error();
        out.schedule.push_back(std::move(*probe));
    }
    out.schedule_complete = in.schedule_complete();
    if (auto s = checkCount("dropped ranges", in.dropped_size(), kDroppedRanges); !s) return s;
    for (const auto& range : in.dropped()) {
        if (range.first() == 0 || range.last() < range.first())
            return invalid(fmt::format("dropped batches {} to {}", range.first(), range.last()));
        if (auto s = checkText("a drop's reason", range.reason(), limits::kTextBytes); !s) return s;
        out.dropped.push_back({range.first(), range.last(), range.reason()});
    }
    return {};
}

}  // namespace

Result<Report> decodeReport(std::string_view bytes) {
    pb::Report in;
    if (bytes.size() > limits::kDecodedBytes)
        return Error{ErrorCode::kLimit, fmt::format("a report has {} bytes; at most {} are allowed",
                                                    bytes.size(), limits::kDecodedBytes)};
    if (auto s = checkParseBudget(bytes); !s) return s.error();
    if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
        return invalid("a report is no valid protobuf message");
    Report out;
    auto agent = decodeAgent(in.agent());
    if (!agent) return agent.error();
    out.agent = std::move(*agent);
    if (in.lane() != pb::LANE_LIVE && in.lane() != pb::LANE_BACKFILL)
        return invalid(fmt::format("a report has lane {}", static_cast<int>(in.lane())));
    if (!std::isfinite(in.clock_offset_seconds())) return invalid("a clock offset is not finite");
    out.session = in.session();
    out.lane = in.lane() == pb::LANE_LIVE ? Lane::kLive : Lane::kBackfill;
    out.sent_ms = in.sent_ms();
    out.clock_offset_seconds = in.clock_offset_seconds();
    if (auto s = decodeDefinitions(in, out); !s) return s.error();
    if (auto s = decodeBatches(in, out); !s) return s.error();
    if (auto s = decodeSchedule(in, out); !s) return s.error();
    out.spool = {in.spool().batches(), in.spool().bytes(), in.spool().oldest_ms(),
                 in.spool().dropped_batches(), in.spool().dropped_samples()};
    return out;
}

Result<ReportReply> decodeReply(std::string_view bytes) {
    pb::ReportReply in;
    if (bytes.size() > kReplyBytes)
        return Error{ErrorCode::kLimit, fmt::format("a reply has {} bytes; at most {} are allowed",
                                                    bytes.size(), kReplyBytes)};
    if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
        return invalid("a reply is no valid protobuf message");
    if (auto s = checkText("a reply's conflict", in.conflict(), limits::kTextBytes); !s)
        return s.error();
    if (auto s =
            checkText("the collector's version", in.collector_version(), limits::kLabelValueBytes);
        !s)
        return s.error();
    ReportReply out;
    out.session = in.session();
    out.session_unknown = in.session_unknown();
    out.acknowledged.assign(in.acknowledged().begin(), in.acknowledged().end());
    for (const auto& refusal : in.refused()) {
        if (auto s = checkText("a refusal's reason", refusal.reason(), limits::kTextBytes); !s)
            return s.error();
        out.refused.push_back({refusal.sequence(), refusal.reason(), refusal.samples()});
    }
    out.received_ms = in.received_ms();
    out.replied_ms = in.replied_ms();
    out.conflict = in.conflict();
    out.collector_version = in.collector_version();
    return out;
}

}  // namespace clusterwatch::wire
