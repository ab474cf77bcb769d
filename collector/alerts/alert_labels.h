// Labels as alerts.db keeps them: JSON objects, so that an operator can read them with the sqlite3
// program.
#pragma once

#include <string>

#include "common/labels.h"
#include "common/result.h"

namespace clusterwatch::alerts {

std::string labelsText(const Labels& labels);
Result<Labels> labelsOf(const std::string& text);  // kCorrupt: labelsText() has not written it

}  // namespace clusterwatch::alerts
