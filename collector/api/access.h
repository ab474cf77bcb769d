// Who asks, what they may do, and whether the request was meant for us.
//
// Every request has a principal and a role. Without a tokens file (loopback only) it is `local`,
// with every role. With one, a bearer token names it; the file holds SHA-256 sums, not tokens. The
// host check stops DNS rebinding: a page of a stranger's name that resolves to our address sends
// that name in `Host`.
//
// Immutable after construction; thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace clusterwatch::api {

// kSilence includes kRead; kAdmin includes all; kWrite is an agent's, and reads nothing.
enum class Role : std::uint8_t { kRead, kWrite, kSilence, kAdmin };
std::string_view toString(Role role);

struct Principal {
    std::string name;
    Role role = Role::kRead;

    bool may(Role needed) const;
};

using Sha256 = std::array<unsigned char, 32>;
Sha256 sha256(std::string_view bytes);

struct Token {
    Principal principal;
    Sha256 digest{};
};

// Lines `role name sha256-of-token`; empty lines and lines with # at the front are skipped. Errors
// carry file and line. The file must not be readable by others.
Result<std::vector<Token>> loadTokens(const std::filesystem::path& file);

class Access {
  public:
    // `tokens` nullopt: no authentication. `names`: allowed in Host beside addresses and localhost.
    Access(std::optional<std::vector<Token>> tokens, std::vector<std::string> names);

    // The principal of an Authorization header; nullopt if there is none that we know. Takes the
    // same time wherever the digest is in the list, or is not.
    std::optional<Principal> principal(std::optional<std::string_view> authorization) const;

    bool hostAllowed(std::string_view host_header) const;

  private:
    std::optional<std::vector<Token>> tokens_;
    std::vector<std::string> names_;  // lower case
};

}  // namespace clusterwatch::api
