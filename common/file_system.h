// The seam between our stores and the operating system's files.
//
// All durable state goes through it, so that a test can fail the n-th call, fill the disk, or lose
// every write that was not synced. PosixFileSystem is the real one; it is stateless and
// thread-safe. A File is used by one thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace clusterwatch {

class File {
  public:
    virtual ~File() = default;  // closes

    // Writes all of `bytes` at the file's end. After an error the end is unspecified.
    virtual Status append(std::string_view bytes) = 0;
    // Data and size are on the disk when this returns. After an error, what was written since the
    // last success is to be taken as lost: the kernel may have dropped the dirty pages, and a
    // second sync that succeeds proves nothing. (PostgreSQL's "fsyncgate", 2018.)
    virtual Status sync() = 0;
    virtual Status truncate(std::uint64_t size) = 0;
    virtual Result<std::uint64_t> size() const = 0;
    // Reads up to `length` bytes at `offset`; fewer only at the end of the file.
    virtual Result<std::string> read(std::uint64_t offset, std::size_t length) const = 0;
};

class FileSystem {
  public:
    enum class OpenMode { kRead, kAppendExisting, kCreateNew };

    virtual ~FileSystem() = default;
    virtual Result<std::unique_ptr<File>> open(const std::filesystem::path& path,
                                               OpenMode mode) = 0;
    virtual Status remove(const std::filesystem::path& path) = 0;
    virtual Status rename(const std::filesystem::path& from, const std::filesystem::path& to) = 0;
    // Makes what is missing of the path, durably: the parent of each new directory is synced.
    virtual Status createDirectories(const std::filesystem::path& path) = 0;
    // Names of the directory's entries, sorted.
    virtual Result<std::vector<std::string>> list(const std::filesystem::path& directory) = 0;
    // Makes creations, renames and removals in the directory durable.
    virtual Status syncDirectory(const std::filesystem::path& directory) = 0;
};

// The real one. Lives as long as the process.
FileSystem& posixFileSystem();

}  // namespace clusterwatch
