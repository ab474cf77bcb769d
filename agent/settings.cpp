#include "agent/settings.h"

#include <algorithm>
#include <set>
#include <tuple>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "common/text.h"

namespace clusterwatch::agent {
namespace {

// Job, instance and kind of what has been read so far, to refuse a second one of the same.
struct Seen {
    std::set<std::string> names;
    std::set<std::tuple<std::string, std::string, std::string>> targets;
};

bool isLabelText(std::string_view text) {
    return !text.empty() && text.size() <= 128 && isValidUtf8(text) &&
           std::none_of(text.begin(), text.end(),
                        [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

void checkUrl(ConfigNode& node, const std::string& url) {
    const bool known = url.starts_with("http://") || url.starts_with("https://");
    const auto host = url.substr(std::min(url.size(), url.find("://") + 3));
    if (!known || host.empty())
        node.error("url",
                   fmt::format("\"{}\": must be http://HOST:PORT or https://HOST:PORT", url));
    else if (host.find_first_of("/?#@ ") != std::string::npos)
        node.error("url",
                   fmt::format("\"{}\": a path, a query or a user name is not allowed here", url));
}

void readCollectors(ConfigNode& root, Settings& settings) {
    for (auto& node : root.children("collectors")) {
        CollectorSettings collector;
        collector.url = node.requiredText("url");
        while (collector.url.ends_with('/')) collector.url.pop_back();
        collector.token_file = node.text("token_file", "");
        collector.ca_file = node.text("ca_file", "");
        node.rejectUnknown();
        if (!collector.url.empty()) checkUrl(node, collector.url);
        const auto same = [&](const CollectorSettings& c) { return c.url == collector.url; };
        if (std::any_of(settings.collectors.begin(), settings.collectors.end(), same))
            node.error("url", fmt::format("\"{}\" is listed twice", collector.url));
        if (!collector.token_file.empty()) {
            if (const auto token = readSecret(collector.token_file); !token)
                node.error("token_file", token.error().message());
        }
        if (!collector.ca_file.empty() && ::access(collector.ca_file.c_str(), R_OK) != 0)
            node.error("ca_file", Error::fromErrno(errno, collector.ca_file).message());
        if (settings.collectors.size() == kMaxCollectors)
            node.error(fmt::format("at most {} collectors may be listed", kMaxCollectors));
        else
            settings.collectors.push_back(std::move(collector));
    }
}

void readSpool(ConfigNode node, SpoolSettings& spool) {
    spool.directory = node.text("dir", spool.directory.string());
    spool.max_bytes = node.bytes("max_bytes", spool.max_bytes);
    if (spool.max_bytes < (std::uint64_t{4} << 20))
        node.error("max_bytes", "the smallest spool is 4MiB");
    spool.max_age = node.duration("max_age", spool.max_age);
    if (spool.directory.empty()) node.error("dir", "must not be empty");
    node.rejectUnknown();
}

void readTimes(ConfigNode& node, Milliseconds interval, ProbeSettings& probe) {
    probe.interval = node.duration("interval", interval);
    if (probe.interval < kShortestInterval || probe.interval > kLongestInterval) {
        node.error(
            "interval",
            fmt::format("{}: allowed is {} to {}", formatDuration(probe.interval),
                        formatDuration(kShortestInterval), formatDuration(kLongestInterval)));
        probe.interval = interval;
    }
    probe.deadline =
        node.duration("deadline", std::min(kLongestDefaultDeadline, probe.interval / 2));
    if (probe.deadline.count() <= 0 || probe.deadline > probe.interval)
        node.error("deadline",
                   fmt::format("{}: must be more than 0 and at most the interval ({})",
                               formatDuration(probe.deadline), formatDuration(probe.interval)));
}

void readProbe(ConfigNode& node, Settings& settings, std::span<const ProbeKind> kinds, Seen& seen) {
    const auto kind_name = node.requiredText("kind");
    const auto kind = std::find_if(kinds.begin(), kinds.end(),
                                   [&](const ProbeKind& k) { return k.kind == kind_name; });
    if (kind == kinds.end()) {
        std::vector<std::string_view> known;
        for (const auto& k : kinds) known.push_back(k.kind);
        if (!kind_name.empty())
            node.error("kind",
                       fmt::format("\"{}\": allowed are {}", kind_name, fmt::join(known, ", ")));
        return;
    }
    ProbeSettings probe;
    probe.kind = kind_name;
    probe.name = node.text("name", kind_name);
    probe.role = node.text("role", "");
    probe.target.job = node.text("job", kind->default_job);
    probe.target.instance = node.text("instance", settings.node);
    readTimes(node, settings.interval, probe);
    for (const auto& [key, value] : {std::pair{"name", probe.name},
                                     {"job", probe.target.job},
                                     {"instance", probe.target.instance}}) {
        if (!isLabelText(value))
            node.error(key, "must be 1 to 128 bytes of UTF-8 without control characters");
    }
    probe.probe = kind->make(node);
    node.rejectUnknown();
    if (!seen.names.insert(probe.name).second)
        node.error(
            "name",
            fmt::format("\"{}\" is the name of another probe; give this one a `name` of its own",
                        probe.name));
    if (!seen.targets.insert({probe.target.job, probe.target.instance, probe.kind}).second)
        node.error(fmt::format(
            "a second {} probe of job \"{}\" and instance \"{}\"; give it an explicit `instance`",
            probe.kind, probe.target.job, probe.target.instance));
    if (settings.probes.size() == kMaxProbes)
        node.error(fmt::format("more than {} probes", kMaxProbes));
    else
        settings.probes.push_back(std::move(probe));
}

void readSingleValues(ConfigNode& root, Settings& settings) {
    settings.node = root.text("node", settings.node);
    if (!isLabelText(settings.node))
        root.error("node", "must be 1 to 128 bytes of UTF-8 without control characters");
    settings.listen = root.text("listen", settings.listen);
    if (!settings.listen.empty() && !parseListenAddress(settings.listen))
        root.error("listen",
                   fmt::format("\"{}\": must be ADDRESS:PORT, or \"\" for off", settings.listen));
    settings.interval = root.duration("interval", settings.interval);
    if (settings.interval < kShortestInterval || settings.interval > kLongestInterval) {
        root.error(
            "interval",
            fmt::format("{}: allowed is {} to {}", formatDuration(settings.interval),
                        formatDuration(kShortestInterval), formatDuration(kLongestInterval)));
        settings.interval = Milliseconds{10'000};
    }
    if (root.has("spool")) readSpool(root.child("spool"), settings.spool);
    auto log = root.child("log");
    settings.log_level =
        log.oneOf("level", settings.log_level, {"debug", "info", "warning", "error"});
    log.rejectUnknown();
}

void apply(const Overrides& overrides, Settings& settings, ConfigErrors& errors) {
    if (overrides.spool_directory) settings.spool.directory = *overrides.spool_directory;
    if (overrides.listen) settings.listen = *overrides.listen;
    if (!settings.listen.empty() && !parseListenAddress(settings.listen) && overrides.listen)
        errors.add(fmt::format("--listen: \"{}\": must be ADDRESS:PORT, or \"\" for off",
                               settings.listen));
    if (!overrides.collector) return;
    auto node = ConfigNode::parse("{}", "--collector", errors);
    checkUrl(node, *overrides.collector);
    // Token and CA of a collector that the file lists under the same URL are kept.
    const auto listed = std::find_if(settings.collectors.begin(), settings.collectors.end(),
                                     [&](const auto& c) { return c.url == *overrides.collector; });
    CollectorSettings only = listed == settings.collectors.end() ? CollectorSettings{} : *listed;
    only.url = *overrides.collector;
    while (only.url.ends_with('/')) only.url.pop_back();
    settings.collectors = {only};
}

}  // namespace

std::string hostName() {
    char name[256] = {};
    if (::gethostname(name, sizeof name - 1) != 0 || name[0] == '\0') return "localhost";
    return name;
}

std::optional<ListenAddress> parseListenAddress(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return std::nullopt;
    auto host = text.substr(0, colon);
    const auto port = parseInt(text.substr(colon + 1));
    if (!port || *port < 0 || *port > 65535) return std::nullopt;
    if (host.starts_with('[') && host.ends_with(']'))
        host = host.substr(1, host.size() - 2);
    else if (host.find(':') != std::string_view::npos)
        return std::nullopt;
    if (host.empty()) return std::nullopt;
    return ListenAddress{std::string(host), static_cast<int>(*port)};
}

bool isLoopback(std::string_view host) {
    return host == "localhost" || host == "::1" || host.starts_with("127.");
}

Settings loadSettings(const std::filesystem::path& file, const Overrides& overrides,
                      std::span<const ProbeKind> kinds, ConfigErrors& errors) {
    Settings settings;
    settings.node = hostName();
    std::vector<ConfigNode> roots;
    if (file.empty()) {
        roots.push_back(ConfigNode::parse("probes: [{kind: host}]", "(built-in defaults)", errors));
    } else {
        for (const auto& part : withDropIns(file)) roots.push_back(ConfigNode::load(part, errors));
    }
    // Single values first: a probe's defaults (instance, interval) may stand in a later file.
    for (auto& root : roots) readSingleValues(root, settings);
    Seen seen;
    for (auto& root : roots) {
        readCollectors(root, settings);
        for (auto& node : root.children("probes")) readProbe(node, settings, kinds, seen);
        root.rejectUnknown();
    }
    apply(overrides, settings, errors);
    if (settings.collectors.empty())
        settings.collectors.push_back({"http://127.0.0.1:9420", "", ""});
    if (settings.probes.empty() && errors.empty())
        errors.add(fmt::format(
            "{}: no probe is configured; the least is `probes: [{{kind: host}}]`", file.string()));
    return settings;
}

}  // namespace clusterwatch::agent
