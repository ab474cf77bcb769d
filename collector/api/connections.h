// Every open connection, in which phase it is and since when; and the reaper's judgement.
//
// libmicrohttpd's time-out is idle time: a client that sends one byte of a header every few seconds
// keeps its connection for ever. So each phase has a deadline of ours, past which the socket is
// shut down; the library then sees an end of file and closes it. When there is no room for a
// newcomer, the oldest connection that has not finished a request's header gives way to it, so a
// flood of slow connections can't keep an agent out. A client that has left while its request is
// worked on is noticed here too, because the library does not watch a suspended connection's
// socket.
//
// Thread-safe. A Connection lives from opened() to closed().
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <string>
#include <unordered_map>

#include "collector/query/series_source.h"
#include "common/clock.h"
#include "common/limits.h"
#include "common/thread_annotations.h"

namespace clusterwatch::api {

struct ConnectionLimits {
    Milliseconds header_deadline = limits::kHeaderDeadline;  // from the first byte to the last
    Milliseconds body_deadline{std::chrono::seconds(60)};    // for the whole body
    Milliseconds reply_deadline{std::chrono::seconds(120)};  // for the client to take the reply
    Milliseconds idle_deadline{std::chrono::seconds(75)};    // between two requests
    Milliseconds stream_stall{std::chrono::seconds(10)};     // a stream's client that takes nothing
    std::size_t connections = limits::kConnections;
    std::size_t connections_per_address = limits::kConnectionsPerAddress;
};

enum class Phase : std::uint8_t {
    kFirstHeader,  // open, no request yet
    kIdle,         // served before, waiting for the next request
    kHeader,       // a request line has arrived
    kBody,
    kWorking,  // suspended; a handler runs or waits in a queue
    kReplying,
    kStreamIdle,  // suspended until the next event
    kStreamSending,
};

class ConnectionTable {
  public:
    // Names the limit that was hit: "connections", "header_deadline", ...
    using LimitHit = std::function<void(const char* limit)>;

    struct Connection {
        int fd = -1;
        std::string address;
        Phase phase = Phase::kFirstHeader;
        MonotonicTime since{};
        query::CancelFlag* cancel = nullptr;  // of the request that is worked on
        bool doomed = false;                  // its socket is shut down already
        std::list<Connection*>::iterator place;

        // Of the request whose header is being received; the server's thread alone uses them.
        std::string target;
        MonotonicTime request_started{};
    };

    ConnectionTable(ConnectionLimits limits, const Clock& clock, LimitHit limit_hit);

    // A connection beyond the limits that finds nobody to give way is doomed at once.
    Connection* opened(int fd, std::string address) EXCLUDES_LOCK(mutex_);
    // REQUIRES: called before the socket is closed, so that no other file is shut down in its
    // place.
    void closed(Connection* connection) EXCLUDES_LOCK(mutex_);
    void enter(Connection& connection, Phase phase) EXCLUDES_LOCK(mutex_);
    // kWorking with the flag to set when the client leaves; nullptr when the work is done.
    void watch(Connection& connection, query::CancelFlag* cancel) EXCLUDES_LOCK(mutex_);

    // Ends what is past its deadline, and tells requests whose clients have left.
    void reap() EXCLUDES_LOCK(mutex_);
    // Ends all, and cancels what is worked on, now and from now on.
    void shutdownAll() EXCLUDES_LOCK(mutex_);

    std::size_t size() const EXCLUDES_LOCK(mutex_);

  private:
    void doom(Connection& connection, const char* limit) REQUIRES_LOCK(mutex_);
    bool makeRoom(const std::string* address) REQUIRES_LOCK(mutex_);
    const char* overdue(const Connection& connection, MonotonicTime now) const;

    const ConnectionLimits limits_;
    const Clock& clock_;
    const LimitHit limit_hit_;
    mutable Mutex mutex_;
    std::list<Connection*> order_ GUARDED_BY(mutex_);  // oldest first; owned: opened() to closed()
    std::unordered_map<std::string, std::size_t> per_address_ GUARDED_BY(mutex_);  // not doomed
    bool ending_ GUARDED_BY(mutex_) = false;
    std::size_t alive_ GUARDED_BY(mutex_) = 0;  // not doomed
};

}  // namespace clusterwatch::api
