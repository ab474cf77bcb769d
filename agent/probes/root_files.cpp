#include "agent/probes/root_files.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace clusterwatch::agent {

namespace {

std::string withoutTrailingSlash(std::string root) {
    while (!root.empty() && root.back() == '/') root.pop_back();
    return root;
}

}  // namespace

RootFiles::RootFiles(std::string root) : root_(withoutTrailingSlash(std::move(root))) {}

std::string RootFiles::path(std::string_view path) const {
    std::string full = root_;
    if (!path.starts_with('/')) full += '/';
    full += path;
    return full;
}

std::optional<std::string_view> RootFiles::read(std::string_view path) {
    path_.assign(root_).append("/").append(path);
    const int fd = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return std::nullopt;
    if (buffer_.empty()) buffer_.resize(16 << 10);
    std::size_t filled = 0;
    bool whole = false;
    while (!whole && filled < kRootFileBytes) {
        if (filled == buffer_.size()) buffer_.resize(buffer_.size() * 2);
        const ssize_t got = ::read(fd, buffer_.data() + filled, buffer_.size() - filled);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) break;
        whole = got == 0;
        filled += static_cast<std::size_t>(got);
    }
    ::close(fd);
    if (!whole) return std::nullopt;
    return std::string_view(buffer_).substr(0, filled);
}

}  // namespace clusterwatch::agent
