// What happens when an alert changes: its webhooks are told, it becomes an event that is kept, a
// line of the live feed, and series of its own.
#pragma once

#include <span>
#include <vector>

#include <prometheus/metric_family.h>

#include "collector/alerts/notifier.h"
#include "collector/derive/live_feed.h"
#include "collector/rules/rule_engine.h"
#include "collector/store/store.h"
#include "common/clock.h"

namespace clusterwatch {

// REQUIRES: all references outlive the hooks.
rules::RuleHooks ruleHooks(store::Store& store, derive::LiveFeed& feed, const Clock& clock,
                           alerts::Notifier& notifier);

// For /metrics.
std::vector<prometheus::MetricFamily> webhookFamilies(
    std::span<const alerts::WebhookStatus> webhooks);
std::vector<prometheus::MetricFamily> ruleFamilies(std::span<const rules::GroupStatus> groups);

}  // namespace clusterwatch
