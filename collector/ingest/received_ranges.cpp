#include "collector/ingest/received_ranges.h"

#include <algorithm>
#include <iterator>
#include <limits>

namespace clusterwatch::ingest {

bool ReceivedRanges::containsAll(std::uint64_t first, std::uint64_t last) const {
    auto it = ranges_.upper_bound(first);
    return it != ranges_.begin() && std::prev(it)->second >= last;
}

bool ReceivedRanges::contains(std::uint64_t sequence) const {
    return containsAll(sequence, sequence);
}

ReceivedRanges::Seen ReceivedRanges::look(std::uint64_t sequence, std::uint32_t checksum) const {
    if (!contains(sequence)) return Seen::kNew;
    const auto known = sums_.find(sequence);
    return known == sums_.end() || known->second == checksum ? Seen::kSame : Seen::kOther;
}

void ReceivedRanges::add(std::uint64_t sequence, std::uint32_t checksum) {
    addRange(sequence, sequence);
    if (!sums_.insert_or_assign(sequence, checksum).second) return;
    order_.push_back(sequence);
    if (order_.size() <= kSums) return;
    sums_.erase(order_.front());
    order_.pop_front();
}

void ReceivedRanges::addRange(std::uint64_t first, std::uint64_t last) {
    constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
    auto it = ranges_.upper_bound(first);
    // Joins the range before if that one touches, and swallows all that begin within reach.
    if (it != ranges_.begin()) {
        const auto before = std::prev(it);
        if (before->second >= first || before->second + 1 == first) {
            first = before->first;
            last = std::max(last, before->second);
            it = before;
        }
    }
    while (it != ranges_.end() && (last == kMost || it->first <= last + 1)) {
        last = std::max(last, it->second);
        it = ranges_.erase(it);
    }
    ranges_.emplace(first, last);
}

}  // namespace clusterwatch::ingest
