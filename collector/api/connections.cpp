#include "collector/api/connections.h"

#include <memory>

#include <poll.h>
#include <sys/socket.h>

namespace clusterwatch::api {
namespace {

bool peerHasLeft(int fd) {
    pollfd probe{fd, POLLRDHUP, 0};
    return ::poll(&probe, 1, 0) > 0 && (probe.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

bool inHeader(Phase phase) {
    return phase == Phase::kFirstHeader || phase == Phase::kHeader || phase == Phase::kIdle;
}

bool isReceiving(Phase phase) { return inHeader(phase) || phase == Phase::kBody; }

}  // namespace

ConnectionTable::ConnectionTable(ConnectionLimits limits, const Clock& clock, LimitHit limit_hit)
    : limits_(limits), clock_(clock), limit_hit_(std::move(limit_hit)) {}

ConnectionTable::Connection* ConnectionTable::opened(int fd, std::string address) {
    auto connection = std::make_unique<Connection>();
    connection->fd = fd;
    connection->address = std::move(address);
    connection->since = clock_.monotonicNow();

    MutexLock lock(mutex_);
    const char* full = nullptr;
    if (per_address_[connection->address] >= limits_.connections_per_address &&
        !makeRoom(&connection->address))
        full = "connections_per_address";
    else if (alive_ >= limits_.connections && !makeRoom(nullptr))
        full = "connections";
    ++per_address_[connection->address];
    ++alive_;
    connection->place = order_.insert(order_.end(), connection.get());
    if (full != nullptr) doom(*connection, full);
    return connection.release();
}

void ConnectionTable::closed(Connection* connection) {
    MutexLock lock(mutex_);
    const std::unique_ptr<Connection> owned(connection);
    order_.erase(owned->place);
    if (owned->doomed) return;
    --alive_;
    if (--per_address_[owned->address] == 0) per_address_.erase(owned->address);
}

void ConnectionTable::enter(Connection& connection, Phase phase) {
    MutexLock lock(mutex_);
    connection.phase = phase;
    connection.since = clock_.monotonicNow();
}

void ConnectionTable::watch(Connection& connection, query::CancelFlag* cancel) {
    MutexLock lock(mutex_);
    connection.cancel = cancel;
    if (cancel != nullptr && (ending_ || connection.doomed)) *cancel = true;
    connection.phase = cancel != nullptr ? Phase::kWorking : Phase::kReplying;
    connection.since = clock_.monotonicNow();
}

// `limit` may be null. The socket stays open until the library closes it: a closed number could be
// another file by then.
void ConnectionTable::doom(Connection& connection, const char* limit) {
    if (limit != nullptr) limit_hit_(limit);
    ::shutdown(connection.fd, SHUT_RDWR);
    connection.doomed = true;
    --alive_;
    if (--per_address_[connection.address] == 0) per_address_.erase(connection.address);
}

// Ends the oldest connection (of the address, if one is named) that is not in the middle of a
// request. False if there is none.
bool ConnectionTable::makeRoom(const std::string* address) {
    for (auto* candidate : order_) {
        if (candidate->doomed || !inHeader(candidate->phase)) continue;
        if (address != nullptr && candidate->address != *address) continue;
        doom(*candidate, address != nullptr ? "connections_per_address" : "connections");
        return true;
    }
    return false;
}

const char* ConnectionTable::overdue(const Connection& connection, MonotonicTime now) const {
    const auto age = now - connection.since;
    switch (connection.phase) {
        case Phase::kFirstHeader:
        case Phase::kHeader: return age > limits_.header_deadline ? "header_deadline" : nullptr;
        case Phase::kIdle: return age > limits_.idle_deadline ? "idle_deadline" : nullptr;
        case Phase::kBody: return age > limits_.body_deadline ? "body_deadline" : nullptr;
        case Phase::kReplying: return age > limits_.reply_deadline ? "reply_deadline" : nullptr;
        case Phase::kStreamSending: return age > limits_.stream_stall ? "stream_stall" : nullptr;
        case Phase::kWorking:
        case Phase::kStreamIdle: return nullptr;
    }
    return nullptr;
}

void ConnectionTable::reap() {
    const auto now = clock_.monotonicNow();
    MutexLock lock(mutex_);
    for (auto* connection : order_) {
        if (connection->doomed) continue;
        if (peerHasLeft(connection->fd)) {
            if (connection->cancel != nullptr) *connection->cancel = true;
            // The library misses an end of file that came with the last bytes it read (epoll tells
            // only of changes). A second is enough for it to take what is still in the socket.
            if (isReceiving(connection->phase) &&
                now - connection->since > std::chrono::seconds(1)) {
                doom(*connection, nullptr);
                continue;
            }
        }
        if (const char* limit = overdue(*connection, now)) doom(*connection, limit);
    }
}

void ConnectionTable::shutdownAll() {
    MutexLock lock(mutex_);
    ending_ = true;
    for (auto* connection : order_) {
        if (connection->cancel != nullptr) *connection->cancel = true;
        ::shutdown(connection->fd, SHUT_RDWR);
    }
}

std::size_t ConnectionTable::size() const {
    MutexLock lock(mutex_);
    return alive_;
}

}  // namespace clusterwatch::api
