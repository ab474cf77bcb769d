// `clusterwatch-agent check [PROBE]`: runs each configured probe (or the named one) once and prints
// what it saw, for a person: outcome, checks with their text, facts, readings with type and unit.
// Needs no collector and touches no spool.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/settings.h"
#include "common/clock.h"

namespace clusterwatch::agent {

// The text of one run.
std::string describeRun(const ProbeRun& run);
// Of all runs; what is not well comes once more at the end.
std::string describeRuns(const std::vector<ProbeRun>& runs);

// Prints to standard output. Returns the exit status: 0 if every outcome and check is ok, 1 if not,
// 2 if there is no such probe. A probe that hangs past its deadline is reported; the process must then
// end by _exit (hung_threads is set).
int runCheck(Settings& settings, std::string_view only, const Clock& clock, bool& hung_threads);

}  // namespace clusterwatch::agent
