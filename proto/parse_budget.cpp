#include "proto/parse_budget.h"

#include <span>

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>

#include "common/check.h"

namespace clusterwatch::wire {

namespace {

using google::protobuf::io::CodedInputStream;

// The sub-messages and packed lists of report.proto; strings need no entry. A test compares it with
// what the parser really takes.
struct Field {
    std::uint32_t number;
    std::span<const Field> inside;  // of a sub-message
    bool packed = false;
};
constexpr Field kSeries[] = {{3, {}}, {4, {}}};              // Label, Metadata
constexpr Field kLayout[] = {{2, {}, true}};                 // series
constexpr Field kHeader[] = {{11, {}}, {12, {}}, {13, {}}};  // Check, Fact, Evidence
constexpr Field kValues[] = {{1, {}, true}, {2, {}, true}, {3, {}, true}};
constexpr Field kRun[] = {{1, kHeader}, {3, kValues}};
constexpr Field kBatch[] = {{3, kRun}};
constexpr Field kReport[] = {{1, {}}, {5, kSeries}, {6, kLayout}, {7, kBatch},
                             {8, {}}, {9, {}},      {10, {}}};

constexpr std::size_t kMessageBytes = 160;  // the largest of the classes above, with its pointer
constexpr std::size_t kStringBytes = 48;    // a std::string, its pointer, the allocator's rounding
constexpr std::size_t kNumberBytes = 8;     // a list of numbers takes up to this for each wire byte

constexpr std::uint32_t kVarint = 0, kFixed64 = 1, kLengthDelimited = 2, kFixed32 = 5;

const Field* find(std::span<const Field> fields, std::uint32_t number) {
    for (const auto& field : fields)
        if (field.number == number) return &field;
    return nullptr;
}

// Adds up `bytes` of one message; false once `left` is used up.
bool spend(std::string_view bytes, std::span<const Field> fields, std::size_t& left) {
    CodedInputStream in(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                        static_cast<int>(bytes.size()));
    const auto take = [&left](std::size_t cost) {
        if (cost > left) return false;
        left -= cost;
        return true;
    };
    while (const std::uint32_t tag = in.ReadTag()) {
        std::uint64_t ignored = 0;
        switch (tag & 7) {
            case kVarint:
                if (!in.ReadVarint64(&ignored)) return true;
                break;
            case kFixed64:
                if (!in.Skip(8)) return true;
                break;
            case kFixed32:
                if (!in.Skip(4)) return true;
                break;
            case kLengthDelimited: {
                std::uint32_t length = 0;
                if (!in.ReadVarint32(&length)) return true;
                const auto at = static_cast<std::size_t>(in.CurrentPosition());
                if (length > bytes.size() - at) return true;
                const auto* field = find(fields, tag >> 3);
                if (field == nullptr) {
                    if (!take(kStringBytes + length)) return false;
                } else if (field->packed) {
                    if (!take(kNumberBytes * length)) return false;
                } else if (!take(kMessageBytes) ||
                           !spend(bytes.substr(at, length), field->inside, left)) {
                    return false;
                }
                in.Skip(static_cast<int>(length));
                break;
            }
            default: return true;
        }
        if (!take(kNumberBytes)) return false;  // a number outside a packed list
    }
    return true;
}

}  // namespace

Status checkParseBudget(std::string_view report) {
    std::size_t left = kParsedBytes;
    if (spend(report, kReport, left)) return {};
    return Error{ErrorCode::kLimit,
                 fmt::format("a report of {} bytes would take more than {} bytes when parsed",
                             report.size(), kParsedBytes)};
}

}  // namespace clusterwatch::wire
