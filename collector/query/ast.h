// The tree of a parsed expression. Every node knows its type and where in the text it began; the
// parser has checked the types, so whoever walks the tree need not.
//
// A closed set of plain structs in a variant: an evaluator that forgets one does not compile.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "collector/query/functions.h"
#include "collector/query/matcher.h"
#include "collector/query/value.h"

namespace clusterwatch::query {

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

struct NumberLiteral {
    double value = 0;
};

struct StringLiteral {
    std::string value;
};

struct VectorSelector {
    std::vector<Matcher> matchers;  // the name's among them
    std::int64_t offset_ms = 0;
};

struct MatrixSelector {
    VectorSelector selector;
    std::int64_t range_ms = 0;
};

struct Call {
    const Function* function = nullptr;
    std::vector<ExprPtr> arguments;
};

enum class AggregateOp : std::uint8_t { kSum, kAvg, kMin, kMax, kCount };

struct Aggregate {
    AggregateOp op = AggregateOp::kSum;
    bool without = false;
    std::vector<std::string> grouping;
    ExprPtr argument;
};

enum class BinaryOp : std::uint8_t {
    kAdd,
    kSubtract,
    kMultiply,
    kDivide,
    kModulo,
    kPower,
    kEqual,
    kNotEqual,
    kGreater,
    kLess,
    kGreaterOrEqual,
    kLessOrEqual,
    kAnd,
    kOr,
    kUnless,
};
bool isComparison(BinaryOp op);
bool isSetOperator(BinaryOp op);

// Which labels must be equal for two elements to match: those named (on), or all but those named and
// the metric's name (ignoring, which is also what stands where nothing is said).
struct Matching {
    bool on = false;
    std::vector<std::string> labels;
};

struct Binary {
    BinaryOp op = BinaryOp::kAdd;
    bool returns_bool = false;
    Matching matching;  // of set operators
    ExprPtr left;
    ExprPtr right;
};

struct Negation {
    ExprPtr operand;
};

struct Parentheses {
    ExprPtr inner;
};

struct Expr {
    std::variant<NumberLiteral, StringLiteral, VectorSelector, MatrixSelector, Call, Aggregate,
                 Binary, Negation, Parentheses>
        node;
    ValueType type = ValueType::kScalar;
    std::size_t offset = 0;  // of its first byte in the text
    unsigned depth = 1;      // of the tree below, itself included; bounded by limits::kQueryDepth
};

// The expression inside any number of parentheses.
const Expr& withoutParentheses(const Expr& expr);

}  // namespace clusterwatch::query
