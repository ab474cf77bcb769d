// Which batch numbers of one spool have arrived: ranges of numbers, and the checksums of the newest.
//
// Two lanes leave at most a few gaps, so ranges are few. A number whose checksum has been forgotten
// (more than kSums others came since) counts as the same batch again. Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <unordered_map>

namespace clusterwatch::ingest {

class ReceivedRanges {
  public:
    static constexpr std::size_t kSums = 4096;
    // An honest agent fills its gaps or reports them as dropped; beyond this it is refused.
    static constexpr std::size_t kRanges = 4096;

    enum class Seen { kNew, kSame, kOther };

    Seen look(std::uint64_t sequence, std::uint32_t checksum) const;
    bool contains(std::uint64_t sequence) const;
    bool containsAll(std::uint64_t first, std::uint64_t last) const;
    void add(std::uint64_t sequence, std::uint32_t checksum);
    void addRange(std::uint64_t first, std::uint64_t last);
    bool full() const { return ranges_.size() >= kRanges; }

    const std::map<std::uint64_t, std::uint64_t>& ranges() const { return ranges_; }
    const std::unordered_map<std::uint64_t, std::uint32_t>& sums() const { return sums_; }
    const std::deque<std::uint64_t>& order() const {
        return order_;
    }  // keys of sums(), oldest first

  private:
    std::map<std::uint64_t, std::uint64_t> ranges_;  // first -> last; disjoint, not adjacent
    std::unordered_map<std::uint64_t, std::uint32_t> sums_;
    std::deque<std::uint64_t> order_;
};

}  // namespace clusterwatch::ingest
