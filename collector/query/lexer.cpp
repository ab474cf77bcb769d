// See lexer.h. Hand-written: a table-driven generator would need its own build step, and error
// positions are easier to get right here.
#include "collector/query/lexer.h"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "common/text.h"

namespace clusterwatch::query {
namespace {

bool isDigit(char c) { return c >= '0' && c <= '9'; }
bool isHexDigit(char c) { return isDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool isAlpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool isNamePart(char c) { return isAlpha(c) || isDigit(c) || c == ':'; }
bool isSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

int hexValue(char c) {
    if (isDigit(c)) return c - '0';
    return (c | 0x20) - 'a' + 10;
}

void appendUtf8(std::string& out, std::uint32_t code) {
    if (code < 0x80) {
        out += static_cast<char>(code);
    } else if (code < 0x800) {
        out += static_cast<char>(0xC0 | (code >> 6));
        out += static_cast<char>(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        out += static_cast<char>(0xE0 | (code >> 12));
        out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
        out += static_cast<char>(0x80 | (code & 0x3F));
    } else {
        out += static_cast<char>(0xF0 | (code >> 18));
        out += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
        out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
        out += static_cast<char>(0x80 | (code & 0x3F));
    }
}

class Lexer {
  public:
    explicit Lexer(std::string_view text) : text_(text) {}

    Result<std::vector<Token>> run() {
        for (;;) {
            skipBlanks();
            begin_ = at_;
            if (at_ == text_.size()) break;
            if (Status status = one(); !status) return status.error();
        }
        push(TokenKind::kEnd, {});
        return std::move(tokens_);
    }

  private:
    char peek(std::size_t ahead = 0) const {
        return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
    }

    void skipBlanks() {
        while (at_ < text_.size()) {
            if (text_[at_] == '#') {
                while (at_ < text_.size() && text_[at_] != '\n') ++at_;
            } else if (isSpace(text_[at_])) {
                ++at_;
            } else {
                return;
            }
        }
    }

    void push(TokenKind kind, std::string text) {
        tokens_.push_back({kind, std::move(text), begin_});
    }

    Error failure(std::size_t offset, std::string_view message) const {
        return parseError(text_, offset, message);
    }

    Status one() {
        const char c = peek();
        if (isDigit(c) || (c == '.' && isDigit(peek(1)))) return number();
        if (c == '"' || c == '\'' || c == '`') return string(c);
        if (isAlpha(c) || (c == ':' && isAlpha(peek(1)))) {
            while (isNamePart(peek())) ++at_;
            push(TokenKind::kIdentifier, std::string(text_.substr(begin_, at_ - begin_)));
            return {};
        }
        static constexpr std::array<std::string_view, 24> kOperators = {
            "==", "!=", ">=", "<=", "=~", "!~", "+", "-", "*", "/", "%", "^",
            ">",  "<",  "=",  "(",  ")",  "{",  "}", "[", "]", ",", ":", "@"};
        for (std::string_view op : kOperators) {
            if (text_.substr(at_, op.size()) == op) {
                at_ += op.size();
                push(TokenKind::kOperator, std::string(op));
                return {};
            }
        }
        if (c == '!') return failure(at_, "unexpected character after '!'");
        const bool printable = c > 0x20 && c < 0x7F;
        return failure(at_, printable ? fmt::format("unexpected character: '{}'", c)
                                      : fmt::format("unexpected character: '\\x{:02x}'",
                                                    static_cast<unsigned char>(c)));
    }

    // A number or a duration: 5m begins as a number does.
    Status number() {
        if (peek() == '0' && (peek(1) == 'x' || peek(1) == 'X')) {
            at_ += 2;
            while (isHexDigit(peek()) || peek() == '_') ++at_;
        } else {
            digits();
            if (peek() == '.') {
                ++at_;
                digits();
            }
            const bool sign = peek(1) == '+' || peek(1) == '-';
            if ((peek() == 'e' || peek() == 'E') && isDigit(peek(sign ? 2 : 1))) {
                at_ += sign ? 2 : 1;
                digits();
            }
        }
        TokenKind kind = TokenKind::kNumber;
        if (isAlpha(peek())) {
            while (isAlpha(peek()) || isDigit(peek())) ++at_;
            kind = TokenKind::kDuration;
        }
        std::string token(text_.substr(begin_, at_ - begin_));
        if (kind == TokenKind::kDuration && !parseDuration(token)) {
            return failure(
                begin_, fmt::format("bad number or duration syntax: \"{}\"", truncated(token, 64)));
        }
        push(kind, std::move(token));
        return {};
    }

    void digits() {
        while (isDigit(peek()) || (peek() == '_' && isDigit(peek(1)))) ++at_;
    }

    Status string(char quote) {
        ++at_;
        std::string value;
        for (;;) {
            if (at_ == text_.size()) {
                return failure(begin_, quote == '`' ? "unterminated raw string"
                                                    : "unterminated quoted string");
            }
            const char c = text_[at_++];
            if (c == quote) break;
            if (c == '\n' && quote != '`') return failure(begin_, "unterminated quoted string");
            if (c == '\\' && quote != '`') {
                if (Status status = escape(quote, value); !status) return status;
            } else {
                value += c;
            }
        }
        push(TokenKind::kString, std::move(value));
        return {};
    }

    // After the backslash. Source: promql/parser/lex.go, lexEscape; Go's own escapes.
    Status escape(char quote, std::string& out) {
        const std::size_t start = at_ - 1;
        const char c = peek();
        ++at_;
        if (c == quote || c == '\\') {
            out += c;
            return {};
        }
        switch (c) {
            case 'a': out += '\a'; return {};
            case 'b': out += '\b'; return {};
            case 'f': out += '\f'; return {};
            case 'n': out += '\n'; return {};
            case 'r': out += '\r'; return {};
            case 't': out += '\t'; return {};
            case 'v': out += '\v'; return {};
            case 'x': return byteOrRune(start, 2, 16, true, out);
            case 'u': return byteOrRune(start, 4, 16, false, out);
            case 'U': return byteOrRune(start, 8, 16, false, out);
            default: break;
        }
        if (c >= '0' && c <= '7') {
            --at_;
            return byteOrRune(start, 3, 8, true, out);
        }
        return failure(start, "unknown escape sequence");
    }

    Status byteOrRune(std::size_t start, int digits_wanted, int base, bool is_byte,
                      std::string& out) {
        std::uint32_t code = 0;
        for (int i = 0; i < digits_wanted; ++i, ++at_) {
            const char c = peek();
            if (!isHexDigit(c) || hexValue(c) >= base) {
                return failure(start, "illegal character in escape sequence");
            }
            code =
                code * static_cast<std::uint32_t>(base) + static_cast<std::uint32_t>(hexValue(c));
        }
        if (is_byte) {
            if (code > 255) return failure(start, "escape sequence is no byte");
            out += static_cast<char>(code);
            return {};
        }
        if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
            return failure(start, "escape sequence is an invalid Unicode code point");
        }
        appendUtf8(out, code);
        return {};
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t begin_ = 0;
    std::vector<Token> tokens_;
};

}  // namespace

Result<std::vector<Token>> tokenize(std::string_view text) { return Lexer(text).run(); }

Error parseError(std::string_view text, std::size_t offset, std::string_view message) {
    std::size_t line = 1;
    std::size_t column = 1;
    for (std::size_t i = 0; i < offset && i < text.size(); ++i) {
        if (text[i] == '\n') {
            ++line;
            column = 1;
        } else {
            ++column;
        }
    }
    return {ErrorCode::kInvalid, fmt::format("{}:{}: parse error: {}", line, column, message)};
}

}  // namespace clusterwatch::query
