#include "agent/probes/address.h"

#include "common/text.h"

namespace clusterwatch::agent {

Result<HostPort> parseHostPort(std::string_view text, std::uint16_t default_port) {
    const auto invalid = [] {
        return Error(ErrorCode::kInvalid, "must be HOST or HOST:PORT, an IPv6 address in brackets");
    };
    std::string_view host = text;
    std::string_view port;
    if (text.starts_with('[')) {
        const std::size_t end = text.find(']');
        if (end == std::string_view::npos) return invalid();
        host = text.substr(1, end - 1);
        port = text.substr(end + 1);
        if (!port.empty() && !port.starts_with(':')) return invalid();
        if (!port.empty()) port.remove_prefix(1);
    } else if (const std::size_t colon = text.rfind(':'); colon != std::string_view::npos) {
        host = text.substr(0, colon);
        port = text.substr(colon + 1);
        if (port.empty() || host.find(':') != std::string_view::npos) return invalid();
    }
    if (host.empty() || host.find_first_of(" \t/@") != std::string_view::npos) return invalid();
    std::uint16_t number = default_port;
    if (!port.empty()) {
        const auto parsed = parseUint(port);
        if (!parsed || *parsed == 0 || *parsed > 65535) return invalid();
        number = static_cast<std::uint16_t>(*parsed);
    }
    return HostPort{std::string(host), number};
}

}  // namespace clusterwatch::agent
