// The one sentence on top: thing, fault, since, effect on users. Calm is stated with its proof, and
// blindness before everything else.
#pragma once

#include "dashboard/models/now_view.h"

namespace clusterwatch::dashboard {

// `view` has everything but the verdict.
Verdict buildVerdict(const NowView& view, const ClusterModel& model);

}  // namespace clusterwatch::dashboard
