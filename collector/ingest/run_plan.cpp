#include "collector/ingest/run_plan.h"

#include <algorithm>
#include <cmath>

#include "common/sample.h"

namespace clusterwatch::ingest {

namespace {

// Bound layouts kept in a session; a probe whose layout never stays the same must not fill the memory.
constexpr std::size_t kBoundLayouts = 256;

Milliseconds intervalOf(const ProbeRun& run) {
    return run.interval.count() > 0 ? run.interval : Milliseconds{kDefaultInterval};
}

double seconds(Milliseconds duration) { return static_cast<double>(duration.count()) / 1000.0; }

}  // namespace

bool RunPlanner::isCurrent(const wire::WireBatch& batch) const {
    const ProbeRun& run = batch.run.run;
    const auto known = probes_.find(run.probe);
    if (known != probes_.end() && toUnixMs(run.time) <= known->second.newest().time_ms)
        return false;
    // Both times are the agent's, the second one corrected to the clock that stamped the first.
    const auto sent_ms = context_.report.sent_ms +
                         static_cast<std::int64_t>(context_.report.clock_offset_seconds * 1000.0);
    return sent_ms - toUnixMs(run.time) <= 3 * intervalOf(run).count();
}

void RunPlanner::refuse(std::uint64_t sequence, std::string reason, std::uint32_t samples) {
    plan_.refused_samples += samples;
    plan_.refused.push_back({sequence, std::move(reason), samples});
}

const BoundLayout* RunPlanner::bind(const wire::WireBatch& batch, Status& status) {
    const ProbeRun& run = batch.run.run;
    const std::string& node = context_.report.agent.node;
    auto& bound = context_.session.bound();
    const Session::BoundKey key{batch.run.layout, probeGroup(node, run.target, run.probe)};
    const auto known = bound.find(key);
    if (known != bound.end()) return &known->second;
    auto made = context_.binder.bind(context_.store, node, run,
                                     context_.session.seriesOf(batch.run.layout));
    if (!made) {
        status = made.error();
        return nullptr;
    }
    if (bound.size() >= kBoundLayouts) bound.clear();
    return &bound.emplace(key, std::move(*made)).first->second;
}

void RunPlanner::addOwn(const ProbeRun& run, std::size_t samples, store::Column& column) {
    const auto put = [&](store::SeriesId id, double value) {
        if (id == 0) return;  // the store's limit; the agent's own series are told so
        column.series.push_back(id);
        column.values.push_back(value);
    };
    const auto own = [&](std::string_view metric, std::string_view label = {},
                         std::string_view value = {}) {
        return context_.binder.own(context_.store, context_.report.agent.node, run, metric, label,
                                   value);
    };
    put(own("scrape_duration_seconds"), seconds(run.duration));
    put(own("scrape_samples_scraped"), static_cast<double>(samples));
    put(own("clusterwatch_probe_duration_seconds"), seconds(run.duration));
    put(own("clusterwatch_probe_outcome", "outcome", toString(run.outcome)), 1);
    put(context_.binder.targetInfo(context_.store, context_.report.agent.node, run), 1);
    for (std::size_t i = 0; i < run.checks.size(); ++i) {
        const auto same_name = [&](const CheckResult& c) { return c.name == run.checks[i].name; };
        const auto from = run.checks.begin() + static_cast<std::ptrdiff_t>(i) + 1;
        if (std::any_of(from, run.checks.end(), same_name)) continue;  // the last word counts
        put(own("clusterwatch_check_state", "check", run.checks[i].name),
            static_cast<double>(run.checks[i].state));
    }
}

void RunPlanner::addStaleMarkers(const RunRecord* previous, const SeriesIds& present,
                                 store::Column& column) {
    if (previous == nullptr || previous->series == nullptr) return;
    std::vector<store::SeriesId> gone;
    std::set_difference(previous->series->begin(), previous->series->end(), present.begin(),
                        present.end(), std::back_inserter(gone));
    for (const auto id : gone) {
        column.series.push_back(id);
        column.values.push_back(staleMarker());
    }
}

void RunPlanner::addNote(const wire::WireBatch& batch, const RunRecord* previous,
                         SeriesIds present) {
    const ProbeRun& run = batch.run.run;
    PlannedRun& planned = plan_.runs.back();
    pb::RunNote* note = plan_.note.add_runs();
    note->set_probe(run.probe);
    note->set_backfill(context_.report.lane == wire::Lane::kBackfill);
    note->set_time_ms(toUnixMs(run.time));

    RunRecord record;
    record.time_ms = toUnixMs(run.time);
    if (previous && previous->series && *previous->series == present) {
        note->set_same_series(true);
        record.series = previous->series;
    } else {
        encodeSeries(present, *note->mutable_series());
        record.series = std::make_shared<const SeriesIds>(std::move(present));
    }
    record.header = keptHeader(run);
    if (previous && previous->header == record.header) {
        note->set_same_header(true);
    } else {
        note->mutable_header()->ParseFromString(record.header);
        planned.judged_anew = true;
        if (previous) planned.previous = runOf(*previous);
    }
    const auto disproved =
        probes_[run.probe].advance(context_.report.lane, std::move(record), run.interval);
    for (const auto mark : disproved)
        plan_.disproved.push_back(
            {context_.report.agent.node, run.probe, run.target, mark, mark, false});
}

Status RunPlanner::add(const wire::WireBatch& batch, const std::vector<Sample>& up) {
    const ProbeRun& run = batch.run.run;
    const auto count = static_cast<std::uint32_t>(batch.run.values.size());
    const auto time_ms = toUnixMs(run.time);
    // The store would refuse the samples; the record must not take in the time either, or every
    // later run would look like an old one.
    if (time_ms > context_.now_ms + context_.max_future_ms) {
        refuse(batch.sequence, "too far ahead of the collector's clock", count);
        return {};
    }
    Status status;
    const BoundLayout* layout = bind(batch, status);
    if (layout == nullptr) return status;

    store::Column column;
    column.t_ms = time_ms;
    for (std::size_t i = 0; i < layout->ids.size(); ++i) {
        if (layout->ids[i] == 0) continue;
        column.series.push_back(layout->ids[i]);
        column.values.push_back(batch.run.values[i]);
    }
    plan_.samples += column.series.size();
    plan_.foreign_labels += layout->foreign_labels;
    if (layout->over_limit > 0) {
        refuse(batch.sequence, "over the limit of series", layout->over_limit);
        plan_.limit_hit = true;
    }
    if (layout->reserved > 0)
        refuse(batch.sequence, "a name that only the collector writes", layout->reserved);
    if (layout->repeated > 0)
        refuse(batch.sequence, "the same series twice in a run", layout->repeated);

    plan_.runs.push_back({&batch, !up.empty(), false, {}});
    addOwn(run, count, column);
    SeriesIds present(column.series);
    std::sort(present.begin(), present.end());
    const auto known = probes_.find(run.probe);
    const RunRecord* previous = known == probes_.end() ? nullptr : known->second.before(time_ms);
    addStaleMarkers(previous, present, column);
    addNote(batch, previous, std::move(present));
    plan_.write.columns.push_back(std::move(column));
    if (up.empty()) return {};

    const auto up_id = context_.store.seriesId(
        identify({}, "up", run.target, context_.report.agent.node, context_.external),
        targetGroup(context_.report.agent.node, run.target));
    plan_.missed_runs += up.size() - 1;
    if (!up_id) return {};
    for (const auto& [t_ms, value] : up) plan_.write.columns.push_back({t_ms, {*up_id}, {value}});
    return {};
}

void RunPlanner::remove(const std::string& probe, const ProbeRecord& record) {
    plan_.note.add_removed(probe);
    if (record.live.series == nullptr) return;
    store::Column column;
    column.t_ms = context_.now_ms;
    addStaleMarkers(&record.live, {}, column);
    plan_.write.columns.push_back(std::move(column));
}

}  // namespace clusterwatch::ingest
