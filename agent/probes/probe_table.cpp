#include "agent/probes/probe_table.h"

namespace clusterwatch::agent {

std::span<const ProbeKind> probeKinds() {
    return {};
}

}  // namespace clusterwatch::agent
