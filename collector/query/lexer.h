// PromQL's tokens. The text is cut up in one pass before parsing: queries are short (kQueryBytes), and
// a parser over an array may look ahead freely.
//
// Source: Prometheus, promql/parser/lex.go. A difference: keywords are not tokens of their own; the
// parser knows from the position whether `by` is a word of the language or the name of a metric.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace clusterwatch::query {

enum class TokenKind : std::uint8_t {
    kEnd,
    kIdentifier,  // metric and label names, keywords, function names
    kNumber,      // 1, .5, 1e3, 0x1f, 1_000
    kDuration,    // 5m, 1h30m
    kString,      // `text` is the unescaped value
    kOperator,    // + - * / % ^ == != > < >= <= = =~ !~ ( ) { } [ ] , : @
};

struct Token {
    TokenKind kind = TokenKind::kEnd;
    std::string text;
    std::size_t offset = 0;  // byte position of its beginning

    bool is(std::string_view operator_text) const {
        return kind == TokenKind::kOperator && text == operator_text;
    }
};

// The last token is always kEnd. An error is kInvalid, with a position.
Result<std::vector<Token>> tokenize(std::string_view text);

// "line:column: parse error: message"
Error parseError(std::string_view text, std::size_t offset, std::string_view message);

}  // namespace clusterwatch::query
