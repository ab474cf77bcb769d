// The parser's grammar, one function a rule: recursive descent, with binding powers for the operators.
// Types are checked as nodes are built, so that an error has the position of what it is about.
//
// Internal to the parser; parser.h is what others use. Its rules stand in four files: parser.cpp
// (primaries, ranges, offsets), parse_operators.cpp, parse_calls.cpp and parse_selector.cpp.
//
// Source: Prometheus, promql/parser/generated_parser.y (grammar, precedences) and parse.go (checks).
// Rejected: a generated parser (bison): no better messages, and one more tool.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collector/query/ast.h"
#include "collector/query/lexer.h"
#include "common/result.h"

namespace clusterwatch::query {

struct OperatorInfo;

// For messages: identifier "up", end of input.
std::string describe(const Token& token);

// Reads one expression. `level` counts the recursion of a rule; the tree's own depth is checked as
// nodes are made. Both are bounded by limits::kQueryDepth.
class Parser {
  public:
    // REQUIRES: `text` outlives the parser; the last token is kEnd.
    Parser(std::string_view text, std::vector<Token> tokens)
        : text_(text), tokens_(std::move(tokens)) {}

    Result<ExprPtr> whole();

  private:
    // parse_operators.cpp
    Result<ExprPtr> expression(int least_power, unsigned level);
    Result<ExprPtr> unary(unsigned level);
    Result<ExprPtr> binary(ExprPtr left, const OperatorInfo& info, unsigned level);
    Status modifiers(Binary& node, const Token& op);
    Status checkSides(const Binary& node, const Token& op) const;

    // parser.cpp
    Result<ExprPtr> postfix(unsigned level);
    Result<ExprPtr> range(ExprPtr expr, bool has_offset);
    Result<ExprPtr> offset(ExprPtr expr);
    Result<std::int64_t> duration(std::string_view context);
    Result<ExprPtr> primary(unsigned level);

    // parse_calls.cpp
    Result<ExprPtr> identifier(unsigned level);
    Result<ExprPtr> call(const Token& name, unsigned level);
    Result<ExprPtr> aggregate(AggregateOp op, const Token& name, unsigned level);
    Status grouping(Aggregate& node);
    Status requireType(const Expr& expr, ValueType wanted, std::string_view context) const;

    // parse_selector.cpp
    Result<ExprPtr> selector(const std::string& name, std::size_t begin);
    Status labelMatchers(VectorSelector& node, bool named);
    Status labelMatcher(VectorSelector& node, const Token& label, bool named);
    Status addMatcher(VectorSelector& node, MatchType type, std::string name, std::string value,
                      std::size_t where) const;
    // (a, b), in by, without, on and ignoring; `context` is for the message.
    Result<std::vector<std::string>> labelList(std::string_view context);

    const Token& peek() const { return tokens_[at_]; }
    Token take() { return tokens_[at_ < tokens_.size() - 1 ? at_++ : at_]; }
    bool accept(std::string_view op);
    Status expect(std::string_view op, std::string_view context);
    std::string word() const;  // the next token in lower case, if it is an identifier

    Error failure(const Token& token, std::string_view message) const {
        return parseError(text_, token.offset, message);
    }
    Error failure(const Expr& expr, std::string_view message) const {
        return parseError(text_, expr.offset, message);
    }

    template <typename Node>
    Result<ExprPtr> make(Node node, ValueType type, std::size_t offset, unsigned depth_below = 0) {
        auto expr = std::make_unique<Expr>();
        expr->node = std::move(node);
        expr->type = type;
        expr->offset = offset;
        expr->depth = depth_below + 1;
        if (Status status = checkDepth(expr->depth, offset); !status) return status.error();
        return ExprPtr(std::move(expr));
    }
    Status checkDepth(unsigned depth, std::size_t offset) const;

    std::string_view text_;
    std::vector<Token> tokens_;
    std::size_t at_ = 0;
};

}  // namespace clusterwatch::query
