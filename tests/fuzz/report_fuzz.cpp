// Whatever bytes arrive, the decoders of the wire refuse or accept; what they accept comes back the
// same when it is encoded and decoded once more.
// LIBS: clusterwatch::proto
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "common/limits.h"
#include "proto/wire.h"

using namespace clusterwatch;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    if (const auto report = wire::decodeReport(bytes)) {
        const std::string once = wire::encode(*report);
        const auto again = wire::decodeReport(once);
        if (!again || wire::encode(*again) != once) std::abort();
    }
    if (const auto run = wire::decodeSpooled(bytes)) {
        const std::string once = wire::encodeSpooled(*run);
        const auto again = wire::decodeSpooled(once);
        if (!again || wire::encodeSpooled(*again) != once) std::abort();
    }
    (void)wire::decodeReply(bytes);
    if (const auto inflated = wire::decompress(bytes, limits::kDecodedBytes)) {
        (void)wire::decodeReport(*inflated);
    }
    return 0;
}
