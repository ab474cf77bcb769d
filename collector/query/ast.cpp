// See ast.h and value.h: what the words and the tree say of themselves.
#include "collector/query/ast.h"

namespace clusterwatch::query {

bool isComparison(BinaryOp op) { return op >= BinaryOp::kEqual && op <= BinaryOp::kLessOrEqual; }

bool isSetOperator(BinaryOp op) { return op >= BinaryOp::kAnd; }

const Expr& withoutParentheses(const Expr& expr) {
    const Expr* at = &expr;
    while (const auto* parentheses = std::get_if<Parentheses>(&at->node)) {
        at = parentheses->inner.get();
    }
    return *at;
}

std::string_view jsonName(ValueType type) {
    switch (type) {
        case ValueType::kScalar: return "scalar";
        case ValueType::kVector: return "vector";
        case ValueType::kMatrix: return "matrix";
        case ValueType::kString: return "string";
    }
    return "none";
}

std::string_view documentedName(ValueType type) {
    switch (type) {
        case ValueType::kVector: return "instant vector";
        case ValueType::kMatrix: return "range vector";
        default: return jsonName(type);
    }
}

}  // namespace clusterwatch::query
