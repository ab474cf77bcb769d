#include "agent/runner.h"

#include <atomic>
#include <condition_variable>
#include <mutex>

#include <gtest/gtest.h>

#include "tests/unit/agent/support.h"

namespace clusterwatch::agent {
namespace {

using namespace std::chrono_literals;

// What a test makes a probe do: hang until released, answer with a state.
struct Script {
    std::atomic<std::int64_t> told_ms{0};  // how long the probe was told that it may take
    std::mutex mutex;
    std::condition_variable changed;
    bool hang = false;
    State state = State::kOk;
    std::atomic<int> entered{0}, left{0};

    void setHang(bool on) {
        std::lock_guard lock(mutex);
        hang = on;
        changed.notify_all();
    }
};

class ScriptedProbe final : public Probe {
  public:
    explicit ScriptedProbe(std::shared_ptr<Script> script) : script_(std::move(script)) {}
    ProbeRun run(const ProbeContext& context) override {
        script_->told_ms = context.remaining().count();
        ++script_->entered;
        ProbeRun run = smallRun(1);
        std::unique_lock lock(script_->mutex);
        script_->changed.wait(lock, [this] { return !script_->hang; });
        run.check("reachable", script_->state, "as told");
        run.evidence.push_back({"status", "raw"});
        ++script_->left;
        return run;
    }

  private:
    const std::shared_ptr<Script> script_;
};

class RunnerTest : public testing::Test {
  protected:
    std::shared_ptr<Script> add(const std::string& name, Milliseconds interval,
                                Milliseconds deadline) {
        auto script = std::make_shared<Script>();
        ProbeSettings probe;
        probe.name = name;
        probe.kind = "fake";
        probe.target = {"fake", name};
        probe.interval = interval;
        probe.deadline = deadline;
        probe.probe = std::make_unique<ScriptedProbe>(script);
        probes_.push_back(std::move(probe));
        scripts_.push_back(script);
        return script;
    }
    void start() {
        runner_ = std::make_unique<Runner>(
            std::move(probes_), clock_, [this] { return clock_.wallNow(); }, "seed",
            [this](ProbeRun run) {
                std::lock_guard lock(mutex_);
                runs_.push_back(std::move(run));
            });
        runner_->start(false);
    }
    void TearDown() override {
        for (auto& script : scripts_) script->setHang(false);
        if (!runner_) return;
        EXPECT_TRUE(runner_->stop(5s).empty());
    }

    // Moves time on in steps, and lets the probes that are not hung finish at each.
    void pass(Milliseconds by, Milliseconds step = 100ms) {
        for (Milliseconds done{0}; done < by; done += step) {
            clock_.advance(step);
            runner_->step();
            settle();
        }
    }
    // Waits until each probe that may return has returned, and each that hangs has begun.
    void settle() {
        ASSERT_TRUE(eventually([this] {
            const auto all = runner_->statistics();
            for (std::size_t i = 0; i < all.size(); ++i) {
                std::lock_guard lock(scripts_[i]->mutex);
                const auto entered = static_cast<std::uint64_t>(scripts_[i]->entered.load());
                if (scripts_[i]->hang ? entered != all[i].started : all[i].running) return false;
            }
            return true;
        }));
    }
    std::vector<ProbeRun> runsOf(const std::string& name) {
        std::lock_guard lock(mutex_);
        std::vector<ProbeRun> out;
        for (const auto& run : runs_)
            if (run.probe == name) out.push_back(run);
        return out;
    }

    ManualClock clock_{fromUnixMs(1'795'000'000'000)};
    std::vector<ProbeSettings> probes_;
    std::vector<std::shared_ptr<Script>> scripts_;
    std::mutex mutex_;
    std::vector<ProbeRun> runs_;
    std::unique_ptr<Runner> runner_;
};

TEST_F(RunnerTest, EveryProbeRunsWithinTheFirstSecondThenOnItsGrid) {
    for (const auto* name : {"a", "b", "c"}) add(name, 10s, 5s);
    start();
    pass(1s);
    for (const auto* name : {"a", "b", "c"}) EXPECT_EQ(runsOf(name).size(), 1u) << name;
    pass(120s);
    for (const auto* name : {"a", "b", "c"}) {
        const auto runs = runsOf(name);
        ASSERT_GE(runs.size(), 12u) << name;
        for (std::size_t i = 2; i < runs.size(); ++i)
            EXPECT_EQ(runs[i].time - runs[i - 1].time, 10s) << name << i;
        EXPECT_EQ(runs[0].target.instance, name);
        EXPECT_EQ(runs[0].interval, 10s);
    }
}

TEST_F(RunnerTest, AHungProbeIsReportedAtItsDeadlineAndAtEachIntervalAndDelaysNoOther) {
    const auto bad = add("bad", 10s, 2s);
    add("good", 10s, 2s);
    start();
    pass(15s);
    const auto before = runsOf("bad").size();
    bad->setHang(true);
    pass(40s);
    const auto hung = runsOf("bad");
    ASSERT_GE(hung.size(), before + 3);
    ASSERT_LE(hung.size(), before + 5);
    for (std::size_t i = before; i < hung.size(); ++i) {
        EXPECT_EQ(hung[i].outcome, Outcome::kTimedOut);
        EXPECT_NE(hung[i].message.find("no answer within 2s; hanging since 2026-"),
                  std::string::npos)
            << hung[i].message;
        ASSERT_EQ(hung[i].checks.size(), 1u);
        EXPECT_EQ(hung[i].checks[0].name, "reachable");
        EXPECT_EQ(hung[i].checks[0].state, State::kUnknown);
        EXPECT_EQ(hung[i].sampleCount(), 0u);
    }
    EXPECT_EQ(hung[before].duration, 2s);
    EXPECT_EQ(bad->entered.load(), static_cast<int>(before) + 1);  // never a second run at once
    EXPECT_TRUE(runner_->statistics()[0].hung);
    const auto good = runsOf("good");
    for (std::size_t i = 2; i < good.size(); ++i) EXPECT_EQ(good[i].time - good[i - 1].time, 10s);
}

// A probe that waits for all of its time on a frozen server must still be heard: `mysql_up 0` was lost
// to the runner's own "timed out" by milliseconds.
TEST_F(RunnerTest, AProbeHearsOfItsDeadlineBeforeItIsGivenUp) {
    const auto script = add("p", 10s, 2s);
    start();
    pass(1s);
    EXPECT_EQ(script->told_ms.load(), 1800);
    const auto slow = runsOf("p");
    ASSERT_EQ(slow.size(), 1u);
    EXPECT_EQ(slow[0].outcome, Outcome::kOk);
}

TEST_F(RunnerTest, ALateResultIsDroppedAndCountedAndTheProbeRecovers) {
    const auto bad = add("bad", 10s, 2s);
    bad->setHang(true);
    start();
    pass(5s);
    ASSERT_EQ(runsOf("bad").size(), 1u);
    bad->setHang(false);
    ASSERT_TRUE(eventually([&] { return runner_->statistics()[0].late_results == 1; }));
    EXPECT_EQ(runsOf("bad").size(), 1u);
    EXPECT_FALSE(runner_->statistics()[0].hung);
    pass(20s);
    EXPECT_EQ(runsOf("bad").back().outcome, Outcome::kOk);
}

TEST_F(RunnerTest, EvidenceGoesOutOnlyWhenACheckGotWorse) {
    const auto script = add("p", 10s, 5s);
    start();
    pass(1s);
    EXPECT_TRUE(runsOf("p").back().evidence.empty());
    script->state = State::kCritical;
    pass(13s);
    std::size_t with_evidence = 0;
    pass(30s);
    for (const auto& run : runsOf("p")) with_evidence += run.evidence.empty() ? 0 : 1;
    EXPECT_EQ(with_evidence, 1u);
}

TEST_F(RunnerTest, AMachineThatSleptReportsNoServiceAsHung) {
    const auto script = add("p", 60s, 5s);
    script->setHang(true);
    start();
    clock_.advance(10ms);
    runner_->step();
    ASSERT_TRUE(eventually([&] { return script->entered == 1; }));
    clock_.advance(60min);  // the process was stopped: nobody looked at the deadline
    runner_->step();
    EXPECT_TRUE(runsOf("p").empty());
    EXPECT_EQ(runner_->lateWakeups(), 1u);
    script->setHang(false);
    ASSERT_TRUE(eventually([&] { return runsOf("p").size() == 1; }));
    EXPECT_EQ(runsOf("p")[0].outcome, Outcome::kOk);
}

TEST_F(RunnerTest, ASlowProbeRepeatsItsResultBesideItsAge) {
    const auto script = add("slow", 10min, 5s);
    start();
    pass(1s);
    pass(181s, 1s);
    const auto runs = runsOf("slow");
    ASSERT_GE(runs.size(), 3u);
    EXPECT_LE(script->entered.load(), 2);
    EXPECT_EQ(runs[0].interval, kRepeatEvery);
    for (std::size_t i = 1; i < runs.size(); ++i) EXPECT_LE(runs[i].time - runs[i - 1].time, 61s);
    double oldest = 0;
    for (const auto& run : runs)
        for (const auto& family : run.families)
            if (family.name == "clusterwatch_probe_result_age_seconds")
                oldest = std::max(oldest, family.readings[0].value);
    EXPECT_GE(oldest, 60.0);
}

// While it works its last result is repeated; the new one must not look older than a repeat, or it
// would be taken for history.
TEST_F(RunnerTest, ASlowProbesNewResultIsNewerThanTheRepeats) {
    const auto slow = add("slow", 10min, 4min);
    start();
    pass(1s);
    slow->setHang(true);
    while (slow->entered < 2) pass(1s, 1s);
    pass(130s, 1s);
    const auto repeats = runsOf("slow").size();
    slow->setHang(false);
    settle();
    const auto runs = runsOf("slow");
    ASSERT_EQ(runs.size(), repeats + 1);
    for (std::size_t i = 1; i < runs.size(); ++i) {
        EXPECT_GT(runs[i].time, runs[i - 1].time) << i;
        EXPECT_LE(runs[i].time - runs[i - 1].time, kRepeatEvery + 1s) << i;
    }
    EXPECT_GE(runs.back().duration, 130s);
}

TEST_F(RunnerTest, StoppingDoesNotWaitForAHungProbe) {
    const auto bad = add("bad", 10s, 2s);
    bad->setHang(true);
    start();
    pass(5s);
    const auto begun = std::chrono::steady_clock::now();
    EXPECT_EQ(runner_->stop(50ms), std::vector<std::string>{"bad"});
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 2s);
    runner_.reset();
    bad->setHang(false);
    EXPECT_TRUE(eventually([&] { return bad->left == 1; }));
}

}  // namespace
}  // namespace clusterwatch::agent
