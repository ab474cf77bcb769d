// A small cluster for tests, in words: two web servers, a primary and its replica, and two tiers
// that nobody monitors.
#pragma once

#include "dashboard/models/now_view.h"

namespace clusterwatch::dashboard::test {

inline constexpr std::int64_t kNow_ms = 1'795'345'632'000;

inline TargetReport target(const QString& node, const QString& job, const QString& probe,
                           const QString& role = {}) {
    TargetReport report;
    report.node = report.instance = node;
    report.job = job;
    report.probe = report.kind = probe;
    report.role = role;
    report.interval_s = 10;
    report.deadline_s = 5;
    report.freshness = Freshness::kFresh;
    report.age_s = 1;
    report.outcome = "ok";
    report.state = report.last_state = State::kOk;
    report.state_since_ms = kNow_ms - 252'000;
    report.checks = {{"reachable", State::kOk, "answers"}};
    return report;
}

inline void setState(TargetReport& report, State state, const QString& text) {
    report.state = report.last_state = state;
    report.checks = {{"check", state, text}};
}

inline Topology topology() {
    Topology topology;
    topology.cluster = "test";
    topology.tiers = {
        {"lb", "Load balancer", "", {"haproxy"}, {{"web", "hard"}}, {}},
        {"web", "Apache httpd", "", {"apache"}, {{"primary", "hard"}}, {}},
        {"mq", "HornetQ", "", {"hornetq"}, {}, {}},
        {"primary", "MySQL primary", "primary", {"mysql"}, {}, {}},
        {"replica",
         "MySQL replica",
         "replica",
         {"mysql"},
         {{"primary", "async"}},
         {{"mysql", "db2"}}},
    };
    return topology;
}

struct World {
    std::map<QString, TargetReport> targets{
        {"web1", target("web1", "apache", "apache")},
        {"web2", target("web2", "apache", "apache")},
        {"db1", target("db1", "mysql", "mysql", "primary")},
        {"db2", target("db2", "mysql", "replication", "replica")},
    };
    std::map<QString, bool> silent;
    std::vector<Alert> alerts;
    StorageHealth storage;
    Topology tiers = topology();
    LinkStatus link;
    TierReadings readings;
    MonotonicTime heard{std::chrono::hours(1)};
    MonotonicTime now{std::chrono::hours(1)};

    World() {
        link.phase = LinkStatus::Phase::kLive;
        link.url = "http://127.0.0.1:9420";
        link.heard_age_s = 0.3;
        link.heard_ms = kNow_ms - 300;
        for (const char* tier : {"web", "primary", "replica"}) {
            TierReading reading;
            reading.answered = true;
            reading.value = 42;
            reading.at = now;
            readings[tier] = reading;
        }
    }

    Snapshot snapshot() const {
        Snapshot snapshot;
        snapshot.now_ms = kNow_ms;
        snapshot.live_id = 100;
        snapshot.storage = storage;
        for (const auto& [name, report] : targets) {
            NodeReport node;
            node.node = name;
            const auto it = silent.find(name);
            node.silent = it != silent.end() && it->second;
            node.age_s = node.silent ? 12 : 0.5;
            node.targets = {report};
            snapshot.nodes.push_back(node);
        }
        return snapshot;
    }

    ClusterModel model() const {
        ClusterModel model;
        model.setTopology(tiers);
        model.applySnapshot(snapshot(), heard);
        model.setAlerts(alerts);
        return model;
    }

    NowView view() const { return buildNowView(model(), link, readings, now, kNow_ms); }

    TileView tile(const QString& name) const {
        for (const TileView& tile : view().tiles)
            if (tile.name == name) return tile;
        return {};
    }
};

inline Alert alert(const QString& name, const QString& severity, const QString& instance,
                   const QString& state = "firing") {
    Alert alert;
    alert.labels = {
        {"alertname", name}, {"severity", severity}, {"job", "mysql"}, {"instance", instance}};
    alert.state = state;
    alert.summary = name + " on " + instance;
    alert.active_since_ms = kNow_ms - 60'000;
    return alert;
}

}  // namespace clusterwatch::dashboard::test
