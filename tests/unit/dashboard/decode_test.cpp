#include "dashboard/models/decode.h"

#include <gtest/gtest.h>

namespace clusterwatch::dashboard {
namespace {

TEST(Decode, NodesAsDocumented) {
    const auto snapshot =
        decodeNodes(R"({"now_ms": 1795345632000, "version": "0.1.0", "live_id": 812,
        "storage": {"healthy": true, "reason": ""},
        "nodes": [{"node": "db2", "silent": false, "age_seconds": 0.8, "clock_offset_seconds": 0.003, "a new field": [1],
          "targets": [{"probe": "replication", "kind": "mysql_replication", "role": "replica", "job": "mysql",
            "instance": "db2", "interval_seconds": 10, "deadline_seconds": 5, "freshness": "fresh",
            "last_run_ms": 1795345628000, "last_received_ms": 1795345628020, "age_seconds": 3.9, "state": "critical",
            "last_state": "critical", "state_since_ms": 1795345600000,
            "checks": [{"name": "replication", "state": "critical", "text": "SQL thread stopped"}]}]}]})");
    ASSERT_TRUE(snapshot.ok());
    EXPECT_EQ(snapshot->live_id, 812U);
    ASSERT_EQ(snapshot->nodes.size(), 1U);
    const TargetReport& target = snapshot->nodes[0].targets.at(0);
    EXPECT_EQ(target.node, "db2");
    EXPECT_EQ(target.state, State::kCritical);
    EXPECT_EQ(target.freshness, Freshness::kFresh);
    EXPECT_EQ(target.last_received_ms - target.last_run_ms, 20);
    EXPECT_EQ(target.checks.at(0).text, "SQL thread stopped");
}

TEST(Decode, WhatIsMissingOrStrangeIsNeverGood) {
    const auto snapshot = decodeNodes(
        R"({"nodes": [{"node": "x", "targets": [{"state": "fine", "freshness": 7, "age_seconds": "old"}]}]})");
    ASSERT_TRUE(snapshot.ok());
    const NodeReport& node = snapshot->nodes[0];
    EXPECT_TRUE(node.silent);
    EXPECT_EQ(node.age_s, -1);
    EXPECT_EQ(node.targets[0].state, State::kUnknown);
    EXPECT_EQ(node.targets[0].freshness, Freshness::kNever);
    EXPECT_FALSE(snapshot->storage.healthy);
}

TEST(Decode, RefusesWhatIsNoAnswer) {
    for (const char* bad : {"", "[]", "{}", "null", "<html>", "{\"nodes\": 3}", "{\"nodes\": ["}) {
        EXPECT_FALSE(decodeNodes(bad).ok()) << bad;
        EXPECT_FALSE(decodeAlerts(bad).ok()) << bad;
    }
}

TEST(Decode, QueryLeavesOutWhatSaysNothing) {
    const auto series = decodeQuery(R"({"status":"success","data":{"resultType":"matrix","result":[
        {"metric":{"instance":"db2"},"values":[[1795345600,"1.5"],[1795345605.5,"NaN"],[1795345610,"junk"],[1795345615,"+Inf"]]}]}})");
    ASSERT_TRUE(series.ok());
    ASSERT_EQ((*series)[0].points.size(), 2U);
    EXPECT_EQ((*series)[0].points[0], (TimePoint{1795345600000, 1.5}));
    const auto vector = decodeQuery(
        R"({"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1.25,"3"]}]}})");
    EXPECT_EQ((*vector)[0].points[0], (TimePoint{1250, 3}));
}

TEST(Decode, AQuerysErrorIsToldInItsOwnWords) {
    const auto series =
        decodeQuery(R"({"status":"error","errorType":"bad_data","error":"unexpected token"})");
    ASSERT_FALSE(series.ok());
    EXPECT_EQ(series.error().message(), "unexpected token");
}

TEST(Decode, Alerts) {
    const auto alerts = decodeAlerts(
        R"({"status":"success","data":{"alerts":[{"labels":{"alertname":"A","severity":"critical"},
        "annotations":{"summary":"it broke"},"state":"firing","activeAt":"2026-11-22T11:07:12.000Z","value":"1e+00"}]}})");
    ASSERT_TRUE(alerts.ok());
    EXPECT_EQ((*alerts)[0].summary, "it broke");
    EXPECT_EQ((*alerts)[0].active_since_ms, 1795345632000);
}

}  // namespace
}  // namespace clusterwatch::dashboard
