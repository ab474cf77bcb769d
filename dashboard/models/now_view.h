// Everything the Now screen says, as plain values: derived from the model, the link and the clock by
// one pure function, and painted (or dumped as JSON) as it is. The rule above all others: no good
// state that fresh data has not earned.
#pragma once

#include <optional>

#include "dashboard/models/cluster_model.h"
#include "dashboard/models/series.h"
#include "dashboard/models/tier_metrics.h"

namespace clusterwatch::dashboard {

// What is known of the connection to the collector.
struct LinkStatus {
    enum class Phase { kConnecting, kLive, kLost };

    Phase phase = Phase::kConnecting;
    QString url;
    QString reason;             // why it is lost, in words
    double heard_age_s = -1;    // since the last byte of the live stream; -1: never
    std::int64_t heard_ms = 0;  // when that was, on the wall clock
    double connecting_s = 0;    // for how long we have been trying without ever being live
    double retry_in_s = -1;     // -1: trying now
    double clock_offset_s = 0;  // the collector's clock minus this machine's
};

enum class TileState { kOk, kWarning, kCritical, kUnknown, kStale, kNotMonitored };
QString toWord(TileState state);  // "ok", "not_monitored", ...

// A tier's number as last fetched; kept by the session, one a tier.
struct TierReading {
    bool answered = false;
    std::optional<double> value;
    MonotonicTime at{};
    QString error;
    std::vector<TimePoint> spark;  // the last 30 minutes, less while the data is younger
    std::int64_t spark_from_ms = 0, spark_to_ms = 0;
};

struct TileView {
    QString name, title;
    TileState state = TileState::kUnknown;
    int healthy = 0, members = 0;
    int unknown = 0;        // members of which nothing current is known
    QString reason;         // the worst thing, in words; empty when ok
    double age_s = -1;      // of its oldest run
    bool show_age = false;  // older than two intervals
    std::optional<TierMetric> metric;
    std::optional<double> value;
    bool value_current = false;  // false: the last value known, not to be shown as today's
    std::vector<TimePoint> spark;
    std::int64_t spark_from_ms = 0, spark_to_ms = 0;
};

enum class Severity { kCritical, kUnknown, kWarning };
QString toWord(Severity severity);

struct Problem {
    QString key;  // stable over updates
    Severity severity = Severity::kUnknown;
    QString origin;             // "alert firing", "alert pending", "check", "agent", "collector"
    QString title;              // what: tier and instance
    QString text;               // the fault, in one line
    QString tier;               // name, or empty
    std::int64_t since_ms = 0;  // 0: unknown
    QString instance = {};      // empty where it is of none, or of several
    QString detail = {};        // an alert's: what the check behind it says
    // Problems of one group become one row (models/problem_groups.h); empty: never.
    // `member` is what it is called among them: its instance, or its probe.
    QString group = {}, group_title = {}, member = {};
    std::vector<QString> members = {};  // of a joined row: "member: text"

    bool pending() const { return origin == "alert pending"; }
    friend bool operator==(const Problem&, const Problem&) = default;
};

struct TrustItem {
    QString name, value, note;  // the note explains a mark, for the tool tip and for screen readers
    bool bad = false;
};

struct Verdict {
    enum class Kind { kConnecting, kBlind, kCritical, kUnknown, kWarning, kEmpty, kCalm };

    Kind kind = Kind::kConnecting;
    QString text;    // at most 110 characters
    QString detail;  // the line beneath
};
QString toWord(Verdict::Kind kind);

struct NowView {
    LinkStatus link;
    QString cluster;
    Verdict verdict;
    std::vector<TrustItem> trust;
    std::vector<TileView> tiles;
    std::vector<Problem> problems;  // worst first, newest first within
    int probes = 0, probes_fresh = 0;
    std::int64_t now_ms = 0;  // the collector's clock

    bool blind() const { return link.phase != LinkStatus::Phase::kLive; }
};

using TierReadings = std::map<QString, TierReading>;

// `now_ms` is the collector's wall clock as estimated from its last heartbeat.
NowView buildNowView(const ClusterModel& model, const LinkStatus& link,
                     const TierReadings& readings, MonotonicTime now, std::int64_t now_ms);

// The members of a tier: what the configuration expects, and every target that fits. All probes of a
// member belong to it, whatever their role.
std::set<Member> membersOf(const Tier& tier, const std::vector<JudgedTarget>& targets);

}  // namespace clusterwatch::dashboard
