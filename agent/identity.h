// Who this agent is: a UUID made at its first start and kept in a file of the spool's directory, and
// a digest of the machine's own id, by which a collector sees that a copied directory (a cloned
// virtual machine) speaks with the same UUID from another host.
//
// The file is one line of text, `clusterwatch-agent-id 1 <32 hex digits>`, written whole under another
// name, synced and renamed, so that it is there entirely or not at all.
#pragma once

#include <filesystem>
#include <string>

#include "common/file_system.h"
#include "common/result.h"

namespace clusterwatch::agent {

// 16 bytes (RFC 4122, version 4). A file that is there but not ours is an error and is left alone.
Result<std::string> loadOrMakeAgentId(FileSystem& fs, const std::filesystem::path& directory);

// 8 bytes that differ between machines; empty if the machine has no /etc/machine-id. The id itself
// is not sent: systemd's machine-id(5) asks to keep it private.
std::string hostDigest(const std::filesystem::path& machine_id = "/etc/machine-id");

// Bytes of the kernel's generator. Aborts if the kernel has none: nothing could be trusted then.
std::string randomBytes(std::size_t count);

std::string toHex(std::string_view bytes);

// Holds an advisory lock on `<directory>/lock` for its lifetime: two agents with one spool would
// give out the same sequence numbers.
class DirectoryLock {
  public:
    static Result<DirectoryLock> take(const std::filesystem::path& directory);
    DirectoryLock(DirectoryLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    DirectoryLock& operator=(DirectoryLock&&) = delete;
    ~DirectoryLock();

  private:
    explicit DirectoryLock(int fd) : fd_(fd) {}
    int fd_;
};

}  // namespace clusterwatch::agent
