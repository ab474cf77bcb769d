// The probe `mysql_replication`: what a server says of its own replication, all channels, under
// mysqld_exporter's names; and on a primary, its binary log and how many replicas are connected.
#pragma once

#include <memory>
#include <string>

#include "agent/probe.h"
#include "agent/probes/mysql_session.h"
#include "agent/probes/replication_verdict.h"

namespace clusterwatch::agent {

class MysqlReplicationProbe final : public Probe {
  public:
    MysqlReplicationProbe(MysqlTarget target, std::string role, LagThresholds thresholds)
        : session_(std::move(target)), role_(std::move(role)), thresholds_(thresholds) {}
    static std::unique_ptr<Probe> make(ConfigNode& config);

    ProbeRun run(const ProbeContext& context) override;

  private:
    std::optional<MysqlSession::Failure> readReplica(const ProbeContext& context, ProbeRun& run);
    std::optional<MysqlSession::Failure> readPrimary(const ProbeContext& context, ProbeRun& run);
    std::optional<MysqlSession::Failure> countReplicas(const ProbeContext& context,
                                                       std::optional<double>& count);

    MysqlSession session_;
    const std::string role_;
    const LagThresholds thresholds_;
    ReceiverWatch receiver_;
};

}  // namespace clusterwatch::agent
