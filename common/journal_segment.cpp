// Segment files of the journal. See docs/formats/journal.md; all integers are little-endian.
//
// After anything that fails a check the scanner looks at each following byte for the next header
// that is whole: magic, header CRC, the position that belongs to that very offset, a payload that
// fits in the file. It does not trust the length of a record whose payload fails: that record may
// be a torn one that a later write was put behind, and its length would hide that one.
#include "common/journal_segment.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <fmt/format.h>
#include <zlib.h>

namespace clusterwatch::journal_segment {

namespace {

constexpr std::string_view kFileMagic = "CWJOURNL";
constexpr std::string_view kRecordMagic = "CWR";
constexpr std::string_view kSuffix = ".journal";
constexpr std::size_t kPositionDigits = 16;
constexpr std::size_t kBufferBytes = std::size_t{256} << 10;

template <typename T>
void put(std::string& out, T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
}

template <typename T>
T get(std::string_view bytes, std::size_t offset) {
    T value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i)
        value |= static_cast<T>(static_cast<std::uint8_t>(bytes[offset + i])) << (8 * i);
    return value;
}

std::uint32_t crcOf(std::string_view bytes) {
    return static_cast<std::uint32_t>(
        ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace

std::string fileName(JournalPosition begin) { return fmt::format("{:016x}{}", begin, kSuffix); }

std::optional<JournalPosition> parseFileName(std::string_view name) {
    if (name.size() != kPositionDigits + kSuffix.size() || !name.ends_with(kSuffix))
        return std::nullopt;
    JournalPosition begin = 0;
    const char* end = name.data() + kPositionDigits;
    const auto [stop, failed] = std::from_chars(name.data(), end, begin, 16);
    if (failed != std::errc() || stop != end || fileName(begin) != name) return std::nullopt;
    return begin;
}

std::string encodeFileHeader(JournalPosition begin) {
    std::string out(kFileMagic);
    put<std::uint32_t>(out, kVersion);
    put<std::uint32_t>(out, 0);
    put<std::uint64_t>(out, begin);
    put<std::uint32_t>(out, 0);
    put<std::uint32_t>(out, crcOf(out));
    return out;
}

HeaderState checkFileHeader(std::string_view bytes, JournalPosition begin) {
    // A power cut while the segment was being made leaves it short, or filled with zeros.
    const bool empty = std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == 0; });
    if (bytes.size() < kFileHeaderBytes) {
        const bool ours = encodeFileHeader(begin).starts_with(bytes);
        return ours || empty ? HeaderState::kDamaged : HeaderState::kForeign;
    }
    const bool magic = bytes.starts_with(kFileMagic);
    const bool position = get<std::uint64_t>(bytes, 16) == begin;
    const bool crc = get<std::uint32_t>(bytes, 28) == crcOf(bytes.substr(0, 28));
    if (magic && crc) {
        if (get<std::uint32_t>(bytes, 8) > kVersion) return HeaderState::kNewer;
        return position ? HeaderState::kGood : HeaderState::kForeign;
    }
    return magic || position || empty ? HeaderState::kDamaged : HeaderState::kForeign;
}

void appendRecord(std::string& out, std::uint8_t type, JournalPosition position,
                  std::string_view payload) {
    const std::size_t start = out.size();
    out += kRecordMagic;
    put<std::uint8_t>(out, type);
    put<std::uint32_t>(out, static_cast<std::uint32_t>(payload.size()));
    put<std::uint64_t>(out, position);
    put<std::uint32_t>(out, crcOf(payload));
    put<std::uint32_t>(out, crcOf(std::string_view(out).substr(start)));
    out += payload;
}

Scanner::Scanner(std::unique_ptr<File> file, JournalPosition begin, std::uint64_t end_offset)
    : file_(std::move(file)), begin_(begin), end_offset_(end_offset) {}

Result<std::string_view> Scanner::view(std::uint64_t offset, std::size_t length) {
    length = static_cast<std::size_t>(
        std::min<std::uint64_t>(length, end_offset_ > offset ? end_offset_ - offset : 0));
    const bool inside =
        offset >= buffer_offset_ && offset + length <= buffer_offset_ + buffer_.size();
    if (!inside) {
        const auto left = static_cast<std::size_t>(
            std::min<std::uint64_t>(std::max(length, kBufferBytes), end_offset_ - offset));
        auto bytes = file_->read(offset, left);
        if (!bytes) return bytes.error();
        buffer_ = std::move(*bytes);
        buffer_offset_ = offset;
    }
    const auto from = std::min<std::size_t>(offset - buffer_offset_, buffer_.size());
    return std::string_view(buffer_).substr(from, length);
}

std::optional<Scanner::Header> Scanner::parseHeader(std::string_view bytes,
                                                    std::uint64_t offset) const {
    if (bytes.size() < kRecordHeaderBytes || !bytes.starts_with(kRecordMagic)) return std::nullopt;
    if (get<std::uint64_t>(bytes, 8) != begin_ + offset - kFileHeaderBytes) return std::nullopt;
    if (get<std::uint32_t>(bytes, 20) != crcOf(bytes.substr(0, 20))) return std::nullopt;
    const Header header{get<std::uint8_t>(bytes, 3), get<std::uint32_t>(bytes, 4),
                        get<std::uint32_t>(bytes, 16)};
    if (offset + kRecordHeaderBytes + header.length > end_offset_) return std::nullopt;
    return header;
}

Result<std::optional<std::uint64_t>> Scanner::findHeader(std::uint64_t from) {
    while (from + kRecordHeaderBytes <= end_offset_) {
        auto window = view(from, kBufferBytes);
        if (!window) return window.error();
        if (window->size() < kRecordHeaderBytes) break;
        for (std::size_t at = 0; at + kRecordHeaderBytes <= window->size(); ++at) {
            at = window->find(kRecordMagic, at);
            if (at == std::string_view::npos) break;
            if (parseHeader(window->substr(at), from + at)) return std::optional(from + at);
        }
        // The next window starts where a header could still begin.
        from += window->size() - kRecordHeaderBytes + 1;
    }
    return std::optional<std::uint64_t>();
}

Result<std::optional<Found>> Scanner::next() {
    const std::uint64_t start = offset_;
    std::uint64_t at = offset_;
    trailing_is_whole_ = false;
    while (at < end_offset_) {
        auto bytes = view(at, kRecordHeaderBytes);
        if (!bytes) return bytes.error();
        auto header = parseHeader(*bytes, at);
        if (header) {
            auto payload = view(at + kRecordHeaderBytes, header->length);
            if (!payload) return payload.error();
            if (payload->size() == header->length && crcOf(*payload) == header->payload_crc) {
                offset_ = at + kRecordHeaderBytes + header->length;
                return std::optional(Found{at, offset_, header->type, *payload, at - start});
            }
            trailing_is_whole_ = at + kRecordHeaderBytes + header->length == end_offset_;
        }
        auto found = findHeader(at + 1);
        if (!found) return found.error();
        if (!*found) break;
        at = **found;
    }
    trailing_ = end_offset_ > start ? end_offset_ - start : 0;
    offset_ = end_offset_;
    return std::optional<Found>();
}

Result<std::vector<Segment>> listSegments(FileSystem& fs, const std::filesystem::path& directory) {
    auto names = fs.list(directory);
    if (!names) return names.error();
    std::vector<Segment> segments;
    for (const auto& name : *names) {
        const auto path = directory / name;
        const auto begin = parseFileName(name);
        if (!begin) return Error(ErrorCode::kInvalid, path.string() + " is not a journal's file");
        auto file = fs.open(path, FileSystem::OpenMode::kRead);
        if (!file) return file.error();
        auto header = (*file)->read(0, kFileHeaderBytes);
        auto size = (*file)->size();
        if (!header) return header.error();
        if (!size) return size.error();
        const auto state = checkFileHeader(*header, *begin);
        if (state == HeaderState::kForeign)
            return Error(ErrorCode::kInvalid, path.string() + " is not a journal's file");
        if (state == HeaderState::kNewer)
            return Error(ErrorCode::kInvalid,
                         path.string() + " was written by a newer version of this program");
        Segment one;
        one.file = path;
        one.begin = *begin;
        one.end_offset = std::max<std::uint64_t>(*size, kFileHeaderBytes);
        one.header_damaged = state == HeaderState::kDamaged;
        segments.push_back(std::move(one));
    }
    return segments;
}

Result<Scanner> scannerOf(FileSystem& fs, const Segment& one) {
    auto file = fs.open(one.file, FileSystem::OpenMode::kRead);
    if (!file) return file.error();
    return Scanner(std::move(*file), one.begin, one.end_offset);
}

JournalRecord recordOf(const Segment& one, const Found& found) {
    const JournalPosition base = one.begin - kFileHeaderBytes;
    return {base + found.offset, base + found.end_offset, found.type, std::string(found.payload)};
}

}  // namespace clusterwatch::journal_segment
