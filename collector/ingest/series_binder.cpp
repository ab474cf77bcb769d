#include "collector/ingest/series_binder.h"

#include <algorithm>
#include <array>

namespace clusterwatch::ingest {

namespace {

constexpr std::array<std::string_view, 5> kIdentityLabels{"cluster", "instance", "job", "namespace",
                                                          "node"};
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kReserved{{
    {"clusterwatch_check_state",
     "What a probe judges: 0 ok, 1 warning, 2 critical, 3 unknown; one series a check."},
    {"clusterwatch_probe_duration_seconds", "How long the probe's last run took."},
    {"clusterwatch_probe_outcome", "1 for the outcome of the probe's last run."},
    {"scrape_duration_seconds", "How long the probe's last run took, by Prometheus's name."},
    {"scrape_samples_scraped", "Samples that the probe's last run brought."},
    {"target_info", "1; what is known of the target, as labels."},
    {"up", "1: the runs of all probes of the target arrive in time. 0: one was missed."},
}};

// '/' separates, so within a part it is escaped.
void appendPart(std::string& out, std::string_view part) {
    if (!out.empty()) out += '/';
    for (const char c : part) {
        if (c == '/')
            out += "%2F";
        else if (c == '%')
            out += "%25";
        else
            out += c;
    }
}

std::string_view fact(const ProbeRun& run, std::string_view name) {
    for (const auto& f : run.facts)
        if (f.name == name) return f.value;
    return {};
}

}  // namespace

bool isReserved(std::string_view metric) {
    return std::any_of(kReserved.begin(), kReserved.end(),
                       [&](const auto& entry) { return entry.first == metric; });
}

void describeOwnMetrics(store::Store& store) {
    for (const auto& [name, help] : kReserved)
        store.describe(name, {name == "target_info" ? MetricType::kInfo : MetricType::kGauge,
                              std::string(help), name.ends_with("_seconds") ? "seconds" : ""});
}

std::string targetGroup(std::string_view node, const Target& target) {
    std::string group;
    appendPart(group, node);
    appendPart(group, target.job);
    appendPart(group, target.instance);
    return group;
}

std::string probeGroup(std::string_view node, const Target& target, std::string_view probe) {
    std::string group = targetGroup(node, target);
    appendPart(group, probe);
    return group;
}

Labels identify(Labels labels, std::string_view name, const Target& target, std::string_view node,
                const ExternalLabels& external) {
    labels.set(kMetricName, name);
    labels.set("job", target.job);
    labels.set("instance", target.instance);
    labels.set("node", node);
    labels.set("cluster", external.cluster);
    labels.set("namespace", external.name_space);
    return labels;
}

Result<BoundLayout> SeriesBinder::bind(store::Store& store, std::string_view node,
                                       const ProbeRun& run,
                                       const std::vector<const wire::SeriesDefinition*>& layout) {
    BoundLayout out;
    out.ids.reserve(layout.size());
    const std::string group = probeGroup(node, run.target, run.probe);
    std::unordered_set<store::SeriesId> seen;
    for (const auto* definition : layout) {
        out.ids.push_back(0);
        if (isReserved(definition->name)) {
            ++out.reserved;
            continue;
        }
        // Before the store is asked, so that a flood of new series does not reach its index. A series
        // that the agent used already may be refused with the new ones when its layout changes.
        if (full()) {
            ++out.over_limit;
            continue;
        }
        for (const auto label : kIdentityLabels)
            if (definition->labels.has(label)) ++out.foreign_labels;
        const Labels labels =
            identify(definition->labels, definition->name, run.target, node, external_);
        const auto id = store.seriesId(labels, group);
        if (!id && id.error().code() != ErrorCode::kLimit) return id.error();
        if (!id) {
            ++out.over_limit;
            continue;
        }
        used_.insert(*id);
        if (!seen.insert(*id).second) {
            ++out.repeated;  // two series of the agent that differ only in what was dropped
        } else {
            out.ids.back() = *id;
        }
    }
    return out;
}

store::SeriesId SeriesBinder::own(store::Store& store, std::string_view node, const ProbeRun& run,
                                  std::string_view metric, std::string_view label,
                                  std::string_view value) {
    std::string key(metric);
    for (const std::string_view part :
         {node, std::string_view(run.target.job), std::string_view(run.target.instance),
          std::string_view(run.probe), value}) {
        key += '\xff';
        key += part;
    }
    const auto known = own_.find(key);
    if (known != own_.end()) return known->second;
    Labels labels{{"probe", run.probe}};
    if (!label.empty()) labels.set(label, value);
    return makeOwn(store, identify(std::move(labels), metric, run.target, node, external_),
                   probeGroup(node, run.target, run.probe), std::move(key));
}

store::SeriesId SeriesBinder::makeOwn(store::Store& store, const Labels& labels,
                                      const std::string& group, std::string key) {
    if (used_.size() >= max_series_ + kOwnSeries) return 0;
    const auto id = store.seriesId(labels, group);
    if (!id) return 0;
    used_.insert(*id);
    own_.emplace(std::move(key), *id);
    return *id;
}

store::SeriesId SeriesBinder::targetInfo(store::Store& store, std::string_view node,
                                         const ProbeRun& run) {
    const Labels labels{{"probe", run.probe},
                        {"kind", run.kind},
                        {"role", run.role},
                        {"version", std::string(fact(run, "version"))}};
    const Labels identified = identify(labels, "target_info", run.target, node, external_);
    std::string key = identified.toString();
    const auto known = own_.find(key);
    if (known != own_.end()) return known->second;
    return makeOwn(store, identified, probeGroup(node, run.target, run.probe), std::move(key));
}

bool SeriesBinder::startCountingAgain(MonotonicTime now) {
    if (now - counting_since_ < kCountedFor) return false;
    counting_since_ = now;
    used_.clear();
    own_.clear();
    return true;
}

}  // namespace clusterwatch::ingest
