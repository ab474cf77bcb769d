// Walking over a service's text without copying it: a line at a time, a field at a time.
//
// Both take the rest of the text by reference and shorten it, so a parser is a loop and cannot run
// past the end. The views point into the caller's text.
#pragma once

#include <string_view>

namespace clusterwatch::agent {

// The next line without its line break (LF or CRLF); false at the end of the text.
inline bool nextLine(std::string_view& rest, std::string_view& line) {
    if (rest.empty()) return false;
    const std::size_t end = rest.find('\n');
    line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    return true;
}

// The next word between blanks or tabs; empty at the end of the text.
inline std::string_view nextField(std::string_view& rest) {
    constexpr std::string_view kBlank = " \t";
    const std::size_t begin = rest.find_first_not_of(kBlank);
    if (begin == std::string_view::npos) {
        rest = {};
        return {};
    }
    rest.remove_prefix(begin);
    const std::size_t end = rest.find_first_of(kBlank);
    const std::string_view field = rest.substr(0, end);
    rest.remove_prefix(field.size());
    return field;
}

}  // namespace clusterwatch::agent
