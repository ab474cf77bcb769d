// /api/v1/rules and /api/v1/alerts.
#include "collector/api/routes.h"
#include "collector/rules/rules_json.h"

namespace clusterwatch::api {

void addRuleRoutes(Router& router, const rules::RuleEngine& engine) {
    const auto read = [&router](std::string path, auto answer) {
        router.add({std::move(path),
                    {"GET"},
                    Role::kRead,
                    RunsOn::kStateExecutor,
                    [answer](const Request&) {
                        Reply reply;
                        reply.body = answer();
                        return reply;
                    },
                    {}});
    };
    read("/api/v1/rules", [&engine] { return rules::rulesAnswer(engine.groups()); });
    read("/api/v1/alerts", [&engine] { return rules::alertsAnswer(engine.alerts()); });
}

}  // namespace clusterwatch::api
