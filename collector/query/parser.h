// Parses and type-checks PromQL. Every error is kInvalid and reads as Prometheus's does:
// "1:5: parse error: ...", line and column counted from 1, columns in bytes.
//
// Thread-safe: no state.
#pragma once

#include <string_view>
#include <vector>

#include "collector/query/ast.h"
#include "collector/query/matcher.h"
#include "common/result.h"

namespace clusterwatch::query {

// REQUIRES nothing of `text`: any bytes give a tree or an error. Bounded by limits::kQueryBytes and
// limits::kQueryDepth.
Result<ExprPtr> parseExpression(std::string_view text);

// A bare selector, as in match[]=up{job="mysql"}: its matchers, the name's among them.
Result<std::vector<Matcher>> parseSelector(std::string_view text);

}  // namespace clusterwatch::query
