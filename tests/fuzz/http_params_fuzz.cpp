// LIBS: clusterwatch::collector_api
// Parameters of requests: whatever the bytes, an answer or an error, and what parses is UTF-8.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "collector/api/access.h"
#include "collector/api/compression.h"
#include "collector/api/listen.h"
#include "collector/api/parameters.h"
#include "common/text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace clusterwatch;
    using namespace clusterwatch::api;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto parsed = Parameters::parse(text);
    if (parsed) {
        for (const auto* name : {"query", "time", "match[]", "limit"})
            for (const auto value : parsed->all(name))
                if (!isValidUtf8(value)) std::abort();
        static_cast<void>(timeParameter(*parsed, "time", 0));
        static_cast<void>(limitParameter(*parsed, "limit"));
    }
    static_cast<void>(parseTimestampMs(text));
    static_cast<void>(parseStep(text));
    static_cast<void>(parseListenAddress(text));
    static_cast<void>(acceptsGzip(text));
    static const Access access(std::nullopt, {"collector.example"});
    static_cast<void>(access.hostAllowed(text));
    return 0;
}
