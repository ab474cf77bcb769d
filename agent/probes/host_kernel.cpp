#include "agent/probes/host_kernel.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "agent/probes/scan_text.h"
#include "common/text.h"

namespace clusterwatch::agent {

namespace {

constexpr std::array<std::string_view, 8> kCpuModes = {"user",   "nice", "system",  "idle",
                                                       "iowait", "irq",  "softirq", "steal"};
constexpr std::array<std::string_view, 2> kGuestModes = {"user", "nice"};

void parseCpuLine(std::string_view name, std::string_view rest, double ticks_per_second,
                  ProbeRun& run) {
    const std::string cpu(name.substr(3));
    for (const std::string_view mode : kCpuModes) {
        const auto ticks = parseUint(nextField(rest));
        if (!ticks) return;
        run.counter("node_cpu_seconds_total", "CPU time by processor and mode.",
                    static_cast<double>(*ticks) / ticks_per_second,
                    {{"cpu", cpu}, {"mode", std::string(mode)}});
    }
    for (const std::string_view mode : kGuestModes) {
        const auto ticks = parseUint(nextField(rest));
        if (!ticks) return;
        run.counter("node_cpu_guest_seconds_total",
                    "CPU time given to virtual machines, by processor and mode.",
                    static_cast<double>(*ticks) / ticks_per_second,
                    {{"cpu", cpu}, {"mode", std::string(mode)}});
    }
}

struct StatLine {
    std::string_view key;
    std::string_view name;
    std::string_view help;
    MetricType type;
};

constexpr std::array kStatLines = {
    StatLine{"intr", "node_intr_total", "Interrupts handled since boot.", MetricType::kCounter},
    StatLine{"ctxt", "node_context_switches_total", "Context switches since boot.",
             MetricType::kCounter},
    StatLine{"btime", "node_boot_time_seconds", "When the machine booted, in Unix time.",
             MetricType::kGauge},
    StatLine{"processes", "node_forks_total", "Processes and threads created since boot.",
             MetricType::kCounter},
    StatLine{"procs_running", "node_procs_running", "Threads that run or could run now.",
             MetricType::kGauge},
    StatLine{"procs_blocked", "node_procs_blocked",
             "Threads that wait for a disk or a network file system.", MetricType::kGauge},
};

// "Active(anon)" -> "Active_anon"; anything else that no metric's name may hold becomes '_'.
std::string metricPart(std::string_view key) {
    std::string part;
    for (const char c : key) {
        const bool word =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
        if (c == ')') continue;
        part += word ? c : '_';
    }
    return part;
}

// The keys that node_exporter takes by default: ^(oom_kill|pgpg|pswp|pg.*fault).*
bool isWantedVmstat(std::string_view key) {
    return key.starts_with("oom_kill") || key.starts_with("pgpg") || key.starts_with("pswp") ||
           (key.starts_with("pg") && key.find("fault") != std::string_view::npos);
}

// node_exporter's default fields of snmp and netstat, without those that no shipped dashboard or
// rule uses.
constexpr std::array<std::string_view, 28> kNetstatFields = {"Ip_Forwarding",
                                                             "Icmp_InMsgs",
                                                             "Icmp_OutMsgs",
                                                             "Icmp_InErrors",
                                                             "IpExt_InOctets",
                                                             "IpExt_OutOctets",
                                                             "Tcp_ActiveOpens",
                                                             "Tcp_PassiveOpens",
                                                             "Tcp_CurrEstab",
                                                             "Tcp_InSegs",
                                                             "Tcp_OutSegs",
                                                             "Tcp_RetransSegs",
                                                             "Tcp_InErrs",
                                                             "Tcp_OutRsts",
                                                             "Udp_InDatagrams",
                                                             "Udp_NoPorts",
                                                             "Udp_InErrors",
                                                             "Udp_OutDatagrams",
                                                             "Udp_RcvbufErrors",
                                                             "Udp_SndbufErrors",
                                                             "UdpLite_InErrors",
                                                             "TcpExt_SyncookiesSent",
                                                             "TcpExt_SyncookiesRecv",
                                                             "TcpExt_SyncookiesFailed",
                                                             "TcpExt_ListenOverflows",
                                                             "TcpExt_ListenDrops",
                                                             "TcpExt_TCPSynRetrans",
                                                             "TcpExt_TCPTimeouts"};

}  // namespace

void parseStat(std::string_view text, double ticks_per_second, ProbeRun& run,
               KernelFigures& figures) {
    std::string_view line;
    while (nextLine(text, line)) {
        const std::string_view key = nextField(line);
        if (key.starts_with("cpu") && key.size() > 3) {
            if (!parseUint(key.substr(3)) || figures.cpus >= kMaxCpus) continue;
            ++figures.cpus;
            parseCpuLine(key, line, ticks_per_second, run);
            continue;
        }
        const auto known = std::find_if(kStatLines.begin(), kStatLines.end(),
                                        [&](const StatLine& row) { return row.key == key; });
        if (known == kStatLines.end()) continue;
        if (const auto value = parseUint(nextField(line)))
            run.family(known->name, known->type, known->help)
                .readings.push_back({{}, static_cast<double>(*value)});
    }
}

void parseLoadavg(std::string_view text, ProbeRun& run, KernelFigures& figures) {
    const auto one = parseDouble(nextField(text));
    const auto five = parseDouble(nextField(text));
    const auto fifteen = parseDouble(nextField(text));
    if (!one || !five || !fifteen) return;
    run.gauge("node_load1", "Load average over 1 minute.", *one);
    run.gauge("node_load5", "Load average over 5 minutes.", *five);
    run.gauge("node_load15", "Load average over 15 minutes.", *fifteen);
    figures.load5 = *five;
}

void parseMeminfo(std::string_view text, ProbeRun& run, KernelFigures& figures) {
    constexpr int kMaxKeys = 128;  // 55 on Linux 6.18
    std::string_view line;
    for (int keys = 0; keys < kMaxKeys && nextLine(text, line); ++keys) {
        std::string_view key = nextField(line);
        if (!key.ends_with(':')) continue;
        key.remove_suffix(1);
        const auto number = parseUint(nextField(line));
        if (!number) continue;
        const bool kibibytes = nextField(line) == "kB";
        const double value = static_cast<double>(*number) * (kibibytes ? 1024 : 1);
        if (key == "MemTotal") figures.memory_total_bytes = value;
        if (key == "MemAvailable") figures.memory_available_bytes = value;
        const std::string part = metricPart(key) + (kibibytes ? "_bytes" : "");
        run.families.push_back({"node_memory_" + part,
                                {MetricType::kGauge, "Line " + part + " of /proc/meminfo.", {}},
                                {{{}, value}}});
    }
}

void parseVmstat(std::string_view text, ProbeRun& run, KernelFigures& figures) {
    constexpr int kMaxKeys = 32;
    std::string_view line;
    for (int keys = 0; keys < kMaxKeys && nextLine(text, line);) {
        const std::string_view key = nextField(line);
        if (!isWantedVmstat(key)) continue;
        ++keys;
        const auto value = parseUint(nextField(line));
        if (!value) continue;
        if (key == "oom_kill") figures.oom_kills = static_cast<double>(*value);
        const std::string part = metricPart(key);
        run.families.push_back({"node_vmstat_" + part,
                                {MetricType::kUnknown, "Line " + part + " of /proc/vmstat.", {}},
                                {{{}, static_cast<double>(*value)}}});
    }
}

void parsePressure(std::string_view resource, std::string_view text, ProbeRun& run) {
    std::string_view line;
    while (nextLine(text, line)) {
        const std::string_view share = nextField(line);
        // "full" of the CPU is always 0 for a whole machine, and node_exporter leaves it out.
        if (share != "some" && (share != "full" || resource == "cpu")) continue;
        const std::size_t total = line.find("total=");
        if (total == std::string_view::npos) continue;
        const auto microseconds = parseUint(trim(line.substr(total + 6)));
        if (!microseconds) continue;
        const bool waiting = share == "some";
        run.counter("node_pressure_" + std::string(resource) +
                        (waiting ? "_waiting_seconds_total" : "_stalled_seconds_total"),
                    waiting
                        ? "Time during which at least one task waited for this resource."
                        : "Time during which every task that could run waited for this resource.",
                    static_cast<double>(*microseconds) / 1e6);
    }
}

void parseFileNr(std::string_view text, ProbeRun& run) {
    std::string_view line;
    if (!nextLine(text, line)) return;
    const auto allocated = parseUint(nextField(line));
    nextField(line);  // "free", 0 since Linux 2.6
    const auto maximum = parseUint(nextField(line));
    if (!allocated || !maximum) return;
    run.gauge("node_filefd_allocated", "Open file descriptors of the whole machine.",
              static_cast<double>(*allocated));
    run.gauge("node_filefd_maximum", "How many file descriptors the machine allows.",
              static_cast<double>(*maximum));
}

void parseSockstat(std::string_view text, double page_bytes, ProbeRun& run) {
    constexpr int kMaxReadings = 64;
    int readings = 0;
    const auto add = [&](const std::string& part, double value, std::string help) {
        if (++readings > kMaxReadings) return;
        run.families.push_back(
            {"node_sockstat_" + part, {MetricType::kGauge, std::move(help), {}}, {{{}, value}}});
    };
    std::string_view line;
    while (nextLine(text, line)) {
        std::string_view protocol = nextField(line);
        if (!protocol.ends_with(':')) continue;
        protocol.remove_suffix(1);
        for (std::string_view state = nextField(line); !state.empty(); state = nextField(line)) {
            const auto value = parseUint(nextField(line));
            if (!value) break;
            const double number = static_cast<double>(*value);
            const std::string part = metricPart(protocol) + "_" + metricPart(state);
            add(part, number,
                protocol == "sockets"
                    ? "IPv4 sockets in use."
                    : std::string(protocol) + " sockets: " + std::string(state) + ".");
            if (state == "mem")
                add(part + "_bytes", number * page_bytes,
                    "Memory of " + std::string(protocol) + " sockets.");
        }
    }
}

void parseNetstat(std::string_view text, ProbeRun& run) {
    std::string_view names;
    std::string_view values;
    while (nextLine(text, names) && nextLine(text, values)) {
        std::string_view protocol = nextField(names);
        if (protocol != nextField(values) || !protocol.ends_with(':')) return;
        protocol.remove_suffix(1);
        while (true) {
            const std::string_view name = nextField(names);
            const std::string_view value = nextField(values);
            if (name.empty() || value.empty()) break;
            const std::string part = std::string(protocol) + "_" + std::string(name);
            if (std::find(kNetstatFields.begin(), kNetstatFields.end(), part) ==
                kNetstatFields.end())
                continue;
            if (const auto number = parseDouble(value))
                run.families.push_back(
                    {"node_netstat_" + part,
                     {MetricType::kUnknown,
                      "Statistic " + std::string(protocol) + std::string(name) + ".",
                      {}},
                     {{{}, *number}}});
        }
    }
}

}  // namespace clusterwatch::agent
