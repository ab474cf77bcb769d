// What the ingest knows of one agent durably: what has arrived, and what each probe last reported. It
// is a fold over notes: a live commit, a replay after a crash and a checkpoint all go through apply().
//
// Staleness compares a run with the newest run before it, whichever lane brought that; each lane keeps
// its newest run, so that a live run never judges by a back-filled one that is newer than itself, nor
// the other way round. When live runs resume after a gap, the run before the gap becomes the back-fill
// lane's, for the runs from within the gap to be compared with.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "clusterwatch/internal/v1/note.pb.h"
#include "collector/ingest/received_ranges.h"
#include "collector/store/store.h"
#include "common/probe_run.h"
#include "proto/wire.h"

namespace clusterwatch::ingest {

namespace pb = clusterwatch::internal::v1;

// Where a run does not say when the next one may be expected.
inline constexpr std::chrono::seconds kDefaultInterval{10};

using SeriesIds = std::vector<store::SeriesId>;

// A lane's newest run.
struct RunRecord {
    std::int64_t time_ms = 0;  // 0: none
    // Rising. Shared because it never changes: steady runs of both lanes point to one list.
    std::shared_ptr<const SeriesIds> series;
    std::string header;               // serialised RunHeader without time, duration, evidence
    std::int64_t state_since_ms = 0;  // since when the worst state of its checks holds
};

// A mark of silence to set or to take back in the store.
struct SilenceChange {
    std::string node, probe;
    Target target;
    std::int64_t from_ms = 0, to_ms = 0;
    bool silent = false;
};

struct ProbeRecord {
    static constexpr std::size_t kMarks = 64;

    RunRecord live, backfill;
    std::vector<std::int64_t> marks;  // when the collector called it silent; the newest kMarks

    const RunRecord& newest() const { return live.time_ms >= backfill.time_ms ? live : backfill; }
    // The newest run before `time_ms`, or null.
    const RunRecord* before(std::int64_t time_ms) const;
    // Takes in a run. Returns the marks that it disproves: a run shows life for some intervals on.
    std::vector<std::int64_t> advance(wire::Lane lane, RunRecord run, Milliseconds interval);
};

struct AgentRecord {
    static constexpr std::size_t kEpochs = 4;  // spools remembered, the newest ones

    std::string id, node, host_id, version;
    std::map<std::uint64_t, ReceivedRanges> epochs;
    std::vector<std::uint64_t> epoch_order;  // oldest first
    std::map<std::string, ProbeRecord> probes;

    ReceivedRanges& epoch(std::uint64_t number);
    const ReceivedRanges* findEpoch(std::uint64_t number) const;

    // Takes in a commit's note of this agent. `changes`, if given, gets the silence marks that a
    // replay has to set or take back again.
    void apply(const pb::AgentNote& note, std::vector<SilenceChange>* changes);
    // Everything, in the form of one note.
    pb::AgentNote checkpoint() const;
};

// The header as it is kept and compared; and back. A kept header that does not decode is a bug of
// ours or damage, and gives nullopt.
std::string keptHeader(const ProbeRun& run);
std::optional<ProbeRun> runOf(const RunRecord& record);

void encodeSeries(const SeriesIds& ids, google::protobuf::RepeatedField<std::uint64_t>& out);

}  // namespace clusterwatch::ingest
