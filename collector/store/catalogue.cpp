#include "collector/store/catalogue.h"

#include "collector/store/bytes.h"

namespace clusterwatch::store {

namespace {

constexpr DatabaseKind kKind{0x43574341,  // "CWCA"
                             1,
                             R"sql(
CREATE TABLE series_group (
    group_id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);
CREATE TABLE series (
    series_id INTEGER PRIMARY KEY,
    group_id INTEGER NOT NULL,
    labels BLOB NOT NULL,
    first_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL
);
CREATE TABLE metadata (
    metric TEXT PRIMARY KEY NOT NULL,
    type TEXT NOT NULL,
    help TEXT NOT NULL,
    unit TEXT NOT NULL
);
CREATE TABLE event (
    event_id INTEGER PRIMARY KEY,
    t_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    severity TEXT NOT NULL,
    text TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX event_by_time ON event (t_ms, event_id);
CREATE TABLE silence (
    group_id INTEGER NOT NULL,
    t_ms INTEGER NOT NULL,
    PRIMARY KEY (group_id, t_ms)
) WITHOUT ROWID;
CREATE TABLE checkpoint (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    position INTEGER NOT NULL,
    retention_clock_ms INTEGER NOT NULL,
    snapshot BLOB NOT NULL
);
)sql"};

}  // namespace

std::string encodeLabels(const Labels& labels) {
    std::string out;
    putVarint(out, labels.size());
    for (const auto& [name, value] : labels.pairs()) {
        putText(out, name);
        putText(out, value);
    }
    return out;
}

std::optional<Labels> decodeLabels(std::string_view bytes) {
    ByteReader in(bytes);
    const std::size_t n = in.count();
    std::vector<Labels::Pair> pairs;
    for (std::size_t i = 0; i < n && in.ok(); ++i) {
        std::string name(in.text());
        pairs.emplace_back(std::move(name), std::string(in.text()));
    }
    if (!in.ok() || in.left() != 0) return std::nullopt;
    return Labels(std::move(pairs));
}

Result<Catalogue> Catalogue::open(const std::filesystem::path& file, Database::Mode mode) {
    auto db = Database::open(file, kKind, mode);
    if (!db) return db.error();
    return Catalogue(std::move(*db));
}

Result<Checkpoint> Catalogue::load() {
    Checkpoint out;
    auto statement = db_.prepare("SELECT position, retention_clock_ms, snapshot FROM checkpoint");
    if (!statement) return statement.error();
    auto row = statement->step();
    if (!row) return row.error();
    if (*row) {
        out.position = static_cast<JournalPosition>(statement->integer(0));
        out.retention_clock_ms = statement->integer(1);
        out.snapshot = statement->blob(2);
    }
    if (auto s = loadSeries(out); !s) return s.error();
    if (auto s = loadMetadata(out); !s) return s.error();
    return out;
}

Status Catalogue::loadSeries(Checkpoint& out) {
    auto groups = db_.prepare("SELECT group_id, name FROM series_group ORDER BY group_id");
    if (!groups) return groups.error();
    auto row = groups->step();
    for (; row && *row; row = groups->step())
        out.groups.emplace_back(groups->integer(0), std::string(groups->text(1)));
    if (!row) return row.error();

    auto series = db_.prepare(
        "SELECT series_id, group_id, labels, first_ms, last_ms FROM series ORDER BY series_id");
    if (!series) return series.error();
    for (row = series->step(); row && *row; row = series->step()) {
        auto labels = decodeLabels(series->blob(2));
        if (!labels)
            return Error(ErrorCode::kCorrupt, "the labels of series " +
                                                  std::to_string(series->integer(0)) +
                                                  " in the catalogue are damaged");
        out.series.push_back({static_cast<SeriesId>(series->integer(0)),
                              static_cast<GroupId>(series->integer(1)),
                              std::move(*labels),
                              {series->integer(3), series->integer(4)}});
    }
    if (!row) return row.error();
    return {};
}

Status Catalogue::loadMetadata(Checkpoint& out) {
    auto metadata = db_.prepare("SELECT metric, type, help, unit FROM metadata ORDER BY metric");
    if (!metadata) return metadata.error();
    auto row = metadata->step();
    for (; row && *row; row = metadata->step())
        out.metadata.emplace_back(
            std::string(metadata->text(0)),
            MetricMetadata{parseMetricType(metadata->text(1)).value_or(MetricType::kUnknown),
                           std::string(metadata->text(2)), std::string(metadata->text(3))});
    if (!row) return row.error();

    auto silence = db_.prepare("SELECT group_id, t_ms FROM silence ORDER BY group_id, t_ms");
    if (!silence) return silence.error();
    for (row = silence->step(); row && *row; row = silence->step())
        out.silence.push_back({static_cast<GroupId>(silence->integer(0)), silence->integer(1)});
    if (!row) return row.error();
    return {};
}

Status Catalogue::save(const Checkpoint& checkpoint) {
    return db_.transaction([&]() -> Status {
        if (auto s = saveSeries(checkpoint); !s) return s;
        if (auto s = saveEvents(checkpoint); !s) return s;
        if (auto s = saveSilence(checkpoint); !s) return s;
        auto statement = db_.prepare(
            "INSERT OR REPLACE INTO checkpoint (one, position, retention_clock_ms, snapshot)"
            " VALUES (1, ?1, ?2, ?3)");
        if (!statement) return statement.error();
        return statement->bind(1, static_cast<std::int64_t>(checkpoint.position))
            .bind(2, checkpoint.retention_clock_ms)
            .bindBlob(3, checkpoint.snapshot)
            .run();
    });
}

Status Catalogue::saveSeries(const Checkpoint& checkpoint) {
    auto group =
        db_.prepare("INSERT OR REPLACE INTO series_group (group_id, name) VALUES (?1, ?2)");
    if (!group) return group.error();
    for (const auto& [id, name] : checkpoint.groups)
        if (auto s = group->bind(1, static_cast<std::int64_t>(id)).bindText(2, name).run(); !s)
            return s;

    auto series = db_.prepare(
        "INSERT OR REPLACE INTO series (series_id, group_id, labels, first_ms, last_ms)"
        " VALUES (?1, ?2, ?3, ?4, ?5)");
    if (!series) return series.error();
    for (const auto& row : checkpoint.series) {
        const std::string labels = encodeLabels(row.labels);
        series->bind(1, static_cast<std::int64_t>(row.id))
            .bind(2, static_cast<std::int64_t>(row.group))
            .bindBlob(3, labels)
            .bind(4, row.extent.from_ms)
            .bind(5, row.extent.to_ms);
        if (auto s = series->run(); !s) return s;
    }

    auto metadata = db_.prepare(
        "INSERT OR REPLACE INTO metadata (metric, type, help, unit) VALUES (?1, ?2, ?3, ?4)");
    if (!metadata) return metadata.error();
    for (const auto& [metric, what] : checkpoint.metadata) {
        metadata->bindText(1, metric)
            .bindText(2, toString(what.type))
            .bindText(3, what.help)
            .bindText(4, what.unit);
        if (auto s = metadata->run(); !s) return s;
    }
    return {};
}

Status Catalogue::saveEvents(const Checkpoint& checkpoint) {
    auto insert = db_.prepare(
        "INSERT INTO event (t_ms, kind, subject, severity, text, detail)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
    if (!insert) return insert.error();
    for (const auto& event : checkpoint.events) {
        insert->bind(1, event.t_ms)
            .bindText(2, event.kind)
            .bindText(3, event.subject)
            .bindText(4, event.severity)
            .bindText(5, event.text)
            .bindText(6, event.detail);
        if (auto s = insert->run(); !s) return s;
    }
    auto expire = db_.prepare("DELETE FROM event WHERE t_ms < ?1");
    if (!expire) return expire.error();
    return expire->bind(1, checkpoint.events_from_ms).run();
}

Status Catalogue::saveSilence(const Checkpoint& checkpoint) {
    if (auto s = db_.run("DELETE FROM silence"); !s) return s;
    auto insert = db_.prepare("INSERT INTO silence (group_id, t_ms) VALUES (?1, ?2)");
    if (!insert) return insert.error();
    for (const auto& mark : checkpoint.silence)
        if (auto s =
                insert->bind(1, static_cast<std::int64_t>(mark.group)).bind(2, mark.t_ms).run();
            !s)
            return s;
    return {};
}

Result<std::vector<Event>> Catalogue::events(query::TimeRange range,
                                             std::string_view subject_prefix, std::size_t limit) {
    auto statement = db_.prepare(
        "SELECT t_ms, kind, subject, severity, text, detail FROM event"
        " WHERE t_ms BETWEEN ?1 AND ?2 AND substr(subject, 1, length(?3)) = ?3"
        " ORDER BY t_ms DESC, event_id DESC LIMIT ?4");
    if (!statement) return statement.error();
    statement->bind(1, range.from_ms)
        .bind(2, range.to_ms)
        .bindText(3, subject_prefix)
        .bind(4, static_cast<std::int64_t>(limit));
    std::vector<Event> out;
    auto row = statement->step();
    for (; row && *row; row = statement->step())
        out.push_back({statement->integer(0), std::string(statement->text(1)),
                       std::string(statement->text(2)), std::string(statement->text(3)),
                       std::string(statement->text(4)), std::string(statement->text(5))});
    if (!row) return row.error();
    return out;
}

}  // namespace clusterwatch::store
