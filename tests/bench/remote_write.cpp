#include "tests/bench/remote_write.h"

#include <bit>

#include <snappy.h>

#include "common/check.h"

namespace clusterwatch::bench {
namespace {

// Protobuf's encoding: a tag is (field << 3 | wire type); 0 is a varint, 1 eight bytes, 2 a length and bytes.
void putVarint(std::string& out, std::uint64_t value) {
    while (value >= 0x80) {
        out.push_back(static_cast<char>(value | 0x80));
        value >>= 7;
    }
    out.push_back(static_cast<char>(value));
}

void putBytes(std::string& out, unsigned field, std::string_view bytes) {
    putVarint(out, field << 3 | 2);
    putVarint(out, bytes.size());
    out.append(bytes);
}

void putDouble(std::string& out, unsigned field, double value) {
    putVarint(out, field << 3 | 1);
    const auto bits = std::bit_cast<std::uint64_t>(value);
    for (int shift = 0; shift < 64; shift += 8) out.push_back(static_cast<char>(bits >> shift));
}

}  // namespace

std::string remoteWriteBody(const std::vector<Labels>& series, const std::vector<double>& values,
                            std::int64_t t_ms) {
    CHECK(series.size() == values.size());
    std::string request, timeseries, label, sample;
    for (std::size_t i = 0; i < series.size(); ++i) {
        timeseries.clear();
        for (const auto& [name, value] : series[i].pairs()) {
            label.clear();
            putBytes(label, 1, name);
            putBytes(label, 2, value);
            putBytes(timeseries, 1, label);
        }
        sample.clear();
        putDouble(sample, 1, values[i]);
        putVarint(sample, 2 << 3);
        putVarint(sample, static_cast<std::uint64_t>(t_ms));
        putBytes(timeseries, 2, sample);
        putBytes(request, 1, timeseries);
    }
    std::string body;
    snappy::Compress(request.data(), request.size(), &body);
    return body;
}

}  // namespace clusterwatch::bench
