// The spool: what the agent has measured and no collector has acknowledged yet, in a journal on disk.
//
// Each run gets the next sequence number (from 1, without gaps, for as long as the spool lives: its
// random epoch says which life) and is on the disk before it is sent. A batch is deleted when all
// collectors have it. The memory used does not grow with the backlog: the spool keeps one index entry
// per kIndexDistance of journal and, per collector, the ranges of settled numbers; back-fill reads
// from the journal.
//
// Bounded in bytes and age. What is over is dropped oldest first, a journal segment at a time; each
// dropped batch that some collector lacked is counted once, exactly, also over restarts, and its
// number is reported (DroppedRange). When the disk is full, the oldest segment makes room; if that
// does not help, batches are kept in memory (kUnwrittenBatches), sent live from there, and written
// when there is space again.
//
// Files in the directory: identity, lock, state (spool_state.h), journal/ (common/journal.h; the
// record's form is in spool_record.h). docs/decisions/0004-agent-threads-and-spool.md says why.
//
// Threads: add(), enforceLimits() and countLost() are called by one thread, the spool's writer;
// everything else by any.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/identity.h"
#include "agent/sequence_set.h"
#include "agent/settings.h"
#include "agent/spool_state.h"
#include "common/clock.h"
#include "common/journal.h"
#include "common/probe_run.h"
#include "common/thread_annotations.h"
#include "proto/wire.h"

namespace clusterwatch::agent {

inline constexpr std::uint64_t kSpoolSegmentBytes = std::uint64_t{1} << 20;
inline constexpr std::uint64_t kIndexDistance = std::uint64_t{64} << 10;
inline constexpr std::size_t kUnwrittenBatches = 64;
inline constexpr std::size_t kDroppedRanges = 64;
inline constexpr std::size_t kRecentTimes = 64;  // batches whose time is known without reading

struct SpooledBatch {
    std::uint64_t sequence = 0;
    std::uint32_t checksum = 0;  // of the spooled form
    ProbeRun run;
};
// Shared, because every collector's live lane and the memory of unwritten batches hold it at once.
using BatchPointer = std::shared_ptr<const SpooledBatch>;

struct SpoolOptions {
    SpoolSettings settings;
    std::vector<std::string> collectors;  // URLs: a cursor each
};

class Spool {
  public:
    // REQUIRES: `fs` and `clock` outlive the spool.
    static Result<std::unique_ptr<Spool>> open(FileSystem& fs, SpoolOptions options,
                                               const Clock& clock);

    const std::string& agentId() const { return agent_id_; }
    std::uint64_t epoch() const { return epoch_; }

    // Numbers and stores the run. Always gives a batch to send; where it could not be written, it is
    // held in memory as the head of this file says.
    BatchPointer add(ProbeRun run);
    // Drops what is too old. Cheap when nothing is.
    void enforceLimits();
    // A run that never got a number (the writer's queue was full) is counted as dropped too.
    void countLost(std::size_t samples);

    // The collector has these (stored, known, or refused for good).
    void acknowledge(std::size_t collector, const std::vector<std::uint64_t>& sequences);
    // A batch that this collector will never take: settled, counted as dropped and reported.
    void giveUp(std::size_t collector, std::uint64_t sequence, std::size_t samples,
                const std::string& reason);

    // Visits batches that the collector lacks and whose number is below `before`, oldest first, until
    // `visit` returns false. Reads from disk; holds no lock while visiting.
    Status readPending(std::size_t collector, std::uint64_t before,
                       const std::function<bool(const SpooledBatch&)>& visit);
    // Whether there is any such batch.
    bool hasPending(std::size_t collector, std::uint64_t before) const;

    std::uint64_t nextSequence() const;
    wire::SpoolStatus status() const;
    // What the collector has not been told to be dropped; told when it has acknowledged the report.
    std::vector<wire::DroppedRange> droppedRanges(std::size_t collector) const;
    void droppedReported(std::size_t collector, const std::vector<wire::DroppedRange>& told);

    std::uint64_t diskBytes() const { return journal_->bytes(); }
    JournalDamage damage() const { return journal_->damage(); }
    bool healthy() const;  // false while batches can't be written
    std::string lastError() const;

  private:
    struct IndexEntry {
        JournalPosition position = 0;
        std::uint64_t sequence = 0;  // of the first record at or after the position
        std::int64_t time_ms = 0;
    };
    struct Unwritten {
        BatchPointer batch;
        std::string record;
    };
    struct Collector {
        std::uint64_t url_hash = 0;
        SequenceSet settled;
        std::vector<wire::DroppedRange> dropped;
    };

    Spool(SpoolOptions options, const Clock& clock, DirectoryLock lock, std::string agent_id,
          SpoolState state, std::unique_ptr<Journal> journal);
    // What the journal holds at the start.
    struct Found {
        std::uint64_t first = 0, last = 0;                          // numbers; 0: none
        std::vector<std::pair<std::uint64_t, std::uint64_t>> gaps;  // numbers it should hold too
    };
    Status restore() EXCLUDES_LOCK(mutex_);
    Status readJournal(Found& found) REQUIRES_LOCK(mutex_);
    void restoreCursors() REQUIRES_LOCK(mutex_);
    void settleLost(const Found& found) REQUIRES_LOCK(mutex_);
    void settleGap(std::uint64_t first, std::uint64_t last) EXCLUDES_LOCK(mutex_);

    bool writeUnwritten() EXCLUDES_LOCK(mutex_);
    void boundUnwritten() EXCLUDES_LOCK(mutex_);
    bool dropOldestSegment(const std::string& reason, std::int64_t only_before_ms)
        EXCLUDES_LOCK(mutex_);
    void noteWritten(JournalPosition begin, std::uint64_t sequence, std::int64_t time_ms)
        REQUIRES_LOCK(mutex_);
    bool settledByAll(std::uint64_t sequence) const REQUIRES_LOCK(mutex_);
    void settleForAll(std::uint64_t sequence, const std::string& reason) REQUIRES_LOCK(mutex_);
    void addDropped(Collector& collector, std::uint64_t first, std::uint64_t last,
                    const std::string& reason) REQUIRES_LOCK(mutex_);
    std::uint64_t lowestPending() const REQUIRES_LOCK(mutex_);
    JournalPosition positionOf(std::uint64_t sequence) const REQUIRES_LOCK(mutex_);
    void writeState(bool durable) REQUIRES_LOCK(mutex_);
    void deleteSettled() EXCLUDES_LOCK(mutex_);

    // Constant after open.
    const SpoolOptions options_;
    const Clock& clock_;
    DirectoryLock lock_;
    const std::string agent_id_;
    std::uint64_t epoch_ = 0;
    const WallTime opened_wall_;
    const MonotonicTime opened_;
    std::unique_ptr<Journal> journal_;  // self-synchronised

    mutable Mutex mutex_;
    SpoolState state_ GUARDED_BY(mutex_);
    SpoolNumbers numbers_ GUARDED_BY(mutex_);
    std::uint64_t next_ GUARDED_BY(mutex_) = 1;
    std::uint64_t written_through_ GUARDED_BY(mutex_) = 0;  // the highest number in the journal
    // The lowest number that may still be in the spool.
    std::uint64_t first_ GUARDED_BY(mutex_) = 1;
    std::deque<IndexEntry> index_ GUARDED_BY(mutex_);
    std::deque<Unwritten> unwritten_ GUARDED_BY(mutex_);
    std::deque<std::pair<std::uint64_t, std::int64_t>> recent_ GUARDED_BY(mutex_);  // number, time
    std::vector<Collector> collectors_ GUARDED_BY(mutex_);
    std::string last_error_ GUARDED_BY(mutex_);
};

}  // namespace clusterwatch::agent
