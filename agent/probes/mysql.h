// The probe `mysql`: a MySQL or MariaDB server's status and essential variables, under
// mysqld_exporter's names.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/probe.h"
#include "agent/probes/mysql_session.h"
#include "agent/probes/mysql_status.h"

namespace clusterwatch::agent {

class MysqlProbe final : public Probe {
  public:
    MysqlProbe(MysqlTarget target, std::string role)
        : session_(std::move(target)), role_(std::move(role)) {}
    static std::unique_ptr<Probe> make(ConfigNode& config);

    ProbeRun run(const ProbeContext& context) override;

  private:
    ProbeRun failed(const MysqlSession::Failure& failure);
    void addProcessList(const ProbeContext& context, ProbeRun& run);
    std::optional<MysqlSession::Failure> refreshVariables(const ProbeContext& context);

    MysqlSession session_;
    const std::string role_;
    // The variables' last answer, asked again each minute: they are half the answer's size and
    // change once a month.
    std::vector<MetricFamily> variables_;
    MysqlFigures variable_figures_;
    MonotonicTime variables_read_{};
};

}  // namespace clusterwatch::agent
