// Each state of a real MariaDB 10.11 and MySQL 5.6 replica (tests/fixtures), as it is judged.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/probes/mysql_replication.h"
#include "agent/probes/replication_status.h"
#include "agent/probes/replication_verdict.h"
#include "tests/unit/probes/fixture.h"

namespace clusterwatch::agent {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kLag = "mysql_slave_status_seconds_behind_master";

SqlRows rowsOf(const std::string& path) {
    const std::string text = fixture(path);
    return path.ends_with(".tsv") ? rowsFromTsv(text) : rowsFromVertical(text);
}

ProbeRun runOf(const SqlRows& rows) {
    ProbeRun run;
    for (const auto& channel : replicationChannels(rows)) {
        addSlaveStatus(channel, run);
        addThreadStates(channel, run);
        addReplicationFacts(channel, run);
        run.checks.push_back(judgeReplication(channel, {}, std::nullopt));
    }
    return run;
}

const MetricFamily* find(const ProbeRun& run, std::string_view name) {
    for (const auto& family : run.families)
        if (family.name == name) return &family;
    return nullptr;
}

enum class Lag { kAbsent, kPresent };

TEST(ReplicationVerdict, OfEachCapturedState) {
    const auto f = [](const std::string& file, State state, Lag lag, const std::string& text) {
        SCOPED_TRACE(file);
        const ProbeRun run = runOf(rowsOf(file));
        ASSERT_EQ(run.checks.size(), 1u);
        EXPECT_EQ(run.checks[0].name, "replication");
        EXPECT_EQ(toString(run.checks[0].state), toString(state)) << run.checks[0].text;
        EXPECT_THAT(run.checks[0].text, HasSubstr(text));
        EXPECT_EQ(find(run, kLag) != nullptr, lag == Lag::kPresent);
    };
    const std::string m = "mariadb/replication/";
    const std::string end = ".all_slaves.tsv";
    f(m + "01-configured-not-started" + end, State::kCritical, Lag::kAbsent, "never started");
    f(m + "02-healthy-idle" + end, State::kOk, Lag::kPresent, "0 s behind 127.0.0.1:23306");
    f(m + "03-healthy-under-writes" + end, State::kOk, Lag::kPresent, "0 s behind");
    f(m + "04-lagging-sql-thread-waiting-for-table-lock" + end, State::kOk, Lag::kPresent,
      "5 s behind");
    f(m + "05-recovered-after-lag" + end, State::kOk, Lag::kPresent, "0 s behind");
    f(m + "06-sql-thread-stopped-duplicate-key-1062" + end, State::kCritical, Lag::kAbsent,
      "SQL thread stopped by error 1062: Could not execute Write_rows_v1 event on table app.t; "
      "Duplicate entry '?' for key 'PRIMARY'");
    f(m + "07-sql-thread-stopped-still-receiving" + end, State::kCritical, Lag::kAbsent,
      "error 1062");
    f(m + "08-after-repair" + end, State::kOk, Lag::kPresent, "0 s behind");
    f(m + "09-sql-thread-stopped-row-not-found-1032" + end, State::kCritical, Lag::kAbsent,
      "SQL thread stopped by error 1032: Could not execute");
    f(m + "10-io-connecting-refused-2003" + end, State::kCritical, Lag::kAbsent,
      "IO thread can't connect to 127.0.0.1:");
    f(m + "11-io-connecting-access-denied-1045" + end, State::kCritical, Lag::kAbsent,
      "error 1045");
    f(m + "12-io-thread-stopped-sql-running" + end, State::kCritical, Lag::kAbsent,
      "by an operator's STOP SLAVE IO_THREAD");
    f(m + "13-both-threads-stopped" + end, State::kCritical, Lag::kAbsent,
      "both threads are stopped without an error: by an operator");
    f(m + "14-sql-thread-stopped-by-hand" + end, State::kCritical, Lag::kAbsent,
      "by an operator's STOP SLAVE SQL_THREAD");
    // Behind by 6 s of the 30 s that were asked for: not late at all.
    f(m + "15-delayed-replication-30s-waiting" + end, State::kOk, Lag::kPresent,
      "0 s behind 127.0.0.1:23306 beyond its configured delay of 30 s");
    f(m + "16-delayed-replication-30s-idle" + end, State::kOk, Lag::kPresent, "delay of 30 s");
    f(m + "17-parallel-replication-4-threads" + end, State::kOk, Lag::kPresent, "0 s behind");
    f(m + "21-primary-shut-down-reconnecting" + end, State::kCritical, Lag::kAbsent, "2003");
    f(m + "22-after-primary-restart" + end, State::kOk, Lag::kPresent, "0 s behind");
    f(m + "23-io-stopped-binlog-purged-1236" + end, State::kCritical, Lag::kAbsent,
      "IO thread stopped by error 1236");
    f(m + "24-after-reset-slave" + end, State::kCritical, Lag::kAbsent, "without an error");
    f(m + "26-rebuilt-healthy" + end, State::kOk, Lag::kPresent, "0 s behind");
    // MySQL 5.6 says 0 s behind while it can't connect; the verdict does not believe it.
    f("mysql56/01-io-connecting-access-denied-seconds-behind-is-0.txt", State::kCritical,
      Lag::kPresent, "IO thread can't connect");
    f("mysql56/02-healthy-gtid-auto-position.txt", State::kOk, Lag::kPresent, "0 s behind");
    f("mysql56/03-sql-thread-stopped-duplicate-key-1062.txt", State::kCritical, Lag::kAbsent,
      "Query: 'insert into t.a values(?)");
    f("mysql56/04-after-repair.txt", State::kOk, Lag::kPresent, "0 s behind");
    f("mysql56/05-io-thread-stopped.txt", State::kCritical, Lag::kAbsent, "IO_THREAD");
    f("mysql56/06-both-stopped.txt", State::kCritical, Lag::kAbsent, "both threads");
    f("mysql56/07-delayed-30s-waiting.txt", State::kOk, Lag::kPresent, "delay of 30 s");
}

TEST(ReplicationVerdict, NoRowIsCriticalOnlyForAReplica) {
    EXPECT_TRUE(
        replicationChannels(rowsOf("mariadb/replication/00-not-a-replica.all_slaves.tsv")).empty());
    EXPECT_TRUE(
        replicationChannels(rowsOf("mariadb/replication/25-after-reset-slave-all.all_slaves.tsv"))
            .empty());
    EXPECT_EQ(judgeNotConfigured("replica", "SHOW SLAVE STATUS").state, State::kCritical);
    EXPECT_THAT(judgeNotConfigured("replica", "SHOW REPLICA STATUS").text,
                HasSubstr("RESET REPLICA ALL"));
    EXPECT_EQ(judgeNotConfigured("primary", "SHOW SLAVE STATUS").state, State::kOk);
    EXPECT_EQ(judgeNotConfigured("", "SHOW SLAVE STATUS").state, State::kOk);
}

TEST(ReplicationVerdict, EachChannelHasItsOwnCheckAndSeries) {
    const ProbeRun run = runOf(
        rowsOf("mariadb/replication/19-multi-source-default-ok-reports-connecting.all_slaves.tsv"));
    ASSERT_EQ(run.checks.size(), 2u);
    EXPECT_EQ(run.checks[0].name, "replication");
    EXPECT_EQ(run.checks[0].state, State::kOk);
    EXPECT_EQ(run.checks[1].name, "replication:reports");
    EXPECT_EQ(run.checks[1].state, State::kCritical);
    // The broken channel has no lag; it does not inherit the other's 0 (telegraf does).
    const MetricFamily* lag = find(run, kLag);
    ASSERT_NE(lag, nullptr);
    ASSERT_EQ(lag->readings.size(), 1u);
    EXPECT_EQ(lag->readings[0].labels.get("connection_name"), "");
}

SqlRows running(const std::string& lag, const std::string& delay = "0",
                const std::string& io = "Yes", const std::string& sql = "Yes") {
    SqlRows rows;
    rows.columns = {"Replica_IO_Running", "Replica_SQL_Running", "Seconds_Behind_Source",
                    "SQL_Delay",          "Source_Host",         "Channel_Name",
                    "Source_UUID"};
    rows.rows = {{io, sql, lag == "NULL" ? std::nullopt : std::optional<std::string>(lag), delay,
                  "db1", "", "9da6"}};
    return rows;
}

// START SLAVE is a syntax error on MySQL 8.4.
TEST(ReplicationVerdict, NamesStatementsThatTheServerUnderstands) {
    const auto text = [](const std::string& io, const std::string& sql) {
        return runOf(running("NULL", "0", io, sql)).checks.at(0).text;
    };
    EXPECT_THAT(text("No", "No"), HasSubstr("START REPLICA when"));
    EXPECT_THAT(text("No", "Yes"), HasSubstr("START REPLICA IO_THREAD"));
    EXPECT_THAT(text("Yes", "No"), HasSubstr("START REPLICA SQL_THREAD"));
    for (const auto* io : {"Yes", "No"}) EXPECT_THAT(text(io, "No"), Not(HasSubstr("SLAVE")));
}

TEST(ReplicationVerdict, OfLagAndThresholds) {
    const auto f = [](const SqlRows& rows, State state, const std::string& text) {
        const CheckResult check =
            judgeReplication(replicationChannels(rows).front(), {}, std::nullopt);
        EXPECT_EQ(toString(check.state), toString(state)) << check.text;
        EXPECT_THAT(check.text, HasSubstr(text));
    };
    f(running("9"), State::kOk, "9 s behind db1");
    f(running("10"), State::kWarning, "10 s behind");
    f(running("30"), State::kCritical, "30 s behind");
    f(running("39", "30"), State::kOk, "9 s behind db1 beyond its configured delay of 30 s");
    f(running("60", "30"), State::kCritical, "30 s behind");
    f(running("NULL"), State::kUnknown, "no lag (NULL)");
    f(running("", ""), State::kUnknown, "no lag");
    f(running("x"), State::kUnknown, "no lag");
    f(running("0", "0", "Connecting"), State::kWarning, "has no connection yet");
    f(running("0", "0", "Preparing"), State::kWarning, "still starting");
    f(running("0", "0", "Perhaps"), State::kUnknown, "does not say");
    f(running("0", "0", "", ""), State::kUnknown, "does not say");
}

TEST(ReplicationVerdict, AFrozenPrimaryIsNoticedByItsMissingHeartbeats) {
    // 18a-c: frozen with SIGSTOP, period 30 s: Yes, Yes, 0 throughout, and nothing arrives.
    const auto frozen = replicationChannels(
        rowsOf("mariadb/replication/18c-primary-frozen-sigstop-after-25s.all_slaves.tsv"));
    ReceiverWatch watch;
    const MonotonicTime start{};
    EXPECT_EQ(watch.observe(frozen[0], start), std::nullopt);
    EXPECT_EQ(watch.observe(frozen[0], start + std::chrono::seconds(90)), std::nullopt);
    const auto silent = watch.observe(frozen[0], start + std::chrono::seconds(91));
    ASSERT_EQ(silent, std::chrono::seconds(91));
    const CheckResult check = judgeReplication(frozen[0], {}, silent);
    EXPECT_EQ(check.state, State::kCritical);
    EXPECT_THAT(check.text, HasSubstr("a lag of 0 s can't be believed"));
    // Anything that arrives ends it.
    const auto alive =
        replicationChannels(rowsOf("mariadb/replication/22-after-primary-restart.all_slaves.tsv"));
    EXPECT_EQ(watch.observe(alive[0], start + std::chrono::seconds(92)), std::nullopt);
}

TEST(ReplicationStatus, OldAndNewSpellingGiveTheSameNames) {
    const auto f = [](std::string_view column, std::string_view expected) {
        EXPECT_EQ(canonicalColumn(column), expected);
    };
    f("Slave_IO_Running", "slave_io_running");
    f("Replica_IO_Running", "slave_io_running");
    f("Seconds_Behind_Source", "seconds_behind_master");
    f("Read_Source_Log_Pos", "read_master_log_pos");
    f("Source_UUID", "master_uuid");
    f("Get_Source_public_key", "get_master_public_key");
    f("Replicate_Do_DB", "replicate_do_db");  // begins like replica, is another word
    f("Max_relay_log_size", "max_relay_log_size");
    const ProbeRun run = runOf(running("3"));
    EXPECT_THAT(seriesOf(run), Contains("mysql_slave_status_seconds_behind_master{master_host="
                                        "\"db1\",master_uuid=\"9da6\"}"));
}

TEST(ReplicationStatus, NullIsAbsentAndNeverZero) {
    EXPECT_EQ(find(runOf(running("NULL")), kLag), nullptr);
    EXPECT_EQ(find(runOf(running("")), kLag), nullptr);
}

TEST(ReplicationStatus, SeriesAreTheExporters) {
    const auto theirs = exposition(fixture("mysqld_exporter/metrics.txt"));
    const auto ours = seriesOf(runOf(rowsOf("mariadb/replication/02-healthy-idle.all_slaves.tsv")));
    for (const auto& [series, value] : theirs)
        if (series.starts_with("mysql_slave_status_")) {
            EXPECT_THAT(ours, Contains(series));
        }
}

TEST(ReplicationStatus, ThreadStateIsOneHot) {
    const ProbeRun run =
        runOf(rowsOf("mariadb/replication/10-io-connecting-refused-2003.all_slaves.tsv"));
    const auto state = [&](const std::string& thread, const std::string& word) {
        return valueOf(run,
                       "clusterwatch_replication_thread_state{master_host=\"127.0.0.1\","
                       "state=\"" +
                           word + "\",thread=\"" + thread + "\"}");
    };
    EXPECT_EQ(state("io", "connecting"), 1);
    EXPECT_EQ(state("io", "yes"), 0);
    EXPECT_EQ(state("io", "no"), 0);
    EXPECT_EQ(state("sql", "yes"), 1);
    // The exporter's own gauge can't tell connecting from stopped.
    EXPECT_EQ(valueOf(run, "mysql_slave_status_slave_io_running{master_host=\"127.0.0.1\"}"), 0);
}

TEST(ReplicationStatus, StatementFitsTheServer) {
    const auto f = [](std::string_view version, std::string_view replica,
                      std::string_view primary) {
        EXPECT_EQ(replicationStatement(parseServerVersion(version)), replica) << version;
        EXPECT_EQ(binlogStatement(parseServerVersion(version)), primary) << version;
    };
    f("5.6.24-log", "SHOW SLAVE STATUS", "SHOW MASTER STATUS");
    f("8.0.21", "SHOW SLAVE STATUS", "SHOW MASTER STATUS");
    f("8.0.22-0ubuntu0", "SHOW REPLICA STATUS", "SHOW MASTER STATUS");
    f("8.4.3", "SHOW REPLICA STATUS", "SHOW BINARY LOG STATUS");
    f("9.1.0", "SHOW REPLICA STATUS", "SHOW BINARY LOG STATUS");
    f("10.11.19-MariaDB-0+deb12u1-log", "SHOW ALL SLAVES STATUS", "SHOW MASTER STATUS");
    f("5.5.5-10.4.8-MariaDB", "SHOW ALL SLAVES STATUS", "SHOW MASTER STATUS");
    f("5.5.68-MariaDB", "SHOW SLAVE STATUS", "SHOW MASTER STATUS");
}

TEST(ReplicationEvidence, HoldsTheRowsAndNoLiterals) {
    const std::string text = verticalText(
        rowsOf("mariadb/replication/06-sql-thread-stopped-duplicate-key-1062.all_slaves.tsv"),
        64 << 10);
    EXPECT_THAT(text, HasSubstr("1. row"));
    EXPECT_THAT(text, HasSubstr("Slave_SQL_Running: No"));
    EXPECT_THAT(text, HasSubstr("Seconds_Behind_Master: NULL"));
    EXPECT_THAT(text, HasSubstr("Duplicate entry '?' for key 'PRIMARY'"));
    EXPECT_THAT(text, Not(HasSubstr("'50'")));
    EXPECT_LE(verticalText(rowsOf("mysql56/02-healthy-gtid-auto-position.txt"), 100).size(), 103u);
}

TEST(MaskSqlLiterals, KeepsNamesAndHidesData) {
    const auto f = [](std::string_view text, std::string_view expected) {
        EXPECT_EQ(maskSqlLiterals(text), expected);
    };
    f("", "");
    f("Duplicate entry '4711-bob@example.com' for key 'users.PRIMARY'",
      "Duplicate entry '?' for key 'users.PRIMARY'");
    f("Duplicate entry 'O'Brien' for key 'name'", "Duplicate entry '?' for key 'name'");
    f("Incorrect string value: '\\xF0\\x9F' for column 'c' at row 1",
      "Incorrect string value: '?' for column 'c' at row 1");
    f("Error on query. Default database: 'app'. Query: 'update t1 set a='x''y', b=\"z\" where "
      "id=17 and c2=0x1F'",
      "Error on query. Default database: 'app'. Query: 'update t1 set a=?, b=? where id=? and "
      "c2=?'");
    f("error connecting to master 'repl@127.0.0.1:23306' - retry-time: 2",
      "error connecting to master 'repl@127.0.0.1:23306' - retry-time: 2");
    f("Duplicate entry 'never closed", "Duplicate entry '?'");
    f("Duplicate entry '", "Duplicate entry '?'");
    f("Query: '", "Query: '");
    f("Query: 'insert into t values(''", "Query: 'insert into t values(?'");
    f("Query: 'insert into t values('cut off in the mid", "Query: 'insert into t values(?");
}

TEST(MaskStatement, OfAProcessList) {
    SqlRows rows;
    rows.columns = {"Id", "Info"};
    rows.rows = {{"7", "select * from users where mail='bob@example.com' and id in (1,2)"},
                 {"8", std::nullopt}};
    EXPECT_EQ(verticalText(rows, 1000),
              "*************************** 1. row ***************************\n"
              "  Id: 7\n"
              "Info: select * from users where mail=? and id in (?,?)\n"
              "*************************** 2. row ***************************\n"
              "  Id: 8\n"
              "Info: NULL\n");
}

TEST(ReplicationGolden, BrokenReplica) {
    expectGolden(
        "mysql_replication-sql-thread-stopped-1062",
        printRun(runOf(rowsOf("mariadb/replication/"
                              "06-sql-thread-stopped-duplicate-key-1062.all_slaves.tsv"))));
    expectGolden("mysql_replication-mysql56-healthy",
                 printRun(runOf(rowsOf("mysql56/02-healthy-gtid-auto-position.txt"))));
}

}  // namespace
}  // namespace clusterwatch::agent
