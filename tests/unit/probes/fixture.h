// What the tests of the probes share: fixtures, a run printed as text, and golden files.
//
// A golden file is compared with what a probe yields from a fixture, and rewritten when the
// environment variable CLUSTERWATCH_UPDATE_GOLDEN is 1; look at the difference before you commit it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/probe.h"
#include "agent/probes/mysql_text.h"
#include "common/probe_run.h"

namespace clusterwatch::agent {

// The content of tests/fixtures/<path>. Fails the test if it can't be read.
std::string fixture(const std::string& path);
std::string fixturePath(const std::string& path);

// What `mysql --batch` prints: a header, tabs, NULL as a word.
SqlRows rowsFromTsv(std::string_view text);
// What `mysql` prints with \G; only the first statement's rows of a file that holds several.
SqlRows rowsFromVertical(std::string_view text);

// Series as `name{a="b"} value`, sorted, then checks, facts and evidence titles.
std::string printRun(const ProbeRun& run);
// The series alone, without values.
std::vector<std::string> seriesOf(const ProbeRun& run);
// The value of one series written as `name{a="b"}`, or NaN if there is none.
double valueOf(const ProbeRun& run, const std::string& series);

void expectGolden(const std::string& name, const std::string& actual);

// An exporter's exposition text as series -> value. Labels are sorted and empty ones dropped, as in
// our own label sets.
std::map<std::string, double> exposition(std::string_view text);

// A context with a deadline on the real clock.
class TestContext {
  public:
    explicit TestContext(Milliseconds budget = std::chrono::seconds(2));
    const ProbeContext& get() const { return context_; }
    std::map<std::string, State, std::less<>> previous;

  private:
    SystemClock clock_;
    ProbeContext context_;
};

}  // namespace clusterwatch::agent
