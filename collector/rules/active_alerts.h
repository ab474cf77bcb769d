// The alerts of one rule: inactive -> pending -> firing -> resolved. Pure state, no clock and no I/O,
// so that every transition can be tested alone.
//
// Source: Prometheus, rules/alerting.go, Eval(). Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "collector/query/value.h"
#include "collector/rules/rule_engine.h"

namespace clusterwatch::rules {

class ActiveAlerts {
  public:
    explicit ActiveAlerts(const Rule& rule) : rule_(rule) {}

    struct Now {
        std::int64_t wall_ms = 0;
        MonotonicTime monotonic;
        bool in_grace = false;  // restored alerts are not resolved by an empty answer
    };
    struct Outcome {
        std::vector<Alert> changed;
        std::vector<Alert> resolved;  // those among them that had been firing
    };

    // Takes the expression's answer. On an error (two elements give one alert; the group's limit)
    // nothing has changed.
    Result<Outcome> update(const query::Vector& vector, std::int64_t limit, const Now& now);

    void restore(const StoredAlert& stored, MonotonicTime now);
    std::vector<StoredAlert> stored(MonotonicTime now) const;  // without group and rule
    std::vector<Alert> all() const;                            // ordered by labels

  private:
    struct Active {
        Alert alert;
        MonotonicTime since;
        bool missing =
            false;  // its expression is empty; it is kept by keep_firing_for or the grace
        MonotonicTime missing_since;
        bool restored = false;  // and not seen since
    };

    Result<std::map<Labels, Alert>> expand(const query::Vector& vector, std::int64_t limit) const;
    bool keepWithoutData(Active& active, const Now& now) const;

    const Rule& rule_;
    std::map<Labels, Active> active_;
};

}  // namespace clusterwatch::rules
