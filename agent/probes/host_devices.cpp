#include "agent/probes/host_devices.h"

#include <algorithm>
#include <array>

#include "agent/probes/scan_text.h"
#include "common/text.h"

namespace clusterwatch::agent {

namespace {

bool allDigits(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// ^(ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$
bool isIgnoredDisk(std::string_view name) {
    for (const std::string_view prefix : {"ram", "loop", "fd"})
        if (name.starts_with(prefix) && allDigits(name.substr(prefix.size()))) return true;
    for (const std::string_view prefix : {"hd", "sd", "vd", "xvd"}) {
        if (!name.starts_with(prefix) || name.size() <= prefix.size() + 1) continue;
        const char letter = name[prefix.size()];
        if (letter >= 'a' && letter <= 'z' && allDigits(name.substr(prefix.size() + 1)))
            return true;
    }
    if (!name.starts_with("nvme")) return false;
    const std::size_t partition = name.rfind('p');
    return partition != std::string_view::npos && allDigits(name.substr(partition + 1));
}

struct DiskField {
    std::string_view name;
    std::string_view help;
    double factor;
    MetricType type;
};

constexpr double kSectorBytes = 512;  // of /proc/diskstats, whatever the device's own is
constexpr double kMs = 1e-3;

// In the order of the file's fields (Documentation/admin-guide/iostats.rst).
constexpr std::array kDiskFields = {
    DiskField{"node_disk_reads_completed_total", "Reads that the device has finished.", 1,
              MetricType::kCounter},
    DiskField{"node_disk_reads_merged_total",
              "Neighbouring reads that the kernel joined before they reached the device.", 1,
              MetricType::kCounter},
    DiskField{"node_disk_read_bytes_total", "Bytes read from the device.", kSectorBytes,
              MetricType::kCounter},
    DiskField{"node_disk_read_time_seconds_total", "Time that all reads together have taken.", kMs,
              MetricType::kCounter},
    DiskField{"node_disk_writes_completed_total", "Writes that the device has finished.", 1,
              MetricType::kCounter},
    DiskField{"node_disk_writes_merged_total",
              "Neighbouring writes that the kernel joined before they reached the device.", 1,
              MetricType::kCounter},
    DiskField{"node_disk_written_bytes_total", "Bytes written to the device.", kSectorBytes,
              MetricType::kCounter},
    DiskField{"node_disk_write_time_seconds_total", "Time that all writes together have taken.",
              kMs, MetricType::kCounter},
    DiskField{"node_disk_io_now", "Requests that the device works on now.", 1, MetricType::kGauge},
    DiskField{"node_disk_io_time_seconds_total",
              "Time during which the device had at least one request.", kMs, MetricType::kCounter},
    DiskField{"node_disk_io_time_weighted_seconds_total",
              "Time with requests, multiplied by how many there were: the queue's area.", kMs,
              MetricType::kCounter},
    DiskField{"node_disk_discards_completed_total", "Discards (TRIM) that the device has finished.",
              1, MetricType::kCounter},
    DiskField{"node_disk_discards_merged_total", "Neighbouring discards that the kernel joined.", 1,
              MetricType::kCounter},
    DiskField{"node_disk_discarded_sectors_total", "Sectors discarded.", 1, MetricType::kCounter},
    DiskField{"node_disk_discard_time_seconds_total", "Time that all discards together have taken.",
              kMs, MetricType::kCounter},
    DiskField{"node_disk_flush_requests_total", "Cache flushes that the device has finished.", 1,
              MetricType::kCounter},
    DiskField{"node_disk_flush_requests_time_seconds_total",
              "Time that all cache flushes together have taken.", kMs, MetricType::kCounter},
};

// In the order of the file's columns: first of "Receive", then of "Transmit".
constexpr std::array<std::string_view, 16> kNetColumns = {
    "receive_bytes",  "receive_packets",  "receive_errs",       "receive_drop",
    "receive_fifo",   "receive_frame",    "receive_compressed", "receive_multicast",
    "transmit_bytes", "transmit_packets", "transmit_errs",      "transmit_drop",
    "transmit_fifo",  "transmit_colls",   "transmit_carrier",   "transmit_compressed"};

constexpr std::array<std::string_view, 23> kPseudoFileSystems = {
    "autofs",     "binfmt_misc", "bpf",      "cgroup",  "cgroup2",   "configfs",
    "debugfs",    "devpts",      "devtmpfs", "fusectl", "hugetlbfs", "iso9660",
    "mqueue",     "nsfs",        "overlay",  "proc",    "procfs",    "pstore",
    "rpc_pipefs", "securityfs",  "squashfs", "sysfs",   "tracefs"};

constexpr std::array<std::string_view, 11> kRemoteFileSystems = {
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "glusterfs", "lustre", "afs", "9p", "ncpfs"};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& list, std::string_view item) {
    return std::find(list.begin(), list.end(), item) != list.end();
}

bool isBelow(std::string_view path, std::string_view folder) {
    return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

bool isIgnoredMountpoint(std::string_view path) {
    for (const std::string_view folder : {"/dev", "/proc", "/sys"})
        if (isBelow(path, folder)) return true;
    for (const std::string_view folder :
         {"/run/credentials", "/var/lib/docker", "/var/lib/containers/storage"})
        if (isBelow(path, folder) && path.size() > folder.size() + 1) return true;
    return false;
}

// The kernel writes blank, tab, line feed and backslash as \040, \011, \012, \134.
std::string unescaped(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto digit = [&](std::size_t at) {
            return at < text.size() && text[at] >= '0' && text[at] <= '7';
        };
        if (text[i] == '\\' && digit(i + 1) && digit(i + 2) && digit(i + 3)) {
            out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                     (text[i + 3] - '0'));
            i += 3;
        } else {
            out += text[i];
        }
    }
    return out;
}

}  // namespace

void parseDiskstats(std::string_view text, ProbeRun& run) {
    std::size_t disks = 0;
    std::string_view line;
    while (disks < kMaxDisks && nextLine(text, line)) {
        nextField(line);  // major
        nextField(line);  // minor
        const std::string_view name = nextField(line);
        if (name.empty() || isIgnoredDisk(name)) continue;
        ++disks;
        for (const DiskField& field : kDiskFields) {
            const auto number = parseUint(nextField(line));
            if (!number) break;  // older kernels have fewer fields
            run.family(field.name, field.type, field.help)
                .readings.push_back(
                    {{{"device", std::string(name)}}, static_cast<double>(*number) * field.factor});
        }
    }
}

std::vector<std::string> parseNetDev(std::string_view text, ProbeRun& run) {
    std::vector<std::string> interfaces;
    std::string_view line;
    while (interfaces.size() < kMaxInterfaces && nextLine(text, line)) {
        const std::size_t colon = line.rfind(':');  // an alias "eth0:1" holds one itself
        if (colon == std::string_view::npos) continue;
        const std::string name(trim(line.substr(0, colon)));
        std::string_view rest = line.substr(colon + 1);
        interfaces.push_back(name);
        for (const std::string_view column : kNetColumns) {
            const auto number = parseUint(nextField(rest));
            if (!number) break;
            run.counter("node_network_" + std::string(column) + "_total",
                        "Column " + std::string(column) + " of /proc/net/dev.",
                        static_cast<double>(*number), {{"device", name}});
        }
    }
    return interfaces;
}

std::vector<Mount> parseMounts(std::string_view text) {
    std::vector<Mount> mounts;
    std::string_view line;
    while (nextLine(text, line)) {
        const std::string device = unescaped(nextField(line));
        const std::string mountpoint = unescaped(nextField(line));
        const std::string_view fstype = nextField(line);
        const std::string_view options = nextField(line);
        if (fstype.empty() || isIgnoredMountpoint(mountpoint) ||
            contains(kPseudoFileSystems, fstype) || fstype == "selinuxfs")
            continue;
        const bool read_only = options == "ro" || options.starts_with("ro,");
        const bool remote = contains(kRemoteFileSystems, fstype) || fstype.starts_with("fuse");
        // What was mounted there before is hidden.
        std::erase_if(mounts, [&](const Mount& m) { return m.mountpoint == mountpoint; });
        if (mounts.size() == kMaxMounts) continue;
        mounts.push_back({device, mountpoint, std::string(fstype), read_only, remote});
    }
    return mounts;
}

}  // namespace clusterwatch::agent
