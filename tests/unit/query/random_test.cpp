// The engine against a slow, obviously right evaluator, over random data: each step of a range query is
// computed from all samples of the series, from scratch.
#include <cmath>
#include <map>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "collector/query/engine.h"
#include "tests/unit/query/vector_source.h"

namespace clusterwatch::query {
namespace {

using Samples = std::vector<Sample>;

// All samples in (end - range, end], without markers.
Samples window(const Samples& all, std::int64_t end, std::int64_t range) {
    Samples result;
    for (const Sample& s : all) {
        if (s.t_ms > end - range && s.t_ms <= end && !isStaleMarker(s.value)) result.push_back(s);
    }
    return result;
}

std::optional<double> naiveInstant(const Samples& all, std::int64_t t) {
    std::optional<double> value;
    for (const Sample& s : all) {
        if (s.t_ms <= t && s.t_ms > t - 300'000) value = s.value;
    }
    if (value && isStaleMarker(*value)) return std::nullopt;
    return value;
}

std::optional<double> naiveRate(const Samples& all, std::int64_t end, std::int64_t range) {
    const Samples w = window(all, end, range);
    if (w.size() < 2) return std::nullopt;
    double grown = 0;
    for (std::size_t i = 1; i < w.size(); ++i) {
        grown += w[i].value < w[i - 1].value ? w[i].value : w[i].value - w[i - 1].value;
    }
    const double covered = static_cast<double>(w.back().t_ms - w.front().t_ms) / 1000;
    const double interval = covered / static_cast<double>(w.size() - 1);
    double before = static_cast<double>(w.front().t_ms - (end - range)) / 1000;
    double after = static_cast<double>(end - w.back().t_ms) / 1000;
    if (before >= 1.1 * interval) before = interval / 2;
    if (after >= 1.1 * interval) after = interval / 2;
    if (grown > 0 && w.front().value >= 0) {
        before = std::min(before, covered * w.front().value / grown);
    }
    return grown * (before + covered + after) / covered / (static_cast<double>(range) / 1000);
}

struct Case {
    const char* query;
    std::optional<double> (*naive)(const Samples&, std::int64_t);
};

const Case kCases[] = {
    {"x", naiveInstant},
    {"x > 50",
     [](const Samples& all, std::int64_t t) {
         const auto v = naiveInstant(all, t);
         return v && *v > 50 ? v : std::nullopt;
     }},
    {"x offset 37s * 2",
     [](const Samples& all, std::int64_t t) {
         const auto v = naiveInstant(all, t - 37'000);
         return v ? std::optional(*v * 2) : std::nullopt;
     }},
    {"rate(x[90s])", [](const Samples& all, std::int64_t t) { return naiveRate(all, t, 90'000); }},
    {"increase(x[7m] offset 1m)",
     [](const Samples& all, std::int64_t t) {
         const auto v = naiveRate(all, t - 60'000, 420'000);
         return v ? std::optional(*v * 420) : std::nullopt;
     }},
    {"count_over_time(x[45s])",
     [](const Samples& all, std::int64_t t) -> std::optional<double> {
         const auto n = window(all, t, 45'000).size();
         return n > 0 ? std::optional(static_cast<double>(n)) : std::nullopt;
     }},
    {"avg_over_time(x[3m])",
     [](const Samples& all, std::int64_t t) -> std::optional<double> {
         const Samples w = window(all, t, 180'000);
         double sum = 0;
         for (const Sample& s : w) sum += s.value;
         return w.empty() ? std::nullopt : std::optional(sum / static_cast<double>(w.size()));
     }},
};

Samples randomSeries(std::mt19937& random) {
    Samples result;
    double value = random() % 100;
    for (std::int64_t t = random() % 20'000; t < 1'800'000;) {
        const auto dice = random() % 40;
        if (dice == 0) value = random() % 10;  // a reset
        if (dice == 1) t += 400'000;           // a gap beyond the lookback
        value += random() % 5;
        result.push_back({t, dice == 2 ? staleMarker() : value});
        t += 5'000 + static_cast<std::int64_t>(random() % 15'000);
    }
    return result;
}

TEST(Random, AgreesWithTheNaiveEvaluator) {
    SystemClock clock;
    std::size_t points = 0;
    for (unsigned seed = 1; seed <= 60; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937 random(seed);
        VectorSource source;
        for (int i = 0; i < 3; ++i) {
            source.add({{"__name__", "x"}, {"i", std::to_string(i)}}, randomSeries(random));
        }
        const Engine engine(source, clock);
        const auto step = static_cast<std::int64_t>(1 + random() % 120) * 1000;
        for (const Case& c : kCases) {
            const auto value = engine.range(c.query, 100, 1'900'000, step);
            ASSERT_TRUE(value) << c.query << ": " << value.error().message();
            const auto& matrix = std::get<Matrix>(*value);
            for (const auto& [labels, samples] : source.data()) {
                Samples got;
                for (const Series& series : matrix) {
                    if (series.labels.get("i") == labels.get("i")) got = series.points;
                }
                std::size_t at = 0;
                for (std::int64_t t = 100; t <= 1'900'000; t += step) {
                    const auto expected = c.naive(samples, t);
                    const bool has = at < got.size() && got[at].t_ms == t;
                    ASSERT_EQ(has, expected.has_value()) << c.query << " at " << t;
                    if (!has) continue;
                    ASSERT_NEAR(got[at].value, *expected, 1e-9 * (1 + std::abs(*expected)))
                        << c.query << " at " << t;
                    ++at;
                    ++points;
                }
                ASSERT_EQ(at, got.size()) << c.query;
            }
        }
    }
    EXPECT_GT(points, 50'000u);  // most answers are not empty
}

// --- set operators -----------------------------------------------------------------------------

using Elements = std::map<Labels, double>;

Labels key(const Labels& labels, const std::vector<std::string>& on) {
    std::vector<Labels::Pair> pairs;
    for (const std::string& name : on) pairs.emplace_back(name, std::string(labels.get(name)));
    return Labels(std::move(pairs));
}

bool anyMatch(const Labels& labels, const Elements& others, const std::vector<std::string>& on) {
    for (const auto& [other, value] : others) {
        if (key(labels, on) == key(other, on)) return true;
    }
    return false;
}

Elements naiveSet(std::string_view op, const Elements& left, const Elements& right,
                  const std::vector<std::string>& on) {
    Elements result;
    for (const auto& [labels, value] : left) {
        const bool match = anyMatch(labels, right, on);
        if (op == "or" || match == (op == "and")) result.emplace(labels, value);
    }
    for (const auto& [labels, value] : right) {
        if (op == "or" && !anyMatch(labels, left, on)) result.emplace(labels, value);
    }
    return result;
}

Elements elementsAt(const VectorSource& source, std::string_view name, std::int64_t t) {
    Elements result;
    for (const auto& [labels, samples] : source.data()) {
        if (labels.metricName() != name) continue;
        if (const auto value = naiveInstant(samples, t)) result.emplace(labels, *value);
    }
    return result;
}

Elements elementsAt(const Matrix& matrix, std::int64_t t) {
    Elements result;
    for (const Series& series : matrix) {
        for (const Sample& point : series.points) {
            if (point.t_ms == t) result.emplace(series.labels, point.value);
        }
    }
    return result;
}

TEST(Random, SetOperatorsAgreeWithTheNaiveEvaluator) {
    SystemClock clock;
    std::size_t elements = 0;
    const std::pair<const char*, std::vector<std::string>> matchings[] = {
        {"", {"i", "j"}}, {"on (i)", {"i"}}, {"ignoring (i)", {"j"}}, {"on ()", {}}};
    for (unsigned seed = 1; seed <= 40; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937 random(seed);
        VectorSource source;
        for (const char* name : {"x", "y"}) {
            for (int series = 0; series < 6; ++series) {
                if (random() % 3 == 0) continue;
                source.add({{"__name__", name},
                            {"i", std::to_string(series % 2)},
                            {"j", std::to_string(series / 2)}},
                           randomSeries(random));
            }
        }
        const Engine engine(source, clock);
        for (const char* op : {"and", "or", "unless"}) {
            for (const auto& [matching, on] : matchings) {
                const std::string query = fmt::format("x {} {} y", op, matching);
                const auto value = engine.range(query, 0, 1'900'000, 50'000);
                ASSERT_TRUE(value) << query << ": " << value.error().message();
                for (std::int64_t t = 0; t <= 1'900'000; t += 50'000) {
                    const Elements expected =
                        naiveSet(op, elementsAt(source, "x", t), elementsAt(source, "y", t), on);
                    ASSERT_EQ(elementsAt(std::get<Matrix>(*value), t), expected)
                        << query << " at " << t;
                    elements += expected.size();
                }
            }
        }
    }
    EXPECT_GT(elements, 20'000u);
}

}  // namespace
}  // namespace clusterwatch::query
