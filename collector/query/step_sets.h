// For each label set, the steps at which it has been seen: what a set operator matches by, and how two
// series that became equal are found. A bit a step; rows count as held samples of the query.
#pragma once

#include <unordered_map>
#include <utility>
#include <vector>

#include "collector/query/evaluation.h"

namespace clusterwatch::query {

class StepSets {
  public:
    using Row = std::vector<bool>;  // indexed by step

    // REQUIRES: the evaluation outlives it.
    explicit StepSets(Evaluation& evaluation) : evaluation_(evaluation) {}
    ~StepSets() { evaluation_.release(rows_.size() * samplesPerRow()); }
    StepSets(const StepSets&) = delete;
    StepSets& operator=(const StepSets&) = delete;

    // The row of these labels, without any step if they are new; lives as long as this object.
    Result<Row*> row(Labels labels) {
        auto [at, is_new] = rows_.try_emplace(std::move(labels));
        if (is_new) {
            if (Status status = evaluation_.hold(samplesPerRow()); !status) return status.error();
            at->second.resize(evaluation_.steps().size());
        }
        return &at->second;
    }
    // Null if there is none.
    const Row* find(const Labels& labels) const {
        const auto at = rows_.find(labels);
        return at != rows_.end() ? &at->second : nullptr;
    }

  private:
    std::size_t samplesPerRow() const {
        constexpr std::size_t kLabels = 16;  // a label set has the size of about as many samples
        return kLabels + evaluation_.steps().size() / (8 * sizeof(Sample));
    }

    Evaluation& evaluation_;
    std::unordered_map<Labels, Row, LabelsHash> rows_;
};

}  // namespace clusterwatch::query
