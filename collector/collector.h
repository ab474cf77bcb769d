// All parts of the collector, built and wired: what main runs.
//
// Thread-safe as said at each function; start, tick, replaceRules and stop belong to main's thread.
#pragma once

#include <memory>
#include <vector>

#include "collector/api/listen.h"
#include "collector/rules/rule_file.h"
#include "collector/settings.h"
#include "common/result.h"

namespace clusterwatch {

// The groups of all rule files; mistakes go to `errors`.
std::vector<rules::RuleGroup> loadRules(const CollectorSettings& settings, ConfigErrors& errors);

class Collector {
  public:
    // Everything runs when it returns. `open_files` is the limit of the process; connections are
    // kept so far below it that the store can always open its files.
    static Result<std::unique_ptr<Collector>> start(CollectorSettings settings,
                                                    std::vector<rules::RuleGroup> groups,
                                                    std::size_t open_files);
    virtual ~Collector() = default;

    // With the real ports.
    virtual const std::vector<api::ListenAddress>& addresses() const = 0;
    // What passes with time: missed intervals, silent agents, the health of the storage.
    virtual void tick() = 0;
    // Alerts that the new rules still have go on as they were.
    virtual void replaceRules(std::vector<rules::RuleGroup> groups) = 0;
    // Within seconds. Nothing is sealed that need not be.
    virtual void stop() = 0;
};

}  // namespace clusterwatch
