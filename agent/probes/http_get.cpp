#include "agent/probes/http_get.h"

#include <exception>

#include <fmt/format.h>
#include <httplib.h>

#include "common/limits.h"
#include "common/text.h"

namespace clusterwatch::agent {

namespace {

HttpAnswer failure(Outcome outcome, std::string message) {
    HttpAnswer answer;
    answer.outcome = outcome;
    answer.message = std::move(message);
    return answer;
}

// What cpp-httplib's error means. It says Connection for refusals, unreachable hosts and names that
// do not resolve alike, and for a connect that timed out too.
HttpAnswer explain(httplib::Error error, const std::string& origin, const ProbeContext& context,
                   Milliseconds budget) {
    switch (error) {
        case httplib::Error::ConnectionTimeout:
            return failure(
                Outcome::kTimedOutConnecting,
                fmt::format("{}: no connection within {}", origin, formatDuration(budget)));
        case httplib::Error::Connection:
            if (context.expired())
                return failure(
                    Outcome::kTimedOutConnecting,
                    fmt::format("{}: no connection within {}", origin, formatDuration(budget)));
            return failure(Outcome::kRefused,
                           origin + ": connection refused, or the host is unknown or unreachable");
        case httplib::Error::Read:
        case httplib::Error::Write:
        case httplib::Error::Canceled:
            if (context.expired())
                return failure(Outcome::kTimedOut,
                               fmt::format("{} accepts connections but gave no whole answer "
                                           "within {}",
                                           origin, formatDuration(budget)));
            return failure(Outcome::kParse,
                           origin + ": the connection ended before an HTTP answer");
        case httplib::Error::SSLConnection:
        case httplib::Error::SSLServerVerification:
        case httplib::Error::SSLLoadingCerts:
            return failure(Outcome::kAuthentication,
                           origin + ": TLS failed (" + httplib::to_string(error) + ")");
        default: return failure(Outcome::kParse, origin + ": " + httplib::to_string(error));
    }
}

}  // namespace

Result<HttpUrl> parseHttpUrl(std::string_view url) {
    const std::size_t scheme = url.find("://");
    const std::string_view name = url.substr(0, scheme);
    if (scheme == std::string_view::npos || (name != "http" && name != "https"))
        return Error(ErrorCode::kInvalid, "must start with http:// or https://");
    const std::size_t path = url.find_first_of("/?#", scheme + 3);
    const std::string_view authority = url.substr(
        scheme + 3, path == std::string_view::npos ? std::string_view::npos : path - scheme - 3);
    if (authority.empty()) return Error(ErrorCode::kInvalid, "names no host");
    if (authority.find('@') != std::string_view::npos)
        return Error(ErrorCode::kInvalid, "must not hold a user name or a password");
    std::string target(path == std::string_view::npos ? "/" : url.substr(path));
    if (!target.starts_with('/')) target.insert(0, "/");
    for (const char c : url)
        if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f)
            return Error(ErrorCode::kInvalid, "must not hold blanks or control characters");
    return HttpUrl{std::string(url.substr(0, scheme + 3 + authority.size())), std::move(target)};
}

HttpAnswer httpGet(const HttpUrl& url, const ProbeContext& context) try {
    const Milliseconds budget = context.remaining();
    if (budget.count() == 0)
        return failure(Outcome::kTimedOutConnecting, "no time left before the deadline");
    httplib::Client client(url.origin);
    if (!client.is_valid()) return failure(Outcome::kInternal, url.origin + ": not a usable URL");
    client.set_connection_timeout(budget);
    client.set_read_timeout(budget);
    client.set_write_timeout(budget);
    client.set_keep_alive(false);
    client.set_follow_location(false);
    client.set_decompress(false);

    HttpAnswer answer;
    bool too_large = false;
    const auto result = client.Get(
        url.target, httplib::Headers{{"User-Agent", "clusterwatch-agent/" CLUSTERWATCH_VERSION}},
        [&](const char* data, std::size_t length) {
            too_large = answer.body.size() + length > kHttpBodyBytes;
            if (too_large || context.expired()) return false;
            answer.body.append(data, length);
            return true;
        });
    if (too_large)
        return failure(Outcome::kParse, fmt::format("{}{}: the answer is larger than {} bytes",
                                                    url.origin, url.target, kHttpBodyBytes));
    if (!result) return explain(result.error(), url.origin, context, budget);
    answer.outcome = Outcome::kOk;
    answer.status = result->status;
    answer.location = truncated(result->get_header_value("Location"), limits::kTextBytes / 4);
    return answer;
} catch (const std::exception& e) {
    return failure(Outcome::kInternal, url.origin + ": " + e.what());
}

}  // namespace clusterwatch::agent
