#include "collector/ingest/session.h"

#include <algorithm>
#include <random>

#include <fmt/format.h>

namespace clusterwatch::ingest {

namespace {

Error giveUp(std::string message) { return {ErrorCode::kConflict, std::move(message)}; }

// Not guessable, and not repeated after a restart, so that an agent never speaks into a session of
// another collector process.
std::uint64_t randomId() {
    std::random_device device;
    std::uint64_t id = 0;
    while (id == 0) id = (std::uint64_t{device()} << 32) | device();
    return id;
}

bool sameDefinition(const wire::SeriesDefinition& a, const wire::SeriesDefinition& b) {
    return a.name == b.name && a.labels == b.labels;
}

}  // namespace

Status Session::define(const wire::Report& report) {
    for (const auto& series : report.series) {
        if (series.ref > series_.size())
            return giveUp(fmt::format("series {} is defined after {}", series.ref, series_.size()));
        if (series.ref == series_.size()) {
            if (series_.size() >= 2 * wire::kSessionSeries) return giveUp("too many series");
            series_.push_back(series);
        } else if (!sameDefinition(series_[series.ref], series)) {
            return giveUp(fmt::format("series {} is defined anew", series.ref));
        }
    }
    for (const auto& layout : report.layouts) {
        for (const auto ref : layout.series)
            if (ref >= series_.size())
                return Error{ErrorCode::kInvalid, fmt::format("layout {} names series {} of {}",
                                                              layout.ref, ref, series_.size())};
        if (layout.ref > layouts_.size())
            return giveUp(
                fmt::format("layout {} is defined after {}", layout.ref, layouts_.size()));
        if (layout.ref == layouts_.size()) {
            if (layouts_.size() >= 2 * wire::kSessionLayouts) return giveUp("too many layouts");
            layouts_.push_back(layout.series);
        } else if (layouts_[layout.ref] != layout.series) {
            return giveUp(fmt::format("layout {} is defined anew", layout.ref));
        }
    }
    return {};
}

std::vector<const wire::SeriesDefinition*> Session::seriesOf(std::uint32_t layout) const {
    std::vector<const wire::SeriesDefinition*> out;
    out.reserve(layouts_[layout].size());
    for (const auto ref : layouts_[layout]) out.push_back(&series_[ref]);
    return out;
}

Session* SessionTable::find(std::uint64_t id) {
    const auto it = std::find_if(sessions_.begin(), sessions_.end(),
                                 [&](const Session& s) { return s.id() == id; });
    if (it == sessions_.end()) return nullptr;
    sessions_.splice(sessions_.begin(), sessions_, it);
    return &sessions_.front();
}

Session& SessionTable::open() {
    sessions_.emplace_front(randomId());
    if (sessions_.size() > kSessions) sessions_.pop_back();
    return sessions_.front();
}

void SessionTable::drop(std::uint64_t id) {
    sessions_.remove_if([&](const Session& s) { return s.id() == id; });
}

void SessionTable::forgetBindings() {
    for (auto& session : sessions_) session.bound().clear();
}

}  // namespace clusterwatch::ingest
