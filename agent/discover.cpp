#include "agent/discover.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <set>
#include <sstream>

#include <fmt/format.h>

#include "common/text.h"

namespace clusterwatch::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kProcFileBytes = std::size_t{1} << 20;

std::string readProc(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::string content(kProcFileBytes, '\0');
    in.read(content.data(), static_cast<std::streamsize>(content.size()));
    content.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
    return content;
}

std::vector<std::string_view> words(std::string_view line) {
    std::vector<std::string_view> out;
    for (const auto word : split(line, ' '))
        if (!word.empty()) out.push_back(word);
    return out;
}

template <typename T>
bool fromHex(std::string_view text, T& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    return error == std::errc{} && end == text.data() + text.size();
}

// "0100007F" is 127.0.0.1: the kernel prints the address as one number in the machine's byte order.
// An address that means "all" is reached through loopback.
std::string addressOf(std::string_view hex) {
    if (hex.size() == 32) {
        if (hex == "00000000000000000000000001000000") return "[::1]";
        if (hex == std::string(32, '0')) return "127.0.0.1";
        return "";  // a particular IPv6 address: left to the person
    }
    std::uint32_t a = 0;
    if (hex.size() != 8 || !fromHex(hex, a)) return "";
    if (a == 0) return "127.0.0.1";
    return fmt::format("{}.{}.{}.{}", a & 255, a >> 8 & 255, a >> 16 & 255, a >> 24);
}

struct Service {
    std::string_view kind;
    std::array<std::string_view, 4> processes;
    std::uint16_t port;  // where the owner can't be seen
};
constexpr std::array<Service, 3> kServices{{
    {"apache", {"apache2", "httpd"}, 80},
    {"memcached", {"memcached"}, 11211},
    {"mysql", {"mariadbd", "mysqld"}, 3306},
}};

const Service* serviceOf(const Listener& listener) {
    for (const auto& service : kServices) {
        const auto& names = service.processes;
        const bool by_name = !listener.process.empty() &&
                             std::find(names.begin(), names.end(), listener.process) != names.end();
        if (by_name || (listener.process.empty() && listener.port == service.port)) return &service;
    }
    return nullptr;
}

std::string describeProbe(const std::string& node, const Service& service, const Listener& l,
                          std::size_t number) {
    const auto found =
        l.process.empty()
            ? fmt::format("port {} is open; its process can't be seen from here", l.port)
            : fmt::format("{} listens on {}:{}", l.process, l.address, l.port);
    std::string name, instance;
    if (number > 1) {
        name = fmt::format(", name: {}-{}", service.kind, l.port);
        instance = fmt::format(", instance: \"{}:{}\"", node, l.port);
    }
    std::string out = fmt::format("  # {}\n", found);
    if (service.kind == "apache")
        return out + fmt::format(
                         "  # (needs mod_status: `a2enmod status`, and ExtendedStatus On for "
                         "request figures)\n"
                         "  - {{kind: apache{}{}, url: \"http://{}:{}/server-status?auto\"}}\n",
                         name, instance, l.address, l.port);
    if (service.kind == "memcached")
        return out + fmt::format("  - {{kind: memcached{}{}, address: \"{}:{}\"}}\n", name,
                                 instance, l.address, l.port);
    // The database needs an account, so it is only proposed.
    return out +
           fmt::format(
               "  # (needs an account: CREATE USER clusterwatch@'{5}' IDENTIFIED BY '...';\n"
               "  #  GRANT PROCESS, REPLICATION CLIENT, SLAVE MONITOR ON *.* TO "
               "clusterwatch@'{5}';\n"
               "  #  MySQL has no SLAVE MONITOR: leave it out there. Then take away the #)\n"
               "  # - {{kind: mysql{0}{1}, address: \"{2}:{3}\", user: clusterwatch, "
               "password_file: /etc/clusterwatch/mysql.secret}}\n"
               "  # - {{kind: mysql_replication{4}{1}, address: \"{2}:{3}\", user: clusterwatch, "
               "password_file: /etc/clusterwatch/mysql.secret}}\n",
               name, instance, l.address, l.port,
               number > 1 ? fmt::format(", name: replication-{}", l.port) : "",
               l.address == "[::1]" ? "::1" : l.address);
}

}  // namespace

std::vector<Listener> parseListeners(std::string_view table) {
    std::vector<Listener> out;
    for (const auto line : split(table, '\n')) {
        const auto fields = words(line);
        if (fields.size() < 10 || fields[3] != "0A") continue;  // 0A: TCP_LISTEN
        const auto colon = fields[1].find(':');
        if (colon == std::string_view::npos) continue;
        Listener listener;
        listener.address = addressOf(fields[1].substr(0, colon));
        const auto inode = parseUint(fields[9]);
        if (listener.address.empty() || !fromHex(fields[1].substr(colon + 1), listener.port) ||
            !inode)
            continue;
        listener.inode = *inode;
        out.push_back(std::move(listener));
    }
    return out;
}

std::map<std::uint64_t, std::string> socketOwners(const fs::path& proc) {
    std::map<std::uint64_t, std::string> owners;
    std::error_code ignored;
    for (const auto& process : fs::directory_iterator(proc, ignored)) {
        if (!parseUint(process.path().filename().string())) continue;
        const auto name = std::string(trim(readProc(process.path() / "comm")));
        std::error_code denied;
        for (const auto& descriptor : fs::directory_iterator(process.path() / "fd", denied)) {
            const auto target = fs::read_symlink(descriptor.path(), denied).string();
            if (!target.starts_with("socket:[") || !target.ends_with(']')) continue;
            if (const auto inode = parseUint(std::string_view(target).substr(8, target.size() - 9)))
                owners[*inode] = name;
        }
    }
    return owners;
}

std::string describeMachine(const std::string& node, const std::vector<Listener>& listeners) {
    std::string out = fmt::format(
        "# A configuration for this machine, by `clusterwatch-agent discover`.\n"
        "# Read it, keep it as /etc/clusterwatch/agent.yaml, try it with `clusterwatch-agent "
        "check`.\n"
        "node: \"{}\"\ncollectors:\n  - url: http://127.0.0.1:9420\nprobes:\n"
        "  # processors, memory, disks, file systems, network\n  - {{kind: host}}\n",
        node);
    std::map<std::string_view, std::size_t> numbers;
    std::set<std::pair<std::string_view, std::uint16_t>> done;  // on two addresses it is one
    for (const auto& listener : listeners) {
        const auto* service = serviceOf(listener);
        if (service == nullptr || !done.insert({service->kind, listener.port}).second) continue;
        out += describeProbe(node, *service, listener, ++numbers[service->kind]);
    }
    if (numbers.empty()) out += "  # no Apache httpd, memcached, MySQL or MariaDB listens here\n";
    // What holds documents can't be seen from outside.
    return out +
           "  # - {kind: docstore, path: /srv/documents}   # a document tree, if there is one\n";
}

std::string discover(const std::string& node, const fs::path& proc) {
    std::vector<Listener> listeners;
    const auto owners = socketOwners(proc);
    for (const auto* table : {"net/tcp", "net/tcp6"}) {
        for (auto& listener : parseListeners(readProc(proc / table))) {
            if (const auto owner = owners.find(listener.inode); owner != owners.end())
                listener.process = owner->second;
            listeners.push_back(std::move(listener));
        }
    }
    std::sort(listeners.begin(), listeners.end(),
              [](const Listener& a, const Listener& b) { return a.port < b.port; });
    return describeMachine(node, listeners);
}

}  // namespace clusterwatch::agent
