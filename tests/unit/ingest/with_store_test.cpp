// The ingest over the real store: many agents at once, while it checkpoints, ends and starts again.
#include <filesystem>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "collector/ingest/ingest.h"
#include "common/file_system.h"
#include "common/sample.h"
#include "proto/wire.h"
#include "tests/unit/ingest/harness.h"

namespace clusterwatch::ingest {
namespace {

class WithStore : public testing::Test {
  protected:
    WithStore() {
        folder_ = std::filesystem::path(testing::TempDir()) /
                  ("ingest_with_store_" + std::to_string(::getpid()));
        std::filesystem::remove_all(folder_);
        start();
    }
    ~WithStore() override {
        store_.reset();
        std::filesystem::remove_all(folder_);
    }

    void start() {
        store_.reset();
        ingest_ = Ingest::make({}, clock_, feed_);
        store::StoreOptions options;
        options.data_dir = folder_;
        auto opened = store::Store::open(options, posixFileSystem(), clock_, *ingest_);
        ASSERT_TRUE(opened) << opened.error().message();
        store_ = std::move(*opened);
        ingest_->attach(*store_);
    }

    // Sends the run until it is acknowledged, as an agent does.
    void deliver(Sender& sender, std::uint64_t sequence, const ProbeRun& run) {
        for (int attempt = 0; attempt < 3; ++attempt) {
            wire::Report report = sender.report(clock_);
            sender.encoder.add(report, sequence, 1, run);
            const auto answer = ingest_->report(wire::encode(report), "");
            ASSERT_EQ(answer.status, 200) << answer.body;
            const auto reply = wire::decodeReply(answer.body);
            ASSERT_TRUE(reply);
            if (reply->session_unknown) {
                sender.encoder.reset();
                continue;
            }
            sender.encoder.setSession(reply->session);
            ASSERT_THAT(reply->acknowledged, testing::ElementsAre(sequence));
            return;
        }
        FAIL() << "never acknowledged";
    }

    // Samples a series, over all series of the metric.
    std::map<std::string, std::vector<double>> stored(const std::string& metric) const {
        std::map<std::string, std::vector<double>> out;
        auto matcher = query::Matcher::make(query::MatchType::kEqual, "__name__", metric);
        EXPECT_TRUE(matcher);
        const std::vector<query::Matcher> matchers{std::move(*matcher)};
        auto selected = store_->select(matchers, {kStart - 3'600'000, kStart + 3'600'000}, nullptr);
        EXPECT_TRUE(selected);
        for (const auto& series : *selected) {
            auto& values = out[std::string(series->labels().get("node"))];
            auto iterator = series->samples();
            for (;;) {
                const auto block = iterator->next();
                EXPECT_TRUE(block);
                if (!block || block->empty()) break;
                for (const auto& sample : *block) values.push_back(sample.value);
            }
        }
        return out;
    }

    std::filesystem::path folder_;
    ManualClock clock_{fromUnixMs(kStart)};
    derive::LiveFeed feed_;
    std::unique_ptr<Ingest> ingest_;
    std::unique_ptr<store::Store> store_;
};

TEST_F(WithStore, ManyAgentsAtOnceWhileItCheckpoints) {
    constexpr int kAgents = 6;
    constexpr std::uint64_t kRuns = 25;
    std::vector<std::jthread> threads;
    for (int i = 0; i < kAgents; ++i)
        threads.emplace_back([this, i] {
            Sender sender("node" + std::to_string(i), static_cast<char>('a' + i));
            for (std::uint64_t n = 1; n <= kRuns; ++n) {
                const auto run = runAt(kStart + static_cast<std::int64_t>(n));
                deliver(sender, n, run);
                if (n % 3 == 0) deliver(sender, n, run);  // its answer was lost
            }
        });
    std::jthread keeper([this](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            EXPECT_TRUE(store_->maintain());
            ingest_->tick();
            (void)ingest_->nodes();
        }
    });
    threads.clear();  // joins the agents
    keeper.request_stop();
    keeper.join();

    const auto before = stored("mysql_up");
    ASSERT_EQ(before.size(), std::size_t{kAgents});
    for (const auto& [node, values] : before) EXPECT_EQ(values.size(), kRuns) << node;
    EXPECT_EQ(ingest_->statistics().batches, kAgents * kRuns);

    start();
    EXPECT_EQ(stored("mysql_up"), before);
    EXPECT_EQ(ingest_->nodes().size(), std::size_t{kAgents});
    Sender again("node0", 'a');
    for (std::uint64_t n = 1; n <= kRuns; ++n)
        deliver(again, n, runAt(kStart + static_cast<std::int64_t>(n)));
    EXPECT_EQ(ingest_->statistics().duplicates, kRuns);
    EXPECT_EQ(stored("mysql_up"), before);
}

TEST_F(WithStore, ANullLagIsGoneAtTheNextRun) {
    Sender sender("db2");
    ProbeRun run = runAt(kStart);
    run.gauge("mysql_slave_status_seconds_behind_master", "", 3);
    deliver(sender, 1, run);
    clock_.advance(Milliseconds{10'000});
    deliver(sender, 2, runAt(kStart + 10'000));
    start();
    const auto lag = stored("mysql_slave_status_seconds_behind_master");
    ASSERT_EQ(lag.size(), 1u);
    ASSERT_EQ(lag.begin()->second.size(), 2u);
    EXPECT_EQ(lag.begin()->second[0], 3);
    EXPECT_TRUE(isStaleMarker(lag.begin()->second[1]));
}

}  // namespace
}  // namespace clusterwatch::ingest
