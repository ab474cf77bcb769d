// Values go in as they are, 8 bytes each: a record lives for about an hour, and its sync costs more
// than its bytes. Series ids of a column mostly rise by one, so each is the difference to the one
// before.
#include "collector/store/journal_record.h"

#include <bit>

#include "collector/store/bytes.h"
#include "collector/store/catalogue.h"

namespace clusterwatch::store {

namespace {

constexpr std::uint8_t kVersion = 1;

void putColumn(std::string& out, const Column& column) {
    putSigned(out, column.t_ms);
    putVarint(out, column.series.size());
    SeriesId previous = 0;
    for (const SeriesId id : column.series) {
        putSigned(out, static_cast<std::int64_t>(id - previous));
        previous = id;
    }
    for (const double value : column.values) putFixed(out, std::bit_cast<std::uint64_t>(value));
}

Column readColumn(ByteReader& in) {
    Column column;
    column.t_ms = in.signedVarint();
    const std::size_t n = in.count();
    column.series.reserve(n);
    column.values.reserve(n);
    SeriesId id = 0;
    for (std::size_t i = 0; i < n; ++i) {
        id += static_cast<SeriesId>(in.signedVarint());
        column.series.push_back(id);
    }
    for (std::size_t i = 0; i < n; ++i)
        column.values.push_back(std::bit_cast<double>(in.fixed<std::uint64_t>()));
    return column;
}

void putEvent(std::string& out, const Event& event) {
    putSigned(out, event.t_ms);
    for (const std::string* text :
         {&event.kind, &event.subject, &event.severity, &event.text, &event.detail})
        putText(out, *text);
}

Event readEvent(ByteReader& in) {
    Event event;
    event.t_ms = in.signedVarint();
    for (std::string* text :
         {&event.kind, &event.subject, &event.severity, &event.text, &event.detail})
        *text = in.text();
    return event;
}

}  // namespace

std::string encodeRecord(const CommitRecord& record) {
    std::string out;
    out += static_cast<char>(kVersion);
    putVarint(out, record.definitions.size());
    for (const auto& one : record.definitions) {
        putVarint(out, one.id);
        putVarint(out, one.group_id);
        putText(out, one.group);
        putText(out, encodeLabels(one.labels));
    }
    putVarint(out, record.columns.size());
    for (const auto& column : record.columns) putColumn(out, column);
    putVarint(out, record.events.size());
    for (const auto& event : record.events) putEvent(out, event);
    putText(out, record.note);
    return out;
}

std::optional<CommitRecord> decodeRecord(std::string_view bytes) {
    ByteReader in(bytes);
    if (in.fixed<std::uint8_t>() != kVersion) return std::nullopt;
    CommitRecord record;
    for (std::size_t n = in.count(); n > 0 && in.ok(); --n) {
        SeriesDefinition one;
        one.id = in.varint();
        one.group_id = in.varint();
        one.group = in.text();
        auto labels = decodeLabels(in.text());
        if (!labels) return std::nullopt;
        one.labels = std::move(*labels);
        record.definitions.push_back(std::move(one));
    }
    for (std::size_t n = in.count(); n > 0 && in.ok(); --n)
        record.columns.push_back(readColumn(in));
    for (std::size_t n = in.count(); n > 0 && in.ok(); --n) record.events.push_back(readEvent(in));
    record.note = in.text();
    if (!in.ok() || in.left() != 0) return std::nullopt;
    return record;
}

}  // namespace clusterwatch::store
