// One chunk row: the samples of some series of one group (a target) in one window, as one
// checksummed blob. Series whose samples share their times share one column of time stamps, and a
// probe's series nearly always do. Format: docs/formats/chunks.md.
//
// The blob carries magic, length, group, window and a CRC of its own, so that it can be found and
// checked in the raw pages of a damaged database. Pure functions, safe on hostile bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collector/query/series_source.h"
#include "collector/store/store.h"
#include "common/result.h"
#include "common/sample.h"

namespace clusterwatch::store {

struct SeriesSamples {
    SeriesId id = 0;
    std::vector<Sample> samples;  // time stamps strictly rising, not empty
};

// REQUIRES: `series` ordered by id, not empty.
std::string encodeChunkRow(std::uint64_t group, std::int64_t window_start_ms,
                           std::span<const SeriesSamples> series);

// A parsed row: owns the blob, decodes a series when asked for. Immutable after parse, thread-safe.
class ChunkRow {
  public:
    // kCorrupt: the checksum or the structure is wrong. kInvalid: a newer encoding.
    static Result<ChunkRow> parse(std::string blob);

    std::uint64_t group() const { return group_; }
    std::int64_t windowStart() const { return window_start_ms_; }
    std::vector<SeriesId> series() const;
    std::size_t bytes() const { return blob_.size(); }

    // Appends the series' samples within the range to `out`; none if the row has no such series.
    Status read(SeriesId id, query::TimeRange range, std::vector<Sample>& out) const;

  private:
    struct Entry {
        SeriesId id = 0;
        std::size_t column = 0;
        std::size_t offset = 0, length = 0;  // of its values in the blob
    };
    struct Column {
        std::size_t samples = 0;
        std::size_t offset = 0, length = 0;
    };

    bool parseBody();

    std::string blob_;
    std::uint64_t group_ = 0;
    std::int64_t window_start_ms_ = 0;
    std::vector<Column> columns_;
    std::vector<Entry> entries_;  // ordered by id
};

}  // namespace clusterwatch::store
