// catalogue.db: what is not samples. Series and their groups, metadata, events, silence marks, and
// the checkpoint: the participant's snapshot with the journal position that all of this covers,
// written in one transaction.
//
// Not thread-safe: the store's maintenance uses it under its own mutex.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "collector/query/series_source.h"
#include "collector/store/sqlite.h"
#include "collector/store/store.h"
#include "common/journal.h"

namespace clusterwatch::store {

using GroupId = std::uint64_t;  // dense, from 1

struct SeriesRow {
    SeriesId id = 0;
    GroupId group = 0;
    Labels labels;
    query::TimeRange extent;  // of its samples, as far as they are known
};

struct SilenceMark {
    GroupId group = 0;
    std::int64_t t_ms = 0;
};

// Everything that one checkpoint writes. Rows replace those of the same key.
struct Checkpoint {
    JournalPosition position = 0;
    std::int64_t retention_clock_ms = 0;
    std::string snapshot;
    std::vector<std::pair<GroupId, std::string>> groups;
    std::vector<SeriesRow> series;
    std::vector<std::pair<std::string, MetricMetadata>> metadata;
    std::vector<Event> events;         // new ones
    std::vector<SilenceMark> silence;  // all of them
    std::int64_t events_from_ms = 0;   // older ones are deleted
};

class Catalogue {
  public:
    static Result<Catalogue> open(const std::filesystem::path& file, Database::Mode mode);

    // Groups, series, metadata, silence, position, clock and snapshot; no events.
    Result<Checkpoint> load();
    Status save(const Checkpoint& checkpoint);

    Result<std::vector<Event>> events(query::TimeRange range, std::string_view subject_prefix,
                                      std::size_t limit);

  private:
    explicit Catalogue(Database db) : db_(std::move(db)) {}

    Status loadSeries(Checkpoint& out);
    Status loadMetadata(Checkpoint& out);
    Status saveSeries(const Checkpoint& checkpoint);
    Status saveEvents(const Checkpoint& checkpoint);
    Status saveSilence(const Checkpoint& checkpoint);

    Database db_;
};

// Labels as one blob: count, then each name and value with its length.
std::string encodeLabels(const Labels& labels);
std::optional<Labels> decodeLabels(std::string_view bytes);

}  // namespace clusterwatch::store
