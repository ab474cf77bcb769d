// The collector's settings: collector.yaml, its drop-ins and the command line, checked as a whole
// before anything is started. docs/configuration.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "collector/api/access.h"
#include "collector/api/http_server.h"
#include "collector/api/listen.h"
#include "collector/api/topology.h"
#include "common/clock.h"
#include "common/config_node.h"

namespace clusterwatch {

struct WebhookSettings {
    std::string name, url;
    std::filesystem::path token_file;
    std::string token;  // the file's content; never printed
    bool send_resolved = true;
};

struct CollectorSettings {
    std::string cluster = "default";
    std::string name_space = "default";
    std::filesystem::path data_dir = "/var/lib/clusterwatch/collector";
    std::vector<api::ListenAddress> listen;  // default 127.0.0.1:9420
    std::vector<std::string> server_names;   // allowed in Host beside addresses and localhost
    std::filesystem::path certificate_file, key_file, tokens_file;
    std::optional<api::TlsMaterial> tls;
    std::optional<std::vector<api::Token>> tokens;
    Milliseconds retention{std::chrono::hours(24 * 90)};
    Milliseconds max_sample_age{0};
    Milliseconds max_sample_future{std::chrono::minutes(10)};
    std::size_t max_series = limits::kSeriesTotal;
    std::size_t max_series_per_agent = limits::kSeriesPerAgent;
    std::filesystem::path topology_file;
    api::Topology topology;
    std::vector<std::filesystem::path> rule_files;  // globs expanded, sorted
    std::vector<WebhookSettings> webhooks;
    std::string log_level = "info";
};

// What the command line says; it replaces what the files say.
struct CommandLine {
    std::filesystem::path config;  // empty: defaults alone
    std::filesystem::path data_dir;
    std::vector<std::string> listen;
    std::string log_level;
    bool insecure = false;  // allow other addresses than loopback without TLS and tokens
};

// Reads and checks everything but the rules' own content; mistakes go to `errors`, all of them.
CollectorSettings loadSettings(const CommandLine& command_line, ConfigErrors& errors);

}  // namespace clusterwatch
