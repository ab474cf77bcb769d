#include "agent/metrics_server.h"

#include <atomic>
#include <thread>

#include <fmt/format.h>
#include <httplib.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

namespace clusterwatch::agent {
namespace {

constexpr std::size_t kRequestBytes = 1024;

class HttpMetricsServer final : public MetricsServer {
  public:
    explicit HttpMetricsServer(std::function<void(ProbeRun&)> fill) : fill_(std::move(fill)) {
        server_.new_task_queue = [] { return new httplib::ThreadPool(1); };
        server_.set_payload_max_length(kRequestBytes);
        // Not the library's default, SO_REUSEPORT: two agents would share one port, silently.
        server_.set_socket_options([](socket_t fd) {
            const int yes = 1;
            ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        });
        server_.set_keep_alive_max_count(1);  // the one thread is not kept by one client
        server_.set_read_timeout(2);
        server_.set_write_timeout(5);
        server_.Get("/metrics", [this](const httplib::Request&, httplib::Response& response) {
            ProbeRun run;
            fill_(run);
            response.set_content(metricsText(run), "text/plain; version=0.0.4; charset=utf-8");
        });
        server_.Get("/", [](const httplib::Request&, httplib::Response& response) {
            response.set_content("clusterwatch-agent " CLUSTERWATCH_VERSION ": see /metrics\n",
                                 "text/plain");
        });
    }

    ~HttpMetricsServer() override {
        // stop() does nothing before the thread has begun to listen.
        while (thread_.joinable() && !ended_ && !server_.is_running())
            std::this_thread::sleep_for(Milliseconds{1});
        server_.stop();
    }

    Status listen(const ListenAddress& address) {
        port_ = address.port;
        if (port_ == 0) {
            port_ = server_.bind_to_any_port(address.host);
        } else if (!server_.bind_to_port(address.host, port_)) {
            port_ = -1;
        }
        if (port_ < 0)
            return Error(ErrorCode::kUnavailable,
                         fmt::format("can't listen on {}:{} for /metrics (in use?); choose another "
                                     "with --listen, or --listen \"\" for none",
                                     address.host, address.port));
        thread_ = std::jthread([this] {
            server_.listen_after_bind();
            ended_ = true;
        });
        return {};
    }

    int port() const override { return port_; }

  private:
    const std::function<void(ProbeRun&)> fill_;
    httplib::Server server_;
    int port_ = -1;
    std::atomic<bool> ended_{false};
    std::jthread thread_;
};

prometheus::MetricType typeOf(MetricType type) {
    return type == MetricType::kCounter ? prometheus::MetricType::Counter
                                        : prometheus::MetricType::Gauge;
}

}  // namespace

Result<std::unique_ptr<MetricsServer>> MetricsServer::start(const ListenAddress& address,
                                                            std::function<void(ProbeRun&)> fill) {
    try {
        auto server = std::make_unique<HttpMetricsServer>(std::move(fill));
        if (auto done = server->listen(address); !done) return done.error();
        return std::unique_ptr<MetricsServer>(std::move(server));
    } catch (const std::exception& e) {
        return Error(ErrorCode::kIo, fmt::format("the server of /metrics: {}", e.what()));
    }
}

std::string metricsText(const ProbeRun& run) {
    std::vector<prometheus::MetricFamily> families;
    for (const auto& family : run.families) {
        prometheus::MetricFamily out{
            family.name, family.metadata.help, typeOf(family.metadata.type), {}};
        for (const auto& reading : family.readings) {
            prometheus::ClientMetric metric;
            for (const auto& [name, value] : reading.labels.pairs())
                metric.label.push_back({name, value});
            metric.counter.value = metric.gauge.value = reading.value;
            out.metric.push_back(std::move(metric));
        }
        families.push_back(std::move(out));
    }
    return prometheus::TextSerializer().Serialize(families);
}

}  // namespace clusterwatch::agent
