// The agent's configuration: agent.yaml and its drop-ins (agent.d), read strictly into plain values.
//
// Of the drop-ins, lists (collectors, probes) are appended and single values replace. Every mistake
// is collected with file and line, so that a person sees all of them at once; docs/configuration.md
// describes the keys. The command line overrides what the files say.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/probe.h"
#include "common/clock.h"
#include "common/config_node.h"
#include "common/probe_run.h"

namespace clusterwatch::agent {

inline constexpr std::size_t kMaxCollectors = 2;
inline constexpr std::size_t kMaxProbes = 64;
inline constexpr Milliseconds kShortestInterval{1'000};
inline constexpr Milliseconds kLongestInterval{24 * 3600'000};
inline constexpr Milliseconds kLongestDefaultDeadline{5'000};

struct CollectorSettings {
    std::string url;  // http://host:port or https://host:port, without a path
    std::string token_file;
    std::string ca_file;
};

struct SpoolSettings {
    std::filesystem::path directory = "/var/lib/clusterwatch/agent";
    std::uint64_t max_bytes = std::uint64_t{256} << 20;
    Milliseconds max_age{std::chrono::hours(24 * 7)};  // 0: not bounded by age
};

// One configured probe, ready to be run.
struct ProbeSettings {
    std::string name, kind, role;
    Target target;
    Milliseconds interval{0};
    Milliseconds deadline{0};
    std::unique_ptr<Probe> probe;
};

struct Settings {
    std::string node;
    std::vector<CollectorSettings> collectors;
    std::string listen = "127.0.0.1:9421";  // empty: off
    SpoolSettings spool;
    std::string log_level = "info";
    Milliseconds interval{10'000};
    std::vector<ProbeSettings> probes;
};

// What the command line says.
struct Overrides {
    std::optional<std::string> collector, spool_directory, listen;
};

// `errors` is empty afterwards if and only if the settings may be used. `file` empty: the defaults,
// with the host probe alone.
Settings loadSettings(const std::filesystem::path& file, const Overrides& overrides,
                      std::span<const ProbeKind> kinds, ConfigErrors& errors);

// The name of this machine, for `node`.
std::string hostName();

struct ListenAddress {
    std::string host;
    int port = 0;
};
// "127.0.0.1:9421", "[::1]:9421"; nullopt if it is neither.
std::optional<ListenAddress> parseListenAddress(std::string_view text);
bool isLoopback(std::string_view host);

}  // namespace clusterwatch::agent
