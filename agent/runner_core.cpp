#include "agent/runner_core.h"

#include <algorithm>
#include <exception>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "agent/run_limits.h"
#include "common/text.h"

namespace clusterwatch::agent {
namespace {

// A probe hears of an earlier deadline than the one at which the runner gives it up: a probe that keeps
// its own can then say what it knows of a hung service (`mysql_up 0`), and only one that does not is
// replaced by a bare "timed out".
constexpr Milliseconds kHeadStart{250};

Milliseconds headStart(Milliseconds deadline) { return std::min(kHeadStart, deadline / 10); }

constexpr std::string_view kAgeMetric = "clusterwatch_probe_result_age_seconds";
constexpr std::string_view kAgeHelp = "How old the result is that a slow probe repeats.";

Milliseconds phaseOf(std::string_view seed, const ProbeSettings& probe) {
    std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
    for (const auto text : {seed, std::string_view(probe.name)})
        for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3;
    hash ^= hash >> 32;
    return Milliseconds{hash % static_cast<std::uint64_t>(probe.interval.count())};
}

// A library's exception ends here, and is a mistake of the agent's own.
ProbeRun runGuarded(Probe& probe, const ProbeContext& context) {
    ProbeRun failed;
    try {
        return probe.run(context);
    } catch (const std::exception& e) {
        failed.message = fmt::format("the probe failed: {}", e.what());
    } catch (...) {
        failed.message = "the probe failed";
    }
    failed.outcome = Outcome::kInternal;
    return failed;
}

}  // namespace

Runner::Core::Core(std::vector<ProbeSettings> probes, const Clock& clock, WallNow wall_now,
                   std::string_view seed, Sink sink)
    : clock_(clock), wall_now_(std::move(wall_now)), sink_(std::move(sink)) {
    slots_.reserve(probes.size());
    for (auto& probe : probes) {
        auto& slot = slots_.emplace_back();
        slot.phase = phaseOf(seed, probe);
        slot.statistics.probe = probe.name;
        slot.settings = std::move(probe);
    }
}

void Runner::Core::begin() {
    MutexLock lock(mutex_);
    const auto now = clock_.monotonicNow();
    for (std::size_t i = 0; i < slots_.size(); ++i) {
        auto& slot = slots_[i];
        slot.next_due = now + kFirstRunsWithin * 4 / 5 * i / slots_.size();
        slot.started = now;
    }
}

void Runner::Core::work(std::size_t index, const std::stop_token& stop) {
    Slot& slot = slots_[index];
    MutexLock lock(mutex_);
    while (changed_.wait(lock, stop, [&slot] { return slot.due; }) && !stop.stop_requested()) {
        slot.due = false;
        const ProbeContext context{clock_, slot.deadline - headStart(slot.settings.deadline), stop,
                                   slot.previous_states};
        lock.unlock();
        auto run = runGuarded(*slot.settings.probe, context);
        lock.lock();
        finish(slot, std::move(run));
        changed_.notify_all();
    }
}

void Runner::Core::schedule(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        if (!sleepUntil(step(), stop)) return;
    }
}

MonotonicTime Runner::Core::step() {
    MutexLock lock(mutex_);
    const auto now = clock_.monotonicNow();
    forgiveLateness(now);
    auto next = now + std::chrono::hours(1);
    for (auto& slot : slots_) {
        stepSlot(slot, now);
        next = std::min(next, nextEvent(slot));
    }
    wanted_ = next;
    return next;
}

// Where the whole process was stopped or starved, the running probes had no chance: they get their
// full time again, instead of every service being reported as hung.
void Runner::Core::forgiveLateness(MonotonicTime now) {
    if (!wanted_ || now - *wanted_ < kLateWakeup) return;
    ++late_wakeups_;
    for (auto& slot : slots_) {
        if (slot.running && !slot.hung) slot.deadline = now + slot.settings.deadline;
    }
}

void Runner::Core::stepSlot(Slot& slot, MonotonicTime now) {
    if (ended_) return;
    if (slot.running && !slot.hung && now >= slot.deadline) {
        slot.hung = true;
        publishTimedOut(slot, now);
    } else if (slot.hung && now >= slot.next_due) {
        publishTimedOut(slot, now);
    }
    if (slow(slot) && slot.last && now >= slot.next_repeat) repeatLast(slot, now);
    if (now < slot.next_due) return;
    const bool first =
        slot.statistics.runs == std::array<std::uint64_t, kOutcomeCount>{} && !slot.running;
    if (!slot.running) startRun(slot, now);
    const auto interval =
        std::chrono::duration_cast<MonotonicTime::duration>(slot.settings.interval);
    if (first) {
        // On to the grid: its first point that is not just after this run.
        slot.next_due += slot.phase;
        if (slot.next_due < now + interval / 4) slot.next_due += interval;
    } else {
        // Points that were missed, because the machine slept, are not made up for.
        slot.next_due += interval * ((now - slot.next_due) / interval + 1);
    }
}

MonotonicTime Runner::Core::nextEvent(const Slot& slot) const {
    auto next = slot.next_due;
    if (slot.running && !slot.hung) next = std::min(next, slot.deadline);
    if (slow(slot) && slot.last) next = std::min(next, slot.next_repeat);
    return next;
}

void Runner::Core::startRun(Slot& slot, MonotonicTime now) {
    slot.due = slot.running = slot.statistics.running = true;
    ++slot.statistics.started;
    slot.started = now;
    slot.deadline = now + slot.settings.deadline;
    slot.wall_started = wall_now_();
    changed_.notify_all();
}

void Runner::Core::finish(Slot& slot, ProbeRun run) {
    slot.running = slot.statistics.running = false;
    const auto now = clock_.monotonicNow();
    const auto took = std::chrono::duration_cast<Milliseconds>(now - slot.started);
    if (slot.hung) {
        slot.hung = slot.statistics.hung = false;
        ++slot.statistics.late_results;
        spdlog::warn("probe {}: came back {} after it was started; its late result is dropped",
                     slot.settings.name, formatDuration(took));
        return;
    }
    const ProbeContext before{clock_, slot.deadline, {}, slot.previous_states};
    const auto cut = applyLimits(run, before.worsened(run));
    slot.statistics.cut_samples += cut.samples;
    slot.statistics.cut_texts += cut.texts;
    slot.previous_states.clear();
    for (const auto& check : run.checks) slot.previous_states[check.name] = check.state;
    // Repeats of a slow probe's last result have gone out while it ran: its new one is newer.
    run.time = slow(slot) ? wall_now_() : slot.wall_started;
    run.duration = took;
    publish(slot, std::move(run), now);
}

void Runner::Core::publishTimedOut(Slot& slot, MonotonicTime now) {
    ProbeRun run;
    run.outcome = Outcome::kTimedOut;
    const auto since = now - slot.started;
    run.duration = std::chrono::duration_cast<Milliseconds>(since);
    run.message =
        fmt::format("no answer within {}; hanging since {}", formatDuration(slot.settings.deadline),
                    formatTime(slot.wall_started));
    // Nobody can see now how the service is.
    for (const auto& [check, state] : slot.previous_states)
        run.check(check, State::kUnknown, run.message);
    if (run.checks.empty()) run.check("probe", State::kUnknown, run.message);
    run.time = slot.statistics.hung || slow(slot) ? wall_now_() : slot.wall_started;
    if (!slot.statistics.hung) spdlog::warn("probe {}: {}", slot.settings.name, run.message);
    slot.statistics.hung = true;
    publish(slot, std::move(run), now);
}

void Runner::Core::publish(Slot& slot, ProbeRun run, MonotonicTime now) {
    if (ended_) return;
    run.probe = slot.settings.name;
    run.kind = slot.settings.kind;
    run.role = slot.settings.role;
    run.target = slot.settings.target;
    run.interval = std::min(slot.settings.interval, kRepeatEvery);
    ++slot.statistics.runs[static_cast<std::size_t>(run.outcome)];
    slot.statistics.last_duration = run.duration;
    if (slow(slot)) {
        run.gauge(kAgeMetric, kAgeHelp, 0);
        slot.last = run;
        slot.last->evidence.clear();
        slot.last_at = now;
        slot.next_repeat = now + kRepeatEvery;
    }
    sink_(std::move(run));
}

void Runner::Core::repeatLast(Slot& slot, MonotonicTime now) {
    ProbeRun run = *slot.last;
    run.time = wall_now_();
    const std::chrono::duration<double> age = now - slot.last_at;
    run.family(kAgeMetric, MetricType::kGauge, kAgeHelp).readings.front().value = age.count();
    slot.next_repeat = now + kRepeatEvery;
    sink_(std::move(run));
}

std::vector<std::size_t> Runner::Core::end(Milliseconds patience) {
    MutexLock lock(mutex_);
    // What comes back within the patience is still published.
    const auto idle = [this] {
        return std::none_of(slots_.begin(), slots_.end(),
                            [](const Slot& slot) { return slot.running && !slot.due; });
    };
    changed_.wait_for(lock, patience, idle);
    ended_ = true;
    std::vector<std::size_t> busy;
    for (std::size_t i = 0; i < slots_.size(); ++i) {
        if (slots_[i].running && !slots_[i].due) busy.push_back(i);
    }
    return busy;
}

std::vector<ProbeStatistics> Runner::Core::statistics() const {
    MutexLock lock(mutex_);
    std::vector<ProbeStatistics> out;
    for (const auto& slot : slots_) out.push_back(slot.statistics);
    return out;
}

std::uint64_t Runner::Core::lateWakeups() const {
    MutexLock lock(mutex_);
    return late_wakeups_;
}

}  // namespace clusterwatch::agent
