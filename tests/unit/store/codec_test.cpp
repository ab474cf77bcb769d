// The chunk encoding: every column comes back bit for bit, and no bytes harm the decoder.
#include <cmath>
#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "collector/store/bytes.h"
#include "collector/store/chunk_row.h"
#include "collector/store/value_codec.h"

namespace clusterwatch::store {
namespace {

std::vector<std::uint64_t> bits(const std::vector<double>& values) {
    std::vector<std::uint64_t> out;
    for (const double v : values) out.push_back(std::bit_cast<std::uint64_t>(v));
    return out;
}

std::size_t expectRoundTrip(const std::vector<double>& values) {
    std::string bytes;
    encodeValues(bytes, values);
    std::vector<double> back;
    EXPECT_TRUE(decodeValues(bytes, values.size(), back));
    EXPECT_EQ(bits(back), bits(values));
    return bytes.size();
}

void expectRoundTrip(const std::vector<std::int64_t>& values) {
    std::string bytes;
    encodeIntegers(bytes, values);
    std::vector<std::int64_t> back;
    EXPECT_TRUE(decodeIntegers(bytes, values.size(), back));
    EXPECT_EQ(back, values);
}

double random(std::mt19937_64& generator, int kind, double previous) {
    std::uniform_real_distribution<double> unit(0, 1);
    switch (kind) {
        case 0: return std::bit_cast<double>(generator());
        case 1: return previous + double(generator() % 1000);
        case 2: return double(generator() % 10000) / 100;
        case 3: return double(generator() % 10000) * 0.001;
        case 4: return double(generator() % 100000000) / 1e3 / 1e3;
        case 5: return double(generator() % 100) * 4096;
        case 6: return unit(generator);
        case 7: return generator() % 20 == 0 ? staleMarker() : previous + 1;
        case 8: return generator() % 50 == 0 ? -0.0 : 0.0;
        default: return double(generator() % 3);
    }
}

TEST(ValueCodec, SpecialValuesKeepTheirBits) {
    const double inf = std::numeric_limits<double>::infinity();
    const std::vector<double> special = {0.0,
                                         -0.0,
                                         inf,
                                         -inf,
                                         std::nan(""),
                                         staleMarker(),
                                         std::bit_cast<double>(kNormalNaNBits),
                                         std::bit_cast<double>(std::uint64_t{0xfff123456789abcd}),
                                         5e-324,
                                         -5e-324,
                                         std::numeric_limits<double>::max(),
                                         std::numeric_limits<double>::lowest(),
                                         0.1,
                                         1e15 + 0.3,
                                         9007199254740992.0,
                                         9007199254740993.0,
                                         -9007199254740992.0,
                                         1.5,
                                         -1.5,
                                         1e-15,
                                         18446744073709551615.0};
    expectRoundTrip(special);
    for (const double v : special) {
        expectRoundTrip(std::vector<double>{v});
        expectRoundTrip(std::vector<double>(300, v));
        std::vector<double> among(300, 42.0);
        among[7] = v;
        among[299] = v;
        expectRoundTrip(among);
    }
    expectRoundTrip(std::vector<double>{});
}

TEST(ValueCodec, RandomColumnsOfEachKindComeBack) {
    for (std::uint64_t seed = 0; seed < 1500; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937_64 generator(seed);
        const std::size_t n = 1 + generator() % 700;
        const int kind = static_cast<int>(generator() % 11);
        std::vector<double> values;
        double previous = double(generator() % 100000);
        for (std::size_t i = 0; i < n; ++i) {
            previous = random(generator, kind == 10 ? int(generator() % 10) : kind, previous);
            values.push_back(previous);
            if (!std::isfinite(previous)) previous = 3;
        }
        expectRoundTrip(values);
    }
}

TEST(ValueCodec, IntegersOfTheFullRangeComeBack) {
    const std::int64_t least = std::numeric_limits<std::int64_t>::min();
    const std::int64_t most = std::numeric_limits<std::int64_t>::max();
    expectRoundTrip(std::vector<std::int64_t>{});
    expectRoundTrip(std::vector<std::int64_t>{least});
    expectRoundTrip(std::vector<std::int64_t>{least, most, least, most, 0, -1, 1});
    expectRoundTrip(std::vector<std::int64_t>{0, least, 0, least, 0});
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937_64 generator(seed);
        std::vector<std::int64_t> values(1 + generator() % 500);
        const unsigned shift = generator() % 64;
        for (auto& v : values) v = static_cast<std::int64_t>(generator()) >> shift;
        expectRoundTrip(values);
    }
}

TEST(ValueCodec, OrdinaryColumnsAreSmall) {
    std::mt19937_64 generator(1);
    std::vector<double> counter, gauge, flat(360, 12.5);
    std::vector<std::int64_t> times;
    double total = 1e6;
    for (int i = 0; i < 360; ++i) {
        counter.push_back(total += 1000 + double(generator() % 100));
        gauge.push_back(double(generator() % 200) / 100);
        times.push_back(1'795'305'600'123 + i * 10'000);
    }
    EXPECT_LT(expectRoundTrip(counter), 360u);  // 6.6 bits of noise a sample
    EXPECT_LT(expectRoundTrip(gauge), 400u);    // 7.6 bits
    EXPECT_EQ(expectRoundTrip(flat), 9u);
    std::string bytes;
    encodeIntegers(bytes, times);
    EXPECT_LT(bytes.size(), 16u);
}

TEST(ValueCodec, NoBytesHarmTheDecoder) {
    std::vector<double> doubles;
    std::vector<std::int64_t> integers;
    for (std::uint64_t seed = 0; seed < 20000; ++seed) {
        std::mt19937_64 generator(seed);
        std::vector<double> values(1 + generator() % 300);
        double previous = 1;
        const int kind = int(generator() % 10);
        for (auto& v : values) v = previous = random(generator, kind, previous);
        std::string bytes;
        encodeValues(bytes, values);
        if (bytes.empty()) continue;
        for (std::uint64_t flips = 1 + generator() % 4; flips > 0; --flips)
            bytes[generator() % bytes.size()] = static_cast<char>(generator());
        if (generator() % 3 == 0) bytes.resize(generator() % bytes.size());
        const bool as_values = decodeValues(bytes, values.size(), doubles);
        EXPECT_TRUE(!as_values || doubles.size() == values.size());
        const bool as_integers = decodeIntegers(bytes, values.size(), integers);
        EXPECT_TRUE(!as_integers || integers.size() == values.size());
    }
    EXPECT_FALSE(decodeValues("", 1, doubles));
    EXPECT_FALSE(decodeIntegers(std::string(20, '\0'), kMaxColumnSamples + 1, integers));
}

std::vector<SeriesSamples> someSeries(std::uint64_t seed) {
    std::mt19937_64 generator(seed);
    std::vector<SeriesSamples> out;
    SeriesId id = 0;
    for (std::size_t s = 0; s < 1 + seed % 20; ++s) {
        SeriesSamples one;
        one.id = id += 1 + generator() % 3;
        const std::int64_t offset = s % 4 == 3 ? 5 : 0;  // most share their times
        for (int i = 0; i < 50; ++i)
            one.samples.push_back({1000 + i * 10 + offset, double(generator() % 50)});
        out.push_back(std::move(one));
    }
    return out;
}

TEST(ChunkRow, GivesBackEachSeriesWithinARange) {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        const auto series = someSeries(seed);
        auto row = ChunkRow::parse(encodeChunkRow(77, -3600, series));
        ASSERT_TRUE(row.ok()) << row.error().message();
        EXPECT_EQ(row->group(), 77u);
        EXPECT_EQ(row->windowStart(), -3600);
        for (const auto& one : series) {
            std::vector<Sample> all, some;
            ASSERT_TRUE(row->read(one.id, {INT64_MIN, INT64_MAX}, all));
            ASSERT_EQ(all.size(), one.samples.size());
            for (std::size_t i = 0; i < all.size(); ++i) {
                EXPECT_EQ(all[i].t_ms, one.samples[i].t_ms);
                EXPECT_TRUE(sameBits(all[i].value, one.samples[i].value));
            }
            ASSERT_TRUE(row->read(one.id, {1100, 1199}, some));
            EXPECT_EQ(some.size(), 10u);
        }
        std::vector<Sample> none;
        ASSERT_TRUE(row->read(99999, {INT64_MIN, INT64_MAX}, none));
        EXPECT_TRUE(none.empty());
    }
}

TEST(ChunkRow, AnyFlippedByteIsNoticed) {
    const std::string blob = encodeChunkRow(1, 0, someSeries(3));
    for (std::size_t at = 0; at < blob.size(); ++at) {
        std::string damaged = blob;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
        const auto row = ChunkRow::parse(damaged);
        EXPECT_FALSE(row.ok()) << at;
    }
    for (std::size_t cut = 0; cut < blob.size(); ++cut)
        EXPECT_FALSE(ChunkRow::parse(blob.substr(0, cut)).ok()) << cut;
}

TEST(ByteReader, NeverReadsBeyondItsEnd) {
    ByteReader empty("");
    EXPECT_EQ(empty.varint(), 0u);
    EXPECT_FALSE(empty.ok());
    ByteReader endless(std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 11));
    endless.varint();
    EXPECT_FALSE(endless.ok());
    std::string text;
    putVarint(text, 1000);
    ByteReader liar(text);
    EXPECT_TRUE(liar.text().empty());
    EXPECT_FALSE(liar.ok());
}

}  // namespace
}  // namespace clusterwatch::store
