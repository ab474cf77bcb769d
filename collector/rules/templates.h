// The templates of labels and annotations: the part of Prometheus's (Go's) template language that
// alert rules use.
//
//     {{ $labels.instance }}   {{ $value }}   {{ $value | humanizeDuration }}
//     {{ printf "%.1f" $value }}   {{ $value | printf "%.1f s" }}   also .Labels.x and .Value
//
// Functions: humanize, humanize1024, humanizeDuration, humanizePercentage, printf with one of
// %f %e %g %v %s. A template is parsed when its file is loaded; anything else is an error then, not
// at 3 a.m. An absent label is the empty string (Go's templates print "<no value>").
//
// Immutable after parse(), so thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/labels.h"
#include "common/result.h"

namespace clusterwatch::rules {

class Template {
  public:
    static Result<Template> parse(std::string_view text);

    std::string expand(const Labels& labels, double value) const;
    const std::string& source() const { return source_; }

  private:
    enum class Function {
        kHumanize,
        kHumanize1024,
        kHumanizeDuration,
        kHumanizePercentage,
        kPrintf
    };
    struct Step {
        Function function;
        std::string format;  // of kPrintf
        char verb = 0;
    };
    struct Piece {
        enum class Kind { kText, kLabel, kValue } kind = Kind::kText;
        std::string text;  // the text, or the label's name
        std::vector<Step> steps;
    };
    // What flows through a pipeline: a number or a string.
    using Datum = std::variant<double, std::string>;

    static Result<Piece> parseAction(std::string_view action);
    static Status parsePipe(std::string_view stage, Piece& piece);
    static Result<Step> parsePrintf(std::string_view quoted);
    static Status parseOperand(std::string_view operand, Piece& piece);
    static Datum applyStep(const Step& step, const Datum& input);

    std::string source_;
    std::vector<Piece> pieces_;
};

// As Go's %v prints a float64: 1, 0.5, 1e-05, +Inf, NaN.
std::string goFloat(double value);

}  // namespace clusterwatch::rules
