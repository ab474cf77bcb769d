// The parser's operators: binding powers, signs, and the two sides of a binary expression.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "collector/query/grammar.h"
#include "common/text.h"

namespace clusterwatch::query {
namespace {

// Binding powers, low to high. Source: generated_parser.y, %left and %right.
enum Power { kOr = 1, kAnd, kComparison, kSum, kProduct, kPower };

}  // namespace

struct OperatorInfo {
    std::string_view text;
    BinaryOp op;
    int power;
};

namespace {

constexpr OperatorInfo kOperators[] = {
    {"+", BinaryOp::kAdd, kSum},
    {"-", BinaryOp::kSubtract, kSum},
    {"*", BinaryOp::kMultiply, kProduct},
    {"/", BinaryOp::kDivide, kProduct},
    {"%", BinaryOp::kModulo, kProduct},
    {"^", BinaryOp::kPower, kPower},
    {"==", BinaryOp::kEqual, kComparison},
    {"!=", BinaryOp::kNotEqual, kComparison},
    {">", BinaryOp::kGreater, kComparison},
    {"<", BinaryOp::kLess, kComparison},
    {">=", BinaryOp::kGreaterOrEqual, kComparison},
    {"<=", BinaryOp::kLessOrEqual, kComparison},
    {"and", BinaryOp::kAnd, kAnd},
    {"unless", BinaryOp::kUnless, kAnd},
    {"or", BinaryOp::kOr, kOr},
};

const OperatorInfo* operatorOf(const Token& token) {
    const bool word = token.kind == TokenKind::kIdentifier;
    if (!word && token.kind != TokenKind::kOperator) return nullptr;
    const std::string text = word ? toLower(token.text) : token.text;
    for (const OperatorInfo& info : kOperators) {
        if (info.text == text) return &info;
    }
    return nullptr;
}

bool isVector(const ExprPtr& expr) { return expr->type == ValueType::kVector; }

}  // namespace

Result<ExprPtr> Parser::expression(int least_power, unsigned level) {
    if (Status status = checkDepth(level, peek().offset); !status) return status.error();
    auto left = unary(level);
    while (left) {
        if (word() == "atan2") {
            return failure(peek(), "operator \"atan2\" is not supported by this version");
        }
        const OperatorInfo* info = operatorOf(peek());
        if (info == nullptr || info->power < least_power) return left;
        left = binary(std::move(*left), *info, level);
    }
    return left;
}

Result<ExprPtr> Parser::unary(unsigned level) {
    const Token token = peek();
    if (!token.is("-") && !token.is("+")) return postfix(level);
    take();
    auto operand = expression(kPower, level + 1);
    if (!operand) return operand;
    if ((*operand)->type != ValueType::kScalar && (*operand)->type != ValueType::kVector) {
        return failure(token, fmt::format("unary expression only allowed on expressions of type "
                                          "scalar or instant vector, got \"{}\"",
                                          documentedName((*operand)->type)));
    }
    if (token.is("+")) return operand;
    if (auto* number = std::get_if<NumberLiteral>(&(*operand)->node)) {
        number->value = -number->value;
        (*operand)->offset = token.offset;
        return operand;
    }
    const ValueType type = (*operand)->type;
    const unsigned depth = (*operand)->depth;
    return make(Negation{std::move(*operand)}, type, token.offset, depth);
}

Result<ExprPtr> Parser::binary(ExprPtr left, const OperatorInfo& info, unsigned level) {
    const Token op = take();
    Binary node;
    node.op = info.op;
    if (Status status = modifiers(node, op); !status) return status.error();
    // ^ binds to the right, the others to the left.
    auto right = expression(info.power == kPower ? kPower : info.power + 1, level + 1);
    if (!right) return right;
    node.left = std::move(left);
    node.right = std::move(*right);
    if (Status status = checkSides(node, op); !status) return status.error();
    const std::size_t offset = node.left->offset;
    const unsigned depth = std::max(node.left->depth, node.right->depth);
    const bool vector = isVector(node.left) || isVector(node.right);
    return make(std::move(node), vector ? ValueType::kVector : ValueType::kScalar, offset, depth);
}

// bool, on (...), ignoring (...): after the operator and before its right side.
Status Parser::modifiers(Binary& node, const Token& op) {
    if (word() == "bool") {
        if (!isComparison(node.op)) {
            return failure(op, "bool modifier can only be used on comparison operators");
        }
        take();
        node.returns_bool = true;
    }
    if (word() != "on" && word() != "ignoring") return {};
    if (!isSetOperator(node.op)) {
        return failure(peek(), "an operator between two vectors is not supported by this version");
    }
    node.matching.on = word() == "on";
    take();
    auto labels = labelList("grouping opts");
    if (!labels) return labels.error();
    node.matching.labels = std::move(*labels);
    if (word() == "group_left" || word() == "group_right") {
        return failure(op,
                       fmt::format("no grouping allowed for \"{}\" operation", toLower(op.text)));
    }
    return {};
}

Status Parser::checkSides(const Binary& node, const Token& op) const {
    for (const ExprPtr* side : {&node.left, &node.right}) {
        if ((*side)->type != ValueType::kScalar && !isVector(*side)) {
            return failure(**side,
                           "binary expression must contain only scalar and instant vector types");
        }
    }
    const bool both = isVector(node.left) && isVector(node.right);
    if (isSetOperator(node.op)) {
        if (both) return {};
        return failure(*node.left,
                       fmt::format("set operator \"{}\" not allowed in binary scalar expression",
                                   toLower(op.text)));
    }
    if (both) {
        return failure(op, "an operator between two vectors is not supported by this version");
    }
    const bool scalars = !isVector(node.left) && !isVector(node.right);
    if (scalars && isComparison(node.op) && !node.returns_bool) {
        return failure(op, "comparisons between scalars must use BOOL modifier");
    }
    return {};
}

}  // namespace clusterwatch::query
