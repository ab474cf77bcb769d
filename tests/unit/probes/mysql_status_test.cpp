#include "agent/probes/mysql_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/probes/mysql_session.h"
#include "tests/unit/probes/fixture.h"

namespace clusterwatch::agent {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

ProbeRun statusRun(const std::string& status, const std::string& variables, MysqlFigures& figures) {
    ProbeRun run;
    addGlobalStatus(rowsFromTsv(fixture(status)), run, figures);
    addGlobalVariables(rowsFromTsv(fixture(variables)), run, figures);
    return run;
}

TEST(MysqlStatus, SeriesAreTheExporters) {
    MysqlFigures figures;
    const ProbeRun run = statusRun("mariadb/replica-show-global-status.tsv",
                                   "mariadb/replica-show-global-variables.tsv", figures);
    const auto theirs = exposition(fixture("mysqld_exporter/metrics.txt"));
    const auto ours = seriesOf(run);
    for (const auto& series : ours)
        EXPECT_TRUE(theirs.count(series) == 1) << "not theirs: " << series;
    for (const auto& [series, value] : theirs) {
        if (!series.starts_with("mysql_global_status_") ||
            series.starts_with("mysql_global_status_feature_") ||
            series.starts_with("mysql_global_status_acl_"))
            continue;
        EXPECT_THAT(ours, Contains(series));
    }
}

TEST(MysqlStatus, ValuesOfVariablesAreTheExporters) {
    MysqlFigures figures;
    const ProbeRun run = statusRun("mariadb/replica-show-global-status.tsv",
                                   "mariadb/replica-show-global-variables.tsv", figures);
    const auto theirs = exposition(fixture("mysqld_exporter/metrics.txt"));
    int compared = 0;
    for (const auto& series : seriesOf(run)) {
        if (!series.starts_with("mysql_global_variables_")) continue;
        ++compared;
        EXPECT_EQ(valueOf(run, series), theirs.at(series)) << series;
    }
    EXPECT_GE(compared, 35);
}

TEST(MysqlStatus, GroupsOfMysql56) {
    MysqlFigures figures;
    const ProbeRun run = statusRun("mysql56/replica-show-global-status.tsv",
                                   "mysql56/replica-show-global-variables.tsv", figures);
    expectGolden("mysql-mysql56", printRun(run));
    EXPECT_TRUE(figures.uptime_seconds && figures.max_connections && figures.read_only);
}

TEST(MysqlStatus, WordsBecomeNumbersAndNothingElseDoes) {
    const auto f = [](std::string_view text, std::optional<double> expected) {
        EXPECT_EQ(statusNumber(text), expected) << text;
    };
    f("0", 0);
    f("1.5", 1.5);
    f("-1", -1);
    f("ON", 1);
    f("Yes", 1);
    f("OFF", 0);
    f("No", 0);
    f("Connecting", 0);
    f("Preparing", 0);
    f("Primary", 1);
    f("non-Primary", 0);
    f("", std::nullopt);
    f("NULL", std::nullopt);
    f("inf", std::nullopt);
    f("NaN", std::nullopt);
    f("mysql-bin.000001", std::nullopt);
    f("127.0.0.1", std::nullopt);
    f("0-1-410", std::nullopt);
    EXPECT_EQ(logFileNumber("mysql-bin.000123"), 123);
    EXPECT_EQ(logFileNumber(""), std::nullopt);
    EXPECT_EQ(logFileNumber(".1"), std::nullopt);
    EXPECT_EQ(logFileNumber("mysql-bin."), std::nullopt);
}

TEST(MysqlStatus, AnyRowsAreTaken) {
    MysqlFigures figures;
    ProbeRun run;
    addGlobalStatus({}, run, figures);
    SqlRows rows;
    rows.columns = {"Value", "Variable_name"};  // by name, not by position
    rows.rows = {
        {"7", "Uptime"},         {std::nullopt, "Threads_running"}, {"1"}, {}, {"3", "Com_"},
        {"4", "sch\xC3n \"x\""}, {"5", std::string(5000, 'a')}};
    addGlobalStatus(rows, run, figures);
    EXPECT_EQ(figures.uptime_seconds, 7);
    EXPECT_THAT(seriesOf(run), Contains("mysql_global_status_com_"));
    EXPECT_THAT(seriesOf(run), Contains("mysql_global_status_sch_n__x_"));
    EXPECT_EQ(run.sampleCount(), 3u);
}

TEST(MysqlChecks, OfConnectionsAndRole) {
    const auto connections = [](double used, double limit) {
        MysqlFigures figures;
        figures.threads_connected = used;
        figures.max_connections = limit;
        return judgeMysqlConnections(figures).state;
    };
    EXPECT_EQ(connections(10, 151), State::kOk);
    EXPECT_EQ(connections(121, 151), State::kWarning);
    EXPECT_EQ(connections(150, 151), State::kCritical);
    EXPECT_EQ(judgeMysqlConnections({}).state, State::kUnknown);
    const auto writable = [](std::optional<double> read_only, std::string_view role) {
        MysqlFigures figures;
        figures.read_only = read_only;
        const auto check = judgeReadOnly(figures, role);
        return check ? std::optional<State>(check->state) : std::nullopt;
    };
    EXPECT_EQ(writable(1, "primary"), State::kCritical);
    EXPECT_EQ(writable(0, "primary"), State::kOk);
    EXPECT_EQ(writable(0, "replica"), State::kWarning);
    EXPECT_EQ(writable(1, "replica"), State::kOk);
    EXPECT_EQ(writable(std::nullopt, "replica"), State::kUnknown);
    EXPECT_EQ(writable(1, ""), std::nullopt);
}

TEST(MysqlOutcome, OfErrorNumbers) {
    EXPECT_EQ(mysqlOutcome(1040), Outcome::kFull);
    EXPECT_EQ(mysqlOutcome(1203), Outcome::kFull);
    EXPECT_EQ(mysqlOutcome(1045), Outcome::kAuthentication);
    EXPECT_EQ(mysqlOutcome(1130), Outcome::kAuthentication);
    EXPECT_EQ(mysqlOutcome(1227), Outcome::kPermission);
    EXPECT_EQ(mysqlOutcome(2002), Outcome::kRefused);
    EXPECT_EQ(mysqlOutcome(2003), Outcome::kRefused);
    EXPECT_EQ(mysqlOutcome(1969), Outcome::kTimedOut);
    EXPECT_EQ(mysqlOutcome(1064), Outcome::kParse);
}

TEST(ServerVersion, OfGreetings) {
    const auto f = [](std::string_view text, bool mariadb, int major, int minor, int patch) {
        const ServerVersion v = parseServerVersion(text);
        EXPECT_EQ(v.mariadb, mariadb) << text;
        EXPECT_EQ(v.major, major) << text;
        EXPECT_EQ(v.minor, minor) << text;
        EXPECT_EQ(v.patch, patch) << text;
    };
    f("5.5.5-10.11.19-MariaDB-0+deb12u1-log", true, 10, 11, 19);
    f("8.0.36-28", false, 8, 0, 36);
    f("", false, 0, 0, 0);
    f("...", false, 0, 0, 0);
    f("99999999999999999999.1", false, 99999, 0, 0);
}

}  // namespace
}  // namespace clusterwatch::agent
