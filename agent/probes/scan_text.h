// Walking over a service's text without copying it: a line at a time, a field at a time.
//
// They take the rest of the text by reference and shorten it, so a parser is a loop and cannot run
// past the end. The views point into the caller's text.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "common/text.h"

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

// A name that may hold any bytes (a file's, a mount point's) as text that a label or a message may
// hold: what is no UTF-8 has its foreign bytes replaced by '?', and it is cut at `max_bytes`.
inline std::string textOfName(std::string_view name, std::size_t max_bytes) {
    std::string text(name);
    if (!isValidUtf8(text))
        std::replace_if(
            text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; },
            '?');
    return truncated(text, max_bytes);
}

}  // namespace clusterwatch::agent
