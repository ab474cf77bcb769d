#include "common/logging.h"

#include <cstdlib>

#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>

namespace clusterwatch {

Status initLogging(std::string_view program, std::string_view level) {
    if (level != "debug" && level != "info" && level != "warning" && level != "error")
        return Error(
            ErrorCode::kInvalid,
            fmt::format("log level \"{}\": allowed are debug, info, warning, error", level));
    auto logger = std::make_shared<spdlog::logger>(
        std::string(program), std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    logger->set_level(spdlog::level::from_str(std::string(level)));
    const bool journal = std::getenv("JOURNAL_STREAM") != nullptr;
    logger->set_pattern(journal ? "%l [%n] %v" : "%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ [%n] %v");
    logger->flush_on(spdlog::level::info);
    spdlog::set_default_logger(std::move(logger));
    return {};
}

void RateLimitedLog::warn(std::string_view message) {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    auto next = next_.load(std::memory_order_relaxed);
    if (now.count() < next ||
        !next_.compare_exchange_strong(next,
                                       (now + std::chrono::steady_clock::duration(period_)).count(),
                                       std::memory_order_relaxed)) {
        held_back_.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    const auto held_back = held_back_.exchange(0, std::memory_order_relaxed);
    if (held_back == 0)
        spdlog::warn("{}", message);
    else
        spdlog::warn("{} ({} like it were held back)", message, held_back);
}

}  // namespace clusterwatch
