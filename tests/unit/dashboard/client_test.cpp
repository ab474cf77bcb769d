// The client and the session against the stand-in collector (fake_collector.py): what a frozen, a dead
// and a returning collector look like from here.
#include <QElapsedTimer>
#include <QProcess>
#include <QTest>

#include <gtest/gtest.h>

#include "dashboard/shell/now_session.h"

namespace clusterwatch::dashboard {
namespace {

class FakeCollector {
  public:
    explicit FakeCollector(const QString& scene, int port = 0) {
        process_.setProcessChannelMode(QProcess::ForwardedErrorChannel);
        process_.start("python3", {QString(CLUSTERWATCH_SOURCE_DIR) +
                                       "/tests/unit/dashboard/fake_collector.py",
                                   "--scene", scene, "--port", QString::number(port)});
        process_.waitForReadyRead(10'000);
        url_ = QUrl(QString::fromUtf8(process_.readLine()).trimmed());
    }
    ~FakeCollector() {
        say("quit");
        process_.waitForFinished(5000);
    }
    void say(const QByteArray& line) {
        process_.write(line + '\n');
        process_.waitForBytesWritten(1000);
    }
    const QUrl& url() const { return url_; }

  private:
    QProcess process_;
    QUrl url_;
};

TileState worstTile(const NowSession& session) {
    TileState worst = TileState::kNotMonitored;
    for (const TileView& tile : session.view().tiles)
        if (tile.state != TileState::kNotMonitored && tile.state != TileState::kOk)
            worst = tile.state;
    return worst;
}

bool anyTileIs(const NowSession& session, TileState state) {
    for (const TileView& tile : session.view().tiles)
        if (tile.state == state) return true;
    return false;
}

const SystemClock kClock;

TEST(Session, BecomesCompleteAndCalm) {
    FakeCollector collector("healthy");
    NowSession session({collector.url(), {}}, kClock);
    session.start();
    ASSERT_TRUE(QTest::qWaitFor([&] { return session.complete(); }, 10'000));
    EXPECT_TRUE(
        QTest::qWaitFor([&] { return session.view().verdict.kind == Verdict::Kind::kCalm; }, 5000));
    for (const TileView& tile : session.view().tiles)
        EXPECT_TRUE(!tile.metric || tile.value) << tile.name.toStdString();
    EXPECT_FALSE(session.lag().lines.empty());
}

TEST(Session, AFrozenCollectorIsBlindnessWithinFiveSecondsAndMendsItself) {
    FakeCollector collector("healthy");
    NowSession session({collector.url(), {}}, kClock);
    session.start();
    ASSERT_TRUE(QTest::qWaitFor([&] { return session.view().verdict.kind == Verdict::Kind::kCalm; },
                                10'000));
    collector.say("freeze");  // its connections stay open
    QElapsedTimer since;
    since.start();
    ASSERT_TRUE(QTest::qWaitFor(
        [&] { return session.view().verdict.kind == Verdict::Kind::kBlind; }, 8000));
    EXPECT_LT(since.elapsed(), 5000);
    EXPECT_FALSE(anyTileIs(session, TileState::kOk));
    EXPECT_TRUE(anyTileIs(session, TileState::kStale));
    collector.say("thaw");
    EXPECT_TRUE(QTest::qWaitFor([&] { return session.view().verdict.kind == Verdict::Kind::kCalm; },
                                15'000));
    EXPECT_EQ(worstTile(session), TileState::kNotMonitored);
}

TEST(Session, ADeadCollectorIsBlindnessAtOnce) {
    auto collector = std::make_unique<FakeCollector>("healthy");
    NowSession session({collector->url(), {}}, kClock);
    session.start();
    ASSERT_TRUE(QTest::qWaitFor([&] { return session.view().verdict.kind == Verdict::Kind::kCalm; },
                                10'000));
    collector.reset();
    EXPECT_TRUE(QTest::qWaitFor(
        [&] { return session.view().verdict.kind == Verdict::Kind::kBlind; }, 1500));
    EXPECT_GT(session.view().link.heard_ms, 0);
    EXPECT_FALSE(anyTileIs(session, TileState::kOk));
}

TEST(Session, ARunChangesItsTile) {
    FakeCollector collector("healthy");
    NowSession session({collector.url(), {}}, kClock);
    session.start();
    ASSERT_TRUE(QTest::qWaitFor([&] { return session.view().verdict.kind == Verdict::Kind::kCalm; },
                                10'000));
    collector.say("scene warning");
    EXPECT_TRUE(QTest::qWaitFor([&] { return anyTileIs(session, TileState::kWarning); }, 15'000));
}

TEST(Session, AnUnreachableCollectorIsSaidInWords) {
    NowSession session({QUrl("http://127.0.0.1:1"), {}}, kClock);
    EXPECT_EQ(session.view().verdict.kind, Verdict::Kind::kConnecting);
    session.start();
    ASSERT_TRUE(QTest::qWaitFor(
        [&] { return session.view().verdict.kind == Verdict::Kind::kBlind; }, 5000));
    EXPECT_EQ(session.view().link.reason, "connection refused");
    EXPECT_TRUE(session.view().tiles.empty());
}

TEST(Retry, PausesGrowToAnEnd) {
    EXPECT_EQ(retryPause(1).count(), 500);
    EXPECT_EQ(retryPause(2).count(), 1000);
    EXPECT_EQ(retryPause(5).count(), 8000);
    EXPECT_EQ(retryPause(1000).count(), 8000);
}

}  // namespace
}  // namespace clusterwatch::dashboard
