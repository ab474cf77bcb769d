#include "agent/transport.h"

#include <fmt/format.h>
#include <httplib.h>

#include "common/config_node.h"
#include "common/text.h"
#include "proto/wire.h"

namespace clusterwatch::agent {
namespace {

constexpr const char* kPath = "/api/v1/report";

class HttpTransport final : public Transport {
  public:
    explicit HttpTransport(const CollectorSettings& collector)
        : settings_(collector), client_(collector.url) {
        client_.set_keep_alive(true);
        client_.set_tcp_nodelay(true);
        client_.set_connection_timeout(kConnectTimeout);
        client_.set_write_timeout(kWriteTimeout);
        client_.set_read_timeout(kReadTimeout);
        client_.set_follow_location(false);
        if (!collector.url.starts_with("https://")) return;
        client_.enable_server_certificate_verification(true);
        if (!collector.ca_file.empty()) client_.set_ca_cert_path(collector.ca_file);
    }

    Status readToken() {
        headers_ = {{"Content-Type", "application/x-protobuf"},
                    {"Content-Encoding", "zstd"},
                    {"User-Agent", "clusterwatch-agent/" CLUSTERWATCH_VERSION}};
        if (settings_.token_file.empty()) return {};
        auto token = readSecret(settings_.token_file);
        if (!token) return token.error();
        headers_.emplace("Authorization", "Bearer " + *token);
        return {};
    }

    Result<HttpAnswer> post(std::string_view body) override {
        try {
            HttpAnswer answer;
            bool too_large = false;
            httplib::Request request;
            request.method = "POST";
            request.path = kPath;
            request.headers = headers_;
            request.body = body;
            request.content_receiver = [&](const char* data, std::size_t size, auto, auto) {
                too_large = answer.body.size() + size > wire::kReplyBytes;
                if (!too_large) answer.body.append(data, size);
                return !too_large;
            };
            const auto result = client_.send(request);
            if (too_large)
                return Error(ErrorCode::kLimit, fmt::format("{}: an answer of more than {} bytes",
                                                            settings_.url, wire::kReplyBytes));
            if (!result) return failure(result.error());
            answer.status = result->status;
            if (const auto seconds = parseUint(result->get_header_value("Retry-After")))
                answer.retry_after = std::chrono::seconds(std::min<std::uint64_t>(*seconds, 3600));
            return answer;
        } catch (const std::exception& e) {
            return Error(ErrorCode::kIo, fmt::format("{}: {}", settings_.url, e.what()));
        }
    }

    void cancel() override { client_.stop(); }

    // Kept as it was if the file can't be read just now: it may be being replaced.
    void renewCredentials() override {
        auto old = headers_;
        if (!readToken()) headers_ = std::move(old);
    }

  private:
    Error failure(httplib::Error error) const {
        using httplib::Error;
        const auto say = [this](ErrorCode code, std::string_view text) {
            return clusterwatch::Error(code, fmt::format("{}: {}", settings_.url, text));
        };
        switch (error) {
            case Error::Connection:
                return say(ErrorCode::kUnavailable, "no connection (is the collector running?)");
            case Error::ConnectionTimeout:
                return say(ErrorCode::kUnavailable, "no connection within 5 s");
            case Error::Read:
                return say(ErrorCode::kTimedOut, "the connection broke, or no answer within 15 s");
            case Error::Write: return say(ErrorCode::kIo, "the connection broke while sending");
            case Error::SSLConnection:
                return say(ErrorCode::kUnavailable, "the TLS handshake failed");
            case Error::SSLLoadingCerts:
                return say(ErrorCode::kUnavailable, "its ca_file can't be loaded");
            case Error::SSLServerVerification:
                return say(ErrorCode::kUnavailable,
                           "its certificate is not valid for this name, or not signed by a CA that "
                           "is trusted");
            case Error::Canceled: return say(ErrorCode::kCancelled, "cancelled");
            default: return say(ErrorCode::kIo, httplib::to_string(error));
        }
    }

    const CollectorSettings settings_;
    httplib::Client client_;
    httplib::Headers headers_;
};

}  // namespace

Result<std::unique_ptr<Transport>> makeHttpTransport(const CollectorSettings& collector) {
    try {
        auto transport = std::make_unique<HttpTransport>(collector);
        if (auto done = transport->readToken(); !done) return done.error();
        return std::unique_ptr<Transport>(std::move(transport));
    } catch (const std::exception& e) {
        return Error(ErrorCode::kInvalid, fmt::format("{}: {}", collector.url, e.what()));
    }
}

}  // namespace clusterwatch::agent
