// The probe `docstore`: a document tree: space, inodes, read-only, and a bounded scan that counts
// documents by top folder.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "agent/probe.h"
#include "agent/probes/docstore_scan.h"
#include "agent/probes/host.h"

namespace clusterwatch::agent {

class DocstoreProbe final : public Probe {
  public:
    struct Options {
        std::string path;
        bool require_mount = false;  // the path must be a mount point
        bool scan = true;
        std::uint64_t entries_per_second = 5000;
        std::uint64_t max_entries = 2'000'000;
        Milliseconds max_interval = std::chrono::minutes(10);
    };

    explicit DocstoreProbe(Options options) : options_(std::move(options)) {}
    static std::unique_ptr<Probe> make(ConfigNode& config);

    ProbeRun run(const ProbeContext& context) override;

  private:
    // What the last finished scan found.
    struct Finished {
        ScanTotals totals;
        bool complete = false;
        WallTime at;
    };

    std::optional<ProbeRun> missing() const;
    void addSpace(const FileSystemSpace& space, ProbeRun& run) const;
    void scan(const ProbeContext& context);
    void addScan(ProbeRun& run) const;

    const Options options_;
    std::unique_ptr<DocstoreScan> scan_;  // the one under way
    std::optional<Finished> finished_;
    std::optional<WallTime> complete_at_;
    std::optional<MonotonicTime> last_step_;
    MonotonicTime next_scan_{};
    MonotonicTime::duration worked_{};  // time spent inside the scan under way
};

}  // namespace clusterwatch::agent
