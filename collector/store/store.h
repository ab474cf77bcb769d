// The embedded store: what was acknowledged is here after any crash, exactly once.
//
// Writing: commit() appends one record to the journal, waits for its sync, applies it to the head
// and returns; whoever acknowledges to a peer does so after that. Reading: SeriesSource over head
// and chunks. Sealing, in the background: samples of a finished window go into compressed chunks in
// the SQLite file of their partition, in one transaction with the journal position that it covers,
// so that a crash at any point repeats or skips a seal but never doubles a sample.
// Layout of the data directory: docs/formats/data-directory.md.
//
// The journal record also carries a `note`: bytes of the ingest (which agent, which sequence
// numbers, which states), opaque here, so that samples and the knowledge that they arrived are one
// atom. At a start the notes since the last checkpoint are replayed to the participant in order.
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "collector/query/series_source.h"
#include "common/clock.h"
#include "common/file_system.h"
#include "common/journal.h"
#include "common/labels.h"
#include "common/metric.h"
#include "common/result.h"

namespace clusterwatch::store {

// Dense, from 1, never reused within a data directory.
using SeriesId = std::uint64_t;

struct StoreOptions {
    std::filesystem::path data_dir;
    Milliseconds retention{std::chrono::hours(24 * 90)};  // 0: keep everything
    // One chunk row per group and window, one database file per partition (a multiple of the
    // window). An existing data directory keeps the lengths it was made with.
    Milliseconds window{std::chrono::hours(1)};
    Milliseconds partition{std::chrono::hours(24)};
    Milliseconds seal_delay{std::chrono::minutes(10)};  // after a window's end, for late samples
    Milliseconds max_sample_age{0};                     // older ones are refused; 0: off
    Milliseconds max_sample_future{std::chrono::minutes(10)};
    std::size_t max_series = 2'000'000;
    // The store's own thread calls maintain() this often; 0: it has no thread, the owner calls.
    Milliseconds maintain_interval{std::chrono::seconds(30)};
    JournalOptions journal;
};

// Samples of one time for some series of one target, in the order of `series`.
struct Column {
    std::int64_t t_ms = 0;
    std::vector<SeriesId> series;
    std::vector<double> values;
};

struct WriteBatch {
    std::vector<Column> columns;
    std::string note;  // may be empty
};

// What commit() did with the samples.
struct CommitResult {
    JournalPosition position = 0;
    std::uint64_t stored = 0;
    std::uint64_t too_old = 0;        // refused: beyond retention or max_sample_age
    std::uint64_t too_far_ahead = 0;  // refused: beyond max_sample_future
};

// A thing that happened, kept beside the series: a state's change with its evidence, an alert, an
// operator's note.
struct Event {
    std::int64_t t_ms = 0;
    std::string kind;      // "state", "alert", "agent", "conflict"
    std::string subject;   // "mysql/db2/replication"
    std::string severity;  // "ok", "warning", "critical", "unknown", or empty
    std::string text;
    std::string detail;  // JSON; evidence
};

// Whoever keeps derived state that must agree with the journal (the ingest). Called by one thread
// at a time: replay at open, snapshot at checkpoints (between commits: no commit is in flight).
class Participant {
  public:
    virtual ~Participant() = default;
    // State as of a checkpoint; empty at the first start. Before any note.
    virtual Status restore(std::string_view snapshot) = 0;
    virtual void replayNote(std::string_view note) = 0;
    virtual std::string snapshot() = 0;
    // Called within commit(), once the record is durable and before commit() returns: a snapshot is
    // taken either before the record or after this call, never between, so no acknowledged note is
    // in neither. By any thread, several at once; must not call the store.
    virtual void committed(std::string_view note) { (void)note; }
};

struct StoreStatistics {
    std::uint64_t series = 0;
    std::uint64_t head_samples = 0;
    std::uint64_t chunk_rows = 0;
    std::uint64_t chunk_bytes = 0;
    std::uint64_t journal_bytes = 0;
    JournalDamage journal_damage;
    std::uint64_t damaged_chunks = 0;
    // Left out at the last start: the journal record that says whose they are is damaged.
    std::uint64_t unattributed_samples = 0;
    bool healthy = true;  // false from a failed commit or seal until the next success
    std::string unhealthy_reason;
    std::int64_t oldest_ms = 0;  // of any stored sample; 0 if none
};

class Store : public query::SeriesSource {
  public:
    // Opens or makes the data directory, takes its lock, replays the journal. Errors that leave the
    // directory as it was: not ours, newer version, not writable, in use by another process.
    // REQUIRES: all references outlive the store.
    static Result<std::unique_ptr<Store>> open(StoreOptions options, FileSystem& fs,
                                               const Clock& clock, Participant& participant);

    // The id of the series, which is made if it is new; its definition becomes durable with the
    // first commit that uses it. Label sets carry __name__, job, instance and everything else.
    // Series with the same `group` (a target) share chunk rows. kLimit beyond max_series.
    virtual Result<SeriesId> seriesId(const Labels& labels, std::string_view group) = 0;
    virtual Labels labelsOf(SeriesId id) const = 0;
    virtual void describe(std::string_view metric, const MetricMetadata& metadata) = 0;

    // Durable and visible to readers when it returns. kFull: no space; nothing was stored and a
    // later try may succeed. Samples of a series may come in any order; a sample at a time that the
    // series already has replaces it.
    virtual Result<CommitResult> commit(const WriteBatch& batch) = 0;

    // Marks series of `group` stale at `t_ms` for readers, until retractSilence: the collector's
    // own judgement that a target went silent, which back-fill may prove wrong. Durable with the
    // next checkpoint; rebuilt by the participant from its notes.
    virtual void markSilent(std::string_view group, std::int64_t t_ms) = 0;
    // Removes marks of the group in [from_ms, to_ms].
    virtual void retractSilence(std::string_view group, std::int64_t from_ms,
                                std::int64_t to_ms) = 0;

    virtual void addEvent(Event event) = 0;
    // Newest first.
    virtual Result<std::vector<Event>> events(query::TimeRange range,
                                              std::string_view subject_prefix,
                                              std::size_t limit) const = 0;

    // Seals what is due, checkpoints, drops what retention ends. Called by the store's own thread
    // at intervals; public so that tests and shutdown can call it.
    virtual Status maintain() = 0;
    // As maintain(), and seals every window, finished or not.
    virtual Status sealAll() = 0;

    virtual StoreStatistics statistics() const = 0;
};

// What `clusterwatch-collector verify` prints: reads every record and chunk, changes nothing.
struct VerifyReport {
    std::uint64_t journal_records = 0, damaged_records = 0;
    std::uint64_t chunk_rows = 0, damaged_chunk_rows = 0, samples = 0;
    std::vector<std::string> problems;
};
Result<VerifyReport> verifyDataDirectory(const std::filesystem::path& data_dir, FileSystem& fs);

}  // namespace clusterwatch::store
