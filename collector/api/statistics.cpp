#include "collector/api/statistics.h"

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <sys/resource.h>
#include <unistd.h>

#include "collector/api/telemetry.h"

namespace clusterwatch::api {

std::vector<prometheus::MetricFamily> storeFamilies(const store::StoreStatistics& s) {
    const auto gauge = [](const char* name, const char* help, auto value) {
        return gaugeFamily(name, help, static_cast<double>(value));
    };
    const auto counter = [](const char* name, const char* help, auto value) {
        return counterFamily(name, help, static_cast<double>(value));
    };
    std::vector<prometheus::MetricFamily> out{
        gauge("clusterwatch_store_series", "Series known to the store.", s.series),
        gauge("clusterwatch_store_head_samples", "Samples not yet sealed into chunks.",
              s.head_samples),
        gauge("clusterwatch_store_chunk_rows", "Sealed chunk rows.", s.chunk_rows),
        gauge("clusterwatch_store_chunk_bytes", "Size of the sealed chunks.", s.chunk_bytes),
        gauge("clusterwatch_store_journal_bytes", "Size of the journal.", s.journal_bytes),
        counter("clusterwatch_store_journal_torn_tail_bytes_total",
                "Bytes cut off the journal's end at the start; none was acknowledged.",
                s.journal_damage.torn_tail_bytes),
        counter("clusterwatch_store_journal_damaged_records_total",
                "Journal records that failed their check and were skipped.",
                s.journal_damage.damaged_records),
        counter("clusterwatch_store_journal_damaged_bytes_total",
                "Bytes of the journal that were skipped.", s.journal_damage.damaged_bytes),
        counter("clusterwatch_store_damaged_chunks_total", "Chunks that failed their check.",
                s.damaged_chunks),
        gauge("clusterwatch_store_healthy", "1 if the last write succeeded, otherwise 0.",
              s.healthy ? 1 : 0),
    };
    // An empty store has no oldest sample; 0 would read as 1970.
    if (s.oldest_ms != 0)
        out.push_back(gauge("clusterwatch_store_oldest_sample_timestamp_seconds",
                            "Time of the oldest sample.", static_cast<double>(s.oldest_ms) / 1000));
    return out;
}

std::vector<prometheus::MetricFamily> ingestFamilies(const ingest::IngestStatistics& s) {
    const auto counter = [](const char* name, const char* help, std::uint64_t value) {
        return counterFamily(name, help, static_cast<double>(value));
    };
    return {
        counter("clusterwatch_ingest_reports_total", "Reports taken.", s.reports),
        counter("clusterwatch_ingest_heartbeats_total", "Reports without a batch.", s.heartbeats),
        counter("clusterwatch_ingest_batches_total", "Batches committed.", s.batches),
        counter("clusterwatch_ingest_duplicates_total", "Batches that were known already.",
                s.duplicates),
        counter("clusterwatch_ingest_samples_total", "Samples committed.", s.samples),
        counter("clusterwatch_ingest_refused_reports_total", "Reports refused as a whole.",
                s.refused_reports),
        counter("clusterwatch_ingest_refused_samples_total", "Samples refused.", s.refused_samples),
        counter("clusterwatch_ingest_conflicts_total",
                "Reports that contradict what is known of the agent.", s.conflicts),
        counter("clusterwatch_ingest_series_limit_hits_total",
                "Times that an agent's or the store's series limit was hit.", s.series_limit_hits),
    };
}

std::vector<prometheus::MetricFamily> clusterFamilies(
    const std::vector<derive::NodeStatus>& nodes) {
    using derive::Freshness;
    constexpr std::array kAll{Freshness::kFresh, Freshness::kLate, Freshness::kSilent,
                              Freshness::kNever};
    std::array<double, kAll.size()> targets{};
    double silent = 0;
    for (const auto& node : nodes) {
        if (node.silent) ++silent;
        for (const auto& target : node.targets)
            ++targets[static_cast<std::size_t>(target.freshness)];
    }
    auto agents = gaugeFamily("clusterwatch_agents", "Agents, by whether they speak.",
                              static_cast<double>(nodes.size()) - silent);
    agents.metric.front().label = {{"state", "speaking"}};
    agents.metric.push_back(agents.metric.front());
    agents.metric.back().label = {{"state", "silent"}};
    agents.metric.back().gauge.value = silent;

    auto by_freshness = gaugeFamily("clusterwatch_targets", "Targets, by freshness.", 0);
    by_freshness.metric.clear();
    for (const auto freshness : kAll) {
        prometheus::ClientMetric metric;
        metric.label = {{"freshness", std::string(derive::toString(freshness))}};
        metric.gauge.value = targets[static_cast<std::size_t>(freshness)];
        by_freshness.metric.push_back(std::move(metric));
    }
    return {std::move(agents), std::move(by_freshness)};
}

std::vector<prometheus::MetricFamily> processFamilies() {
    std::vector<prometheus::MetricFamily> out;
    auto build = gaugeFamily("clusterwatch_build_info", "1; the version is a label.", 1);
    build.metric.front().label = {{"version", CLUSTERWATCH_VERSION}};
    out.push_back(std::move(build));

    rusage usage{};
    if (::getrusage(RUSAGE_SELF, &usage) == 0) {
        const auto seconds = [](const timeval& time) {
            return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
        };
        out.push_back(counterFamily("process_cpu_seconds_total", "Processor time used.",
                                    seconds(usage.ru_utime) + seconds(usage.ru_stime)));
    }
    std::uint64_t total_pages = 0, resident_pages = 0;
    if (std::ifstream("/proc/self/statm") >> total_pages >> resident_pages)
        out.push_back(gaugeFamily(
            "process_resident_memory_bytes", "Resident memory.",
            static_cast<double>(resident_pages) * static_cast<double>(::sysconf(_SC_PAGESIZE))));
    std::error_code error;
    const std::filesystem::directory_iterator files("/proc/self/fd", error);
    if (!error)
        out.push_back(gaugeFamily("process_open_fds", "Open files and sockets.",
                                  static_cast<double>(std::distance(begin(files), end(files)))));
    return out;
}

}  // namespace clusterwatch::api
