// Reports and replies to protobuf bytes.
#include <cmath>

#include <google/protobuf/arena.h>

#include "common/limits.h"
#include "common/text.h"
#include "proto/convert.h"
#include "proto/wire.h"

namespace clusterwatch::wire {

namespace {

constexpr double kWholeLimit = 9007199254740992.0;  // 2^53: below it every whole number is exact

// -0 is left to `real`: as an integer it would lose its sign.
bool isWhole(double value) {
    return value > -kWholeLimit && value < kWholeLimit && value == std::trunc(value) &&
           !(value == 0 && std::signbit(value));
}

void encodeValues(const std::vector<double>& values, pb::Values& out) {
    out.mutable_whole()->Reserve(static_cast<int>(values.size()));
    std::uint32_t previous = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (isWhole(values[i])) {
            out.add_whole(static_cast<std::int64_t>(values[i]));
            continue;
        }
        const auto at = static_cast<std::uint32_t>(i);
        out.add_real_at(at - previous);
        out.add_real(values[i]);
        previous = at;
    }
}

void encodeAgent(const AgentIdentity& agent, pb::Agent& out) {
    out.set_id(agent.id);
    out.set_epoch(agent.epoch);
    out.set_node(cleanText(agent.node, limits::kLabelValueBytes));
    out.set_version(cleanText(agent.version, limits::kLabelValueBytes));
    out.set_host_id(agent.host_id);
    out.set_started_ms(agent.started_ms);
}

void encodeScheduled(const ScheduledProbe& probe, pb::Scheduled& out) {
    out.set_probe(cleanText(probe.probe, limits::kLabelValueBytes));
    out.set_kind(cleanText(probe.kind, limits::kLabelValueBytes));
    out.set_role(cleanText(probe.role, limits::kLabelValueBytes));
    out.set_job(cleanText(probe.target.job, limits::kLabelValueBytes));
    out.set_instance(cleanText(probe.target.instance, limits::kLabelValueBytes));
    out.set_interval_ms(static_cast<std::uint32_t>(probe.interval.count()));
    out.set_deadline_ms(static_cast<std::uint32_t>(probe.deadline.count()));
}

void encodeDefinitions(const Report& report, pb::Report& out) {
    for (const auto& series : report.series) {
        auto* to = out.add_series();
        to->set_ref(series.ref);
        to->set_name(isValidMetricName(series.name) ? series.name : cleanName(series.name));
        encodeLabels(series.labels, *to->mutable_labels());
        if (series.has_metadata) encodeMetadata(series.metadata, *to->mutable_metadata());
    }
    for (const auto& layout : report.layouts) {
        auto* to = out.add_layouts();
        to->set_ref(layout.ref);
        to->mutable_series()->Add(layout.series.begin(), layout.series.end());
    }
}

}  // namespace

std::string encode(const Report& report) {
    google::protobuf::Arena arena;
    auto* out = google::protobuf::Arena::CreateMessage<pb::Report>(&arena);
    encodeAgent(report.agent, *out->mutable_agent());
    out->set_session(report.session);
    out->set_lane(report.lane == Lane::kLive ? pb::LANE_LIVE : pb::LANE_BACKFILL);
    out->set_sent_ms(report.sent_ms);
    out->set_clock_offset_seconds(report.clock_offset_seconds);
    encodeDefinitions(report, *out);
    for (const auto& batch : report.batches) {
        auto* to = out->add_batches();
        to->set_sequence(batch.sequence);
        to->set_checksum(batch.checksum);
        encodeHeader(batch.run.run, *to->mutable_run()->mutable_header());
        to->mutable_run()->set_layout(batch.run.layout);
        encodeValues(batch.run.values, *to->mutable_run()->mutable_values());
    }
    out->set_schedule_complete(report.schedule_complete);
    for (const auto& probe : report.schedule) encodeScheduled(probe, *out->add_schedule());
    out->mutable_spool()->set_batches(report.spool.batches);
    out->mutable_spool()->set_bytes(report.spool.bytes);
    out->mutable_spool()->set_oldest_ms(report.spool.oldest_ms);
    out->mutable_spool()->set_dropped_batches(report.spool.dropped_batches);
    out->mutable_spool()->set_dropped_samples(report.spool.dropped_samples);
    for (const auto& range : report.dropped) {
        auto* to = out->add_dropped();
        to->set_first(range.first);
        to->set_last(range.last);
        to->set_reason(cleanText(range.reason, limits::kTextBytes));
    }
    return out->SerializeAsString();
}

std::string encode(const ReportReply& reply) {
    pb::ReportReply out;
    out.set_session(reply.session);
    out.set_session_unknown(reply.session_unknown);
    out.mutable_acknowledged()->Add(reply.acknowledged.begin(), reply.acknowledged.end());
    for (const auto& refusal : reply.refused) {
        auto* to = out.add_refused();
        to->set_sequence(refusal.sequence);
        to->set_reason(cleanText(refusal.reason, limits::kTextBytes));
        to->set_samples(refusal.samples);
    }
    out.set_received_ms(reply.received_ms);
    out.set_replied_ms(reply.replied_ms);
    out.set_conflict(cleanText(reply.conflict, limits::kTextBytes));
    out.set_collector_version(cleanText(reply.collector_version, limits::kLabelValueBytes));
    return out.SerializeAsString();
}

}  // namespace clusterwatch::wire
