// The probe `memcached`: one memcached through libmemcached, under memcached_exporter's names.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/probe.h"
#include "agent/probes/address.h"
#include "agent/probes/memcached_stats.h"

struct memcached_st;

namespace clusterwatch::agent {

class MemcachedProbe final : public Probe {
  public:
    explicit MemcachedProbe(HostPort address);
    ~MemcachedProbe() override;
    static std::unique_ptr<Probe> make(ConfigNode& config);

    ProbeRun run(const ProbeContext& context) override;

  private:
    struct Failure {
        Outcome outcome;
        std::string message;
    };
    struct Free {
        void operator()(memcached_st* memc) const;
    };

    void open();
    // The pairs of one "stats <argument>"; kMaxStats at most.
    std::optional<Failure> stats(const char* argument, const ProbeContext& context, StatMap& out);
    std::optional<Failure> readAll(const ProbeContext& context, StatMap& general, StatMap& settings,
                                   StatMap& slabs);
    Failure explain(int error, const std::string& text, const ProbeContext& context) const;
    double newRejections(const StatMap& general);

    const HostPort address_;
    const std::string where_;  // "127.0.0.1:11211", for messages
    // Kept between runs, so that a full server can still be asked.
    std::unique_ptr<memcached_st, Free> client_;
    std::optional<double> last_rejected_;
};

}  // namespace clusterwatch::agent
