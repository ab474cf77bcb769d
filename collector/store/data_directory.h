// The data directory: what makes it ours, and the lock that makes it ours alone.
// Layout: docs/formats/data-directory.md.
//
// These few calls use the operating system directly, not the file seam: flock(2) needs a
// descriptor, and all of it happens once, before anything is acknowledged.
#pragma once

#include <filesystem>
#include <string>

#include "common/clock.h"
#include "common/result.h"

namespace clusterwatch::store {

class DataDirectory {
  public:
    // Makes the directory ours if it is missing or empty; locks it until destruction. Errors that
    // leave everything as it was: it holds foreign files (kInvalid), it is of a newer version
    // (kInvalid), it is not writable (kPermission), another process has it (kUnavailable).
    // The lengths become part of a new directory's identity; an existing one keeps its own, because
    // its chunks are cut to them.
    static Result<DataDirectory> open(const std::filesystem::path& path, Milliseconds window,
                                      Milliseconds partition);

    // Only checks that it is ours and of a version that we know.
    static Status check(const std::filesystem::path& path);

    DataDirectory(DataDirectory&& other) noexcept;
    DataDirectory& operator=(DataDirectory&&) = delete;
    ~DataDirectory();

    const std::filesystem::path& path() const { return path_; }
    Milliseconds window() const { return window_; }
    Milliseconds partition() const { return partition_; }
    std::filesystem::path journal() const { return path_ / "journal"; }
    std::filesystem::path catalogue() const { return path_ / "catalogue.db"; }
    std::filesystem::path chunks() const { return path_ / "chunks"; }

  private:
    DataDirectory(std::filesystem::path path, int fd) : path_(std::move(path)), fd_(fd) {}

    std::filesystem::path path_;
    int fd_ = -1;
    Milliseconds window_{0}, partition_{0};
};

}  // namespace clusterwatch::store
