#include "collector/api/listen.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/text.h"

namespace clusterwatch::api {
namespace {

std::string numericHost(const ListenAddress& address) {
    return address.host == "localhost" ? "127.0.0.1" : address.host;
}

// The socket address, and its size; 0 if the host is no address.
std::pair<sockaddr_storage, socklen_t> toSockaddr(const ListenAddress& address) {
    sockaddr_storage storage{};
    const auto host = numericHost(address);
    auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
    if (::inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(address.port);
        return {storage, sizeof(sockaddr_in)};
    }
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    if (::inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(address.port);
        return {storage, sizeof(sockaddr_in6)};
    }
    return {storage, 0};
}

}  // namespace

bool ListenAddress::isLoopback() const {
    const auto text = numericHost(*this);
    return text == "::1" || text.starts_with("127.");
}

std::string ListenAddress::toString() const {
    return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                               : fmt::format("[{}]:{}", host, port);
}

Result<ListenAddress> parseListenAddress(std::string_view text) {
    const auto wrong = [&](std::string_view why) {
        return Error(
            ErrorCode::kInvalid,
            fmt::format("\"{}\": {}; allowed are 127.0.0.1:9420, [::1]:9420, localhost:9420", text,
                        why));
    };
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return wrong("has no port");
    const auto port = parseUint(text.substr(colon + 1));
    if (!port || *port > 65535) return wrong("the port must be a number from 0 to 65535");
    auto host = text.substr(0, colon);
    if (host.size() >= 2 && host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
    else if (host.find(':') != std::string_view::npos)
        return wrong("an IPv6 address goes in brackets");
    ListenAddress address{std::string(host), static_cast<std::uint16_t>(*port)};
    if (toSockaddr(address).second == 0) return wrong("the host must be an address or localhost");
    return address;
}

Result<int> openListener(ListenAddress& address) {
    auto [storage, size] = toSockaddr(address);
    const auto failed = [&](int fd) {
        const int reason = errno;
        auto error = Error::fromErrno(reason, fmt::format("listening on {}", address.toString()));
        if (reason == EADDRINUSE)
            error = Error(error.code(), error.message() +
                                            ": another program listens there, perhaps another "
                                            "collector; ss -ltnp shows which");
        if (fd >= 0) ::close(fd);
        return error;
    };
    const int fd = ::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return failed(fd);
    const int on = 1;
    // So that a restart need not wait for connections of its predecessor to time out.
    if (::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) return failed(fd);
    if (storage.ss_family == AF_INET6 &&
        ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0)
        return failed(fd);
    auto* generic = reinterpret_cast<sockaddr*>(&storage);
    if (::bind(fd, generic, size) != 0) return failed(fd);
    constexpr int kBacklog = 1024;
    if (::listen(fd, kBacklog) != 0) return failed(fd);
    if (::getsockname(fd, generic, &size) != 0) return failed(fd);
    address.port =
        ntohs(storage.ss_family == AF_INET ? reinterpret_cast<sockaddr_in*>(&storage)->sin_port
                                           : reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port);
    return fd;
}

Status checkListenable(ListenAddress address) {
    const auto listener = openListener(address);
    if (!listener) return listener.error();
    ::close(*listener);
    return {};
}

std::string addressText(const sockaddr* address) {
    char text[INET6_ADDRSTRLEN] = "?";
    if (address->sa_family == AF_INET)
        ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, text,
                    sizeof text);
    else if (address->sa_family == AF_INET6)
        ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, text,
                    sizeof text);
    return text;
}

}  // namespace clusterwatch::api
