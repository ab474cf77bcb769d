#include <QJsonDocument>
#include <QJsonObject>

#include <gtest/gtest.h>

#include "dashboard/models/now_json.h"
#include "world.h"

namespace clusterwatch::dashboard {
namespace {

using namespace std::chrono_literals;
using test::World;

TEST(Tile, GoodOnlyWhenAllIsFreshAndGood) {
    World world;
    EXPECT_EQ(world.tile("web").state, TileState::kOk);
    EXPECT_EQ(world.tile("web").healthy, 2);
    EXPECT_EQ(world.tile("web").members, 2);
    EXPECT_TRUE(world.tile("web").value_current);
}

TEST(Tile, WithoutMembersIsNotMonitored) {
    World world;
    EXPECT_EQ(world.tile("lb").state, TileState::kNotMonitored);
    EXPECT_EQ(world.tile("mq").state, TileState::kNotMonitored);
}

TEST(Tile, AnExpectedMemberThatNeverReportedIsUnknown) {
    World world;
    world.targets.erase("db2");
    EXPECT_EQ(world.tile("replica").state, TileState::kUnknown);
    EXPECT_EQ(world.tile("replica").reason, "db2: has never reported");
    EXPECT_NE(world.view().verdict.kind, Verdict::Kind::kCalm);
}

// What one of two web servers says, and what the tile makes of it.
TEST(Tile, TruthTable) {
    struct Case {
        State state;
        Freshness freshness;
        bool silent;
        TileState expected;
        int healthy;
        const char* why;
    };
    const Case cases[] = {
        {State::kOk, Freshness::kFresh, false, TileState::kOk, 2, "both good"},
        {State::kWarning, Freshness::kFresh, false, TileState::kWarning, 1, "a warning"},
        {State::kCritical, Freshness::kFresh, false, TileState::kCritical, 1, "a failure"},
        {State::kUnknown, Freshness::kFresh, false, TileState::kUnknown, 1,
         "a probe that can't see"},
        {State::kOk, Freshness::kLate, false, TileState::kStale, 1, "good, but late"},
        {State::kOk, Freshness::kSilent, false, TileState::kStale, 1, "good, but silent"},
        {State::kOk, Freshness::kFresh, true, TileState::kStale, 1, "its agent is silent"},
        {State::kCritical, Freshness::kLate, false, TileState::kStale, 1,
         "was critical, is not known now"},
        {State::kOk, Freshness::kNever, false, TileState::kUnknown, 1, "never ran"},
    };
    for (const Case& c : cases) {
        World world;
        test::setState(world.targets["web2"], c.state, "text");
        world.targets["web2"].freshness = c.freshness;
        world.silent["web2"] = c.silent;
        EXPECT_EQ(world.tile("web").state, c.expected) << c.why;
        EXPECT_EQ(world.tile("web").healthy, c.healthy) << c.why;
    }
}

TEST(Tile, NeverGoodWithoutFreshDataWhateverElseHolds) {
    // Every combination of a target's words, ages and links: good only if all of them are.
    for (const State state : {State::kOk, State::kWarning, State::kCritical, State::kUnknown})
        for (const Freshness said :
             {Freshness::kFresh, Freshness::kLate, Freshness::kSilent, Freshness::kNever})
            for (const auto later : {0s, 15s, 16s, 60s})
                for (const bool silent : {false, true})
                    for (const auto phase : {LinkStatus::Phase::kLive, LinkStatus::Phase::kLost,
                                             LinkStatus::Phase::kConnecting}) {
                        World world;
                        test::setState(world.targets["db1"], state, "text");
                        world.targets["db1"].freshness = said;
                        world.silent["db1"] = silent;
                        world.link.phase = phase;
                        world.now = world.heard + later;
                        const bool earned = state == State::kOk && said == Freshness::kFresh &&
                                            later == 0s && !silent &&
                                            phase == LinkStatus::Phase::kLive;
                        EXPECT_EQ(world.tile("primary").state == TileState::kOk, earned);
                        if (!earned) {
                            EXPECT_NE(world.view().verdict.kind, Verdict::Kind::kCalm);
                        }
                    }
}

TEST(Tile, AllAreStaleWithoutALink) {
    World world;
    world.link.phase = LinkStatus::Phase::kLost;
    for (const TileView& tile : world.view().tiles) {
        if (tile.state == TileState::kNotMonitored) continue;
        EXPECT_EQ(tile.state, TileState::kStale) << tile.name.toStdString();
        EXPECT_EQ(tile.healthy, 0);
        EXPECT_FALSE(tile.value_current);
        EXPECT_TRUE(tile.show_age);
    }
    EXPECT_EQ(world.view().probes_fresh, 0);
}

TEST(Tile, AFrozenCollectorIsNoticedByAgeAlone) {
    World world;
    world.now = world.heard + 30s;  // the link is said to be live
    EXPECT_EQ(world.tile("web").state, TileState::kStale);
    EXPECT_FALSE(world.tile("web").value_current);
    EXPECT_TRUE(world.tile("web").show_age);
}

TEST(Tile, AnOldNumberIsNotCurrentAndAMissingOneIsNotZero) {
    World world;
    world.readings["primary"].at = world.now - 20s;
    EXPECT_FALSE(world.tile("primary").value_current);
    world.readings["replica"].value = std::nullopt;
    EXPECT_FALSE(world.tile("replica").value.has_value());
    EXPECT_FALSE(world.tile("replica").value_current);
}

TEST(Tile, AllProbesOfAMemberBelongToItsTier) {
    World world;
    TargetReport server = test::target("db2", "mysql", "mysql");  // no role of its own
    test::setState(server, State::kCritical, "too many connections");
    world.targets["db2 server"] = server;
    EXPECT_EQ(world.tile("replica").state, TileState::kCritical);
    EXPECT_EQ(world.tile("replica").members, 1);
    EXPECT_EQ(world.tile("primary").state, TileState::kOk);
}

TEST(Trust, NothingBeyondTheLinkIsVouchedForWithoutIt) {
    World world;
    world.link.phase = LinkStatus::Phase::kLost;
    for (const TrustItem& item : world.view().trust)
        EXPECT_TRUE(item.bad || item.name == "Newest data") << item.name.toStdString();
}

TEST(Trust, NamesTheSilentAgentAndTheBadClock) {
    World world;
    world.silent["web2"] = true;
    world.storage = {false, "disk full"};
    std::map<QString, TrustItem> items;
    for (const TrustItem& item : world.view().trust) items[item.name] = item;
    EXPECT_EQ(items["Agents"].value, "1 silent: web2");
    EXPECT_TRUE(items["Agents"].bad);
    EXPECT_EQ(items["Probes"].value, "3 of 4 fresh");
    EXPECT_EQ(items["Storage"].value, "disk full");
    const auto clocks = [&] {
        for (const TrustItem& item : world.view().trust)
            if (item.name == "Clocks vs collector's") return item;
        return TrustItem{};
    };
    EXPECT_EQ(clocks().value, "agree within 0.1 s");
    EXPECT_FALSE(clocks().bad);
    world.link.clock_offset_s = -1.4;  // the collector's is behind: this screen's is ahead
    EXPECT_EQ(clocks().value, "this screen +1.4 s");
    EXPECT_TRUE(clocks().bad);
}

TEST(NowJson, SaysWhatTheScreenSays) {
    World world;
    test::setState(world.targets["db2"], State::kCritical, "SQL thread stopped");
    const QJsonObject root = QJsonDocument::fromJson(toJson(world.view())).object();
    EXPECT_EQ(root["verdict"]["kind"].toString(), "critical");
    EXPECT_EQ(root["link"]["phase"].toString(), "live");
    EXPECT_EQ(root["tiles"][4]["state"].toString(), "critical");
    EXPECT_EQ(root["tiles"][4]["number"]["value"].toDouble(), 42);
    EXPECT_EQ(root["problems"][0]["text"].toString(), "SQL thread stopped");
}

}  // namespace
}  // namespace clusterwatch::dashboard
