#include "collector/api/exchange.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "collector/api/telemetry.h"
#include "common/text.h"

namespace clusterwatch::api {
namespace {

std::optional<std::string_view> headerValue(MHD_Connection* connection, const char* name) {
    const char* value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
    if (value == nullptr) return std::nullopt;
    return value;
}

std::string headerText(MHD_Connection* connection, const char* name) {
    return std::string(headerValue(connection, name).value_or(""));
}

std::optional<Reply> readTarget(Exchange& exchange, std::string_view target) {
    const auto question = target.find('?');
    auto path = percentDecoded(target.substr(0, question), false);
    if (!path || !isValidUtf8(*path) || path->find('\0') != std::string::npos)
        return refusal(nullptr, 400, "the path is not valid percent-encoded UTF-8");
    exchange.request.path = std::move(*path);
    if (question == std::string_view::npos) return std::nullopt;
    auto parameters = Parameters::parse(target.substr(question + 1));
    if (!parameters) return refusal(nullptr, 400, parameters.error().message());
    exchange.request.parameters = std::move(*parameters);
    return std::nullopt;
}

std::optional<Reply> checkPrincipal(Exchange& exchange, MHD_Connection* connection,
                                    const Access& access) {
    const auto& route = *exchange.route;
    if (!route.role) return std::nullopt;
    const auto principal = access.principal(headerValue(connection, MHD_HTTP_HEADER_AUTHORIZATION));
    if (!principal) {
        auto reply = refusal(&route, 401, "a bearer token that this collector knows is required");
        reply.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"clusterwatch\"");
        return reply;
    }
    if (!principal->may(*route.role))
        return refusal(&route, 403,
                       fmt::format("\"{}\" has the role {}; this path needs {}", principal->name,
                                   toString(principal->role), toString(*route.role)));
    // No web page has a reason to change anything here, and a browser always says that it is one.
    if (*route.role != Role::kRead && exchange.request.has_origin)
        return refusal(&route, 403, "requests of web pages (Origin) are not accepted here");
    exchange.request.principal = *principal;
    return std::nullopt;
}

std::optional<Reply> checkLength(Exchange& exchange, MHD_Connection* connection,
                                 Telemetry& telemetry) {
    const auto length = headerValue(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
    if (!length) return std::nullopt;
    // A body with two lengths is how requests get smuggled past a proxy. RFC 9112, 6.1.
    if (headerValue(connection, MHD_HTTP_HEADER_TRANSFER_ENCODING))
        return refusal(exchange.route, 400,
                       "Content-Length and Transfer-Encoding exclude each other");
    const auto bytes = parseUint(*length);
    if (!bytes) return refusal(exchange.route, 400, "Content-Length is not a number");
    if (*bytes <= exchange.body_limit) return std::nullopt;
    telemetry.limitHit("body_bytes");
    return refusal(
        exchange.route, 413,
        fmt::format("the body has {} bytes; at most {} are taken", *bytes, exchange.body_limit));
}

}  // namespace

Reply refusal(const Route* route, int status, std::string_view why, int retry_after_seconds) {
    Reply reply;
    if (route != nullptr && route->runs_on == RunsOn::kIngestExecutor) {
        reply.status = status;
        reply.content_type = "text/plain; charset=utf-8";
        reply.body = fmt::format("{}\n", why);
    } else {
        reply = errorReply(status, why);
    }
    if (retry_after_seconds > 0)
        reply.headers.emplace_back("Retry-After", std::to_string(retry_after_seconds));
    return reply;
}

void Exchange::takeBody(std::string_view piece, const ServerOptions& options,
                        Telemetry& telemetry) {
    if (reply) return;
    if (request.body.size() + piece.size() > body_limit) {
        telemetry.limitHit("body_bytes");
        reply = refusal(route, 413, fmt::format("the body has more than {} bytes", body_limit));
        releaseBody();
        return;
    }
    counted_ += piece.size();
    if (bodies_in_flight.fetch_add(piece.size()) + piece.size() > options.bodies_in_flight_bytes) {
        telemetry.limitHit("bodies_in_flight_bytes");
        reply = refusal(route, 503, "too many requests are being received; try again", 1);
        releaseBody();
        return;
    }
    request.body.append(piece);
}

void Exchange::releaseBody() {
    bodies_in_flight.fetch_sub(counted_);
    counted_ = 0;
    std::string().swap(request.body);
}

std::optional<Reply> readHeader(Exchange& exchange, const HeaderView& header, const Router& router,
                                const Access& access, const ServerOptions& options,
                                Telemetry& telemetry) {
    auto* connection = header.connection;
    auto& request = exchange.request;
    request.method = header.method;
    const auto* size = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (size != nullptr && size->header_size > limits::kHeaderBytes) {
        telemetry.limitHit("header_bytes");
        return refusal(nullptr, 431,
                       fmt::format("the header has more than {} bytes", limits::kHeaderBytes));
    }
    if (const auto host = headerValue(connection, MHD_HTTP_HEADER_HOST);
        host && !access.hostAllowed(*host))
        return refusal(
            nullptr, 421,
            "this collector is not known by the name in the Host header; allowed are addresses, "
            "localhost and the configured server_names");
    if (auto refused = readTarget(exchange, header.raw_target)) return refused;

    auto match = router.find(request.path);
    if (match.route == nullptr)
        return refusal(nullptr, 404, fmt::format("no such path: {}", truncated(request.path, 200)));
    exchange.route = match.route;
    request.wildcard = std::move(match.wildcard);
    if (!match.route->allows(header.method)) {
        const auto allowed = fmt::format("{}", fmt::join(match.route->methods, ", "));
        auto reply = refusal(match.route, 405, fmt::format("allowed here: {}", allowed));
        reply.headers.emplace_back("Allow", allowed);
        return reply;
    }
    request.has_origin = headerValue(connection, MHD_HTTP_HEADER_ORIGIN).has_value();
    if (auto refused = checkPrincipal(exchange, connection, access)) return refused;

    request.content_type = headerText(connection, MHD_HTTP_HEADER_CONTENT_TYPE);
    request.content_encoding = headerText(connection, MHD_HTTP_HEADER_CONTENT_ENCODING);
    request.accept_encoding = headerText(connection, MHD_HTTP_HEADER_ACCEPT_ENCODING);
    request.last_event_id = headerText(connection, "Last-Event-ID");
    exchange.body_limit =
        match.route->runs_on == RunsOn::kIngestExecutor ? options.report_bytes : options.form_bytes;
    return checkLength(exchange, connection, telemetry);
}

std::optional<Reply> readForm(Exchange& exchange) {
    auto& request = exchange.request;
    if (request.method != "POST" || exchange.route->runs_on == RunsOn::kIngestExecutor)
        return std::nullopt;
    if (request.body.empty()) return std::nullopt;
    if (!toLower(request.content_type).starts_with("application/x-www-form-urlencoded"))
        return refusal(exchange.route, 415, "the body must be application/x-www-form-urlencoded");
    auto form = Parameters::parse(request.body);
    if (!form) return refusal(exchange.route, 400, form.error().message());
    request.parameters.prepend(std::move(*form));
    return std::nullopt;
}

}  // namespace clusterwatch::api
