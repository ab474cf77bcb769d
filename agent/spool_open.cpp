// Opening the spool and finding out what is in it, and the small views on its state.
#include <algorithm>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "agent/bytes.h"
#include "agent/spool.h"
#include "agent/spool_record.h"

namespace clusterwatch::agent {
namespace {

std::uint64_t urlHash(std::string_view url) {
    std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
    for (const char c : url) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3;
    return hash;
}

std::uint64_t randomEpoch() {
    const auto bytes = randomBytes(8);
    std::string_view view(bytes);
    return std::max<std::uint64_t>(takeNumber<std::uint64_t>(view), 1);
}

}  // namespace

Result<std::unique_ptr<Spool>> Spool::open(FileSystem& fs, SpoolOptions options,
                                           const Clock& clock) {
    const auto& directory = options.settings.directory;
    const auto doing = fmt::format("opening the spool in {}", directory.string());
    if (auto done = fs.createDirectories(directory); !done) return done.error().context(doing);
    auto lock = DirectoryLock::take(directory);
    if (!lock) return lock.error().context(doing);
    auto id = loadOrMakeAgentId(fs, directory);
    if (!id) return id.error().context(doing);
    auto state = SpoolState::open(directory / "state");
    if (!state) return state.error().context(doing);
    auto journal =
        Journal::open(fs, directory / "journal",
                      {.segment_bytes = kSpoolSegmentBytes, .max_record_bytes = kSpooledRunBytes});
    if (!journal) return journal.error().context(doing);
    std::unique_ptr<Spool> spool(new Spool(std::move(options), clock, std::move(*lock),
                                           std::move(*id), std::move(*state), std::move(*journal)));
    if (auto done = spool->restore(); !done) return done.error().context(doing);
    return spool;
}

Spool::Spool(SpoolOptions options, const Clock& clock, DirectoryLock lock, std::string agent_id,
             SpoolState state, std::unique_ptr<Journal> journal)
    : options_(std::move(options)),
      clock_(clock),
      lock_(std::move(lock)),
      agent_id_(std::move(agent_id)),
      opened_wall_(clock.wallNow()),
      opened_(clock.monotonicNow()),
      journal_(std::move(journal)),
      state_(std::move(state)),
      numbers_(state_.loaded()) {}

// The journal is the truth; the state only saves sending again what was acknowledged before.
Status Spool::restore() {
    MutexLock lock(mutex_);
    if (auto done = journal_->removeBefore(numbers_.dropped_before); !done) return done;
    Found found;
    if (auto done = readJournal(found); !done) return done;
    // The state belongs to this journal if it speaks of the same epoch, or the journal is empty and
    // not younger than the state (somebody removed it): then its numbers must not be used again.
    const bool same_life = epoch_ != 0
                               ? numbers_.epoch == epoch_
                               : numbers_.epoch != 0 && journal_->end() >= numbers_.journal_end;
    if (!same_life) numbers_ = SpoolNumbers{};
    if (epoch_ == 0) epoch_ = same_life ? numbers_.epoch : randomEpoch();
    numbers_.epoch = epoch_;
    restoreCursors();
    std::uint64_t last = std::max(found.last, numbers_.used_through);
    for (const auto& collector : collectors_)
        if (!collector.settled.ranges().empty())
            last = std::max(last, collector.settled.ranges().rbegin()->second);
    next_ = last + 1;
    first_ = found.first != 0 ? found.first : next_;
    if (found.last < last) found.gaps.emplace_back(found.last + 1, last);
    settleLost(found);
    writeState(true);
    return {};
}

Status Spool::readJournal(Found& found) {
    const auto take = [&](const JournalRecord& entry) REQUIRES_LOCK(mutex_) {
        const auto record = decodeSpoolRecord(entry.payload);
        if (entry.type != kSpoolRecordType || !record) return true;
        if (epoch_ == 0) epoch_ = record->epoch;
        // A record whose append was reported as failed may be there all the same, and again.
        if (record->epoch != epoch_ || record->sequence <= found.last) return true;
        if (found.last != 0 && record->sequence != found.last + 1)
            found.gaps.emplace_back(found.last + 1, record->sequence - 1);
        if (found.first == 0) found.first = record->sequence;
        found.last = record->sequence;
        noteWritten(entry.position, record->sequence, record->time_ms);
        recent_.emplace_back(record->sequence, record->time_ms);
        if (recent_.size() > kRecentTimes) recent_.pop_front();
        return true;
    };
    return journal_->read(journal_->begin(), take);
}

// Counts and reports what is missing, to each collector that lacks it, and waits for it no more.
void Spool::settleLost(const Found& found) {
    for (auto& collector : collectors_) {
        // Below the oldest record: acknowledged, or dropped and counted when it was.
        if (const auto from = collector.settled.firstMissing(1); from < first_) {
            addDropped(collector, from, first_ - 1, "no longer in the spool");
            collector.settled.add(from, first_ - 1);
        }
    }
    for (const auto& [first, through] : found.gaps) {
        bool counted = false;
        for (auto& collector : collectors_) {
            const auto missing =
                through - first + 1 - collector.settled.countWithin(first, through);
            if (missing == 0) continue;
            if (!counted) numbers_.dropped_batches += missing;
            counted = true;
            addDropped(collector, std::max(first, collector.settled.firstMissing(first)), through,
                       "lost from the spool");
            collector.settled.add(first, through);
        }
    }
}

void Spool::restoreCursors() {
    for (const auto& url : options_.collectors) {
        Collector collector;
        collector.url_hash = urlHash(url);
        for (const auto& cursor : numbers_.cursors) {
            if (cursor.url_hash != collector.url_hash) continue;
            for (const auto& range : cursor.settled)
                if (range.first != 0) collector.settled.add(range.first, range.last);
        }
        collectors_.push_back(std::move(collector));
    }
}

// Numbers that the journal should have and has not: a damaged record, found while reading.
void Spool::settleGap(std::uint64_t first, std::uint64_t last) {
    if (first > last) return;
    MutexLock lock(mutex_);
    bool changed = false;
    for (auto sequence = first; sequence <= last; ++sequence) {
        const auto in_memory = [&](const Unwritten& one) {
            return one.batch->sequence == sequence;
        };
        if (settledByAll(sequence) || std::any_of(unwritten_.begin(), unwritten_.end(), in_memory))
            continue;
        ++numbers_.dropped_batches;
        settleForAll(sequence, "damaged in the spool");
        changed = true;
    }
    if (changed) writeState(true);
}

void Spool::noteWritten(JournalPosition begin, std::uint64_t sequence, std::int64_t time_ms) {
    written_through_ = std::max(written_through_, sequence);
    if (index_.empty() || begin - index_.back().position >= kIndexDistance)
        index_.push_back({begin, sequence, time_ms});
}

bool Spool::settledByAll(std::uint64_t sequence) const {
    return std::all_of(collectors_.begin(), collectors_.end(),
                       [&](const Collector& c) { return c.settled.contains(sequence); });
}

void Spool::settleForAll(std::uint64_t sequence, const std::string& reason) {
    for (auto& collector : collectors_) {
        if (collector.settled.contains(sequence)) continue;
        collector.settled.add(sequence);
        addDropped(collector, sequence, sequence, reason);
    }
}

void Spool::addDropped(Collector& collector, std::uint64_t first, std::uint64_t last,
                       const std::string& reason) {
    auto& ranges = collector.dropped;
    if (!ranges.empty() && ranges.back().last + 1 == first && ranges.back().reason == reason)
        ranges.back().last = last;
    else if (ranges.size() < kDroppedRanges)
        ranges.push_back({first, last, reason});
}

std::uint64_t Spool::lowestPending() const {
    std::uint64_t lowest = next_;
    for (const auto& collector : collectors_)
        lowest = std::min(lowest, collector.settled.firstMissing(first_));
    return lowest;
}

// Where reading must begin to meet `sequence`; the journal's end if it is above all that is written.
JournalPosition Spool::positionOf(std::uint64_t sequence) const {
    const auto above =
        std::upper_bound(index_.begin(), index_.end(), sequence,
                         [](std::uint64_t s, const IndexEntry& e) { return s < e.sequence; });
    return above == index_.begin() ? journal_->begin() : std::prev(above)->position;
}

void Spool::writeState(bool durable) {
    numbers_.epoch = epoch_;
    numbers_.journal_end = journal_->end();
    numbers_.cursors = {};
    for (std::size_t i = 0; i < collectors_.size(); ++i) {
        auto& cursor = numbers_.cursors[i];
        cursor.url_hash = collectors_[i].url_hash;
        auto to = cursor.settled.begin();
        for (const auto& [first, through] : collectors_[i].settled.ranges()) {
            if (to == cursor.settled.end()) break;
            *to++ = {first, through};
        }
    }
    if (auto done = state_.write(numbers_, durable); !done)
        spdlog::warn("{}", done.error().message());
}

bool Spool::hasPending(std::size_t collector, std::uint64_t before) const {
    MutexLock lock(mutex_);
    return collectors_[collector].settled.firstMissing(first_) < std::min(before, next_);
}

std::uint64_t Spool::nextSequence() const {
    MutexLock lock(mutex_);
    return next_;
}

wire::SpoolStatus Spool::status() const {
    MutexLock lock(mutex_);
    wire::SpoolStatus status;
    const auto lowest = lowestPending();
    for (const auto& collector : collectors_) {
        const auto waiting =
            next_ - first_ -
            (next_ > first_ ? collector.settled.countWithin(first_, next_ - 1) : 0);
        status.batches = std::max(status.batches, waiting);
    }
    if (status.batches > 0) {
        for (const auto& one : unwritten_) status.bytes += one.record.size();
        const auto end = journal_->end();
        status.bytes += end - std::min(end, positionOf(lowest));
        const auto recent =
            std::lower_bound(recent_.begin(), recent_.end(), std::pair{lowest, INT64_MIN});
        if (recent != recent_.end() && recent->first == lowest)
            status.oldest_ms = recent->second;
        else if (!index_.empty())
            for (const auto& entry : index_)
                if (entry.sequence <= lowest) status.oldest_ms = entry.time_ms;
    }
    status.dropped_batches = numbers_.dropped_batches;
    status.dropped_samples = numbers_.dropped_samples;
    return status;
}

std::vector<wire::DroppedRange> Spool::droppedRanges(std::size_t collector) const {
    MutexLock lock(mutex_);
    return collectors_[collector].dropped;
}

// A range may have grown since it was told: then its rest is still to be told.
void Spool::droppedReported(std::size_t collector, const std::vector<wire::DroppedRange>& told) {
    MutexLock lock(mutex_);
    auto& ranges = collectors_[collector].dropped;
    for (const auto& range : told) {
        const auto same =
            std::find_if(ranges.begin(), ranges.end(), [&](const wire::DroppedRange& r) {
                return r.first == range.first && r.reason == range.reason;
            });
        if (same == ranges.end()) continue;
        if (same->last == range.last)
            ranges.erase(same);
        else
            same->first = range.last + 1;
    }
}

bool Spool::healthy() const {
    MutexLock lock(mutex_);
    return last_error_.empty();
}

std::string Spool::lastError() const {
    MutexLock lock(mutex_);
    return last_error_;
}

}  // namespace clusterwatch::agent
