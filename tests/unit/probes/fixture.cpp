#include "tests/unit/probes/fixture.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "agent/probes/scan_text.h"
#include "common/text.h"

namespace clusterwatch::agent {

namespace {

std::string readFile(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    EXPECT_TRUE(file.good()) << path;
    std::ostringstream content;
    content << file.rdbuf();
    return content.str();
}

std::string seriesName(const std::string& name, Labels labels) {
    labels.set(kMetricName, name);
    return labels.toString();
}

}  // namespace

std::string fixturePath(const std::string& path) {
    return std::string(CLUSTERWATCH_SOURCE_DIR) + "/tests/fixtures/" + path;
}

std::string fixture(const std::string& path) { return readFile(fixturePath(path)); }

SqlRows rowsFromTsv(std::string_view text) {
    SqlRows rows;
    std::string_view line;
    if (!nextLine(text, line)) return rows;
    for (const auto field : split(line, '\t')) rows.columns.emplace_back(field);
    while (nextLine(text, line)) {
        auto& row = rows.rows.emplace_back();
        for (const auto field : split(line, '\t'))
            row.push_back(field == "NULL" ? std::nullopt
                                          : std::optional<std::string>(std::string(field)));
    }
    return rows;
}

SqlRows rowsFromVertical(std::string_view text) {
    SqlRows rows;
    bool in_rows = false;
    std::string_view line;
    while (nextLine(text, line)) {
        if (line.starts_with("*****")) {
            in_rows = true;
            rows.rows.emplace_back();
            continue;
        }
        if (line.starts_with("--") && in_rows) break;
        const std::size_t colon = line.find(": ");
        if (!in_rows || colon == std::string_view::npos) continue;
        const std::string name(trim(line.substr(0, colon)));
        const std::string_view value = line.substr(colon + 2);
        if (rows.rows.size() == 1) rows.columns.push_back(name);
        rows.rows.back().push_back(
            value == "NULL" ? std::nullopt : std::optional<std::string>(std::string(value)));
    }
    return rows;
}

std::vector<std::string> seriesOf(const ProbeRun& run) {
    std::vector<std::string> series;
    for (const auto& family : run.families)
        for (const auto& reading : family.readings)
            series.push_back(seriesName(family.name, reading.labels));
    std::sort(series.begin(), series.end());
    return series;
}

double valueOf(const ProbeRun& run, const std::string& series) {
    for (const auto& family : run.families)
        for (const auto& reading : family.readings)
            if (seriesName(family.name, reading.labels) == series) return reading.value;
    return std::nan("");
}

std::string printRun(const ProbeRun& run) {
    std::vector<std::string> lines;
    for (const auto& family : run.families)
        for (const auto& reading : family.readings)
            lines.push_back(seriesName(family.name, reading.labels) + " " +
                            formatDouble(reading.value));
    std::sort(lines.begin(), lines.end());
    std::string out = "outcome " + std::string(toString(run.outcome));
    out += (run.message.empty() ? "" : ": " + run.message) + "\n";
    for (const auto& line : lines) out += line + "\n";
    for (const auto& check : run.checks)
        out += "check " + check.name + " " + std::string(toString(check.state)) + ": " +
               check.text + "\n";
    for (const auto& fact : run.facts) out += "fact " + fact.name + ": " + fact.value + "\n";
    for (const auto& evidence : run.evidence) out += "evidence " + evidence.title + "\n";
    return out;
}

void expectGolden(const std::string& name, const std::string& actual) {
    const std::string path =
        std::string(CLUSTERWATCH_SOURCE_DIR) + "/tests/golden/probes/" + name + ".txt";
    const char* update = std::getenv("CLUSTERWATCH_UPDATE_GOLDEN");
    if (update != nullptr && std::string_view(update) == "1") {
        std::ofstream(path, std::ios::binary) << actual;
        return;
    }
    EXPECT_EQ(readFile(path), actual) << "CLUSTERWATCH_UPDATE_GOLDEN=1 rewrites " << path;
}

std::map<std::string, double> exposition(std::string_view text) {
    std::map<std::string, double> series;
    std::string_view line;
    while (nextLine(text, line)) {
        if (line.empty() || line.starts_with('#')) continue;
        const std::size_t space = line.rfind(' ');
        const auto value = parseDouble(line.substr(space + 1));
        EXPECT_TRUE(value.has_value()) << line;
        std::string_view name = line.substr(0, space);
        Labels labels;
        const std::size_t brace = name.find('{');
        if (brace != std::string_view::npos) {
            std::string_view rest = name.substr(brace + 1);
            name = name.substr(0, brace);
            for (std::size_t equals; (equals = rest.find("=\"")) != std::string_view::npos;) {
                const std::string_view label = rest.substr(0, equals);
                rest.remove_prefix(equals + 2);
                const std::size_t end = rest.find('"');
                labels.set(label, rest.substr(0, end));
                rest.remove_prefix(end + 1);
                if (rest.starts_with(',')) rest.remove_prefix(1);
            }
        }
        series[seriesName(std::string(name), labels)] = value.value_or(0);
    }
    return series;
}

TestContext::TestContext(Milliseconds budget)
    : context_{clock_, clock_.monotonicNow() + budget, {}, previous} {}

}  // namespace clusterwatch::agent
