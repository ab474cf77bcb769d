#include "agent/agent.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "common/text.h"

namespace clusterwatch::agent {

Result<std::unique_ptr<Agent>> Agent::make(Settings settings, const Clock& clock) {
    std::unique_ptr<Agent> agent(new Agent(std::move(settings), clock));
    if (auto done = agent->open(); !done) return done.error();
    return agent;
}

Status Agent::open() {
    SpoolOptions options{settings_.spool, {}};
    for (const auto& collector : settings_.collectors) options.collectors.push_back(collector.url);
    auto spool = Spool::open(posixFileSystem(), std::move(options), clock_);
    if (!spool) return spool.error();
    spool_ = std::move(*spool);
    writer_ = std::make_unique<SpoolWriter>(*spool_, [this](const BatchPointer& batch) {
        for (auto& link : links_) link.sender->deliver(batch);
    });
    addAgentProbe();
    runner_ = std::make_unique<Runner>(
        std::move(settings_.probes), clock_, [this] { return corrected_.now(); }, spool_->agentId(),
        [this](ProbeRun run) { writer_->put(std::move(run)); });
    if (auto done = openLinks(); !done) return done;
    if (settings_.listen.empty()) return {};
    auto metrics = MetricsServer::start(*parseListenAddress(settings_.listen),
                                        [sources = telemetrySources()](ProbeRun& run) {
                                            addEssentials(sources, run);
                                            addDetails(sources, run);
                                        });
    if (!metrics) return metrics.error();
    metrics_ = std::move(*metrics);
    return {};
}

TelemetrySources Agent::telemetrySources() {
    return {.clock = clock_,
            .spool = *spool_,
            .corrected = corrected_,
            .runner = [this] { return runner_.get(); },
            .senders =
                [this] {
                    std::vector<std::pair<std::string, const Sender*>> senders;
                    for (const auto& link : links_)
                        senders.emplace_back(link.url, link.sender.get());
                    return senders;
                }};
}

void Agent::addAgentProbe() {
    ProbeSettings probe;
    probe.name = probe.kind = "agent";
    probe.target = {std::string(kAgentJob), settings_.node};
    probe.interval = settings_.interval;
    probe.deadline = std::min(kLongestDefaultDeadline, settings_.interval / 2);
    probe.probe = makeAgentProbe(telemetrySources());
    settings_.probes.push_back(std::move(probe));
}

Status Agent::openLinks() {
    wire::AgentIdentity identity;
    identity.id = spool_->agentId();
    identity.epoch = spool_->epoch();
    identity.node = settings_.node;
    identity.version = CLUSTERWATCH_VERSION;
    identity.host_id = hostDigest();
    identity.started_ms = toUnixMs(clock_.wallNow());
    const auto seed = randomBytes(8);
    for (std::size_t i = 0; i < settings_.collectors.size(); ++i) {
        auto transport = makeHttpTransport(settings_.collectors[i]);
        if (!transport) return transport.error();
        Link link{settings_.collectors[i].url, std::move(*transport), nullptr};
        SenderOptions options{.collector = i,
                              .url = link.url,
                              .agent = identity,
                              .schedule = runner_->schedule(),
                              .jitter_seed = std::hash<std::string>{}(seed + link.url)};
        // One clock is followed, the first collector's: two that disagree would pull to and fro.
        link.sender = std::make_unique<Sender>(std::move(options), *spool_, *link.transport,
                                               corrected_, i == 0 ? &corrected_ : nullptr, clock_);
        links_.push_back(std::move(link));
    }
    return {};
}

void Agent::start() {
    for (auto& link : links_) link.sender->start();
    writer_->start();
    runner_->start();
    for (const auto& link : links_)
        spdlog::info("reporting as node {} to {}", settings_.node, link.url);
    if (metrics_) spdlog::info("own metrics on port {}", metrics_->port());
}

bool Agent::stop() {
    const auto hung = runner_->stop(kProbesPatience);
    for (const auto& probe : hung) spdlog::warn("probe {} still hangs and is left behind", probe);
    writer_->stop();
    for (auto& link : links_) link.sender->stop(kFlushPatience);
    metrics_.reset();
    const auto waiting = spool_->status().batches;
    spdlog::info("stopped; {} batches wait in the spool", waiting);
    return hung.empty();
}

}  // namespace clusterwatch::agent
