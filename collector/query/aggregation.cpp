// sum, avg, min, max, count, by and without labels. Reads its input once, one series at a time; holds
// one accumulator a group and step.
//
// Source: Prometheus, promql/engine.go, aggregation(): the order of additions is that of the series'
// labels, as in the store, so sums agree to the last digit.
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "collector/query/evaluation.h"

namespace clusterwatch::query {
namespace {

class SumOf {
  public:
    explicit SumOf(double first) : sum_(first, 0) {}
    void add(double value) { sum_.add(value); }
    double result() const { return sum_.total(); }

  private:
    CompensatedSum sum_;
};

class AvgOf {
  public:
    explicit AvgOf(double first) { mean_.add(first); }
    void add(double value) { mean_.add(value); }
    double result() const { return mean_.result(); }

  private:
    Mean mean_;
};

class MinOf {
  public:
    explicit MinOf(double first) : least_(first) {}
    void add(double value) {
        if (value < least_ || std::isnan(least_)) least_ = value;
    }
    double result() const { return least_; }

  private:
    double least_;
};

class MaxOf {
  public:
    explicit MaxOf(double first) : most_(first) {}
    void add(double value) {
        if (value > most_ || std::isnan(most_)) most_ = value;
    }
    double result() const { return most_; }

  private:
    double most_;
};

class CountOf {
  public:
    explicit CountOf(double /*first*/) {}
    void add(double /*value*/) { ++count_; }
    double result() const { return count_; }

  private:
    double count_ = 1;
};

template <typename Accumulator>
class AggregationOperator final : public SeriesOperator {
  public:
    AggregationOperator(const Aggregate& aggregate, OperatorPtr input, Evaluation& evaluation)
        : aggregate_(aggregate), input_(std::move(input)), evaluation_(evaluation) {}

    Result<bool> next(Series& out) override {
        if (input_ != nullptr) {
            if (Status status = readAll(); !status) return status.error();
            input_.reset();
            at_ = groups_.begin();
        }
        if (at_ == groups_.end()) return false;
        out.labels = at_->first;
        out.points.clear();
        const Steps& steps = evaluation_.steps();
        for (std::size_t i = 0; i < at_->second.size(); ++i) {
            const auto& accumulator = at_->second[i];
            if (accumulator) out.points.push_back({steps.at(i), accumulator->result()});
        }
        ++at_;
        return true;
    }

  private:
    Status readAll() {
        Series series;
        const Steps& steps = evaluation_.steps();
        for (;;) {
            auto more = input_->next(series);
            if (!more) return more.error();
            if (!*more) return {};
            auto& group =
                groups_[keptLabels(series.labels, !aggregate_.without, aggregate_.grouping)];
            if (group.empty()) {
                if (Status status = evaluation_.hold(steps.size()); !status) return status;
                group.resize(steps.size());
            }
            for (const Sample& point : series.points) {
                auto& accumulator = group[steps.indexOf(point.t_ms)];
                if (accumulator) {
                    accumulator->add(point.value);
                } else {
                    accumulator.emplace(point.value);
                }
            }
        }
    }

    const Aggregate& aggregate_;
    OperatorPtr input_;  // until it has been read
    Evaluation& evaluation_;
    std::map<Labels, std::vector<std::optional<Accumulator>>> groups_;
    typename decltype(groups_)::iterator at_;
};

}  // namespace

Labels keptLabels(const Labels& labels, bool keep_named, const std::vector<std::string>& names) {
    if (!keep_named) {
        Labels rest = labels;
        rest.remove(kMetricName);
        for (const std::string& name : names) rest.remove(name);
        return rest;
    }
    std::vector<Labels::Pair> kept;
    kept.reserve(names.size());
    for (const std::string& name : names) kept.emplace_back(name, std::string(labels.get(name)));
    return Labels(std::move(kept));
}

OperatorPtr makeAggregation(const Aggregate& aggregate, OperatorPtr input, Evaluation& evaluation) {
    switch (aggregate.op) {
        case AggregateOp::kAvg:
            return std::make_unique<AggregationOperator<AvgOf>>(aggregate, std::move(input),
                                                                evaluation);
        case AggregateOp::kMin:
            return std::make_unique<AggregationOperator<MinOf>>(aggregate, std::move(input),
                                                                evaluation);
        case AggregateOp::kMax:
            return std::make_unique<AggregationOperator<MaxOf>>(aggregate, std::move(input),
                                                                evaluation);
        case AggregateOp::kCount:
            return std::make_unique<AggregationOperator<CountOf>>(aggregate, std::move(input),
                                                                  evaluation);
        case AggregateOp::kSum: break;
    }
    return std::make_unique<AggregationOperator<SumOf>>(aggregate, std::move(input), evaluation);
}

}  // namespace clusterwatch::query
