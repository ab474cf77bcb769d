// A label set: what identifies a series, as in Prometheus's data model.
//
// Pairs are kept sorted by name, names are unique, and an empty value is the same as no label, so
// equal sets compare equal. The metric's name is the label `__name__`.
// A value type; not thread-safe while being changed.
#pragma once

#include <compare>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace clusterwatch {

inline constexpr std::string_view kMetricName = "__name__";

class Labels {
  public:
    using Pair = std::pair<std::string, std::string>;

    Labels() = default;
    // Sorts; of a repeated name the last one wins; empty values are left out.
    Labels(std::initializer_list<Pair> pairs);
    explicit Labels(std::vector<Pair> pairs);

    // The value, or an empty view where the label is absent. Valid until the set changes.
    std::string_view get(std::string_view name) const;
    std::string_view metricName() const { return get(kMetricName); }
    bool has(std::string_view name) const { return !get(name).empty(); }

    // Sets, replaces or (with an empty value) removes one label.
    void set(std::string_view name, std::string_view value);
    void remove(std::string_view name) { set(name, {}); }

    const std::vector<Pair>& pairs() const { return pairs_; }
    bool empty() const { return pairs_.empty(); }
    std::size_t size() const { return pairs_.size(); }

    // Stable within a process and between processes of one version; not for storage.
    std::uint64_t hash() const;

    // As PromQL prints it: name{a="b"}; values are escaped.
    std::string toString() const;

    friend bool operator==(const Labels&, const Labels&) = default;
    friend auto operator<=>(const Labels&, const Labels&) = default;

  private:
    void normalise();

    std::vector<Pair> pairs_;
};

struct LabelsHash {
    std::size_t operator()(const Labels& labels) const { return labels.hash(); }
};

// Whether Prometheus's classic data model allows the name ([a-zA-Z_][a-zA-Z0-9_]*, and for metrics
// also ':').
bool isValidLabelName(std::string_view name);
bool isValidMetricName(std::string_view name);

}  // namespace clusterwatch
