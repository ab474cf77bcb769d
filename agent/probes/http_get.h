// One bounded HTTP GET for the probes that read a page.
//
// On cpp-httplib: connect, write and each read get what is left until the deadline; the body is cut
// off at a limit and at the deadline. Redirects are not followed (a credential or a probe must not
// wander to another host) and no proxy of the environment is used. A server that drips its header
// a byte at a time could hold the call longer than the deadline; the runner then reports the run as
// timed out all the same.
#pragma once

#include <string>
#include <string_view>

#include "agent/probe.h"
#include "common/probe_run.h"

namespace clusterwatch::agent {

inline constexpr std::size_t kHttpBodyBytes = 1 << 20;

struct HttpUrl {
    std::string origin;  // "http://host:port"
    std::string target;  // "/server-status?auto"
};

// kInvalid with the mend if it is no http or https URL, or holds a user name or password (they
// would show in `ps`, in logs and in the configuration).
Result<HttpUrl> parseHttpUrl(std::string_view url);

struct HttpAnswer {
    // kOk for any whole answer, whatever its status; else kRefused, kTimedOutConnecting, kTimedOut,
    // or kParse (not HTTP, or larger than the limit).
    Outcome outcome = Outcome::kInternal;
    std::string message;  // why, where not kOk
    int status = 0;
    std::string location;  // of a redirect
    std::string body;
};

HttpAnswer httpGet(const HttpUrl& url, const ProbeContext& context);

}  // namespace clusterwatch::agent
