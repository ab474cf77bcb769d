// memcached's STAT pairs in, families with memcached_exporter's names out. Pure functions.
//
// Names, labels and the way commands are counted are those of memcached_exporter 0.15. A key that
// this version of memcached does not print is left out. Source of the keys: memcached,
// doc/protocol.txt, "General-purpose statistics" and "Settings statistics".
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/probe_run.h"

namespace clusterwatch::agent {

// Bounded by kMaxStats when it is filled.
using StatMap = std::map<std::string, std::string, std::less<>>;
inline constexpr std::size_t kMaxStats = 1024;  // memcached 1.6: some 100, and 20 a slab class

std::optional<double> statNumber(const StatMap& stats, std::string_view key);

// Of `stats`, `stats settings` and `stats slabs` (totals only: one class alone is 15 series).
void addMemcachedStats(const StatMap& stats, ProbeRun& run);
void addMemcachedSettings(const StatMap& settings, ProbeRun& run);
void addMemcachedSlabTotals(const StatMap& slabs, ProbeRun& run);

// The check "connections". `new_rejections`: how many clients were turned away since the last run.
CheckResult judgeMemcachedConnections(const StatMap& stats, double new_rejections);

}  // namespace clusterwatch::agent
