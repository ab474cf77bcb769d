// How old is what we show, and is that too old? Pure functions on the monotonic clock.
//
// Two judges, and the more pessimistic one wins: the collector, who knows when a word came in, and
// the dashboard, which ages every word further from the moment it heard it. So a collector that
// keeps its connection open but no longer works cannot keep a tile fresh.
#pragma once

#include "common/clock.h"
#include "dashboard/models/cluster.h"

namespace clusterwatch::dashboard {

// No byte on the live stream for this long: the link is lost. (Heartbeats come each second.)
inline constexpr std::chrono::milliseconds kLinkSilence{3000};
// The collector calls an agent silent after 5 s and says so at once. This is only the backstop for a
// collector that has stopped judging: the snapshot's period (4 s), those 5 s, and a second.
inline constexpr double kAgentBackstop_s = 10;

// An age that was right at `heard`, now. -1 (never) stays.
double agedBy(double age_s, MonotonicTime heard, MonotonicTime now);

// Up to this age a run counts as fresh: interval + deadline + 1 s as the collector has it, but never
// more than two intervals and a second.
double freshLimit(const TargetReport& target);

struct Judgement {
    Freshness freshness = Freshness::kNever;
    State state = State::kUnknown;  // unknown unless fresh
    double age_s = -1;
};
Judgement judge(const TargetReport& target, MonotonicTime heard, bool agent_silent,
                MonotonicTime now);

bool agentSilent(const NodeReport& node, double age_now_s);

}  // namespace clusterwatch::dashboard
