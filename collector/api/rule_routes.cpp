// /api/v1/rules and /api/v1/alerts.
#include "collector/api/routes.h"

namespace clusterwatch::api {

void addRuleRoutes(Router& router, RuleAnswers answers) {
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
    read("/api/v1/rules", std::move(answers.rules));
    read("/api/v1/alerts", std::move(answers.alerts));
}

}  // namespace clusterwatch::api
