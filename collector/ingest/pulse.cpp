#include "collector/ingest/pulse.h"

#include <algorithm>
#include <set>

#include "collector/ingest/agent_record.h"

namespace clusterwatch::ingest {

namespace {

Milliseconds usable(Milliseconds interval) {
    return interval.count() > 0 ? interval : Milliseconds{kDefaultInterval};
}

}  // namespace

void Pulses::expect(const wire::ScheduledProbe& probe, MonotonicTime now, Milliseconds grace) {
    const auto [it, is_new] = pulses_.try_emplace(probe.probe);
    Pulse& pulse = it->second;
    pulse.target = probe.target;
    pulse.interval = usable(probe.interval);
    pulse.deadline = probe.deadline;
    if (!is_new) return;
    pulse.since = now + grace;
    pulse.next_miss = pulse.since + derive::lateAfter(pulse.interval, pulse.deadline);
}

void Pulses::setSchedule(const std::vector<wire::ScheduledProbe>& schedule, MonotonicTime now) {
    std::set<std::string> names;
    for (const auto& probe : schedule) {
        names.insert(probe.probe);
        expect(probe, now, usable(probe.interval));  // first runs are spread over an interval
    }
    std::erase_if(pulses_, [&](const auto& entry) { return !names.contains(entry.first); });
    schedule_known_ = true;
}

bool Pulses::awaits(const ProbeRun& run) const {
    const auto it = pulses_.find(run.probe);
    if (it == pulses_.end() || it->second.accounted_ms == 0) return true;
    return toUnixMs(run.time) > it->second.accounted_ms + usable(run.interval).count() / 2;
}

std::vector<std::int64_t> Pulses::heard(const ProbeRun& run, MonotonicTime now) {
    const auto [it, is_new] = pulses_.try_emplace(run.probe);
    Pulse& pulse = it->second;
    pulse.target = run.target;
    pulse.interval = usable(run.interval);
    if (is_new) pulse.deadline = derive::assumedDeadline(pulse.interval);
    std::vector<std::int64_t> passed_over;
    const auto time_ms = toUnixMs(run.time);
    const auto step = pulse.interval.count();
    // missed() sees to longer ones; what looks like one is a clock that was set.
    const auto longest =
        (derive::lateAfter(pulse.interval, pulse.deadline) + pulse.interval).count();
    if (pulse.accounted_ms != 0 && time_ms - pulse.accounted_ms <= longest)
        for (auto t = pulse.accounted_ms + step; t < time_ms - step / 2; t += step)
            passed_over.push_back(t);
    pulse.accounted_ms = time_ms;
    pulse.since = now;
    pulse.next_miss = now + derive::lateAfter(pulse.interval, pulse.deadline);
    pulse.silent = false;
    return passed_over;
}

void Pulses::startAgain(MonotonicTime now, Milliseconds grace) {
    for (auto& [probe, pulse] : pulses_) {
        pulse.since = now + grace;
        pulse.next_miss = pulse.since + derive::lateAfter(pulse.interval, pulse.deadline);
        pulse.accounted_ms = 0;
    }
}

bool Pulses::othersInTime(const Target& target, const std::string& probe, MonotonicTime now) const {
    return std::all_of(pulses_.begin(), pulses_.end(), [&](const auto& entry) {
        const auto& [name, pulse] = entry;
        return name == probe || pulse.target != target ||
               now - pulse.since <= derive::lateAfter(pulse.interval, pulse.deadline);
    });
}

Pulses::Missed Pulses::missed(MonotonicTime now) {
    Missed out;
    for (auto& [name, pulse] : pulses_) {
        if (now <= pulse.next_miss) continue;
        const auto whole = (now - pulse.next_miss) / pulse.interval;
        pulse.next_miss += pulse.interval * (whole + 1);
        if (pulse.accounted_ms != 0) pulse.accounted_ms += pulse.interval.count() * (whole + 1);
        if (std::find(out.targets.begin(), out.targets.end(), pulse.target) == out.targets.end())
            out.targets.push_back(pulse.target);
        const auto silent_after =
            kSilentIntervals * pulse.interval + pulse.deadline + std::chrono::seconds(1);
        if (!pulse.silent && now - pulse.since > silent_after) {
            pulse.silent = true;
            out.silent.push_back({name, pulse.target});
        }
    }
    return out;
}

}  // namespace clusterwatch::ingest
