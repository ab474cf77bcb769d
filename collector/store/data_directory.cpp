#include "collector/store/data_directory.h"

#include <cerrno>
#include <fstream>
#include <optional>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/file_system.h"
#include "common/text.h"

namespace clusterwatch::store {

namespace {

constexpr std::string_view kIdentityFile = "clusterwatch-data";
constexpr std::string_view kIdentityNew = "clusterwatch-data.new";
constexpr std::string_view kMagic = "clusterwatch data directory";
constexpr std::int64_t kVersion = 1;

Result<std::string> randomUuid() {
    std::ifstream source("/proc/sys/kernel/random/uuid");
    std::string uuid;
    if (!std::getline(source, uuid))
        return Error(ErrorCode::kIo, "reading /proc/sys/kernel/random/uuid");
    return uuid;
}

struct Identity {
    Milliseconds window{0}, partition{0};
};

// The number behind the word that the line must begin with.
std::optional<std::int64_t> numberOf(std::string_view line, std::string_view word) {
    if (!line.starts_with(word)) return std::nullopt;
    const auto number = parseInt(line.substr(word.size()));
    return number && *number > 0 ? number : std::nullopt;
}

// Five lines: magic, "version N", "id UUID", "window_ms N", "partition_ms N".
Result<Identity> parseIdentity(const std::filesystem::path& path, const std::string& text) {
    const auto lines = split(text, '\n');
    const Error not_ours(ErrorCode::kInvalid,
                         path.string() + " is not a data directory of clusterwatch");
    if (lines.size() < 2 || lines[0] != kMagic) return not_ours;
    const auto version = numberOf(lines[1], "version ");
    if (!version) return not_ours;
    if (*version > kVersion)
        return Error(ErrorCode::kInvalid,
                     path.string() +
                         " was written by a newer version of clusterwatch (its format is " +
                         std::to_string(*version) + ", this program knows " +
                         std::to_string(kVersion) + ")");
    if (lines.size() < 5) return not_ours;
    const auto window = numberOf(lines[3], "window_ms ");
    const auto partition = numberOf(lines[4], "partition_ms ");
    if (!window || !partition || *partition % *window != 0) return not_ours;
    return Identity{Milliseconds(*window), Milliseconds(*partition)};
}

Result<std::string> readIdentity(const std::filesystem::path& path) {
    auto file = posixFileSystem().open(path / kIdentityFile, FileSystem::OpenMode::kRead);
    if (!file) return file.error();
    return (*file)->read(0, 4096);
}

// A directory without an identity is ours to make only if nobody has put anything there.
Status checkEmpty(const std::filesystem::path& path) {
    auto names = posixFileSystem().list(path);
    if (!names) return names.error();
    for (const auto& name : *names) {
        if (name == kIdentityNew || name == "lost+found") continue;
        return Error(ErrorCode::kInvalid,
                     path.string() +
                         " is not a data directory of clusterwatch, and not empty: it holds " +
                         name);
    }
    return {};
}

Status makeIdentity(const std::filesystem::path& path, Milliseconds window,
                    Milliseconds partition) {
    auto uuid = randomUuid();
    if (!uuid) return uuid.error();
    auto& fs = posixFileSystem();
    const auto fresh = path / kIdentityNew;
    std::error_code ignored;
    std::filesystem::remove(fresh, ignored);
    auto file = fs.open(fresh, FileSystem::OpenMode::kCreateNew);
    if (!file) return file.error();
    const std::string text = std::string(kMagic) + "\nversion " + std::to_string(kVersion) +
                             "\nid " + *uuid + "\nwindow_ms " + std::to_string(window.count()) +
                             "\npartition_ms " + std::to_string(partition.count()) + "\n";
    if (auto s = (*file)->append(text); !s) return s;
    if (auto s = (*file)->sync(); !s) return s;
    if (auto s = fs.rename(fresh, path / kIdentityFile); !s) return s;
    return fs.syncDirectory(path);
}

}  // namespace

Status DataDirectory::check(const std::filesystem::path& path) {
    auto identity = readIdentity(path);
    if (!identity) {
        if (identity.error().code() == ErrorCode::kNotFound)
            return Error(ErrorCode::kInvalid,
                         path.string() + " is not a data directory of clusterwatch");
        return identity.error();
    }
    if (auto s = parseIdentity(path, *identity); !s) return s.error();
    return {};
}

Result<DataDirectory> DataDirectory::open(const std::filesystem::path& path, Milliseconds window,
                                          Milliseconds partition) {
    CHECK(window.count() > 0 && partition.count() % window.count() == 0);
    if (auto s = posixFileSystem().createDirectories(path); !s)
        return s.error().context("opening the data directory");
    auto identity = readIdentity(path);
    if (!identity) {
        if (identity.error().code() != ErrorCode::kNotFound)
            return identity.error().context("opening the data directory");
        if (auto s = checkEmpty(path); !s) return s.error();
        if (auto s = makeIdentity(path, window, partition); !s)
            return s.error().context("making the data directory " + path.string());
        identity = readIdentity(path);
        if (!identity) return identity.error();
    }
    auto parsed = parseIdentity(path, *identity);
    if (!parsed) return parsed.error();

    const auto file = path / kIdentityFile;
    const int fd = ::open(file.c_str(), O_RDWR | O_CLOEXEC);
    if (fd < 0) return Error::fromErrno(errno, "opening " + file.string());
    DataDirectory directory(path, fd);
    directory.window_ = parsed->window;
    directory.partition_ = parsed->partition;
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            return Error(ErrorCode::kUnavailable,
                         path.string() + " is in use by another collector");
        return Error::fromErrno(errno, "locking " + file.string());
    }
    if (::access(path.c_str(), W_OK) != 0)
        return Error::fromErrno(errno, "the data directory " + path.string() + " is not writable");
    return directory;
}

DataDirectory::DataDirectory(DataDirectory&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(other.fd_),
      window_(other.window_),
      partition_(other.partition_) {
    other.fd_ = -1;
}

DataDirectory::~DataDirectory() {
    if (fd_ >= 0) ::close(fd_);
}

}  // namespace clusterwatch::store
