// See parser.h. Recursive descent with binding powers for the operators; types are checked as nodes
// are built, so that an error has the position of what it is about.
//
// Source: Prometheus, promql/parser/generated_parser.y (grammar, precedences) and parse.go (checks).
// Rejected: a generated parser (bison): no better messages, and one more tool.
#include "collector/query/parser.h"

#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "collector/query/lexer.h"
#include "common/limits.h"
#include "common/text.h"

namespace clusterwatch::query {
namespace {

// Binding powers, low to high: or, and/unless, comparison, + -, * / %, ^.
constexpr int kComparison = 3;
constexpr int kProduct = 5;
constexpr int kPower = 6;

struct OperatorInfo {
    std::string_view text;
    BinaryOp op;
    int power;
};
constexpr OperatorInfo kOperators[] = {
    {"+", BinaryOp::kAdd, 4},
    {"-", BinaryOp::kSubtract, 4},
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
};

const OperatorInfo* operatorOf(const Token& token) {
    if (token.kind != TokenKind::kOperator) return nullptr;
    for (const OperatorInfo& info : kOperators) {
        if (info.text == token.text) return &info;
    }
    return nullptr;
}

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

std::string describe(const Token& token) {
    switch (token.kind) {
        case TokenKind::kEnd: return "end of input";
        case TokenKind::kIdentifier:
            return fmt::format("identifier \"{}\"", truncated(token.text, 64));
        case TokenKind::kNumber: return fmt::format("number \"{}\"", truncated(token.text, 64));
        case TokenKind::kDuration: return fmt::format("duration \"{}\"", truncated(token.text, 64));
        case TokenKind::kString: return fmt::format("string \"{}\"", truncated(token.text, 64));
        case TokenKind::kOperator: return fmt::format("\"{}\"", token.text);
    }
    return "token";
}

std::optional<double> parseNumber(std::string_view text) {
    std::string digits;
    for (char c : text) {
        if (c != '_') digits += c;
    }
    if (digits.size() > 1 && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X')) {
        std::uint64_t value = 0;
        if (digits.size() == 2 || digits.size() > 18) return std::nullopt;
        for (char c : std::string_view(digits).substr(2)) {
            value = value * 16 + static_cast<std::uint64_t>(
                                     c >= '0' && c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
        }
        return static_cast<double>(value);
    }
    return parseDouble(digits);
}

// A position to report, thrown nowhere: every parse function returns Result.
class Parser {
  public:
    Parser(std::string_view text, std::vector<Token> tokens)
        : text_(text), tokens_(std::move(tokens)) {}

    Result<ExprPtr> whole() {
        if (peek().kind == TokenKind::kEnd) {
            return failure(peek(), "no expression found in input");
        }
        auto expr = expression(1, 1);
        if (!expr) return expr;
        if (peek().kind != TokenKind::kEnd) return failure(peek(), unexpected(peek()));
        return expr;
    }

  private:
    const Token& peek(std::size_t ahead = 0) const {
        return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
    }
    Token take() { return tokens_[at_ < tokens_.size() - 1 ? at_++ : at_]; }
    bool accept(std::string_view op) {
        if (!peek().is(op)) return false;
        take();
        return true;
    }
    Status expect(std::string_view op, std::string_view context) {
        if (accept(op)) return {};
        return failure(peek(), fmt::format("unexpected {} in {}, expected \"{}\"", describe(peek()),
                                           context, op));
    }
    static std::string unexpected(const Token& token) { return "unexpected " + describe(token); }
    Error failure(const Token& token, std::string_view message) const {
        return parseError(text_, token.offset, message);
    }
    Error failure(const Expr& expr, std::string_view message) const {
        return parseError(text_, expr.offset, message);
    }

    template <typename Node>
    Result<ExprPtr> make(Node node, ValueType type, std::size_t offset, unsigned depth_below = 0) {
        if (depth_below + 1 > limits::kQueryDepth) {
            return parseError(
                text_, offset,
                fmt::format("expression is nested deeper than {} levels", limits::kQueryDepth));
        }
        auto expr = std::make_unique<Expr>();
        expr->node = std::move(node);
        expr->type = type;
        expr->offset = offset;
        expr->depth = depth_below + 1;
        return ExprPtr(std::move(expr));
    }

    // `level` counts the recursion; the tree's own depth is checked as nodes are made.
    Result<ExprPtr> expression(int least_power, unsigned level) {
        if (level > limits::kQueryDepth) {
            return failure(peek(), fmt::format("expression is nested deeper than {} levels",
                                               limits::kQueryDepth));
        }
        auto left = unary(level);
        while (left) {
            if (Status status = refuseSetOperator(peek()); !status) return status.error();
            const OperatorInfo* info = operatorOf(peek());
            if (info == nullptr || info->power < least_power) return left;
            left = binary(std::move(*left), *info, level);
        }
        return left;
    }

    Status refuseSetOperator(const Token& token) {
        if (token.kind != TokenKind::kIdentifier) return {};
        const std::string lower = toLower(token.text);
        if (lower != "and" && lower != "or" && lower != "unless" && lower != "atan2") return {};
        return failure(token,
                       fmt::format("operator \"{}\" is not supported by this version", lower));
    }

    Result<ExprPtr> unary(unsigned level) {
        const Token token = peek();
        if (!token.is("-") && !token.is("+")) return postfix(level);
        take();
        auto operand = expression(kPower, level + 1);
        if (!operand) return operand;
        if ((*operand)->type != ValueType::kScalar && (*operand)->type != ValueType::kVector) {
            return failure(token,
                           fmt::format("unary expression only allowed on expressions of type "
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

    Result<ExprPtr> binary(ExprPtr left, const OperatorInfo& info, unsigned level) {
        const Token op = take();
        Binary node;
        node.op = info.op;
        if (peek().kind == TokenKind::kIdentifier && toLower(peek().text) == "bool") {
            if (!isComparison(info.op)) {
                return failure(peek(), "bool modifier can only be used on comparison operators");
            }
            take();
            node.returns_bool = true;
        }
        // ^ binds to the right, the others to the left.
        auto right = expression(info.power == kPower ? kPower : info.power + 1, level + 1);
        if (!right) return right;
        for (const ExprPtr* side : {&left, &*right}) {
            if ((*side)->type != ValueType::kScalar && (*side)->type != ValueType::kVector) {
                return failure(
                    **side, "binary expression must contain only scalar and instant vector types");
            }
        }
        const bool vector_left = left->type == ValueType::kVector;
        const bool vector_right = (*right)->type == ValueType::kVector;
        if (vector_left && vector_right) {
            return failure(op, "an operator between two vectors is not supported by this version");
        }
        const bool scalars = !vector_left && !vector_right;
        if (scalars && isComparison(info.op) && !node.returns_bool) {
            return failure(op, "comparisons between scalars must use BOOL modifier");
        }
        const std::size_t offset = left->offset;
        const unsigned depth = std::max(left->depth, (*right)->depth);
        node.left = std::move(left);
        node.right = std::move(*right);
        return make(std::move(node), scalars ? ValueType::kScalar : ValueType::kVector, offset,
                    depth);
    }

    // A primary expression and what may follow it: [range], offset.
    Result<ExprPtr> postfix(unsigned level) {
        auto expr = primary(level);
        bool has_offset = false;
        while (expr) {
            if (peek().is("[")) {
                expr = range(std::move(*expr), has_offset);
            } else if (peek().is("@")) {
                return failure(peek(), "the @ modifier is not supported by this version");
            } else if (peek().kind == TokenKind::kIdentifier && toLower(peek().text) == "offset") {
                if (has_offset) {
                    return failure(peek(), "offset may not be set multiple times");
                }
                has_offset = true;
                expr = offset(std::move(*expr));
            } else {
                return expr;
            }
        }
        return expr;
    }

    Result<ExprPtr> range(ExprPtr expr, bool has_offset) {
        const Token bracket = take();
        auto range_ms = duration("range selector");
        if (!range_ms) return range_ms.error();
        if (peek().is(":")) return failure(peek(), "subqueries are not supported by this version");
        if (Status status = expect("]", "range selector"); !status) return status.error();
        auto* selector = std::get_if<VectorSelector>(&expr->node);
        if (selector == nullptr) {
            return failure(bracket, "ranges only allowed for vector selectors");
        }
        if (has_offset) {
            return failure(bracket, "no offset modifiers allowed before range");
        }
        if (*range_ms <= 0) return failure(bracket, "duration must be greater than 0");
        return make(MatrixSelector{std::move(*selector), *range_ms}, ValueType::kMatrix,
                    expr->offset);
    }

    Result<ExprPtr> offset(ExprPtr expr) {
        const Token word = take();
        const bool negative = accept("-");
        if (!negative) accept("+");
        auto offset_ms = duration("offset");
        if (!offset_ms) return offset_ms.error();
        const std::int64_t signed_ms = negative ? -*offset_ms : *offset_ms;
        if (auto* selector = std::get_if<VectorSelector>(&expr->node)) {
            selector->offset_ms = signed_ms;
        } else if (auto* matrix = std::get_if<MatrixSelector>(&expr->node)) {
            matrix->selector.offset_ms = signed_ms;
        } else {
            return failure(
                word,
                "offset modifier must be preceded by an instant vector selector or range "
                "vector selector or a subquery");
        }
        return expr;
    }

    // 5m, or (since Prometheus 3) a number of seconds.
    Result<std::int64_t> duration(std::string_view context) {
        const Token token = peek();
        if (token.kind == TokenKind::kDuration) {
            take();
            return static_cast<std::int64_t>(parseDuration(token.text)->count());
        }
        if (token.kind == TokenKind::kNumber) {
            const auto seconds = parseNumber(token.text);
            if (!seconds || !(*seconds <= 9.2e9)) return failure(token, "duration out of range");
            take();
            return static_cast<std::int64_t>(std::llround(*seconds * 1000));
        }
        return failure(token, fmt::format("unexpected {} in {}, expected number or duration",
                                          describe(token), context));
    }

    Result<ExprPtr> primary(unsigned level) {
        const Token token = peek();
        switch (token.kind) {
            case TokenKind::kNumber: {
                const auto value = parseNumber(token.text);
                if (!value)
                    return failure(token, fmt::format("error parsing number: \"{}\"", token.text));
                take();
                return make(NumberLiteral{*value}, ValueType::kScalar, token.offset);
            }
            case TokenKind::kDuration:
                // Since Prometheus 3 a duration is also a number of seconds.
                take();
                return make(
                    NumberLiteral{static_cast<double>(parseDuration(token.text)->count()) / 1000},
                    ValueType::kScalar, token.offset);
            case TokenKind::kString:
                take();
                return make(StringLiteral{token.text}, ValueType::kString, token.offset);
            case TokenKind::kIdentifier: return identifier(level);
            case TokenKind::kOperator: break;
            case TokenKind::kEnd: return failure(token, unexpected(token));
        }
        if (token.is("{")) return selector({}, token.offset);
        if (!token.is("(")) return failure(token, unexpected(token));
        take();
        auto inner = expression(1, level + 1);
        if (!inner) return inner;
        if (Status status = expect(")", "parenthesized expression"); !status) return status.error();
        const ValueType type = (*inner)->type;
        const unsigned depth = (*inner)->depth;
        return make(Parentheses{std::move(*inner)}, type, token.offset, depth);
    }

    // A function, an aggregation, Inf, NaN or the name of a metric.
    Result<ExprPtr> identifier(unsigned level) {
        const Token token = take();
        const std::string lower = toLower(token.text);
        const bool called = peek().is("(");
        const std::string next = peek().kind == TokenKind::kIdentifier ? toLower(peek().text) : "";
        const bool grouped = next == "by" || next == "without";
        if ((called || grouped) && isUnsupportedAggregate(lower)) {
            return failure(
                token, fmt::format("aggregation \"{}\" is not supported by this version", lower));
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

    Result<ExprPtr> call(const Token& name, unsigned level) {
        const Function* function = findFunction(name.text);
        if (function == nullptr) {
            return failure(
                name, fmt::format("unknown function with name \"{}\"", truncated(name.text, 64)));
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
            return failure(name, fmt::format("expected {} argument(s) in call to \"{}\", got {}",
                                             function->arguments.size(), function->name,
                                             node.arguments.size()));
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

    Status requireType(const Expr& expr, ValueType wanted, std::string_view context) {
        if (expr.type == wanted) return {};
        return failure(expr, fmt::format("expected type {} in {}, got {}", documentedName(wanted),
                                         context, documentedName(expr.type)));
    }

    // sum by (a) (x), sum(x) by (a), sum(x)
    Result<ExprPtr> aggregate(AggregateOp op, const Token& name, unsigned level) {
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
        if (!grouped_first && peek().kind == TokenKind::kIdentifier) {
            const std::string lower = toLower(peek().text);
            if (lower == "by" || lower == "without") {
                if (Status status = grouping(node); !status) return status.error();
            }
        }
        if (Status status = requireType(**argument, ValueType::kVector, "aggregation expression");
            !status) {
            return status.error();
        }
        const unsigned depth = (*argument)->depth;
        node.argument = std::move(*argument);
        return make(std::move(node), ValueType::kVector, name.offset, depth);
    }

    Status grouping(Aggregate& node) {
        node.without = toLower(take().text) == "without";
        if (Status status = expect("(", "grouping opts"); !status) return status;
        while (!accept(")")) {
            const Token label = peek();
            const bool quoted = label.kind == TokenKind::kString;
            if (!quoted &&
                (label.kind != TokenKind::kIdentifier || !isValidLabelName(label.text))) {
                return failure(label, fmt::format("unexpected {} in grouping opts, expected label",
                                                  describe(label)));
            }
            node.grouping.push_back(take().text);
            if (!peek().is(")")) {
                if (Status status = expect(",", "grouping opts"); !status) return status;
            }
        }
        return {};
    }

    // name, name{...} or {...}; the name has been taken already.
    Result<ExprPtr> selector(const std::string& name, std::size_t begin) {
        VectorSelector node;
        bool named = false;
        if (!name.empty()) {
            if (Status status =
                    addMatcher(node, MatchType::kEqual, std::string(kMetricName), name, begin);
                !status) {
                return status.error();
            }
            named = true;
        }
        if (accept("{")) {
            if (Status status = labelMatchers(node, named); !status) return status.error();
        }
        bool selects = false;
        for (const Matcher& matcher : node.matchers) selects = selects || !matcher.matchesEmpty();
        if (!selects) {
            return parseError(text_, begin,
                              "vector selector must contain at least one non-empty matcher");
        }
        return make(std::move(node), ValueType::kVector, begin);
    }

    // After the opening brace, up to and with the closing one.
    Status labelMatchers(VectorSelector& node, bool named) {
        while (!accept("}")) {
            const Token label = take();
            const bool quoted = label.kind == TokenKind::kString;
            if (!quoted &&
                (label.kind != TokenKind::kIdentifier || !isValidLabelName(label.text))) {
                return failure(label, fmt::format("unexpected {} in label matching, expected "
                                                  "identifier or \"}}\"",
                                                  describe(label)));
            }
            if (quoted && (peek().is(",") || peek().is("}"))) {
                // {"name"}: the metric's name, quoted.
                if (named) return failure(label, "metric name must not be set twice");
                named = true;
                if (Status status = addMatcher(node, MatchType::kEqual, std::string(kMetricName),
                                               label.text, label.offset);
                    !status) {
                    return status;
                }
            } else if (Status status = labelMatcher(node, label, named); !status) {
                return status;
            }
            if (!peek().is("}")) {
                if (Status status = expect(",", "label matching"); !status) return status;
            }
        }
        return {};
    }

    Status labelMatcher(VectorSelector& node, const Token& label, bool named) {
        const Token op = take();
        MatchType type = MatchType::kEqual;
        if (op.is("!=")) {
            type = MatchType::kNotEqual;
        } else if (op.is("=~")) {
            type = MatchType::kRegex;
        } else if (op.is("!~")) {
            type = MatchType::kNotRegex;
        } else if (!op.is("=")) {
            return failure(op,
                           fmt::format("unexpected {} in label matching, expected label matching "
                                       "operator",
                                       describe(op)));
        }
        const Token value = take();
        if (value.kind != TokenKind::kString) {
            return failure(value, fmt::format("unexpected {} in label matching, expected string",
                                              describe(value)));
        }
        if (named && label.text == kMetricName) {
            return failure(label, "metric name must not be set twice");
        }
        return addMatcher(node, type, label.text, value.text, label.offset);
    }

    Status addMatcher(VectorSelector& node, MatchType type, std::string name, std::string value,
                      std::size_t where) {
        auto matcher = Matcher::make(type, std::move(name), std::move(value));
        if (!matcher) return parseError(text_, where, matcher.error().message());
        node.matchers.push_back(std::move(*matcher));
        return {};
    }

    std::string_view text_;
    std::vector<Token> tokens_;
    std::size_t at_ = 0;
};

}  // namespace

Result<ExprPtr> parseExpression(std::string_view text) {
    if (text.size() > limits::kQueryBytes) {
        return parseError(text, 0,
                          fmt::format("query is longer than {} bytes", limits::kQueryBytes));
    }
    if (!isValidUtf8(text)) return parseError(text, 0, "query is not valid UTF-8");
    auto tokens = tokenize(text);
    if (!tokens) return tokens.error();
    return Parser(text, std::move(*tokens)).whole();
}

Result<std::vector<Matcher>> parseSelector(std::string_view text) {
    auto expr = parseExpression(text);
    if (!expr) return expr.error();
    auto* selector = std::get_if<VectorSelector>(&(*expr)->node);
    if (selector == nullptr || selector->offset_ms != 0) {
        return parseError(text, 0, "expected a vector selector and nothing else");
    }
    return std::move(selector->matchers);
}

bool isComparison(BinaryOp op) { return op >= BinaryOp::kEqual; }

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
