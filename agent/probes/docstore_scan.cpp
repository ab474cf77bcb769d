#include "agent/probes/docstore_scan.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/probes/scan_text.h"

namespace clusterwatch::agent {

namespace {

constexpr int kOpenFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
constexpr std::size_t kMaxFolderName = 128;

bool isDots(const char* name) {
    return std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0;
}

}  // namespace

DocstoreScan::DocstoreScan(std::string root, std::uint64_t max_entries)
    : root_(std::move(root)), max_entries_(max_entries) {}

DocstoreScan::~DocstoreScan() = default;

void DocstoreScan::fail(const std::string& path, int error) {
    ++totals_.errors;
    if (totals_.first_error.empty())
        totals_.first_error = textOfName(path, kMaxFolderName * 2) + ": " + std::strerror(error);
}

FolderSums& DocstoreScan::folder(std::string_view name) {
    const auto found = totals_.folders.find(name);
    if (found != totals_.folders.end()) return found->second;
    if (totals_.folders.size() >= kMaxScanFolders) name = kOtherFolders;
    return totals_.folders[std::string(name)];
}

void DocstoreScan::start() {
    started_ = true;
    // The root itself may be a symbolic link: an operator named it.
    const int fd = ::open(root_.c_str(), kOpenFlags & ~O_NOFOLLOW);
    struct stat info {};
    if (fd < 0 || ::fstat(fd, &info) != 0) {
        fail(root_, errno);
        if (fd >= 0) ::close(fd);
        return;
    }
    device_ = info.st_dev;
    DIR* directory = ::fdopendir(fd);
    if (directory == nullptr) {
        fail(root_, errno);
        ::close(fd);
        return;
    }
    levels_.push_back({std::unique_ptr<DIR, CloseDir>(directory), ""});
}

void DocstoreScan::enter(int parent, const char* name, std::string path) {
    if (levels_.size() >= kMaxScanDepth) return fail(path, ELOOP);
    const int fd = ::openat(parent, name, kOpenFlags);
    if (fd < 0) {
        if (errno != ENOENT) fail(path, errno);  // deleted since readdir: nothing to count
        return;
    }
    DIR* directory = ::fdopendir(fd);
    if (directory == nullptr) {
        fail(path, errno);
        ::close(fd);
        return;
    }
    levels_.push_back({std::unique_ptr<DIR, CloseDir>(directory), std::move(path)});
}

void DocstoreScan::look(const char* name) {
    Level& level = levels_.back();
    const int parent = ::dirfd(level.directory.get());
    struct stat info {};
    if (::fstatat(parent, name, &info, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) {
        if (errno != ENOENT) fail(level.path + "/" + name, errno);
        return;
    }
    if (S_ISREG(info.st_mode)) {
        const double modified = static_cast<double>(info.st_mtim.tv_sec) +
                                static_cast<double>(info.st_mtim.tv_nsec) / 1e9;
        addDocument(levels_.size() == 1 ? kRootFolder : std::string_view(top_),
                    static_cast<std::uint64_t>(std::max<off_t>(info.st_size, 0)), modified);
    } else if (S_ISDIR(info.st_mode) && info.st_dev == device_) {
        if (levels_.size() == 1) {
            top_ = textOfName(name, kMaxFolderName);
            folder(top_);  // an empty folder is 0 documents, not a missing one
        }
        std::string path = level.path.empty() ? name : level.path + "/" + name;
        enter(parent, name, std::move(path));
    }
}

void DocstoreScan::addDocument(std::string_view name, std::uint64_t bytes, double modified) {
    FolderSums& sums = folder(name);
    sums.oldest_seconds = sums.documents == 0 ? modified : std::min(sums.oldest_seconds, modified);
    sums.newest_seconds = sums.documents == 0 ? modified : std::max(sums.newest_seconds, modified);
    ++sums.documents;
    sums.bytes += bytes;
}

DocstoreScan::Step DocstoreScan::advance(std::uint64_t allowance) {
    if (!started_) start();
    while (!levels_.empty()) {
        if (totals_.entries >= max_entries_) {
            levels_.clear();
            return Step::kTooMany;
        }
        if (allowance == 0) return Step::kMore;
        errno = 0;
        const dirent* entry = ::readdir(levels_.back().directory.get());
        if (entry == nullptr) {
            if (errno != 0) fail(levels_.back().path, errno);
            levels_.pop_back();
            continue;
        }
        if (isDots(entry->d_name)) continue;
        --allowance;
        ++totals_.entries;
        look(entry->d_name);
    }
    return Step::kComplete;
}

}  // namespace clusterwatch::agent
