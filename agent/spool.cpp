#include "agent/spool.h"

#include <algorithm>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "agent/bytes.h"
#include "agent/spool_record.h"

namespace clusterwatch::agent {
namespace {

std::int64_t ageMs(const MonotonicTime& since, const Clock& clock) {
    return std::chrono::duration_cast<Milliseconds>(clock.monotonicNow() - since).count();
}

}  // namespace

BatchPointer Spool::add(ProbeRun run) {
    auto batch = std::make_shared<SpooledBatch>();
    batch->run = std::move(run);
    const auto spooled = wire::encodeSpooled(batch->run);
    batch->checksum = wire::checksum(spooled);
    const auto compressed = wire::compress(spooled);
    {
        MutexLock lock(mutex_);
        batch->sequence = next_++;
        unwritten_.push_back(
            {batch,
             encodeSpoolRecord({.epoch = epoch_,
                                .sequence = batch->sequence,
                                .time_ms = toUnixMs(batch->run.time),
                                .samples = static_cast<std::uint32_t>(batch->run.sampleCount()),
                                .checksum = batch->checksum,
                                .compressed = compressed})});
        recent_.emplace_back(batch->sequence, toUnixMs(batch->run.time));
        if (recent_.size() > kRecentTimes) recent_.pop_front();
    }
    const bool written =
        writeUnwritten() || (dropOldestSegment("the disk is full", INT64_MAX) && writeUnwritten());
    if (!written) boundUnwritten();
    while (journal_->bytes() > options_.settings.max_bytes &&
           dropOldestSegment("the spool is full", INT64_MAX)) {
    }
    return batch;
}

// True if nothing is left unwritten.
bool Spool::writeUnwritten() {
    for (;;) {
        BatchPointer batch;
        std::string record;
        {
            MutexLock lock(mutex_);
            if (unwritten_.empty()) {
                last_error_.clear();
                return true;
            }
            batch = unwritten_.front().batch;
            record = unwritten_.front().record;
        }
        const auto begin = journal_->end();
        const auto end = journal_->append(kSpoolRecordType, record);
        MutexLock lock(mutex_);
        if (!end) {
            if (last_error_.empty())
                spdlog::warn("the spool can't be written, batches are sent from memory: {}",
                             end.error().message());
            last_error_ = end.error().message();
            return false;
        }
        noteWritten(begin, batch->sequence, toUnixMs(batch->run.time));
        // The acknowledgement may have overtaken the write and taken it out already.
        if (!unwritten_.empty() && unwritten_.front().batch == batch) unwritten_.pop_front();
    }
}

// The numbers of batches that are only in memory are kept from being given out again, and what is
// over the limit is dropped.
void Spool::boundUnwritten() {
    MutexLock lock(mutex_);
    while (unwritten_.size() > kUnwrittenBatches) {
        const auto& oldest = *unwritten_.front().batch;
        if (!settledByAll(oldest.sequence)) {
            ++numbers_.dropped_batches;
            numbers_.dropped_samples += oldest.run.sampleCount();
            settleForAll(oldest.sequence, "the disk is full");
        }
        unwritten_.pop_front();
    }
    numbers_.used_through = next_ - 1;
    writeState(true);
}

void Spool::enforceLimits() {
    if (options_.settings.max_age.count() == 0) return;
    // Age by the time that has passed, not by the wall clock: a clock that jumps forward must not
    // make the spool look old.
    const auto now_ms = toUnixMs(opened_wall_) + ageMs(opened_, clock_);
    const auto cutoff = now_ms - options_.settings.max_age.count();
    for (;;) {
        {
            MutexLock lock(mutex_);
            if (index_.empty() || index_.front().time_ms >= cutoff) return;
        }
        if (!dropOldestSegment("older than the spool keeps", cutoff)) return;
    }
}

void Spool::countLost(std::size_t samples) {
    MutexLock lock(mutex_);
    ++numbers_.dropped_batches;
    numbers_.dropped_samples += samples;
    writeState(false);
}

// Drops the oldest segment, if it is not the one being written and all its batches are older than
// `only_before_ms`. The counts are durable, with the position that they cover, before the file goes:
// a crash in between drops it again without counting it again.
bool Spool::dropOldestSegment(const std::string& reason, std::int64_t only_before_ms) {
    const auto segments = journal_->segments();
    if (segments.size() < 2) return false;
    const auto cut = segments.front().end;
    struct Doomed {
        std::uint64_t sequence;
        std::uint32_t samples;
    };
    std::vector<Doomed> doomed;
    bool too_new = false;
    const auto read = journal_->read(segments.front().begin, [&](const JournalRecord& entry) {
        if (entry.position >= cut) return false;
        const auto record = decodeSpoolRecord(entry.payload);
        if (entry.type != kSpoolRecordType || !record) return true;
        too_new = too_new || record->time_ms >= only_before_ms;
        doomed.push_back({record->sequence, record->samples});
        return !too_new;
    });
    if (too_new) return false;
    if (!read)
        spdlog::warn("the oldest part of the spool can't be read and is dropped: {}",
                     read.error().message());
    {
        MutexLock lock(mutex_);
        const auto before = numbers_.dropped_batches;
        for (const auto& batch : doomed) {
            if (settledByAll(batch.sequence)) continue;
            ++numbers_.dropped_batches;
            numbers_.dropped_samples += batch.samples;
            settleForAll(batch.sequence, reason);
        }
        numbers_.dropped_before = cut;
        if (numbers_.dropped_batches != before) {
            spdlog::warn("{}: {} batches that were not sent yet are dropped", reason,
                         numbers_.dropped_batches - before);
            writeState(true);
        }
        while (!index_.empty() && index_.front().position < cut) index_.pop_front();
        if (!doomed.empty()) first_ = std::max(first_, doomed.back().sequence + 1);
    }
    if (auto done = journal_->removeBefore(cut); !done) {
        spdlog::warn("can't remove the oldest part of the spool: {}", done.error().message());
        return false;
    }
    return true;
}

void Spool::acknowledge(std::size_t collector, const std::vector<std::uint64_t>& sequences) {
    if (sequences.empty()) return;
    {
        MutexLock lock(mutex_);
        const auto before = lowestPending();
        for (const auto sequence : sequences)
            if (sequence < next_) collectors_[collector].settled.add(sequence);
        while (!unwritten_.empty() && settledByAll(unwritten_.front().batch->sequence))
            unwritten_.pop_front();
        writeState(false);
        if (lowestPending() == before) return;
    }
    deleteSettled();
}

void Spool::giveUp(std::size_t collector, std::uint64_t sequence, std::size_t samples,
                   const std::string& reason) {
    {
        MutexLock lock(mutex_);
        auto& one = collectors_[collector];
        if (one.settled.contains(sequence)) return;
        one.settled.add(sequence);
        addDropped(one, sequence, sequence, reason);
        ++numbers_.dropped_batches;
        numbers_.dropped_samples += samples;
        writeState(true);
    }
    deleteSettled();
}

// Removes the segments that nobody needs any more.
void Spool::deleteSettled() {
    JournalPosition needed_from = 0;
    {
        MutexLock lock(mutex_);
        needed_from = positionOf(lowestPending());
    }
    const auto segments = journal_->segments();
    if (segments.size() < 2 || segments.front().end > needed_from) return;
    if (auto done = journal_->removeBefore(needed_from); !done)
        spdlog::warn("can't remove what was sent from the spool: {}", done.error().message());
    MutexLock lock(mutex_);
    const auto begin = journal_->begin();
    while (index_.size() > 1 && index_[1].position <= begin) index_.pop_front();
    if (!index_.empty()) first_ = std::max(first_, index_.front().sequence);
}

Status Spool::readPending(std::size_t collector, std::uint64_t before,
                          const std::function<bool(const SpooledBatch&)>& visit) {
    JournalPosition from = 0;
    std::uint64_t expected = 0;
    std::uint64_t written_through = 0;
    {
        MutexLock lock(mutex_);
        expected = collectors_[collector].settled.firstMissing(first_);
        if (expected >= std::min(before, next_)) return {};
        from = positionOf(expected);
        written_through = written_through_;
    }
    bool more = true;
    const auto status = journal_->read(from, [&](const JournalRecord& entry) {
        const auto record = decodeSpoolRecord(entry.payload);
        if (entry.type != kSpoolRecordType || !record || record->epoch != epoch_) return true;
        if (record->sequence < expected) return true;
        if (record->sequence >= before) return false;
        settleGap(expected, record->sequence - 1);
        expected = record->sequence + 1;
        {
            MutexLock lock(mutex_);
            if (collectors_[collector].settled.contains(record->sequence)) return true;
        }
        SpooledBatch batch;
        batch.sequence = record->sequence;
        batch.checksum = record->checksum;
        auto spooled = wire::decompress(record->compressed, kSpooledRunBytes);
        auto run = spooled ? wire::decodeSpooled(*spooled) : Result<ProbeRun>(spooled.error());
        if (!run) {
            giveUp(collector, record->sequence, record->samples, "damaged in the spool");
            return true;
        }
        batch.run = std::move(*run);
        more = visit(batch);
        return more;
    });
    if (!status) return status.error().context("reading the spool");
    // The records at the end may be damaged too.
    if (more) settleGap(expected, std::min(before - 1, written_through));
    std::vector<BatchPointer> in_memory;
    {
        MutexLock lock(mutex_);
        for (const auto& one : unwritten_) {
            const auto sequence = one.batch->sequence;
            if (sequence < before && sequence >= expected &&
                !collectors_[collector].settled.contains(sequence))
                in_memory.push_back(one.batch);
        }
    }
    for (const auto& batch : in_memory) {
        if (!more) break;
        more = visit(*batch);
    }
    return {};
}

}  // namespace clusterwatch::agent
