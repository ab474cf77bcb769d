#include "agent/identity.h"

#include <cerrno>
#include <fstream>
#include <optional>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/check.h"
#include "common/text.h"

namespace clusterwatch::agent {
namespace {

constexpr std::string_view kPrefix = "clusterwatch-agent-id 1 ";

std::optional<std::string> fromHex(std::string_view hex) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
        const auto digit = [](char c) {
            return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        };
        const int high = digit(hex[i]);
        const int low = digit(hex[i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        bytes.push_back(static_cast<char>(high * 16 + low));
    }
    return hex.size() % 2 == 0 ? std::optional(bytes) : std::nullopt;
}

Status writeWhole(FileSystem& fs, const std::filesystem::path& path, std::string_view content) {
    auto temporary = path;
    temporary += ".new";
    if (auto removed = fs.remove(temporary);
        !removed && removed.error().code() != ErrorCode::kNotFound)
        return removed;
    auto file = fs.open(temporary, FileSystem::OpenMode::kCreateNew);
    if (!file) return file.error();
    if (auto done = (*file)->append(content); !done) return done;
    if (auto done = (*file)->sync(); !done) return done;
    if (auto done = fs.rename(temporary, path); !done) return done;
    return fs.syncDirectory(path.parent_path());
}

}  // namespace

Result<std::string> loadOrMakeAgentId(FileSystem& fs, const std::filesystem::path& directory) {
    const auto path = directory / "identity";
    auto file = fs.open(path, FileSystem::OpenMode::kRead);
    if (file) {
        auto content = (*file)->read(0, 256);
        if (!content) return content.error().context("the agent's identity");
        const auto line = trim(*content);
        const auto id =
            line.starts_with(kPrefix) ? fromHex(line.substr(kPrefix.size())) : std::nullopt;
        if (!id || id->size() != 16)
            return Error(ErrorCode::kCorrupt,
                         fmt::format("{}: not an identity file of this version; move it away to "
                                     "make the agent a new one "
                                     "(the collector will then see a new agent)",
                                     path.string()));
        return *id;
    }
    if (file.error().code() != ErrorCode::kNotFound)
        return file.error().context("the agent's identity");
    auto id = randomBytes(16);
    id[6] = static_cast<char>((id[6] & 0x0f) | 0x40);  // RFC 4122, 4.4: version 4
    id[8] = static_cast<char>((id[8] & 0x3f) | 0x80);  // and its variant
    if (auto done = writeWhole(fs, path, fmt::format("{}{}\n", kPrefix, toHex(id))); !done)
        return done.error().context("making the agent's identity");
    return id;
}

std::string hostDigest(const std::filesystem::path& machine_id) {
    std::ifstream in(machine_id);
    std::string line;
    if (!in || !std::getline(in, line) || line.empty()) return {};
    // FNV-1a, keyed with our name: enough to tell machines apart, too short to name one.
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const char c : "clusterwatch:" + line)
        hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3;
    std::string bytes;
    for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(hash >> shift));
    return bytes;
}

std::string randomBytes(std::size_t count) {
    std::string bytes(count, '\0');
    CHECK(::getrandom(bytes.data(), count, 0) == static_cast<ssize_t>(count));
    return bytes;
}

std::string toHex(std::string_view bytes) {
    std::string out;
    for (const char c : bytes) out += fmt::format("{:02x}", static_cast<std::uint8_t>(c));
    return out;
}

Result<DirectoryLock> DirectoryLock::take(const std::filesystem::path& directory) {
    const auto path = directory / "lock";
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return Error::fromErrno(errno, path.string());
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return DirectoryLock(fd);
    const int failure = errno;
    ::close(fd);
    if (failure == EWOULDBLOCK)
        return Error(ErrorCode::kUnavailable,
                     fmt::format("{}: another agent is using this directory", directory.string()));
    return Error::fromErrno(failure, path.string());
}

DirectoryLock::~DirectoryLock() {
    if (fd_ >= 0) ::close(fd_);
}

}  // namespace clusterwatch::agent
