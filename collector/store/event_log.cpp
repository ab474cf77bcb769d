#include "collector/store/event_log.h"

#include <algorithm>

namespace clusterwatch::store {

void EventLog::push(Event event, Stage stage) {
    if (waiting_.size() >= kMostWaiting) waiting_.pop_front();
    waiting_.push_back({next_number_++, stage, std::move(event)});
}

void EventLog::add(Event event) {
    MutexLock lock(mutex_);
    push(std::move(event), Stage::kNew);
}

void EventLog::replay(std::vector<Event> events) {
    MutexLock lock(mutex_);
    for (auto& event : events) push(std::move(event), Stage::kJournaled);
}

void EventLog::move(const Taken& taken, Stage from, Stage to) {
    for (auto& one : waiting_)
        if (one.stage == from &&
            std::binary_search(taken.numbers.begin(), taken.numbers.end(), one.number))
            one.stage = to;
}

EventLog::Taken EventLog::takeForRecord() {
    MutexLock lock(mutex_);
    Taken taken;
    for (auto& one : waiting_) {
        if (one.stage != Stage::kNew) continue;
        one.stage = Stage::kInRecord;
        taken.numbers.push_back(one.number);
        taken.events.push_back(one.event);
    }
    return taken;
}

void EventLog::recordDone(const Taken& taken, bool stored) {
    if (taken.numbers.empty()) return;
    MutexLock lock(mutex_);
    move(taken, Stage::kInRecord, stored ? Stage::kJournaled : Stage::kNew);
}

EventLog::Taken EventLog::takeForCheckpoint() {
    MutexLock lock(mutex_);
    Taken taken;
    for (auto& one : waiting_) {
        if (one.stage == Stage::kNew) one.stage = Stage::kInCheckpoint;
        taken.numbers.push_back(one.number);
        taken.events.push_back(one.event);
    }
    return taken;
}

void EventLog::checkpointDone(const Taken& taken, bool stored) {
    MutexLock lock(mutex_);
    if (stored)
        std::erase_if(waiting_, [&](const Waiting& one) {
            return std::binary_search(taken.numbers.begin(), taken.numbers.end(), one.number);
        });
    else
        move(taken, Stage::kInCheckpoint, Stage::kNew);
}

std::vector<Event> EventLog::matching(query::TimeRange range,
                                      std::string_view subject_prefix) const {
    MutexLock lock(mutex_);
    std::vector<Event> out;
    for (auto it = waiting_.rbegin(); it != waiting_.rend(); ++it)
        if (it->event.t_ms >= range.from_ms && it->event.t_ms <= range.to_ms &&
            it->event.subject.starts_with(subject_prefix))
            out.push_back(it->event);
    std::stable_sort(out.begin(), out.end(),
                     [](const Event& a, const Event& b) { return a.t_ms > b.t_ms; });
    return out;
}

}  // namespace clusterwatch::store
