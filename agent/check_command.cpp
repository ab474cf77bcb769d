#include "agent/check_command.h"

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "agent/runner.h"
#include "common/text.h"
#include "common/thread_annotations.h"

namespace clusterwatch::agent {
namespace {

void describeReadings(const ProbeRun& run, std::string& out) {
    struct Row {
        std::string series, value, what;
    };
    std::vector<Row> rows;
    std::size_t widest_series = 0, widest_value = 0;
    for (const auto& family : run.families) {
        for (const auto& reading : family.readings) {
            Labels labels = reading.labels;
            labels.set(kMetricName, family.name);
            const auto& unit = family.metadata.unit;
            rows.push_back({labels.toString(), formatDouble(reading.value),
                            fmt::format("{}{}{}", toString(family.metadata.type),
                                        unit.empty() ? "" : ", ", unit)});
            widest_series = std::max(widest_series, rows.back().series.size());
            widest_value = std::max(widest_value, rows.back().value.size());
        }
    }
    widest_series = std::min<std::size_t>(widest_series, 90);
    for (const auto& row : rows)
        out += fmt::format("  {:<{}}  {:>{}}  ({})\n", row.series, widest_series, row.value,
                           widest_value, row.what);
}

// Whether a check says already what the run's message says, as those of services that are down do.
bool isRepeated(const ProbeRun& run) {
    return std::any_of(run.checks.begin(), run.checks.end(),
                       [&](const CheckResult& check) { return check.text == run.message; });
}

// One line for each thing that is not as it should be; none if all is well.
std::string describeTrouble(const ProbeRun& run) {
    std::string out;
    for (const auto& check : run.checks)
        if (check.state != State::kOk)
            out += fmt::format("  {:<8}  {}: {}: {}\n", toString(check.state), run.probe,
                               check.name, check.text);
    if (out.empty() && run.outcome != Outcome::kOk)
        out = fmt::format("  {:<8}  {}: {}\n", toString(run.outcome), run.probe, run.message);
    return out;
}

// The runs of one pass, as the runner publishes them.
struct Collected {
    Mutex mutex;
    std::condition_variable_any changed;
    std::map<std::string, ProbeRun> runs;  // by probe
};

// Runs each probe once; fewer runs than probes if one does not even time out in time.
std::vector<ProbeRun> runOnce(std::vector<ProbeSettings> probes, const Clock& clock,
                              bool& hung_threads) {
    const auto wanted = probes.size();
    std::vector<std::string> order;
    Milliseconds longest{0};
    for (const auto& probe : probes) {
        order.push_back(probe.name);
        longest = std::max(longest, probe.deadline);
    }
    // Shared with the sink, which a hung probe's thread may still hold when this has returned.
    const auto collected = std::make_shared<Collected>();
    Runner runner(
        std::move(probes), clock, [&clock] { return clock.wallNow(); }, "",
        [collected](ProbeRun run) {
            MutexLock lock(collected->mutex);
            // A second run, of a short interval, is not asked for.
            collected->runs.emplace(run.probe, std::move(run));
            collected->changed.notify_all();
        });
    runner.start();
    {
        MutexLock lock(collected->mutex);
        collected->changed.wait_for(lock, longest + kFirstRunsWithin * 2,
                                    [&] { return collected->runs.size() >= wanted; });
    }
    hung_threads = !runner.stop(Milliseconds{100}).empty();
    std::vector<ProbeRun> runs;
    MutexLock lock(collected->mutex);
    for (const auto& name : order)
        if (const auto run = collected->runs.find(name); run != collected->runs.end())
            runs.push_back(std::move(run->second));
    return runs;
}

}  // namespace

std::string describeRun(const ProbeRun& run) {
    std::string out = fmt::format(
        "{} (job {}, instance {}{}{}): {}, {} ms{}{}\n", run.probe, run.target.job,
        run.target.instance, run.role.empty() ? "" : ", role ", run.role, toString(run.outcome),
        run.duration.count(), run.message.empty() || isRepeated(run) ? "" : ": ",
        isRepeated(run) ? "" : run.message);
    std::size_t widest = 0;
    for (const auto& check : run.checks) widest = std::max(widest, check.name.size());
    for (const auto& check : run.checks)
        out += fmt::format("  {:<8}  {:<{}}  {}\n", toString(check.state), check.name, widest,
                           check.text);
    for (const auto& fact : run.facts) out += fmt::format("  {} = {}\n", fact.name, fact.value);
    describeReadings(run, out);
    for (const auto& evidence : run.evidence)
        out += fmt::format("  --- {}\n{}\n", evidence.title, evidence.text);
    return out;
}

std::string describeRuns(const std::vector<ProbeRun>& runs) {
    std::string out;
    std::string trouble;
    for (const auto& run : runs) {
        out += describeRun(run) + "\n";
        trouble += describeTrouble(run);
    }
    // Last, where a person's eye is after hundreds of readings.
    const auto count = fmt::format("{} probe{}", runs.size(), runs.size() == 1 ? "" : "s");
    return out +
           (trouble.empty() ? count + ": all is well\n" : count + " run; not well:\n" + trouble);
}

int runCheck(Settings& settings, std::string_view only, const Clock& clock, bool& hung_threads) {
    std::vector<ProbeSettings> probes;
    std::vector<std::string> names;
    for (auto& probe : settings.probes) {
        names.push_back(probe.name);
        if (only.empty() || probe.name == only) probes.push_back(std::move(probe));
    }
    if (probes.empty()) {
        fmt::print(stderr, "clusterwatch-agent: no probe is named \"{}\"; there are {}\n", only,
                   fmt::join(names, ", "));
        return 2;
    }
    const auto wanted = probes.size();
    const auto runs = runOnce(std::move(probes), clock, hung_threads);
    fmt::print("{}", describeRuns(runs));
    std::fflush(stdout);
    const bool good = runs.size() == wanted &&
                      std::all_of(runs.begin(), runs.end(),
                                  [](const ProbeRun& run) { return describeTrouble(run).empty(); });
    return good ? 0 : 1;
}

}  // namespace clusterwatch::agent
