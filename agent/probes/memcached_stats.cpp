#include "agent/probes/memcached_stats.h"

#include <array>

#include <fmt/format.h>

#include "common/text.h"

namespace clusterwatch::agent {

namespace {

struct StatField {
    std::string_view key;
    std::string_view name;
    MetricType type;
    std::string_view help;
};

constexpr auto kGauge = MetricType::kGauge;
constexpr auto kCounter = MetricType::kCounter;

constexpr std::array kFields = {
    StatField{"uptime", "memcached_uptime_seconds", kCounter, "Time since the server started."},
    StatField{"time", "memcached_time_seconds", kGauge, "The server's own clock, in Unix time."},
    StatField{"rusage_user", "memcached_process_user_cpu_seconds_total", kCounter,
              "CPU time of the server in user mode."},
    StatField{"rusage_system", "memcached_process_system_cpu_seconds_total", kCounter,
              "CPU time of the server in kernel mode."},
    StatField{"bytes", "memcached_current_bytes", kGauge, "Bytes of the items in the cache."},
    StatField{"limit_maxbytes", "memcached_limit_bytes", kGauge,
              "Bytes that the cache may hold (-m)."},
    StatField{"curr_items", "memcached_current_items", kGauge, "Items in the cache."},
    StatField{"total_items", "memcached_items_total", kCounter, "Items ever stored."},
    StatField{"bytes_read", "memcached_read_bytes_total", kCounter, "Bytes received from clients."},
    StatField{"bytes_written", "memcached_written_bytes_total", kCounter, "Bytes sent to clients."},
    StatField{"curr_connections", "memcached_current_connections", kGauge,
              "Open client connections."},
    StatField{"total_connections", "memcached_connections_total", kCounter,
              "Connections ever opened."},
    StatField{"rejected_connections", "memcached_connections_rejected_total", kCounter,
              "Clients turned away at the connection limit (-c)."},
    StatField{"conn_yields", "memcached_connections_yielded_total", kCounter,
              "Times a connection had to let others go first (-R)."},
    StatField{"listen_disabled_num", "memcached_connections_listener_disabled_total", kCounter,
              "Times the listener was switched off at the connection limit."},
    StatField{"accepting_conns", "memcached_accepting_connections", kGauge,
              "1 while new connections are accepted."},
    StatField{"evictions", "memcached_items_evicted_total", kCounter,
              "Items that had not expired and were thrown out for lack of memory."},
    StatField{"reclaimed", "memcached_items_reclaimed_total", kCounter,
              "Items stored in the place of an expired one."},
    StatField{"store_too_large", "memcached_item_too_large_total", kCounter,
              "Items refused because they are larger than -I allows."},
    StatField{"store_no_memory", "memcached_item_no_memory_total", kCounter,
              "Items refused because no memory was left."},
    StatField{"direct_reclaims", "memcached_direct_reclaims_total", kCounter,
              "Times a worker had to make room by itself while storing."},
    StatField{"lru_crawler_starts", "memcached_lru_crawler_starts_total", kCounter,
              "Runs of the LRU crawler."},
    StatField{"crawler_items_checked", "memcached_lru_crawler_items_checked_total", kCounter,
              "Items that the LRU crawler looked at."},
    StatField{"crawler_reclaimed", "memcached_lru_crawler_reclaimed_total", kCounter,
              "Items that the LRU crawler freed."},
};

struct CommandField {
    std::string_view key;
    std::string_view command;
    std::string_view status;
};

constexpr std::array kCommands = {
    CommandField{"get_hits", "get", "hit"},        CommandField{"get_misses", "get", "miss"},
    CommandField{"delete_hits", "delete", "hit"},  CommandField{"delete_misses", "delete", "miss"},
    CommandField{"incr_hits", "incr", "hit"},      CommandField{"incr_misses", "incr", "miss"},
    CommandField{"decr_hits", "decr", "hit"},      CommandField{"decr_misses", "decr", "miss"},
    CommandField{"cas_hits", "cas", "hit"},        CommandField{"cas_misses", "cas", "miss"},
    CommandField{"cas_badval", "cas", "badval"},   CommandField{"touch_hits", "touch", "hit"},
    CommandField{"touch_misses", "touch", "miss"}, CommandField{"cmd_flush", "flush", "hit"},
};

void addCommand(std::string_view command, std::string_view status, double value, ProbeRun& run) {
    run.counter("memcached_commands_total", "Requests by command and how they ended.", value,
                {{"command", std::string(command)}, {"status", std::string(status)}});
}

}  // namespace

std::optional<double> statNumber(const StatMap& stats, std::string_view key) {
    const auto found = stats.find(key);
    return found == stats.end() ? std::nullopt : parseDouble(found->second);
}

void addMemcachedStats(const StatMap& stats, ProbeRun& run) {
    if (const auto version = stats.find("version"); version != stats.end())
        run.gauge("memcached_version", "1, with the server's version as label.", 1,
                  {{"version", version->second}});
    for (const StatField& field : kFields)
        if (const auto value = statNumber(stats, field.key))
            run.family(field.name, field.type, field.help).readings.push_back({{}, *value});
    for (const CommandField& field : kCommands)
        if (const auto value = statNumber(stats, field.key))
            addCommand(field.command, field.status, *value, run);
    // memcached counts a cas again in cmd_set.
    const auto set = statNumber(stats, "cmd_set");
    const auto cas_hits = statNumber(stats, "cas_hits");
    const auto cas_misses = statNumber(stats, "cas_misses");
    const auto cas_badval = statNumber(stats, "cas_badval");
    if (set && cas_hits && cas_misses && cas_badval)
        addCommand("set", "hit", *set - *cas_hits - *cas_misses - *cas_badval, run);
}

void addMemcachedSettings(const StatMap& settings, ProbeRun& run) {
    if (const auto limit = statNumber(settings, "maxconns"))
        run.gauge("memcached_max_connections", "How many clients may connect (-c).", *limit);
}

void addMemcachedSlabTotals(const StatMap& slabs, ProbeRun& run) {
    if (const auto bytes = statNumber(slabs, "total_malloced"))
        run.gauge("memcached_malloced_bytes", "Bytes given to slab pages.", *bytes);
}

CheckResult judgeMemcachedConnections(const StatMap& stats, double new_rejections) {
    const auto current = statNumber(stats, "curr_connections");
    const auto limit = statNumber(stats, "max_connections");
    if (!current || !limit || *limit <= 0)
        return {"connections", State::kUnknown, "the server does not say how many are connected"};
    CheckResult check{"connections", State::kOk,
                      fmt::format("{:.0f} of {:.0f} connections in use", *current, *limit)};
    const double share = *current / *limit;
    if (share >= 0.80) check.state = State::kWarning;
    if (share >= 0.95 || new_rejections > 0 || statNumber(stats, "accepting_conns") == 0.0)
        check.state = State::kCritical;
    if (new_rejections > 0)
        check.text +=
            fmt::format("; {:.0f} clients were turned away since the last look", new_rejections);
    if (check.state != State::kOk)
        check.text +=
            ": clients will fall through to the database; look for a client that leaks "
            "connections, or raise -c";
    return check;
}

}  // namespace clusterwatch::agent
