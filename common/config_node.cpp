#include "common/config_node.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <yaml-cpp/yaml.h>

#include "common/text.h"

namespace clusterwatch {

std::string ConfigErrors::joined() const { return fmt::format("{}", fmt::join(messages_, "\n")); }

struct ConfigNode::Impl {
    YAML::Node yaml;
    std::string origin;
    std::string path;  // "storage.retention", for messages
    ConfigErrors* errors = nullptr;
    bool missing = false;
    std::set<std::string, std::less<>> asked;
};

namespace {

// Deep nesting and alias bombs: yaml-cpp expands neither by itself, but a recursive walk of ours
// would; so aliases are refused before parsing and depth is bounded by the schema we read.
constexpr std::size_t kConfigBytes = std::size_t{4} << 20;

std::string mark(const YAML::Node& node, const std::string& origin) {
    const auto m = node.Mark();
    return m.is_null() ? origin : fmt::format("{}:{}", origin, m.line + 1);
}

}  // namespace

ConfigNode::ConfigNode(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ConfigNode::ConfigNode(ConfigNode&&) noexcept = default;
ConfigNode& ConfigNode::operator=(ConfigNode&&) noexcept = default;
ConfigNode::~ConfigNode() = default;

ConfigNode ConfigNode::load(const std::filesystem::path& file, ConfigErrors& errors) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream content;
    if (in) content << in.rdbuf();
    if (!in) {
        errors.add(
            Error::fromErrno(errno, fmt::format("{}: can't read it", file.string())).message());
        return parse("{}", file.string(), errors);
    }
    return parse(content.str(), file.string(), errors);
}

ConfigNode ConfigNode::parse(std::string_view yaml, std::string origin, ConfigErrors& errors) {
    auto impl = std::make_unique<Impl>();
    impl->origin = std::move(origin);
    impl->errors = &errors;
    if (yaml.size() > kConfigBytes) {
        errors.add(fmt::format("{}: {} bytes; a configuration has at most {}", impl->origin,
                               yaml.size(), kConfigBytes));
        yaml = "{}";
    }
    try {
        impl->yaml = YAML::Load(std::string(yaml));
    } catch (const YAML::Exception& e) {
        errors.add(fmt::format("{}:{}: {}", impl->origin, e.mark.line + 1, e.msg));
        impl->yaml = YAML::Node(YAML::NodeType::Map);
    }
    if (impl->yaml.IsNull()) impl->yaml = YAML::Node(YAML::NodeType::Map);
    if (!impl->yaml.IsMap()) {
        errors.add(
            fmt::format("{}: must be a mapping of keys to values", mark(impl->yaml, impl->origin)));
        impl->yaml = YAML::Node(YAML::NodeType::Map);
    }
    return ConfigNode(std::move(impl));
}

bool ConfigNode::missing() const { return impl_->missing; }

bool ConfigNode::has(std::string_view key) const {
    const YAML::Node& yaml = impl_->yaml;
    const auto value = yaml[std::string(key)];
    return value.IsDefined() && !value.IsNull();
}

std::string ConfigNode::where() const { return mark(impl_->yaml, impl_->origin); }

std::string ConfigNode::where(std::string_view key) const {
    // A const node, so that looking does not create the key.
    const YAML::Node& yaml = impl_->yaml;
    const auto value = yaml[std::string(key)];
    return value.IsDefined() ? mark(value, impl_->origin) : where();
}

void ConfigNode::error(std::string_view key, std::string_view message) {
    impl_->errors->add(fmt::format("{}: {}{}: {}", where(key),
                                   impl_->path.empty() ? "" : impl_->path + ".", key, message));
}

void ConfigNode::error(std::string_view message) {
    impl_->errors->add(
        fmt::format("{}: {}{}{}", where(), impl_->path, impl_->path.empty() ? "" : ": ", message));
}

std::string ConfigNode::text(std::string_view key, std::string_view fallback) {
    impl_->asked.emplace(key);
    if (!has(key)) return std::string(fallback);
    const YAML::Node value = impl_->yaml[std::string(key)];
    if (!value.IsScalar()) {
        error(key, "must be one value, not a list or a mapping");
        return std::string(fallback);
    }
    return value.Scalar();
}

std::string ConfigNode::requiredText(std::string_view key) {
    auto value = text(key, "");
    if (value.empty()) error(key, "is required");
    return value;
}

std::int64_t ConfigNode::integer(std::string_view key, std::int64_t fallback, std::int64_t least,
                                 std::int64_t most) {
    impl_->asked.emplace(key);
    if (!has(key)) return fallback;
    const auto given = text(key, "");
    const auto value = parseInt(given);
    if (!value || *value < least || *value > most) {
        error(key,
              fmt::format("\"{}\": allowed is a whole number from {} to {}", given, least, most));
        return fallback;
    }
    return *value;
}

double ConfigNode::number(std::string_view key, double fallback) {
    impl_->asked.emplace(key);
    if (!has(key)) return fallback;
    const auto given = text(key, "");
    const auto value = parseDouble(given);
    if (!value) error(key, fmt::format("\"{}\": must be a number", given));
    return value.value_or(fallback);
}

bool ConfigNode::boolean(std::string_view key, bool fallback) {
    impl_->asked.emplace(key);
    if (!has(key)) return fallback;
    const auto given = text(key, "");
    if (given == "true" || given == "yes" || given == "on") return true;
    if (given == "false" || given == "no" || given == "off") return false;
    error(key, fmt::format("\"{}\": allowed are true and false", given));
    return fallback;
}

Milliseconds ConfigNode::duration(std::string_view key, Milliseconds fallback) {
    impl_->asked.emplace(key);
    if (!has(key)) return fallback;
    const auto given = text(key, "");
    const auto value = parseDuration(given);
    if (!value)
        error(key,
              fmt::format("\"{}\": must be a duration such as 10s, 1m30s, 500ms or 90d", given));
    return value.value_or(fallback);
}

std::uint64_t ConfigNode::bytes(std::string_view key, std::uint64_t fallback) {
    impl_->asked.emplace(key);
    if (!has(key)) return fallback;
    const auto given = text(key, "");
    constexpr std::array<std::pair<std::string_view, std::uint64_t>, 8> kUnits{{
        {"", 1},
        {"B", 1},
        {"KiB", 1ULL << 10},
        {"MiB", 1ULL << 20},
        {"GiB", 1ULL << 30},
        {"KB", 1000},
        {"MB", 1000'000},
        {"GB", 1000'000'000},
    }};
    std::uint64_t number = 0;
    const auto [end, parse_error] =
        std::from_chars(given.data(), given.data() + given.size(), number);
    const auto unit_text = trim(std::string_view(end, given.data() + given.size()));
    const auto unit = std::find_if(kUnits.begin(), kUnits.end(),
                                   [&](const auto& u) { return u.first == unit_text; });
    if (parse_error != std::errc{} || unit == kUnits.end() || number > UINT64_MAX / unit->second) {
        error(key, fmt::format("\"{}\": must be a size such as 64KiB, 256MiB or 2GiB", given));
        return fallback;
    }
    return number * unit->second;
}

std::string ConfigNode::oneOf(std::string_view key, std::string_view fallback,
                              std::initializer_list<std::string_view> allowed) {
    auto given = text(key, fallback);
    if (std::find(allowed.begin(), allowed.end(), given) == allowed.end()) {
        error(key, fmt::format("\"{}\": allowed are {}", given, fmt::join(allowed, ", ")));
        return std::string(fallback);
    }
    return given;
}

std::vector<std::string> ConfigNode::textList(std::string_view key) {
    impl_->asked.emplace(key);
    std::vector<std::string> out;
    if (!has(key)) return out;
    const YAML::Node value = impl_->yaml[std::string(key)];
    if (!value.IsSequence()) {
        error(key, "must be a list");
        return out;
    }
    for (const auto& item : value) {
        if (item.IsScalar())
            out.push_back(item.Scalar());
        else
            error(key, "each item must be one value");
    }
    return out;
}

std::vector<std::pair<std::string, std::string>> ConfigNode::textMap(std::string_view key) {
    impl_->asked.emplace(key);
    std::vector<std::pair<std::string, std::string>> out;
    if (!has(key)) return out;
    const YAML::Node value = impl_->yaml[std::string(key)];
    if (!value.IsMap()) {
        error(key, "must be a mapping of names to values");
        return out;
    }
    for (const auto& item : value) {
        if (item.first.IsScalar() && item.second.IsScalar())
            out.emplace_back(item.first.Scalar(), item.second.Scalar());
        else
            error(key, "each item must be a name and one value");
    }
    return out;
}

ConfigNode ConfigNode::child(std::string_view key) {
    impl_->asked.emplace(key);
    auto impl = std::make_unique<Impl>();
    impl->origin = impl_->origin;
    impl->errors = impl_->errors;
    impl->path = impl_->path.empty() ? std::string(key) : fmt::format("{}.{}", impl_->path, key);
    impl->yaml = YAML::Node(YAML::NodeType::Map);
    if (!has(key)) {
        impl->missing = true;
    } else if (const YAML::Node value = impl_->yaml[std::string(key)]; value.IsMap()) {
        impl->yaml.reset(value);
    } else {
        error(key, "must be a mapping of keys to values");
    }
    return ConfigNode(std::move(impl));
}

std::vector<ConfigNode> ConfigNode::children(std::string_view key) {
    impl_->asked.emplace(key);
    std::vector<ConfigNode> out;
    if (!has(key)) return out;
    const YAML::Node list = impl_->yaml[std::string(key)];
    if (!list.IsSequence()) {
        error(key, "must be a list");
        return out;
    }
    for (std::size_t i = 0; i < list.size(); ++i) {
        auto impl = std::make_unique<Impl>();
        impl->origin = impl_->origin;
        impl->errors = impl_->errors;
        impl->path = fmt::format("{}{}{}[{}]", impl_->path, impl_->path.empty() ? "" : ".", key, i);
        impl->yaml.reset(list[i]);
        if (!impl->yaml.IsMap()) {
            impl_->errors->add(fmt::format("{}: {}: must be a mapping of keys to values",
                                           mark(list[i], impl->origin), impl->path));
            continue;
        }
        out.push_back(ConfigNode(std::move(impl)));
    }
    return out;
}

void ConfigNode::rejectUnknown() {
    for (const auto& item : impl_->yaml) {
        const auto key = item.first.IsScalar() ? item.first.Scalar() : std::string("(not a name)");
        if (impl_->asked.contains(key)) continue;
        impl_->errors->add(fmt::format(
            "{}: {}{}: unknown key; allowed here: {}", mark(item.first, impl_->origin),
            impl_->path.empty() ? "" : impl_->path + ".", key, fmt::join(impl_->asked, ", ")));
    }
}

std::vector<std::filesystem::path> withDropIns(const std::filesystem::path& file) {
    std::vector<std::filesystem::path> files{file};
    auto folder = file;
    folder.replace_extension(".d");
    std::vector<std::filesystem::path> found;
    std::error_code ignored;  // no folder, no drop-ins
    for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
        const auto extension = entry.path().extension();
        if (extension == ".yaml" || extension == ".yml") found.push_back(entry.path());
    }
    std::sort(found.begin(), found.end());
    files.insert(files.end(), found.begin(), found.end());
    return files;
}

Result<std::string> readSecret(const std::filesystem::path& file) {
    struct stat info {};
    if (::stat(file.c_str(), &info) != 0)
        return Error::fromErrno(errno, fmt::format("secret file {}", file.string()));
    if ((info.st_mode & 077) != 0)
        return Error(ErrorCode::kPermission,
                     fmt::format("secret file {}: others may read it (mode {:04o}); chmod 600 it",
                                 file.string(), info.st_mode & 07777));
    std::ifstream in(file, std::ios::binary);
    std::ostringstream content;
    content << in.rdbuf();
    if (!in) return Error::fromErrno(errno, fmt::format("secret file {}", file.string()));
    auto secret = content.str();
    while (!secret.empty() && (secret.back() == '\n' || secret.back() == '\r')) secret.pop_back();
    if (secret.empty())
        return Error(ErrorCode::kInvalid, fmt::format("secret file {} is empty", file.string()));
    return secret;
}

}  // namespace clusterwatch
