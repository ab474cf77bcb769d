// The agent about itself: figures for its own /metrics, and the essential few that its built-in probe
// `agent` (job clusterwatch-agent) sends to the collector.
#pragma once

#include <functional>
#include <vector>

#include "agent/corrected_clock.h"
#include "agent/probe.h"
#include "agent/runner.h"
#include "agent/sender.h"
#include "agent/spool.h"

namespace clusterwatch::agent {

inline constexpr std::string_view kAgentJob = "clusterwatch-agent";

// Where the figures come from. Everything outlives the probe and the metrics' server; the runner and
// the senders are looked up late, because they are made after the probes.
struct TelemetrySources {
    const Clock& clock;
    const Spool& spool;
    const CorrectedClock& corrected;
    std::function<const Runner*()> runner;
    std::function<std::vector<std::pair<std::string, const Sender*>>()> senders;  // by URL
};

// Spool, drops, clock, memory and CPU time.
void addEssentials(const TelemetrySources& sources, ProbeRun& run);
// Runs by probe and outcome, hung probes, the senders' requests and back-off, build information.
void addDetails(const TelemetrySources& sources, ProbeRun& run);

// The built-in probe `agent`.
std::unique_ptr<Probe> makeAgentProbe(TelemetrySources sources);

}  // namespace clusterwatch::agent
