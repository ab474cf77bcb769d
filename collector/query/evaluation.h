// One running query: its steps, what it reads, and its limits; and the operators that it is made of.
//
// An operator hands on one series at a time, with a point for each step at which it has a value. So a
// rate over a thousand series holds one window and one series, an aggregation its groups.
// Rejected: evaluating the tree once a step, as Prometheus does: it walks each series' samples again
// and again.
//
// Not thread-safe; a query runs on one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "collector/query/ast.h"
#include "collector/query/series_source.h"
#include "collector/query/value.h"
#include "common/clock.h"
#include "common/result.h"

namespace clusterwatch::query {

// The instants at which the expression is evaluated: start, start + step, ..., up to end.
struct Steps {
    std::int64_t start_ms = 0;
    std::int64_t end_ms = 0;
    std::int64_t step_ms = 1;

    std::size_t size() const { return static_cast<std::size_t>((end_ms - start_ms) / step_ms) + 1; }
    std::int64_t at(std::size_t i) const {
        return start_ms + static_cast<std::int64_t>(i) * step_ms;
    }
    std::size_t indexOf(std::int64_t t_ms) const {
        return static_cast<std::size_t>((t_ms - start_ms) / step_ms);
    }
};

class Evaluation {
  public:
    struct Limits {
        std::int64_t lookback_ms;
        std::size_t max_samples;
        MonotonicTime deadline;
    };

    Evaluation(const SeriesSource& source, const Clock& clock, Steps steps, Limits limits,
               const CancelFlag* cancel)
        : source_(source), clock_(clock), steps_(steps), limits_(limits), cancel_(cancel) {}

    const Steps& steps() const { return steps_; }
    std::int64_t lookbackMs() const { return limits_.lookback_ms; }

    Result<std::vector<std::unique_ptr<SelectedSeries>>> select(const VectorSelector& selector,
                                                                std::int64_t reach_ms) const;

    // An error once nobody waits for the answer any more. Called once a block or series.
    Status check() const;
    // Counts samples held in memory; an error beyond the limit.
    Status hold(std::size_t samples);
    void release(std::size_t samples) { held_ -= samples; }

  private:
    const SeriesSource& source_;
    const Clock& clock_;
    const Steps steps_;
    const Limits limits_;
    const CancelFlag* cancel_;
    std::size_t held_ = 0;
};

class SeriesOperator {
  public:
    virtual ~SeriesOperator() = default;
    // The next series, with at least one point; false at the end. Time stamps are those of steps.
    virtual Result<bool> next(Series& out) = 0;
};
using OperatorPtr = std::unique_ptr<SeriesOperator>;

// The operator of an expression of type vector.
// REQUIRES: expr and evaluation outlive it.
Result<OperatorPtr> makeOperator(const Expr& expr, Evaluation& evaluation);

// The leaves (selectors.cpp).
Result<OperatorPtr> makeVectorSelector(const VectorSelector& selector, Evaluation& evaluation);
Result<OperatorPtr> makeWindowCall(const Call& call, Evaluation& evaluation);
// The raw samples of a range selector at the only step.
Result<Matrix> selectRange(const MatrixSelector& selector, Evaluation& evaluation);

OperatorPtr makeAggregation(const Aggregate& aggregate, OperatorPtr input, Evaluation& evaluation);

// and, or, unless (set_operators.cpp).
OperatorPtr makeSetOperator(const Binary& binary, OperatorPtr left, OperatorPtr right,
                            Evaluation& evaluation);

// Of these labels those named (keep_named), or all but those named and the metric's name.
Labels keptLabels(const Labels& labels, bool keep_named, const std::vector<std::string>& names);

// A scalar expression's value at each step.
// REQUIRES: expr.type is kScalar.
std::vector<double> evaluateScalar(const Expr& expr, const Steps& steps);

// An arithmetic operator's result, or 1 and 0 for a comparison's.
double apply(BinaryOp op, double left, double right);

// Two metrics that differ only in their names become one when the names are dropped.
Error sameLabelset();

}  // namespace clusterwatch::query
