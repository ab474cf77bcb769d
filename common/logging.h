// Logging: one line an event, to standard error, as `time level [program] text`.
//
// Under systemd (JOURNAL_STREAM set) the time is left out: the journal adds its own. A message that
// may repeat at the rate of outside events goes through RateLimitedLog.
#pragma once

#include <atomic>
#include <chrono>
#include <string>
#include <string_view>

#include <spdlog/spdlog.h>

#include "common/clock.h"
#include "common/result.h"

namespace clusterwatch {

// REQUIRES: called once, by main, before any thread is started.
// `level` is one of debug, info, warning, error.
Status initLogging(std::string_view program, std::string_view level);

// Lets through one message per `period`; the next one that passes says how many were held back.
// Thread-safe.
class RateLimitedLog {
  public:
    explicit RateLimitedLog(std::chrono::seconds period = std::chrono::seconds(10))
        : period_(period) {}

    void warn(std::string_view message);

  private:
    const std::chrono::seconds period_;
    std::atomic<std::chrono::steady_clock::rep> next_{0};
    std::atomic<std::uint64_t> held_back_{0};
};

}  // namespace clusterwatch
