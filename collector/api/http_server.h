// The collector's HTTP server, on libmicrohttpd: epoll, a small pool of threads, optionally TLS.
//
// How a request goes: its header is checked (host, principal, path, method, declared length) and
// refused before a byte of its body is read; the body is taken, bounded; the connection is
// suspended; the handler runs on an executor of ours; the connection is resumed with the reply. So
// the server's threads never wait, and a slow query never delays a report. See
// docs/decisions/0008-http-server.md.
//
// Limits: common/limits.h, ConnectionLimits, ServerOptions; each hit is counted in the telemetry.
// Thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "collector/api/access.h"
#include "collector/api/connections.h"
#include "collector/api/listen.h"
#include "collector/api/router.h"
#include "common/clock.h"
#include "common/result.h"

namespace clusterwatch::api {

class Telemetry;

struct TlsMaterial {
    std::string certificate_pem;
    std::string key_pem;
};

struct ServerOptions {
    std::vector<ListenAddress> listen;
    std::optional<TlsMaterial> tls;
    ConnectionLimits connections;
    std::size_t report_bytes = limits::kBodyBytes;
    std::size_t form_bytes = std::size_t{256} << 10;
    std::size_t bodies_in_flight_bytes = std::size_t{64} << 20;  // of all requests together
    unsigned ingest_threads = 8;  // they wait for a shared sync, not for the processor
    std::size_t ingest_queue = 256;
    unsigned read_threads = 8;
    std::size_t read_queue = 64;
    unsigned state_threads = 2;
    std::size_t state_queue = 128;
};

class HttpServer {
  public:
    // Listens when it returns. REQUIRES: router, access, clock and telemetry outlive the server.
    static Result<std::unique_ptr<HttpServer>> start(ServerOptions options, const Router& router,
                                                     const Access& access, const Clock& clock,
                                                     Telemetry& telemetry);
    virtual ~HttpServer() = default;  // stops

    // With the real ports.
    virtual const std::vector<ListenAddress>& addresses() const = 0;
    // There may be something new to send to streams. Quick; called by publishers.
    virtual void wakeStreams() = 0;
    // Takes no more connections, lets what runs finish for `grace`, then cancels it and closes all.
    // Safe to call again.
    virtual void stop(Milliseconds grace) = 0;
};

}  // namespace clusterwatch::api
