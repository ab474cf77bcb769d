// The ingest's inside: which state there is, and which lock guards it.
//
// Locks, in the order in which they are taken:
//  1. AgentEntry::reporting: reports of one agent are serialised; held while the store commits.
//  2. the store's own locks.
//  3. mutex_: records, pulses, who speaks. Short; never held while calling the store or the feed, so
//     that the store may call committed() and snapshot() from inside a commit or a checkpoint.
// A batch counts as received from committed() on, which the store calls inside commit(): there is no
// moment at which a checkpoint could miss it, or at which a resend could be taken for new.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "collector/derive/cluster_state.h"
#include "collector/ingest/agent_record.h"
#include "collector/ingest/ingest.h"
#include "collector/ingest/pulse.h"
#include "collector/ingest/run_plan.h"
#include "collector/ingest/session.h"
#include "common/thread_annotations.h"

namespace clusterwatch::ingest {

struct AgentEntry {
    AgentEntry(ExternalLabels external, std::size_t max_series)
        : binder(std::move(external), max_series) {}

    // Guarded by `reporting`.
    Mutex reporting;
    SessionTable sessions;
    SeriesBinder binder;

    // Guarded by Ingest's mutex_.
    AgentRecord record;
    Pulses pulses;
    std::optional<MonotonicTime> last_word;
    std::optional<MonotonicTime> conflict_at;  // when somebody last contradicted it
    std::string conflict_text;
    std::vector<std::string> taken_over;  // silent agents whose node it took, until committed
};

// Whether an agent may speak.
struct Admission {
    std::string conflict;              // why not; empty: it may
    AgentEntry* owner = nullptr;       // whom it contradicts
    std::vector<std::string> retired;  // silent agents whose node it takes over
    std::string left_node;             // the name that this agent had before, if it was renamed
};

class IngestImpl final : public Ingest {
  public:
    IngestImpl(IngestOptions options, const Clock& clock, derive::LiveFeed& feed);

    void attach(store::Store& store) override;
    IngestReply report(std::string_view body, std::string_view encoding) override;
    void tick() override;
    std::vector<derive::NodeStatus> nodes() const override;
    IngestStatistics statistics() const override;

    Status restore(std::string_view snapshot) override;
    void replayNote(std::string_view note) override;
    std::string snapshot() override;
    void committed(std::string_view note) override;

  private:
    // --- a report, in the order of its way
    Result<wire::Report> decode(std::string_view body, std::string_view encoding);
    AgentEntry* entryOf(const wire::AgentIdentity& agent);  // null: too many agents
    Admission admit(AgentEntry& entry, const wire::AgentIdentity& agent);
    void hear(AgentEntry& entry, const wire::Report& report);
    IngestReply accept(AgentEntry& entry, const wire::Report& report,
                       const std::vector<std::string>& retired, std::int64_t received_ms);
    void takeSchedule(AgentEntry& entry, const wire::Report& report, RunPlanner& planner);
    // Which batches are new; a number with another checksum is an error.
    Result<std::vector<const wire::WireBatch*>> selectNew(const AgentEntry& entry,
                                                          const wire::Report& report);
    Status checkLayouts(const Session& session,
                        const std::vector<const wire::WireBatch*>& batches) const;
    Status planRuns(AgentEntry& entry, const std::vector<const wire::WireBatch*>& batches,
                    RunPlanner& planner);
    void noteReceived(AgentEntry& entry, const wire::Report& report,
                      const std::vector<const wire::WireBatch*>& batches, ReportPlan& plan);
    Result<store::CommitResult> commit(pb::AgentNote note, ReportPlan& plan);
    void publish(AgentEntry& entry, const wire::Report& report, const ReportPlan& plan);
    IngestReply conflict(AgentEntry& owner, const wire::Report& report, const std::string& text,
                         std::int64_t received_ms);
    IngestReply replyOk(const wire::ReportReply& reply) const;
    IngestReply fail(const Error& error);
    wire::ReportReply newReply(std::int64_t received_ms) const;

    // --- time
    struct Misses {
        std::string agent;
        std::string node;
        Pulses::Missed missed;
    };
    std::vector<Misses> collectMisses() EXCLUDES_LOCK(mutex_);
    void writeMisses(const std::vector<Misses>& misses);

    void applyNote(std::string_view note, std::vector<SilenceChange>* changes)
        EXCLUDES_LOCK(mutex_);
    void changeSilence(const std::vector<SilenceChange>& changes);
    bool stillSpeaks(const AgentEntry& entry, MonotonicTime now) const REQUIRES_LOCK(mutex_);
    template <typename Change>
    void count(Change change) {
        const MutexLock lock(mutex_);
        change(statistics_);
    }

    const IngestOptions options_;
    const ExternalLabels external_;
    const Clock& clock_;
    const MonotonicTime started_;
    derive::ClusterState cluster_;   // synchronises itself
    store::Store* store_ = nullptr;  // set once, by attach, before any report

    mutable Mutex mutex_;
    // By agent id. Entries live as long as the ingest, so a pointer to one stays valid.
    std::map<std::string, std::unique_ptr<AgentEntry>> agents_ GUARDED_BY(mutex_);
    std::map<std::string, std::string> owners_ GUARDED_BY(mutex_);  // agent id by node
    IngestStatistics statistics_ GUARDED_BY(mutex_);
    std::vector<SilenceChange> replayed_ GUARDED_BY(mutex_);  // until attach()
    std::optional<MonotonicTime> last_tick_ GUARDED_BY(mutex_);
};

}  // namespace clusterwatch::ingest
