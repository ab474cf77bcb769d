#include "collector/settings.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>

#include <fmt/format.h>
#include <glob.h>

namespace clusterwatch {
namespace {

namespace fs = std::filesystem;

// Paths in a file are relative to the main file, also those of drop-ins.
struct Reader {
    CollectorSettings& settings;
    fs::path base;
    ConfigErrors& errors;
    std::vector<std::string> rule_globs;
    std::string listen_where;

    fs::path path(const fs::path& given) const {
        return given.empty() || given.is_absolute() ? given : base / given;
    }
    void pathKey(ConfigNode& node, std::string_view key, fs::path& value) const {
        if (node.has(key))
            value = path(node.text(key, ""));
        else
            static_cast<void>(node.text(key, ""));
    }
    void root(ConfigNode& node);
    void storageAndLimits(ConfigNode& node);
    void alerting(ConfigNode& node);
};

void nameKey(ConfigNode& node, std::string_view key, std::string& value) {
    value = node.text(key, value);
    if (value.empty()) node.error(key, "must not be empty: it is a label of every series");
    if (value.size() > limits::kLabelValueBytes)
        node.error(key, fmt::format("has more than {} bytes", limits::kLabelValueBytes));
}

void Reader::storageAndLimits(ConfigNode& node) {
    auto storage = node.child("storage");
    if (storage.oneOf("mode", "local", {"local", "remote"}) == "remote")
        storage.error("mode", "\"remote\" is not available in this version; allowed is local");
    settings.retention = storage.duration("retention", settings.retention);
    storage.rejectUnknown();
    auto limit = node.child("limits");
    settings.max_sample_age = limit.duration("max_sample_age", settings.max_sample_age);
    settings.max_sample_future = limit.duration("max_sample_future", settings.max_sample_future);
    constexpr std::int64_t kMost = 100'000'000;
    settings.max_series = static_cast<std::size_t>(
        limit.integer("max_series", static_cast<std::int64_t>(settings.max_series), 1, kMost));
    settings.max_series_per_agent = static_cast<std::size_t>(
        limit.integer("max_series_per_agent",
                      static_cast<std::int64_t>(settings.max_series_per_agent), 1, kMost));
    limit.rejectUnknown();
}

void Reader::alerting(ConfigNode& node) {
    auto alerting = node.child("alerting");
    for (auto& hook : alerting.children("webhooks")) {
        WebhookSettings webhook;
        webhook.name = hook.requiredText("name");
        webhook.url = hook.requiredText("url");
        if (!webhook.url.empty() && !webhook.url.starts_with("http://") &&
            !webhook.url.starts_with("https://"))
            hook.error("url", "must begin with http:// or https://");
        pathKey(hook, "token_file", webhook.token_file);
        if (!webhook.token_file.empty()) {
            if (auto token = readSecret(webhook.token_file))
                webhook.token = std::move(*token);
            else
                hook.error("token_file", token.error().message());
        }
        webhook.send_resolved = hook.boolean("send_resolved", true);
        const auto same = [&](const auto& other) { return other.name == webhook.name; };
        if (std::any_of(settings.webhooks.begin(), settings.webhooks.end(), same))
            hook.error("name", fmt::format("\"{}\" is the name of another webhook", webhook.name));
        hook.rejectUnknown();
        settings.webhooks.push_back(std::move(webhook));
    }
    alerting.rejectUnknown();
}

void Reader::root(ConfigNode& node) {
    nameKey(node, "cluster", settings.cluster);
    nameKey(node, "namespace", settings.name_space);
    pathKey(node, "data_dir", settings.data_dir);
    for (auto& text : node.textList("listen")) {
        if (auto address = api::parseListenAddress(text); !address)
            node.error("listen", address.error().message());
        else
            settings.listen.push_back(*address);
        listen_where = node.where("listen");
    }
    for (auto& name : node.textList("server_names"))
        settings.server_names.push_back(std::move(name));
    auto tls = node.child("tls");
    pathKey(tls, "cert_file", settings.certificate_file);
    pathKey(tls, "key_file", settings.key_file);
    if (settings.certificate_file.empty() != settings.key_file.empty())
        tls.error("cert_file and key_file go together");
    tls.rejectUnknown();
    auto auth = node.child("auth");
    pathKey(auth, "tokens_file", settings.tokens_file);
    auth.rejectUnknown();
    storageAndLimits(node);
    pathKey(node, "topology_file", settings.topology_file);
    for (auto& glob : node.textList("rule_files")) rule_globs.push_back(std::move(glob));
    alerting(node);
    auto log = node.child("log");
    settings.log_level =
        log.oneOf("level", settings.log_level, {"debug", "info", "warning", "error"});
    log.rejectUnknown();
    node.rejectUnknown();
}

// A pattern that matches nothing is an error if it is a plain name or its folder is not there; a folder
// that is there may be empty.
void expandGlobs(const Reader& reader, std::vector<fs::path>& files, ConfigErrors& errors) {
    std::set<fs::path> found;
    for (const auto& pattern : reader.rule_globs) {
        const auto full = reader.path(pattern).string();
        glob_t matches{};
        const int result = ::glob(full.c_str(), 0, nullptr, &matches);
        for (std::size_t i = 0; result == 0 && i < matches.gl_pathc; ++i)
            found.insert(matches.gl_pathv[i]);
        ::globfree(&matches);
        if (result == 0) continue;
        const auto folder = fs::path(full).parent_path();
        std::error_code ignored;  // what can't be looked at is not there for us
        if (full.find_first_of("*?[") == std::string::npos)
            errors.add(fmt::format("rule_files: {}: no such file", full));
        else if (folder.string().find_first_of("*?[") == std::string::npos &&
                 !fs::is_directory(folder, ignored))
            errors.add(fmt::format("rule_files: {}: there is no folder {}", full, folder.string()));
    }
    files.assign(found.begin(), found.end());
}

void readTls(CollectorSettings& settings, ConfigErrors& errors) {
    if (settings.certificate_file.empty() || settings.key_file.empty()) return;
    std::ifstream in(settings.certificate_file, std::ios::binary);
    std::string certificate{std::istreambuf_iterator<char>(in), {}};
    if (!in || certificate.empty())
        errors.add(fmt::format("tls.cert_file: can't read {}", settings.certificate_file.string()));
    auto key = readSecret(settings.key_file);
    if (!key) {
        errors.add(fmt::format("tls.key_file: {}", key.error().message()));
        return;
    }
    settings.tls = api::TlsMaterial{std::move(certificate), std::move(*key)};
}

void checkExposure(const CollectorSettings& settings, const std::string& where,
                   ConfigErrors& errors) {
    for (const auto& address : settings.listen) {
        if (address.isLoopback() || (settings.tls && settings.tokens)) continue;
        errors.add(
            fmt::format("{}: listen: {} is reachable from other machines; that needs tls "
                        "(cert_file, key_file) and auth (tokens_file), or --insecure",
                        where, address.toString()));
    }
}

void applyCommandLine(const CommandLine& command_line, CollectorSettings& settings,
                      ConfigErrors& errors) {
    if (!command_line.data_dir.empty()) settings.data_dir = command_line.data_dir;
    if (!command_line.log_level.empty()) settings.log_level = command_line.log_level;
    if (!command_line.listen.empty()) settings.listen.clear();
    for (const auto& text : command_line.listen) {
        if (auto address = api::parseListenAddress(text))
            settings.listen.push_back(*address);
        else
            errors.add(fmt::format("--listen: {}", address.error().message()));
    }
}

}  // namespace

CollectorSettings loadSettings(const CommandLine& command_line, ConfigErrors& errors) {
    CollectorSettings settings;
    Reader reader{settings, command_line.config.parent_path(), errors, {}, "the command line"};
    if (!command_line.config.empty()) {
        for (const auto& file : withDropIns(command_line.config)) {
            auto node = ConfigNode::load(file, errors);
            reader.root(node);
        }
        const auto drop_ins = reader.base / "rules.d";
        std::error_code ignored;  // the drop-in folder need not be there
        if (fs::is_directory(drop_ins, ignored))
            for (const auto* extension : {"*.yml", "*.yaml"})
                reader.rule_globs.push_back((drop_ins / extension).string());
    }
    applyCommandLine(command_line, settings, errors);
    if (settings.listen.empty()) settings.listen.push_back({"127.0.0.1", 9420});
    expandGlobs(reader, settings.rule_files, errors);
    readTls(settings, errors);
    if (!settings.tokens_file.empty()) {
        if (auto tokens = api::loadTokens(settings.tokens_file))
            settings.tokens = std::move(*tokens);
        else
            errors.add(fmt::format("auth.tokens_file: {}", tokens.error().message()));
    }
    if (!command_line.insecure) checkExposure(settings, reader.listen_where, errors);
    if (!settings.topology_file.empty())
        settings.topology = api::loadTopology(settings.topology_file, errors);
    return settings;
}

}  // namespace clusterwatch
