// clusterwatch-agent: probes the services of its node and reports to one or two collectors.
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>
#include <malloc.h>
#include <pthread.h>
#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/check_command.h"
#include "agent/discover.h"
#include "agent/probes/probe_table.h"
#include "agent/settings.h"
#include "common/logging.h"

namespace {

using namespace clusterwatch;         // NOLINT: main alone
using namespace clusterwatch::agent;  // NOLINT

constexpr int kExitConfiguration = 2;
constexpr int kExitFailed = 1;
constexpr const char* kDefaultFile = "/etc/clusterwatch/agent.yaml";

enum class Command { kRun, kCheckConfig, kCheck, kDiscover };

struct CommandLine {
    Command command = Command::kRun;
    std::string file;
    std::string probe;
    Overrides overrides;
};

// The whole agent is to live in a few megabytes. One malloc arena instead of one a thread, small
// stacks (reserved, not resident), and big blocks go back to the system when they are freed.
void saveMemory() {
    ::mallopt(M_ARENA_MAX, 1);
    ::mallopt(M_TRIM_THRESHOLD, 64 << 10);
    ::mallopt(M_MMAP_THRESHOLD, 64 << 10);
    pthread_attr_t attributes;
    if (::pthread_attr_init(&attributes) != 0) return;
    ::pthread_attr_setstacksize(&attributes, kProbeStackBytes);
    ::pthread_setattr_default_np(&attributes);
    ::pthread_attr_destroy(&attributes);
}

// Blocked here, before any thread is made, and taken by sigwait in waitForEnd.
sigset_t blockSignals() {
    sigset_t set;
    ::sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT}) ::sigaddset(&set, signal);
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    return set;
}

std::string helpFooter() {
    std::string out = "Probes:\n";
    for (const auto& kind : probeKinds()) out += fmt::format("  {:<20} {}\n", kind.kind, kind.help);
    return out +
           "\nThe configuration is described in docs/configuration.md. A wrong one exits with "
           "status 2.";
}

// The exit status if the program is to end here (--help, a mistake).
std::optional<int> parse(int argc, char** argv, CommandLine& out) {
    CLI::App app{"Watches the services of this node and reports to a collector."};
    app.footer(helpFooter);
    app.set_version_flag("--version", "clusterwatch-agent " CLUSTERWATCH_VERSION);
    app.add_option("--config", out.file,
                   fmt::format("configuration (default: {}, if it is there)", kDefaultFile));
    app.add_option("--collector", out.overrides.collector,
                   "URL of the collector, instead of the configured ones");
    app.add_option("--spool-dir", out.overrides.spool_directory, "where unsent data is kept");
    app.add_option("--listen", out.overrides.listen,
                   "ADDRESS:PORT of the agent's own /metrics; \"\" for none");
    bool check_config = false;
    app.add_flag("--check-config", check_config,
                 "read the configuration, say what is wrong with it, and exit");
    auto* check = app.add_subcommand("check", "run the probes once and print what they see");
    check->add_option("PROBE", out.probe, "only this one");
    auto* discover_command =
        app.add_subcommand("discover", "print a configuration for this machine");
    app.require_subcommand(0, 1);
    check->fallthrough();
    discover_command->fallthrough();
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        const int status = app.exit(e);
        return status == 0 ? 0 : kExitConfiguration;
    }
    out.command = check_config                 ? Command::kCheckConfig
                  : check->parsed()            ? Command::kCheck
                  : discover_command->parsed() ? Command::kDiscover
                                               : Command::kRun;
    if (out.file.empty() && ::access(kDefaultFile, F_OK) == 0) out.file = kDefaultFile;
    return std::nullopt;
}

int waitForEnd(const sigset_t& signals) {
    int signal = 0;
    while (::sigwait(&signals, &signal) != 0) {
    }
    return signal;
}

int runAgent(Settings settings, const sigset_t& signals) {
    static const SystemClock clock;  // outlives a probe's thread that is left behind
    if (!settings.listen.empty() && !isLoopback(parseListenAddress(settings.listen)->host))
        spdlog::warn("/metrics is served on {}, without authentication", settings.listen);
    auto agent = Agent::make(std::move(settings), clock);
    if (!agent) {
        spdlog::error("{}", agent.error().message());
        return kExitFailed;
    }
    (*agent)->start();
    ::malloc_trim(0);  // what reading the configuration took
    ::sd_notify(0, "READY=1");
    spdlog::info("{}: stopping", ::strsignal(waitForEnd(signals)));
    ::sd_notify(0, "STOPPING=1");
    if (!(*agent)->stop()) {
        spdlog::shutdown();
        std::_Exit(0);  // a hung probe's thread still uses the agent: nothing may be destroyed
    }
    return 0;
}

int checkProbes(Settings& settings, const std::string& probe) {
    static const SystemClock clock;
    bool hung_threads = false;
    const int status = runCheck(settings, probe, clock, hung_threads);
    if (hung_threads) std::_Exit(status);
    return status;
}

}  // namespace

int main(int argc, char** argv) {
    saveMemory();
    CommandLine line;
    if (const auto status = parse(argc, argv, line)) return *status;
    if (line.command == Command::kDiscover) {
        fmt::print("{}", discover(hostName()));
        return 0;
    }
    const auto signals = blockSignals();
    ConfigErrors errors;
    auto settings = loadSettings(line.file, line.overrides, probeKinds(), errors);
    if (!errors.empty()) {
        fmt::print(stderr, "{}\n", errors.joined());
        return kExitConfiguration;
    }
    if (line.command == Command::kCheckConfig) {
        fmt::print("{}: ok, {} probe{}\n", line.file.empty() ? "built-in defaults" : line.file,
                   settings.probes.size(), settings.probes.size() == 1 ? "" : "s");
        return 0;
    }
    const auto level = line.command == Command::kCheck ? std::string("error") : settings.log_level;
    if (auto done = initLogging("agent", level); !done) {
        fmt::print(stderr, "{}\n", done.error().message());
        return kExitConfiguration;
    }
    if (line.command == Command::kCheck) return checkProbes(settings, line.probe);
    return runAgent(std::move(settings), signals);
}
