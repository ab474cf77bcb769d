// Small files of the kernel (/proc, /sys) under a root, so that a test reads a fixture tree and an
// agent in a container reads the host's.
//
// open, read, close into one buffer that is kept between reads: no streams, no allocation in the
// steady state. Files of /proc must be read from the start each time, so nothing is kept open.
// Not thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace clusterwatch::agent {

// What is read of one file. /proc/vmstat is 5 kB, /proc/stat some 30 kB on 256 CPUs; beyond the
// limit a file is taken as unreadable, because half a file would give wrong last values.
inline constexpr std::size_t kRootFileBytes = 1 << 20;

class RootFiles {
  public:
    // `root` is "/" on a real machine.
    explicit RootFiles(std::string root);

    // The file's whole content, valid until the next call; nullopt if it can't be read.
    // `path` is relative to the root: "proc/stat".
    std::optional<std::string_view> read(std::string_view path);

    // The root with `path` behind it, for calls that take a path.
    std::string path(std::string_view path) const;

  private:
    const std::string root_;  // without a trailing slash
    std::string path_;
    std::string buffer_;
};

}  // namespace clusterwatch::agent
