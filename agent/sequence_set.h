// A set of sequence numbers, kept as ranges: what one collector needs no more of the spool.
//
// A value type, not thread-safe. Numbers are settled nearly in order, so there are few ranges: one
// below the lowest number that is still waited for, and a few above it while back-fill runs.
#pragma once

#include <cstdint>
#include <map>

namespace clusterwatch::agent {

class SequenceSet {
  public:
    void add(std::uint64_t first, std::uint64_t last) {
        if (first > last) return;
        auto next = ranges_.upper_bound(first);
        if (next != ranges_.begin()) {
            auto before = std::prev(next);
            if (before->second + 1 >= first) {
                first = before->first;
                if (before->second > last) last = before->second;
                ranges_.erase(before);
            }
        }
        while (next != ranges_.end() && next->first <= last + 1) {
            if (next->second > last) last = next->second;
            next = ranges_.erase(next);
        }
        ranges_.emplace(first, last);
    }
    void add(std::uint64_t one) { add(one, one); }

    bool contains(std::uint64_t number) const {
        auto next = ranges_.upper_bound(number);
        return next != ranges_.begin() && std::prev(next)->second >= number;
    }
    // The lowest number from `from` on that is not in the set.
    std::uint64_t firstMissing(std::uint64_t from) const {
        auto next = ranges_.upper_bound(from);
        if (next == ranges_.begin()) return from;
        const auto last = std::prev(next)->second;
        return last >= from ? last + 1 : from;
    }
    // How many numbers of first..last are in the set.
    std::uint64_t countWithin(std::uint64_t first, std::uint64_t last) const {
        std::uint64_t count = 0;
        for (const auto& [from, to] : ranges_) {
            if (to < first || from > last) continue;
            count += (to < last ? to : last) - (from > first ? from : first) + 1;
        }
        return count;
    }
    const std::map<std::uint64_t, std::uint64_t>& ranges() const { return ranges_; }

  private:
    std::map<std::uint64_t, std::uint64_t> ranges_;  // first -> last; disjoint, not adjacent
};

}  // namespace clusterwatch::agent
