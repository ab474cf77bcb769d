// clusterwatch-collector: reads the settings, builds the parts, and waits for a signal.
//
// The only file that knows all the parts. They are built from the bottom up (store, ingest, engine,
// alerts, rules, server) and stopped from the top down: first nobody can ask any more, then nothing
// is judged any more, then the store closes. The journal makes every other order safe as well:
// whatever was acknowledged is on the disk, so a stop that takes too long may be cut off.
//
// Exit status: 0 stopped by SIGTERM or SIGINT, or nothing wrong; 1 could not start, or `verify`
// found damage; 2 the configuration or the command line is wrong.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <string>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "collector/collector.h"
#include "collector/settings.h"
#include "collector/store/store.h"
#include "common/logging.h"

namespace {

using namespace clusterwatch;

constexpr int kFailed = 1;
constexpr int kWrongConfiguration = 2;

// Blocked in every thread, so that main alone takes them, at a moment of its choosing.
sigset_t blockSignals() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, number);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    return signals;
}

// As many files as the hard limit allows, up to what we can use. Returns what we got.
std::size_t raiseFileLimit() {
    constexpr rlim_t kWanted = 8192;
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = std::min(std::max(limit.rlim_cur, kWanted), limit.rlim_max);
    ::setrlimit(RLIMIT_NOFILE, &limit);
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

void reload(const CommandLine& command_line, Collector& collector) {
    ConfigErrors errors;
    const auto settings = loadSettings(command_line, errors);
    auto groups = loadRules(settings, errors);
    if (!errors.empty()) {
        spdlog::error("SIGHUP: the rules stay as they were:\n{}", errors.joined());
        return;
    }
    collector.replaceRules(std::move(groups));
    spdlog::info("SIGHUP: rules read again; everything else is read at a start only");
}

int run(const CommandLine& command_line, CollectorSettings settings,
        std::vector<rules::RuleGroup> groups) {
    const auto signals = blockSignals();
    const auto files = raiseFileLimit();
    auto collector = Collector::start(std::move(settings), std::move(groups), files);
    if (!collector) {
        spdlog::error("{}", collector.error().message());
        return kFailed;
    }
    for (const auto& address : (*collector)->addresses())
        spdlog::info("listening on {}", address.toString());
    ::sd_notify(0, "READY=1");
    while (true) {
        // A few times a second: silence of an agent is seen at most one period late.
        const timespec period{0, 250'000'000};
        const int signal = ::sigtimedwait(&signals, nullptr, &period);
        if (signal == SIGHUP) {
            reload(command_line, **collector);
        } else if (signal > 0) {
            spdlog::info("stopping: {}", ::strsignal(signal));
            break;
        }
        (*collector)->tick();
    }
    ::sd_notify(0, "STOPPING=1");
    // A disk that hangs must not hold the stop for ever; nothing acknowledged depends on the rest.
    constexpr unsigned kStopSeconds = 9;
    ::alarm(kStopSeconds);
    (*collector)->stop();
    return 0;
}

int verify(const std::string& directory) {
    const auto report = store::verifyDataDirectory(directory, posixFileSystem());
    if (!report) {
        fmt::print(stderr, "{}\n", report.error().message());
        return kFailed;
    }
    fmt::print("journal records {}, damaged {}\nchunk rows {}, damaged {}\nsamples in chunks {}\n",
               report->journal_records, report->damaged_records, report->chunk_rows,
               report->damaged_chunk_rows, report->samples);
    for (const auto& problem : report->problems) fmt::print("{}\n", problem);
    const bool whole =
        report->problems.empty() && report->damaged_records == 0 && report->damaged_chunk_rows == 0;
    fmt::print("{}\n", whole ? "no damage found" : "damage found");
    return whole ? 0 : kFailed;
}

int checkAndRun(const CommandLine& command_line, bool only_check) {
    ConfigErrors errors;
    auto settings = loadSettings(command_line, errors);
    auto groups = loadRules(settings, errors);
    if (!errors.empty()) {
        fmt::print(stderr, "{}\n", errors.joined());
        return kWrongConfiguration;
    }
    if (auto logging = initLogging("collector", settings.log_level); !logging) {
        fmt::print(stderr, "{}\n", logging.error().message());
        return kWrongConfiguration;
    }
    if (only_check) {
        fmt::print("the configuration is right\n");
        return 0;
    }
    return run(command_line, std::move(settings), std::move(groups));
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Collects, stores and judges what the agents of one cluster report.");
    app.set_version_flag("--version", CLUSTERWATCH_VERSION);
    CommandLine command_line;
    bool only_check = false;
    app.add_option("--config", command_line.config, "collector.yaml; without it, defaults");
    app.add_option("--data-dir", command_line.data_dir, "where everything is stored");
    app.add_option("--listen", command_line.listen,
                   "ADDRESS:PORT instead of the file's; may be repeated");
    app.add_option("--log-level", command_line.log_level, "debug, info, warning or error");
    app.add_flag("--check-config", only_check, "check settings, topology and rules, and exit");
    app.add_flag("--insecure", command_line.insecure,
                 "allow other addresses than loopback without TLS and tokens");
    std::string directory;
    auto* verify_command =
        app.add_subcommand("verify", "read everything in a data directory; change nothing");
    verify_command->add_option("DIR", directory, "the data directory")->required();
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? 0 : kWrongConfiguration;
    }
    if (verify_command->parsed()) return verify(directory);
    return checkAndRun(command_line, only_check);
}
