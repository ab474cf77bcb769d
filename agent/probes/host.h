// The probe `host`: CPU, load, memory, swap, disks, file systems, network and pressure of this
// machine, under node_exporter's names.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/probe.h"
#include "agent/probes/host_devices.h"
#include "agent/probes/host_kernel.h"
#include "agent/probes/root_files.h"

namespace clusterwatch::agent {

// What statvfs says of one mounted file system.
struct FileSystemSpace {
    double size_bytes = 0;
    double free_bytes = 0;
    double available_bytes = 0;  // to an ordinary user: without the reserved blocks
    double files = 0;            // inodes; 0 where the file system has no fixed number
    double files_free = 0;
    bool read_only = false;
};
// nullopt with errno's text in `error`.
std::optional<FileSystemSpace> statFileSystem(const std::string& path, std::string& error);

class HostProbe final : public Probe {
  public:
    struct Options {
        std::string root = "/";
        // NFS, CIFS, FUSE...: their statvfs blocks for ever when the server is gone, which would
        // take all host figures with it. The docstore probe watches such a mount on its own.
        bool remote_filesystems = false;
        // The seam for tests.
        std::optional<FileSystemSpace> (*stat_filesystem)(const std::string&,
                                                          std::string&) = statFileSystem;
    };

    explicit HostProbe(Options options);
    static std::unique_ptr<Probe> make(ConfigNode& config);

    ProbeRun run(const ProbeContext& context) override;

  private:
    void readKernel(ProbeRun& run, KernelFigures& figures);
    void readNetwork(ProbeRun& run);
    void readConntrack(ProbeRun& run);
    void readFileSystems(const ProbeContext& context, ProbeRun& run);
    void checkOomKills(const KernelFigures& figures, MonotonicTime now, ProbeRun& run);

    const Options options_;
    RootFiles files_;
    std::optional<double> last_oom_kills_;
    double recent_oom_kills_ = 0;
    MonotonicTime oom_kill_seen_{};
};

}  // namespace clusterwatch::agent
