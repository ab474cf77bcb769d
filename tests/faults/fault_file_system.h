// A file system in memory that breaks on command: the n-th call fails, the disk is full, the power
// is cut and every write that was not synced is gone.
//
// What it models, and where it is stricter than most disks: a new, renamed or removed name is
// durable only after syncDirectory; bytes are durable only after sync; bytes whose sync failed are
// NOT written by a later sync that succeeds (the kernel believes them clean), they read as zeros
// after a power cut. A File stays usable after its name was removed, as in POSIX. Directories are
// durable at once.
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/file_system.h"
#include "common/thread_annotations.h"

namespace clusterwatch::testing {

class FaultFileSystem final : public FileSystem {
  public:
    // What a power cut leaves of writes and names that were not synced.
    enum class Unsynced { kLost, kRandomPrefix };

    // The n-th changing call from now on (0 is the next) fails, and those after it up to `times`;
    // an append writes half first.
    void failCall(std::uint64_t n, ErrorCode code = ErrorCode::kIo, std::uint64_t times = 1);
    // From the n-th changing call on, all fail: the process died there. An append writes half
    // first.
    void dieAtCall(std::uint64_t n);
    void clearFaults();
    // Changing calls so far: create, append, sync, truncate, remove, rename, syncDirectory.
    std::uint64_t calls() const;
    // Whether the fault of failCall() or dieAtCall() has happened.
    bool faultHappened() const;
    // All files together may hold this many bytes.
    void setCapacity(std::uint64_t bytes);
    // Called, without a lock held, at each sync; a test can make others wait here.
    void onSync(std::function<void()> hook);

    // REQUIRES: no File of before is used afterwards.
    void cutPower(Unsynced unsynced, std::mt19937_64& random);

    std::vector<std::filesystem::path> files() const;
    std::string contents(const std::filesystem::path& path) const;
    // Replaces or makes a file, durably.
    void setContents(const std::filesystem::path& path, std::string bytes);
    // Name and bytes of all files.
    std::map<std::string, std::string> image() const;
    void setImage(const std::map<std::string, std::string>& image);

    Result<std::unique_ptr<File>> open(const std::filesystem::path& path, OpenMode mode) override;
    Status remove(const std::filesystem::path& path) override;
    Status rename(const std::filesystem::path& from, const std::filesystem::path& to) override;
    Status createDirectories(const std::filesystem::path& path) override;
    Result<std::vector<std::string>> list(const std::filesystem::path& directory) override;
    Status syncDirectory(const std::filesystem::path& directory) override;

  private:
    friend class FaultFile;
    struct Node {
        std::string data;
        std::string durable;
        // Offsets of bytes whose sync failed.
        std::vector<std::pair<std::size_t, std::size_t>> lost;
    };
    using NodePtr = std::shared_ptr<Node>;  // shared: by its names, now and durable, and open files

    // Counts a changing call; an error if it is to fail.
    std::optional<Error> fault(const char* what) REQUIRES_LOCK(mutex_);
    Status append(Node& node, std::string_view bytes);
    Status sync(Node& node);
    Status truncate(Node& node, std::uint64_t size);
    std::uint64_t used() const REQUIRES_LOCK(mutex_);

    mutable Mutex mutex_;
    std::map<std::string, NodePtr> names_ GUARDED_BY(mutex_);
    std::map<std::string, NodePtr> durable_names_ GUARDED_BY(mutex_);
    std::set<std::string> directories_ GUARDED_BY(mutex_);
    std::uint64_t calls_ GUARDED_BY(mutex_) = 0;
    std::uint64_t fail_at_ GUARDED_BY(mutex_) = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t die_at_ GUARDED_BY(mutex_) = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t fail_times_ GUARDED_BY(mutex_) = 1;
    ErrorCode fail_code_ GUARDED_BY(mutex_) = ErrorCode::kIo;
    bool happened_ GUARDED_BY(mutex_) = false;
    std::uint64_t capacity_ GUARDED_BY(mutex_) = std::numeric_limits<std::uint64_t>::max();
    std::function<void()> on_sync_ GUARDED_BY(mutex_);
};

}  // namespace clusterwatch::testing
