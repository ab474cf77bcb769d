// See matcher.h. An expression is compiled once as ^(?s:...)$, which is what Prometheus 3 does
// (model/labels/regexp.go: "^(?s:" + v + ")$"), so that `.` matches a line break too.
#include "collector/query/matcher.h"

#include <utility>

#include <re2/re2.h>

#include "common/text.h"

namespace clusterwatch::query {
namespace {

// RE2's own bound on a compiled expression: what a hostile query can make us hold.
constexpr std::int64_t kMaxRegexBytes = std::int64_t{8} << 20;

bool isRegex(MatchType type) { return type == MatchType::kRegex || type == MatchType::kNotRegex; }

std::string_view operatorText(MatchType type) {
    switch (type) {
        case MatchType::kEqual: return "=";
        case MatchType::kNotEqual: return "!=";
        case MatchType::kRegex: return "=~";
        case MatchType::kNotRegex: return "!~";
    }
    return "?";
}

}  // namespace

Matcher::Matcher(MatchType type, std::string name, std::string value)
    : type_(type), name_(std::move(name)), value_(std::move(value)) {}

Result<Matcher> Matcher::make(MatchType type, std::string name, std::string value) {
    Matcher matcher(type, std::move(name), std::move(value));
    if (!isRegex(type)) return matcher;
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(kMaxRegexBytes);
    // Compiled alone first: "a)(b" would become well-formed inside our own parentheses.
    const re2::RE2 bare(matcher.value_, options);
    if (!bare.ok()) {
        return Error(ErrorCode::kInvalid,
                     "error parsing regexp: " + bare.error() + ": `" + bare.error_arg() + "`");
    }
    auto anchored = std::make_shared<const re2::RE2>("(?s:" + matcher.value_ + ")", options);
    if (!anchored->ok()) {
        return Error(ErrorCode::kInvalid, "error parsing regexp: " + anchored->error());
    }
    matcher.regex_ = std::move(anchored);
    return matcher;
}

bool Matcher::matches(std::string_view value) const {
    switch (type_) {
        case MatchType::kEqual: return value == value_;
        case MatchType::kNotEqual: return value != value_;
        case MatchType::kRegex:
            return re2::RE2::FullMatch(re2::StringPiece(value.data(), value.size()), *regex_);
        case MatchType::kNotRegex:
            return !re2::RE2::FullMatch(re2::StringPiece(value.data(), value.size()), *regex_);
    }
    return false;
}

std::string Matcher::toString() const {
    std::string out = name_;
    out += operatorText(type_);
    out += '"';
    appendEscaped(out, value_);
    out += '"';
    return out;
}

}  // namespace clusterwatch::query
