// Disks, network interfaces and mounts: bytes of /proc files in, families out.
//
// Pure functions that take any bytes, as in host_kernel.h. The default exclusions are
// node_exporter's (1.5, Debian 12): partitions, ram and loop disks; mounts below /proc, /sys, /dev
// and of container engines; pseudo file systems.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/probe_run.h"

namespace clusterwatch::agent {

// Interfaces and disks of container hosts come and go; beyond these counts the rest is left out.
inline constexpr std::size_t kMaxDisks = 128;
inline constexpr std::size_t kMaxInterfaces = 64;
inline constexpr std::size_t kMaxMounts = 64;

void parseDiskstats(std::string_view text, ProbeRun& run);

// Adds the readings of /proc/net/dev and returns the interfaces' names.
std::vector<std::string> parseNetDev(std::string_view text, ProbeRun& run);

struct Mount {
    std::string device;
    std::string mountpoint;
    std::string fstype;
    bool read_only = false;
    // Its statfs may block for ever when a server is gone.
    bool remote = false;
};

// The mounts of /proc/1/mounts that are worth watching, octal escapes undone, the last of several
// at one mount point.
std::vector<Mount> parseMounts(std::string_view text);

}  // namespace clusterwatch::agent
