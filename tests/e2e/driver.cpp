// A number of virtual agents that send known samples and write down what was acknowledged.
//
// Used in two ways. The fault tests compare its log with what is stored afterwards: an acknowledged
// sample that is missing is lost, one that was never sent is alien. ./run bench lets it send the
// same samples to the collector (its own reports) and to peers (remote write).
//
// Like an agent, it sends a batch again, with the same number, until it is acknowledged, and defines its
// series again after any failure. Each batch of a virtual agent has a time stamp of its own; the value of a
// series follows from the batch's number: sequence * 1000 + index of the series.
//
// The log, flushed a line at a time:  S <agent> <sequence> <t_ms>  before the first sending,
//                                     A <agent> <sequence> <t_ms>  after the acknowledgement.
#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include <httplib.h>

#include "common/clock.h"
#include "proto/wire.h"
#include "tests/bench/remote_write.h"

namespace clusterwatch {
namespace {

struct Options {
    std::string url = "http://127.0.0.1:9420";
    std::string log;
    std::string format = "report";  // or "remote-write"
    std::uint64_t seed = 1;
    int agents = 4;
    int first_agent = 0;  // they are called v<first>, v<first + 1>, ...
    int series = 100;
    int batches = 0;  // a virtual agent; 0: until `seconds` have passed
    double seconds = 10;
    int pause_ms = 0;  // between batches
    std::int64_t start_ms =
        0;  // 0: time stamps are the wall clock's; else start_ms, then a step each
    std::int64_t step_ms = 10'000;
    double give_up_seconds = 60;  // how long one batch is tried again
};

struct Totals {
    std::atomic<std::uint64_t> acknowledged{0}, tried{0}, failed{0}, refused_samples{0},
        given_up{0};
    std::mutex mutex;
    std::map<int, int> statuses;  // HTTP; 0: no answer. Guarded by `mutex`.
};

class Log {
  public:
    explicit Log(const std::string& path)
        : file_(path.empty() ? nullptr : std::fopen(path.c_str(), "w")) {}
    ~Log() {
        if (file_) std::fclose(file_);
    }
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;

    void line(char what, int agent, std::uint64_t sequence, std::int64_t t_ms) {
        if (!file_) return;
        const std::lock_guard lock(mutex_);
        std::fprintf(file_, "%c %d %llu %lld\n", what, agent,
                     static_cast<unsigned long long>(sequence), static_cast<long long>(t_ms));
        std::fflush(file_);
    }

  private:
    std::mutex mutex_;
    std::FILE* file_;
};

double valueOf(std::uint64_t sequence, int series) {
    return static_cast<double>(sequence * 1000) + series;
}

// One virtual agent, in a thread of its own.
class VirtualAgent {
  public:
    VirtualAgent(const Options& options, int index, Log& log, Totals& totals)
        : options_(options), index_(index), log_(log), totals_(totals), http_(options.url) {
        http_.set_keep_alive(true);
        http_.set_connection_timeout(2);
        http_.set_read_timeout(10);
        std::mt19937_64 random(options.seed * 1'000'003 + static_cast<std::uint64_t>(index));
        for (int i = 0; i < 16; ++i) identity_.id.push_back(static_cast<char>(random()));
        identity_.epoch = random();
        identity_.node = name();
        identity_.version = "driver";
        identity_.host_id = std::string(16, 'd');
        identity_.started_ms = toUnixMs(SystemClock().wallNow());
    }

    void run() {
        const auto end =
            std::chrono::steady_clock::now() + std::chrono::duration<double>(options_.seconds);
        for (std::uint64_t sequence = 1;; ++sequence) {
            if (options_.batches > 0 ? sequence > static_cast<std::uint64_t>(options_.batches)
                                     : std::chrono::steady_clock::now() >= end) {
                return;
            }
            time_ms_ =
                options_.start_ms > 0
                    ? options_.start_ms + static_cast<std::int64_t>(sequence) * options_.step_ms
                    : std::max(time_ms_ + 1, toUnixMs(SystemClock().wallNow()));
            log_.line('S', index_, sequence, time_ms_);
            if (!deliver(sequence)) {
                ++totals_.given_up;
                return;
            }
            log_.line('A', index_, sequence, time_ms_);
            ++totals_.acknowledged;
            std::this_thread::sleep_for(Milliseconds{options_.pause_ms});
        }
    }

  private:
    std::string name() const { return "v" + std::to_string(index_); }

    // Until it is acknowledged, or has been tried for too long.
    bool deliver(std::uint64_t sequence) {
        const auto end = std::chrono::steady_clock::now() +
                         std::chrono::duration<double>(options_.give_up_seconds);
        while (true) {
            ++totals_.tried;
            if (options_.format == "report" ? sendReport(sequence) : sendRemoteWrite(sequence))
                return true;
            ++totals_.failed;
            if (std::chrono::steady_clock::now() >= end) return false;
            std::this_thread::sleep_for(Milliseconds{50});
        }
    }

    ProbeRun runOf(std::uint64_t sequence) const {
        ProbeRun run;
        run.probe = run.kind = "load";
        run.target = {"load", name()};
        run.time = fromUnixMs(time_ms_);
        run.duration = Milliseconds{1};
        run.interval = kInterval;
        run.outcome = Outcome::kOk;
        for (int i = 0; i < options_.series; ++i) {
            run.gauge("load_value", "A value whose every sample is known.", valueOf(sequence, i),
                      {{"series", std::to_string(i)}});
        }
        return run;
    }

    bool sendReport(std::uint64_t sequence) {
        const ProbeRun run = runOf(sequence);
        const std::string spooled = wire::encodeSpooled(run);
        wire::Report report;
        report.agent = identity_;
        report.session = encoder_.session();
        report.sent_ms = toUnixMs(SystemClock().wallNow());
        if (report.session == 0) {
            report.schedule_complete = true;
            report.schedule = {{"load", "load", "", run.target, kInterval, Milliseconds{5000}}};
        }
        encoder_.add(report, sequence, wire::checksum(spooled), run);
        const auto answer =
            http_.Post("/api/v1/report", {{"Content-Encoding", "zstd"}},
                       wire::compress(wire::encode(report)), "application/x-protobuf");
        if (!accepted(answer)) return startAgain();
        auto reply = wire::decodeReply(plain(*answer));
        if (!reply || reply->session_unknown || !reply->conflict.empty()) return startAgain();
        encoder_.setSession(reply->session);
        for (const auto& refusal : reply->refused) totals_.refused_samples += refusal.samples;
        return std::find(reply->acknowledged.begin(), reply->acknowledged.end(), sequence) !=
               reply->acknowledged.end();
    }

    static std::string plain(const httplib::Response& answer) {
        if (answer.get_header_value("Content-Encoding") != "zstd") return answer.body;
        auto body = wire::decompress(answer.body, std::size_t{1} << 20);
        return body ? std::move(*body)
                    : std::string("\xff");  // not a protobuf: refused by decodeReply
    }

    bool startAgain() {
        encoder_.reset();
        encoder_.setSession(0);
        return false;
    }

    bool sendRemoteWrite(std::uint64_t sequence) {
        std::vector<Labels> series;
        std::vector<double> values;
        for (int i = 0; i < options_.series; ++i) {
            series.push_back(Labels{{"__name__", "load_value"},
                                    {"cluster", "bench"},
                                    {"instance", name()},
                                    {"job", "load"},
                                    {"namespace", "default"},
                                    {"node", name()},
                                    {"series", std::to_string(i)}});
            values.push_back(valueOf(sequence, i));
        }
        return accepted(http_.Post(
            "/api/v1/write",
            {{"Content-Encoding", "snappy"}, {"X-Prometheus-Remote-Write-Version", "0.1.0"}},
            bench::remoteWriteBody(series, values, time_ms_), "application/x-protobuf"));
    }

    bool accepted(const httplib::Result& answer) {
        const int status = answer ? answer->status : 0;
        const std::lock_guard lock(totals_.mutex);
        ++totals_.statuses[status];
        return status / 100 == 2;
    }

    // So long that the collector takes no pause of ours for a missed run.
    static constexpr Milliseconds kInterval{3'600'000};

    const Options& options_;
    const int index_;
    Log& log_;
    Totals& totals_;
    httplib::Client http_;
    wire::AgentIdentity identity_;
    wire::SessionEncoder encoder_;
    std::int64_t time_ms_ = 0;
};

// One JSON object on standard output, for the Python that started us.
void printSummary(const Options& options, Totals& totals, double seconds) {
    std::printf(
        "{\"batches\": %llu, \"samples\": %llu, \"seconds\": %.3f, \"failed\": %llu, "
        "\"refused_samples\": %llu, "
        "\"given_up\": %llu, \"statuses\": {",
        static_cast<unsigned long long>(totals.acknowledged),
        static_cast<unsigned long long>(totals.acknowledged) *
            static_cast<unsigned>(options.series),
        seconds, static_cast<unsigned long long>(totals.failed),
        static_cast<unsigned long long>(totals.refused_samples),
        static_cast<unsigned long long>(totals.given_up));
    const char* comma = "";
    for (const auto& [status, count] : totals.statuses) {
        std::printf("%s\"%d\": %d", comma, status, count);
        comma = ", ";
    }
    std::printf("}}\n");
}

int drive(const Options& options) {
    Log log(options.log);
    Totals totals;
    const auto begin = std::chrono::steady_clock::now();
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < options.agents; ++i) {
            threads.emplace_back([&options, i, &log, &totals] {
                VirtualAgent(options, options.first_agent + i, log, totals).run();
            });
        }
    }
    printSummary(options, totals,
                 std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    return totals.given_up == 0 ? 0 : 1;
}

}  // namespace
}  // namespace clusterwatch

int main(int argc, char** argv) {
    clusterwatch::Options options;
    CLI::App app("Virtual agents that send known samples and log what was acknowledged.");
    app.add_option("--collector", options.url, "base URL");
    app.add_option("--log", options.log, "where to write what was sent and acknowledged");
    app.add_option("--format", options.format)->check(CLI::IsMember({"report", "remote-write"}));
    app.add_option("--seed", options.seed, "identities of the virtual agents");
    app.add_option("--agents", options.agents)->check(CLI::Range(1, 1000));
    app.add_option("--first-agent", options.first_agent, "the number in the first one's name");
    app.add_option("--series", options.series, "a virtual agent")->check(CLI::Range(1, 1000));
    app.add_option("--batches", options.batches,
                   "a virtual agent; 0: as many as fit into --seconds");
    app.add_option("--seconds", options.seconds);
    app.add_option("--pause-ms", options.pause_ms, "between batches");
    app.add_option("--start-ms", options.start_ms,
                   "time stamp of the first batch; 0: the wall clock");
    app.add_option("--step-ms", options.step_ms, "between time stamps, with --start-ms");
    app.add_option("--give-up-seconds", options.give_up_seconds, "how long one batch is tried");
    CLI11_PARSE(app, argc, argv);
    return clusterwatch::drive(options);
}
