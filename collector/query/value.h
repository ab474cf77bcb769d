// What a query gives: Prometheus's four result types, as plain values.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/labels.h"
#include "common/sample.h"

namespace clusterwatch::query {

enum class ValueType { kScalar, kVector, kMatrix, kString };

// As Prometheus's JSON and its parse errors spell them: "vector" and "instant vector".
std::string_view jsonName(ValueType type);
std::string_view documentedName(ValueType type);

struct Scalar {
    Sample sample;
};

struct String {
    std::int64_t t_ms = 0;
    std::string value;
};

struct VectorElement {
    Labels labels;
    Sample sample;
};
using Vector = std::vector<VectorElement>;  // ordered by labels

struct Series {
    Labels labels;
    std::vector<Sample> points;  // strictly rising time stamps, never empty in a result
};
using Matrix = std::vector<Series>;  // ordered by labels

using Value = std::variant<Scalar, Vector, Matrix, String>;

ValueType typeOf(const Value& value);

}  // namespace clusterwatch::query
