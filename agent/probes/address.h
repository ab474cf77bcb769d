// "host:port" as probes are configured with.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.h"

namespace clusterwatch::agent {

struct HostPort {
    std::string host;  // a name or an address, IPv6 without its brackets
    std::uint16_t port = 0;
};

// "db1:3306", "127.0.0.1", "[::1]:3306"; a missing port is `default_port`.
Result<HostPort> parseHostPort(std::string_view text, std::uint16_t default_port);

}  // namespace clusterwatch::agent
