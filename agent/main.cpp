#include "agent/probes/probe_table.h"

int main() { return clusterwatch::agent::probeKinds().empty() ? 0 : 1; }
