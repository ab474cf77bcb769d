// The open server-sent event streams: each is suspended in libmicrohttpd until there is something
// to say, so a stream costs a socket and no thread.
//
// Thread-safe. Lock order: this, then the feed that a stream reads, then libmicrohttpd's own.
#pragma once

#include <list>
#include <memory>
#include <string>

#include <microhttpd.h>

#include "collector/api/connections.h"
#include "collector/api/router.h"
#include "common/thread_annotations.h"

namespace clusterwatch::api {

inline constexpr std::size_t kMaxStreams = 64;

class StreamSet {
  public:
    struct Stream;

    explicit StreamSet(ConnectionTable& table);
    ~StreamSet();

    // Answers the request with the stream. nullptr at kMaxStreams or once stopped.
    Stream* open(MHD_Connection* connection, ConnectionTable::Connection& entry,
                 std::unique_ptr<EventStream> source) EXCLUDES_LOCK(mutex_);
    // The response that reads `stream`; the caller queues and releases it.
    static MHD_Response* makeResponse(Stream& stream);
    // The connection is gone. The stream must not be used afterwards.
    void close(Stream* stream) EXCLUDES_LOCK(mutex_);

    // Every stream looks for something new. Quick; called by publishers.
    void wake() EXCLUDES_LOCK(mutex_);
    // Every stream ends at its next turn, and none is suspended any more.
    void stop() EXCLUDES_LOCK(mutex_);

    std::size_t size() const EXCLUDES_LOCK(mutex_);

  private:
    static ssize_t read(void* stream, std::uint64_t position, char* out, std::size_t space);
    ssize_t fill(Stream& stream, char* out, std::size_t space) EXCLUDES_LOCK(mutex_);
    void resumeAll() REQUIRES_LOCK(mutex_);

    ConnectionTable& table_;
    mutable Mutex mutex_;
    std::list<std::unique_ptr<Stream>> streams_ GUARDED_BY(mutex_);
    bool stopped_ GUARDED_BY(mutex_) = false;
};

}  // namespace clusterwatch::api
