// A SeriesSource over vectors, with blocks of three samples so that every operator meets block edges.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "collector/query/series_source.h"

namespace clusterwatch::query {

class VectorSource final : public SeriesSource {
  public:
    void add(const Labels& labels, std::vector<Sample> samples) {
        auto& all = data_[labels];
        all.insert(all.end(), samples.begin(), samples.end());
    }
    void clear() { data_.clear(); }
    const std::map<Labels, std::vector<Sample>>& data() const { return data_; }
    void failWith(Error error) { failure_ = std::move(error); }
    // Called at the beginning of each select(): to be slow with.
    void onSelect(std::function<void()> action) { on_select_ = std::move(action); }
    void onSelect(std::string metric, std::function<void()> action) {
        only_ = std::move(metric);
        on_select_ = std::move(action);
    }

    static bool matches(std::span<const Matcher> matchers, const Labels& labels) {
        return std::all_of(matchers.begin(), matchers.end(), [&labels](const Matcher& matcher) {
            return matcher.matches(labels.get(matcher.name()));
        });
    }

    Result<std::vector<std::unique_ptr<SelectedSeries>>> select(std::span<const Matcher> matchers,
                                                                TimeRange range,
                                                                const CancelFlag*) const override {
        if (failure_) return *failure_;
        if (on_select_ && (only_.empty() || selects(matchers, only_))) on_select_();
        std::vector<std::unique_ptr<SelectedSeries>> result;
        for (const auto& [labels, samples] : data_) {
            if (!matches(matchers, labels)) continue;
            std::vector<Sample> inside;
            for (const Sample& sample : samples) {
                if (sample.t_ms >= range.from_ms && sample.t_ms <= range.to_ms) {
                    inside.push_back(sample);
                }
            }
            result.push_back(std::make_unique<Selected>(labels, std::move(inside)));
        }
        return result;
    }
    Result<std::vector<Labels>> series(std::span<const Matcher>, TimeRange) const override {
        return std::vector<Labels>{};
    }
    Result<std::vector<std::string>> labelNames(std::span<const Matcher>,
                                                TimeRange) const override {
        return std::vector<std::string>{};
    }
    Result<std::vector<std::string>> labelValues(const std::string&, std::span<const Matcher>,
                                                 TimeRange) const override {
        return std::vector<std::string>{};
    }
    std::vector<std::pair<std::string, MetricMetadata>> metadata(const std::string&,
                                                                 std::size_t) const override {
        return {};
    }

  private:
    static bool selects(std::span<const Matcher> matchers, const std::string& metric) {
        return std::any_of(matchers.begin(), matchers.end(), [&metric](const Matcher& matcher) {
            return matcher.name() == kMetricName && matcher.value() == metric;
        });
    }

    class Blocks final : public SampleIterator {
      public:
        explicit Blocks(std::span<const Sample> samples) : rest_(samples) {}
        Result<std::span<const Sample>> next() override {
            const auto block = rest_.first(std::min<std::size_t>(3, rest_.size()));
            rest_ = rest_.subspan(block.size());
            return block;
        }

      private:
        std::span<const Sample> rest_;
    };
    class Selected final : public SelectedSeries {
      public:
        Selected(Labels labels, std::vector<Sample> samples)
            : labels_(std::move(labels)), samples_(std::move(samples)) {}
        const Labels& labels() const override { return labels_; }
        std::unique_ptr<SampleIterator> samples() const override {
            return std::make_unique<Blocks>(samples_);
        }

      private:
        Labels labels_;
        std::vector<Sample> samples_;
    };

    std::map<Labels, std::vector<Sample>> data_;
    std::optional<Error> failure_;
    std::string only_;  // the metric that on_select_ is for; empty: all
    std::function<void()> on_select_;
};

}  // namespace clusterwatch::query
