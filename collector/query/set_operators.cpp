// and, or, unless: which elements of one vector have a match in the other, step by step. Values and
// names of the elements stay as they are.
//
// One side is only remembered as matching labels by step (step_sets.h); the elements themselves are
// handed on one series at a time.
//
// Source: Prometheus, promql/engine.go, VectorAnd, VectorOr, VectorUnless.
#include <utility>

#include "collector/query/evaluation.h"
#include "collector/query/step_sets.h"

namespace clusterwatch::query {
namespace {

class SetOperator : public SeriesOperator {
  protected:
    SetOperator(const Matching& matching, Evaluation& evaluation)
        : matching_(matching), steps_(evaluation.steps()), seen_(evaluation) {}

    Labels matchingLabels(const Series& series) const {
        return keptLabels(series.labels, matching_.on, matching_.labels);
    }
    Status remember(const Series& series) {
        auto row = seen_.row(matchingLabels(series));
        if (!row) return row.error();
        for (const Sample& point : series.points) (**row)[steps_.indexOf(point.t_ms)] = true;
        return {};
    }
    // Leaves the points whose match has been seen (or has not). False if none is left.
    bool keepWhere(bool seen, Series& series) const {
        const StepSets::Row* row = seen_.find(matchingLabels(series));
        if (row == nullptr) return !seen;
        std::erase_if(series.points, [&](const Sample& point) {
            return (*row)[steps_.indexOf(point.t_ms)] != seen;
        });
        return !series.points.empty();
    }

  private:
    const Matching& matching_;
    const Steps& steps_;
    StepSets seen_;
};

// `and` keeps what has a match on the right, `unless` what has none.
class FilterOperator final : public SetOperator {
  public:
    FilterOperator(const Binary& binary, OperatorPtr left, OperatorPtr right,
                   Evaluation& evaluation)
        : SetOperator(binary.matching, evaluation),
          wants_match_(binary.op == BinaryOp::kAnd),
          left_(std::move(left)),
          right_(std::move(right)) {}

    Result<bool> next(Series& out) override {
        while (right_ != nullptr) {
            auto more = right_->next(out);
            if (!more) return more;
            if (!*more) {
                right_.reset();
            } else if (Status status = remember(out); !status) {
                return status.error();
            }
        }
        for (;;) {
            auto more = left_->next(out);
            if (!more || !*more || keepWhere(wants_match_, out)) return more;
        }
    }

  private:
    const bool wants_match_;
    OperatorPtr left_;
    OperatorPtr right_;  // until it has been read
};

// All of the left side, and of the right what has no match on the left.
class OrOperator final : public SetOperator {
  public:
    OrOperator(const Binary& binary, OperatorPtr left, OperatorPtr right, Evaluation& evaluation)
        : SetOperator(binary.matching, evaluation),
          left_(std::move(left)),
          right_(std::move(right)) {}

    Result<bool> next(Series& out) override {
        if (left_ != nullptr) {
            auto more = left_->next(out);
            if (!more) return more;
            if (*more) {
                if (Status status = remember(out); !status) return status.error();
                return true;
            }
            left_.reset();
        }
        for (;;) {
            auto more = right_->next(out);
            if (!more || !*more || keepWhere(false, out)) return more;
        }
    }

  private:
    OperatorPtr left_;  // until it has been read
    OperatorPtr right_;
};

}  // namespace

OperatorPtr makeSetOperator(const Binary& binary, OperatorPtr left, OperatorPtr right,
                            Evaluation& evaluation) {
    if (binary.op == BinaryOp::kOr) {
        return std::make_unique<OrOperator>(binary, std::move(left), std::move(right), evaluation);
    }
    return std::make_unique<FilterOperator>(binary, std::move(left), std::move(right), evaluation);
}

}  // namespace clusterwatch::query
