// The steady case must cost next to nothing: a probe that reports the same series in the same order
// as last time is recognised by walking both lists side by side, without building a key or a map
// lookup.
#include "proto/wire.h"

namespace clusterwatch::wire {

namespace {

// Identity of a series within the session; \xff occurs in no UTF-8 text.
std::string seriesKey(const std::string& name, const Labels& labels) {
    std::string key = name;
    for (const auto& [label, value] : labels.pairs()) {
        key += '\xff';
        key += label;
        key += '\xff';
        key += value;
    }
    return key;
}

}  // namespace

bool SessionEncoder::matches(const Layout& layout, const ProbeRun& run) {
    std::size_t at = 0;
    std::size_t family_at = 0;
    for (const auto& family : run.families) {
        if (family.readings.empty()) continue;
        if (family_at == layout.families.size()) return false;
        const auto& known = layout.families[family_at++];
        if (known.readings != family.readings.size() || known.name != family.name) return false;
        for (const auto& reading : family.readings)
            if (layout.labels[at++] != reading.labels) return false;
    }
    return family_at == layout.families.size();
}

std::uint32_t SessionEncoder::seriesRef(Report& report, const MetricFamily& family,
                                        const Reading& reading) {
    const auto [it, is_new] = series_.try_emplace(seriesKey(family.name, reading.labels),
                                                  static_cast<std::uint32_t>(series_.size()));
    if (is_new) {
        const auto described = described_.find(family.name);
        const bool describe = described == described_.end();
        if (describe) described_.insert(family.name);
        report.series.push_back({it->second, family.name, reading.labels, describe,
                                 describe ? family.metadata : MetricMetadata{}});
    }
    return it->second;
}

std::uint32_t SessionEncoder::layoutRef(Report& report, const ProbeRun& run) {
    Layout& last = last_[run.probe];
    if (last.known && matches(last, run)) return last.ref;

    last.families.clear();
    last.labels.clear();
    std::vector<std::uint32_t> refs;
    for (const auto& family : run.families) {
        if (family.readings.empty()) continue;
        last.families.push_back({family.name, family.readings.size()});
        for (const auto& reading : family.readings) {
            last.labels.push_back(reading.labels);
            refs.push_back(seriesRef(report, family, reading));
        }
    }
    const auto [it, is_new] =
        layouts_.try_emplace(refs, static_cast<std::uint32_t>(layouts_.size()));
    if (is_new) report.layouts.push_back({it->second, std::move(refs)});
    last.ref = it->second;
    last.known = true;
    return last.ref;
}

void SessionEncoder::add(Report& report, std::uint64_t sequence, std::uint32_t checksum,
                         const ProbeRun& run) {
    const bool untouched =
        report.batches.empty() && report.series.empty() && report.layouts.empty();
    if (untouched && (series_.size() > kSessionSeries || layouts_.size() > kSessionLayouts)) {
        reset();
        report.session = 0;
    }
    WireBatch batch;
    batch.sequence = sequence;
    batch.checksum = checksum;
    batch.run.layout = layoutRef(report, run);
    batch.run.values.reserve(run.sampleCount());
    for (const auto& family : run.families)
        for (const auto& reading : family.readings) batch.run.values.push_back(reading.value);

    ProbeRun& header = batch.run.run;
    header.probe = run.probe;
    header.kind = run.kind;
    header.role = run.role;
    header.target = run.target;
    header.time = run.time;
    header.duration = run.duration;
    header.interval = run.interval;
    header.outcome = run.outcome;
    header.message = run.message;
    header.checks = run.checks;
    header.facts = run.facts;
    header.evidence = run.evidence;
    report.batches.push_back(std::move(batch));
}

void SessionEncoder::reset() {
    session_ = 0;
    series_.clear();
    layouts_.clear();
    described_.clear();
    last_.clear();
}

}  // namespace clusterwatch::wire
