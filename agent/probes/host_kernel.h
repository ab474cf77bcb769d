// The kernel's own counters: bytes of /proc files in, families with node_exporter's names out.
//
// Pure functions. They take any bytes: a line or a field that does not parse is left out, the rest
// is kept. Values, names, labels and HELP are those of node_exporter 1.5 (Debian 12), so that its
// dashboards work unchanged. Formats: proc(5), and Documentation/accounting/psi.rst for pressure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "common/probe_run.h"

namespace clusterwatch::agent {

// What the checks need of /proc/stat, /proc/loadavg, /proc/meminfo and /proc/vmstat.
struct KernelFigures {
    int cpus = 0;  // lines "cpuN" of /proc/stat
    std::optional<double> load5;
    std::optional<double> memory_total_bytes;
    std::optional<double> memory_available_bytes;
    std::optional<double> oom_kills;
};

inline constexpr int kMaxCpus = 256;  // 8 to 10 series each

void parseStat(std::string_view text, double ticks_per_second, ProbeRun& run,
               KernelFigures& figures);
void parseLoadavg(std::string_view text, ProbeRun& run, KernelFigures& figures);
void parseMeminfo(std::string_view text, ProbeRun& run, KernelFigures& figures);
void parseVmstat(std::string_view text, ProbeRun& run, KernelFigures& figures);
// `resource` is "cpu", "io" or "memory".
void parsePressure(std::string_view resource, std::string_view text, ProbeRun& run);
void parseFileNr(std::string_view text, ProbeRun& run);
// /proc/net/sockstat and sockstat6.
void parseSockstat(std::string_view text, double page_bytes, ProbeRun& run);
// /proc/net/snmp and /proc/net/netstat: pairs of lines, names above values.
void parseNetstat(std::string_view text, ProbeRun& run);

}  // namespace clusterwatch::agent
