// The inner operators (a vector with a number, negation), and the tree's translation into operators.
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "collector/query/evaluation.h"
#include "collector/query/step_sets.h"

namespace clusterwatch::query {
namespace {

// Whether two series below may differ in nothing but their names.
bool mayHoldSeveralNames(const Expr& expr) {
    const Expr& inner = withoutParentheses(expr);
    if (const auto* selector = std::get_if<VectorSelector>(&inner.node)) {
        for (const Matcher& matcher : selector->matchers) {
            if (matcher.name() == kMetricName && matcher.type() == MatchType::kEqual) return false;
        }
        return true;
    }
    if (const auto* binary = std::get_if<Binary>(&inner.node)) {
        if (binary->op == BinaryOp::kOr) return true;
        const bool vector_left = binary->left->type == ValueType::kVector;
        return mayHoldSeveralNames(vector_left ? *binary->left : *binary->right);
    }
    if (const auto* call = std::get_if<Call>(&inner.node)) {
        if (!call->function->keeps_name) return false;
        const auto& range =
            std::get<MatrixSelector>(withoutParentheses(*call->arguments.front()).node);
        for (const Matcher& matcher : range.selector.matchers) {
            if (matcher.name() == kMetricName && matcher.type() == MatchType::kEqual) return false;
        }
        return true;
    }
    if (const auto* negation = std::get_if<Negation>(&inner.node)) {
        return mayHoldSeveralNames(*negation->operand);
    }
    return false;
}

// Drops the name, and sees to it that no two series that have become equal share a step.
class NameDropper {
  public:
    NameDropper(bool may_collide, Evaluation& evaluation)
        : may_collide_(may_collide), steps_(evaluation.steps()), taken_(evaluation) {}

    Status drop(Series& series) {
        series.labels.remove(kMetricName);
        if (!may_collide_) return {};
        auto taken = taken_.row(series.labels);
        if (!taken) return taken.error();
        for (const Sample& point : series.points) {
            auto bit = (**taken)[steps_.indexOf(point.t_ms)];
            if (bit) return sameLabelset();
            bit = true;
        }
        return {};
    }

  private:
    const bool may_collide_;
    const Steps& steps_;
    StepSets taken_;
};

// vector OP number, and number OP vector.
class VectorScalarOperator final : public SeriesOperator {
  public:
    VectorScalarOperator(const Binary& binary, OperatorPtr vector, std::vector<double> scalars,
                         bool may_collide, Evaluation& evaluation)
        : op_(binary.op),
          filters_(isComparison(binary.op) && !binary.returns_bool),
          vector_left_(binary.left->type == ValueType::kVector),
          vector_(std::move(vector)),
          scalars_(std::move(scalars)),
          steps_(evaluation.steps()),
          dropper_(may_collide, evaluation) {}

    Result<bool> next(Series& out) override {
        for (;;) {
            auto more = vector_->next(out);
            if (!more || !*more) return more;
            std::size_t kept = 0;
            for (const Sample& point : out.points) {
                const double scalar = scalars_[steps_.indexOf(point.t_ms)];
                const double value = vector_left_ ? apply(op_, point.value, scalar)
                                                  : apply(op_, scalar, point.value);
                if (!filters_) {
                    out.points[kept++] = {point.t_ms, value};
                } else if (value != 0) {
                    out.points[kept++] =
                        point;  // a filter keeps the vector's value, on either side
                }
            }
            out.points.resize(kept);
            if (kept == 0) continue;
            if (!filters_) {
                if (Status status = dropper_.drop(out); !status) return status.error();
            }
            return true;
        }
    }

  private:
    const BinaryOp op_;
    const bool filters_;
    const bool vector_left_;
    OperatorPtr vector_;
    const std::vector<double> scalars_;  // one a step
    const Steps& steps_;
    NameDropper dropper_;
};

class NegationOperator final : public SeriesOperator {
  public:
    NegationOperator(OperatorPtr vector, bool may_collide, Evaluation& evaluation)
        : vector_(std::move(vector)), dropper_(may_collide, evaluation) {}

    Result<bool> next(Series& out) override {
        auto more = vector_->next(out);
        if (!more || !*more) return more;
        for (Sample& point : out.points) point.value = -point.value;
        if (Status status = dropper_.drop(out); !status) return status.error();
        return true;
    }

  private:
    OperatorPtr vector_;
    NameDropper dropper_;
};

Result<OperatorPtr> makeBinary(const Binary& binary, Evaluation& evaluation) {
    if (isSetOperator(binary.op)) {
        auto left = makeOperator(*binary.left, evaluation);
        if (!left) return left;
        auto right = makeOperator(*binary.right, evaluation);
        if (!right) return right;
        return makeSetOperator(binary, std::move(*left), std::move(*right), evaluation);
    }
    const bool vector_left = binary.left->type == ValueType::kVector;
    const Expr& vector = vector_left ? *binary.left : *binary.right;
    const Expr& scalar = vector_left ? *binary.right : *binary.left;
    auto input = makeOperator(vector, evaluation);
    if (!input) return input;
    return OperatorPtr(std::make_unique<VectorScalarOperator>(
        binary, std::move(*input), evaluateScalar(scalar, evaluation.steps()),
        mayHoldSeveralNames(vector), evaluation));
}

}  // namespace

Result<OperatorPtr> makeOperator(const Expr& expr, Evaluation& evaluation) {
    const Expr& inner = withoutParentheses(expr);
    CHECK(inner.type == ValueType::kVector);
    if (const auto* selector = std::get_if<VectorSelector>(&inner.node)) {
        return makeVectorSelector(*selector, evaluation);
    }
    if (const auto* call = std::get_if<Call>(&inner.node)) return makeWindowCall(*call, evaluation);
    if (const auto* binary = std::get_if<Binary>(&inner.node)) {
        return makeBinary(*binary, evaluation);
    }
    if (const auto* negation = std::get_if<Negation>(&inner.node)) {
        auto input = makeOperator(*negation->operand, evaluation);
        if (!input) return input;
        return OperatorPtr(std::make_unique<NegationOperator>(
            std::move(*input), mayHoldSeveralNames(*negation->operand), evaluation));
    }
    const auto& aggregate = std::get<Aggregate>(inner.node);
    auto input = makeOperator(*aggregate.argument, evaluation);
    if (!input) return input;
    return makeAggregation(aggregate, std::move(*input), evaluation);
}

std::vector<double> evaluateScalar(const Expr& expr, const Steps& steps) {
    const Expr& inner = withoutParentheses(expr);
    CHECK(inner.type == ValueType::kScalar);
    if (const auto* number = std::get_if<NumberLiteral>(&inner.node)) {
        return std::vector<double>(steps.size(), number->value);
    }
    if (const auto* negation = std::get_if<Negation>(&inner.node)) {
        auto values = evaluateScalar(*negation->operand, steps);
        for (double& value : values) value = -value;
        return values;
    }
    const auto& binary = std::get<Binary>(inner.node);
    auto values = evaluateScalar(*binary.left, steps);
    const auto right = evaluateScalar(*binary.right, steps);
    for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = apply(binary.op, values[i], right[i]);
    }
    return values;
}

double apply(BinaryOp op, double left, double right) {
    switch (op) {
        case BinaryOp::kAdd: return left + right;
        case BinaryOp::kSubtract: return left - right;
        case BinaryOp::kMultiply: return left * right;
        case BinaryOp::kDivide: return left / right;
        case BinaryOp::kModulo: return std::fmod(left, right);
        case BinaryOp::kPower: return std::pow(left, right);
        case BinaryOp::kEqual: return left == right ? 1 : 0;
        case BinaryOp::kNotEqual: return left != right ? 1 : 0;
        case BinaryOp::kGreater: return left > right ? 1 : 0;
        case BinaryOp::kLess: return left < right ? 1 : 0;
        case BinaryOp::kGreaterOrEqual: return left >= right ? 1 : 0;
        case BinaryOp::kLessOrEqual: return left <= right ? 1 : 0;
        case BinaryOp::kAnd:
        case BinaryOp::kOr:
        case BinaryOp::kUnless: break;
    }
    CHECK(false);  // a set operator has no numbers
    return 0;
}

Error sameLabelset() {
    return {ErrorCode::kConflict, "vector cannot contain metrics with the same labelset"};
}

}  // namespace clusterwatch::query
