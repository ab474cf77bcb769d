// See templates.h. Sources: Prometheus, template/template.go, and prometheus/common,
// helpers/templates/time.go, for what the humanize functions print.
#include "collector/rules/templates.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/printf.h>

#include "common/text.h"

namespace clusterwatch::rules {
namespace {

Error invalid(std::string message) { return {ErrorCode::kInvalid, std::move(message)}; }

// C's %.4g; Go's agrees for finite numbers.
std::string fourDigits(double value) {
    if (!std::isfinite(value)) return goFloat(value);
    return fmt::sprintf("%.4g", value);
}

std::string humanizeSmall(double value, std::string_view unit) {
    std::string_view prefix;
    for (std::string_view next : {"m", "u", "n", "p", "f", "a", "z", "y"}) {
        if (std::abs(value) >= 1) break;
        prefix = next;
        value *= 1000;
    }
    return fmt::format("{}{}{}", fourDigits(value), prefix, unit);
}

std::string humanizeLarge(double value, double base,
                          std::initializer_list<std::string_view> prefixes) {
    std::string_view prefix;
    for (std::string_view next : prefixes) {
        if (std::abs(value) < base) break;
        prefix = next;
        value /= base;
    }
    return fmt::format("{}{}", fourDigits(value), prefix);
}

std::string humanize(double value) {
    if (value == 0 || !std::isfinite(value)) return fourDigits(value);
    if (std::abs(value) < 1) return humanizeSmall(value, "");
    return humanizeLarge(value, 1000, {"k", "M", "G", "T", "P", "E", "Z", "Y"});
}

std::string humanize1024(double value) {
    if (std::abs(value) <= 1 || !std::isfinite(value)) return fourDigits(value);
    return humanizeLarge(value, 1024, {"ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"});
}

std::string humanizeDuration(double value) {
    if (!std::isfinite(value)) return fourDigits(value);
    if (value == 0) return "0s";
    if (std::abs(value) < 1) return humanizeSmall(value, "s");
    const std::string_view sign = value < 0 ? "-" : "";
    const double magnitude = std::abs(value);
    if (magnitude >= 9.2e18) return fmt::format("{}{}s", sign, fourDigits(magnitude));
    const auto whole = static_cast<std::int64_t>(magnitude);
    const auto seconds = whole % 60;
    const auto minutes = whole / 60 % 60;
    const auto hours = whole / 3600 % 24;
    const auto days = whole / 86400;
    if (days != 0) return fmt::format("{}{}d {}h {}m {}s", sign, days, hours, minutes, seconds);
    if (hours != 0) return fmt::format("{}{}h {}m {}s", sign, hours, minutes, seconds);
    if (minutes != 0) return fmt::format("{}{}m {}s", sign, minutes, seconds);
    return fmt::format("{}{}s", sign, fourDigits(magnitude));
}

// The end of a quoted string that begins at text[0]; npos if there is none.
std::size_t endOfString(std::string_view text) {
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] == '\\' && text[0] != '`') {
            ++i;
        } else if (text[i] == text[0]) {
            return i + 1;
        }
    }
    return std::string_view::npos;
}

// At each '|' outside of quotes.
std::vector<std::string_view> splitPipeline(std::string_view text) {
    std::vector<std::string_view> stages;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '"' || text[i] == '`') {
            const std::size_t length = endOfString(text.substr(i));
            if (length == std::string_view::npos) break;
            i += length - 1;
        } else if (text[i] == '|') {
            stages.push_back(trim(text.substr(begin, i - begin)));
            begin = i + 1;
        }
    }
    stages.push_back(trim(text.substr(begin)));
    return stages;
}

}  // namespace

Result<Template> Template::parse(std::string_view text) {
    Template result;
    result.source_ = std::string(text);
    while (!text.empty()) {
        const std::size_t open = text.find("{{");
        if (open != 0) {
            Piece piece;
            piece.text = std::string(text.substr(0, open));
            result.pieces_.push_back(std::move(piece));
        }
        if (open == std::string_view::npos) break;
        const std::size_t close = text.find("}}", open);
        if (close == std::string_view::npos) return invalid("template: \"{{\" without \"}}\"");
        const std::string_view action = trim(text.substr(open + 2, close - open - 2));
        auto piece = parseAction(action);
        if (!piece) {
            return piece.error().context(
                fmt::format("template: {{{{ {} }}}}", truncated(action, 80)));
        }
        result.pieces_.push_back(std::move(*piece));
        text.remove_prefix(close + 2);
    }
    return result;
}

Result<Template::Piece> Template::parseAction(std::string_view action) {
    const auto stages = splitPipeline(action);
    Piece piece;
    std::string_view first = stages.front();
    std::optional<Step> leading;
    if (first.starts_with("printf ")) {  // printf "%.1f" $value
        std::string_view rest = trim(first.substr(7));
        const std::size_t length = rest.empty() ? std::string_view::npos : endOfString(rest);
        if (length == std::string_view::npos) return invalid("printf wants a quoted format");
        auto step = parsePrintf(rest.substr(0, length));
        if (!step) return step.error();
        leading = std::move(*step);
        first = trim(rest.substr(length));
    } else if (const std::size_t space = first.find(' '); space != std::string_view::npos) {
        // humanize $value
        Piece function;
        if (Status status = parsePipe(first.substr(0, space), function); !status) {
            return status.error();
        }
        leading = function.steps.front();
        first = trim(first.substr(space));
    }
    if (Status status = parseOperand(first, piece); !status) return status.error();
    if (leading) piece.steps.push_back(std::move(*leading));
    for (std::size_t i = 1; i < stages.size(); ++i) {
        if (Status status = parsePipe(stages[i], piece); !status) return status.error();
    }
    return piece;
}

Status Template::parseOperand(std::string_view operand, Piece& piece) {
    if (operand == "$value" || operand == ".Value") {
        piece.kind = Piece::Kind::kValue;
        return {};
    }
    for (std::string_view prefix : {"$labels.", ".Labels."}) {
        if (!operand.starts_with(prefix)) continue;
        const std::string_view name = operand.substr(prefix.size());
        if (!isValidLabelName(name)) break;
        piece.kind = Piece::Kind::kLabel;
        piece.text = std::string(name);
        return {};
    }
    return invalid(fmt::format("unknown operand \"{}\"; $value and $labels.<name> are known",
                               truncated(operand, 64)));
}

Status Template::parsePipe(std::string_view stage, Piece& piece) {
    if (stage == "humanize") {
        piece.steps.push_back({Function::kHumanize, {}});
    } else if (stage == "humanize1024") {
        piece.steps.push_back({Function::kHumanize1024, {}});
    } else if (stage == "humanizeDuration") {
        piece.steps.push_back({Function::kHumanizeDuration, {}});
    } else if (stage == "humanizePercentage") {
        piece.steps.push_back({Function::kHumanizePercentage, {}});
    } else if (stage.starts_with("printf ")) {
        auto step = parsePrintf(trim(stage.substr(7)));
        if (!step) return step.error();
        piece.steps.push_back(std::move(*step));
    } else {
        return invalid(fmt::format(
            "unknown function \"{}\"; humanize, humanize1024, humanizeDuration, humanizePercentage "
            "and printf are known",
            truncated(stage, 64)));
    }
    return {};
}

Result<Template::Step> Template::parsePrintf(std::string_view quoted) {
    if (quoted.size() < 2 || (quoted[0] != '"' && quoted[0] != '`') ||
        endOfString(quoted) != quoted.size()) {
        return invalid("printf wants one quoted format");
    }
    Step step{Function::kPrintf, std::string(quoted.substr(1, quoted.size() - 2))};
    if (step.format.find('\\') != std::string::npos)
        return invalid("no escapes in printf's format");
    int verbs = 0;
    for (std::size_t i = 0; i < step.format.size(); ++i) {
        if (step.format[i] != '%') continue;
        if (step.format.substr(i + 1, 1) == "%") {
            ++i;
            continue;
        }
        // Flags, width and precision, of at most two digits each: %-8.2f
        std::size_t at = i + 1;
        while (at < step.format.size() &&
               std::string_view("+- 0").find(step.format[at]) != std::string_view::npos)
            ++at;
        std::size_t digits = 0;
        while (at < step.format.size() &&
               std::string_view("0123456789.").find(step.format[at]) != std::string_view::npos) {
            ++at;
            ++digits;
        }
        const char verb = at < step.format.size() ? step.format[at] : '\0';
        if (std::string_view("fegvs").find(verb) == std::string_view::npos || verb == '\0') {
            return invalid("printf knows %f, %e, %g, %v and %s");
        }
        if (digits > 5) return invalid("printf's width or precision is too large");
        if (verb == 'v') step.format[at] = 's';
        step.verb = verb;
        ++verbs;
        i = at;
    }
    if (verbs != 1) return invalid("printf wants exactly one verb such as %.1f");
    try {  // the library checks the rest, and throws
        const bool text = step.verb == 's' || step.verb == 'v';
        const std::string tried =
            text ? fmt::sprintf(step.format, "x") : fmt::sprintf(step.format, 1.0);
    } catch (const fmt::format_error& error) {
        return invalid(fmt::format("printf: {}", error.what()));
    }
    return step;
}

Template::Datum Template::applyStep(const Step& step, const Datum& input) {
    const auto* text = std::get_if<std::string>(&input);
    const bool wants_text =
        step.function == Function::kPrintf && (step.verb == 's' || step.verb == 'v');
    if (wants_text) {
        return fmt::sprintf(step.format,
                            text != nullptr ? *text : goFloat(std::get<double>(input)));
    }
    // A label may hold a number; one that doesn't is shown as it is.
    const auto number = text != nullptr ? parseDouble(*text) : std::get<double>(input);
    if (!number) return input;
    switch (step.function) {
        case Function::kHumanize: return humanize(*number);
        case Function::kHumanize1024: return humanize1024(*number);
        case Function::kHumanizeDuration: return humanizeDuration(*number);
        case Function::kHumanizePercentage: return fourDigits(*number * 100) + "%";
        case Function::kPrintf: return fmt::sprintf(step.format, *number);
    }
    return input;
}

std::string Template::expand(const Labels& labels, double value) const {
    std::string out;
    for (const Piece& piece : pieces_) {
        if (piece.kind == Piece::Kind::kText) {
            out += piece.text;
            continue;
        }
        Datum datum = value;
        if (piece.kind == Piece::Kind::kLabel) datum = std::string(labels.get(piece.text));
        for (const Step& step : piece.steps) datum = applyStep(step, datum);
        const auto* text = std::get_if<std::string>(&datum);
        out += text != nullptr ? *text : goFloat(std::get<double>(datum));
    }
    return out;
}

std::string goFloat(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
    const double magnitude = std::abs(value);
    const bool exponent = magnitude != 0 && (magnitude < 1e-4 || magnitude >= 1e21);
    std::array<char, 64> buffer{};
    const auto end =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                      exponent ? std::chars_format::scientific : std::chars_format::fixed);
    return std::string(buffer.data(), end.ptr);
}

}  // namespace clusterwatch::rules
