// The form of a batch in the spool's journal (record type 1): what must be known without decoding
// the run (epoch, number, time, samples, checksum), then the run as proto/'s spooled form, compressed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.h"

namespace clusterwatch::agent {

inline constexpr std::uint8_t kSpoolRecordType = 1;
inline constexpr std::size_t kSpooledRunBytes = std::size_t{16} << 20;  // decompressed, at most

struct SpoolRecord {
    std::uint64_t epoch = 0;
    std::uint64_t sequence = 0;
    std::int64_t time_ms = 0;
    std::uint32_t samples = 0;
    std::uint32_t checksum = 0;
    std::string_view compressed;  // a view into the payload
};

std::string encodeSpoolRecord(const SpoolRecord& record);
// kCorrupt if it is too short, kInvalid if of a newer version.
Result<SpoolRecord> decodeSpoolRecord(std::string_view payload);

}  // namespace clusterwatch::agent
