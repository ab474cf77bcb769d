#include "collector/collector.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "collector/alert_hooks.h"
#include "collector/alerts/notification_queue.h"
#include "collector/alerts/notifier.h"
#include "collector/api/http_server.h"
#include "collector/api/routes.h"
#include "collector/api/statistics.h"
#include "collector/api/telemetry.h"
#include "collector/derive/live_feed.h"
#include "collector/ingest/ingest.h"
#include "collector/query/engine.h"
#include "collector/query/prometheus_json.h"
#include "collector/rules/rule_engine.h"
#include "collector/rules/rules_json.h"
#include "collector/store/store.h"
#include "common/thread_annotations.h"

namespace clusterwatch {
namespace {

// Files that the store, the alerts and the journal need beside connections.
constexpr std::size_t kReservedFiles = 128;

store::StoreOptions storeOptions(const CollectorSettings& settings) {
    store::StoreOptions options;
    options.data_dir = settings.data_dir;
    options.retention = settings.retention;
    options.max_sample_age = settings.max_sample_age;
    options.max_sample_future = settings.max_sample_future;
    options.max_series = settings.max_series;
    return options;
}

ingest::IngestOptions ingestOptions(const CollectorSettings& settings) {
    ingest::IngestOptions options;
    options.cluster = settings.cluster;
    options.name_space = settings.name_space;
    options.max_series_per_agent = settings.max_series_per_agent;
    options.max_sample_future = settings.max_sample_future;
    return options;
}

std::vector<alerts::Webhook> webhooks(const CollectorSettings& settings) {
    std::vector<alerts::Webhook> out;
    for (const auto& hook : settings.webhooks)
        out.push_back({hook.name, hook.url, hook.token, hook.send_resolved, {}});
    return out;
}

class RunningCollector final : public Collector {
  public:
    explicit RunningCollector(CollectorSettings settings)
        : settings_(std::move(settings)), access_(settings_.tokens, settings_.server_names) {}
    ~RunningCollector() override { RunningCollector::stop(); }

    Status openStore();
    Status openAlerts();
    void startRules(std::vector<rules::RuleGroup> groups) EXCLUDES_LOCK(rules_mutex_);
    Status startServer(std::size_t open_files);

    const std::vector<api::ListenAddress>& addresses() const override {
        return server_->addresses();
    }
    void tick() override;
    void replaceRules(std::vector<rules::RuleGroup> groups) override {
        startRules(std::move(groups));
    }
    void stop() override EXCLUDES_LOCK(rules_mutex_);

  private:
    std::shared_ptr<const rules::RuleEngine> rules() const EXCLUDES_LOCK(rules_mutex_);
    void addRoutes();
    void addTelemetry();

    const CollectorSettings settings_;
    const api::Access access_;
    SystemClock clock_;
    derive::LiveFeed feed_;
    api::Telemetry telemetry_;
    api::Router router_;

    // In the order in which they are built; destroyed from the last to the first.
    std::unique_ptr<ingest::Ingest> ingest_;
    std::unique_ptr<store::Store> store_;
    std::unique_ptr<query::Engine> engine_;
    std::unique_ptr<alerts::NotificationQueue> queue_;
    std::unique_ptr<alerts::Notifier> notifier_;
    mutable Mutex rules_mutex_;
    // Shared: a request may still read the engine that a reload has replaced.
    std::shared_ptr<rules::RuleEngine> rules_ GUARDED_BY(rules_mutex_);
    std::unique_ptr<api::HttpServer> server_;
    std::uint64_t subscription_ = 0;
    bool was_healthy_ = true;
};

Status RunningCollector::openStore() {
    ingest_ = ingest::Ingest::make(ingestOptions(settings_), clock_, feed_);
    auto opened = store::Store::open(storeOptions(settings_), posixFileSystem(), clock_, *ingest_);
    if (!opened) return opened.error();
    store_ = std::move(*opened);
    ingest_->attach(*store_);
    engine_ = std::make_unique<query::Engine>(*store_, clock_);
    return {};
}

Status RunningCollector::openAlerts() {
    auto queue = alerts::NotificationQueue::open(settings_.data_dir / "alerts.db", clock_);
    if (!queue) return queue.error();
    queue_ = std::move(*queue);
    auto notifier = alerts::Notifier::make(*queue_, clock_, webhooks(settings_));
    if (!notifier) return notifier.error();
    notifier_ = std::move(*notifier);
    notifier_->start();
    return {};
}

void RunningCollector::startRules(std::vector<rules::RuleGroup> groups) {
    MutexLock lock(rules_mutex_);
    // The new engine reads what the old one stored, so the old one is done first.
    if (rules_) rules_->stop();
    rules::RuleEngineOptions options;
    options.groups = std::move(groups);
    rules_ = std::make_shared<rules::RuleEngine>(*engine_, clock_, queue_.get(),
                                                 ruleHooks(*store_, feed_, clock_, *notifier_),
                                                 std::move(options));
    rules_->start();
}

std::shared_ptr<const rules::RuleEngine> RunningCollector::rules() const {
    MutexLock lock(rules_mutex_);
    return rules_;
}

void RunningCollector::addRoutes() {
    api::addServiceRoutes(router_, telemetry_, [this] {
        const auto statistics = store_->statistics();
        return statistics.healthy ? std::string() : "storage: " + statistics.unhealthy_reason;
    });
    api::addReportRoute(router_, *ingest_);
    api::addPrometheusRoutes(router_, *engine_, *store_, clock_, telemetry_);
    api::addRuleRoutes(router_, {[this] { return rules::rulesAnswer(rules()->groups()); },
                                 [this] { return rules::alertsAnswer(rules()->alerts()); }});
    api::addClusterRoutes(router_,
                          {*ingest_, *store_, feed_, clock_,
                           settings_.topology.toJson(settings_.cluster, settings_.name_space)});
}

void RunningCollector::addTelemetry() {
    telemetry_.addCollector([this] { return api::storeFamilies(store_->statistics()); });
    telemetry_.addCollector([this] { return api::ingestFamilies(ingest_->statistics()); });
    telemetry_.addCollector([this] { return api::clusterFamilies(ingest_->nodes()); });
    telemetry_.addCollector([] { return api::processFamilies(); });
    telemetry_.addCollector([this] { return webhookFamilies(notifier_->status()); });
    telemetry_.addCollector([this] { return ruleFamilies(rules()->groups()); });
}

Status RunningCollector::startServer(std::size_t open_files) {
    addRoutes();
    addTelemetry();
    api::ServerOptions options;
    options.listen = settings_.listen;
    options.tls = settings_.tls;
    auto& connections = options.connections.connections;
    // While a doomed connection is closed, a newcomer may have its place: hence the half.
    const auto spare = open_files > kReservedFiles ? (open_files - kReservedFiles) / 2 : 8;
    connections = std::min(connections, std::max<std::size_t>(spare, 8));
    auto server = api::HttpServer::start(std::move(options), router_, access_, clock_, telemetry_);
    if (!server) return server.error();
    server_ = std::move(*server);
    subscription_ = feed_.subscribe([this] { server_->wakeStreams(); });
    return {};
}

void RunningCollector::tick() {
    ingest_->tick();
    const auto statistics = store_->statistics();
    if (statistics.healthy == was_healthy_) return;
    was_healthy_ = statistics.healthy;
    if (was_healthy_)
        spdlog::info("the storage takes data again");
    else
        spdlog::error("the storage takes no data: {}", statistics.unhealthy_reason);
    std::string json = fmt::format("{{\"healthy\":{},\"reason\":", was_healthy_);
    query::appendJsonString(json, statistics.unhealthy_reason);
    feed_.publish("storage", json + "}");
}

void RunningCollector::stop() {
    if (server_) {
        server_->stop(std::chrono::seconds(3));
        feed_.unsubscribe(subscription_);
    }
    {
        MutexLock lock(rules_mutex_);
        if (rules_) rules_->stop();
    }
    if (notifier_) notifier_->stop();
}

}  // namespace

std::vector<rules::RuleGroup> loadRules(const CollectorSettings& settings, ConfigErrors& errors) {
    constexpr Milliseconds kInterval{10'000};  // of groups that name none: the probes' own
    std::vector<rules::RuleGroup> groups;
    for (const auto& file : settings.rule_files) {
        auto loaded = rules::loadRuleFile(file, kInterval, errors);
        // Stored alerts belong to the file, from wherever the collector is started.
        for (auto& group : loaded)
            group.file = std::filesystem::absolute(file).lexically_normal().string();
        groups.insert(groups.end(), std::make_move_iterator(loaded.begin()),
                      std::make_move_iterator(loaded.end()));
    }
    return groups;
}

Result<std::unique_ptr<Collector>> Collector::start(CollectorSettings settings,
                                                    std::vector<rules::RuleGroup> groups,
                                                    std::size_t open_files) {
    // Asked for before anything is written: a start that fails for a port leaves no data directory.
    for (const auto& address : settings.listen)
        if (auto free = api::checkListenable(address); !free) return free.error();
    auto collector = std::make_unique<RunningCollector>(std::move(settings));
    if (auto opened = collector->openStore(); !opened) return opened.error();
    if (auto opened = collector->openAlerts(); !opened) return opened.error();
    collector->startRules(std::move(groups));
    if (auto started = collector->startServer(open_files); !started) return started.error();
    return std::unique_ptr<Collector>(std::move(collector));
}

}  // namespace clusterwatch
