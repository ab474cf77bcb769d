// Pixels of the Now screen. With CLUSTERWATCH_PICTURES=DIR the pictures are kept there.
#include <QApplication>
#include <QLabel>
#include <QListView>
#include <QTest>

#include <gtest/gtest.h>

#include "dashboard/charts/time_series_view.h"
#include "dashboard/screens/headline.h"
#include "dashboard/screens/now_screen.h"
#include "dashboard/screens/problem_list.h"
#include "dashboard/screens/tier_tile.h"
#include "dashboard/shell/main_window.h"
#include "dashboard/shell/now_session.h"
#include "world.h"

namespace clusterwatch::dashboard {
namespace {

using test::World;

ChartData chart(bool with_gap) {
    ChartData data;
    data.answered = true;
    data.from_ms = test::kNow_ms - 3'600'000;
    data.to_ms = test::kNow_ms;
    Series series;
    series.labels["instance"] = "db2";
    for (std::int64_t t = data.from_ms; t <= data.to_ms; t += 5000)
        if (!with_gap || t < test::kNow_ms - 1'200'000 || t > test::kNow_ms - 900'000)
            series.points.push_back({t, double((t / 5000) % 7)});
    data.lines.push_back(series);
    return data;
}

QImage grab(const World& world, const Theme& theme, QSize size, const char* name) {
    NowScreen screen;
    screen.setTheme(theme);
    screen.resize(size);
    screen.setAttribute(Qt::WA_DontShowOnScreen);
    static_cast<QWidget&>(screen).show();
    screen.display(world.view());
    screen.showLag(chart(true));
    screen.showRequests(chart(false));
    QApplication::processEvents();
    const QImage image = screen.grab().toImage();
    if (const QByteArray directory = qgetenv("CLUSTERWATCH_PICTURES"); !directory.isEmpty())
        image.save(directory + '/' + name + ".png");
    return image;
}

double saturatedShare(const QImage& image) {
    int saturated = 0;
    for (int y = 0; y < image.height(); ++y)
        for (int x = 0; x < image.width(); ++x)
            saturated += image.pixelColor(x, y).hsvSaturationF() > 0.35;
    return double(saturated) / image.width() / image.height();
}

TEST(Screen, AHealthyClusterIsGrey) {
    const World world;
    for (const Theme* theme : {&Theme::light(), &Theme::darkTheme()})
        EXPECT_LT(saturatedShare(grab(world, *theme, {1366, 768},
                                      theme->dark ? "healthy_dark" : "healthy_light")),
                  0.005);
}

TEST(Screen, ACriticalOneIsNot) {
    World world;
    test::setState(world.targets["db2"], State::kCritical,
                   "SQL thread stopped: 1062 Duplicate entry '4711' for key 'PRIMARY'");
    EXPECT_GT(saturatedShare(grab(world, Theme::light(), {1920, 1080}, "critical_light")), 0.003);
}

// A plain ground has long runs of one colour; on a hatched one none is longer than the hatch is wide.
int longestRun(const QImage& image, int y) {
    int longest = 0, run = 0;
    for (int x = 1; x < image.width(); ++x) {
        run = image.pixel(x, y) == image.pixel(x - 1, y) ? run + 1 : 0;
        longest = std::max(longest, run);
    }
    return longest;
}

QImage tileImage(const TileView& view, const Theme& theme) {
    TierTile tile(nullptr);
    tile.resize(150, TierTile::kHeight);
    tile.display(view, theme);
    return tile.grab().toImage();
}

TEST(Screen, WithoutALinkEveryMonitoredTileIsHatched) {
    World blind;
    blind.link.phase = LinkStatus::Phase::kLost;
    blind.link.reason = "connection refused";
    blind.link.retry_in_s = 3;
    grab(blind, Theme::light(), {1366, 768}, "blind_light");
    grab(blind, Theme::darkTheme(), {1920, 1080}, "blind_dark");
    const World live;
    for (const Theme* theme : {&Theme::light(), &Theme::darkTheme()})
        for (const char* tier : {"web", "primary", "replica"}) {
            const int below_number = 118;  // a row without text
            EXPECT_LT(longestRun(tileImage(blind.tile(tier), *theme), below_number), 12) << tier;
            EXPECT_GT(longestRun(tileImage(live.tile(tier), *theme), below_number), 100) << tier;
        }
}

TEST(Screen, FitsSmallAndLargeWindowsAtEveryScale) {
    const World world;
    NowScreen screen;
    for (const QSize size :
         {QSize(1366, 768), QSize(1920, 1080), QSize(1093, 614), QSize(2560, 1440)}) {
        screen.setAttribute(Qt::WA_DontShowOnScreen);
        static_cast<QWidget&>(screen).show();
        screen.display(world.view());
        screen.resize(size);
        QApplication::processEvents();
        EXPECT_LE(screen.minimumSizeHint().width(), size.width());
        for (QWidget* child :
             screen.findChildren<QWidget*>(QString(), Qt::FindDirectChildrenOnly)) {
            EXPECT_TRUE(screen.rect().contains(child->geometry()))
                << size.width() << " " << child->accessibleName().toStdString();
            for (QWidget* other :
                 screen.findChildren<QWidget*>(QString(), Qt::FindDirectChildrenOnly))
                EXPECT_TRUE(other == child || !child->geometry().intersects(other->geometry()))
                    << size.width();
        }
    }
}

TEST(Screen, EveryPartIsNamedAndReachedByTab) {
    const World world;
    NowScreen screen;
    screen.display(world.view());
    int reachable = 0;
    for (QWidget* child : screen.findChildren<QWidget*>()) {
        if (!(child->focusPolicy() & Qt::TabFocus) || child->focusProxy() ||
            child->objectName() == "qt_scrollarea_viewport")
            continue;
        ++reachable;
        EXPECT_FALSE(child->accessibleName().isEmpty()) << child->metaObject()->className();
    }
    EXPECT_GE(reachable, 2 + 5 + 1 + 2) << "verdict, trust bar, five tiles, problems, two charts";
}

TEST(Screen, ASelectedProblemStaysSelected) {
    World world;
    test::setState(world.targets["web1"], State::kWarning, "busy");
    test::setState(world.targets["db1"], State::kWarning, "slow");
    NowScreen screen;
    screen.display(world.view());
    screen.selectNeighbour(+1);
    screen.selectNeighbour(+1);
    const QString selected =
        screen.problems().list().currentIndex().data(ProblemListModel::kKeyRole).toString();
    ASSERT_FALSE(selected.isEmpty());
    test::setState(world.targets["db2"], State::kCritical, "broken");
    screen.display(world.view());
    EXPECT_EQ(screen.problems().list().currentIndex().data(ProblemListModel::kKeyRole).toString(),
              selected);
}

TEST(Window, KeysOpenHelpAndChangeTheTheme) {
    const SystemClock clock;
    NowSession session({QUrl("http://127.0.0.1:1"), {}}, clock);  // never started
    MainWindow window(session, false);
    window.resize(1366, 768);
    window.show();
    window.activateWindow();
    ASSERT_TRUE(QTest::qWaitForWindowActive(&window, 5000));
    auto* help = window.findChild<QLabel*>();
    ASSERT_NE(help, nullptr);
    EXPECT_FALSE(help->isVisible());
    QTest::keyClick(&window, Qt::Key_Question);
    EXPECT_TRUE(help->isVisible());
    if (const QByteArray directory = qgetenv("CLUSTERWATCH_PICTURES"); !directory.isEmpty())
        window.grab().save(directory + "/help.png");
    QTest::keyClick(&window, Qt::Key_Escape);
    EXPECT_FALSE(help->isVisible());
    const QColor before = QApplication::palette().color(QPalette::Window);
    QTest::keyClick(&window, Qt::Key_T);
    EXPECT_NE(QApplication::palette().color(QPalette::Window), before);
}

TEST(Chart, NeverBridgesAGap) {
    TimeSeriesView view("Replica lag", "s", 5);
    view.resize(600, 200);
    ChartData data = chart(true);
    view.setData({{"db2", data.lines[0].points}}, data.from_ms, data.to_ms, 15'000);
    const auto segments = view.drawnSegments();
    ASSERT_EQ(segments.size(), 2U);
    for (const auto& segment : segments) {
        const bool before = segment.back().t_ms < test::kNow_ms - 1'100'000;
        const bool after = segment.front().t_ms > test::kNow_ms - 1'000'000;
        EXPECT_TRUE(before || after);
    }
}

// The ground is hatched between two samples that are far apart and after the last, not before the first.
TEST(Chart, OnlyARealGapIsHatched) {
    TimeSeriesView view("Replica lag", "s", 5);
    view.resize(600, 200);
    view.setColors({.background = Qt::white,
                    .border = Qt::white,
                    .grid = Qt::white,
                    .axis_text = Qt::white,
                    .title = Qt::white,
                    .gap = Qt::black,
                    .cursor = Qt::white,
                    .lines = {Qt::white},
                    .warning = Qt::white,
                    .critical = Qt::white});
    std::vector<TimePoint> points;
    for (std::int64_t t = 150'000; t <= 300'000; t += 5000)
        if (t <= 200'000 || t >= 250'000) points.push_back({t, 1});
    view.setData({{"db2", points}}, 0, 300'000, 15'000);
    const QImage image = view.grab().toImage();
    const auto dark = [&](int from_s, int to_s) {
        int pixels = 0;
        const double left = 52, width = 600 - 52 - 96;  // the plot's
        for (int x = int(left + width * from_s / 300); x < int(left + width * to_s / 300); ++x)
            for (int y = 50; y < 150; ++y) pixels += image.pixelColor(x, y).value() < 128;
        return pixels;
    };
    EXPECT_EQ(dark(0, 148), 0) << "before the first sample";
    EXPECT_EQ(dark(152, 198), 0) << "samples";
    EXPECT_GT(dark(202, 248), 100) << "a gap";
}

TEST(Chart, SurvivesClicksEverywhereEvenWhenEmpty) {  // QTBUG-118669
    TimeSeriesView view("Replica lag", "s", 5);
    view.resize(400, 200);
    view.setMessage("nothing");
    for (int x = 0; x < 400; x += 40)
        for (int y = 0; y < 200; y += 40)
            QTest::mouseClick(view.viewport(), Qt::LeftButton, {}, {x, y});
    view.hide();
    QTest::mouseClick(view.viewport(), Qt::LeftButton, {}, {10, 10});
}

TEST(Chart, DescribesItselfInWords) {
    TimeSeriesView view("Replica lag", "s", 5);
    view.setThresholds({{10, false}, {30, true}});
    view.setData({{"db2", {{test::kNow_ms, 245}}}}, test::kNow_ms - 1000, test::kNow_ms, 15'000);
    EXPECT_EQ(view.accessibleDescription(),
              "db2: 245 s. Warning above 10 s. Critical above 30 s. ");
}

}  // namespace
}  // namespace clusterwatch::dashboard
