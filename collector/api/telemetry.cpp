#include "collector/api/telemetry.h"

#include <iterator>

#include <prometheus/text_serializer.h>

namespace clusterwatch::api {
namespace {

prometheus::MetricFamily family(std::string name, std::string help, prometheus::MetricType type) {
    prometheus::MetricFamily out;
    out.name = std::move(name);
    out.help = std::move(help);
    out.type = type;
    out.metric.resize(1);
    return out;
}

}  // namespace

Telemetry::Telemetry()
    : requests_(prometheus::BuildCounter()
                    .Name("clusterwatch_http_requests_total")
                    .Help("Requests answered, by route and status.")
                    .Register(registry_)),
      durations_(prometheus::BuildHistogram()
                     .Name("clusterwatch_http_request_duration_seconds")
                     .Help("From a request's header to the end of its reply.")
                     .Register(registry_)),
      limit_hits_(prometheus::BuildCounter()
                      .Name("clusterwatch_limit_hits_total")
                      .Help("Times that a limit refused or ended something.")
                      .Register(registry_)) {}

void Telemetry::requestDone(std::string_view route, int status,
                            std::chrono::duration<double> took) {
    static const prometheus::Histogram::BucketBoundaries kBuckets{0.001, 0.005, 0.025, 0.1,
                                                                  0.5,   2.5,   10,    60};
    requests_.Add({{"path", std::string(route)}, {"code", std::to_string(status)}}).Increment();
    durations_.Add({{"path", std::string(route)}}, kBuckets).Observe(took.count());
}

void Telemetry::limitHit(std::string_view limit) {
    limit_hits_.Add({{"limit", std::string(limit)}}).Increment();
}

void Telemetry::addCollector(Collector collector) { collectors_.push_back(std::move(collector)); }

std::string Telemetry::exposition() const {
    auto families = registry_.Collect();
    for (const auto& collector : collectors_) {
        auto more = collector();
        families.insert(families.end(), std::make_move_iterator(more.begin()),
                        std::make_move_iterator(more.end()));
    }
    return prometheus::TextSerializer().Serialize(families);
}

prometheus::MetricFamily counterFamily(std::string name, std::string help, double value) {
    auto out = family(std::move(name), std::move(help), prometheus::MetricType::Counter);
    out.metric.front().counter.value = value;
    return out;
}

prometheus::MetricFamily gaugeFamily(std::string name, std::string help, double value) {
    auto out = family(std::move(name), std::move(help), prometheus::MetricType::Gauge);
    out.metric.front().gauge.value = value;
    return out;
}

}  // namespace clusterwatch::api
