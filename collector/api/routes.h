// The collector's paths, in groups; each group names what it needs. docs/formats/http-api.md.
#pragma once

#include <functional>
#include <string>

#include "collector/api/router.h"
#include "collector/api/telemetry.h"
#include "collector/derive/live_feed.h"
#include "collector/ingest/ingest.h"
#include "collector/query/engine.h"
#include "collector/store/store.h"
#include "common/clock.h"

namespace clusterwatch::api {

// Everything that is passed by reference outlives the router.

// `/`, `/-/healthy`, `/-/ready`, `/metrics`. `not_ready` says why the collector can't do its work,
// and is empty when it can; it is called on a server thread and must be quick.
void addServiceRoutes(Router& router, const Telemetry& telemetry,
                      std::function<std::string()> not_ready);

// `/api/v1/report`.
void addReportRoute(Router& router, ingest::Ingest& ingest);

// The query API, `status/*` and `/federate`. Limits that queries hit are counted in the telemetry.
void addPrometheusRoutes(Router& router, const query::Engine& engine,
                         const query::SeriesSource& source, const Clock& clock,
                         Telemetry& telemetry);

// The bodies; functions, because a reload replaces the engine that they ask.
struct RuleAnswers {
    std::function<std::string()> rules, alerts;
};
// `/api/v1/rules`, `/api/v1/alerts`.
void addRuleRoutes(Router& router, RuleAnswers answers);

struct ClusterSources {
    ingest::Ingest& ingest;
    const store::Store& store;
    const derive::LiveFeed& feed;
    const Clock& clock;
    std::string topology_json;  // the whole body
};
// `/api/v1/clusterwatch/...`.
void addClusterRoutes(Router& router, ClusterSources sources);

}  // namespace clusterwatch::api
