// The POSIX implementation of the file seam.
//
// Files are made with mode 0600 and directories with 0700: what is stored here names hosts, users
// and queries. sync() is fdatasync: it writes the size too, because the data could not be read
// without it (fdatasync(2)); what it leaves out is the time of modification.
#include "common/file_system.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace clusterwatch {

namespace {

constexpr mode_t kFileMode = 0600;
constexpr mode_t kDirectoryMode = 0700;

class PosixFile final : public File {
  public:
    PosixFile(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}
    ~PosixFile() override { ::close(fd_); }
    PosixFile(const PosixFile&) = delete;
    PosixFile& operator=(const PosixFile&) = delete;

    Status append(std::string_view bytes) override {
        while (!bytes.empty()) {
            const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
            if (n < 0) {
                if (errno == EINTR) continue;
                return Error::fromErrno(errno, "writing " + name_);
            }
            bytes.remove_prefix(static_cast<std::size_t>(n));
        }
        return {};
    }

    Status sync() override {
        if (::fdatasync(fd_) != 0) return Error::fromErrno(errno, "syncing " + name_);
        return {};
    }

    Status truncate(std::uint64_t size) override {
        if (::ftruncate(fd_, static_cast<off_t>(size)) != 0)
            return Error::fromErrno(errno, "truncating " + name_);
        return {};
    }

    Result<std::uint64_t> size() const override {
        struct stat info {};
        if (::fstat(fd_, &info) != 0)
            return Error::fromErrno(errno, "reading the size of " + name_);
        return static_cast<std::uint64_t>(info.st_size);
    }

    Result<std::string> read(std::uint64_t offset, std::size_t length) const override {
        // A length that a damaged file made up must not become an allocation.
        auto total = size();
        if (!total) return total.error();
        const std::uint64_t left = *total > offset ? *total - offset : 0;
        std::string bytes(static_cast<std::size_t>(std::min<std::uint64_t>(length, left)), '\0');
        std::size_t done = 0;
        while (done < bytes.size()) {
            const ssize_t n = ::pread(fd_, bytes.data() + done, bytes.size() - done,
                                      static_cast<off_t>(offset + done));
            if (n < 0) {
                if (errno == EINTR) continue;
                return Error::fromErrno(errno, "reading " + name_);
            }
            if (n == 0) break;
            done += static_cast<std::size_t>(n);
        }
        bytes.resize(done);
        return bytes;
    }

  private:
    const int fd_;
    const std::string name_;
};

Status syncPath(const std::filesystem::path& directory) {
    const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return Error::fromErrno(errno, "opening " + directory.string());
    const int failed = ::fsync(fd) != 0 ? errno : 0;
    ::close(fd);
    if (failed != 0) return Error::fromErrno(failed, "syncing " + directory.string());
    return {};
}

class PosixFileSystem final : public FileSystem {
  public:
    Result<std::unique_ptr<File>> open(const std::filesystem::path& path, OpenMode mode) override {
        int flags = O_CLOEXEC;
        switch (mode) {
            case OpenMode::kRead: flags |= O_RDONLY; break;
            case OpenMode::kAppendExisting: flags |= O_RDWR | O_APPEND; break;
            case OpenMode::kCreateNew: flags |= O_RDWR | O_APPEND | O_CREAT | O_EXCL; break;
        }
        const int fd = ::open(path.c_str(), flags, kFileMode);
        if (fd < 0) {
            const std::string doing = mode == OpenMode::kCreateNew ? "creating " : "opening ";
            return Error::fromErrno(errno, doing + path.string());
        }
        return std::unique_ptr<File>(std::make_unique<PosixFile>(fd, path.string()));
    }

    Status remove(const std::filesystem::path& path) override {
        if (::unlink(path.c_str()) != 0)
            return Error::fromErrno(errno, "removing " + path.string());
        return {};
    }

    Status rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
        if (::rename(from.c_str(), to.c_str()) != 0)
            return Error::fromErrno(errno, "renaming " + from.string() + " to " + to.string());
        return {};
    }

    Status createDirectories(const std::filesystem::path& path) override {
        std::filesystem::path made;
        for (const auto& part : path) {
            made /= part;
            if (::mkdir(made.c_str(), kDirectoryMode) == 0) {
                const auto parent = made.parent_path();
                if (auto s = syncPath(parent.empty() ? "." : parent); !s) return s;
                continue;
            }
            const int failed = errno;
            // A directory that exists may answer EEXIST, but also EROFS or EACCES: look.
            std::error_code ignored;
            if (!std::filesystem::is_directory(made, ignored))
                return Error::fromErrno(failed, "making the directory " + made.string());
        }
        return {};
    }

    Result<std::vector<std::string>> list(const std::filesystem::path& directory) override {
        std::vector<std::string> names;
        std::error_code failed;
        std::filesystem::directory_iterator entry(directory, failed);
        while (!failed && entry != std::filesystem::directory_iterator()) {
            names.push_back(entry->path().filename().string());
            entry.increment(failed);
        }
        if (failed) return Error::fromErrno(failed.value(), "listing " + directory.string());
        std::sort(names.begin(), names.end());
        return names;
    }

    Status syncDirectory(const std::filesystem::path& directory) override {
        return syncPath(directory);
    }
};

}  // namespace

FileSystem& posixFileSystem() {
    static PosixFileSystem instance;
    return instance;
}

}  // namespace clusterwatch
