// clusterwatch-collector: reads the settings, builds the parts, and waits for a signal.
//
// Exit status: 0 stopped by SIGTERM or SIGINT, or nothing wrong; 1 could not start, or `verify` found
// damage; 2 the configuration or the command line is wrong.
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <string>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "collector/api/http_server.h"
#include "collector/api/routes.h"
#include "collector/api/telemetry.h"
#include "collector/settings.h"
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

int run(const CollectorSettings& settings) {
    const auto signals = blockSignals();
    SystemClock clock;
    api::Telemetry telemetry;
    api::Access access(settings.tokens, settings.server_names);
    api::Router router;
    api::addServiceRoutes(router, telemetry, [] { return std::string(); });
    api::ServerOptions options;
    options.listen = settings.listen;
    options.tls = settings.tls;
    auto server = api::HttpServer::start(options, router, access, clock, telemetry);
    if (!server) {
        spdlog::error("{}", server.error().message());
        return kFailed;
    }
    for (const auto& address : (*server)->addresses())
        spdlog::info("listening on {}", address.toString());
    int signal = 0;
    sigwait(&signals, &signal);
    (*server)->stop(std::chrono::seconds(3));
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Collects, stores and judges what the agents of one cluster report.");
    app.set_version_flag("--version", CLUSTERWATCH_VERSION);
    CommandLine command_line;
    bool check_config = false;
    app.add_option("--config", command_line.config, "collector.yaml; without it, defaults");
    app.add_option("--data-dir", command_line.data_dir, "where everything is stored");
    app.add_option("--listen", command_line.listen,
                   "ADDRESS:PORT, instead of the file's; may be repeated");
    app.add_option("--log-level", command_line.log_level, "debug, info, warning or error");
    app.add_flag("--check-config", check_config, "check the configuration and exit");
    app.add_flag("--insecure", command_line.insecure,
                 "listen on other addresses than loopback without TLS and tokens");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? 0 : kWrongConfiguration;
    }
    ConfigErrors errors;
    const auto settings = loadSettings(command_line, errors);
    if (!errors.empty()) {
        fmt::print(stderr, "{}\n", errors.joined());
        return kWrongConfiguration;
    }
    if (auto logging = initLogging("collector", settings.log_level); !logging) {
        fmt::print(stderr, "{}\n", logging.error().message());
        return kWrongConfiguration;
    }
    if (check_config) {
        fmt::print("the configuration is right\n");
        return 0;
    }
    return run(settings);
}
