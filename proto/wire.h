// Conversion between probe runs and their forms in the spool and on the wire: the one library that
// knows the generated protobuf classes. Programs see plain structs.
//
// Formats: docs/formats/wire.md. Everything that decodes takes outside bytes: it checks, never
// trusts, and returns Error{kInvalid | kLimit}. All free functions are thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "common/probe_run.h"
#include "common/result.h"

namespace clusterwatch::wire {

// --- spool ---------------------------------------------------------------------------------------

std::string encodeSpooled(const ProbeRun& run);
Result<ProbeRun> decodeSpooled(std::string_view bytes);
// CRC-32 (zlib's) of the spooled form.
std::uint32_t checksum(std::string_view spooled);

// --- compression, with the declared length checked before anything is allocated ------------------

// A result up to this size may have any ratio to what was received: idle services repeat
// themselves, and an honest report of theirs compresses better than limits::kExpansionRatio. A
// sender closes a report before its encoded form passes this size.
inline constexpr std::size_t kAnyRatioBytes = std::size_t{1} << 20;

std::string compress(std::string_view bytes);  // zstd, level 1
// kLimit if the frame declares more than `max_bytes`, too high a ratio, or no size.
Result<std::string> decompress(std::string_view bytes, std::size_t max_bytes);

// --- the report ----------------------------------------------------------------------------------

// Limits of the wire's own; those of runs and series are in common/limits.h.
inline constexpr std::size_t kAgentIdBytes = 16;
inline constexpr std::size_t kHostIdBytes = 64;
inline constexpr std::size_t kScheduledProbes = 1'000;
inline constexpr std::size_t kDroppedRanges = 1'000;
inline constexpr std::size_t kReplyBytes = std::size_t{1} << 20;

enum class Lane : std::uint8_t { kLive, kBackfill };

struct AgentIdentity {
    std::string id;  // 16 bytes
    std::uint64_t epoch = 0;
    std::string node;
    std::string version;
    std::string host_id;
    std::int64_t started_ms = 0;
};

struct ScheduledProbe {
    std::string probe, kind, role;
    Target target;
    Milliseconds interval{0};
    Milliseconds deadline{0};
    friend bool operator==(const ScheduledProbe&, const ScheduledProbe&) = default;
};

struct SpoolStatus {
    std::uint64_t batches = 0;
    std::uint64_t bytes = 0;
    std::int64_t oldest_ms = 0;
    std::uint64_t dropped_batches = 0;
    std::uint64_t dropped_samples = 0;
};

struct DroppedRange {
    std::uint64_t first = 0, last = 0;
    std::string reason;
};

struct SeriesDefinition {
    std::uint32_t ref = 0;
    std::string name;
    Labels labels;  // without __name__, job, instance
    bool has_metadata = false;
    MetricMetadata metadata;
};

struct LayoutDefinition {
    std::uint32_t ref = 0;
    std::vector<std::uint32_t> series;
};

// A run on the wire: `run.families` is empty, the samples are `values` of the layout's series.
struct WireRun {
    ProbeRun run;
    std::uint32_t layout = 0;
    std::vector<double> values;
};

struct WireBatch {
    std::uint64_t sequence = 0;
    std::uint32_t checksum = 0;
    WireRun run;
};

struct Report {
    AgentIdentity agent;
    std::uint64_t session = 0;
    Lane lane = Lane::kLive;
    std::int64_t sent_ms = 0;
    double clock_offset_seconds = 0;
    std::vector<SeriesDefinition> series;
    std::vector<LayoutDefinition> layouts;
    std::vector<WireBatch> batches;
    bool schedule_complete = false;
    std::vector<ScheduledProbe> schedule;
    SpoolStatus spool;
    std::vector<DroppedRange> dropped;
};

struct Refusal {
    std::uint64_t sequence = 0;
    std::string reason;
    std::uint32_t samples = 0;
};

struct ReportReply {
    std::uint64_t session = 0;
    bool session_unknown = false;
    std::vector<std::uint64_t> acknowledged;
    std::vector<Refusal> refused;
    std::int64_t received_ms = 0;
    std::int64_t replied_ms = 0;
    std::string conflict;
    std::string collector_version;
};

// Protobuf bytes, not compressed.
std::string encode(const Report& report);
Result<Report> decodeReport(std::string_view bytes);
std::string encode(const ReportReply& reply);
Result<ReportReply> decodeReply(std::string_view bytes);

// A session that has defined more than this is given up for a new one by the encoder, and refused
// as unknown by the collector: what either side remembers stays bounded however a probe's series
// change.
inline constexpr std::size_t kSessionSeries = 100'000;
inline constexpr std::size_t kSessionLayouts = 4'096;

// The agent's side of a session: gives each series and each layout a reference when it first goes
// out, and remembers which. Not thread-safe. One a lane and collector.
class SessionEncoder {
  public:
    // Appends `run` to the report as a batch, with the definitions that the session lacks so far.
    // May open a new session (session() is 0 then) when the report is still empty: set
    // Report::session after the last add.
    void add(Report& report, std::uint64_t sequence, std::uint32_t checksum, const ProbeRun& run);
    // Forgets everything: the next report defines it again. For a new or unknown session, and after
    // a report whose reply never came (the collector may or may not know its definitions).
    void reset();
    std::uint64_t session() const { return session_; }
    void setSession(std::uint64_t session) { session_ = session; }

  private:
    // What a probe's last run looked like, to be compared with the next one.
    struct Layout {
        struct Family {
            std::string name;
            std::size_t readings = 0;
        };
        std::vector<Family> families;  // without empty ones
        std::vector<Labels> labels;    // of all readings, in order
        std::uint32_t ref = 0;
        bool known = false;
    };

    static bool matches(const Layout& layout, const ProbeRun& run);
    std::uint32_t layoutRef(Report& report, const ProbeRun& run);
    std::uint32_t seriesRef(Report& report, const MetricFamily& family, const Reading& reading);

    std::uint64_t session_ = 0;
    std::unordered_map<std::string, Layout> last_;                 // by probe
    std::unordered_map<std::string, std::uint32_t> series_;        // name and labels -> ref
    std::map<std::vector<std::uint32_t>, std::uint32_t> layouts_;  // series refs -> ref
    std::unordered_set<std::string> described_;                    // names with metadata sent
};

}  // namespace clusterwatch::wire
