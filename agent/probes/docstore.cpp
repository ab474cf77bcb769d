// How it works: statvfs at each run; and a scan that goes on where the last run left it, at most
// entries_per_second (times the seconds since the last run) and half of the time left, so that a run
// ends by its deadline and a tree of any size costs the same. A scan that took long is followed by
// a pause of kPauseFactor times the work (at most max_interval): about 2 % of one CPU at worst, and
// a small tree is scanned at each run.
//
// Counts are those of the last finished scan, never of one under way. statvfs and readdir may hang
// on a dead NFS server; the runner then reports this probe alone as timed out.
//
// Rejected: inotify (no recursion, none over NFS), a thread of its own (a second schedule to bound).
#include "agent/probes/docstore.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>

#include "common/text.h"

namespace clusterwatch::agent {

namespace {

constexpr int kPauseFactor = 50;
constexpr std::uint64_t kStepEntries = 256;  // between two looks at the clock
// The first run, and one after a long silence, is paid as this long.
constexpr std::chrono::seconds kMaxCredit{10};
// As for the host's file systems.
constexpr double kWarnSpaceShare = 0.10;
constexpr double kCriticalSpaceShare = 0.03;

State byShare(double share) {
    if (share < kCriticalSpaceShare) return State::kCritical;
    return share < kWarnSpaceShare ? State::kWarning : State::kOk;
}

double share(double part, double whole) { return whole > 0 ? part / whole : 1; }

double unixSeconds(WallTime time) { return static_cast<double>(toUnixMs(time)) / 1e3; }

bool isMountPoint(const std::string& path) {
    struct stat here {};
    struct stat parent {};
    if (::stat(path.c_str(), &here) != 0 || ::stat((path + "/..").c_str(), &parent) != 0)
        return false;
    return here.st_dev != parent.st_dev || here.st_ino == parent.st_ino;
}

ProbeRun failed(Outcome outcome, std::string message) {
    ProbeRun run;
    run.outcome = outcome;
    run.message = std::move(message);
    run.check("storage", State::kCritical, run.message);
    return run;
}

}  // namespace

std::unique_ptr<Probe> DocstoreProbe::make(ConfigNode& config) {
    Options options;
    options.path = config.requiredText("path");
    if (!options.path.empty() && !options.path.starts_with('/'))
        config.error("path", "must be an absolute path");
    while (options.path.size() > 1 && options.path.ends_with('/')) options.path.pop_back();
    options.require_mount = config.boolean("require_mount", false);
    ConfigNode scan = config.child("scan");
    options.scan = scan.boolean("enabled", true);
    options.entries_per_second =
        static_cast<std::uint64_t>(scan.integer("entries_per_second", 5000, 1, 1'000'000));
    options.max_entries =
        static_cast<std::uint64_t>(scan.integer("max_entries", 2'000'000, 1, 1'000'000'000));
    options.max_interval = scan.duration("max_interval", std::chrono::minutes(10));
    scan.rejectUnknown();
    return std::make_unique<DocstoreProbe>(std::move(options));
}

std::optional<ProbeRun> DocstoreProbe::missing() const {
    struct stat info {};
    if (::stat(options_.path.c_str(), &info) != 0) {
        const int error = errno;
        const bool denied = error == EACCES || error == EPERM;
        return failed(denied ? Outcome::kPermission : Outcome::kNotFound,
                      options_.path + ": " + std::strerror(error) +
                          (denied ? "; the agent's user needs r-x on it" : "; is it mounted?"));
    }
    if (!S_ISDIR(info.st_mode))
        return failed(Outcome::kNotFound, options_.path + " is not a directory");
    if (options_.require_mount && !isMountPoint(options_.path))
        return failed(Outcome::kNotFound,
                      options_.path +
                          " is an ordinary directory: the document storage is not "
                          "mounted on it, and what is written now goes to the wrong "
                          "disk");
    return std::nullopt;
}

void DocstoreProbe::addSpace(const FileSystemSpace& space, ProbeRun& run) const {
    run.gauge("docstore_size_bytes", "Size of the file system that holds the documents.",
              space.size_bytes);
    run.gauge("docstore_free_bytes", "Free space, with what is reserved for root.",
              space.free_bytes);
    run.gauge("docstore_avail_bytes", "Free space for ordinary users.", space.available_bytes);
    run.gauge("docstore_readonly", "Whether the file system is mounted read only.",
              space.read_only ? 1 : 0);
    // File systems without a fixed number of inodes (btrfs, many NFS servers) say 0 of 0.
    if (space.files > 0) {
        run.gauge("docstore_files", "Inodes of the file system.", space.files);
        run.gauge("docstore_files_free", "Free inodes.", space.files_free);
    }
    const double free_share = share(space.available_bytes, space.size_bytes);
    const double inode_share = share(space.files_free, space.files);
    if (space.read_only)
        run.check("storage", State::kCritical,
                  options_.path +
                      " is read only: documents can't be saved. The kernel remounts "
                      "so after a disk error; see `dmesg`");
    else
        run.check("storage", State::kOk, options_.path + " is there and writable");
    run.check("space", worse(byShare(free_share), byShare(inode_share)),
              fmt::format("{:.1f} % of the space and {:.1f} % of the inodes of {} are free",
                          free_share * 100, inode_share * 100, options_.path));
}

void DocstoreProbe::scan(const ProbeContext& context) {
    const MonotonicTime began = context.clock.monotonicNow();
    if (!scan_) {
        if (began < next_scan_) return;
        scan_ = std::make_unique<DocstoreScan>(options_.path, options_.max_entries);
        worked_ = {};
    }
    const MonotonicTime::duration since =
        last_step_ ? std::min<MonotonicTime::duration>(began - *last_step_, kMaxCredit)
                   : MonotonicTime::duration(kMaxCredit);
    last_step_ = began;
    auto allowance = static_cast<std::uint64_t>(static_cast<double>(options_.entries_per_second) *
                                                std::chrono::duration<double>(since).count()) +
                     1;
    const Milliseconds keep = context.remaining() / 2;
    auto step = DocstoreScan::Step::kMore;
    while (step == DocstoreScan::Step::kMore && allowance > 0 && context.remaining() > keep) {
        const std::uint64_t now = std::min(allowance, kStepEntries);
        step = scan_->advance(now);
        allowance -= now;
    }
    const MonotonicTime ended = context.clock.monotonicNow();
    worked_ += ended - began;
    if (step == DocstoreScan::Step::kMore) return;
    const bool complete = step == DocstoreScan::Step::kComplete;
    finished_ = Finished{scan_->totals(), complete, context.clock.wallNow()};
    if (complete) complete_at_ = finished_->at;
    scan_.reset();
    next_scan_ =
        ended + std::min<MonotonicTime::duration>(worked_ * kPauseFactor, options_.max_interval);
}

void DocstoreProbe::addScan(ProbeRun& run) const {
    run.gauge("docstore_scan_running", "Whether a scan of the tree is under way.", scan_ ? 1 : 0);
    if (scan_)
        run.gauge("docstore_scan_progress_entries", "Entries that the scan under way has seen.",
                  static_cast<double>(scan_->totals().entries));
    if (complete_at_)
        run.gauge("docstore_scan_complete_timestamp_seconds",
                  "When the last scan of the whole tree ended.", unixSeconds(*complete_at_));
    if (!finished_) {
        run.check("scan", State::kUnknown, "the first scan of the tree has not ended yet");
        return;
    }
    const ScanTotals& totals = finished_->totals;
    run.gauge("docstore_scan_entries", "Entries that the last finished scan saw.",
              static_cast<double>(totals.entries));
    run.gauge("docstore_scan_errors", "Entries that the last finished scan could not read.",
              static_cast<double>(totals.errors));
    if (!finished_->complete) {
        run.check("scan", State::kWarning,
                  fmt::format("the tree holds more than {} entries (scan.max_entries), so its "
                              "documents are not counted",
                              options_.max_entries));
        return;
    }
    for (const auto& [folder, sums] : totals.folders) {
        const Labels labels{{"folder", folder}};
        run.gauge("docstore_documents", "Regular files below the folder.",
                  static_cast<double>(sums.documents), labels);
        run.gauge("docstore_bytes", "Apparent size of the documents below the folder.",
                  static_cast<double>(sums.bytes), labels);
        if (sums.documents == 0) continue;
        run.gauge("docstore_oldest_timestamp_seconds",
                  "Modification time of the oldest document below the folder.", sums.oldest_seconds,
                  labels);
        run.gauge("docstore_newest_timestamp_seconds",
                  "Modification time of the newest document below the folder.", sums.newest_seconds,
                  labels);
    }
    if (totals.errors > 0)
        run.check("scan", State::kWarning,
                  fmt::format("{} entries could not be read, the first: {}", totals.errors,
                              totals.first_error));
    else
        run.check("scan", State::kOk, fmt::format("{} entries seen", totals.entries));
}

ProbeRun DocstoreProbe::run(const ProbeContext& context) {
    if (auto gone = missing()) {
        scan_.reset();
        return std::move(*gone);
    }
    std::string error;
    const auto space = statFileSystem(options_.path, error);
    if (!space) return failed(Outcome::kNotFound, options_.path + ": " + error);
    ProbeRun run;
    run.outcome = Outcome::kOk;
    addSpace(*space, run);
    if (options_.scan) {
        scan(context);
        addScan(run);
    }
    return run;
}

}  // namespace clusterwatch::agent
