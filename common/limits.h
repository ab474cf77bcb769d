// The limits on outside data that both programs or several parts share, by name and in one place.
// A hit is counted by the part that enforces it: `clusterwatch_limit_hits_total{limit="..."}`, or its
// own counter of refusals.
// Sources of the defaults: the figures that the field's collectors settled on (Prometheus remote
// write: 32 MiB decoded; OpenTelemetry: 20 MiB body; Prometheus: 50 M samples a query, 2 min).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace clusterwatch::limits {

// HTTP, on both sides.
inline constexpr std::size_t kBodyBytes = std::size_t{16} << 20;     // compressed, as received
inline constexpr std::size_t kDecodedBytes = std::size_t{32} << 20;  // after decompression
inline constexpr std::size_t kExpansionRatio = 100;                  // decoded / received
inline constexpr std::size_t kHeaderBytes = std::size_t{16} << 10;
inline constexpr std::chrono::seconds kHeaderDeadline{10};
inline constexpr unsigned kConnections = 512;
inline constexpr unsigned kConnectionsPerAddress = 128;

// Series.
inline constexpr std::size_t kLabelsPerSeries = 64;
inline constexpr std::size_t kLabelNameBytes = 128;
inline constexpr std::size_t kLabelValueBytes = 1024;
inline constexpr std::size_t kSeriesPerProbe = 5'000;
inline constexpr std::size_t kSeriesPerAgent = 50'000;
inline constexpr std::size_t kSeriesTotal = 2'000'000;

// A probe run.
inline constexpr std::size_t kTextBytes = 1024;          // a check's text, an outcome's message
inline constexpr std::size_t kEvidenceBytes = 64 << 10;  // a piece of evidence
inline constexpr std::size_t kEvidencePerRun = 8;
inline constexpr std::size_t kFactsPerRun = 64;
inline constexpr std::size_t kChecksPerRun = 64;
inline constexpr std::size_t kProbeOutputBytes = std::size_t{4} << 20;  // what a service may answer

// A report.
inline constexpr std::size_t kBatchesPerReport = 1'000;

// Queries.
inline constexpr std::size_t kQuerySamples = 50'000'000;
inline constexpr std::size_t kQueryBytes = 64 << 10;
inline constexpr unsigned kQueryDepth = 200;
inline constexpr std::chrono::seconds kQueryTimeout{120};
inline constexpr std::int64_t kQueryPointsPerSeries = 11'000;

}  // namespace clusterwatch::limits
