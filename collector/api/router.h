// The table of paths: which handler answers, who may ask, and where the handler runs.
//
// Handlers are plain functions from a request to a reply; they know nothing of sockets. They run on
// one of three executors, or at once on the server's own thread where they never wait.
// Filled before the server starts; immutable and thread-safe afterwards.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collector/api/access.h"
#include "collector/api/parameters.h"
#include "collector/api/reply.h"
#include "collector/query/series_source.h"

namespace clusterwatch::api {

struct Request {
    std::string method;    // HEAD is answered as GET
    std::string path;      // decoded, without the query string
    std::string wildcard;  // what the route's '*' stood for
    Parameters parameters;
    std::string body;
    std::string content_type, content_encoding, accept_encoding, last_event_id;
    bool has_origin = false;  // sent by a web page
    Principal principal;
    query::CancelFlag cancelled{false};  // set when the client has left or the server stops
};

// A stream of server-sent events. Used by one thread at a time.
class EventStream {
  public:
    virtual ~EventStream() = default;
    // What to send now; empty if there is nothing yet.
    virtual std::string next() = 0;
};

// kStateExecutor: what a screen must go on seeing while slow queries fill the read executor.
enum class RunsOn { kServerThread, kIngestExecutor, kReadExecutor, kStateExecutor };

struct Route {
    std::string pattern;  // a path; one segment of it may be '*'
    std::vector<std::string> methods;
    std::optional<Role> role;  // nullopt: open to everybody
    RunsOn runs_on = RunsOn::kReadExecutor;
    // Exactly one of the two is set. A handler never throws.
    std::function<Reply(const Request&)> handle;
    std::function<std::unique_ptr<EventStream>(const Request&)> stream;

    bool allows(std::string_view method) const;
};

class Router {
  public:
    struct Match {
        const Route* route = nullptr;  // nullptr: no such path
        std::string wildcard;
    };

    void add(Route route);
    Match find(std::string_view path) const;
    const std::vector<Route>& routes() const { return routes_; }

  private:
    std::vector<Route> routes_;
};

// {"error":"..."}: the form of errors outside Prometheus's paths.
Reply errorReply(int status, std::string_view why);

}  // namespace clusterwatch::api
