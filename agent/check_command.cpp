#include "agent/check_command.h"

#include <algorithm>
#include <condition_variable>
#include <cstdio>

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

bool isGood(const ProbeRun& run) {
    return run.outcome == Outcome::kOk &&
           std::all_of(run.checks.begin(), run.checks.end(),
                       [](const CheckResult& check) { return check.state == State::kOk; });
}

// The runs of one pass, as the runner publishes them.
struct Collected {
    Mutex mutex;
    std::condition_variable_any changed;
    std::vector<ProbeRun> runs;
};

}  // namespace

std::string describeRun(const ProbeRun& run) {
    std::string out = fmt::format(
        "{} ({}, job {}, instance {}{}{}): {} in {} ms{}{}\n", run.probe, run.kind, run.target.job,
        run.target.instance, run.role.empty() ? "" : ", role ", run.role, toString(run.outcome),
        run.duration.count(), run.message.empty() ? "" : ": ", run.message);
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
    Milliseconds longest{0};
    for (const auto& probe : probes) longest = std::max(longest, probe.deadline);
    // Shared with the sink, which a hung probe's thread may still hold when this has returned.
    const auto collected = std::make_shared<Collected>();
    Runner runner(
        std::move(probes), clock, [&clock] { return clock.wallNow(); }, "",
        [collected](ProbeRun run) {
            MutexLock lock(collected->mutex);
            collected->runs.push_back(std::move(run));
            collected->changed.notify_all();
        });
    runner.start();
    {
        MutexLock lock(collected->mutex);
        collected->changed.wait_for(lock, longest + kFirstRunsWithin * 2,
                                    [&] { return collected->runs.size() >= wanted; });
    }
    hung_threads = !runner.stop(Milliseconds{100}).empty();
    MutexLock lock(collected->mutex);
    bool good = collected->runs.size() >= wanted;
    std::sort(collected->runs.begin(), collected->runs.end(),
              [](const ProbeRun& a, const ProbeRun& b) { return a.probe < b.probe; });
    std::string last;
    for (const auto& run : collected->runs) {
        if (run.probe == last) continue;  // a second run, of a short interval
        last = run.probe;
        fmt::print("{}", describeRun(run));
        good = good && isGood(run);
    }
    std::fflush(stdout);
    return good ? 0 : 1;
}

}  // namespace clusterwatch::agent
