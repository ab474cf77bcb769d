// An append-only journal of checksummed, self-delimiting records: the collector's ingest log and
// the agent's spool.
//
// Format: docs/formats/journal.md. A journal is a directory of segment files; each record's header
// carries magic, type, length, its own position and CRCs of header and payload, so that
//  - a flipped byte costs the one record it hit: the reader finds the next header and goes on;
//  - a torn tail costs only records that were never acknowledged;
//  - a record copied into another's payload cannot be mistaken for one (its position is wrong).
//
// Durability: append() returns once the record is written AND synced. Concurrent appends share one
// sync (group commit): the first waiting thread writes and syncs for all that arrived meanwhile.
// After a failed write the segment is cut back to its last good record; after a failed sync it is
// abandoned and a new segment is opened, because a later successful sync of the same file proves
// nothing. Either way the records of that group are reported as failed and nothing after them is
// lost at the next start. A record whose append failed may still be on the disk, and then it IS
// read at the next start: users must know a repeated record when they see it. The reverse never
// happens.
//
// Rejected: SQLite's WAL (one flipped byte drops every later commit); a length-prefixed log without
// per-record positions (a damaged length loses the rest of the segment).
//
// Thread-safe, except where noted.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/file_system.h"
#include "common/result.h"

namespace clusterwatch {

// The logical position of a record: bytes since the journal was made, over all segments; it only
// grows.
using JournalPosition = std::uint64_t;

struct JournalOptions {
    std::uint64_t segment_bytes = std::uint64_t{16} << 20;  // a new segment is opened past this
    std::size_t max_record_bytes = std::size_t{64} << 20;
    // New records get positions from here on, even if the directory was emptied meanwhile: a user
    // that keeps a position elsewhere passes it, so that new records never fall behind it.
    JournalPosition first_position = 0;
};

struct JournalRecord {
    JournalPosition position = 0;       // of the record's first byte
    JournalPosition next_position = 0;  // of the byte after it
    std::uint8_t type = 0;              // the user's; unknown types are the user's to skip
    std::string payload;
};

// What opening and reading met; each is a metric.
struct JournalDamage {
    std::uint64_t torn_tail_bytes = 0;  // cut off the last segment: never acknowledged
    std::uint64_t damaged_records = 0;  // skipped: header or payload fails its check
    std::uint64_t damaged_bytes = 0;
};

struct JournalSegment {
    std::filesystem::path file;
    JournalPosition begin = 0;
    JournalPosition end = 0;
};

class Journal {
  public:
    // Opens or creates the journal in `directory`. A file there that is not ours, or of a newer
    // version, is an error and nothing is changed. Appending always starts in a new segment unless
    // the last one ends in a whole record.
    // REQUIRES: `fs` outlives the journal; no other process has it open (the caller holds the
    // lock).
    static Result<std::unique_ptr<Journal>> open(FileSystem& fs, std::filesystem::path directory,
                                                 JournalOptions options);
    virtual ~Journal() = default;

    // Reads every intact record of the journal in `directory` and says what is damaged; opens
    // nothing for writing and changes nothing.
    static Result<JournalDamage> inspect(FileSystem& fs, const std::filesystem::path& directory,
                                         const std::function<bool(const JournalRecord&)>& visit);

    // Returns the position after the record, once it is on the disk. Blocks for about one sync.
    virtual Result<JournalPosition> append(std::uint8_t type, std::string_view payload) = 0;

    // Calls `visit` for each intact record from `from` on, oldest first; a false return stops it.
    // Runs beside appends and sees at least what was acknowledged before the call.
    virtual Status read(JournalPosition from,
                        const std::function<bool(const JournalRecord&)>& visit) = 0;

    // Removes whole segments that end at or before `position`. Never removes the current one.
    virtual Status removeBefore(JournalPosition position) = 0;

    virtual std::vector<JournalSegment> segments() const = 0;
    virtual JournalPosition begin() const = 0;  // of the oldest record still there
    virtual JournalPosition end() const = 0;    // after the newest acknowledged record
    virtual std::uint64_t bytes() const = 0;    // on disk
    virtual JournalDamage damage() const = 0;
    // False from a failed write or sync until the next success.
    virtual bool healthy() const = 0;
};

}  // namespace clusterwatch
