#include "dashboard/models/cluster_model.h"

#include <gtest/gtest.h>

#include "world.h"

namespace clusterwatch::dashboard {
namespace {

using test::World;

const MonotonicTime kHeard{std::chrono::hours(1)};

State stateOf(const ClusterModel& model, const QString& node) {
    for (const JudgedTarget& target : model.targets(kHeard))
        if (target.report->node == node) return target.now.state;
    return State::kUnknown;
}

TEST(ClusterModel, ASnapshotDoesNotUndoALaterEvent) {
    World world;
    ClusterModel model = world.model();
    TargetReport critical = world.targets["db2"];
    test::setState(critical, State::kCritical, "stopped");
    model.applyTarget(critical, 101, kHeard);
    model.applySnapshot(world.snapshot(), kHeard);  // taken at event 100
    EXPECT_EQ(stateOf(model, "db2"), State::kCritical);
    Snapshot later = world.snapshot();
    later.live_id = 101;
    model.applySnapshot(later, kHeard);
    EXPECT_EQ(stateOf(model, "db2"), State::kOk);
}

TEST(ClusterModel, ARestartedCollectorsSnapshotWins) {
    World world;
    ClusterModel model = world.model();
    TargetReport critical = world.targets["db2"];
    test::setState(critical, State::kCritical, "stopped");
    model.applyTarget(critical, 5000, kHeard);
    model.forgetEventIds();
    Snapshot fresh = world.snapshot();
    fresh.live_id = 3;  // it counts from 1 again
    model.applySnapshot(fresh, kHeard);
    EXPECT_EQ(stateOf(model, "db2"), State::kOk);
}

TEST(ClusterModel, ATargetThatASnapshotLacksIsGone) {
    World world;
    ClusterModel model = world.model();
    world.targets.erase("web2");
    model.applySnapshot(world.snapshot(), kHeard);
    EXPECT_EQ(model.targets(kHeard).size(), 3U);
}

TEST(ClusterModel, ARunIsAWordOfItsAgent) {
    World world;
    ClusterModel model = world.model();
    const MonotonicTime later = kHeard + std::chrono::seconds(11);
    TargetReport run = world.targets["web1"];
    run.age_s = 0;
    model.applyTarget(run, 101, later);
    for (const JudgedNode& node : model.nodes(later))
        EXPECT_EQ(node.silent, node.report->node != "web1");
}

TEST(ClusterModel, ANodeEventSilencesItsTargetsAtOnce) {
    World world;
    ClusterModel model = world.model();
    NodeReport node;
    node.node = "db2";
    node.silent = true;
    node.age_s = 5;
    model.applyNode(node, 101, kHeard);
    EXPECT_EQ(stateOf(model, "db2"), State::kUnknown);
    EXPECT_EQ(stateOf(model, "db1"), State::kOk);
}

TEST(ClusterModel, AlertsComeChangeAndGo) {
    ClusterModel model;
    model.applyAlert(test::alert("A", "critical", "db2", "pending"));
    model.applyAlert(test::alert("A", "critical", "db2", "firing"));
    ASSERT_EQ(model.alerts().size(), 1U);
    EXPECT_EQ(model.alerts()[0].state, "firing");
    model.applyAlert(test::alert("A", "critical", "db2", "inactive"));
    EXPECT_TRUE(model.alerts().empty());
}

}  // namespace
}  // namespace clusterwatch::dashboard
