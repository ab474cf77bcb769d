// What a report costs on either side: 500 series of one probe, steady state (all series defined).
#include <benchmark/benchmark.h>

#include "proto/wire.h"

namespace clusterwatch {
namespace {

constexpr int kSeries = 500;

ProbeRun runOf(std::int64_t t_ms) {
    ProbeRun run;
    run.probe = run.kind = "load";
    run.target = {"load", "v0"};
    run.time = fromUnixMs(t_ms);
    run.interval = Milliseconds{10'000};
    run.outcome = Outcome::kOk;
    for (int i = 0; i < kSeries; ++i) {
        run.gauge("load_value", "A value.", static_cast<double>(t_ms % 1000 + i),
                  {{"series", std::to_string(i)}});
    }
    return run;
}

void BM_encodeSteadyReport(benchmark::State& state) {
    wire::SessionEncoder encoder;
    wire::Report first;
    encoder.add(first, 1, 0, runOf(1'000'000));
    const ProbeRun run = runOf(1'010'000);
    std::size_t bytes = 0;
    for (auto _ : state) {
        wire::Report report;
        encoder.add(report, 2, 0, run);
        bytes = wire::compress(wire::encode(report)).size();
    }
    state.SetItemsProcessed(state.iterations() * kSeries);
    state.counters["bytes_per_sample"] = static_cast<double>(bytes) / kSeries;
}
BENCHMARK(BM_encodeSteadyReport);

void BM_decodeSteadyReport(benchmark::State& state) {
    wire::SessionEncoder encoder;
    wire::Report first, second;
    encoder.add(first, 1, 0, runOf(1'000'000));
    encoder.add(second, 2, 0, runOf(1'010'000));
    const std::string body = wire::compress(wire::encode(second));
    for (auto _ : state) {
        auto decoded = wire::decodeReport(*wire::decompress(body, std::size_t{1} << 20));
        benchmark::DoNotOptimize(decoded);
    }
    state.SetItemsProcessed(state.iterations() * kSeries);
}
BENCHMARK(BM_decodeSteadyReport);

}  // namespace
}  // namespace clusterwatch
