// See engine.h: parses, checks the parameters, drains the operators into a Value.
#include "collector/query/engine.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "collector/query/ast.h"
#include "collector/query/evaluation.h"
#include "collector/query/parser.h"

namespace clusterwatch::query {
namespace {

// Far beyond any date, and far enough from overflow for any offset and range (each below 2^53 ms).
constexpr std::int64_t kMaxTimeMs = std::int64_t{1} << 60;

Error badData(std::string message) { return {ErrorCode::kInvalid, std::move(message)}; }

bool inRange(std::int64_t t_ms) { return t_ms >= -kMaxTimeMs && t_ms <= kMaxTimeMs; }

bool byLabels(const Series& a, const Series& b) { return a.labels < b.labels; }

// Series of equal labels (after names were dropped) become one; they never share a step.
Status mergeEqual(Matrix& matrix) {
    std::stable_sort(matrix.begin(), matrix.end(), byLabels);
    std::size_t kept = 0;
    for (std::size_t i = 1; i < matrix.size(); ++i) {
        if (matrix[i].labels != matrix[kept].labels) {
            if (++kept != i) matrix[kept] = std::move(matrix[i]);
            continue;
        }
        auto& points = matrix[kept].points;
        points.insert(points.end(), matrix[i].points.begin(), matrix[i].points.end());
        std::sort(points.begin(), points.end(),
                  [](const Sample& a, const Sample& b) { return a.t_ms < b.t_ms; });
        for (std::size_t p = 1; p < points.size(); ++p) {
            if (points[p].t_ms == points[p - 1].t_ms) return sameLabelset();
        }
    }
    if (!matrix.empty()) matrix.resize(kept + 1);
    return {};
}

Result<Matrix> drain(const Expr& expr, Evaluation& evaluation) {
    auto root = makeOperator(expr, evaluation);
    if (!root) return root.error();
    Matrix matrix;
    Series series;
    for (;;) {
        auto more = (*root)->next(series);
        if (!more) return more.error();
        if (!*more) break;
        if (Status status = evaluation.hold(series.points.size()); !status) return status.error();
        matrix.push_back({std::move(series.labels), series.points});
    }
    if (Status status = mergeEqual(matrix); !status) return status.error();
    return matrix;
}

Matrix scalarMatrix(const Expr& expr, const Steps& steps) {
    const auto values = evaluateScalar(expr, steps);
    Series series;
    for (std::size_t i = 0; i < values.size(); ++i)
        series.points.push_back({steps.at(i), values[i]});
    Matrix matrix;
    matrix.push_back(std::move(series));
    return matrix;
}

}  // namespace

Engine::Engine(const SeriesSource& source, const Clock& clock, EngineOptions options)
    : source_(source), clock_(clock), options_(options) {}

Evaluation Engine::evaluation(const Steps& steps, const CancelFlag* cancel,
                              Milliseconds timeout) const {
    const auto deadline =
        clock_.monotonicNow() + std::clamp(timeout, Milliseconds{0}, options_.timeout);
    return {source_,
            clock_,
            steps,
            {options_.lookback.count(), options_.max_samples, deadline},
            cancel};
}

Result<Value> Engine::instant(std::string_view query, std::int64_t t_ms, const CancelFlag* cancel,
                              Milliseconds timeout) const {
    if (!inRange(t_ms)) return badData("invalid parameter \"time\": out of range");
    auto parsed = parseExpression(query);
    if (!parsed) return parsed.error();
    const Expr& expr = withoutParentheses(**parsed);
    Evaluation evaluation = this->evaluation({t_ms, t_ms, 1}, cancel, timeout);
    if (Status status = evaluation.check(); !status) return status.error();
    switch (expr.type) {
        case ValueType::kString:
            return Value(String{t_ms, std::get<StringLiteral>(expr.node).value});
        case ValueType::kScalar:
            return Value(Scalar{{t_ms, evaluateScalar(expr, evaluation.steps()).front()}});
        case ValueType::kMatrix: {
            auto matrix = selectRange(std::get<MatrixSelector>(expr.node), evaluation);
            if (!matrix) return matrix.error();
            std::stable_sort(matrix->begin(), matrix->end(), byLabels);
            return Value(std::move(*matrix));
        }
        case ValueType::kVector: break;
    }
    auto matrix = drain(expr, evaluation);
    if (!matrix) return matrix.error();
    Vector vector;
    vector.reserve(matrix->size());
    for (Series& series : *matrix) {
        vector.push_back({std::move(series.labels), series.points.front()});
    }
    return Value(std::move(vector));
}

Result<Value> Engine::range(std::string_view query, std::int64_t start_ms, std::int64_t end_ms,
                            std::int64_t step_ms, const CancelFlag* cancel,
                            Milliseconds timeout) const {
    if (!inRange(start_ms)) return badData("invalid parameter \"start\": out of range");
    if (!inRange(end_ms)) return badData("invalid parameter \"end\": out of range");
    if (end_ms < start_ms) {
        return badData("invalid parameter \"end\": end timestamp must not be before start time");
    }
    if (step_ms <= 0) {
        return badData(
            "invalid parameter \"step\": zero or negative query resolution step widths are not "
            "accepted. Try a positive integer");
    }
    if ((end_ms - start_ms) / step_ms > options_.max_points) {
        return badData(fmt::format(
            "exceeded maximum resolution of {} points per timeseries. Try decreasing the query "
            "resolution (?step=XX)",
            options_.max_points == 11'000 ? "11,000" : fmt::to_string(options_.max_points)));
    }
    auto parsed = parseExpression(query);
    if (!parsed) return parsed.error();
    const Expr& expr = **parsed;
    if (expr.type != ValueType::kScalar && expr.type != ValueType::kVector) {
        return badData(
            fmt::format("invalid expression type \"{}\" for range query, must be "
                        "Scalar or instant Vector",
                        documentedName(expr.type)));
    }
    Evaluation evaluation = this->evaluation({start_ms, end_ms, step_ms}, cancel, timeout);
    if (Status status = evaluation.check(); !status) return status.error();
    if (expr.type == ValueType::kScalar) return Value(scalarMatrix(expr, evaluation.steps()));
    auto matrix = drain(expr, evaluation);
    if (!matrix) return matrix.error();
    return Value(std::move(*matrix));
}

ValueType typeOf(const Value& value) {
    if (std::holds_alternative<Scalar>(value)) return ValueType::kScalar;
    if (std::holds_alternative<Vector>(value)) return ValueType::kVector;
    if (std::holds_alternative<Matrix>(value)) return ValueType::kMatrix;
    return ValueType::kString;
}

Result<std::vector<std::unique_ptr<SelectedSeries>>> Evaluation::select(
    const VectorSelector& selector, std::int64_t reach_ms) const {
    if (Status status = check(); !status) return status.error();
    // Both ends are included here, while a window is open to the left: hence the 1 ms.
    const TimeRange range{steps_.start_ms - selector.offset_ms - reach_ms + 1,
                          steps_.end_ms - selector.offset_ms};
    return source_.select(selector.matchers, range, cancel_);
}

Status Evaluation::check() const {
    if (cancel_ != nullptr && cancel_->load(std::memory_order_relaxed)) {
        return Error(ErrorCode::kCancelled, "query was canceled in expression evaluation");
    }
    if (clock_.monotonicNow() >= limits_.deadline) {
        return Error(ErrorCode::kTimedOut, "query timed out in expression evaluation");
    }
    return {};
}

Status Evaluation::hold(std::size_t samples) {
    held_ += samples;
    if (held_ <= limits_.max_samples) return {};
    return Error(ErrorCode::kLimit,
                 "query processing would load too many samples into memory in query execution");
}

}  // namespace clusterwatch::query
