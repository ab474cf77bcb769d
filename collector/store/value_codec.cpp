// See docs/formats/chunks.md. The three decimal forms exist because exporters compute their
// decimals in three ways (i / 10^e, i * 10^-e, i / 1e3 / 1e3) that round differently; each value is
// checked to come back bit for bit before a form is taken.
#include "collector/store/value_codec.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <memory>
#include <numeric>
#include <optional>

#include <zstd.h>

#include "collector/store/bytes.h"

namespace clusterwatch::store {

namespace {

constexpr std::size_t kBlock = 128;
constexpr std::uint8_t kPredictors = 3;  // raw, first difference, second difference

// --- integers -----------------------------------------------------------------------------------

// Differences wrap: what encodes also decodes, whatever the values.
std::vector<std::uint64_t> residuals(std::span<const std::int64_t> values, std::uint8_t order) {
    std::vector<std::uint64_t> out(values.size());
    std::uint64_t previous = 0, previous_delta = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const auto value = static_cast<std::uint64_t>(values[i]);
        const std::uint64_t delta = value - previous;
        out[i] = order == 0 ? value : order == 1 ? delta : delta - previous_delta;
        previous = value;
        previous_delta = delta;
    }
    return out;
}

// The first values are starting points, not differences; they are stored apart.
std::size_t seedsOf(std::uint8_t order, std::size_t n) { return std::min<std::size_t>(order, n); }

struct BlockPlan {
    std::uint64_t least = 0;
    unsigned width = 0;
    std::size_t exceptions = 0;
    std::size_t bits = 0;
};

BlockPlan planBlock(std::span<const std::int64_t> block) {
    BlockPlan plan;
    const auto least = *std::min_element(block.begin(), block.end());
    plan.least = static_cast<std::uint64_t>(least);
    std::array<std::size_t, 65> of_width{};
    for (const auto v : block)
        ++of_width[static_cast<std::size_t>(
            std::bit_width(static_cast<std::uint64_t>(v) - plan.least))];
    std::size_t above = 0;
    unsigned widest = 64;
    while (widest > 0 && of_width[widest] == 0) --widest;
    plan.width = widest;
    plan.bits = block.size() * widest;
    for (unsigned width = widest; width > 0; --width) {
        above += of_width[width];
        // An exception costs its place and its high bits, about.
        const std::size_t bits =
            block.size() * (width - 1) + above * (8 + 7 * ((widest - width + 1 + 6) / 7));
        if (bits < plan.bits) plan = {plan.least, width - 1, above, bits};
    }
    return plan;
}

std::size_t estimate(std::span<const std::int64_t> values) {
    std::size_t bits = 0;
    for (std::size_t at = 0; at < values.size(); at += kBlock)
        bits += 24 + planBlock(values.subspan(at, std::min(kBlock, values.size() - at))).bits;
    return bits;
}

class BitWriter {
  public:
    explicit BitWriter(std::string& out) : out_(out) {}
    void put(std::uint64_t value, unsigned width) {
        for (unsigned done = 0; done < width;) {
            const unsigned take = std::min(width - done, 8 - used_);
            byte_ |= static_cast<unsigned>(value >> done & ((1u << take) - 1)) << used_;
            used_ += take;
            done += take;
            if (used_ == 8) flush();
        }
    }
    void flush() {
        if (used_ == 0) return;
        out_ += static_cast<char>(byte_);
        byte_ = used_ = 0;
    }

  private:
    std::string& out_;
    unsigned byte_ = 0, used_ = 0;
};

std::uint64_t lowMask(unsigned width) {
    return width >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << width) - 1;
}

void encodeBlock(std::string& out, std::span<const std::int64_t> block) {
    const BlockPlan plan = planBlock(block);
    out += static_cast<char>(plan.width);
    out += static_cast<char>(plan.exceptions);
    putSigned(out, static_cast<std::int64_t>(plan.least));
    BitWriter bits(out);
    for (const auto v : block)
        bits.put((static_cast<std::uint64_t>(v) - plan.least) & lowMask(plan.width), plan.width);
    bits.flush();
    for (std::size_t i = 0; i < block.size(); ++i) {
        const std::uint64_t above = static_cast<std::uint64_t>(block[i]) - plan.least;
        if (plan.width >= 64 || above >> plan.width == 0) continue;
        out += static_cast<char>(i);
        putVarint(out, above >> plan.width);
    }
}

std::uint64_t bitsAt(std::string_view packed, std::size_t bit, unsigned width) {
    std::uint64_t value = 0;
    unsigned done = 0;
    while (done < width) {
        const auto byte = static_cast<std::uint8_t>(packed[bit / 8]);
        const unsigned skip = bit % 8, take = std::min(width - done, 8 - skip);
        value |= static_cast<std::uint64_t>(byte >> skip & ((1u << take) - 1)) << done;
        done += take;
        bit += take;
    }
    return value;
}

bool decodeBlock(ByteReader& in, std::span<std::uint64_t> block) {
    const unsigned width = in.fixed<std::uint8_t>();
    const std::size_t exceptions = in.fixed<std::uint8_t>();
    const auto least = static_cast<std::uint64_t>(in.signedVarint());
    if (!in.ok() || width > 64 || exceptions > block.size()) return false;
    const std::string_view packed = in.raw((block.size() * width + 7) / 8);
    if (!in.ok()) return false;
    for (std::size_t i = 0; i < block.size(); ++i) block[i] = bitsAt(packed, i * width, width);
    for (std::size_t i = 0; i < exceptions; ++i) {
        const std::size_t at = in.fixed<std::uint8_t>();
        const std::uint64_t high = in.varint();
        if (!in.ok() || at >= block.size() || width >= 64) return false;
        block[at] |= high << width;
    }
    for (auto& v : block) v += least;
    return true;
}

// --- doubles ------------------------------------------------------------------------------------

enum class Form : std::uint8_t { kConstant, kDivided, kMultiplied, kTwiceDivided, kPlanes };

constexpr std::array<double, 16> kPowers = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                            1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
constexpr std::array<double, 16> kInversePowers = {1e0,   1e-1,  1e-2,  1e-3, 1e-4,  1e-5,
                                                   1e-6,  1e-7,  1e-8,  1e-9, 1e-10, 1e-11,
                                                   1e-12, 1e-13, 1e-14, 1e-15};
constexpr double kLargestInteger = 9007199254740992.0;  // 2^53
constexpr unsigned kTwiceDividedExponent = 6;

double fromInteger(Form form, unsigned exponent, std::int64_t i) {
    const auto v = static_cast<double>(i);
    switch (form) {
        case Form::kDivided: return v / kPowers[exponent];
        case Form::kMultiplied: return v * kInversePowers[exponent];
        default: return v / 1e3 / 1e3;
    }
}

std::optional<std::int64_t> toInteger(Form form, unsigned exponent, double value) {
    const double scaled = value * kPowers[exponent];
    if (!(std::fabs(scaled) < kLargestInteger)) return std::nullopt;
    const auto i = static_cast<std::int64_t>(std::llround(scaled));
    const double back = fromInteger(form, exponent, i);
    if (std::bit_cast<std::uint64_t>(back) != std::bit_cast<std::uint64_t>(value))
        return std::nullopt;
    return i;
}

struct Decimal {
    Form form = Form::kPlanes;
    unsigned exponent = 0;
    std::vector<std::int64_t> integers;
    std::vector<std::size_t> exceptions;
};

// The column as integers of this form and exponent; nullopt if an eighth of it is exceptions.
std::optional<Decimal> tryDecimal(std::span<const double> values, Form form, unsigned exponent) {
    Decimal out{form, exponent, {}, {}};
    out.integers.reserve(values.size());
    std::int64_t previous = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (const auto integer = toInteger(form, exponent, values[i])) {
            previous = *integer;
        } else {
            out.exceptions.push_back(i);
            if (out.exceptions.size() > values.size() / 8 + 1) return std::nullopt;
        }
        out.integers.push_back(previous);
    }
    return out;
}

// The least exponent that some sampled values agree on, per form.
unsigned guessExponent(std::span<const double> values, Form form) {
    unsigned exponent = 0;
    const std::size_t step = std::max<std::size_t>(1, values.size() / 32);
    for (std::size_t i = 0; i < values.size(); i += step) {
        for (unsigned e = exponent; e < kPowers.size(); ++e) {
            if (!toInteger(form, e, values[i])) continue;
            exponent = e;
            break;
        }
    }
    return exponent;
}

std::optional<Decimal> asDecimal(std::span<const double> values) {
    std::optional<Decimal> best;
    for (const Form form : {Form::kDivided, Form::kMultiplied, Form::kTwiceDivided}) {
        const bool twice = form == Form::kTwiceDivided;
        auto found =
            tryDecimal(values, form, twice ? kTwiceDividedExponent : guessExponent(values, form));
        if (!found) continue;
        if (!best || found->exceptions.size() < best->exceptions.size()) best = std::move(found);
        if (best->exceptions.empty()) break;
    }
    return best;
}

void encodeDecimal(std::string& out, const Decimal& decimal, std::span<const double> values) {
    out += static_cast<char>(decimal.form);
    out += static_cast<char>(decimal.exponent);
    putVarint(out, decimal.exceptions.size());
    std::size_t previous = 0;
    for (const std::size_t at : decimal.exceptions) {
        putVarint(out, at - previous);
        putFixed(out, std::bit_cast<std::uint64_t>(values[at]));
        previous = at;
    }
    encodeIntegers(out, decimal.integers);
}

bool decodeDecimal(ByteReader& in, Form form, std::size_t n, std::vector<double>& out) {
    const unsigned exponent = in.fixed<std::uint8_t>();
    if (exponent >= kPowers.size()) return false;
    const std::size_t exceptions = in.count();
    std::vector<std::pair<std::size_t, double>> raw;
    raw.reserve(exceptions / 9 + 1);
    std::size_t at = 0;
    for (std::size_t i = 0; i < exceptions; ++i) {
        at += static_cast<std::size_t>(in.varint());
        const auto bits = in.fixed<std::uint64_t>();
        if (!in.ok() || at >= n) return false;
        raw.emplace_back(at, std::bit_cast<double>(bits));
    }
    std::vector<std::int64_t> integers;
    if (!in.ok() || !decodeIntegers(in.raw(in.left()), n, integers)) return false;
    out.resize(n);
    for (std::size_t i = 0; i < n; ++i) out[i] = fromInteger(form, exponent, integers[i]);
    for (const auto& [index, value] : raw) out[index] = value;
    return true;
}

void encodePlanes(std::string& out, std::span<const double> values) {
    const std::size_t n = values.size();
    std::string planes(n * 8, '\0');
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t b = 0; b < 8; ++b)
            planes[b * n + i] =
                static_cast<char>(std::bit_cast<std::uint64_t>(values[i]) >> (8 * b));
    std::string packed(ZSTD_compressBound(planes.size()), '\0');
    const std::size_t size =
        ZSTD_compress(packed.data(), packed.size(), planes.data(), planes.size(), 3);
    out += static_cast<char>(Form::kPlanes);
    const bool smaller = !ZSTD_isError(size) && size < planes.size();
    out += static_cast<char>(smaller);
    out += smaller ? packed.substr(0, size) : planes;
}

bool decodePlanes(ByteReader& in, std::size_t n, std::vector<double>& out) {
    const bool packed = in.fixed<std::uint8_t>() != 0;
    std::string_view bytes = in.raw(in.left());
    std::string planes;
    if (packed) {
        planes.resize(n * 8);
        const std::size_t size =
            ZSTD_decompress(planes.data(), planes.size(), bytes.data(), bytes.size());
        if (ZSTD_isError(size) || size != planes.size()) return false;
        bytes = planes;
    }
    if (bytes.size() != n * 8) return false;
    out.resize(n);
    for (std::size_t i = 0; i < n; ++i) {
        std::uint64_t bits = 0;
        for (std::size_t b = 0; b < 8; ++b)
            bits |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(bytes[b * n + i]))
                    << (8 * b);
        out[i] = std::bit_cast<double>(bits);
    }
    return true;
}

}  // namespace

void encodeIntegers(std::string& out, std::span<const std::int64_t> values) {
    std::vector<std::int64_t> best;
    std::uint8_t best_order = 0;
    std::size_t best_bits = ~std::size_t{0};
    std::vector<std::uint64_t> best_residuals;
    for (std::uint8_t order = 0; order < kPredictors; ++order) {
        auto all = residuals(values, order);
        std::vector<std::int64_t> rest(
            all.begin() + static_cast<std::ptrdiff_t>(seedsOf(order, all.size())), all.end());
        const std::size_t bits = estimate(rest) + std::size_t{16} * order;
        if (bits >= best_bits) continue;
        best_bits = bits;
        best_order = order;
        best = std::move(rest);
        best_residuals = std::move(all);
    }
    const std::int64_t base = best.empty() ? 0 : best.front();
    std::uint64_t divisor = 0;
    for (auto& v : best) {
        v = static_cast<std::int64_t>(static_cast<std::uint64_t>(v) -
                                      static_cast<std::uint64_t>(base));
        divisor = std::gcd(
            divisor, v < 0 ? 0 - static_cast<std::uint64_t>(v) : static_cast<std::uint64_t>(v));
    }
    // 0: all equal. Beyond 2^62 a divisor cannot pay and its quotient's sign is not safe.
    if (divisor > (std::uint64_t{1} << 62)) divisor = 1;
    out += static_cast<char>(best_order);
    for (std::size_t i = 0; i < seedsOf(best_order, values.size()); ++i)
        putSigned(out, static_cast<std::int64_t>(best_residuals[i]));
    putSigned(out, base);
    putVarint(out, divisor);
    if (divisor == 0) return;
    if (divisor > 1)
        for (auto& v : best) v /= static_cast<std::int64_t>(divisor);
    for (std::size_t at = 0; at < best.size(); at += kBlock)
        encodeBlock(out, std::span<const std::int64_t>(best).subspan(
                             at, std::min(kBlock, best.size() - at)));
}

bool decodeIntegers(std::string_view bytes, std::size_t n, std::vector<std::int64_t>& out) {
    if (n > kMaxColumnSamples) return false;
    ByteReader in(bytes);
    const auto order = in.fixed<std::uint8_t>();
    if (order >= kPredictors) return false;
    const std::size_t seeds = seedsOf(order, n);
    std::vector<std::uint64_t> all(n);
    for (std::size_t i = 0; i < seeds; ++i) all[i] = static_cast<std::uint64_t>(in.signedVarint());
    const auto base = static_cast<std::uint64_t>(in.signedVarint());
    const std::uint64_t divisor = in.varint();
    if (!in.ok()) return false;
    for (std::size_t at = seeds; divisor != 0 && at < n; at += kBlock)
        if (!decodeBlock(in, std::span(all).subspan(at, std::min(kBlock, n - at)))) return false;
    if (in.left() != 0) return false;
    for (std::size_t i = seeds; i < n; ++i) all[i] = all[i] * divisor + base;

    out.resize(n);
    std::uint64_t previous = 0, previous_delta = 0;
    for (std::size_t i = 0; i < n; ++i) {
        if (order == 0) {
            previous = all[i];
        } else {
            previous_delta = order == 1 ? all[i] : previous_delta + all[i];
            previous += previous_delta;
        }
        out[i] = static_cast<std::int64_t>(previous);
    }
    return true;
}

void encodeValues(std::string& out, std::span<const double> values) {
    const auto bits = [](double v) { return std::bit_cast<std::uint64_t>(v); };
    const bool constant = std::all_of(values.begin(), values.end(),
                                      [&](double v) { return bits(v) == bits(values.front()); });
    if (constant && !values.empty()) {
        out += static_cast<char>(Form::kConstant);
        putFixed(out, bits(values.front()));
        return;
    }
    if (const auto decimal = asDecimal(values))
        encodeDecimal(out, *decimal, values);
    else
        encodePlanes(out, values);
}

bool decodeValues(std::string_view bytes, std::size_t n, std::vector<double>& out) {
    if (n > kMaxColumnSamples) return false;
    ByteReader in(bytes);
    const auto form = in.fixed<std::uint8_t>();
    if (!in.ok()) return false;
    switch (static_cast<Form>(form)) {
        case Form::kConstant: {
            const auto bits = in.fixed<std::uint64_t>();
            if (!in.ok() || in.left() != 0) return false;
            out.assign(n, std::bit_cast<double>(bits));
            return true;
        }
        case Form::kDivided:
        case Form::kMultiplied:
        case Form::kTwiceDivided: return decodeDecimal(in, static_cast<Form>(form), n, out);
        case Form::kPlanes: return decodePlanes(in, n, out);
    }
    return false;
}

}  // namespace clusterwatch::store
