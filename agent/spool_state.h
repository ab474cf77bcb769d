// The few numbers that the spool must remember beside its journal, in a file of fixed size that is
// overwritten in place: two slots written in turn, each with a counter and a CRC, the newest intact
// one counts. In place because it is needed most when the disk is full.
//
// What its loss costs: a lost cursor, that batches are sent again (the collector knows them); lost
// drop counts, that they begin again at 0; a lost `used_through`, that numbers given out while the
// disk was full could be given out again, which the collector shows as a conflict.
//
// Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>

#include "agent/settings.h"
#include "common/result.h"

namespace clusterwatch::agent {

// Of the ranges of settled numbers the lowest are kept. More are rare (two lanes make two), and what
// is left out is only sent again.
inline constexpr std::size_t kCursorRanges = 16;

struct SpoolNumbers {
    std::uint64_t epoch = 0;
    std::uint64_t journal_end = 0;     // the journal's end when this was written: it only grows
    std::uint64_t dropped_before = 0;  // journal position below which everything was dropped
    std::uint64_t used_through = 0;    // sequence numbers given out without being in the journal
    std::uint64_t dropped_batches = 0, dropped_samples = 0;  // since the epoch began
    struct Range {
        std::uint64_t first = 0, last = 0;  // 0: unused
    };
    struct Cursor {
        std::uint64_t url_hash = 0;  // whose it is
        std::array<Range, kCursorRanges> settled{};
    };
    std::array<Cursor, kMaxCollectors> cursors{};
};

class SpoolState {
  public:
    // Opens or makes the file. One of a newer version is an error and is left alone; one without an
    // intact slot reads as all zeros.
    static Result<SpoolState> open(const std::filesystem::path& file);
    SpoolState(SpoolState&& other) noexcept;
    SpoolState& operator=(SpoolState&&) = delete;
    ~SpoolState();

    const SpoolNumbers& loaded() const { return loaded_; }
    // With `durable`, on the disk when it returns.
    Status write(const SpoolNumbers& numbers, bool durable);

  private:
    explicit SpoolState(int fd) : fd_(fd) {}
    Status load();

    int fd_;
    std::uint64_t counter_ = 0;
    SpoolNumbers loaded_;
};

}  // namespace clusterwatch::agent
