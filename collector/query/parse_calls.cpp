// The parser's calls: functions and aggregations.
#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "collector/query/grammar.h"
#include "common/text.h"

namespace clusterwatch::query {
namespace {

std::optional<AggregateOp> aggregateOf(std::string_view lower) {
    if (lower == "sum") return AggregateOp::kSum;
    if (lower == "avg") return AggregateOp::kAvg;
    if (lower == "min") return AggregateOp::kMin;
    if (lower == "max") return AggregateOp::kMax;
    if (lower == "count") return AggregateOp::kCount;
    return std::nullopt;
}

// Parts of PromQL that this version knows to exist and does not evaluate.
bool isUnsupportedAggregate(std::string_view lower) {
    for (std::string_view name : {"group", "stddev", "stdvar", "topk", "bottomk", "count_values",
                                  "quantile", "limitk", "limit_ratio"}) {
        if (lower == name) return true;
    }
    return false;
}

}  // namespace

// A function, an aggregation, Inf, NaN or the name of a metric.
Result<ExprPtr> Parser::identifier(unsigned level) {
    const Token token = take();
    const std::string lower = toLower(token.text);
    const bool called = peek().is("(");
    const std::string next = word();
    const bool grouped = next == "by" || next == "without";
    if ((called || grouped) && isUnsupportedAggregate(lower)) {
        return failure(token,
                       fmt::format("aggregation \"{}\" is not supported by this version", lower));
    }
    if (const auto op = aggregateOf(lower); op && (called || grouped)) {
        return aggregate(*op, token, level);
    }
    if (called) return call(token, level);
    if (lower == "inf" || lower == "nan") {
        const double value = lower == "inf" ? std::numeric_limits<double>::infinity()
                                            : std::numeric_limits<double>::quiet_NaN();
        return make(NumberLiteral{value}, ValueType::kScalar, token.offset);
    }
    return selector(token.text, token.offset);
}

Result<ExprPtr> Parser::call(const Token& name, unsigned level) {
    const Function* function = findFunction(name.text);
    if (function == nullptr) {
        return failure(name,
                       fmt::format("unknown function with name \"{}\"", truncated(name.text, 64)));
    }
    take();  // (
    Call node;
    node.function = function;
    unsigned depth = 0;
    while (!peek().is(")")) {
        if (!node.arguments.empty()) {
            if (Status status = expect(",", "function call"); !status) return status.error();
        }
        auto argument = expression(1, level + 1);
        if (!argument) return argument;
        depth = std::max(depth, (*argument)->depth);
        node.arguments.push_back(std::move(*argument));
    }
    take();
    if (node.arguments.size() != function->arguments.size()) {
        return failure(
            name, fmt::format("expected {} argument(s) in call to \"{}\", got {}",
                              function->arguments.size(), function->name, node.arguments.size()));
    }
    for (std::size_t i = 0; i < node.arguments.size(); ++i) {
        if (Status status = requireType(*node.arguments[i], function->arguments[i],
                                        fmt::format("call to function \"{}\"", function->name));
            !status) {
            return status.error();
        }
    }
    return make(std::move(node), function->result, name.offset, depth);
}

Status Parser::requireType(const Expr& expr, ValueType wanted, std::string_view context) const {
    if (expr.type == wanted) return {};
    return failure(expr, fmt::format("expected type {} in {}, got {}", documentedName(wanted),
                                     context, documentedName(expr.type)));
}

// sum by (a) (x), sum(x) by (a), sum(x)
Result<ExprPtr> Parser::aggregate(AggregateOp op, const Token& name, unsigned level) {
    Aggregate node;
    node.op = op;
    const bool grouped_first = !peek().is("(");
    if (grouped_first) {
        if (Status status = grouping(node); !status) return status.error();
    }
    if (Status status = expect("(", "aggregation"); !status) return status.error();
    if (peek().is(")")) return failure(name, "no arguments for aggregate expression provided");
    auto argument = expression(1, level + 1);
    if (!argument) return argument;
    if (peek().is(",")) {
        return failure(name,
                       "wrong number of arguments for aggregate expression provided, "
                       "expected 1, got more");
    }
    if (Status status = expect(")", "aggregation"); !status) return status.error();
    if (!grouped_first && (word() == "by" || word() == "without")) {
        if (Status status = grouping(node); !status) return status.error();
    }
    if (Status status = requireType(**argument, ValueType::kVector, "aggregation expression");
        !status) {
        return status.error();
    }
    const unsigned depth = (*argument)->depth;
    node.argument = std::move(*argument);
    return make(std::move(node), ValueType::kVector, name.offset, depth);
}

Status Parser::grouping(Aggregate& node) {
    node.without = word() == "without";
    take();
    auto labels = labelList("grouping opts");
    if (!labels) return labels.error();
    node.grouping = std::move(*labels);
    return {};
}

}  // namespace clusterwatch::query
