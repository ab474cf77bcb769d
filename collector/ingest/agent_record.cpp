#include "collector/ingest/agent_record.h"

#include <algorithm>

#include "collector/derive/cluster_state.h"
#include "proto/convert.h"

namespace clusterwatch::ingest {

namespace {

// A gap in the live lane: more than one run is missing.
bool isGap(std::int64_t from_ms, std::int64_t to_ms, Milliseconds interval) {
    return to_ms - from_ms > interval.count() + interval.count() / 2;
}

// How long after a run a mark of silence may stand that the run disproves: marks are set after three
// intervals and a deadline, on the collector's clock.
std::int64_t disproves(Milliseconds interval) { return 4 * interval.count() + 10'000; }

std::shared_ptr<const SeriesIds> decodeSeries(
    const google::protobuf::RepeatedField<std::uint64_t>& deltas) {
    auto ids = std::make_shared<SeriesIds>();
    ids->reserve(static_cast<std::size_t>(deltas.size()));
    store::SeriesId last = 0;
    for (const auto delta : deltas) ids->push_back(last += delta);
    return ids;
}

Milliseconds intervalOf(const std::string& header) {
    v1::RunHeader decoded;
    return decoded.ParseFromString(header) ? Milliseconds{decoded.interval_ms()} : Milliseconds{0};
}

Target targetOf(const std::string& header) {
    v1::RunHeader decoded;
    if (!decoded.ParseFromString(header)) return {};
    return {decoded.job(), decoded.instance()};
}

}  // namespace

void encodeSeries(const SeriesIds& ids, google::protobuf::RepeatedField<std::uint64_t>& out) {
    out.Reserve(static_cast<int>(ids.size()));
    store::SeriesId last = 0;
    for (const auto id : ids) {
        out.Add(id - last);
        last = id;
    }
}

std::string keptHeader(const ProbeRun& run) {
    v1::RunHeader header;
    wire::encodeHeader(run, header);
    header.clear_time_ms();
    header.clear_duration_ms();
    header.clear_evidence();
    return header.SerializeAsString();
}

std::optional<ProbeRun> runOf(const RunRecord& record) {
    v1::RunHeader header;
    if (record.time_ms == 0 || !header.ParseFromString(record.header)) return std::nullopt;
    header.set_time_ms(record.time_ms);
    auto run = wire::decodeHeader(header);
    if (!run) return std::nullopt;
    return std::move(*run);
}

const RunRecord* ProbeRecord::before(std::int64_t time_ms) const {
    const RunRecord* best = nullptr;
    for (const RunRecord* run : {&live, &backfill})
        if (run->time_ms != 0 && run->time_ms < time_ms && (!best || run->time_ms > best->time_ms))
            best = run;
    return best;
}

std::vector<std::int64_t> ProbeRecord::advance(wire::Lane lane, RunRecord run,
                                               Milliseconds interval) {
    if (interval.count() == 0) interval = kDefaultInterval;
    std::vector<std::int64_t> disproved;
    const auto alive_until = run.time_ms + disproves(interval);
    std::erase_if(marks, [&](std::int64_t mark) {
        const bool wrong = mark >= run.time_ms && mark <= alive_until;
        if (wrong) disproved.push_back(mark);
        return wrong;
    });

    RunRecord& newest_of_lane = lane == wire::Lane::kLive ? live : backfill;
    if (run.time_ms <= newest_of_lane.time_ms) return disproved;
    if (lane == wire::Lane::kLive && live.time_ms > backfill.time_ms &&
        isGap(live.time_ms, run.time_ms, interval))
        backfill = std::move(live);
    newest_of_lane = std::move(run);
    return disproved;
}

ReceivedRanges& AgentRecord::epoch(std::uint64_t number) {
    const auto [it, is_new] = epochs.try_emplace(number);
    if (is_new) {
        epoch_order.push_back(number);
        if (epoch_order.size() > kEpochs) {
            epochs.erase(epoch_order.front());
            epoch_order.erase(epoch_order.begin());
        }
    }
    return it->second;
}

const ReceivedRanges* AgentRecord::findEpoch(std::uint64_t number) const {
    const auto it = epochs.find(number);
    return it == epochs.end() ? nullptr : &it->second;
}

void AgentRecord::apply(const pb::AgentNote& note, std::vector<SilenceChange>* changes) {
    id = note.id();
    if (!note.node().empty()) {  // a note of the collector's own, of silence, names none
        node = note.node();
        host_id = note.host_id();
        version = note.version();
    }
    for (const auto& in : note.epochs()) {
        ReceivedRanges& received = epoch(in.epoch());
        for (const auto& range : in.ranges()) received.addRange(range.first(), range.last());
        for (const auto& sum : in.sums()) received.add(sum.sequence(), sum.checksum());
    }
    for (const auto& in : note.runs()) {
        ProbeRecord& probe = probes[in.probe()];
        const RunRecord* previous = probe.before(in.time_ms());
        RunRecord run{in.time_ms(), nullptr, {}, in.state_since_ms()};
        run.series = in.same_series() && previous ? previous->series : decodeSeries(in.series());
        run.header =
            in.same_header() && previous ? previous->header : in.header().SerializeAsString();
        if (run.state_since_ms == 0) {
            const auto now = runOf(run);
            const auto then = previous ? runOf(*previous) : std::nullopt;
            const bool same = now && then && derive::worstState(*now) == derive::worstState(*then);
            run.state_since_ms = same ? previous->state_since_ms : run.time_ms;
        }
        const Target target = targetOf(run.header);
        const Milliseconds interval = intervalOf(run.header);
        const auto lane = in.backfill() ? wire::Lane::kBackfill : wire::Lane::kLive;
        for (const auto mark : probe.advance(lane, std::move(run), interval))
            if (changes) changes->push_back({node, in.probe(), target, mark, mark, false});
    }
    for (const auto& in : note.silences()) {
        ProbeRecord& probe = probes[in.probe()];
        probe.marks.push_back(in.time_ms());
        if (probe.marks.size() > ProbeRecord::kMarks) probe.marks.erase(probe.marks.begin());
        if (changes)
            changes->push_back({node, in.probe(), targetOf(probe.newest().header), in.time_ms(),
                                in.time_ms(), true});
    }
    for (const auto& removed : note.removed()) probes.erase(removed);
}

pb::AgentNote AgentRecord::checkpoint() const {
    pb::AgentNote note;
    note.set_id(id);
    note.set_node(node);
    note.set_host_id(host_id);
    note.set_version(version);
    for (const auto number : epoch_order) {
        const ReceivedRanges& received = epochs.at(number);
        auto* out = note.add_epochs();
        out->set_epoch(number);
        for (const auto& [first, last] : received.ranges()) {
            auto* range = out->add_ranges();
            range->set_first(first);
            range->set_last(last);
        }
        for (const auto sequence : received.order()) {
            auto* sum = out->add_sums();
            sum->set_sequence(sequence);
            sum->set_checksum(received.sums().at(sequence));
        }
    }
    for (const auto& [name, probe] : probes) {
        for (const RunRecord* run : {&probe.backfill, &probe.live}) {
            if (run->time_ms == 0) continue;
            auto* out = note.add_runs();
            out->set_probe(name);
            out->set_backfill(run == &probe.backfill);
            out->set_time_ms(run->time_ms);
            if (run->series) encodeSeries(*run->series, *out->mutable_series());
            out->mutable_header()->ParseFromString(run->header);
            out->set_state_since_ms(run->state_since_ms);
        }
        for (const auto mark : probe.marks) {
            auto* silence = note.add_silences();
            silence->set_probe(name);
            silence->set_time_ms(mark);
        }
    }
    return note;
}

}  // namespace clusterwatch::ingest
