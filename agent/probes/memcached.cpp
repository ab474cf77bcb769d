// How it works: one connection, kept between runs; `stats`, `stats settings` and `stats slabs`.
// A server at its limit answers a new connection with "ERROR Too many open connections" and closes
// it (maxconns_fast, the default). libmemcached tells that only as a failed read, so after such a
// failure one plain connection listens for that line: up but full is not down.
//
// A frozen server's kernel still accepts connections, so only an answer counts as up.
//
// Rejected: `stats sizes` and `stats cachedump` (they lock the cache), series by slab class (63 x 15
// of them on a busy server).
#include "agent/probes/memcached.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <libmemcached/memcached.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/text.h"

namespace clusterwatch::agent {

namespace {

constexpr std::size_t kMaxStatBytes = 256;  // of one key or one value

memcached_return_t takeStat(const memcached_instance_st*, const char* key, size_t key_length,
                            const char* value, size_t value_length, void* context) {
    auto& stats = *static_cast<StatMap*>(context);
    if (stats.size() < kMaxStats && key_length <= kMaxStatBytes && value_length <= kMaxStatBytes)
        stats.insert_or_assign(std::string(key, key_length), std::string(value, value_length));
    return MEMCACHED_SUCCESS;
}

// What a new connection is greeted with, without asking anything; empty if nothing came in time.
std::string greeting(const HostPort& address, Milliseconds patience) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found) !=
        0)
        return {};
    std::string text;
    const int fd = ::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const bool started =
        fd >= 0 && (::connect(fd, found->ai_addr, found->ai_addrlen) == 0 || errno == EINPROGRESS);
    ::freeaddrinfo(found);
    pollfd wait{fd, POLLIN, 0};
    if (started && ::poll(&wait, 1, static_cast<int>(patience.count())) == 1) {
        std::array<char, 128> buffer{};
        const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
        if (got > 0) text.assign(buffer.data(), static_cast<std::size_t>(got));
    }
    if (fd >= 0) ::close(fd);
    return text;
}

ProbeRun failed(Outcome outcome, const std::string& message) {
    ProbeRun run;
    run.gauge("memcached_up", "Could the memcached server be reached.", 0);
    run.outcome = outcome;
    run.message = message;
    run.check("reachable", State::kCritical, message);
    return run;
}

}  // namespace

void MemcachedProbe::Free::operator()(memcached_st* memc) const { memcached_free(memc); }

MemcachedProbe::MemcachedProbe(HostPort address)
    : address_(std::move(address)), where_(fmt::format("{}:{}", address_.host, address_.port)) {}

MemcachedProbe::~MemcachedProbe() = default;

std::unique_ptr<Probe> MemcachedProbe::make(ConfigNode& config) {
    auto address = parseHostPort(config.text("address", "127.0.0.1:11211"), 11211);
    if (!address) {
        config.error("address", address.error().message());
        return nullptr;
    }
    return std::make_unique<MemcachedProbe>(std::move(*address));
}

void MemcachedProbe::open() {
    client_.reset(memcached_create(nullptr));
    if (!client_) return;
    memcached_server_add(client_.get(), address_.host.c_str(), address_.port);
    memcached_behavior_set(client_.get(), MEMCACHED_BEHAVIOR_TCP_NODELAY, 1);
    // One failure must not make the library refuse the next try for a while.
    memcached_behavior_set(client_.get(), MEMCACHED_BEHAVIOR_RETRY_TIMEOUT, 0);
    memcached_behavior_set(client_.get(), MEMCACHED_BEHAVIOR_DEAD_TIMEOUT, 0);
}

MemcachedProbe::Failure MemcachedProbe::explain(int error, const std::string& text,
                                                const ProbeContext& context) const {
    if (error == MEMCACHED_TIMEOUT || context.expired())
        return {Outcome::kTimedOut,
                where_ +
                    " accepts connections but does not answer: frozen (stopped or swapping), "
                    "or the host behind it is gone"};
    if (error == MEMCACHED_HOST_LOOKUP_FAILURE)
        return {Outcome::kRefused, where_ + ": no such host"};
    if (error == MEMCACHED_CONNECTION_FAILURE || error == MEMCACHED_ERRNO ||
        error == MEMCACHED_SERVER_TEMPORARILY_DISABLED || error == MEMCACHED_SERVER_MARKED_DEAD)
        return {Outcome::kRefused, where_ + ": connection refused or host unreachable"};
    if (error == MEMCACHED_AUTH_FAILURE || error == MEMCACHED_AUTH_PROBLEM)
        return {Outcome::kAuthentication, where_ + ": " + text};
    return {Outcome::kParse, where_ + ": " + text};
}

std::optional<MemcachedProbe::Failure> MemcachedProbe::stats(const char* argument,
                                                             const ProbeContext& context,
                                                             StatMap& out) {
    const auto left = static_cast<std::uint64_t>(context.remaining().count());
    if (left == 0) return explain(MEMCACHED_TIMEOUT, "", context);
    // Connect and poll are in milliseconds, the socket's own timeouts in microseconds.
    memcached_behavior_set(client_.get(), MEMCACHED_BEHAVIOR_CONNECT_TIMEOUT, left);
    memcached_behavior_set(client_.get(), MEMCACHED_BEHAVIOR_POLL_TIMEOUT, left);
    memcached_behavior_set(client_.get(), MEMCACHED_BEHAVIOR_RCV_TIMEOUT, left * 1000);
    memcached_behavior_set(client_.get(), MEMCACHED_BEHAVIOR_SND_TIMEOUT, left * 1000);
    out.clear();
    const memcached_return_t result =
        memcached_stat_execute(client_.get(), argument, takeStat, &out);
    // The library may call a time-out a success with the keys that came so far.
    if (context.expired()) return explain(MEMCACHED_TIMEOUT, "", context);
    if (result != MEMCACHED_SUCCESS)
        return explain(result, memcached_last_error_message(client_.get()), context);
    if (out.empty()) return Failure{Outcome::kParse, where_ + ": an empty answer to `stats`"};
    return std::nullopt;
}

std::optional<MemcachedProbe::Failure> MemcachedProbe::readAll(const ProbeContext& context,
                                                               StatMap& general, StatMap& settings,
                                                               StatMap& slabs) {
    const bool reused = client_ != nullptr;
    if (!reused) open();
    if (!client_) return Failure{Outcome::kInternal, "no memory for a client"};
    auto failure = stats(nullptr, context, general);
    // A kept connection may have ended with a restart of the server: once more with a new one.
    if (failure && reused && !context.expired()) {
        open();
        failure = stats(nullptr, context, general);
    }
    if (failure) return failure;
    if ((failure = stats("settings", context, settings))) return failure;
    // No slabs exist before the first item; that is no failure.
    if (auto missing = stats("slabs", context, slabs); missing && context.expired()) return missing;
    return std::nullopt;
}

double MemcachedProbe::newRejections(const StatMap& general) {
    const auto rejected = statNumber(general, "rejected_connections");
    const double fresh =
        rejected && last_rejected_ ? std::max(0.0, *rejected - *last_rejected_) : 0;
    last_rejected_ = rejected;
    return fresh;
}

ProbeRun MemcachedProbe::run(const ProbeContext& context) {
    StatMap general;
    StatMap settings;
    StatMap slabs;
    if (auto failure = readAll(context, general, settings, slabs)) {
        client_.reset();
        if (failure->outcome != Outcome::kTimedOut) {
            const Milliseconds patience = std::min(context.remaining(), Milliseconds{200});
            if (greeting(address_, patience).starts_with("ERROR Too many open connections"))
                failure = {Outcome::kFull,
                           where_ +
                               " is up but at its connection limit (-c), so that clients and "
                               "this probe are turned away"};
        }
        return failed(failure->outcome, failure->message);
    }
    ProbeRun run;
    run.outcome = Outcome::kOk;
    run.gauge("memcached_up", "Could the memcached server be reached.", 1);
    addMemcachedStats(general, run);
    addMemcachedSettings(settings, run);
    addMemcachedSlabTotals(slabs, run);
    run.check("reachable", State::kOk, "answers");
    run.checks.push_back(judgeMemcachedConnections(general, newRejections(general)));
    if (const auto version = general.find("version"); version != general.end())
        run.facts.push_back({"version", version->second});
    return run;
}

}  // namespace clusterwatch::agent
