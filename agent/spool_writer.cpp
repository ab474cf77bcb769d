#include "agent/spool_writer.h"

#include <utility>

namespace clusterwatch::agent {

void SpoolWriter::start() {
    thread_ = std::jthread([this](std::stop_token stop) { work(stop); });
}

void SpoolWriter::stop() {
    if (!thread_.joinable()) return;
    thread_.request_stop();
    thread_.join();
}

void SpoolWriter::put(ProbeRun run) {
    MutexLock lock(mutex_);
    queue_.push_back(std::move(run));
    if (queue_.size() > kQueuedRuns) {
        lost_samples_.push_back(queue_.front().sampleCount());
        queue_.pop_front();
    }
    changed_.notify_one();
}

void SpoolWriter::work(const std::stop_token& stop) {
    for (;;) {
        std::deque<ProbeRun> runs;
        std::vector<std::size_t> lost;
        {
            MutexLock lock(mutex_);
            changed_.wait_for(lock, stop, kLimitsEvery,
                              [this]() REQUIRES_LOCK(mutex_) { return !queue_.empty(); });
            runs.swap(queue_);
            lost.swap(lost_samples_);
        }
        if (runs.empty() && stop.stop_requested()) return;
        for (const auto samples : lost) spool_.countLost(samples);
        for (auto& run : runs) deliver_(spool_.add(std::move(run)));
        spool_.enforceLimits();
    }
}

}  // namespace clusterwatch::agent
