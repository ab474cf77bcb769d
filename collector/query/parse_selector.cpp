// The parser's selectors: up{job="mysql"}, {__name__=~"mysql_.*"}, {"quoted.name"}.
#include <utility>

#include <fmt/format.h>

#include "collector/query/grammar.h"
#include "common/text.h"

namespace clusterwatch::query {

// name, name{...} or {...}; the name has been taken already.
Result<ExprPtr> Parser::selector(const std::string& name, std::size_t begin) {
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
Status Parser::labelMatchers(VectorSelector& node, bool named) {
    while (!accept("}")) {
        const Token label = take();
        const bool quoted = label.kind == TokenKind::kString;
        if (!quoted && (label.kind != TokenKind::kIdentifier || !isValidLabelName(label.text))) {
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

Status Parser::labelMatcher(VectorSelector& node, const Token& label, bool named) {
    const Token op = take();
    MatchType type = MatchType::kEqual;
    if (op.is("!=")) {
        type = MatchType::kNotEqual;
    } else if (op.is("=~")) {
        type = MatchType::kRegex;
    } else if (op.is("!~")) {
        type = MatchType::kNotRegex;
    } else if (!op.is("=")) {
        return failure(op, fmt::format("unexpected {} in label matching, expected label matching "
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

Status Parser::addMatcher(VectorSelector& node, MatchType type, std::string name, std::string value,
                          std::size_t where) const {
    auto matcher = Matcher::make(type, std::move(name), std::move(value));
    if (!matcher) return parseError(text_, where, matcher.error().message());
    node.matchers.push_back(std::move(*matcher));
    return {};
}

Result<std::vector<std::string>> Parser::labelList(std::string_view context) {
    if (Status status = expect("(", context); !status) return status.error();
    std::vector<std::string> labels;
    while (!accept(")")) {
        const Token label = peek();
        const bool quoted = label.kind == TokenKind::kString;
        if (!quoted && (label.kind != TokenKind::kIdentifier || !isValidLabelName(label.text))) {
            return failure(label, fmt::format("unexpected {} in {}, expected label",
                                              describe(label), context));
        }
        labels.push_back(take().text);
        if (!peek().is(")")) {
            if (Status status = expect(",", context); !status) return status.error();
        }
    }
    return labels;
}

}  // namespace clusterwatch::query
