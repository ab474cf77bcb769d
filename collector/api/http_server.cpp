#include "collector/api/http_server.h"

#include <atomic>
#include <condition_variable>
#include <cstdarg>
#include <cstdio>
#include <exception>

#include <fmt/format.h>
#include <microhttpd.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "collector/api/compression.h"
#include "collector/api/exchange.h"
#include "collector/api/executor.h"
#include "collector/api/stream_set.h"
#include "collector/api/telemetry.h"
#include "common/text.h"
#include "common/thread_annotations.h"

namespace clusterwatch::api {
namespace {

// TLS 1.2 only with authenticated encryption, preferred 1.3. GnuTLS manual, "Priority Strings".
constexpr const char* kTlsPriorities =
    "NONE:+VERS-TLS1.3:+VERS-TLS1.2:+AES-256-GCM:+CHACHA20-POLY1305:+AES-128-GCM:+ECDHE-RSA:"
    "+ECDHE-ECDSA:+AEAD:+GROUP-ALL:+SIGN-ALL:-SIGN-RSA-SHA1:-SIGN-ECDSA-SHA1:+COMP-NULL:"
    "+CTYPE-X509:%SERVER_PRECEDENCE";

constexpr unsigned kServerThreads = 2;  // a listener; they only move bytes

void logFromLibrary(void*, const char* format, va_list arguments) {
    char line[512];
    std::vsnprintf(line, sizeof line, format, arguments);
    spdlog::debug("libmicrohttpd: {}", trim(line));
}

class Server final : public HttpServer {
  public:
    Server(ServerOptions options, const Router& router, const Access& access, const Clock& clock,
           Telemetry& telemetry)
        : options_(std::move(options)),
          router_(router),
          access_(access),
          clock_(clock),
          telemetry_(telemetry),
          table_(options_.connections, clock,
                 [&telemetry](const char* limit) { telemetry.limitHit(limit); }),
          streams_(table_),
          ingest_("cw-ingest", options_.ingest_threads, options_.ingest_queue),
          reads_("cw-read", options_.read_threads, options_.read_queue),
          state_("cw-state", options_.state_threads, options_.state_queue) {}

    ~Server() override { stop(std::chrono::seconds(1)); }

    Status listen();
    const std::vector<ListenAddress>& addresses() const override { return options_.listen; }
    void wakeStreams() override { streams_.wake(); }
    void stop(Milliseconds grace) override EXCLUDES_LOCK(mutex_);

  private:
    using Connection = ConnectionTable::Connection;

    Status startDaemon(int listener);
    void reapLoop(std::stop_token stop);

    // The library's callbacks; `self` is the server.
    static MHD_Result onRequest(void* self, MHD_Connection* connection, const char* url,
                                const char* method, const char* version, const char* upload,
                                std::size_t* upload_size, void** state);
    static void* onTarget(void* self, const char* target, MHD_Connection* connection);
    static void onCompleted(void* self, MHD_Connection* connection, void** state,
                            MHD_RequestTerminationCode code);
    static void onConnection(void* self, MHD_Connection* connection, void** state,
                             MHD_ConnectionNotificationCode code);

    MHD_Result begin(MHD_Connection* connection, const char* method, void** state)
        EXCLUDES_LOCK(mutex_);
    MHD_Result dispatch(MHD_Connection* connection, Exchange& exchange);
    MHD_Result openStream(MHD_Connection* connection, Exchange& exchange);
    MHD_Result sendReply(MHD_Connection* connection, Exchange& exchange);
    void runHandler(Exchange& exchange);
    Executor& executorOf(const Route& route);
    bool suspendFor(MHD_Connection* connection, Exchange& exchange) EXCLUDES_LOCK(mutex_);
    void resume(MHD_Connection* connection, Exchange& exchange) EXCLUDES_LOCK(mutex_);

    ServerOptions options_;  // constant once listening
    const Router& router_;
    const Access& access_;
    const Clock& clock_;
    Telemetry& telemetry_;
    std::atomic<std::size_t> bodies_in_flight_{0};
    ConnectionTable table_;
    StreamSet streams_;

    Mutex mutex_;
    std::condition_variable_any changed_;
    bool stopping_ GUARDED_BY(mutex_) = false;
    std::size_t exchanges_ GUARDED_BY(mutex_) = 0;  // begun, not completed; streams included
    std::size_t suspended_ GUARDED_BY(mutex_) = 0;  // with a handler queued or running

    std::vector<MHD_Daemon*> daemons_;  // constant between listen() and stop()
    Executor ingest_;
    Executor reads_;
    Executor state_;
    std::jthread reaper_;
};

// --- start and stop ----------------------------------------------------------------------------

Status Server::listen() {
    for (auto& address : options_.listen) {
        auto listener = openListener(address);
        if (!listener) return listener.error();
        if (auto started = startDaemon(*listener); !started) {
            ::close(*listener);
            return started.error().context(fmt::format("listening on {}", address.toString()));
        }
    }
    reaper_ = std::jthread([this](std::stop_token stop) { reapLoop(std::move(stop)); });
    return {};
}

Status Server::startDaemon(int listener) {
    // Twice the header: the library keeps the request's header and its own reply's in one block.
    constexpr std::size_t kConnectionMemory = 3 * limits::kHeaderBytes;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    std::vector<MHD_OptionItem> items;
    if (options_.tls) {
        flags |= MHD_USE_TLS;
        items.push_back({MHD_OPTION_HTTPS_MEM_KEY, 0, options_.tls->key_pem.data()});
        items.push_back({MHD_OPTION_HTTPS_MEM_CERT, 0, options_.tls->certificate_pem.data()});
        items.push_back({MHD_OPTION_HTTPS_PRIORITIES, 0, const_cast<char*>(kTlsPriorities)});
    }
    items.push_back({MHD_OPTION_END, 0, nullptr});
    // The library's own limit is above ours, so that the table decides who has to go.
    const auto library_connections =
        static_cast<unsigned>(2 * options_.connections.connections + 64);
    auto* daemon = MHD_start_daemon(flags, 0, nullptr, nullptr, &Server::onRequest, this,   //
                                    MHD_OPTION_EXTERNAL_LOGGER, &logFromLibrary, nullptr,   //
                                    MHD_OPTION_LISTEN_SOCKET, listener,                     //
                                    MHD_OPTION_THREAD_POOL_SIZE, kServerThreads,            //
                                    MHD_OPTION_CONNECTION_LIMIT, library_connections,       //
                                    MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionMemory,  //
                                    MHD_OPTION_STRICT_FOR_CLIENT, 1,                        //
                                    MHD_OPTION_URI_LOG_CALLBACK, &Server::onTarget, this,   //
                                    MHD_OPTION_NOTIFY_COMPLETED, &Server::onCompleted, this,
                                    MHD_OPTION_NOTIFY_CONNECTION, &Server::onConnection, this,  //
                                    MHD_OPTION_ARRAY, items.data(), MHD_OPTION_END);
    if (daemon == nullptr)
        return Error(ErrorCode::kUnavailable,
                     options_.tls
                         ? "the server did not start: certificate and key don't fit, or are no PEM"
                         : "the server did not start");
    daemons_.push_back(daemon);
    return {};
}

void Server::reapLoop(std::stop_token stop) {
    ::pthread_setname_np(::pthread_self(), "cw-reaper");
    const auto period =
        std::clamp(options_.connections.header_deadline / 8, Milliseconds(20), Milliseconds(250));
    while (sleepUntil(std::chrono::steady_clock::now() + period, stop)) {
        table_.reap();
        streams_.wake();  // for their heartbeats
    }
}

void Server::stop(Milliseconds grace) {
    std::vector<MHD_Daemon*> daemons;
    daemons.swap(daemons_);
    if (daemons.empty()) return;
    for (auto* daemon : daemons)
        if (const auto listener = MHD_quiesce_daemon(daemon); listener != MHD_INVALID_SOCKET)
            ::close(listener);
    {
        MutexLock lock(mutex_);
        stopping_ = true;
    }
    streams_.stop();
    {
        MutexLock lock(mutex_);
        changed_.wait_for(lock, grace, [this]() REQUIRES_LOCK(mutex_) { return exchanges_ == 0; });
    }
    reaper_ = {};
    table_.shutdownAll();
    {
        // No connection may be suspended when the library stops. Handlers look at their cancel
        // flag; a report waits for one sync of the disk.
        MutexLock lock(mutex_);
        changed_.wait(lock, [this]() REQUIRES_LOCK(mutex_) { return suspended_ == 0; });
    }
    for (auto* daemon : daemons) MHD_stop_daemon(daemon);
}

// --- the library's callbacks -------------------------------------------------------------------

void Server::onConnection(void* self, MHD_Connection* connection, void** state,
                          MHD_ConnectionNotificationCode code) {
    auto& server = *static_cast<Server*>(self);
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (*state != nullptr) server.table_.closed(static_cast<Connection*>(*state));
        *state = nullptr;
        return;
    }
    const auto* fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    const auto* peer = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    *state = server.table_.opened(fd->connect_fd, addressText(peer->client_addr));
}

// Called when the request line is complete, before any header. The library does not say when such a
// request is given up again, so what is known of it stays with the connection until onRequest.
void* Server::onTarget(void* self, const char* target, MHD_Connection* connection) {
    auto& server = *static_cast<Server*>(self);
    const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    auto* entry = static_cast<Connection*>(info->socket_context);
    server.table_.enter(*entry, Phase::kHeader);
    entry->target = target;
    entry->request_started = server.clock_.monotonicNow();
    return nullptr;
}

MHD_Result Server::onRequest(void* self, MHD_Connection* connection, const char*,
                             const char* method, const char*, const char* upload,
                             std::size_t* upload_size, void** state) {
    auto& server = *static_cast<Server*>(self);
    if (*state == nullptr) return server.begin(connection, method, state);
    auto& exchange = *static_cast<Exchange*>(*state);
    if (*upload_size > 0) {
        exchange.takeBody({upload, *upload_size}, server.options_, server.telemetry_);
        *upload_size = 0;
        return MHD_YES;
    }
    return exchange.reply ? server.sendReply(connection, exchange)
                          : server.dispatch(connection, exchange);
}

void Server::onCompleted(void* self, MHD_Connection*, void** state, MHD_RequestTerminationCode) {
    auto& server = *static_cast<Server*>(self);
    const std::unique_ptr<Exchange> exchange(static_cast<Exchange*>(*state));
    *state = nullptr;
    if (!exchange) return;
    if (exchange->stream != nullptr) server.streams_.close(exchange->stream);
    server.table_.enter(*exchange->connection, Phase::kIdle);
    constexpr int kClientLeft = 499;  // as nginx and Prometheus count it
    const int status = exchange->stream != nullptr ? 200
                       : exchange->replied         ? exchange->reply->status
                                                   : kClientLeft;
    server.telemetry_.requestDone(exchange->route != nullptr ? exchange->route->pattern : "other",
                                  status, server.clock_.monotonicNow() - exchange->started);
    MutexLock lock(server.mutex_);
    --server.exchanges_;
    server.changed_.notify_all();
}

// --- one request -------------------------------------------------------------------------------

MHD_Result Server::begin(MHD_Connection* connection, const char* method, void** state) {
    const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    auto* exchange = new Exchange(bodies_in_flight_);  // owned by the library until onCompleted
    *state = exchange;
    exchange->connection = static_cast<Connection*>(info->socket_context);
    exchange->started = exchange->connection->request_started;
    {
        MutexLock lock(mutex_);
        ++exchanges_;
    }
    table_.enter(*exchange->connection, Phase::kBody);
    exchange->reply = readHeader(*exchange, {connection, method, exchange->connection->target},
                                 router_, access_, options_, telemetry_);
    // Answered here, before the body: the library then takes none of it and closes.
    return exchange->reply ? sendReply(connection, *exchange) : MHD_YES;
}

MHD_Result Server::dispatch(MHD_Connection* connection, Exchange& exchange) {
    exchange.reply = readForm(exchange);
    if (exchange.reply) return sendReply(connection, exchange);
    const auto& route = *exchange.route;
    if (route.stream) return openStream(connection, exchange);
    if (route.runs_on == RunsOn::kServerThread) {
        runHandler(exchange);
        return sendReply(connection, exchange);
    }
    if (!suspendFor(connection, exchange)) {
        exchange.reply = refusal(&route, 503, "the collector is stopping", 5);
        return sendReply(connection, exchange);
    }
    const bool taken = executorOf(route).submit([this, connection, &exchange] {
        runHandler(exchange);
        resume(connection, exchange);
    });
    if (!taken) {
        telemetry_.limitHit("queue");
        exchange.reply = refusal(&route, 503, "too many requests are waiting; try again", 1);
        resume(connection, exchange);
    }
    return MHD_YES;
}

Executor& Server::executorOf(const Route& route) {
    switch (route.runs_on) {
        case RunsOn::kIngestExecutor: return ingest_;
        case RunsOn::kStateExecutor: return state_;
        default: return reads_;
    }
}

void Server::runHandler(Exchange& exchange) {
    // A handler does not throw; but a mistake in one (or no memory) must not end the ingest of all.
    try {
        exchange.reply = exchange.route->handle(exchange.request);
        compressReply(exchange.request, *exchange.reply);
    } catch (const std::exception& e) {
        spdlog::error("{} {}: {}", exchange.request.method, exchange.route->pattern, e.what());
        exchange.reply = refusal(exchange.route, 500, "internal error");
    }
    exchange.releaseBody();
}

// False if the server is stopping: nothing may be suspended any more.
bool Server::suspendFor(MHD_Connection* connection, Exchange& exchange) {
    {
        MutexLock lock(mutex_);
        if (stopping_) return false;
        ++suspended_;
    }
    table_.watch(*exchange.connection, &exchange.request.cancelled);
    MHD_suspend_connection(connection);
    return true;
}

// After the library's resume the exchange may be gone at any time.
void Server::resume(MHD_Connection* connection, Exchange& exchange) {
    table_.watch(*exchange.connection, nullptr);
    MHD_resume_connection(connection);
    MutexLock lock(mutex_);
    --suspended_;
    changed_.notify_all();
}

MHD_Result Server::openStream(MHD_Connection* connection, Exchange& exchange) {
    exchange.stream =
        streams_.open(connection, *exchange.connection, exchange.route->stream(exchange.request));
    if (exchange.stream == nullptr) {
        telemetry_.limitHit("streams");
        exchange.reply = refusal(exchange.route, 503,
                                 "too many streams are open, or the collector is stopping", 5);
        return sendReply(connection, exchange);
    }
    auto* response = StreamSet::makeResponse(*exchange.stream);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/event-stream");
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    const auto queued = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return queued;
}

MHD_Result Server::sendReply(MHD_Connection* connection, Exchange& exchange) {
    auto& reply = *exchange.reply;
    table_.enter(*exchange.connection, Phase::kReplying);
    exchange.replied = true;
    // The body stays in the exchange, which outlives the response's use of it.
    auto* response = MHD_create_response_from_buffer(reply.body.size(), reply.body.data(),
                                                     MHD_RESPMEM_PERSISTENT);
    if (response == nullptr) return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply.content_type.c_str());
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "X-Frame-Options", "DENY");
    MHD_add_response_header(response, "Content-Security-Policy", "default-src 'none'");
    for (const auto& [name, value] : reply.headers)
        MHD_add_response_header(response, name.c_str(), value.c_str());
    const auto queued =
        MHD_queue_response(connection, static_cast<unsigned>(reply.status), response);
    MHD_destroy_response(response);
    return queued;
}

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::start(ServerOptions options, const Router& router,
                                                      const Access& access, const Clock& clock,
                                                      Telemetry& telemetry) {
    auto server = std::make_unique<Server>(std::move(options), router, access, clock, telemetry);
    if (auto listening = server->listen(); !listening) return listening.error();
    return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace clusterwatch::api
