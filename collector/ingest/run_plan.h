// What one report's new runs become: columns for the store, the note beside them, what was refused, and
// which of the runs say how things are now. Nothing is changed by planning; the plan is carried out by
// one commit. Not thread-safe.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "collector/ingest/agent_record.h"
#include "collector/ingest/series_binder.h"
#include "collector/ingest/session.h"
#include "collector/store/store.h"
#include "common/sample.h"
#include "proto/wire.h"

namespace clusterwatch::ingest {

struct PlannedRun {
    const wire::WireBatch* batch = nullptr;
    bool in_time = false;              // says how things are now: see RunPlanner::isCurrent
    bool judged_anew = false;          // its header differs from the run before it
    std::optional<ProbeRun> previous;  // the run before it, if judged_anew and there is one
};

struct ReportPlan {
    store::WriteBatch write;
    pb::AgentNote note;
    std::vector<PlannedRun> runs;
    std::vector<wire::Refusal> refused;
    std::vector<SilenceChange> disproved;  // marks of silence to take back
    std::uint64_t samples = 0, refused_samples = 0, foreign_labels = 0, missed_runs = 0;
    bool limit_hit = false;
};

class RunPlanner {
  public:
    // What stays the same over a report.
    struct Context {
        store::Store& store;
        SeriesBinder& binder;
        Session& session;
        const wire::Report& report;
        const ExternalLabels& external;
        std::int64_t now_ms = 0;  // the collector's wall clock
        std::int64_t max_future_ms = 0;
    };
    // `probes`: working copies of the records of the probes in the report.
    RunPlanner(Context context, std::map<std::string, ProbeRecord> probes)
        : context_(context), probes_(std::move(probes)) {}

    // Whether the run is the newest of its probe, and at most three intervals old when sent. To be
    // asked before add(). Either lane may bring it: a run whose first sending failed comes by
    // back-fill.
    bool isCurrent(const wire::WireBatch& batch) const;
    // `up`: what to write; empty for a run that is history. REQUIRES: the batch's layout is of the
    // session, and fits.
    Status add(const wire::WireBatch& batch, const std::vector<Sample>& up);
    // A probe that left the schedule: its series end now.
    void remove(const std::string& probe, const ProbeRecord& record);

    ReportPlan& plan() { return plan_; }

  private:
    const BoundLayout* bind(const wire::WireBatch& batch, Status& status);
    void addOwn(const ProbeRun& run, std::size_t samples, store::Column& column);
    void addStaleMarkers(const RunRecord* previous, const SeriesIds& present,
                         store::Column& column);
    void addNote(const wire::WireBatch& batch, const RunRecord* previous, SeriesIds present);
    void refuse(std::uint64_t sequence, std::string reason, std::uint32_t samples);

    Context context_;
    std::map<std::string, ProbeRecord> probes_;
    ReportPlan plan_;
};

}  // namespace clusterwatch::ingest
