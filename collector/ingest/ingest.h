// Ingest: takes reports of agents, stores them through the store exactly once, keeps `up` and
// staleness as Prometheus would, and knows which agents have fallen silent.
//
// Contracts (DESIGN.md, "Contracts"): acknowledged only when committed and synced; duplicates known by
// ranges of sequence numbers; a known number with another checksum, or one agent id on two hosts, is a
// conflict that is shown; node and external labels come from the agent's identity, never from samples.
//
// Thread-safe. Implements the store's Participant: its state is rebuilt from notes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "collector/derive/cluster_state.h"
#include "collector/derive/live_feed.h"
#include "collector/store/store.h"
#include "common/clock.h"
#include "common/result.h"

namespace clusterwatch::ingest {

struct IngestOptions {
    std::string cluster = "default";     // external label, never empty
    std::string name_space = "default";  // external label `namespace`, never empty
    std::size_t max_series_per_agent = 50'000;
    std::size_t max_agents = 10'000;
    // As the store's: a run from further ahead is refused whole.
    Milliseconds max_sample_future{std::chrono::minutes(10)};
};

// The answer to a report: 200 with a protobuf reply, or an error with text.
struct IngestReply {
    int status = 200;  // 200, 400, 409 (conflict), 413, 429, 503, 507
    std::string body;  // protobuf ReportReply on 200 and 409, otherwise a reason in words
    int retry_after_seconds = 0;
};

struct IngestStatistics {
    std::uint64_t reports = 0, heartbeats = 0, batches = 0, duplicates = 0, samples = 0;
    std::uint64_t refused_reports = 0, refused_samples = 0, conflicts = 0, series_limit_hits = 0;
    std::uint64_t dropped_labels = 0;  // identity labels that samples claimed for themselves
    std::uint64_t malformed = 0, oversize = 0, store_failures = 0, unknown_sessions = 0;
    std::uint64_t missed_runs = 0;  // `up` 0 written
    std::uint64_t agents = 0;
};

class Ingest : public store::Participant {
  public:
    // Two phases, because the store needs its participant to open and the ingest needs the store:
    // make, Store::open(..., *ingest), attach(store).
    static std::unique_ptr<Ingest> make(IngestOptions options, const Clock& clock,
                                        derive::LiveFeed& feed);
    virtual void attach(store::Store& store) = 0;

    // `encoding` is the Content-Encoding ("zstd", "identity" or empty). Blocks for about one sync.
    virtual IngestReply report(std::string_view body, std::string_view encoding) = 0;

    // Writes `up` 0 for intervals missed, marks silent targets stale, publishes changes of freshness.
    // Called by one thread, every 250 ms or so (a silent agent is seen at most that much late); it
    // blocks for a sync only when something was missed.
    virtual void tick() = 0;

    virtual std::vector<derive::NodeStatus> nodes() const = 0;
    virtual IngestStatistics statistics() const = 0;
};

}  // namespace clusterwatch::ingest
