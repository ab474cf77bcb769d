// An agent, a collector's ingest and its store, in one process and on a clock that moves when told to.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/ingest/ingest.h"
#include "common/sample.h"
#include "proto/wire.h"
#include "tests/unit/ingest/fake_store.h"

namespace clusterwatch::ingest {

inline constexpr std::int64_t kStart = 1'795'345'600'000;

// One lane of an agent.
struct Sender {
    wire::AgentIdentity identity;
    wire::Lane lane = wire::Lane::kLive;
    wire::SessionEncoder encoder;
    std::vector<wire::ScheduledProbe> schedule;
    std::vector<wire::DroppedRange> dropped;

    explicit Sender(std::string node, char id = 'a', wire::Lane to_lane = wire::Lane::kLive)
        : identity{std::string(16, id), 1, std::move(node), "0.1.0", "host-1", 0}, lane(to_lane) {}

    wire::Report report(const Clock& clock) {
        wire::Report report;
        report.agent = identity;
        report.lane = lane;
        report.sent_ms = toUnixMs(clock.wallNow());
        report.session = encoder.session();
        report.schedule = schedule;
        report.schedule_complete = !schedule.empty();
        report.dropped = dropped;
        return report;
    }
};

inline ProbeRun runAt(std::int64_t time_ms, std::string probe = "mysql") {
    ProbeRun run;
    run.probe = std::move(probe);
    run.kind = run.probe;
    run.role = "replica";
    run.target = {"mysql", "db2"};
    run.time = fromUnixMs(time_ms);
    run.duration = Milliseconds{20};
    run.interval = Milliseconds{10'000};
    run.outcome = Outcome::kOk;
    run.gauge("mysql_up", "Whether the server answered.", 1);
    return run;
}

class IngestTest : public testing::Test {
  protected:
    IngestTest() { start(); }

    // A new process of the collector over what the last one left on the disk.
    void start() {
        ingest_ = Ingest::make(options_, clock_, feed_);
        store_ = std::make_unique<FakeStore>(disk_, *ingest_);
        ingest_->attach(*store_);
    }

    IngestReply post(const wire::Report& report) {
        return ingest_->report(wire::compress(wire::encode(report)), "zstd");
    }

    // Posts and decodes the reply; keeps the session, as an agent does.
    wire::ReportReply exchange(Sender& sender, const wire::Report& report) {
        const auto answer = post(report);
        EXPECT_TRUE(answer.status == 200 || answer.status == 409) << answer.body;
        auto reply = wire::decodeReply(answer.body);
        EXPECT_TRUE(reply);
        if (!reply) return {};
        if (reply->session_unknown)
            sender.encoder.reset();
        else
            sender.encoder.setSession(reply->session);
        return *reply;
    }

    wire::ReportReply send(Sender& sender, std::uint64_t sequence, const ProbeRun& run) {
        wire::Report report = sender.report(clock_);
        sender.encoder.add(report, sequence, wire::checksum(wire::encodeSpooled(run)), run);
        return exchange(sender, report);
    }
    wire::ReportReply heartbeat(Sender& sender) { return exchange(sender, sender.report(clock_)); }

    // Moves time on in ticks of a quarter of a second.
    void wait(Milliseconds time) {
        for (Milliseconds passed{0}; passed < time; passed += Milliseconds{250}) {
            clock_.advance(Milliseconds{250});
            ingest_->tick();
        }
    }
    // The same, while the agent's heart beats.
    void waitBeating(Sender& sender, Milliseconds time) {
        for (Milliseconds passed{0}; passed < time; passed += Milliseconds{1000}) {
            wait(Milliseconds{1000});
            heartbeat(sender);
        }
    }

    std::int64_t now() const { return toUnixMs(clock_.wallNow()); }

    // All samples of the one series of that name that has these labels too.
    std::vector<Sample> samples(std::string_view name, const Labels& with = {}) const {
        std::vector<Sample> out;
        int found = 0;
        for (const auto& [labels, id] : disk_->ids) {
            const bool fits = std::all_of(
                with.pairs().begin(), with.pairs().end(),
                [&own = labels](const auto& pair) { return own.get(pair.first) == pair.second; });
            if (labels.metricName() != name || !fits) continue;
            ++found;
            const auto of_series = disk_->samples.find(id);
            if (of_series != disk_->samples.end()) out = of_series->second;
        }
        EXPECT_LE(found, 1) << name;
        std::sort(out.begin(), out.end(), [](auto& a, auto& b) { return a.t_ms < b.t_ms; });
        return out;
    }
    std::vector<std::int64_t> staleAt(std::string_view name, const Labels& with = {}) const {
        std::vector<std::int64_t> times;
        for (const auto& sample : samples(name, with))
            if (isStaleMarker(sample.value)) times.push_back(sample.t_ms);
        return times;
    }
    Labels labelsOf(std::string_view name) const {
        for (const auto& [labels, id] : disk_->ids)
            if (labels.metricName() == name) return labels;
        return {};
    }
    std::vector<std::string> events(std::string_view kind) const {
        std::vector<std::string> out;
        for (const auto& event : disk_->events)
            if (event.kind == kind)
                out.push_back(event.subject + " " + event.severity + ": " + event.text);
        return out;
    }

    ManualClock clock_{fromUnixMs(kStart)};
    derive::LiveFeed feed_;
    IngestOptions options_{"demo", "default", 1000, 10, std::chrono::minutes(10)};
    std::shared_ptr<FakeStore::Disk> disk_ = std::make_shared<FakeStore::Disk>();
    std::unique_ptr<Ingest> ingest_;
    std::unique_ptr<FakeStore> store_;
};

inline wire::ScheduledProbe scheduled(std::string probe, Target target = {"mysql", "db2"}) {
    return {probe, probe, "replica", std::move(target), Milliseconds{10'000}, Milliseconds{5'000}};
}

}  // namespace clusterwatch::ingest
