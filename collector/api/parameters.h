// Parameters of a request (query string and form body), and the values that Prometheus's API takes
// in them. Everything here is outside data. All functions are thread-safe.
//
// Formats and words of the errors: Prometheus, web/api/v1/api.go (parseTime, parseDuration,
// invalidParamError), so that Grafana and promtool show what they are used to.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "common/result.h"

namespace clusterwatch::api {

inline constexpr std::size_t kMaxParameters = 1'000;

class Parameters {
  public:
    // `encoded` is application/x-www-form-urlencoded: a=1&b=%20+. A broken escape, text that is not
    // UTF-8 and more than kMaxParameters are kInvalid.
    static Result<Parameters> parse(std::string_view encoded);

    // The first value, or nullopt. Valid as long as this object is unchanged.
    std::optional<std::string_view> get(std::string_view name) const;
    // The first value; empty where it is absent.
    std::string_view text(std::string_view name) const {
        return get(name).value_or(std::string_view{});
    }
    std::vector<std::string_view> all(std::string_view name) const;

    // Those of a form body go before those of the query string, as in Go's Request.Form.
    void prepend(Parameters first);

  private:
    std::vector<std::pair<std::string, std::string>> pairs_;
};

// Undoes %xx, and '+' as a space where `plus_is_space`. nullopt for a broken escape.
std::optional<std::string> percentDecoded(std::string_view text, bool plus_is_space);

// Unix seconds with decimals, or RFC 3339. The error reads `cannot parse "x" to a valid timestamp`.
Result<std::int64_t> parseTimestampMs(std::string_view text);
// Seconds with decimals, or a Prometheus duration. The error reads `cannot parse "x" to a valid
// duration`.
Result<Milliseconds> parseStep(std::string_view text);

// The value of a time parameter, `fallback_ms` where it is absent; errors name the parameter.
Result<std::int64_t> timeParameter(const Parameters& parameters, std::string_view name,
                                   std::int64_t fallback_ms);
// A whole number, 0 where it is absent.
Result<std::size_t> limitParameter(const Parameters& parameters, std::string_view name);

Error invalidParameter(std::string_view name, std::string_view why);

}  // namespace clusterwatch::api
