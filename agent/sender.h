// The sender: brings what the spool holds to one collector, by one thread.
//
// Two lanes, each with a session of its own: *live* sends a new batch as soon as it is spooled
// (batches within kCoalesceWithin share a report); *back-fill* sends, in chunks, what an outage left in the
// spool. Live goes first, and a chunk is small (kBackfillSamples), so the newest value never waits for
// more than one chunk's round trip. When there is nothing to send, a report without batches says
// every kHeartbeatEvery that the agent lives.
//
// A report whose answer never came may or may not have been stored. It is sent again, with a new
// session (the collector may not know the definitions); the collector knows duplicates by their
// numbers. After a failure nothing is sent for a while (backoff.h); Retry-After is honoured.
//
// A batch that the collector calls malformed (400, 413) even when sent alone and in a fresh session is
// given up, counted and reported: it must not block the others for ever.
//
// Threads: deliver(), statistics() and stop() from any; the rest is the sender's own.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "agent/backoff.h"
#include "agent/corrected_clock.h"
#include "agent/spool.h"
#include "agent/transport.h"
#include "common/logging.h"
#include "common/thread_annotations.h"
#include "proto/wire.h"

namespace clusterwatch::agent {

inline constexpr Milliseconds kHeartbeatEvery{2'000};
inline constexpr Milliseconds kCoalesceWithin{20};
inline constexpr std::size_t kLiveBatches = 32;  // waiting in memory; older ones are back-filled
inline constexpr std::size_t kBackfillSamples = 4'000;  // of one report
inline constexpr std::size_t kBackfillBatches = 200;
inline constexpr int kStrikes = 2;  // refusals of a batch sent alone before it is given up

struct SenderOptions {
    std::size_t collector = 0;  // its place in the spool's list
    std::string url;            // for messages
    wire::AgentIdentity agent;
    std::vector<wire::ScheduledProbe> schedule;
    std::uint64_t jitter_seed = 0;
};

struct SenderStatistics {
    // By result: "ok", "unreachable", "status_503", ...
    std::map<std::string, std::uint64_t> reports;
    std::uint64_t batches_live = 0, batches_backfill = 0, heartbeats = 0;  // acknowledged
    std::uint64_t bytes = 0;                                               // of bodies, compressed
    std::uint64_t refused_samples = 0, given_up = 0, conflicts = 0, sessions = 0;
    bool backing_off = false;
    std::optional<MonotonicTime> last_success;
};

class Sender {
  public:
    // `clock_to_teach` learns the offset from each exchange; null where another collector does.
    // REQUIRES: everything given outlives the sender.
    Sender(SenderOptions options, Spool& spool, Transport& transport, CorrectedClock& corrected,
           CorrectedClock* clock_to_teach, const Clock& clock);
    ~Sender();

    void start();
    // Sends what waits for at most `flush`, then ends.
    void stop(Milliseconds flush);

    // A new batch of the spool; to be called in the order of their numbers.
    void deliver(BatchPointer batch);
    SenderStatistics statistics() const;

  private:
    enum class Work { kNone, kLive, kBackfill, kHeartbeat, kEnd };
    enum class Fate { kDone, kSessionUnknown, kRefusedForm, kFailed };
    struct Sent {
        std::uint64_t sequence;
        std::size_t samples;
    };
    struct Lane {
        wire::Lane kind;
        wire::SessionEncoder encoder;
    };

    void run(const std::stop_token& stop);
    Work waitForWork(const std::stop_token& stop) EXCLUDES_LOCK(mutex_);
    void sendLive();
    void sendBackfill();
    wire::Report newReport(Lane& lane) const;
    Fate exchange(Lane& lane, const wire::Report& report, const std::vector<Sent>& sent);
    Fate takeAnswer(Lane& lane, const wire::Report& report, const std::vector<Sent>& sent,
                    const HttpAnswer& answer);
    Fate takeReply(Lane& lane, const wire::Report& report, const std::vector<Sent>& sent,
                   const wire::ReportReply& reply);
    Fate takeRefusal(const HttpAnswer& answer, const std::vector<Sent>& sent);
    Fate fail(const std::string& result, const std::string& message, Milliseconds most,
              std::optional<Milliseconds> least = std::nullopt);
    void forgetSession(Lane& lane) const;
    std::uint64_t backlogBefore() const REQUIRES_LOCK(mutex_);

    // Constant after construction.
    const SenderOptions options_;
    Spool& spool_;
    Transport& transport_;
    CorrectedClock& corrected_;
    CorrectedClock* const clock_to_teach_;
    const Clock& clock_;

    // The thread's own.
    Lane live_lane_{wire::Lane::kLive, {}};
    Lane backfill_lane_{wire::Lane::kBackfill, {}};
    Backoff backoff_;
    MonotonicTime last_report_{};
    bool one_at_a_time_ = false;  // after a refusal: to find the batch that is meant
    std::map<std::uint64_t, int> strikes_;
    RateLimitedLog log_;

    mutable Mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<BatchPointer> live_ GUARDED_BY(mutex_);
    MonotonicTime live_since_ GUARDED_BY(mutex_){};
    std::uint64_t delivered_through_ GUARDED_BY(mutex_);
    MonotonicTime not_before_ GUARDED_BY(mutex_){};
    std::optional<MonotonicTime> flush_until_ GUARDED_BY(mutex_);  // set: ending
    bool ended_ GUARDED_BY(mutex_) = false;
    SenderStatistics statistics_ GUARDED_BY(mutex_);
    std::jthread thread_;
};

}  // namespace clusterwatch::agent
