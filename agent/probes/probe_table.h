// The one visible table of all kinds of probes.
#pragma once

#include <span>

#include "agent/probe.h"

namespace clusterwatch::agent {

// In the order in which `--help` and `discover` print them. Lives as long as the process.
std::span<const ProbeKind> probeKinds();

}  // namespace clusterwatch::agent
