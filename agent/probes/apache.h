// The probe `apache`: an Apache httpd through mod_status, under apache_exporter's names.
#pragma once

#include <memory>

#include "agent/probe.h"
#include "agent/probes/apache_status.h"
#include "agent/probes/http_get.h"

namespace clusterwatch::agent {

class ApacheProbe final : public Probe {
  public:
    explicit ApacheProbe(HttpUrl url) : url_(std::move(url)) {}
    static std::unique_ptr<Probe> make(ConfigNode& config);

    ProbeRun run(const ProbeContext& context) override;

  private:
    const HttpUrl url_;
};

// The check "workers": whether requests still find a free worker. Pure.
CheckResult judgeApacheWorkers(const ApacheFigures& figures);

// The outcome and message of an answer whose status is not 200. Pure.
std::pair<Outcome, std::string> explainHttpStatus(int status, const std::string& location);

}  // namespace clusterwatch::agent
