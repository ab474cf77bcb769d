// LIBS: clusterwatch::collector_query
// Any bytes as a query: an answer or an error with a position; never a crash, a hang, or more samples
// than the limit. Parses, then evaluates over a small source, at an instant and over a range.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "collector/query/engine.h"
#include "collector/query/parser.h"
#include "collector/query/prometheus_json.h"
#include "tests/unit/query/vector_source.h"

using namespace clusterwatch;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const query::VectorSource source = [] {
        query::VectorSource made;
        made.add({{"__name__", "x"}, {"i", "a"}}, {{0, 1}, {10'000, 2}, {20'000, staleMarker()}});
        made.add({{"__name__", "y"}, {"i", "a"}}, {{0, 3}, {10'000, 1}, {30'000, 5}});
        return made;
    }();
    static const SystemClock clock;
    static const query::Engine engine(source, clock, {.max_samples = 10'000});
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto parsed = query::parseExpression(text);
    if (!parsed && parsed.error().message().find("parse error: ") == std::string::npos)
        std::abort();
    for (const auto& value : {engine.instant(text, 20'000), engine.range(text, 0, 40'000, 7'000)}) {
        if (value && query::queryAnswer(*value).empty()) std::abort();
    }
    return 0;
}
