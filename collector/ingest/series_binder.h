// From what an agent names to the store's series: attaches identity, keeps the limits.
//
// Identity (DESIGN.md, "Contracts"): job and instance are the run's target's, `node` the agent's,
// `cluster` and `namespace` this collector's. What a sample itself carries under these names is
// dropped and counted, and metrics that only the collector writes are refused.
// One an agent; not thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "collector/store/store.h"
#include "common/clock.h"
#include "common/probe_run.h"
#include "proto/wire.h"

namespace clusterwatch::ingest {

// What the collector adds to every series.
struct ExternalLabels {
    std::string cluster, name_space;
};

// Chunk rows are shared, and silence is marked, by group: a probe of a target on a node. `up` belongs
// to a group of the target's own, because it goes on when a probe falls silent.
std::string probeGroup(std::string_view node, const Target& target, std::string_view probe);
std::string targetGroup(std::string_view node, const Target& target);

Labels identify(Labels labels, std::string_view name, const Target& target, std::string_view node,
                const ExternalLabels& external);

// A layout's series in its order; 0 where a series was refused.
struct BoundLayout {
    std::vector<store::SeriesId> ids;
    std::uint32_t over_limit = 0, reserved = 0, repeated = 0;
    std::uint32_t foreign_labels = 0;  // dropped from samples
};

class SeriesBinder {
  public:
    // So many series of the collector's own an agent that is over its limit may still have, so that its
    // states are seen.
    static constexpr std::size_t kOwnSeries = 1'000;
    // How long a series that is used no more counts against its agent's limit.
    static constexpr std::chrono::hours kCountedFor{1};

    SeriesBinder(ExternalLabels external, std::size_t max_series)
        : external_(std::move(external)), max_series_(max_series) {}

    // Errors other than a full store's limit (which refuses single series) are the store's.
    Result<BoundLayout> bind(store::Store& store, std::string_view node, const ProbeRun& run,
                             const std::vector<const wire::SeriesDefinition*>& layout);
    // A series that the collector itself writes for a probe; 0 if refused.
    store::SeriesId own(store::Store& store, std::string_view node, const ProbeRun& run,
                        std::string_view metric, std::string_view label = {},
                        std::string_view value = {});
    // target_info carries the facts that tell targets apart.
    store::SeriesId targetInfo(store::Store& store, std::string_view node, const ProbeRun& run);

    bool full() const { return used_.size() >= max_series_; }

    // True once an hour: bound layouts have to be bound again, so that they are counted again.
    bool startCountingAgain(MonotonicTime now);

  private:
    store::SeriesId makeOwn(store::Store& store, const Labels& labels, const std::string& group,
                            std::string key);

    const ExternalLabels external_;
    const std::size_t max_series_;
    std::unordered_set<store::SeriesId> used_;
    std::unordered_map<std::string, store::SeriesId> own_;
    MonotonicTime counting_since_{};
};

// Names that only the collector writes, and their HELP.
bool isReserved(std::string_view metric);
void describeOwnMetrics(store::Store& store);

}  // namespace clusterwatch::ingest
