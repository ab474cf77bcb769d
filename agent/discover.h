// `clusterwatch-agent discover`: prints a configuration for this machine, for a person to read and
// keep. Looks at the listening TCP ports (/proc/net/tcp, tcp6) and the names of the processes that own
// them; connects to nothing and changes nothing. Where the owner can't be seen (another user's
// process, without rights), the well-known port decides and the comment says so.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace clusterwatch::agent {

struct Listener {
    std::string address;  // as to be connected to: "127.0.0.1", "[::1]", "10.0.0.5"
    std::uint16_t port = 0;
    std::uint64_t inode = 0;
    std::string process;  // may be empty
};

// The listening sockets of one table in the form of /proc/net/tcp (proc(5)).
std::vector<Listener> parseListeners(std::string_view table);
// Socket inode -> name of a process that has it open, as far as may be seen.
std::map<std::uint64_t, std::string> socketOwners(const std::filesystem::path& proc);

// The configuration, as YAML with comments.
std::string describeMachine(const std::string& node, const std::vector<Listener>& listeners);

// All of the above for this machine.
std::string discover(const std::string& node, const std::filesystem::path& proc = "/proc");

}  // namespace clusterwatch::agent
