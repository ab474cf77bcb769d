#include "agent/run_limits.h"

#include <algorithm>

#include "common/labels.h"
#include "common/limits.h"
#include "common/text.h"

namespace clusterwatch::agent {
namespace {

bool acceptable(const Labels& labels) {
    if (labels.size() > limits::kLabelsPerSeries) return false;
    return std::all_of(labels.pairs().begin(), labels.pairs().end(), [](const Labels::Pair& label) {
        return label.first.size() <= limits::kLabelNameBytes && isValidLabelName(label.first) &&
               label.second.size() <= limits::kLabelValueBytes && isValidUtf8(label.second);
    });
}

// Services speak in any encoding; what is sent on is UTF-8.
void cutText(std::string& text, std::size_t most, CutCounts& cut) {
    if (!isValidUtf8(text)) {
        std::replace_if(
            text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; },
            '?');
        ++cut.texts;
    }
    if (text.size() <= most) return;
    text = truncated(text, most);
    ++cut.texts;
}

template <typename T>
void cutCount(std::vector<T>& list, std::size_t most, CutCounts& cut) {
    if (list.size() <= most) return;
    cut.texts += list.size() - most;
    list.resize(most);
}

void cutSamples(ProbeRun& run, CutCounts& cut) {
    std::size_t room = limits::kSeriesPerProbe;
    for (auto& family : run.families) {
        const auto before = family.readings.size();
        if (!isValidMetricName(family.name)) family.readings.clear();
        std::erase_if(family.readings,
                      [](const Reading& reading) { return !acceptable(reading.labels); });
        if (family.readings.size() > room) family.readings.resize(room);
        room -= family.readings.size();
        cut.samples += before - family.readings.size();
    }
    std::erase_if(run.families, [](const MetricFamily& family) { return family.readings.empty(); });
}

}  // namespace

CutCounts applyLimits(ProbeRun& run, bool keep_evidence) {
    CutCounts cut;
    cutSamples(run, cut);
    cutText(run.message, limits::kTextBytes, cut);
    cutCount(run.checks, limits::kChecksPerRun, cut);
    for (auto& check : run.checks) cutText(check.text, limits::kTextBytes, cut);
    cutCount(run.facts, limits::kFactsPerRun, cut);
    for (auto& fact : run.facts) cutText(fact.value, limits::kTextBytes, cut);
    if (!keep_evidence) run.evidence.clear();
    cutCount(run.evidence, limits::kEvidencePerRun, cut);
    for (auto& evidence : run.evidence) {
        cutText(evidence.title, limits::kTextBytes, cut);
        cutText(evidence.text, limits::kEvidenceBytes, cut);
    }
    return cut;
}

}  // namespace clusterwatch::agent
