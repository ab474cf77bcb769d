#include "agent/probes/apache_status.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "agent/probes/scan_text.h"
#include "common/text.h"

namespace clusterwatch::agent {

namespace {

// A line of the page that is one reading: at most one label.
struct Field {
    std::string_view key;
    std::string_view name;
    std::string_view label;
    std::string_view value;
    MetricType type;
    std::string_view help;
};

constexpr auto kGauge = MetricType::kGauge;
constexpr auto kCounter = MetricType::kCounter;

constexpr std::array kFields = {
    Field{"ParentServerConfigGeneration", "apache_generation", "type", "config", kGauge,
          "How often the server has been restarted, by kind."},
    Field{"ParentServerMPMGeneration", "apache_generation", "type", "mpm", kGauge,
          "How often the server has been restarted, by kind."},
    Field{"Load1", "apache_load", "interval", "1min", kGauge,
          "Load average that httpd reports of its host."},
    Field{"Load5", "apache_load", "interval", "5min", kGauge,
          "Load average that httpd reports of its host."},
    Field{"Load15", "apache_load", "interval", "15min", kGauge,
          "Load average that httpd reports of its host."},
    Field{"Total Accesses", "apache_accesses_total", "", "", kCounter,
          "Requests served since the start; needs ExtendedStatus."},
    Field{"Total kBytes", "apache_sent_kilobytes_total", "", "", kCounter,
          "KiB sent since the start; needs ExtendedStatus."},
    Field{"Total Duration", "apache_duration_ms_total", "", "", kCounter,
          "Time that all counted requests together have taken, in milliseconds."},
    Field{"CPULoad", "apache_cpuload", "", "", kGauge,
          "The current percentage CPU used by each worker and in total by all workers combined "
          "(*)"},
    Field{"Uptime", "apache_uptime_seconds_total", "", "", kCounter,
          "Time since the server started."},
    Field{"BusyWorkers", "apache_workers", "state", "busy", kGauge, "Workers by what they do."},
    Field{"IdleWorkers", "apache_workers", "state", "idle", kGauge, "Workers by what they do."},
    Field{"Processes", "apache_processes", "state", "all", kGauge,
          "Child processes, all and those that are stopping."},
    Field{"Stopping", "apache_processes", "state", "stopping", kGauge,
          "Child processes, all and those that are stopping."},
    Field{"ConnsTotal", "apache_connections", "state", "total", kGauge,
          "Connections of the event MPM by what they wait for; lags by up to KeepAliveTimeout."},
    Field{"ConnsAsyncWriting", "apache_connections", "state", "writing", kGauge,
          "Connections of the event MPM by what they wait for; lags by up to KeepAliveTimeout."},
    Field{"ConnsAsyncKeepAlive", "apache_connections", "state", "keepalive", kGauge,
          "Connections of the event MPM by what they wait for; lags by up to KeepAliveTimeout."},
    Field{"ConnsAsyncClosing", "apache_connections", "state", "closing", kGauge,
          "Connections of the event MPM by what they wait for; lags by up to KeepAliveTimeout."},
};

constexpr std::array<std::pair<char, std::string_view>, 11> kSlotStates{{{'_', "idle"},
                                                                         {'S', "startup"},
                                                                         {'R', "read"},
                                                                         {'W', "reply"},
                                                                         {'K', "keepalive"},
                                                                         {'D', "dns"},
                                                                         {'C', "closing"},
                                                                         {'L', "logging"},
                                                                         {'G', "graceful_stop"},
                                                                         {'I', "idle_cleanup"},
                                                                         {'.', "open_slot"}}};

// CPU time of the parent and of children that have ended, as apache_exporter sums them up.
struct CpuSeconds {
    std::optional<double> user;
    std::optional<double> system;

    bool take(std::string_view key, std::string_view value) {
        std::optional<double>* sum = nullptr;
        if (key == "CPUUser" || key == "CPUChildrenUser") sum = &user;
        if (key == "CPUSystem" || key == "CPUChildrenSystem") sum = &system;
        if (sum == nullptr) return false;
        if (const auto seconds = parseDouble(value)) *sum = sum->value_or(0) + *seconds;
        return true;
    }
};

void addScoreboard(std::string_view board, ProbeRun& run, ApacheFigures& figures) {
    auto& family = run.family("apache_scoreboard", kGauge,
                              "Slots of the scoreboard by their letter's meaning.");
    family.readings.clear();  // the last of several lines wins
    for (const auto& [letter, state] : kSlotStates) {
        const auto count = static_cast<double>(std::count(board.begin(), board.end(), letter));
        if (letter == 'G') figures.graceful = count;
        family.readings.push_back({{{"state", std::string(state)}}, count});
    }
    figures.slots = static_cast<double>(board.size());
}

// "Apache/2.4.71 (Debian)" -> 2.04071
std::optional<double> versionNumber(std::string_view version) {
    const std::size_t slash = version.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    std::string_view rest = version.substr(slash + 1);
    const auto parts = split(nextField(rest), '.');
    if (parts.size() < 3) return std::nullopt;
    const auto major = parseUint(parts[0]);
    const auto minor = parseUint(parts[1]);
    const auto patch = parseUint(parts[2]);
    if (!major || !minor || !patch) return std::nullopt;
    return parseDouble(fmt::format("{}.{:02}{:03}", *major, *minor, *patch));
}

Error notAStatusPage(std::string_view text) {
    const std::string_view start = trim(text.substr(0, 512));
    if (start.starts_with('<'))
        return Error(ErrorCode::kInvalid,
                     "the answer is an HTML page, not the machine form: the URL must end in "
                     "/server-status?auto and reach mod_status, not the site behind it");
    return Error(ErrorCode::kInvalid,
                 "the answer is no mod_status page (no `Scoreboard:` or `BusyWorkers:` line)");
}

}  // namespace

Result<ApacheFigures> parseApacheStatus(std::string_view text, ProbeRun& run) {
    if (trim(text.substr(0, 512)).starts_with('<')) return notAStatusPage(text);
    ApacheFigures figures;
    CpuSeconds cpu;
    const std::string_view whole = text;
    std::string_view line;
    while (nextLine(text, line)) {
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) continue;
        const std::string_view key = line.substr(0, colon);
        const std::string_view value = trim(line.substr(colon + 1));
        if (key == "ServerVersion") figures.version = truncated(value, 128);
        if (key == "ServerMPM") figures.mpm = truncated(value, 32);
        if (key == "Scoreboard") addScoreboard(value, run, figures);
        if (cpu.take(key, value)) continue;
        const auto field = std::find_if(kFields.begin(), kFields.end(),
                                        [&](const Field& f) { return f.key == key; });
        const auto number = parseDouble(value);
        if (field == kFields.end() || !number) continue;
        if (key == "BusyWorkers") figures.busy = *number;
        if (key == "IdleWorkers") figures.idle = *number;
        if (key == "Total Accesses") figures.extended = true;
        Labels labels;
        if (!field->label.empty()) labels.set(field->label, field->value);
        auto& family = run.family(field->name, field->type, field->help);
        std::erase_if(family.readings, [&](const Reading& r) { return r.labels == labels; });
        family.readings.push_back({std::move(labels), *number});
    }
    if (!figures.busy && !figures.slots) return notAStatusPage(whole);

    if (cpu.user)
        run.counter("apache_cpu_time_ms_total", "CPU time in milliseconds by kind.",
                    *cpu.user * 1000, {{"type", "user"}});
    if (cpu.system)
        run.counter("apache_cpu_time_ms_total", "CPU time in milliseconds by kind.",
                    *cpu.system * 1000, {{"type", "system"}});
    if (const auto number = versionNumber(figures.version))
        run.gauge("apache_version",
                  "Version as a number: major.minor with the patch level as decimals.", *number);
    run.gauge("apache_info", "1, with the version and the MPM as labels.", 1,
              {{"version", figures.version.empty() ? "UNKNOWN" : figures.version},
               {"mpm", figures.mpm.empty() ? "UNKNOWN" : figures.mpm}});
    return figures;
}

}  // namespace clusterwatch::agent
