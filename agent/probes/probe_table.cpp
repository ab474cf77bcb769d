#include "agent/probes/probe_table.h"

#include <array>

#include "agent/probes/apache.h"
#include "agent/probes/docstore.h"
#include "agent/probes/host.h"
#include "agent/probes/memcached.h"
#include "agent/probes/mysql.h"
#include "agent/probes/mysql_replication.h"

namespace clusterwatch::agent {

namespace {

constexpr std::array kKinds = {
    ProbeKind{"host", "node", &HostProbe::make,
              "CPU, load, memory, disks, file systems, network and pressure of this machine"},
    ProbeKind{"apache", "apache", &ApacheProbe::make, "an Apache httpd through mod_status"},
    ProbeKind{"memcached", "memcached", &MemcachedProbe::make, "a memcached server"},
    ProbeKind{"mysql", "mysql", &MysqlProbe::make,
              "a MySQL or MariaDB server: up, status, essential variables"},
    ProbeKind{"mysql_replication", "mysql", &MysqlReplicationProbe::make,
              "replication as seen by a replica or a primary, all channels"},
    ProbeKind{"docstore", "docstore", &DocstoreProbe::make,
              "a document tree: space, inodes, read-only, counts by folder"},
};

}  // namespace

std::span<const ProbeKind> probeKinds() { return kKinds; }

}  // namespace clusterwatch::agent
