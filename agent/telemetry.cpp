#include "agent/telemetry.h"

#include <fstream>

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/text.h"

namespace clusterwatch::agent {
namespace {

void addProcess(ProbeRun& run) {
    std::ifstream statm("/proc/self/statm");
    std::uint64_t size = 0, resident = 0;
    if (statm >> size >> resident)
        run.gauge(
            "process_resident_memory_bytes", "Resident memory.",
            static_cast<double>(resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))));
    rusage usage{};
    if (::getrusage(RUSAGE_SELF, &usage) == 0) {
        const auto seconds = [](const timeval& t) {
            return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
        };
        run.counter("process_cpu_seconds_total", "CPU time, user and system.",
                    seconds(usage.ru_utime) + seconds(usage.ru_stime));
    }
}

void addSender(ProbeRun& run, const std::string& url, const Sender& sender, const Clock& clock) {
    const auto s = sender.statistics();
    const auto labels = [&](std::string_view more = {}, std::string_view value = {}) {
        return Labels{{"collector", url}, {std::string(more), std::string(value)}};
    };
    for (const auto& [result, count] : s.reports)
        run.counter("clusterwatch_agent_reports_total", "Reports sent, by result.",
                    static_cast<double>(count), labels("result", result));
    run.counter("clusterwatch_agent_batches_acknowledged_total", "Batches acknowledged, by lane.",
                static_cast<double>(s.batches_live), labels("lane", "live"));
    run.counter("clusterwatch_agent_batches_acknowledged_total", "",
                static_cast<double>(s.batches_backfill), labels("lane", "backfill"));
    run.counter("clusterwatch_agent_heartbeats_total",
                "Reports without batches that were answered.", static_cast<double>(s.heartbeats),
                labels());
    run.counter("clusterwatch_agent_sent_bytes_total", "Bytes of reports, compressed.",
                static_cast<double>(s.bytes), labels());
    run.counter("clusterwatch_agent_refused_samples_total", "Samples that the collector left out.",
                static_cast<double>(s.refused_samples), labels());
    run.counter("clusterwatch_agent_batches_given_up_total",
                "Batches that the collector refused for good.", static_cast<double>(s.given_up),
                labels());
    run.counter("clusterwatch_agent_conflicts_total", "Answers that named a conflict.",
                static_cast<double>(s.conflicts), labels());
    run.gauge("clusterwatch_agent_backing_off", "1 while nothing is sent after a failure.",
              s.backing_off ? 1 : 0, labels());
    if (s.last_success) {
        const std::chrono::duration<double> age = clock.monotonicNow() - *s.last_success;
        run.gauge("clusterwatch_agent_last_success_age_seconds",
                  "Time since the collector last took a report.", age.count(), labels());
    }
}

void addProbe(ProbeRun& run, const ProbeStatistics& s) {
    for (int outcome = 0; outcome < kOutcomeCount; ++outcome) {
        const auto count = s.runs[static_cast<std::size_t>(outcome)];
        if (count != 0)
            run.counter("clusterwatch_agent_probe_runs_total",
                        "Runs published, by probe and outcome.", static_cast<double>(count),
                        {{"probe", s.probe},
                         {"outcome", std::string(toString(static_cast<Outcome>(outcome)))}});
    }
    const Labels labels{{"probe", s.probe}};
    run.gauge("clusterwatch_agent_probe_duration_seconds", "How long the probe's last run took.",
              std::chrono::duration<double>(s.last_duration).count(), labels);
    run.gauge("clusterwatch_agent_probe_hung",
              "1 while a run has passed its deadline and is not back.", s.hung ? 1 : 0, labels);
    run.counter("clusterwatch_agent_probe_late_results_total",
                "Results dropped because their deadline had passed.",
                static_cast<double>(s.late_results), labels);
    run.counter("clusterwatch_limit_hits_total", "What was cut because of a limit.",
                static_cast<double>(s.cut_samples),
                {{"probe", s.probe}, {"limit", "series_per_probe"}});
    run.counter("clusterwatch_limit_hits_total", "", static_cast<double>(s.cut_texts),
                {{"probe", s.probe}, {"limit", "text"}});
}

class AgentProbe final : public Probe {
  public:
    explicit AgentProbe(TelemetrySources sources) : sources_(std::move(sources)) {}

    ProbeRun run(const ProbeContext& /*context*/) override {
        ProbeRun run;
        addEssentials(sources_, run);
        const auto status = sources_.spool.status();
        if (!sources_.spool.healthy())
            run.check("spool", State::kCritical,
                      "can't be written, data is only in memory: " + sources_.spool.lastError());
        else if (status.dropped_batches > dropped_)
            run.check("spool", State::kWarning,
                      fmt::format("{} batches were dropped since the last run",
                                  status.dropped_batches - dropped_));
        else
            run.check("spool", State::kOk, fmt::format("{} batches waiting", status.batches));
        dropped_ = status.dropped_batches;
        const auto offset = sources_.corrected.offset();
        if (sources_.corrected.correcting() && offset)
            run.check("clock", State::kWarning,
                      fmt::format("this machine's clock is {} ms {} the collector's; time stamps "
                                  "are corrected; check its NTP",
                                  std::chrono::abs(*offset).count(),
                                  offset->count() > 0 ? "behind" : "ahead of"));
        else if (offset)
            run.check(
                "clock", State::kOk,
                fmt::format("within {} ms of the collector's", std::chrono::abs(*offset).count()));
        run.facts.push_back({"version", CLUSTERWATCH_VERSION});
        run.outcome = Outcome::kOk;
        return run;
    }

  private:
    const TelemetrySources sources_;
    std::uint64_t dropped_ = 0;
};

}  // namespace

void addEssentials(const TelemetrySources& sources, ProbeRun& run) {
    const auto spool = sources.spool.status();
    run.gauge("clusterwatch_agent_spool_batches", "Batches that wait to be acknowledged.",
              static_cast<double>(spool.batches));
    run.gauge("clusterwatch_agent_spool_bytes", "Bytes of the waiting batches.",
              static_cast<double>(spool.bytes));
    if (spool.oldest_ms != 0)
        run.gauge("clusterwatch_agent_spool_oldest_age_seconds", "Age of the oldest waiting batch.",
                  static_cast<double>(toUnixMs(sources.corrected.now()) - spool.oldest_ms) / 1e3);
    run.counter("clusterwatch_agent_spool_dropped_batches_total",
                "Batches dropped before they were acknowledged.",
                static_cast<double>(spool.dropped_batches));
    run.counter("clusterwatch_agent_spool_dropped_samples_total", "Samples of the dropped batches.",
                static_cast<double>(spool.dropped_samples));
    if (const auto offset = sources.corrected.offset())
        run.gauge("clusterwatch_agent_clock_offset_seconds",
                  "The collector's clock minus this machine's.",
                  std::chrono::duration<double>(*offset).count());
    addProcess(run);
}

void addDetails(const TelemetrySources& sources, ProbeRun& run) {
    run.gauge("clusterwatch_build_info", "The version of this program.", 1,
              {{"version", CLUSTERWATCH_VERSION}});
    run.gauge("clusterwatch_agent_spool_disk_bytes", "Bytes of the spool's files.",
              static_cast<double>(sources.spool.diskBytes()));
    run.gauge("clusterwatch_agent_spool_writable", "0 while batches can't be written.",
              sources.spool.healthy() ? 1 : 0);
    const auto damage = sources.spool.damage();
    run.counter("clusterwatch_agent_spool_damaged_records_total",
                "Records of the spool that failed their check.",
                static_cast<double>(damage.damaged_records));
    if (const auto* runner = sources.runner()) {
        for (const auto& probe : runner->statistics()) addProbe(run, probe);
        run.counter("clusterwatch_agent_late_wakeups_total",
                    "How often the scheduler woke more than a second late.",
                    static_cast<double>(runner->lateWakeups()));
    }
    for (const auto& [url, sender] : sources.senders()) addSender(run, url, *sender, sources.clock);
}

std::unique_ptr<Probe> makeAgentProbe(TelemetrySources sources) {
    return std::make_unique<AgentProbe>(std::move(sources));
}

}  // namespace clusterwatch::agent
