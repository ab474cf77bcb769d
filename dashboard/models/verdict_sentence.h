// How a problem becomes one sentence: thing, fault, since, effect on users.
#pragma once

#include "dashboard/models/now_view.h"

namespace clusterwatch::dashboard {

inline constexpr int kVerdictLength = 110;

// What users notice, in words and in fewer.
struct Effect {
    QString full, brief;
};

// The thing is named once: the title stands in front only where the text does not name the instance.
// What does not fit costs, in this order: the clock (its age remains), words of the effect, the
// fault's last clauses (advice stands there), its last words. At most kVerdictLength characters; the
// list of problems has everything.
QString sentenceOf(const Problem& problem, const Effect& effect, std::int64_t now_ms);

}  // namespace clusterwatch::dashboard
