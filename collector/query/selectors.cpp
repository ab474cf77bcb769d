// The leaves of a query: instant selectors, and functions over range selectors. Both walk each
// series once with a cursor, however many steps there are.
#include <algorithm>
#include <optional>
#include <unordered_set>
#include <utility>

#include "collector/query/evaluation.h"

namespace clusterwatch::query {
namespace {

// Walks the samples of one series, block by block.
class SampleCursor {
  public:
    SampleCursor(const SelectedSeries& series, const Evaluation& evaluation)
        : iterator_(series.samples()), evaluation_(evaluation) {}

    // The sample under the cursor; null at the end or after an error.
    const Sample* current() {
        if (at_ < block_.size()) return &block_[at_];
        return load() ? &block_[0] : nullptr;
    }
    void advance() { ++at_; }
    const Status& status() const { return status_; }

  private:
    bool load() {
        if (ended_) return false;
        status_ = evaluation_.check();
        if (status_) {
            auto block = iterator_->next();
            if (block) {
                block_ = *block;
                at_ = 0;
                ended_ = block_.empty();
                return !ended_;
            }
            status_ = block.error();
        }
        ended_ = true;
        block_ = {};
        at_ = 0;
        return false;
    }

    std::unique_ptr<SampleIterator> iterator_;
    const Evaluation& evaluation_;
    std::span<const Sample> block_;
    std::size_t at_ = 0;
    bool ended_ = false;
    Status status_;
};

// The value at a step is the newest sample in (step - lookback, step], unless that is a staleness
// marker. Open to the left since Prometheus 3.
class VectorSelectorOperator final : public SeriesOperator {
  public:
    VectorSelectorOperator(std::vector<std::unique_ptr<SelectedSeries>> series,
                           std::int64_t offset_ms, const Evaluation& evaluation)
        : series_(std::move(series)), offset_ms_(offset_ms), evaluation_(evaluation) {}

    Result<bool> next(Series& out) override {
        while (at_ < series_.size()) {
            const auto series = std::move(series_[at_++]);
            if (Status status = evaluation_.check(); !status) return status.error();
            out.points.clear();
            if (Status status = read(*series, out.points); !status) return status.error();
            if (out.points.empty()) continue;
            out.labels = series->labels();
            return true;
        }
        return false;
    }

  private:
    Status read(const SelectedSeries& series, std::vector<Sample>& points) const {
        SampleCursor cursor(series, evaluation_);
        const Steps& steps = evaluation_.steps();
        std::optional<Sample> newest;
        for (std::size_t i = 0; i < steps.size(); ++i) {
            const std::int64_t reference = steps.at(i) - offset_ms_;
            for (const Sample* sample = cursor.current();
                 sample != nullptr && sample->t_ms <= reference; sample = cursor.current()) {
                newest = *sample;
                cursor.advance();
            }
            if (!cursor.status()) return cursor.status();
            if (newest && newest->t_ms > reference - evaluation_.lookbackMs() &&
                !isStaleMarker(newest->value)) {
                points.push_back({steps.at(i), newest->value});
            }
        }
        return {};
    }

    std::vector<std::unique_ptr<SelectedSeries>> series_;
    std::size_t at_ = 0;
    const std::int64_t offset_ms_;
    const Evaluation& evaluation_;
};

// The samples of (end - range, end], moving forward. Samples that have left are kept at the front
// until they are half of the buffer, so each is moved once on average.
class MovingWindow {
  public:
    MovingWindow(const SelectedSeries& series, std::int64_t range_ms, Evaluation& evaluation)
        : cursor_(series, evaluation), range_ms_(range_ms), evaluation_(evaluation) {}
    ~MovingWindow() { evaluation_.release(held_); }
    MovingWindow(const MovingWindow&) = delete;
    MovingWindow& operator=(const MovingWindow&) = delete;

    Status moveTo(std::int64_t end_ms) {
        const std::int64_t start_ms = end_ms - range_ms_;
        while (head_ < buffer_.size() && buffer_[head_].t_ms <= start_ms) ++head_;
        if (head_ > buffer_.size() / 2) {
            buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(head_));
            evaluation_.release(head_);
            held_ -= head_;
            head_ = 0;
        }
        for (const Sample* sample = cursor_.current(); sample != nullptr && sample->t_ms <= end_ms;
             sample = cursor_.current()) {
            if (sample->t_ms > start_ms && !isStaleMarker(sample->value)) {
                buffer_.push_back(*sample);
            }
            cursor_.advance();
        }
        const std::size_t grown = buffer_.size() - held_;
        held_ += grown;
        if (Status status = evaluation_.hold(grown); !status) return status;
        return cursor_.status();
    }

    std::span<const Sample> samples() const { return std::span(buffer_).subspan(head_); }

  private:
    SampleCursor cursor_;
    const std::int64_t range_ms_;
    Evaluation& evaluation_;
    std::vector<Sample> buffer_;
    std::size_t head_ = 0;
    std::size_t held_ = 0;  // of the buffer, as counted by the evaluation
};

class WindowCallOperator final : public SeriesOperator {
  public:
    WindowCallOperator(const Function& function, const MatrixSelector& selector,
                       std::vector<std::unique_ptr<SelectedSeries>> series, Evaluation& evaluation)
        : function_(function),
          range_ms_(selector.range_ms),
          offset_ms_(selector.selector.offset_ms),
          series_(std::move(series)),
          evaluation_(evaluation) {}

    Result<bool> next(Series& out) override {
        while (at_ < series_.size()) {
            const auto series = std::move(series_[at_++]);
            if (Status status = evaluation_.check(); !status) return status.error();
            out.points.clear();
            if (Status status = evaluate(*series, out.points); !status) return status.error();
            if (out.points.empty()) continue;
            out.labels = series->labels();
            if (!function_.keeps_name) {
                out.labels.remove(kMetricName);
                if (!seen_.insert(out.labels).second) return sameLabelset();
            }
            return true;
        }
        return false;
    }

  private:
    Status evaluate(const SelectedSeries& series, std::vector<Sample>& points) {
        MovingWindow window(series, range_ms_, evaluation_);
        const Steps& steps = evaluation_.steps();
        for (std::size_t i = 0; i < steps.size(); ++i) {
            const std::int64_t end_ms = steps.at(i) - offset_ms_;
            if (Status status = window.moveTo(end_ms); !status) return status;
            const auto samples = window.samples();
            if (samples.empty()) continue;
            if (const auto value = function_.window({samples, end_ms - range_ms_, end_ms})) {
                points.push_back({steps.at(i), *value});
            }
        }
        return {};
    }

    const Function& function_;
    const std::int64_t range_ms_;
    const std::int64_t offset_ms_;
    std::vector<std::unique_ptr<SelectedSeries>> series_;
    std::size_t at_ = 0;
    std::unordered_set<Labels, LabelsHash> seen_;
    Evaluation& evaluation_;
};

}  // namespace

Result<OperatorPtr> makeVectorSelector(const VectorSelector& selector, Evaluation& evaluation) {
    auto series = evaluation.select(selector, evaluation.lookbackMs());
    if (!series) return series.error();
    return OperatorPtr(std::make_unique<VectorSelectorOperator>(std::move(*series),
                                                                selector.offset_ms, evaluation));
}

Result<OperatorPtr> makeWindowCall(const Call& call, Evaluation& evaluation) {
    const auto& selector =
        std::get<MatrixSelector>(withoutParentheses(*call.arguments.front()).node);
    auto series = evaluation.select(selector.selector, selector.range_ms);
    if (!series) return series.error();
    return OperatorPtr(std::make_unique<WindowCallOperator>(*call.function, selector,
                                                            std::move(*series), evaluation));
}

Result<Matrix> selectRange(const MatrixSelector& selector, Evaluation& evaluation) {
    auto selected = evaluation.select(selector.selector, selector.range_ms);
    if (!selected) return selected.error();
    Matrix result;
    for (const auto& series : *selected) {
        MovingWindow window(*series, selector.range_ms, evaluation);
        const std::int64_t end_ms = evaluation.steps().start_ms - selector.selector.offset_ms;
        if (Status status = window.moveTo(end_ms); !status) return status.error();
        const auto samples = window.samples();
        if (samples.empty()) continue;
        if (Status status = evaluation.hold(samples.size()); !status) return status.error();
        result.push_back({series->labels(), {samples.begin(), samples.end()}});
    }
    return result;
}

}  // namespace clusterwatch::query
