#include "dashboard/models/tier_metrics.h"

#include <algorithm>
#include <cmath>

namespace clusterwatch::dashboard {
namespace {

struct Row {
    const char* job;
    const char* role;  // "" fits any
    const char* label;
    const char* unit;
    const char* query;  // $w: the window of a rate
    Combine combine;
    double least_top;
};

// The first row that fits decides.
constexpr Row kRows[] = {
    {"apache", "", "requests", "/s", "rate(apache_accesses_total[$w])", Combine::kSum, 10},
    {"memcached", "", "hits", "%",
     "rate(memcached_commands_total{command=\"get\",status=~\"hit|miss\"}[$w])",
     Combine::kHitPercent, 100},
    {"mysql", "replica", "replica lag", "s", "mysql_slave_status_seconds_behind_master",
     Combine::kMax, 5},
    {"mysql", "", "queries", "/s", "rate(mysql_global_status_queries[$w])", Combine::kSum, 10},
    {"docstore", "", "free space", "%", "{__name__=~\"docstore_(size|avail)_bytes\"}",
     Combine::kFreePercent, 100},
    {"node", "", "CPU busy", "%",
     "100 - 100 * avg by (instance) (rate(node_cpu_seconds_total{mode=\"idle\"}[$w]))",
     Combine::kMax, 100},
};

}  // namespace

std::optional<TierMetric> metricOf(const Tier& tier, double interval_s) {
    const int window = std::max(30, int(std::ceil(interval_s * 3)));
    for (const Row& row : kRows) {
        const bool job = std::find(tier.jobs.begin(), tier.jobs.end(), row.job) != tier.jobs.end();
        const bool role = *row.role == '\0' || tier.role == row.role;
        if (!job || !role) continue;
        QString query = row.query;
        query.replace("$w", QString::number(window) + "s");
        return TierMetric{row.label, row.unit, query, row.combine, row.least_top};
    }
    return std::nullopt;
}

ChartMetric replicaLagChart() {
    return {"Replica lag", "s", "mysql_slave_status_seconds_behind_master", "mysql", true, 5};
}

ChartMetric requestsChart() {
    return {"Requests", "/s", "rate(apache_accesses_total[30s])", "apache", false, 10};
}

}  // namespace clusterwatch::dashboard
