#include "agent/runner.h"

#include <algorithm>

#include "agent/runner_core.h"

namespace clusterwatch::agent {

Runner::Runner(std::vector<ProbeSettings> probes, const Clock& clock, WallNow wall_now,
               std::string_view seed, Sink sink)
    : core_(std::make_shared<Core>(std::move(probes), clock, std::move(wall_now), seed,
                                   std::move(sink))) {}

Runner::~Runner() { stop(Milliseconds{0}); }

void Runner::start(bool own_scheduler) {
    core_->begin();
    for (std::size_t i = 0; i < core_->size(); ++i)
        threads_.emplace_back([core = core_, i](std::stop_token stop) { core->work(i, stop); });
    if (own_scheduler)
        scheduler_ = std::jthread([core = core_](std::stop_token stop) { core->schedule(stop); });
}

MonotonicTime Runner::step() { return core_->step(); }

std::vector<std::string> Runner::stop(Milliseconds patience) {
    if (scheduler_.joinable()) {
        scheduler_.request_stop();
        scheduler_.join();
    }
    if (threads_.empty()) return {};
    for (auto& thread : threads_) thread.request_stop();
    std::vector<std::string> left_behind;
    for (const auto index : core_->end(patience)) {
        left_behind.push_back(core_->settings(index).name);
        if (threads_[index].joinable()) threads_[index].detach();
    }
    threads_.clear();  // joins the others
    return left_behind;
}

std::vector<wire::ScheduledProbe> Runner::schedule() const {
    std::vector<wire::ScheduledProbe> out;
    for (std::size_t i = 0; i < core_->size(); ++i) {
        const auto& probe = core_->settings(i);
        out.push_back({.probe = probe.name,
                       .kind = probe.kind,
                       .role = probe.role,
                       .target = probe.target,
                       .interval = std::min(probe.interval, kRepeatEvery),
                       .deadline = probe.deadline});
    }
    return out;
}

std::vector<ProbeStatistics> Runner::statistics() const { return core_->statistics(); }

std::uint64_t Runner::lateWakeups() const { return core_->lateWakeups(); }

}  // namespace clusterwatch::agent
