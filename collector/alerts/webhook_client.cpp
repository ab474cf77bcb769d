// See webhook_client.h. The only file that knows cpp-httplib (and pays for its header).
#include "collector/alerts/webhook_client.h"

#include <atomic>
#include <chrono>
#include <utility>

#include <fmt/format.h>
#include <httplib.h>

#include "common/text.h"

namespace clusterwatch::alerts {
namespace {

constexpr std::size_t kAnswerBytes = 64 << 10;  // of an answer's body, which nobody reads
constexpr Milliseconds kLongestRetryAfter{60'000};

struct Url {
    std::string origin;  // scheme://host:port
    std::string path;
};

Result<Url> splitUrl(const Webhook& webhook) {
    const auto invalid = [&webhook](std::string_view why) {
        return Error(ErrorCode::kInvalid, fmt::format("webhook {}: url: {}", webhook.name, why));
    };
    const std::string& url = webhook.url;
    const std::size_t scheme = url.find("://");
    const std::string_view name = std::string_view(url).substr(0, scheme);
    if (scheme == std::string::npos || (name != "http" && name != "https")) {
        return invalid("must begin with http:// or https://");
    }
    const std::size_t path = url.find_first_of("/?#", scheme + 3);
    const std::string authority = url.substr(scheme + 3, path - (scheme + 3));
    if (authority.empty()) return invalid("has no host");
    if (authority.find('@') != std::string::npos) {
        return invalid("must not hold a password; use token_file");
    }
    for (char c : url) {
        if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7F) return invalid("has a blank in it");
    }
    Url result{url.substr(0, path), path == std::string::npos ? "/" : url.substr(path)};
    if (result.path.front() != '/') result.path.insert(0, 1, '/');
    return result;
}

}  // namespace

struct WebhookClient::Impl {
    Impl(const Url& url, const Webhook& webhook, Milliseconds timeout_)
        : client(url.origin), path(url.path), timeout(timeout_) {
        client.set_follow_location(false);
        client.set_connection_timeout(timeout);
        client.set_read_timeout(timeout);
        client.set_write_timeout(timeout);
        client.set_keep_alive(false);
        client.enable_server_certificate_verification(true);
        if (!webhook.ca_file.empty()) client.set_ca_cert_path(webhook.ca_file.c_str());
        if (!webhook.token.empty()) client.set_bearer_token_auth(webhook.token);
    }

    httplib::Client client;
    const std::string path;
    const Milliseconds timeout;
    std::atomic<bool> stopped{false};
};

WebhookClient::WebhookClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
WebhookClient::~WebhookClient() = default;

Result<std::unique_ptr<WebhookClient>> WebhookClient::make(const Webhook& webhook,
                                                           Milliseconds timeout) {
    auto url = splitUrl(webhook);
    if (!url) return url.error();
    try {
        auto impl = std::make_unique<Impl>(*url, webhook, timeout);
        if (!impl->client.is_valid()) {
            return Error(ErrorCode::kInvalid,
                         fmt::format("webhook {}: url: not understood", webhook.name));
        }
        return std::unique_ptr<WebhookClient>(new WebhookClient(std::move(impl)));
    } catch (const std::exception& error) {  // a scheme that the library lacks
        return Error(ErrorCode::kInvalid,
                     fmt::format("webhook {}: url: {}", webhook.name, error.what()));
    }
}

PostResult WebhookClient::post(const Notification& notification) {
    PostResult result;
    httplib::Request request;
    request.method = "POST";
    request.path = impl_->path;
    request.body = notification.body;
    request.headers = {{"Content-Type", "application/json"},
                       {"User-Agent", "clusterwatch/" CLUSTERWATCH_VERSION},
                       {"Idempotency-Key", notification.message_id}};
    const auto deadline = std::chrono::steady_clock::now() + 2 * impl_->timeout;
    std::size_t received = 0;
    request.response_handler = [&result](const httplib::Response& response) {
        result.status = response.status;
        if (const auto wait = parseUint(response.get_header_value("Retry-After"))) {
            result.retry_after = std::min<Milliseconds>(
                std::chrono::seconds(std::min<std::uint64_t>(*wait, 3600)), kLongestRetryAfter);
        }
        return true;
    };
    // The body is read only so that the connection ends in order; the status is what counts.
    request.content_receiver = [&](const char*, std::size_t length, std::uint64_t, std::uint64_t) {
        received += length;
        return received <= kAnswerBytes && std::chrono::steady_clock::now() < deadline &&
               !impl_->stopped;
    };
    try {
        const httplib::Result answer = impl_->client.send(request);
        if (!answer && result.status == 0) {
            result.error = httplib::to_string(answer.error());
        }
    } catch (const std::exception& error) {
        result.error = error.what();
    }
    if (result.status == 0 && result.error.empty()) result.error = "no answer";
    if (result.status >= 300 && result.status < 400) {
        result.error = fmt::format("answered {}: redirects are not followed", result.status);
    } else if (result.status >= 400) {
        result.error = fmt::format("answered {}", result.status);
    }
    return result;
}

void WebhookClient::stop() {
    impl_->stopped = true;
    impl_->client.stop();
}

}  // namespace clusterwatch::alerts
