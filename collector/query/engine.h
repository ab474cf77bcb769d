// PromQL, as Prometheus 3 evaluates it, over a SeriesSource.
//
// A query is parsed and type-checked into a tree (parser.h), turned into a chain of operators that
// hand series on one at a time (operators.h), and drained. A range query reads each series once,
// from beginning to end, whatever the number of steps: memory is bounded by the answer and one
// window.
//
// What of the language there is: see docs/decisions/0006-query-engine.md. Everything else is
// refused by the parser with a position.
//
// Errors and what they are in Prometheus's API (errorType() in prometheus_json.h):
//     kInvalid    bad_data    the expression or the parameters are wrong
//     kTimedOut   timeout
//     kCancelled  canceled    the cancel flag was set
//     any other   execution   a limit was hit, or the source failed
//
// Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "collector/query/series_source.h"
#include "collector/query/value.h"
#include "common/clock.h"
#include "common/limits.h"
#include "common/result.h"

namespace clusterwatch::query {

class Evaluation;
struct Steps;

struct EngineOptions {
    Milliseconds lookback{5 * 60 * 1000};  // how long a series lives on after its last sample
    Milliseconds timeout = limits::kQueryTimeout;
    std::size_t max_samples = limits::kQuerySamples;  // held at one time: windows and answer
    std::int64_t max_points = limits::kQueryPointsPerSeries;
};

class Engine {
  public:
    // REQUIRES: both outlive the engine.
    Engine(const SeriesSource& source, const Clock& clock, EngineOptions options = {});

    // At one instant. A range selector alone gives a Matrix of raw samples; a string literal a
    // String. `cancel` may be null. The smaller of `timeout` and the options' holds.
    Result<Value> instant(std::string_view query, std::int64_t t_ms,
                          const CancelFlag* cancel = nullptr,
                          Milliseconds timeout = Milliseconds::max()) const;

    // At start, start+step, ... up to and including end; always a Matrix. kInvalid if the
    // expression is neither scalar nor instant vector, if step is not positive, if end is before
    // start, or if there would be more than max_points steps.
    Result<Value> range(std::string_view query, std::int64_t start_ms, std::int64_t end_ms,
                        std::int64_t step_ms, const CancelFlag* cancel = nullptr,
                        Milliseconds timeout = Milliseconds::max()) const;

  private:
    Evaluation evaluation(const Steps& steps, const CancelFlag* cancel, Milliseconds timeout) const;

    const SeriesSource& source_;
    const Clock& clock_;
    const EngineOptions options_;
};

}  // namespace clusterwatch::query
