#include "agent/probes/mysql_text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <tuple>

#include <fmt/format.h>

#include "common/text.h"

namespace clusterwatch::agent {

namespace {

bool equalsIgnoringCase(std::string_view a, std::string_view b) {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
               return std::tolower(static_cast<unsigned char>(x)) ==
                      std::tolower(static_cast<unsigned char>(y));
           });
}

bool isWordCharacter(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$' || c == '`';
}

// The end of a literal that starts with the quote at `begin`: behind its closing quote, or the end
// of the text. A doubled quote and a backslash escape do not end it.
std::size_t endOfLiteral(std::string_view text, std::size_t begin) {
    const char quote = text[begin];
    for (std::size_t i = begin + 1; i < text.size(); ++i) {
        if (text[i] == '\\') {
            ++i;
        } else if (text[i] == quote) {
            if (i + 1 < text.size() && text[i + 1] == quote)
                ++i;
            else
                return i + 1;
        }
    }
    return text.size();
}

// Words before a quoted value that is data, in the servers' messages (share/errmsg-utf8.txt).
constexpr std::array<std::string_view, 4> kBeforeData = {"entry ", "value ", "value: ", "row "};

}  // namespace

std::optional<std::size_t> SqlRows::column(std::string_view name) const {
    const auto found = std::find_if(columns.begin(), columns.end(), [&](const std::string& c) {
        return equalsIgnoringCase(c, name);
    });
    if (found == columns.end()) return std::nullopt;
    return static_cast<std::size_t>(found - columns.begin());
}

bool ServerVersion::atLeast(int want_major, int want_minor, int want_patch) const {
    return std::tie(major, minor, patch) >= std::tie(want_major, want_minor, want_patch);
}

ServerVersion parseServerVersion(std::string_view text) {
    ServerVersion version;
    version.mariadb = toLower(text).find("mariadb") != std::string::npos;
    if (version.mariadb && text.starts_with("5.5.5-")) text.remove_prefix(6);
    version.text = truncated(text, 128);
    std::size_t at = 0;
    for (int* part : {&version.major, &version.minor, &version.patch}) {
        for (; at < text.size() && text[at] >= '0' && text[at] <= '9' && *part < 10'000; ++at)
            *part = *part * 10 + (text[at] - '0');
        if (at == text.size() || text[at] != '.') break;
        ++at;
    }
    return version;
}

std::optional<double> statusNumber(std::string_view value) {
    constexpr std::array<std::string_view, 3> kOne = {"Yes", "ON", "Primary"};
    constexpr std::array<std::string_view, 6> kZero = {"No",          "OFF",       "Connecting",
                                                       "non-Primary", "Preparing", "Disconnected"};
    if (value.empty()) return std::nullopt;
    const char first = value.front();
    if ((first >= '0' && first <= '9') || first == '-' || first == '.') return parseDouble(value);
    const auto is = [&](std::string_view word) { return equalsIgnoringCase(word, value); };
    if (std::any_of(kOne.begin(), kOne.end(), is)) return 1;
    if (std::any_of(kZero.begin(), kZero.end(), is)) return 0;
    return std::nullopt;
}

std::optional<double> logFileNumber(std::string_view value) {
    const std::size_t dot = value.rfind('.');
    if (dot == std::string_view::npos || dot == 0) return std::nullopt;
    const auto number = parseUint(value.substr(dot + 1));
    if (!number) return std::nullopt;
    return static_cast<double>(*number);
}

std::string maskStatement(std::string_view sql) {
    std::string out;
    for (std::size_t i = 0; i < sql.size();) {
        const char c = sql[i];
        const bool after_word = i > 0 && isWordCharacter(sql[i - 1]);
        if (c == '\'' || c == '"') {
            out += '?';
            i = endOfLiteral(sql, i);
        } else if (std::isdigit(static_cast<unsigned char>(c)) != 0 && !after_word) {
            out += '?';
            while (i < sql.size() && (isWordCharacter(sql[i]) || sql[i] == '.')) ++i;
        } else {
            out += c;
            ++i;
        }
    }
    return out;
}

std::string maskSqlLiterals(std::string_view text) {
    constexpr std::string_view kQuery = "Query: '";
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        const std::string_view rest = text.substr(i);
        if (rest.starts_with(kQuery)) {
            // The statement runs to the end of the message and its own quotes are not doubled, so
            // only the very last quote can be the closing one.
            std::string_view sql = rest.substr(kQuery.size());
            const bool closed = sql.ends_with('\'');
            if (closed) sql.remove_suffix(1);
            return out + std::string(kQuery) + maskStatement(sql) + (closed ? "'" : "");
        }
        const bool data =
            text[i] == '\'' && std::any_of(kBeforeData.begin(), kBeforeData.end(),
                                           [&](auto word) { return out.ends_with(word); });
        if (data) {
            out += "'?'";
            // Not endOfLiteral: the server does not escape quotes inside the value, so it ends at
            // the quote before " for " (or at the last one).
            const std::size_t key = rest.find("' for ", 1);
            const std::size_t last = key != std::string_view::npos ? key : rest.rfind('\'');
            i += (last == 0 ? rest.size() : last + 1);
        } else {
            out += text[i++];
        }
    }
    return out;
}

std::string verticalText(const SqlRows& rows, std::size_t max_bytes) {
    std::size_t width = 0;
    for (const std::string& column : rows.columns) width = std::max(width, column.size());
    width = std::min<std::size_t>(width, 64);
    std::string out;
    for (std::size_t r = 0; r < rows.rows.size() && out.size() < max_bytes; ++r) {
        out +=
            fmt::format("*************************** {}. row ***************************\n", r + 1);
        for (std::size_t c = 0; c < rows.columns.size() && c < rows.rows[r].size(); ++c) {
            const auto& value = rows.rows[r][c];
            const bool statement = rows.columns[c] == "Info";
            out += fmt::format("{:>{}}: {}\n", rows.columns[c], width,
                               !value      ? "NULL"
                               : statement ? maskStatement(*value)
                                           : maskSqlLiterals(*value));
        }
    }
    return truncated(out, max_bytes);
}

}  // namespace clusterwatch::agent
