// See parser.h: the entry points, and whatever stands between two operators. The other rooms of the
// parser are parse_operators.cpp, parse_calls.cpp and parse_selector.cpp; grammar.h is their plan.
#include "collector/query/parser.h"

#include <cmath>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "collector/query/grammar.h"
#include "common/limits.h"
#include "common/text.h"

namespace clusterwatch::query {
namespace {

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

}  // namespace

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

Result<ExprPtr> Parser::whole() {
    if (peek().kind == TokenKind::kEnd) {
        return failure(peek(), "no expression found in input");
    }
    auto expr = expression(1, 1);
    if (!expr) return expr;
    if (peek().kind != TokenKind::kEnd) return failure(peek(), "unexpected " + describe(peek()));
    return expr;
}

Status Parser::expect(std::string_view op, std::string_view context) {
    if (accept(op)) return {};
    return failure(
        peek(), fmt::format("unexpected {} in {}, expected \"{}\"", describe(peek()), context, op));
}

bool Parser::accept(std::string_view op) {
    if (!peek().is(op)) return false;
    take();
    return true;
}

std::string Parser::word() const {
    return peek().kind == TokenKind::kIdentifier ? toLower(peek().text) : std::string();
}

Status Parser::checkDepth(unsigned depth, std::size_t offset) const {
    if (depth <= limits::kQueryDepth) return {};
    return parseError(
        text_, offset,
        fmt::format("expression is nested deeper than {} levels", limits::kQueryDepth));
}

// A primary expression and what may follow it: [range], offset.
Result<ExprPtr> Parser::postfix(unsigned level) {
    auto expr = primary(level);
    bool has_offset = false;
    while (expr) {
        if (peek().is("[")) {
            expr = range(std::move(*expr), has_offset);
        } else if (peek().is("@")) {
            return failure(peek(), "the @ modifier is not supported by this version");
        } else if (word() == "offset") {
            if (has_offset) {
                return failure(**expr, "offset may not be set multiple times");
            }
            has_offset = true;
            expr = offset(std::move(*expr));
        } else {
            return expr;
        }
    }
    return expr;
}

Result<ExprPtr> Parser::range(ExprPtr expr, bool has_offset) {
    const Token bracket = take();
    const Token length = peek();
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
    if (*range_ms <= 0) return failure(length, "duration must be greater than 0");
    return make(MatrixSelector{std::move(*selector), *range_ms}, ValueType::kMatrix, expr->offset);
}

Result<ExprPtr> Parser::offset(ExprPtr expr) {
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
        return failure(word,
                       "offset modifier must be preceded by an instant vector selector or range "
                       "vector selector or a subquery");
    }
    return expr;
}

// 5m, or (since Prometheus 3) a number of seconds.
Result<std::int64_t> Parser::duration(std::string_view context) {
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

Result<ExprPtr> Parser::primary(unsigned level) {
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
        case TokenKind::kEnd: return failure(token, "unexpected " + describe(token));
    }
    if (token.is("{")) return selector({}, token.offset);
    if (!token.is("(")) return failure(token, "unexpected " + describe(token));
    take();
    auto inner = expression(1, level + 1);
    if (!inner) return inner;
    if (Status status = expect(")", "parenthesized expression"); !status) return status.error();
    const ValueType type = (*inner)->type;
    const unsigned depth = (*inner)->depth;
    return make(Parentheses{std::move(*inner)}, type, token.offset, depth);
}

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

}  // namespace clusterwatch::query
