#include "agent/spool_record.h"

#include "agent/bytes.h"

namespace clusterwatch::agent {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kHeaderBytes = 1 + 8 + 8 + 8 + 4 + 4;

}  // namespace

std::string encodeSpoolRecord(const SpoolRecord& record) {
    std::string out;
    out.reserve(kHeaderBytes + record.compressed.size());
    putNumber(out, kVersion);
    putNumber(out, record.epoch);
    putNumber(out, record.sequence);
    putNumber(out, static_cast<std::uint64_t>(record.time_ms));
    putNumber(out, record.samples);
    putNumber(out, record.checksum);
    out += record.compressed;
    return out;
}

Result<SpoolRecord> decodeSpoolRecord(std::string_view payload) {
    if (payload.size() < kHeaderBytes)
        return Error(ErrorCode::kCorrupt, "a spooled batch is too short");
    if (takeNumber<std::uint8_t>(payload) != kVersion)
        return Error(ErrorCode::kInvalid, "a spooled batch of another version");
    SpoolRecord record;
    record.epoch = takeNumber<std::uint64_t>(payload);
    record.sequence = takeNumber<std::uint64_t>(payload);
    record.time_ms = static_cast<std::int64_t>(takeNumber<std::uint64_t>(payload));
    record.samples = takeNumber<std::uint32_t>(payload);
    record.checksum = takeNumber<std::uint32_t>(payload);
    record.compressed = payload;
    return record;
}

}  // namespace clusterwatch::agent
