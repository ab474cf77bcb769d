// The running agent: builds the parts from the settings, starts them in order and stops them in the
// opposite one. The only place that knows all of them.
//
//     probes' threads -> Runner -> SpoolWriter -> Spool (disk) -> Sender, one a collector
//
// Not thread-safe: main's thread alone.
#pragma once

#include <memory>
#include <vector>

#include "agent/corrected_clock.h"
#include "agent/metrics_server.h"
#include "agent/runner.h"
#include "agent/sender.h"
#include "agent/settings.h"
#include "agent/spool.h"
#include "agent/spool_writer.h"
#include "agent/telemetry.h"
#include "agent/transport.h"
#include "common/clock.h"
#include "common/result.h"

namespace clusterwatch::agent {

inline constexpr Milliseconds kProbesPatience{1'500};  // for running probes when the agent stops
inline constexpr Milliseconds kFlushPatience{1'500};   // for the last reports

class Agent {
  public:
    // Opens everything that can fail; nothing runs yet.
    // REQUIRES: `clock` lives as long as the process.
    static Result<std::unique_ptr<Agent>> make(Settings settings, const Clock& clock);

    void start();
    // Ends within a few seconds, with all data on the disk. True if every thread has ended; otherwise
    // a hung probe's thread is left behind and the process must end by _exit.
    bool stop();

    const Settings& settings() const { return settings_; }

  private:
    struct Link {
        std::string url;
        std::unique_ptr<Transport> transport;
        std::unique_ptr<Sender> sender;
    };

    Agent(Settings settings, const Clock& clock)
        : settings_(std::move(settings)), clock_(clock), corrected_(clock) {}
    Status open();
    TelemetrySources telemetrySources();
    void addAgentProbe();
    Status openLinks();

    Settings settings_;
    const Clock& clock_;
    CorrectedClock corrected_;
    std::unique_ptr<Spool> spool_;
    std::unique_ptr<Runner> runner_;
    std::vector<Link> links_;
    std::unique_ptr<SpoolWriter> writer_;
    std::unique_ptr<MetricsServer> metrics_;
};

}  // namespace clusterwatch::agent
