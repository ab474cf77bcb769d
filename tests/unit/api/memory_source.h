// A SeriesSource over vectors, for tests of what reads one.
#pragma once

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "collector/query/series_source.h"

namespace clusterwatch::api {

class MemorySource final : public query::SeriesSource {
  public:
    struct Entry {
        Labels labels;
        std::vector<Sample> samples;
    };
    std::vector<Entry> entries;
    std::vector<std::pair<std::string, MetricMetadata>> described;

    Result<std::vector<std::unique_ptr<query::SelectedSeries>>> select(
        std::span<const query::Matcher> matchers, query::TimeRange range,
        const query::CancelFlag*) const override {
        std::vector<std::unique_ptr<query::SelectedSeries>> out;
        for (const auto& entry : chosen(matchers))
            out.push_back(std::make_unique<Selected>(entry, range));
        return out;
    }
    Result<std::vector<Labels>> series(std::span<const query::Matcher> matchers,
                                       query::TimeRange) const override {
        std::vector<Labels> out;
        for (const auto& entry : chosen(matchers)) out.push_back(entry.labels);
        return out;
    }
    Result<std::vector<std::string>> labelNames(std::span<const query::Matcher> matchers,
                                                query::TimeRange) const override {
        std::set<std::string> out;
        for (const auto& entry : chosen(matchers))
            for (const auto& [name, value] : entry.labels.pairs()) out.insert(name);
        return std::vector<std::string>(out.begin(), out.end());
    }
    Result<std::vector<std::string>> labelValues(const std::string& name,
                                                 std::span<const query::Matcher> matchers,
                                                 query::TimeRange) const override {
        std::set<std::string> out;
        for (const auto& entry : chosen(matchers))
            if (entry.labels.has(name)) out.emplace(entry.labels.get(name));
        return std::vector<std::string>(out.begin(), out.end());
    }
    std::vector<std::pair<std::string, MetricMetadata>> metadata(const std::string& metric,
                                                                 std::size_t limit) const override {
        std::vector<std::pair<std::string, MetricMetadata>> out;
        for (const auto& item : described)
            if ((metric.empty() || item.first == metric) && out.size() < limit) out.push_back(item);
        return out;
    }

  private:
    class Iterator final : public query::SampleIterator {
      public:
        explicit Iterator(std::vector<Sample> samples) : samples_(std::move(samples)) {}
        Result<std::span<const Sample>> next() override {
            if (std::exchange(done_, true)) return std::span<const Sample>();
            return std::span<const Sample>(samples_);
        }

      private:
        std::vector<Sample> samples_;
        bool done_ = false;
    };
    class Selected final : public query::SelectedSeries {
      public:
        Selected(Entry entry, query::TimeRange range) : entry_(std::move(entry)) {
            std::erase_if(entry_.samples, [&](const Sample& s) {
                return s.t_ms < range.from_ms || s.t_ms > range.to_ms;
            });
        }
        const Labels& labels() const override { return entry_.labels; }
        std::unique_ptr<query::SampleIterator> samples() const override {
            return std::make_unique<Iterator>(entry_.samples);
        }

      private:
        Entry entry_;
    };

    std::vector<Entry> chosen(std::span<const query::Matcher> matchers) const {
        std::vector<Entry> out;
        for (const auto& entry : entries)
            if (std::all_of(matchers.begin(), matchers.end(),
                            [&](const auto& m) { return m.matches(entry.labels.get(m.name())); }))
                out.push_back(entry);
        std::sort(out.begin(), out.end(),
                  [](const auto& a, const auto& b) { return a.labels < b.labels; });
        return out;
    }
};

}  // namespace clusterwatch::api
