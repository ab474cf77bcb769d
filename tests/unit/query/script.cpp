#include "tests/unit/query/script.h"

#include <cmath>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "collector/query/engine.h"
#include "collector/query/parser.h"
#include "common/text.h"
#include "tests/unit/query/vector_source.h"

namespace clusterwatch::query {
namespace {

bool near(double a, double b) {
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
    if (a == b) return true;
    return std::abs(a - b) <= 1e-11 * std::max(std::abs(a), std::abs(b));
}

struct Eval {
    std::size_t line = 0;
    bool fails = false;
    bool is_range = false;
    std::int64_t start = 0, end = 0, step = 1;
    std::string query;
    std::vector<std::string> expected;  // lines
};

class Script {
  public:
    std::vector<std::string> run(std::string_view text, int& evals) {
        for (std::string_view raw : split(text, '\n')) {
            ++line_;
            const bool indented = !raw.empty() && (raw[0] == ' ' || raw[0] == '\t');
            const std::string_view line = trim(raw);
            if (line.empty() || line[0] == '#') continue;
            if (indented && loading_) {
                loadSeries(line);
            } else if (indented && eval_) {
                eval_->expected.emplace_back(line);
            } else {
                finish(evals);
                command(line);
            }
        }
        finish(evals);
        return std::move(complaints_);
    }

  private:
    void complain(std::string text) {
        complaints_.push_back(fmt::format("line {}: {}", line_, text));
    }

    std::int64_t time(std::string_view text) {
        if (const auto number = parseDouble(text)) return std::llround(*number * 1000);
        const auto duration = parseDuration(text);
        if (!duration) complain(fmt::format("no time: {}", text));
        return duration ? duration->count() : 0;
    }

    static std::string_view word(std::string_view& rest) {
        rest = trim(rest);
        const std::size_t end = std::min(rest.find(' '), rest.size());
        const std::string_view result = rest.substr(0, end);
        rest.remove_prefix(end);
        return result;
    }

    void command(std::string_view line) {
        loading_ = false;
        std::string_view rest = line;
        const std::string_view verb = word(rest);
        if (verb == "clear") {
            source_.clear();
        } else if (verb == "load") {
            loading_ = true;
            interval_ = time(word(rest));
        } else if (verb == "eval" || verb == "eval_fail") {
            Eval eval;
            eval.line = line_;
            eval.fails = verb == "eval_fail";
            eval.is_range = word(rest) == "range";
            word(rest);  // at, from
            eval.start = eval.end = time(word(rest));
            if (eval.is_range) {
                word(rest);  // to
                eval.end = time(word(rest));
                word(rest);  // step
                eval.step = time(word(rest));
            }
            eval.query = std::string(trim(rest));
            eval_ = std::move(eval);
        } else {
            complain(fmt::format("unknown command {}", verb));
        }
    }

    Labels labelsOf(std::string_view text) {
        if (text == "{}") return {};
        const auto matchers = parseSelector(text);
        if (!matchers) {
            complain(matchers.error().message());
            return {};
        }
        Labels labels;
        for (const Matcher& matcher : *matchers) labels.set(matcher.name(), matcher.value());
        return labels;
    }

    // The series, and the values after it.
    std::pair<Labels, std::vector<std::optional<double>>> seriesLine(std::string_view line) {
        std::size_t end = line.find('}');
        end = end == std::string_view::npos ? line.find(' ') : end + 1;
        const Labels labels = labelsOf(line.substr(0, end));
        std::vector<std::optional<double>> values;
        for (std::string_view item : split(trim(line.substr(end)), ' ')) {
            if (!item.empty()) expandValues(item, values);
        }
        return {labels, std::move(values)};
    }

    // 5, _, _x3, stale, 1x3 (that is 1 1 1 1), 0+10x4, 9-1x2
    void expandValues(std::string_view item, std::vector<std::optional<double>>& out) {
        if (item == "stale") return out.push_back(staleMarker());
        if (item == "_") return out.push_back(std::nullopt);
        const std::size_t times = item.find('x');
        if (times == std::string_view::npos) return out.push_back(parseDouble(item));
        const auto count = parseInt(item.substr(times + 1));
        const std::string_view formula = item.substr(0, times);
        if (formula == "_") return out.resize(out.size() + static_cast<std::size_t>(*count));
        const std::size_t sign = formula.find_first_of("+-", 1);
        const double first = *parseDouble(formula.substr(0, sign));
        const double by = sign == std::string_view::npos ? 0 : *parseDouble(formula.substr(sign));
        for (std::int64_t i = 0; i <= *count; ++i)
            out.push_back(first + by * static_cast<double>(i));
    }

    void loadSeries(std::string_view line) {
        const auto [labels, values] = seriesLine(line);
        std::vector<Sample> samples;
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (values[i])
                samples.push_back({static_cast<std::int64_t>(i) * interval_, *values[i]});
        }
        source_.add(labels, std::move(samples));
    }

    void finish(int& evals) {
        if (!eval_) return;
        const Eval eval = *std::exchange(eval_, std::nullopt);
        ++evals;
        const std::size_t here = std::exchange(line_, eval.line);
        const Engine engine(source_, clock_);
        const auto value = eval.is_range ? engine.range(eval.query, eval.start, eval.end, eval.step)
                                         : engine.instant(eval.query, eval.start);
        if (eval.fails != !value) {
            complain(fmt::format("{}: {}", eval.query,
                                 value ? "should have failed" : value.error().message()));
        } else if (eval.fails) {
            checkMessage(eval, value.error().message());
        } else {
            check(eval, *value);
        }
        line_ = here;
    }

    void checkMessage(const Eval& eval, const std::string& message) {
        for (std::string_view line : eval.expected) {
            const std::string_view verb = word(line);
            if (verb != "expected_fail_message") complain("expected_fail_message is expected here");
            if (trim(line) != message) complain(fmt::format("the error is: {}", message));
        }
    }

    void check(const Eval& eval, const Value& value) {
        std::map<Labels, std::map<std::int64_t, double>> expected;
        for (const std::string& line : eval.expected) {
            if (const auto number = parseDouble(line)) {
                expected[Labels{}][eval.start] = *number;
                continue;
            }
            const auto [labels, values] = seriesLine(line);
            auto& points = expected[labels];
            for (std::size_t i = 0; i < values.size(); ++i) {
                if (values[i])
                    points[eval.start + static_cast<std::int64_t>(i) * eval.step] = *values[i];
            }
        }
        std::map<Labels, std::map<std::int64_t, double>> got;
        if (const auto* vector = std::get_if<Vector>(&value)) {
            for (const auto& element : *vector) {
                got[element.labels][element.sample.t_ms] = element.sample.value;
            }
        } else if (const auto* matrix = std::get_if<Matrix>(&value)) {
            for (const auto& series : *matrix) {
                for (const Sample& point : series.points)
                    got[series.labels][point.t_ms] = point.value;
            }
        } else if (const auto* scalar = std::get_if<Scalar>(&value)) {
            got[Labels{}][scalar->sample.t_ms] = scalar->sample.value;
        }
        compare(eval, expected, got);
    }

    using Points = std::map<Labels, std::map<std::int64_t, double>>;
    void compare(const Eval& eval, const Points& expected, const Points& got) {
        for (const auto& [labels, points] : got) {
            if (!expected.contains(labels)) {
                complain(fmt::format("{}: unexpected {} (first value {})", eval.query,
                                     labels.toString(), points.begin()->second));
            }
        }
        for (const auto& [labels, points] : expected) {
            const auto found = got.find(labels);
            if (found == got.end()) {
                complain(fmt::format("{}: {} is missing", eval.query, labels.toString()));
                continue;
            }
            if (found->second.size() != points.size()) {
                complain(fmt::format("{}: {} has {} points, expected {}", eval.query,
                                     labels.toString(), found->second.size(), points.size()));
            }
            for (const auto& [t, v] : points) {
                const auto point = found->second.find(t);
                if (point == found->second.end()) {
                    complain(
                        fmt::format("{}: {} has nothing at {}", eval.query, labels.toString(), t));
                } else if (!near(point->second, v)) {
                    complain(fmt::format("{}: {} is {} at {}, expected {}", eval.query,
                                         labels.toString(), point->second, t, v));
                }
            }
        }
    }

    VectorSource source_;
    SystemClock clock_;
    std::size_t line_ = 0;
    bool loading_ = false;
    std::int64_t interval_ = 0;
    std::optional<Eval> eval_;
    std::vector<std::string> complaints_;
};

}  // namespace

std::vector<std::string> runScript(std::string_view text, int& evals) {
    return Script().run(text, evals);
}

}  // namespace clusterwatch::query
