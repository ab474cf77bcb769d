// The payload of one journal record: what one commit wrote. Format: docs/formats/journal.md, part
// two. The decoder is safe on any bytes, though the journal's checksum has passed them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collector/store/store.h"
#include "common/labels.h"

namespace clusterwatch::store {

inline constexpr std::uint8_t kCommitRecord = 1;  // the journal's record type

struct SeriesDefinition {
    SeriesId id = 0;
    std::uint64_t group_id = 0;
    std::string group;
    Labels labels;
};

struct CommitRecord {
    std::vector<SeriesDefinition> definitions;  // of series that no durable record defines yet
    std::vector<Column> columns;
    std::vector<Event> events;
    std::string note;
};

std::string encodeRecord(const CommitRecord& record);
// nullopt: not a record of a version that we know.
std::optional<CommitRecord> decodeRecord(std::string_view bytes);

}  // namespace clusterwatch::store
