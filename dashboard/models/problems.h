// The list of what is wrong: alerts, checks that no alert speaks of, silence, and the collector's
// own trouble. Pure functions.
#pragma once

#include "dashboard/models/now_view.h"

namespace clusterwatch::dashboard {

std::vector<Problem> buildProblems(const ClusterModel& model,
                                   const std::vector<JudgedTarget>& targets,
                                   const std::vector<JudgedNode>& nodes, std::int64_t now_ms);

// The text of a target's worst check, or why its run failed.
QString faultText(const TargetReport& target);
// Why a target's data is not fresh, in words with its age.
QString silenceText(const JudgedTarget& target);

}  // namespace clusterwatch::dashboard
