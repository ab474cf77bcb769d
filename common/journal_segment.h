// One segment file of a journal: its format, and the scanner that finds every intact record in it.
// Format and reasons: docs/formats/journal.md. Used by journal.cpp alone.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/file_system.h"
#include "common/journal.h"
#include "common/result.h"

namespace clusterwatch::journal_segment {

inline constexpr std::uint32_t kVersion = 1;
inline constexpr std::size_t kFileHeaderBytes = 32;
inline constexpr std::size_t kRecordHeaderBytes = 24;

// "00000000000f4240.journal": the position of the segment's first record, so that the order of the
// names is the order of the records and a damaged file header costs nothing.
std::string fileName(JournalPosition begin);
std::optional<JournalPosition> parseFileName(std::string_view name);

std::string encodeFileHeader(JournalPosition begin);

enum class HeaderState {
    kGood,
    kDamaged,  // ours, but its header fails its check; the name gives the position
    kForeign,  // not ours
    kNewer,    // ours, of a version that this program does not know
};
// `bytes` are the file's first kFileHeaderBytes, or fewer if it is shorter.
HeaderState checkFileHeader(std::string_view bytes, JournalPosition begin);

void appendRecord(std::string& out, std::uint8_t type, JournalPosition position,
                  std::string_view payload);

struct Found {
    std::uint64_t offset = 0;      // of the record's header in the file
    std::uint64_t end_offset = 0;  // of the byte after its payload
    std::uint8_t type = 0;
    std::string_view payload;   // valid until the next call of the scanner
    std::uint64_t skipped = 0;  // damaged bytes between the previous record and this one
};

// Finds the intact records of one file, in order, stepping over what is damaged.
// Memory: one buffer of 256 KiB, or of the largest record. Not thread-safe.
class Scanner {
  public:
    // Reads [kFileHeaderBytes, end_offset) of `file`, whose first record has position `begin`.
    Scanner(std::unique_ptr<File> file, JournalPosition begin, std::uint64_t end_offset);

    // The next intact record; nullopt at the end, where trailing() tells what follows the last one.
    Result<std::optional<Found>> next();

    // Continues at a record boundary.
    void seek(std::uint64_t offset) { offset_ = offset; }

    // After next() gave nullopt: bytes between the last intact record and the end.
    std::uint64_t trailing() const { return trailing_; }
    // Whether those bytes are those of a whole record whose payload fails its check, so not a torn
    // write's but a damaged record's.
    bool trailingIsWhole() const { return trailing_is_whole_; }

  private:
    struct Header {
        std::uint8_t type = 0;
        std::uint32_t length = 0;
        std::uint32_t payload_crc = 0;
    };

    // The bytes [offset, offset + length) as a view into the buffer; fewer at the end.
    Result<std::string_view> view(std::uint64_t offset, std::size_t length);
    std::optional<Header> parseHeader(std::string_view bytes, std::uint64_t offset) const;
    Result<std::optional<std::uint64_t>> findHeader(std::uint64_t from);

    std::unique_ptr<File> file_;
    const JournalPosition begin_;
    const std::uint64_t end_offset_;
    std::uint64_t offset_ = kFileHeaderBytes;
    std::string buffer_;
    std::uint64_t buffer_offset_ = 0;
    std::uint64_t trailing_ = 0;
    bool trailing_is_whole_ = false;
};

// A segment as the journal keeps it in its list.
struct Segment {
    std::filesystem::path file;
    JournalPosition begin = 0;
    std::uint64_t end_offset = kFileHeaderBytes;  // of the acknowledged part of the file
    std::uint64_t counted_offset = 0;             // damage before this offset has been counted
    bool header_damaged = false;

    JournalPosition end() const { return begin + end_offset - kFileHeaderBytes; }
};

// The segments of a directory, oldest first; kInvalid if a file there is foreign or newer. Changes
// nothing. `end_offset` is the file's size.
Result<std::vector<Segment>> listSegments(FileSystem& fs, const std::filesystem::path& directory);

// Over the segment up to its end_offset.
Result<Scanner> scannerOf(FileSystem& fs, const Segment& one);

JournalRecord recordOf(const Segment& one, const Found& found);

}  // namespace clusterwatch::journal_segment
