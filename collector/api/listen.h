// Addresses to listen on, as they are written: 127.0.0.1:9420, [::1]:9420, localhost:9420.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <sys/socket.h>

#include "common/result.h"

namespace clusterwatch::api {

struct ListenAddress {
    std::string host;
    std::uint16_t port = 0;  // 0: any free one

    bool isLoopback() const;
    std::string toString() const;
    friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};

// `host` is an IPv4 or IPv6 address (the latter in brackets) or "localhost".
Result<ListenAddress> parseListenAddress(std::string_view text);

// A listening socket, close-on-exec; the caller closes it. The address gets the real port.
// Errors say who may hold the port and what to do.
Result<int> openListener(ListenAddress& address);

// Whether openListener would succeed now, without listening on.
Status checkListenable(ListenAddress address);

// A client's address without its port; "?" if it is of no family that we know.
std::string addressText(const sockaddr* address);

}  // namespace clusterwatch::api
