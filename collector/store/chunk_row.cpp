// Layout: magic, encoding, length and CRC; then group, window, time columns, directory, values.
// See docs/formats/chunks.md.
#include "collector/store/chunk_row.h"

#include <algorithm>
#include <map>

#include <zlib.h>

#include "collector/store/bytes.h"
#include "collector/store/value_codec.h"

namespace clusterwatch::store {

namespace {

constexpr std::string_view kMagic = "CWCK";
constexpr std::uint8_t kEncoding = 1;
constexpr std::size_t kHeaderBytes = 4 + 1 + 3 + 4 + 4;  // magic, encoding, zeros, length, CRC

std::uint32_t crcOf(std::string_view bytes) {
    return static_cast<std::uint32_t>(
        ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

Error corrupt(const char* what) {
    return {ErrorCode::kCorrupt, std::string("a chunk row is damaged: ") + what};
}

// The time columns of a row: each distinct list of times once.
class TimeColumns {
  public:
    std::size_t indexOf(const std::vector<Sample>& samples) {
        std::vector<std::int64_t> times(samples.size());
        std::transform(samples.begin(), samples.end(), times.begin(),
                       [](const Sample& s) { return s.t_ms; });
        const auto [it, added] = indexes_.try_emplace(std::move(times), columns_.size());
        if (added) columns_.push_back(&it->first);
        return it->second;
    }

    void encode(std::string& out) const {
        putVarint(out, columns_.size());
        for (const auto* times : columns_) {
            std::string bytes;
            encodeIntegers(bytes, *times);
            putVarint(out, times->size());
            putText(out, bytes);
        }
    }

  private:
    std::map<std::vector<std::int64_t>, std::size_t> indexes_;
    std::vector<const std::vector<std::int64_t>*> columns_;
};

}  // namespace

std::string encodeChunkRow(std::uint64_t group, std::int64_t window_start_ms,
                           std::span<const SeriesSamples> series) {
    TimeColumns columns;
    std::string directory, values;
    SeriesId previous = 0;
    std::vector<double> column;
    putVarint(directory, series.size());
    for (const auto& one : series) {
        column.clear();
        for (const Sample& s : one.samples) column.push_back(s.value);
        const std::size_t start = values.size();
        encodeValues(values, column);
        putVarint(directory, one.id - previous);
        putVarint(directory, columns.indexOf(one.samples));
        putVarint(directory, values.size() - start);
        previous = one.id;
    }
    std::string body;
    putVarint(body, group);
    putSigned(body, window_start_ms);
    columns.encode(body);
    body += directory;
    body += values;

    std::string out(kMagic);
    putFixed<std::uint32_t>(out, kEncoding);
    putFixed(out, static_cast<std::uint32_t>(body.size()));
    putFixed(out, crcOf(body));
    return out + body;
}

Result<ChunkRow> ChunkRow::parse(std::string blob) {
    ChunkRow row;
    row.blob_ = std::move(blob);
    const std::string_view bytes(row.blob_);
    if (bytes.size() < kHeaderBytes || !bytes.starts_with(kMagic)) return corrupt("no magic");
    ByteReader header(bytes.substr(kMagic.size()));
    const auto encoding = header.fixed<std::uint32_t>();
    const auto length = header.fixed<std::uint32_t>();
    const auto crc = header.fixed<std::uint32_t>();
    const auto body = bytes.substr(kHeaderBytes);
    if (body.size() != length) return corrupt("its length is wrong");
    if (crcOf(body) != crc) return corrupt("its checksum is wrong");
    if (encoding != kEncoding)
        return Error(ErrorCode::kInvalid, "a chunk row has the encoding " +
                                              std::to_string(encoding) +
                                              ", which this version does not know");
    if (!row.parseBody()) return corrupt("its directory is wrong");
    return row;
}

bool ChunkRow::parseBody() {
    ByteReader in(std::string_view(blob_).substr(kHeaderBytes));
    const auto offset = [&] { return blob_.size() - in.left(); };
    group_ = in.varint();
    window_start_ms_ = in.signedVarint();
    const std::size_t columns = in.count();
    for (std::size_t i = 0; i < columns && in.ok(); ++i) {
        Column column;
        column.samples = static_cast<std::size_t>(in.varint());
        column.length = in.count();
        column.offset = offset();
        in.raw(column.length);
        if (column.samples > kMaxColumnSamples) return false;
        columns_.push_back(column);
    }
    const std::size_t entries = in.count();
    SeriesId id = 0;
    std::size_t total = 0;
    for (std::size_t i = 0; i < entries && in.ok(); ++i) {
        const std::uint64_t step = in.varint();
        if ((i > 0 && step == 0) || id + step < id) return false;
        id += step;
        Entry entry{id, static_cast<std::size_t>(in.varint()), total, in.count()};
        if (entry.column >= columns_.size()) return false;
        total += entry.length;
        entries_.push_back(entry);
    }
    if (!in.ok() || in.left() != total) return false;
    for (auto& entry : entries_) entry.offset += offset();
    return true;
}

std::vector<SeriesId> ChunkRow::series() const {
    std::vector<SeriesId> out;
    for (const auto& entry : entries_) out.push_back(entry.id);
    return out;
}

Status ChunkRow::read(SeriesId id, query::TimeRange range, std::vector<Sample>& out) const {
    const auto it = std::lower_bound(entries_.begin(), entries_.end(), id,
                                     [](const Entry& e, SeriesId wanted) { return e.id < wanted; });
    if (it == entries_.end() || it->id != id) return {};
    const Column& column = columns_[it->column];
    const std::string_view bytes(blob_);
    std::vector<std::int64_t> times;
    std::vector<double> values;
    if (!decodeIntegers(bytes.substr(column.offset, column.length), column.samples, times) ||
        !decodeValues(bytes.substr(it->offset, it->length), column.samples, values))
        return corrupt("a column does not decode");
    const std::size_t before = out.size();
    for (std::size_t i = 0; i < times.size(); ++i) {
        if (i > 0 && times[i] <= times[i - 1]) {
            out.resize(before);
            return corrupt("its times do not rise");
        }
        if (times[i] >= range.from_ms && times[i] <= range.to_ms)
            out.push_back({times[i], values[i]});
    }
    return {};
}

}  // namespace clusterwatch::store
