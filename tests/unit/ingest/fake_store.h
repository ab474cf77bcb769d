// A store in memory that keeps its contract with a participant: what it committed is there after a
// "crash" (a new ingest over the same journal and checkpoint), and it can be told to fail.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "collector/store/store.h"

namespace clusterwatch::ingest {

class FakeStore final : public store::Store {
  public:
    // What survives a crash.
    struct Disk {
        std::map<Labels, store::SeriesId> ids;
        std::map<store::SeriesId, std::string> groups;
        // Every sample ever stored, also such as were stored again: that is what tests look for.
        std::map<store::SeriesId, std::vector<Sample>> samples;
        std::vector<std::string> notes;  // since the checkpoint
        std::string checkpoint;
        std::set<std::pair<std::string, std::int64_t>> silences;
        std::vector<store::Event> events;
    };

    FakeStore(std::shared_ptr<Disk> disk, store::Participant& participant)
        : disk_(std::move(disk)), participant_(participant) {
        EXPECT_TRUE(participant_.restore(disk_->checkpoint));
        for (const auto& note : disk_->notes) participant_.replayNote(note);
    }

    void failNext(std::optional<Error> error) { fail_ = std::move(error); }
    // The record reaches the disk, but commit() never returns to the caller's knowledge.
    void loseNextAnswer() { lose_answer_ = true; }
    void checkpoint() {
        disk_->checkpoint = participant_.snapshot();
        disk_->notes.clear();
    }
    void setMaxSeries(std::size_t most) { max_series_ = most; }

    Result<store::SeriesId> seriesId(const Labels& labels, std::string_view group) override {
        const auto known = disk_->ids.find(labels);
        if (known != disk_->ids.end()) return known->second;
        if (disk_->ids.size() >= max_series_) return Error{ErrorCode::kLimit, "too many series"};
        const store::SeriesId id = disk_->ids.size() + 1;
        disk_->ids.emplace(labels, id);
        disk_->groups.emplace(id, group);
        return id;
    }
    Labels labelsOf(store::SeriesId id) const override {
        for (const auto& [labels, known] : disk_->ids)
            if (known == id) return labels;
        return {};
    }
    void describe(std::string_view metric, const MetricMetadata& metadata) override {
        described[std::string(metric)] = metadata;
    }
    Result<store::CommitResult> commit(const store::WriteBatch& batch) override {
        ++commits;
        if (fail_) {
            Error error = *fail_;
            fail_.reset();
            return error;
        }
        store::CommitResult result;
        for (const auto& column : batch.columns) {
            EXPECT_EQ(column.series.size(), column.values.size());
            EXPECT_EQ(std::set<store::SeriesId>(column.series.begin(), column.series.end()).size(),
                      column.series.size())
                << "a series twice in a column";
            for (std::size_t i = 0; i < column.series.size(); ++i) {
                disk_->samples[column.series[i]].push_back({column.t_ms, column.values[i]});
                ++result.stored;
            }
        }
        disk_->notes.push_back(batch.note);
        if (lose_answer_) {
            lose_answer_ = false;
            return Error{ErrorCode::kIo, "power cut"};
        }
        if (!batch.note.empty()) participant_.committed(batch.note);
        return result;
    }
    void markSilent(std::string_view group, std::int64_t t_ms) override {
        disk_->silences.emplace(group, t_ms);
    }
    void retractSilence(std::string_view group, std::int64_t from, std::int64_t to) override {
        std::erase_if(disk_->silences, [&](const auto& mark) {
            return mark.first == group && mark.second >= from && mark.second <= to;
        });
    }
    void addEvent(store::Event event) override { disk_->events.push_back(std::move(event)); }
    Result<std::vector<store::Event>> events(query::TimeRange, std::string_view,
                                             std::size_t) const override {
        return disk_->events;
    }
    Status maintain() override { return {}; }
    Status sealAll() override { return {}; }
    store::StoreStatistics statistics() const override { return {}; }
    Result<std::vector<std::unique_ptr<query::SelectedSeries>>> select(
        std::span<const query::Matcher>, query::TimeRange,
        const query::CancelFlag*) const override {
        return Error{ErrorCode::kNotFound, "not faked"};
    }
    Result<std::vector<Labels>> series(std::span<const query::Matcher>,
                                       query::TimeRange) const override {
        return std::vector<Labels>{};
    }
    Result<std::vector<std::string>> labelNames(std::span<const query::Matcher>,
                                                query::TimeRange) const override {
        return std::vector<std::string>{};
    }
    Result<std::vector<std::string>> labelValues(const std::string&,
                                                 std::span<const query::Matcher>,
                                                 query::TimeRange) const override {
        return std::vector<std::string>{};
    }
    std::vector<std::pair<std::string, MetricMetadata>> metadata(const std::string&,
                                                                 std::size_t) const override {
        return {};
    }

    std::map<std::string, MetricMetadata> described;
    int commits = 0;

  private:
    std::shared_ptr<Disk> disk_;
    store::Participant& participant_;
    std::optional<Error> fail_;
    bool lose_answer_ = false;
    std::size_t max_series_ = 1'000'000;
};

}  // namespace clusterwatch::ingest
