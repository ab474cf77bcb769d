// The functions of the language. One row of one table each, as in Prometheus's
// promql/parser/functions.go; those over a range are a plain C++ function of a window of samples.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "collector/query/value.h"

namespace clusterwatch::query {

// The samples with start_ms < t <= end_ms, oldest first, at least one, without staleness markers.
struct Window {
    std::span<const Sample> samples;
    std::int64_t start_ms = 0;
    std::int64_t end_ms = 0;
};

// nullopt: this window gives no sample.
using WindowFunction = std::optional<double> (*)(const Window&);

struct Function {
    std::string_view name;
    std::vector<ValueType> arguments;
    ValueType result;
    WindowFunction window;    // set where the one argument is a range vector
    bool keeps_name = false;  // most functions drop __name__
};

// Null if there is none of that name. Names are case-sensitive.
const Function* findFunction(std::string_view name);

// Neumaier's improvement of Kahan's summation, as Prometheus sums everywhere.
// Source: promql/functions.go, kahanSumInc.
class CompensatedSum {
  public:
    CompensatedSum() = default;
    CompensatedSum(double sum, double compensation) : sum_(sum), compensation_(compensation) {}

    void add(double value);
    double sum() const { return sum_; }
    double compensation() const { return compensation_; }
    double total() const;

  private:
    double sum_ = 0;
    double compensation_ = 0;
};

// The mean without overflow: a plain sum while that is finite, an incremental mean from there on.
// Source: promql/functions.go, funcAvgOverTime; promql/engine.go, aggregation AVG.
class Mean {
  public:
    void add(double value);
    double result() const;

  private:
    double count_ = 0;
    CompensatedSum sum_;
    bool incremental_ = false;  // then sum_ holds the mean itself
};

}  // namespace clusterwatch::query
