// The collector's side of a session: what an agent's references mean. In memory only: after a restart
// of the collector every session is unknown and agents define theirs again. Not thread-safe.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "collector/ingest/series_binder.h"
#include "common/result.h"
#include "proto/wire.h"

namespace clusterwatch::ingest {

class Session {
  public:
    explicit Session(std::uint64_t id) : id_(id) {}
    std::uint64_t id() const { return id_; }

    // Takes in the report's definitions. Definitions already known are accepted when they are the
    // same (a report sent again). kConflict: they don't continue what is known, or the session has
    // grown too large: it is to be given up. kInvalid: a layout names a series that is not defined.
    Status define(const wire::Report& report);

    std::size_t layouts() const { return layouts_.size(); }
    std::size_t sizeOf(std::uint32_t layout) const { return layouts_[layout].size(); }
    std::vector<const wire::SeriesDefinition*> seriesOf(std::uint32_t layout) const;

    // Layouts already bound to the store's series, by layout, probe and target.
    using BoundKey = std::pair<std::uint32_t, std::string>;
    std::map<BoundKey, BoundLayout>& bound() { return bound_; }

  private:
    std::uint64_t id_;
    std::vector<wire::SeriesDefinition> series_;
    std::vector<std::vector<std::uint32_t>> layouts_;
    std::map<BoundKey, BoundLayout> bound_;
};

// The open sessions of one agent: one a lane, and a few that a restart of the agent left behind.
class SessionTable {
  public:
    static constexpr std::size_t kSessions = 4;

    Session* find(std::uint64_t id);  // null if unknown; valid until open() or drop()
    Session& open();                  // with a new random id; the one not used for longest may go
    void drop(std::uint64_t id);
    void forgetBindings();

  private:
    std::list<Session> sessions_;  // the most recently used first
};

}  // namespace clusterwatch::ingest
