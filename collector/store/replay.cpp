// What a start does: load the catalogue, learn what is sealed, replay the journal.
#include <unordered_set>

#include "collector/store/store_impl.h"
#include "common/logging.h"

namespace clusterwatch::store {

struct StoreImpl::Replay {
    // Windows whose samples before the given position are in chunks.
    std::map<std::int64_t, JournalPosition> covered;
    // Series whose definition in the journal contradicts what is known: their samples are left out.
    std::unordered_set<SeriesId> contradicted;
    JournalPosition notes_from = 0;
    std::uint64_t records = 0, samples = 0;
};

Status StoreImpl::recover() {
    auto opened = Catalogue::open(directory_.catalogue(), Database::Mode::kWrite);
    if (!opened) return opened.error();
    auto stored = opened->load();
    if (!stored) return stored.error().context("reading the catalogue");
    if (auto s = partitions_.openAll(Database::Mode::kWrite); !s) return s;

    JournalOptions journal_options = options_.journal;
    journal_options.first_position = stored->position;
    auto journal = Journal::open(fs_, directory_.journal(), journal_options);
    if (!journal) return journal.error();
    journal_ = std::move(*journal);

    restoreCatalogue(*stored);
    {
        MutexLock lock(catalogue_mutex_);
        catalogue_ = std::move(*opened);
    }
    if (auto s = participant_.restore(stored->snapshot); !s)
        return s.error().context("restoring the state of the ingest");
    return replayJournal();
}

void StoreImpl::restoreCatalogue(const Checkpoint& stored) {
    for (const auto& [id, name] : stored.groups) index_.restoreGroup(id, name);
    for (const auto& row : stored.series)
        if (index_.restore(row.id, row.labels, row.group)) progress_.restore(row.id, row.extent);
    for (const auto& mark : stored.silence) silence_.add(mark.group, mark.t_ms);
    {
        MutexLock lock(metadata_mutex_);
        for (const auto& [metric, what] : stored.metadata) metadata_[metric] = {what, true};
    }
    MutexLock lock(maintain_mutex_);
    checkpoint_position_ = stored.position;
    groups_saved_ = index_.groupCount();
    retention_clock_.emplace(stored.retention_clock_ms, clock_.monotonicNow());
}

Status StoreImpl::replayJournal() {
    Replay replay;
    {
        MutexLock lock(maintain_mutex_);
        replay.notes_from = checkpoint_position_;
    }
    for (const auto& partition : partitions_.all()) {
        auto windows = partition->windows();
        if (!windows) {
            if (windows.error().code() == ErrorCode::kCorrupt) continue;
            return windows.error().context("reading " + partition->file().string());
        }
        replay.covered.merge(*windows);
    }
    const auto status = journal_->read(0, [&](const JournalRecord& record) {
        if (record.type == kCommitRecord) replayRecord(record, replay);
        return true;
    });
    if (!status) return status;
    const JournalDamage damage = journal_->damage();
    spdlog::info("replayed {} records with {} samples", replay.records, replay.samples);
    if (damage.torn_tail_bytes > 0)
        spdlog::info("cut {} bytes of unfinished records off the journal", damage.torn_tail_bytes);
    if (damage.damaged_records > 0)
        spdlog::error("{} damaged records of the journal ({} bytes) were left out",
                      damage.damaged_records, damage.damaged_bytes);
    return {};
}

void StoreImpl::replayRecord(const JournalRecord& record, Replay& replay) {
    auto decoded = decodeRecord(record.payload);
    if (!decoded) {
        spdlog::error("the journal's record at {} is of an unknown version", record.position);
        return;
    }
    ++replay.records;
    std::vector<SeriesId> defined;
    for (const auto& one : decoded->definitions) {
        if (index_.restoreGroup(one.group_id, one.group) &&
            index_.restore(one.id, one.labels, one.group_id))
            defined.push_back(one.id);
        else
            replay.contradicted.insert(one.id);
    }
    progress_.setDurable(defined);

    for (auto& column : decoded->columns) {
        std::size_t kept = 0;
        for (std::size_t i = 0; i < column.series.size(); ++i) {
            const SeriesId id = column.series[i];
            // Its definition's record is damaged, so nobody can say whose sample it is.
            if (!index_.known(id) || replay.contradicted.contains(id)) {
                ++unattributed_samples_;
                continue;
            }
            column.series[kept] = id;
            column.values[kept++] = column.values[i];
        }
        column.series.resize(kept);
        column.values.resize(kept);
    }
    progress_.addSamples(decoded->columns);
    const auto unsealed = notYetSealed(std::move(decoded->columns), record.position, replay);
    for (const auto& column : unsealed) replay.samples += column.series.size();
    head_.add(unsealed, record.position);
    if (record.position < replay.notes_from) return;
    events_.replay(std::move(decoded->events));
    if (!decoded->note.empty()) participant_.replayNote(decoded->note);
}

std::vector<Column> StoreImpl::notYetSealed(std::vector<Column> columns, JournalPosition position,
                                            Replay& replay) const {
    std::erase_if(columns, [&](const Column& column) {
        const auto it = replay.covered.find(spanStart(column.t_ms, window_ms_));
        return column.series.empty() || (it != replay.covered.end() && position < it->second);
    });
    return columns;
}

}  // namespace clusterwatch::store
