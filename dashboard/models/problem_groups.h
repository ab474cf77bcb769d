// One row instead of many: where the same check says the same of several instances of a tier ("load",
// on seven nodes), or all probes of one instance get no answer, the list and the verdict speak of it
// once and the tool tip names them all.
#pragma once

#include <vector>

#include "dashboard/models/now_view.h"

namespace clusterwatch::dashboard {

// Joins the problems whose `group` is equal and not empty; one alone stays as it is. The joined row
// is keyed by the group, so that it stays selected while instances come and go, and stands since the
// first of them.
std::vector<Problem> grouped(std::vector<Problem> problems);

}  // namespace clusterwatch::dashboard
