// One request and its reply, from the header's last byte to the reply's; and the checks of a
// header.
//
// An Exchange is used by the server's thread, and while its connection is suspended by the
// executor's.
#pragma once

#include <atomic>
#include <optional>
#include <string>

#include <microhttpd.h>

#include "collector/api/connections.h"
#include "collector/api/http_server.h"
#include "collector/api/router.h"
#include "collector/api/stream_set.h"

namespace clusterwatch::api {

struct Exchange {
    explicit Exchange(std::atomic<std::size_t>& bodies) : bodies_in_flight(bodies) {}
    ~Exchange() { releaseBody(); }
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    Request request;
    const Route* route = nullptr;
    ConnectionTable::Connection* connection = nullptr;
    MonotonicTime started{};
    std::size_t body_limit = 0;
    std::optional<Reply> reply;
    bool replied = false;  // handed to the library
    StreamSet::Stream* stream = nullptr;

    // Takes a piece of the body, within the limits; past them, nothing more is kept and `reply` is
    // set.
    void takeBody(std::string_view piece, const ServerOptions& options, Telemetry& telemetry);
    void releaseBody();

  private:
    std::atomic<std::size_t>& bodies_in_flight;  // bytes, of all exchanges
    std::size_t counted_ = 0;
};

struct HeaderView {
    MHD_Connection* connection = nullptr;
    std::string_view method;
    std::string_view raw_target;  // as it stood in the request line
};

// Fills the exchange from the header and says why the request is refused, if it is.
std::optional<Reply> readHeader(Exchange& exchange, const HeaderView& header, const Router& router,
                                const Access& access, const ServerOptions& options,
                                Telemetry& telemetry);

// A form body becomes parameters. Called once the body is complete.
std::optional<Reply> readForm(Exchange& exchange);

// A refusal in the form that the route's clients expect: text for agents, otherwise JSON.
Reply refusal(const Route* route, int status, std::string_view why, int retry_after_seconds = 0);

}  // namespace clusterwatch::api
