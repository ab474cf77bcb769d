// A configuration file (YAML) read strictly: every complaint carries file and line, says what is
// wrong and what is allowed, and an unknown key is an error, not a guess.
//
// Use: read keys with the typed getters, then call `rejectUnknown()` on each mapping. Errors are
// collected, so a user sees all of them at once:
//
//     ConfigErrors errors;
//     auto root = ConfigNode::load("agent.yaml", errors);
//     settings.node = root.text("node", "");
//     settings.interval = root.duration("interval", 10s);
//     root.rejectUnknown();
//     if (!errors.empty()) { print; exit 2; }
//
// Not thread-safe. Nodes must not outlive their ConfigErrors.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "common/result.h"

namespace clusterwatch {

class ConfigErrors {
  public:
    void add(std::string message) { messages_.push_back(std::move(message)); }
    bool empty() const { return messages_.empty(); }
    const std::vector<std::string>& messages() const { return messages_; }
    std::string joined() const;  // one a line

  private:
    std::vector<std::string> messages_;
};

class ConfigNode {
  public:
    // A missing or malformed file is an error in `errors`; the node is then an empty mapping.
    static ConfigNode load(const std::filesystem::path& file, ConfigErrors& errors);
    // `origin` stands where a file's name would in messages.
    static ConfigNode parse(std::string_view yaml, std::string origin, ConfigErrors& errors);

    ConfigNode(ConfigNode&&) noexcept;
    ConfigNode& operator=(ConfigNode&&) noexcept;
    ~ConfigNode();

    bool has(std::string_view key) const;
    // True for a key that was absent in its parent.
    bool missing() const;

    // Typed values of a mapping's keys. A wrong type is an error and gives the fallback.
    std::string text(std::string_view key, std::string_view fallback);
    std::string requiredText(std::string_view key);
    std::int64_t integer(std::string_view key, std::int64_t fallback, std::int64_t least,
                         std::int64_t most);
    double number(std::string_view key, double fallback);
    bool boolean(std::string_view key, bool fallback);
    // A Prometheus duration (10s, 1h30m); a bare 0 is 0.
    Milliseconds duration(std::string_view key, Milliseconds fallback);
    // 64KiB, 10MB, 1GiB, or plain bytes.
    std::uint64_t bytes(std::string_view key, std::uint64_t fallback);
    // One of `allowed`, or an error that lists them.
    std::string oneOf(std::string_view key, std::string_view fallback,
                      std::initializer_list<std::string_view> allowed);
    std::vector<std::string> textList(std::string_view key);
    std::vector<std::pair<std::string, std::string>> textMap(std::string_view key);

    // A nested mapping (an empty one if absent), or the mappings of a sequence.
    ConfigNode child(std::string_view key);
    std::vector<ConfigNode> children(std::string_view key);

    // Adds an error for each key that no getter asked for.
    void rejectUnknown();

    // "file:line", of this node or of one of its keys; for a caller's own complaints.
    std::string where() const;
    std::string where(std::string_view key) const;
    void error(std::string_view key, std::string_view message);
    void error(std::string_view message);

  private:
    struct Impl;
    explicit ConfigNode(std::unique_ptr<Impl> impl);

    std::unique_ptr<Impl> impl_;
};

// The file itself, then the *.yaml / *.yml of its drop-in folder (agent.yaml has agent.d), sorted.
std::vector<std::filesystem::path> withDropIns(const std::filesystem::path& file);

// The content of a secret's file, without its last line break. Refused if others may read it
// (mode & 077); the message names the mend.
Result<std::string> readSecret(const std::filesystem::path& file);

}  // namespace clusterwatch
