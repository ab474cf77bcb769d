// zstd frames with their declared size checked first.
//
// One-shot decompression into a buffer of the declared size: the buffer is the window, so a frame
// can't make zstd allocate one of its own choosing. Rejected: streaming, which would need a limit
// on the window as well.
#include <fmt/format.h>
#include <zstd.h>

#include "common/limits.h"
#include "proto/wire.h"

namespace clusterwatch::wire {

std::string compress(std::string_view bytes) {
    std::string out(ZSTD_compressBound(bytes.size()), '\0');
    const std::size_t size =
        ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), /*level=*/1);
    CHECK(!ZSTD_isError(size));  // the buffer has the size that zstd asked for
    out.resize(size);
    return out;
}

Result<std::string> decompress(std::string_view bytes, std::size_t max_bytes) {
    const unsigned long long declared = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
    if (declared == ZSTD_CONTENTSIZE_ERROR) return Error{ErrorCode::kInvalid, "no zstd frame"};
    if (declared == ZSTD_CONTENTSIZE_UNKNOWN)
        return Error{ErrorCode::kLimit, "the zstd frame does not declare its size"};
    if (declared > max_bytes)
        return Error{ErrorCode::kLimit,
                     fmt::format("the zstd frame declares {} bytes; at most {} are allowed",
                                 declared, max_bytes)};
    if (declared > kAnyRatioBytes && declared / limits::kExpansionRatio > bytes.size())
        return Error{ErrorCode::kLimit,
                     fmt::format("{} bytes expand to {}: more than {} times", bytes.size(),
                                 declared, limits::kExpansionRatio)};
    const std::size_t frame = ZSTD_findFrameCompressedSize(bytes.data(), bytes.size());
    if (ZSTD_isError(frame) || frame != bytes.size())
        return Error{ErrorCode::kInvalid, "the zstd frame is cut short or something follows it"};
    std::string out(static_cast<std::size_t>(declared), '\0');
    const std::size_t size = ZSTD_decompress(out.data(), out.size(), bytes.data(), bytes.size());
    if (ZSTD_isError(size) || size != out.size())
        return Error{ErrorCode::kInvalid, "the zstd frame is damaged"};
    return out;
}

}  // namespace clusterwatch::wire
