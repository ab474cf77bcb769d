// What a MySQL or MariaDB server answers, as plain values, and how its words become numbers.
// Pure: no client library here, so that tests fill SqlRows from captured text.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace clusterwatch::agent {

// A whole result set. NULL is nullopt, which is not the empty string.
struct SqlRows {
    using Row = std::vector<std::optional<std::string>>;

    std::vector<std::string> columns;
    std::vector<Row> rows;  // each as long as `columns`

    // The index of a column by name (any case), or nullopt. Never by position: servers add columns.
    std::optional<std::size_t> column(std::string_view name) const;
};

struct ServerVersion {
    bool mariadb = false;
    int major = 0;
    int minor = 0;
    int patch = 0;
    std::string text;  // "10.11.19-MariaDB-0+deb12u1-log"

    bool atLeast(int want_major, int want_minor, int want_patch) const;
};

// From the version in the server's greeting. MariaDB 10 may prefix "5.5.5-".
ServerVersion parseServerVersion(std::string_view text);

// A status or variable as mysqld_exporter reads it (collector/exporter.go, parseStatus): a number;
// Yes, ON, Primary are 1; No, OFF, Connecting, non-Primary, Disconnected are 0; we add Preparing
// (MySQL 8: a thread on its way, not running: 0). Anything else is no number.
std::optional<double> statusNumber(std::string_view value);

// "mysql-bin.000123" -> 123; of columns that hold a log file's name.
std::optional<double> logFileNumber(std::string_view value);

// The text with the data in it replaced by ?: literals of a quoted statement ("Query: '...'") and
// the values of messages like "Duplicate entry '...' for key". Names of tables, keys and hosts stay.
std::string maskSqlLiterals(std::string_view text);

// A bare statement with its string and number literals replaced by ?.
std::string maskStatement(std::string_view sql);

// Rows as the command-line client prints them with \G, literals masked, at most `max_bytes`. A column
// "Info" is taken for a statement (SHOW PROCESSLIST).
std::string verticalText(const SqlRows& rows, std::size_t max_bytes);

}  // namespace clusterwatch::agent
