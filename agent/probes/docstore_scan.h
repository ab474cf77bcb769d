// A walk over a document tree in small steps: so many entries now, on from there at the next run.
//
// It holds the directories it is inside of open (one descriptor a level, kMaxDepth at most), goes
// down with openat() relative to them, follows no symbolic link and leaves no file system, so a
// tree that changes or misbehaves under it can't lead it elsewhere. What can't be read is counted,
// not fatal.
//
// Not thread-safe. The system calls may block on a dead NFS server; nothing here can help that.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <dirent.h>
#include <sys/types.h>

namespace clusterwatch::agent {

inline constexpr std::size_t kMaxScanDepth = 64;
// Top folders told apart; what is in others is summed up under kOtherFolders.
inline constexpr std::size_t kMaxScanFolders = 100;
inline constexpr std::string_view kOtherFolders = "(other)";
// Files directly in the root.
inline constexpr std::string_view kRootFolder = ".";

struct FolderSums {
    std::uint64_t documents = 0;  // regular files
    std::uint64_t bytes = 0;      // apparent size, as `ls -l` shows it
    double oldest_seconds = 0;    // modification times; only where documents > 0
    double newest_seconds = 0;
};

struct ScanTotals {
    std::map<std::string, FolderSums, std::less<>> folders;
    std::uint64_t entries = 0;  // files, folders and anything else looked at
    std::uint64_t errors = 0;   // what could not be opened or read
    std::string first_error;    // "photos/2019: Permission denied"
};

class DocstoreScan {
  public:
    enum class Step {
        kMore,      // the allowance is used up: call again
        kComplete,  // the whole tree has been seen
        kTooMany,   // more than max_entries: what has been counted is a part only
    };

    DocstoreScan(std::string root, std::uint64_t max_entries);
    ~DocstoreScan();

    // Looks at up to `allowance` entries. After kComplete or kTooMany there is nothing more to do.
    Step advance(std::uint64_t allowance);

    const ScanTotals& totals() const { return totals_; }

  private:
    struct CloseDir {
        void operator()(DIR* directory) const { ::closedir(directory); }
    };
    struct Level {
        std::unique_ptr<DIR, CloseDir> directory;
        std::string path;  // relative to the root, for messages
    };

    void start();
    void enter(int parent, const char* name, std::string path);
    void look(const char* name);
    void addDocument(std::string_view folder, std::uint64_t bytes, double modified);
    void fail(const std::string& path, int error);
    FolderSums& folder(std::string_view name);

    const std::string root_;
    const std::uint64_t max_entries_;
    bool started_ = false;
    dev_t device_ = 0;
    std::vector<Level> levels_;
    std::string top_;  // the top folder that we are inside of
    ScanTotals totals_;
};

}  // namespace clusterwatch::agent
