// The collector's own telemetry: what /metrics shows beside the statistics of store and ingest.
//
// prometheus-cpp keeps the counters and writes the text. Paths appear as the pattern of their
// route, so that a stranger's requests can't make series. Thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <prometheus/collectable.h>
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

namespace clusterwatch::api {

class Telemetry {
  public:
    using Collector = std::function<std::vector<prometheus::MetricFamily>()>;

    Telemetry();

    void requestDone(std::string_view route, int status, std::chrono::duration<double> took);
    void limitHit(std::string_view limit);

    // Asked at each exposition, for figures that somebody else keeps.
    // REQUIRES: called before the server starts.
    void addCollector(Collector collector);

    std::string exposition() const;

  private:
    prometheus::Registry registry_;
    prometheus::Family<prometheus::Counter>& requests_;
    prometheus::Family<prometheus::Histogram>& durations_;
    prometheus::Family<prometheus::Counter>& limit_hits_;
    std::vector<Collector> collectors_;  // constant once the server runs
};

// A family of one sample without labels.
prometheus::MetricFamily counterFamily(std::string name, std::string help, double value);
prometheus::MetricFamily gaugeFamily(std::string name, std::string help, double value);

}  // namespace clusterwatch::api
