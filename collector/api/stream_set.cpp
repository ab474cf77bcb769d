#include "collector/api/stream_set.h"

#include <algorithm>
#include <cstring>

namespace clusterwatch::api {

struct StreamSet::Stream {
    StreamSet* set = nullptr;
    MHD_Connection* connection = nullptr;
    ConnectionTable::Connection* entry = nullptr;
    std::unique_ptr<EventStream> source;
    std::string pending;
    std::size_t sent = 0;  // of pending
    bool suspended = false;
};

StreamSet::StreamSet(ConnectionTable& table) : table_(table) {}
StreamSet::~StreamSet() = default;

StreamSet::Stream* StreamSet::open(MHD_Connection* connection, ConnectionTable::Connection& entry,
                                   std::unique_ptr<EventStream> source) {
    auto stream = std::make_unique<Stream>();
    stream->set = this;
    stream->connection = connection;
    stream->entry = &entry;
    stream->source = std::move(source);
    MutexLock lock(mutex_);
    if (stopped_ || streams_.size() >= kMaxStreams) return nullptr;
    streams_.push_back(std::move(stream));
    table_.enter(entry, Phase::kStreamSending);
    return streams_.back().get();
}

MHD_Response* StreamSet::makeResponse(Stream& stream) {
    constexpr std::size_t kBlock = 8192;
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, kBlock, &StreamSet::read, &stream,
                                             nullptr);
}

ssize_t StreamSet::read(void* stream, std::uint64_t, char* out, std::size_t space) {
    auto& self = *static_cast<Stream*>(stream);
    return self.set->fill(self, out, space);
}

// Called by the library when the client can take more. Deciding that there is nothing and
// suspending are one step under the lock, so that a wake in between is not lost.
ssize_t StreamSet::fill(Stream& stream, char* out, std::size_t space) {
    MutexLock lock(mutex_);
    if (stopped_) return MHD_CONTENT_READER_END_OF_STREAM;
    if (stream.sent == stream.pending.size()) {
        stream.pending = stream.source->next();
        stream.sent = 0;
    }
    if (stream.pending.empty()) {
        stream.suspended = true;
        table_.enter(*stream.entry, Phase::kStreamIdle);
        MHD_suspend_connection(stream.connection);
        return 0;
    }
    table_.enter(*stream.entry, Phase::kStreamSending);
    const auto count = std::min(space, stream.pending.size() - stream.sent);
    std::memcpy(out, stream.pending.data() + stream.sent, count);
    stream.sent += count;
    return static_cast<ssize_t>(count);
}

void StreamSet::resumeAll() {
    for (const auto& stream : streams_) {
        if (!stream->suspended) continue;
        stream->suspended = false;
        table_.enter(*stream->entry, Phase::kStreamSending);
        MHD_resume_connection(stream->connection);
    }
}

void StreamSet::wake() {
    MutexLock lock(mutex_);
    resumeAll();
}

void StreamSet::stop() {
    MutexLock lock(mutex_);
    stopped_ = true;
    resumeAll();
}

void StreamSet::close(Stream* stream) {
    MutexLock lock(mutex_);
    streams_.remove_if([stream](const auto& candidate) { return candidate.get() == stream; });
}

std::size_t StreamSet::size() const {
    MutexLock lock(mutex_);
    return streams_.size();
}

}  // namespace clusterwatch::api
