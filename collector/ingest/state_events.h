// Events that the ingest records: a check's change of state with its evidence, an agent's silence,
// conflicts and drops. Thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "collector/derive/cluster_state.h"
#include "collector/store/store.h"
#include "common/probe_run.h"

namespace clusterwatch::ingest {

// One event a check whose state differs from the run before. Of a probe's very first run only what is
// not ok is told: that all is well at the start is no news.
std::vector<store::Event> stateChanges(const std::string& node, const ProbeRun& run,
                                       const std::optional<ProbeRun>& previous);

store::Event nodeEvent(const derive::NodeChange& change, std::int64_t now_ms);
store::Event agentEvent(std::string kind, const std::string& node, std::string severity,
                        std::string text, std::int64_t now_ms);

}  // namespace clusterwatch::ingest
