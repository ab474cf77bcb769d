// How a report reaches a collector: one POST and its answer, over HTTP or HTTPS (cpp-httplib).
//
// A connection is kept open between reports. Each of connecting, writing and waiting for the answer
// has a deadline, so that a peer that vanished without a word is noticed within 30 s. An answer longer
// than wire::kReplyBytes is refused: the address may be of something that is no collector. HTTPS always
// verifies the certificate, against `ca_file` or the system's store; there is no way to turn that off.
// OpenSSL is not initialised unless the URL is https.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/settings.h"
#include "common/result.h"

namespace clusterwatch::agent {

inline constexpr std::chrono::seconds kConnectTimeout{5};
inline constexpr std::chrono::seconds kWriteTimeout{10};
inline constexpr std::chrono::seconds kReadTimeout{15};

struct HttpAnswer {
    int status = 0;
    std::string body;
    std::optional<std::chrono::seconds> retry_after;
};

class Transport {
  public:
    virtual ~Transport() = default;
    // Posts a compressed report. kUnavailable: it certainly did not arrive (no connection); any other
    // error: it may have.
    virtual Result<HttpAnswer> post(std::string_view body) = 0;
    // Ends a post() that is under way, soon. From any thread.
    virtual void cancel() = 0;
    // The collector refused our token: read it again before the next post.
    virtual void renewCredentials() {}
};

// Errors: a token that can't be read.
Result<std::unique_ptr<Transport>> makeHttpTransport(const CollectorSettings& collector);

}  // namespace clusterwatch::agent
