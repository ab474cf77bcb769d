// How it works: one GET of /server-status?auto a run, on a new connection. The page is answered by
// a worker like any request, so when all are busy the connection stands and nothing comes: that is
// its own outcome (timed_out) with its own text, because it is the moment the page is needed most.
//
// Rejected: a kept-alive connection (it would hold one of the workers between runs), following
// redirects, and judging ConnsAsync* (they are stale on the event MPM: captures of 2.4.71 read 0
// with 40 connections open).
#include "agent/probes/apache.h"

#include <utility>

#include <fmt/format.h>

namespace clusterwatch::agent {

namespace {

// After the awesome-prometheus-alerts rule (80 %).
constexpr double kWarnBusyShare = 0.80;
constexpr double kCriticalBusyShare = 0.95;
// Slots held by workers of an old generation that do not end after a reload.
constexpr double kWarnGracefulShare = 0.50;

void setUp(ProbeRun& run, bool up) {
    run.gauge("apache_up", "1 if the status page was read, 0 if not.", up ? 1 : 0);
}

ProbeRun failed(Outcome outcome, std::string message, bool up) {
    ProbeRun run;
    setUp(run, up);
    run.outcome = outcome;
    run.message = std::move(message);
    run.check("reachable", State::kCritical, run.message);
    return run;
}

}  // namespace

std::unique_ptr<Probe> ApacheProbe::make(ConfigNode& config) {
    auto url = parseHttpUrl(config.text("url", "http://127.0.0.1/server-status?auto"));
    if (!url) {
        config.error("url", url.error().message());
        return nullptr;
    }
    return std::make_unique<ApacheProbe>(std::move(*url));
}

std::pair<Outcome, std::string> explainHttpStatus(int status, const std::string& location) {
    switch (status) {
        case 401:
            return {Outcome::kAuthentication,
                    "HTTP 401: the status page asks for a password; allow this host with `Require "
                    "local` instead"};
        case 403:
            return {Outcome::kPermission,
                    "HTTP 403: the status page refuses this host; `Require local` also needs the "
                    "address that the URL resolves to (127.0.0.1 or ::1)"};
        case 404:
            return {Outcome::kNotFound,
                    "HTTP 404: no status page here; load mod_status and `SetHandler "
                    "server-status` at this location, before any rewrite rule"};
        case 503: return {Outcome::kFull, "HTTP 503: the server is up but says it can't serve now"};
        default:
            if (status >= 300 && status < 400)
                return {Outcome::kParse, fmt::format("HTTP {}: redirected to {}; name the URL that "
                                                     "answers itself",
                                                     status, location)};
            return {Outcome::kParse, fmt::format("HTTP {} instead of the status page", status)};
    }
}

CheckResult judgeApacheWorkers(const ApacheFigures& figures) {
    if (!figures.busy || !figures.idle)
        return {"workers", State::kUnknown, "the page does not say how many workers are busy"};
    const double busy = *figures.busy;
    // Not yet started workers count as free. The scoreboard may be longer than MaxRequestWorkers,
    // which the page doesn't tell; running short then shows as "none idle" first.
    const double all = std::max(figures.slots.value_or(0), busy + *figures.idle);
    const double share = all > 0 ? busy / all : 1;
    CheckResult check{"workers", State::kOk,
                      fmt::format("{:.0f} of {:.0f} workers busy", busy, all)};
    if (share >= kWarnBusyShare) check.state = State::kWarning;
    if (share >= kCriticalBusyShare) check.state = State::kCritical;
    if (check.state != State::kOk)
        check.text +=
            ": requests will wait; look for slow back ends in the scoreboard and at the "
            "application server before raising MaxRequestWorkers";
    else if (*figures.idle == 0)
        check = {"workers", State::kWarning,
                 check.text + " and none idle: at MaxRequestWorkers, or still starting more"};
    else if (all > 0 && figures.graceful.value_or(0) / all >= kWarnGracefulShare)
        check = {"workers", State::kWarning,
                 fmt::format("{:.0f} of {:.0f} slots held by workers of an earlier configuration "
                             "that do not end (state G)",
                             *figures.graceful, all)};
    return check;
}

ProbeRun ApacheProbe::run(const ProbeContext& context) {
    const HttpAnswer answer = httpGet(url_, context);
    if (answer.outcome == Outcome::kTimedOut)
        return failed(answer.outcome,
                      answer.message + ": all workers are busy, or the processes are frozen",
                      false);
    if (answer.outcome != Outcome::kOk) return failed(answer.outcome, answer.message, false);
    if (answer.status != 200) {
        auto [outcome, message] = explainHttpStatus(answer.status, answer.location);
        return failed(outcome, url_.origin + url_.target + ": " + message, true);
    }
    ProbeRun run;
    setUp(run, true);
    const auto figures = parseApacheStatus(answer.body, run);
    if (!figures)
        return failed(Outcome::kParse, url_.origin + url_.target + ": " + figures.error().message(),
                      true);
    run.outcome = Outcome::kOk;
    run.check("reachable", State::kOk,
              "answers" + (figures->extended ? std::string()
                                             : std::string("; ExtendedStatus is off, so there are "
                                                           "no request counts")));
    run.checks.push_back(judgeApacheWorkers(*figures));
    if (!figures->version.empty()) run.facts.push_back({"version", figures->version});
    if (!figures->mpm.empty()) run.facts.push_back({"mpm", figures->mpm});
    if (context.worsened(run)) run.evidence.push_back({url_.target, answer.body});
    return run;
}

}  // namespace clusterwatch::agent
