#include "dashboard/models/freshness.h"

#include <algorithm>

namespace clusterwatch::dashboard {

double agedBy(double age_s, MonotonicTime heard, MonotonicTime now) {
    if (age_s < 0) return -1;
    return age_s + std::max(0.0, std::chrono::duration<double>(now - heard).count());
}

double freshLimit(const TargetReport& target) {
    return target.interval_s + std::min(target.deadline_s, target.interval_s) + 1;
}

Judgement judge(const TargetReport& target, MonotonicTime heard, bool agent_silent,
                MonotonicTime now) {
    Judgement judgement;
    judgement.age_s = agedBy(target.age_s, heard, now);
    if (judgement.age_s < 0 || target.freshness == Freshness::kNever)
        judgement.freshness = agent_silent ? Freshness::kSilent : Freshness::kNever;
    else if (agent_silent || target.freshness == Freshness::kSilent)
        judgement.freshness = Freshness::kSilent;
    else if (target.freshness == Freshness::kLate || judgement.age_s > freshLimit(target))
        judgement.freshness = Freshness::kLate;
    else
        judgement.freshness = Freshness::kFresh;
    if (judgement.freshness == Freshness::kFresh) judgement.state = target.state;
    return judgement;
}

bool agentSilent(const NodeReport& node, double age_now_s) {
    return node.silent || age_now_s < 0 || age_now_s > kAgentBackstop_s;
}

}  // namespace clusterwatch::dashboard
