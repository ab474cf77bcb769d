// The interface of one probe: what looks at one local service and says what it saw.
//
// A probe fills families, checks, facts, evidence, outcome and message of a ProbeRun. The runner
// adds everything else (name, kind, role, target, time, duration, interval), cuts what is over a
// limit, and keeps evidence only where a check got worse.
//
// How a probe behaves:
//  - Missing is absent: a value that could not be read is left out, never 0.
//  - A probe that can't see says State::kUnknown, never kOk. An unreachable service is an outcome, a
//    message and (where the field's exporter has one) `xxx_up 0`; it is not a crash and not silence.
//  - It bounds each wait by `context.remaining()`, so that it returns by the deadline. One that does
//    not is reported as timed out at the deadline and from then on at each interval; its late result
//    is dropped. It delays no other probe: each has a thread of its own.
//  - It allocates no more than it needs: the whole agent lives in 6 MB. Its stack is kProbeStackBytes.
//
// Threads: run() is called from one thread of the runner, never twice at once; the constructor and
// the destructor run on other threads (not at the same time), so a client library's thread-local
// state belongs into run(). What a probe wants to remember between runs (a connection, the last
// counters) is a plain member.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "common/clock.h"
#include "common/config_node.h"
#include "common/probe_run.h"

namespace clusterwatch::agent {

inline constexpr std::size_t kProbeStackBytes = 512 << 10;  // reserved, not resident

struct ProbeContext {
    const Clock& clock;
    MonotonicTime deadline;  // by which run() is to return
    std::stop_token stop;    // requested when the agent ends: return soon, with anything
    // The checks of the last finished run; empty before the first.
    const std::map<std::string, State, std::less<>>& previous_states;

    // Until the deadline; never negative, 0 also when the agent is stopping.
    Milliseconds remaining() const {
        if (stop.stop_requested()) return Milliseconds{0};
        const auto left = std::chrono::duration_cast<Milliseconds>(deadline - clock.monotonicNow());
        return std::max(left, Milliseconds{0});
    }
    bool expired() const { return remaining().count() == 0; }

    // Whether this check is now worse than in the last finished run (before the first: worse than
    // ok). Then, and only then, is evidence wanted; a probe need not collect it otherwise.
    bool worsened(std::string_view check, State now) const {
        const auto before = previous_states.find(check);
        const State was = before == previous_states.end() ? State::kOk : before->second;
        return now != was && worse(now, was) == now;
    }
    bool worsened(const ProbeRun& run) const {
        return std::any_of(run.checks.begin(), run.checks.end(), [this](const CheckResult& check) {
            return worsened(check.name, check.state);
        });
    }
};

class Probe {
  public:
    virtual ~Probe() = default;
    // Looks once. Throws nothing. `outcome` must be set: it starts as kInternal.
    virtual ProbeRun run(const ProbeContext& context) = 0;
};

// A row of the table of probes, agent/probes/probe_table.cpp.
struct ProbeKind {
    std::string_view kind;         // the word in `probes: [{kind: ...}]`
    std::string_view default_job;  // "node", "apache", "mysql", ...
    // Reads the probe's own keys from its mapping. The common ones (kind, name, instance, job,
    // role, interval, deadline) are read by the caller, who also calls rejectUnknown(); a probe may
    // read `role` too. Mistakes go to `config.error(key, message)`, and the return may then be
    // null. Connects to nothing and starts nothing: --check-config calls it.
    std::unique_ptr<Probe> (*make)(ConfigNode& config);
    std::string_view help;  // one line: what it watches
};

}  // namespace clusterwatch::agent
