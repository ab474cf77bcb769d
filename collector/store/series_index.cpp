#include "collector/store/series_index.h"

#include <algorithm>
#include <iterator>

namespace clusterwatch::store {

namespace {

// A damaged id must not become an allocation: ids are dense, so none is far beyond the known ones.
constexpr std::size_t kLargestHole = 1'000'000;

}  // namespace

Result<SeriesId> SeriesIndex::findOrAdd(const Labels& labels, std::string_view group) {
    MutexLock lock(mutex_);
    const auto [from, to] = by_hash_.equal_range(labels.hash());
    for (auto it = from; it != to; ++it)
        if (series_[it->second - 1]->labels == labels) return it->second;
    if (series_.size() >= max_series_)
        return Error(ErrorCode::kLimit,
                     "the store holds its limit of " + std::to_string(max_series_) + " series");
    const SeriesId id = series_.size() + 1;
    add(id, labels, groupOf(group));
    return id;
}

bool SeriesIndex::restore(SeriesId id, const Labels& labels, GroupId group) {
    MutexLock lock(mutex_);
    if (id == 0 || id > series_.size() + kLargestHole) return false;
    if (group == 0 || group > groups_.size()) return false;
    if (id <= series_.size() && series_[id - 1]) return series_[id - 1]->labels == labels;
    const auto [from, to] = by_hash_.equal_range(labels.hash());
    for (auto it = from; it != to; ++it)
        if (series_[it->second - 1]->labels == labels) return false;
    add(id, labels, group);
    return true;
}

bool SeriesIndex::restoreGroup(GroupId id, std::string_view name) {
    MutexLock lock(mutex_);
    if (id == 0 || id > groups_.size() + kLargestHole) return false;
    if (id > groups_.size()) groups_.resize(id);
    if (groups_[id - 1].empty() && !group_ids_.contains(name)) {
        groups_[id - 1] = name;
        group_ids_.emplace(name, id);
    }
    return groups_[id - 1] == name;
}

GroupId SeriesIndex::findOrAddGroup(std::string_view name) {
    MutexLock lock(mutex_);
    return groupOf(name);
}

GroupId SeriesIndex::groupOf(std::string_view name) {
    if (const auto it = group_ids_.find(name); it != group_ids_.end()) return it->second;
    groups_.emplace_back(name);
    group_ids_.emplace(name, groups_.size());
    return groups_.size();
}

void SeriesIndex::add(SeriesId id, const Labels& labels, GroupId group) {
    if (id > series_.size()) series_.resize(id);
    series_[id - 1] = std::make_unique<const Series>(Series{labels, group});
    by_hash_.emplace(labels.hash(), id);
    for (const auto& [name, value] : labels.pairs()) {
        Postings& list = postings_[name][value];
        // At the end, but for a series restored into a hole.
        list.insert(std::upper_bound(list.begin(), list.end(), id), id);
    }
}

const Labels& SeriesIndex::labels(SeriesId id) const {
    MutexLock lock(mutex_);
    CHECK(id >= 1 && id <= series_.size() && series_[id - 1]);
    return series_[id - 1]->labels;
}

GroupId SeriesIndex::group(SeriesId id) const {
    MutexLock lock(mutex_);
    CHECK(id >= 1 && id <= series_.size() && series_[id - 1]);
    return series_[id - 1]->group;
}

std::string SeriesIndex::groupName(GroupId id) const {
    MutexLock lock(mutex_);
    CHECK(id >= 1 && id <= groups_.size());
    return groups_[id - 1];
}

bool SeriesIndex::known(SeriesId id) const {
    MutexLock lock(mutex_);
    return id >= 1 && id <= series_.size() && series_[id - 1];
}

std::size_t SeriesIndex::size() const {
    MutexLock lock(mutex_);
    return series_.size();
}

std::size_t SeriesIndex::groupCount() const {
    MutexLock lock(mutex_);
    return groups_.size();
}

SeriesIndex::Postings SeriesIndex::having(const query::Matcher& matcher, bool wanted) const {
    Postings out;
    const auto label = postings_.find(matcher.name());
    if (label == postings_.end()) return out;
    if (matcher.type() == query::MatchType::kEqual && wanted) {
        const auto value = label->second.find(matcher.value());
        return value == label->second.end() ? out : value->second;
    }
    std::size_t lists = 0;
    for (const auto& [value, list] : label->second) {
        if (matcher.matches(value) != wanted) continue;
        out.insert(out.end(), list.begin(), list.end());
        ++lists;
    }
    // A series has one value of a label, so there are no repetitions.
    if (lists > 1) std::sort(out.begin(), out.end());
    return out;
}

SeriesIndex::Postings SeriesIndex::all() const {
    Postings out;
    for (SeriesId id = 1; id <= series_.size(); ++id)
        if (series_[id - 1]) out.push_back(id);
    return out;
}

std::vector<SeriesId> SeriesIndex::select(std::span<const query::Matcher> matchers) const {
    MutexLock lock(mutex_);
    std::optional<Postings> found;
    // First the matchers that an absent label does not meet: they name the series. Then the others,
    // which only take away those whose value they refuse.
    for (const auto& matcher : matchers) {
        if (matcher.matchesEmpty()) continue;
        Postings list = having(matcher, true);
        if (!found) {
            found = std::move(list);
            continue;
        }
        Postings both;
        std::set_intersection(found->begin(), found->end(), list.begin(), list.end(),
                              std::back_inserter(both));
        found = std::move(both);
    }
    if (!found) found = all();
    for (const auto& matcher : matchers) {
        if (!matcher.matchesEmpty() || found->empty()) continue;
        const Postings refused = having(matcher, false);
        Postings rest;
        std::set_difference(found->begin(), found->end(), refused.begin(), refused.end(),
                            std::back_inserter(rest));
        found = std::move(rest);
    }
    return std::move(*found);
}

}  // namespace clusterwatch::store
