// See functions.h. Each formula is Prometheus's, operation by operation, because the results are
// compared with Prometheus's to the last digit.
#include "collector/query/functions.h"

#include <cmath>

namespace clusterwatch::query {
namespace {

// What a counter grew by (or a rate per second), extrapolated to the window's edges.
// Source: promql/functions.go, extrapolatedRate. In words: a series whose first or last sample is
// close to an edge (within 1.1 average intervals) is taken to go on up to it; otherwise only half an
// interval is added. A counter is never extrapolated to below zero.
std::optional<double> extrapolated(const Window& window, bool per_second) {
    const auto& samples = window.samples;
    if (samples.size() < 2) return std::nullopt;
    const Sample& first = samples.front();
    const Sample& last = samples.back();

    double result = last.value - first.value;
    double previous = first.value;
    for (const Sample& sample : samples.subspan(1)) {
        if (sample.value < previous) result += previous;  // a reset: it began again from 0
        previous = sample.value;
    }

    double to_start = static_cast<double>(first.t_ms - window.start_ms) / 1000;
    double to_end = static_cast<double>(window.end_ms - last.t_ms) / 1000;
    const double sampled = static_cast<double>(last.t_ms - first.t_ms) / 1000;
    const double average_interval = sampled / static_cast<double>(samples.size() - 1);
    const double threshold = average_interval * 1.1;

    if (to_start >= threshold) to_start = average_interval / 2;
    if (result > 0 && first.value >= 0) {
        const double to_zero = sampled * (first.value / result);
        if (to_zero < to_start) to_start = to_zero;
    }
    if (to_end >= threshold) to_end = average_interval / 2;

    double factor = (sampled + to_start + to_end) / sampled;
    if (per_second) factor /= static_cast<double>(window.end_ms - window.start_ms) / 1000;
    return result * factor;
}

std::optional<double> increase(const Window& window) { return extrapolated(window, false); }
std::optional<double> rate(const Window& window) { return extrapolated(window, true); }

std::optional<double> irate(const Window& window) {
    if (window.samples.size() < 2) return std::nullopt;
    const Sample& last = window.samples.back();
    const Sample& before = window.samples[window.samples.size() - 2];
    const double grown = last.value < before.value ? last.value : last.value - before.value;
    return grown / (static_cast<double>(last.t_ms - before.t_ms) / 1000);
}

std::optional<double> countOverTime(const Window& window) {
    return static_cast<double>(window.samples.size());
}

std::optional<double> lastOverTime(const Window& window) { return window.samples.back().value; }

std::optional<double> sumOverTime(const Window& window) {
    CompensatedSum sum;
    for (const Sample& sample : window.samples) sum.add(sample.value);
    return sum.total();
}

std::optional<double> avgOverTime(const Window& window) {
    Mean mean;
    for (const Sample& sample : window.samples) mean.add(sample.value);
    return mean.result();
}

std::optional<double> minOverTime(const Window& window) {
    double least = window.samples.front().value;
    for (const Sample& sample : window.samples) {
        if (sample.value < least || std::isnan(least)) least = sample.value;
    }
    return least;
}

std::optional<double> maxOverTime(const Window& window) {
    double most = window.samples.front().value;
    for (const Sample& sample : window.samples) {
        if (sample.value > most || std::isnan(most)) most = sample.value;
    }
    return most;
}

}  // namespace

const Function* findFunction(std::string_view name) {
    constexpr auto kRange = ValueType::kMatrix;
    constexpr auto kInstant = ValueType::kVector;
    static const std::vector<Function> table = {
        {"avg_over_time", {kRange}, kInstant, avgOverTime},
        {"count_over_time", {kRange}, kInstant, countOverTime},
        {"increase", {kRange}, kInstant, increase},
        {"irate", {kRange}, kInstant, irate},
        {"last_over_time", {kRange}, kInstant, lastOverTime, true},
        {"max_over_time", {kRange}, kInstant, maxOverTime},
        {"min_over_time", {kRange}, kInstant, minOverTime},
        {"rate", {kRange}, kInstant, rate},
        {"sum_over_time", {kRange}, kInstant, sumOverTime},
    };
    for (const Function& function : table) {
        if (function.name == name) return &function;
    }
    return nullptr;
}

void CompensatedSum::add(double value) {
    const double next = sum_ + value;
    if (std::isinf(next)) {
        compensation_ = 0;
    } else if (std::abs(sum_) >= std::abs(value)) {
        compensation_ += (sum_ - next) + value;
    } else {
        compensation_ += (value - next) + sum_;
    }
    sum_ = next;
}

double CompensatedSum::total() const { return std::isinf(sum_) ? sum_ : sum_ + compensation_; }

void Mean::add(double value) {
    ++count_;
    if (count_ == 1) {
        sum_ = CompensatedSum(value, 0);
        return;
    }
    if (!incremental_) {
        CompensatedSum next = sum_;
        next.add(value);
        if (!std::isinf(next.sum())) {
            sum_ = next;
            return;
        }
        incremental_ = true;
        sum_ = CompensatedSum(sum_.sum() / (count_ - 1), sum_.compensation() / (count_ - 1));
    }
    // An infinite mean stays as it is, unless the opposite infinity or NaN comes: Inf - Inf below
    // would make it NaN.
    if (std::isinf(sum_.sum())) {
        if (std::isinf(value) && (sum_.sum() > 0) == (value > 0)) return;
        if (!std::isinf(value) && !std::isnan(value)) return;
    }
    const double kept = (count_ - 1) / count_;
    CompensatedSum next(kept * sum_.sum(), kept * sum_.compensation());
    next.add(value / count_);
    sum_ = next;
}

double Mean::result() const {
    if (incremental_) return sum_.sum() + sum_.compensation();
    return sum_.sum() / count_ + sum_.compensation() / count_;
}

}  // namespace clusterwatch::query
