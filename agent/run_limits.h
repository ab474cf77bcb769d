// Cuts a probe's run down to the named limits, so that one odd service (a server with 100,000 tables)
// can't fill the spool. What was cut is counted; nothing is cut silently.
#pragma once

#include <cstdint>

#include "agent/probe.h"

namespace clusterwatch::agent {

struct CutCounts {
    std::uint64_t samples =
        0;  // over the limit of series, or with a name or label no store would take
    std::uint64_t texts = 0;  // texts, checks, facts and evidence cut or left out
};

// Also drops evidence where no check has worsened (probe.h).
CutCounts applyLimits(ProbeRun& run, bool keep_evidence);

}  // namespace clusterwatch::agent
