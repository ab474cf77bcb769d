// How it works: each file is read whole and handed to a pure parser (host_kernel, host_devices);
// what is missing on this kernel is left out. Only /proc/stat is indispensable: without it we do
// not look at a Linux machine's /proc at all, and the run says so.
//
// Rejected: reading through libprocps or netlink. Text files are the kernel's stable interface,
// need no right and can be kept as fixtures.
#include "agent/probes/host.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "agent/probes/scan_text.h"
#include "common/limits.h"
#include "common/text.h"

namespace clusterwatch::agent {

namespace {

// Load per CPU at which work queues up, after the node mixin's NodeSystemSaturation (2), and four
// times that, where a person who logs in waits.
constexpr double kWarnLoadPerCpu = 2;
constexpr double kCriticalLoadPerCpu = 8;
// After the node mixin's file-system rules (5 % and 3 % "almost out"), but earlier, because they
// look ahead and we don't. Memory: netdata's 10 % and 2 % free.
constexpr double kWarnSpaceShare = 0.10;
constexpr double kCriticalSpaceShare = 0.03;
constexpr double kWarnMemoryShare = 0.10;
constexpr double kCriticalMemoryShare = 0.02;
// A kill for lack of memory stays a warning this long, so that a person sees it.
constexpr std::chrono::minutes kOomKillShown{10};

State byShare(double share, double warn, double critical) {
    if (share < critical) return State::kCritical;
    return share < warn ? State::kWarning : State::kOk;
}

std::string sizeText(double bytes) {
    constexpr std::array<std::string_view, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
    std::size_t unit = 0;
    for (; bytes >= 1024 && unit + 1 < kUnits.size(); ++unit) bytes /= 1024;
    return fmt::format("{:.1f} {}", bytes, kUnits[unit]);
}

void checkLoad(const KernelFigures& figures, ProbeRun& run) {
    if (!figures.load5 || figures.cpus == 0) {
        run.check("load", State::kUnknown, "/proc/loadavg or /proc/stat could not be read");
        return;
    }
    const double per_cpu = *figures.load5 / figures.cpus;
    State state = State::kOk;
    if (per_cpu >= kWarnLoadPerCpu) state = State::kWarning;
    if (per_cpu >= kCriticalLoadPerCpu) state = State::kCritical;
    std::string text = fmt::format("load {:.2f} over 5 min on {} CPU{}", *figures.load5,
                                   figures.cpus, figures.cpus == 1 ? "" : "s");
    if (state != State::kOk)
        text +=
            ": more work than CPUs; look at `top` for the process, at the pressure charts for "
            "whether CPU or disk is short";
    run.check("load", state, std::move(text));
}

void checkMemory(const KernelFigures& figures, ProbeRun& run) {
    if (!figures.memory_total_bytes || !figures.memory_available_bytes ||
        *figures.memory_total_bytes <= 0) {
        run.check("memory", State::kUnknown, "/proc/meminfo says nothing of MemAvailable");
        return;
    }
    const double share = *figures.memory_available_bytes / *figures.memory_total_bytes;
    const State state = byShare(share, kWarnMemoryShare, kCriticalMemoryShare);
    std::string text = fmt::format("{} of {} memory available ({:.0f} %)",
                                   sizeText(*figures.memory_available_bytes),
                                   sizeText(*figures.memory_total_bytes), share * 100);
    if (state != State::kOk) text += ": the kernel will soon kill a process";
    run.check("memory", state, std::move(text));
}

// The state of one file system, and its part of the check's text where that is not ok.
State judgeSpace(const Mount& mount, const FileSystemSpace& space, std::string& text) {
    // What can't be written to can't fill up: a read-only image is 100 % full by design.
    if (space.read_only || space.size_bytes <= 0) return State::kOk;
    const double share = space.available_bytes / space.size_bytes;
    const double inode_share = space.files > 0 ? space.files_free / space.files : 1;
    const State by_space = byShare(share, kWarnSpaceShare, kCriticalSpaceShare);
    const State by_inodes = byShare(inode_share, kWarnSpaceShare, kCriticalSpaceShare);
    if (by_space != State::kOk)
        text += fmt::format("{}{} has {} left ({:.1f} %)", text.empty() ? "" : "; ",
                            mount.mountpoint, sizeText(space.available_bytes), share * 100);
    if (by_inodes != State::kOk)
        text += fmt::format("{}{} has {:.0f} inodes left ({:.1f} %)", text.empty() ? "" : "; ",
                            mount.mountpoint, space.files_free, inode_share * 100);
    return worse(by_space, by_inodes);
}

Labels labelsOf(const Mount& mount) {
    return {{"device", textOfName(mount.device, limits::kLabelValueBytes)},
            {"fstype", textOfName(mount.fstype, limits::kLabelValueBytes)},
            {"mountpoint", textOfName(mount.mountpoint, limits::kLabelValueBytes)}};
}

void addSpace(const Mount& mount, const FileSystemSpace& space, ProbeRun& run) {
    const Labels labels = labelsOf(mount);
    run.gauge("node_filesystem_size_bytes", "Size of the file system.", space.size_bytes, labels);
    run.gauge("node_filesystem_free_bytes", "Free space, with what is reserved for root.",
              space.free_bytes, labels);
    run.gauge("node_filesystem_avail_bytes", "Free space that ordinary users may use.",
              space.available_bytes, labels);
    run.gauge("node_filesystem_files", "Inodes of the file system.", space.files, labels);
    run.gauge("node_filesystem_files_free", "Free inodes.", space.files_free, labels);
    run.gauge("node_filesystem_readonly", "1 if mounted read-only.",
              mount.read_only || space.read_only ? 1 : 0, labels);
}

void addUname(ProbeRun& run) {
    struct utsname name {};
    if (::uname(&name) != 0) return;
    run.gauge("node_uname_info", "1, with what uname(2) says as labels.", 1,
              {{"sysname", name.sysname},
               {"nodename", name.nodename},
               {"release", name.release},
               {"version", name.version},
               {"machine", name.machine},
               {"domainname", name.domainname}});
    run.facts.push_back({"kernel", std::string(name.sysname) + " " + name.release});
}

}  // namespace

std::optional<FileSystemSpace> statFileSystem(const std::string& path, std::string& error) {
    struct statvfs s {};
    int result = 0;
    do result = ::statvfs(path.c_str(), &s);
    while (result != 0 && errno == EINTR);
    if (result != 0) {
        error = std::strerror(errno);
        return std::nullopt;
    }
    const double block = static_cast<double>(s.f_frsize != 0 ? s.f_frsize : s.f_bsize);
    return FileSystemSpace{.size_bytes = static_cast<double>(s.f_blocks) * block,
                           .free_bytes = static_cast<double>(s.f_bfree) * block,
                           .available_bytes = static_cast<double>(s.f_bavail) * block,
                           .files = static_cast<double>(s.f_files),
                           .files_free = static_cast<double>(s.f_ffree),
                           .read_only = (s.f_flag & ST_RDONLY) != 0};
}

HostProbe::HostProbe(Options options) : options_(std::move(options)), files_(options_.root) {}

std::unique_ptr<Probe> HostProbe::make(ConfigNode& config) {
    Options options;
    options.root = config.text("root", "/");
    options.remote_filesystems = config.boolean("remote_filesystems", false);
    if (!options.root.starts_with('/')) config.error("root", "must be an absolute path");
    return std::make_unique<HostProbe>(std::move(options));
}

ProbeRun HostProbe::run(const ProbeContext& context) {
    ProbeRun run;
    KernelFigures figures;
    readKernel(run, figures);
    if (figures.cpus == 0) {
        run.families.clear();
        run.outcome = Outcome::kNotFound;
        run.message = files_.path("proc/stat") + " can't be read or names no CPU";
        run.check("load", State::kUnknown, run.message);
        return run;
    }
    run.gauge("node_time_seconds", "The machine's own clock, in Unix time.",
              static_cast<double>(toUnixMs(context.clock.wallNow())) / 1e3);
    addUname(run);
    readNetwork(run);
    readConntrack(run);
    checkLoad(figures, run);
    checkMemory(figures, run);
    checkOomKills(figures, context.clock.monotonicNow(), run);
    readFileSystems(context, run);
    run.outcome = Outcome::kOk;
    return run;
}

void HostProbe::readKernel(ProbeRun& run, KernelFigures& figures) {
    const double ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    const double page = static_cast<double>(::sysconf(_SC_PAGESIZE));
    if (const auto text = files_.read("proc/stat")) parseStat(*text, ticks, run, figures);
    if (const auto text = files_.read("proc/loadavg")) parseLoadavg(*text, run, figures);
    if (const auto text = files_.read("proc/meminfo")) parseMeminfo(*text, run, figures);
    if (const auto text = files_.read("proc/vmstat")) parseVmstat(*text, run, figures);
    for (const std::string_view resource : {"cpu", "io", "memory"})
        if (const auto text = files_.read("proc/pressure/" + std::string(resource)))
            parsePressure(resource, *text, run);
    if (const auto text = files_.read("proc/sys/fs/file-nr")) parseFileNr(*text, run);
    for (const std::string_view file : {"proc/net/sockstat", "proc/net/sockstat6"})
        if (const auto text = files_.read(file)) parseSockstat(*text, page, run);
    for (const std::string_view file : {"proc/net/snmp", "proc/net/netstat"})
        if (const auto text = files_.read(file)) parseNetstat(*text, run);
    if (const auto text = files_.read("proc/diskstats")) parseDiskstats(*text, run);
}

void HostProbe::readNetwork(ProbeRun& run) {
    std::vector<std::string> interfaces;
    if (const auto text = files_.read("proc/net/dev")) interfaces = parseNetDev(*text, run);
    for (const std::string& name : interfaces) {
        if (name.empty() || name.find('/') != std::string::npos || name.starts_with('.')) continue;
        const std::string folder = "sys/class/net/" + name + "/";
        if (const auto state = files_.read(folder + "operstate"))
            run.gauge("node_network_up", "1 if the interface's operstate is up.",
                      trim(*state) == "up" ? 1 : 0, {{"device", name}});
        if (const auto text = files_.read(folder + "mtu"))
            if (const auto mtu = parseUint(trim(*text)))
                run.gauge("node_network_mtu_bytes", "Largest packet of the interface.",
                          static_cast<double>(*mtu), {{"device", name}});
        // -1 and an error mean that the driver knows no speed; node_exporter prints -125000.
        if (const auto text = files_.read(folder + "speed"))
            if (const auto megabits = parseUint(trim(*text)))
                run.gauge("node_network_speed_bytes", "Speed of the link in bytes a second.",
                          static_cast<double>(*megabits) * 125000, {{"device", name}});
    }
}

void HostProbe::readConntrack(ProbeRun& run) {
    const auto number = [&](std::string_view file) -> std::optional<double> {
        const auto text = files_.read(file);
        const auto value = text ? parseUint(trim(*text)) : std::nullopt;
        if (!value) return std::nullopt;
        return static_cast<double>(*value);
    };
    if (const auto used = number("proc/sys/net/netfilter/nf_conntrack_count"))
        run.gauge("node_nf_conntrack_entries", "Connections that the firewall tracks now.", *used);
    if (const auto limit = number("proc/sys/net/netfilter/nf_conntrack_max"))
        run.gauge("node_nf_conntrack_entries_limit", "How many connections the firewall can track.",
                  *limit);
}

void HostProbe::readFileSystems(const ProbeContext& context, ProbeRun& run) {
    // Init's mounts, because ours may be a service's private view; then our own.
    auto text = files_.read("proc/1/mounts");
    if (!text) text = files_.read("proc/self/mounts");
    if (!text) {
        run.check("filesystems", State::kUnknown, "/proc/1/mounts could not be read");
        return;
    }
    State state = State::kOk;
    std::string problems;
    int watched = 0;
    for (const Mount& mount : parseMounts(*text)) {
        if (mount.remote && !options_.remote_filesystems) continue;
        if (context.expired()) {
            state = worse(state, State::kUnknown);
            problems += (problems.empty() ? "" : "; ") + std::string("out of time before ") +
                        mount.mountpoint;
            break;
        }
        std::string error;
        const auto space = options_.stat_filesystem(files_.path(mount.mountpoint), error);
        run.gauge("node_filesystem_device_error",
                  "1 if the file system could not be asked (statfs failed).", space ? 0 : 1,
                  labelsOf(mount));
        if (!space) {
            state = worse(state, State::kWarning);
            problems += (problems.empty() ? "" : "; ") + mount.mountpoint + ": " + error;
            continue;
        }
        ++watched;
        addSpace(mount, *space, run);
        state = worse(state, judgeSpace(mount, *space, problems));
    }
    if (problems.empty()) problems = fmt::format("{} file systems have room", watched);
    run.check("filesystems", state, std::move(problems));
}

void HostProbe::checkOomKills(const KernelFigures& figures, MonotonicTime now, ProbeRun& run) {
    if (!figures.oom_kills) return;  // kernels before 4.13 do not count them
    const double kills = *figures.oom_kills;
    if (last_oom_kills_ && kills > *last_oom_kills_) {
        if (now - oom_kill_seen_ > kOomKillShown) recent_oom_kills_ = 0;
        recent_oom_kills_ += kills - *last_oom_kills_;
        oom_kill_seen_ = now;
    }
    last_oom_kills_ = kills;
    if (recent_oom_kills_ > 0 && now - oom_kill_seen_ <= kOomKillShown) {
        run.check("oom_kills", State::kWarning,
                  fmt::format("the kernel killed {:.0f} process(es) for lack of memory in the last "
                              "10 minutes; `dmesg | grep -i oom` names them",
                              recent_oom_kills_));
    } else {
        recent_oom_kills_ = 0;
        run.check("oom_kills", State::kOk, "no process killed for lack of memory");
    }
}

}  // namespace clusterwatch::agent
