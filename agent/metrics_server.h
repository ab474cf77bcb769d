// The agent's own /metrics, in Prometheus's text format, on a small HTTP server with one thread for
// accepting and one for answering.
//
// Rejected: prometheus-cpp's pull library, whose civetweb server starts more threads than the agent has.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/settings.h"
#include "common/probe_run.h"
#include "common/result.h"

namespace clusterwatch::agent {

class MetricsServer {
  public:
    // `fill` adds the families; it is called by the server's thread at each request.
    // Errors: the address is in use, or not ours.
    static Result<std::unique_ptr<MetricsServer>> start(const ListenAddress& address,
                                                        std::function<void(ProbeRun&)> fill);
    virtual ~MetricsServer() = default;
    virtual int port() const = 0;
};

// What /metrics answers.
std::string metricsText(const ProbeRun& run);

}  // namespace clusterwatch::agent
