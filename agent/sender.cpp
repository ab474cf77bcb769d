#include "agent/sender.h"

#include <algorithm>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace clusterwatch::agent {

Sender::Sender(SenderOptions options, Spool& spool, Transport& transport, CorrectedClock& corrected,
               CorrectedClock* clock_to_teach, const Clock& clock)
    : options_(std::move(options)),
      spool_(spool),
      transport_(transport),
      corrected_(corrected),
      clock_to_teach_(clock_to_teach),
      clock_(clock),
      backoff_(options_.jitter_seed),
      delivered_through_(spool.nextSequence() - 1) {}

Sender::~Sender() { stop(Milliseconds{0}); }

void Sender::start() {
    thread_ = std::jthread([this](std::stop_token stop) { run(stop); });
}

void Sender::stop(Milliseconds flush) {
    if (!thread_.joinable()) return;
    {
        MutexLock lock(mutex_);
        flush_until_ = clock_.monotonicNow() + flush;
        changed_.notify_all();
        const auto ended = [this]() REQUIRES_LOCK(mutex_) { return ended_; };
        changed_.wait_for(lock, flush, ended);
        thread_.request_stop();
        // A request that was just about to start is not cancelled by the first call.
        while (!ended_) {
            lock.unlock();
            transport_.cancel();
            lock.lock();
            changed_.wait_for(lock, Milliseconds{50}, ended);
        }
    }
    thread_.join();
}

void Sender::deliver(BatchPointer batch) {
    MutexLock lock(mutex_);
    delivered_through_ = batch->sequence;
    if (live_.empty()) live_since_ = clock_.monotonicNow();
    live_.push_back(std::move(batch));
    // It stays in the spool, and is back-filled.
    if (live_.size() > kLiveBatches) live_.pop_front();
    changed_.notify_all();
}

void Sender::run(const std::stop_token& stop) {
    for (;;) {
        switch (waitForWork(stop)) {
            case Work::kLive: sendLive(); break;
            case Work::kBackfill: sendBackfill(); break;
            case Work::kHeartbeat: exchange(live_lane_, newReport(live_lane_), {}); break;
            case Work::kNone: break;
            case Work::kEnd: {
                MutexLock lock(mutex_);
                ended_ = true;
                changed_.notify_all();
                return;
            }
        }
    }
}

// Batches below this number are not, and will not be, in the live lane.
std::uint64_t Sender::backlogBefore() const {
    return live_.empty() ? delivered_through_ + 1 : live_.front()->sequence;
}

Sender::Work Sender::waitForWork(const std::stop_token& stop) {
    MutexLock lock(mutex_);
    const auto now = clock_.monotonicNow();
    const bool backlog = spool_.hasPending(options_.collector, backlogBefore());
    if (stop.stop_requested()) return Work::kEnd;
    // When ending, a collector that can't be reached is not waited for: the data is on the disk.
    if (flush_until_ && (now >= *flush_until_ || now < not_before_ || (live_.empty() && !backlog)))
        return Work::kEnd;
    auto wake = std::max(not_before_, last_report_ + kHeartbeatEvery);
    if (now >= not_before_) {
        if (!live_.empty() &&
            (flush_until_ || now >= live_since_ + kCoalesceWithin || live_.size() == kLiveBatches))
            return Work::kLive;
        if (backlog) return Work::kBackfill;
        if (now >= last_report_ + kHeartbeatEvery) return Work::kHeartbeat;
        if (!live_.empty()) wake = std::min(wake, live_since_ + kCoalesceWithin);
    }
    const auto delivered = delivered_through_;
    changed_.wait_until(lock, stop, wake, [&]() REQUIRES_LOCK(mutex_) {
        return flush_until_.has_value() ||
               (delivered_through_ != delivered && clock_.monotonicNow() >= not_before_);
    });
    return Work::kNone;
}

wire::Report Sender::newReport(Lane& lane) const {
    wire::Report report;
    report.agent = options_.agent;
    report.session = lane.encoder.session();
    report.lane = lane.kind;
    report.clock_offset_seconds =
        std::chrono::duration<double>(corrected_.offset().value_or(Milliseconds{0})).count();
    if (lane.kind == wire::Lane::kLive && report.session == 0) {
        report.schedule = options_.schedule;
        report.schedule_complete = true;
    }
    report.spool = spool_.status();
    report.dropped = spool_.droppedRanges(options_.collector);
    return report;
}

void Sender::sendLive() {
    std::vector<BatchPointer> batches;
    {
        MutexLock lock(mutex_);
        batches.assign(live_.begin(), live_.end());
        live_.clear();
    }
    // A collector that was restarted does not know the session: once more, at once, with all defined.
    for (int attempt = 0; attempt < 2; ++attempt) {
        auto report = newReport(live_lane_);
        std::vector<Sent> sent;
        for (const auto& batch : batches) {
            live_lane_.encoder.add(report, batch->sequence, batch->checksum, batch->run);
            sent.push_back({batch->sequence, batch->run.sampleCount()});
        }
        if (exchange(live_lane_, report, sent) != Fate::kSessionUnknown) return;
    }
}

void Sender::sendBackfill() {
    std::uint64_t before = 0;
    {
        MutexLock lock(mutex_);
        before = backlogBefore();
    }
    auto report = newReport(backfill_lane_);
    std::vector<Sent> sent;
    std::size_t samples = 0;
    const auto status =
        spool_.readPending(options_.collector, before, [&](const SpooledBatch& batch) {
            backfill_lane_.encoder.add(report, batch.sequence, batch.checksum, batch.run);
            sent.push_back({batch.sequence, batch.run.sampleCount()});
            samples += sent.back().samples;
            return !one_at_a_time_ && samples < kBackfillSamples && sent.size() < kBackfillBatches;
        });
    if (!status) {
        fail("spool_unreadable", status.error().message(), Backoff::kMost);
        return;
    }
    if (sent.empty()) return;
    exchange(backfill_lane_, report, sent);
    // The definitions of a lane that has caught up are not kept: memory stays flat.
    if (!spool_.hasPending(options_.collector, before)) forgetSession(backfill_lane_);
}

void Sender::forgetSession(Lane& lane) const {
    lane.encoder.reset();
    lane.encoder.setSession(0);
}

SenderStatistics Sender::statistics() const {
    MutexLock lock(mutex_);
    auto copy = statistics_;
    copy.backing_off = clock_.monotonicNow() < not_before_;
    return copy;
}

}  // namespace clusterwatch::agent
