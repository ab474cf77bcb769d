// How much memory protobuf would take to parse a report, estimated before it does.
//
// An empty message costs 2 bytes on the wire and some 100 in memory, so 32 MiB of them, well within
// the limit of a body, would become more than a gigabyte. One walk over the bytes, without
// allocating, finds that out. Rejected: a parser of our own for everything (twice the format's code).
#pragma once

#include <string_view>

#include "common/result.h"

namespace clusterwatch::wire {

// Parsed form of a whole report; honest senders close a report at a sixty-fourth of it.
inline constexpr std::size_t kParsedBytes = std::size_t{64} << 20;

// kLimit if a clusterwatch.v1.Report of these bytes would take more than kParsedBytes. Bytes that are
// no protobuf pass as far as they go: the parser refuses them. Thread-safe.
Status checkParseBudget(std::string_view report);

}  // namespace clusterwatch::wire
