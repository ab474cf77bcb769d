// select(): series by labels, and their samples merged from chunks, head and silence marks.
//
// A block is one window. The head is copied when the iterator is made, before any chunk is looked
// for: a window sealed in between is then seen twice, which merging by time undoes, and never
// missed.
#include <algorithm>

#include "collector/store/store_impl.h"

namespace clusterwatch::store {

namespace {

struct Sources {
    const Head& head;
    const SilenceMarks& silence;
    PartitionSet& partitions;
    std::int64_t window_ms;
};

// Adds `later` to `samples`, both ordered; at equal times `later` wins.
void overlay(std::vector<Sample>& samples, std::span<const Sample> later) {
    if (later.empty()) return;
    if (samples.empty() || samples.back().t_ms < later.front().t_ms) {
        samples.insert(samples.end(), later.begin(), later.end());
        return;
    }
    std::vector<Sample> out;
    out.reserve(samples.size() + later.size());
    auto old = samples.begin();
    for (const Sample& s : later) {
        while (old != samples.end() && old->t_ms < s.t_ms) out.push_back(*old++);
        if (old != samples.end() && old->t_ms == s.t_ms) ++old;
        out.push_back(s);
    }
    out.insert(out.end(), old, samples.end());
    samples = std::move(out);
}

class Iterator final : public query::SampleIterator {
  public:
    Iterator(Sources sources, SeriesId id, GroupId group, query::TimeRange range,
             const query::CancelFlag* cancel)
        : sources_(sources), id_(id), group_(group), range_(range), cancel_(cancel) {
        const auto marks = sources_.silence.within(group, range);
        std::vector<Sample> samples;
        sources_.head.read(id, range, samples);
        for (const std::int64_t t_ms : marks) head_.push_back({t_ms, staleMarker()});
        marks_ = head_;
        overlay(head_, samples);
        partitions_ =
            sources_.partitions.within({spanStart(range.from_ms, sources_.window_ms), range.to_ms});
    }

    Result<std::span<const Sample>> next() override {
        for (;;) {
            if (cancel_ && cancel_->load(std::memory_order_relaxed))
                return Error(ErrorCode::kCancelled, "the query was cancelled");
            block_.clear();
            if (auto s = findRows(); !s) return s.error();
            if (row_ == rows_.size()) {
                takeHeadBefore(INT64_MAX);
                return std::span<const Sample>(block_);
            }
            if (auto s = readWindow(); !s) return s.error();
            if (!block_.empty()) return std::span<const Sample>(block_);
        }
    }

  private:
    // Makes row_ the next row of this or of a later partition, or the end of rows_ if there is
    // none.
    Status findRows() {
        while (row_ == rows_.size() && partition_ < partitions_.size()) {
            auto found = partitions_[partition_++]->rows(
                group_, spanStart(range_.from_ms, sources_.window_ms), range_.to_ms);
            if (!found) return found.error().context("reading chunks");
            rows_ = std::move(*found);
            row_ = 0;
        }
        return {};
    }

    Status readWindow() {
        const std::int64_t start = rows_[row_].window_start_ms;
        std::vector<Sample> samples, of_row;
        for (; row_ < rows_.size() && rows_[row_].window_start_ms == start; ++row_) {
            auto row = sources_.partitions.row(partitions_[partition_ - 1], rows_[row_].id);
            if (!row) return row.error().context("reading chunks");
            if (!*row) continue;  // damaged, and counted
            of_row.clear();
            if (auto s = (*row)->read(id_, range_, of_row); !s) continue;
            overlay(samples, of_row);
        }
        takeHeadBefore(start + sources_.window_ms);
        // A silence mark gives way to a sample; a sample of the head replaces one of a chunk.
        std::vector<Sample> chunk;
        for (const Sample& s : samples) {
            const auto at =
                std::lower_bound(block_.begin(), block_.end(), s.t_ms,
                                 [](const Sample& b, std::int64_t t_ms) { return b.t_ms < t_ms; });
            const bool taken = at != block_.end() && at->t_ms == s.t_ms;
            if (!taken || (isStaleMarker(at->value) && isMark(s.t_ms))) chunk.push_back(s);
        }
        overlay(block_, chunk);
        return {};
    }

    void takeHeadBefore(std::int64_t t_ms) {
        while (head_at_ < head_.size() && head_[head_at_].t_ms < t_ms)
            block_.push_back(head_[head_at_++]);
    }

    bool isMark(std::int64_t t_ms) const {
        const auto at =
            std::lower_bound(marks_.begin(), marks_.end(), t_ms,
                             [](const Sample& m, std::int64_t wanted) { return m.t_ms < wanted; });
        return at != marks_.end() && at->t_ms == t_ms;
    }

    const Sources sources_;
    const SeriesId id_;
    const GroupId group_;
    const query::TimeRange range_;
    const query::CancelFlag* const cancel_;
    std::vector<Sample> head_, marks_;
    std::size_t head_at_ = 0;
    std::vector<PartitionPtr> partitions_;
    std::size_t partition_ = 0;
    std::vector<RowKey> rows_;
    std::size_t row_ = 0;
    std::vector<Sample> block_;
};

class Selected final : public query::SelectedSeries {
  public:
    Selected(Sources sources, SeriesId id, GroupId group, const Labels& labels,
             query::TimeRange range, const query::CancelFlag* cancel)
        : sources_(sources),
          id_(id),
          group_(group),
          labels_(labels),
          range_(range),
          cancel_(cancel) {}

    const Labels& labels() const override { return labels_; }
    std::unique_ptr<query::SampleIterator> samples() const override {
        return std::make_unique<Iterator>(sources_, id_, group_, range_, cancel_);
    }

  private:
    const Sources sources_;
    const SeriesId id_;
    const GroupId group_;
    const Labels& labels_;  // the index's; it never forgets one
    const query::TimeRange range_;
    const query::CancelFlag* const cancel_;
};

}  // namespace

Result<std::vector<std::unique_ptr<query::SelectedSeries>>> StoreImpl::select(
    std::span<const query::Matcher> matchers, query::TimeRange range,
    const query::CancelFlag* cancel) const {
    range = {std::max(range.from_ms, -kFarthestMs), std::min(range.to_ms, kFarthestMs)};
    std::vector<SeriesId> ids = selectIds(matchers, range);
    std::sort(ids.begin(), ids.end(),
              [&](SeriesId a, SeriesId b) { return index_.labels(a) < index_.labels(b); });
    const Sources sources{head_, silence_, partitions_, window_ms_};
    std::vector<std::unique_ptr<query::SelectedSeries>> out;
    out.reserve(ids.size());
    for (const SeriesId id : ids)
        out.push_back(std::make_unique<Selected>(sources, id, index_.group(id), index_.labels(id),
                                                 range, cancel));
    return out;
}

}  // namespace clusterwatch::store
