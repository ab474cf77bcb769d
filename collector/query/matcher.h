// Label matchers: =, !=, =~, !~. Regular expressions are RE2's (Prometheus's own dialect) and fully
// anchored. A matcher sees an absent label as the empty string, as in Prometheus.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/labels.h"
#include "common/result.h"

namespace re2 {
class RE2;
}

namespace clusterwatch::query {

enum class MatchType { kEqual, kNotEqual, kRegex, kNotRegex };

// Immutable; copies share the compiled expression. Thread-safe.
class Matcher {
  public:
    // An expression that RE2 refuses is kInvalid.
    static Result<Matcher> make(MatchType type, std::string name, std::string value);

    bool matches(std::string_view value) const;
    bool matchesEmpty() const { return matches({}); }

    MatchType type() const { return type_; }
    const std::string& name() const { return name_; }
    const std::string& value() const { return value_; }
    std::string toString() const;  // name=~"value"

  private:
    Matcher(MatchType type, std::string name, std::string value);

    MatchType type_;
    std::string name_;
    std::string value_;
    std::shared_ptr<const re2::RE2> regex_;  // shared: immutable, and costly to compile
};

}  // namespace clusterwatch::query
