// /api/v1/report: what agents send. docs/formats/wire.md.
#include "collector/api/routes.h"

namespace clusterwatch::api {

void addReportRoute(Router& router, ingest::Ingest& ingest) {
    router.add({"/api/v1/report",
                {"POST"},
                Role::kWrite,
                RunsOn::kIngestExecutor,
                [&ingest](const Request& request) {
                    auto answer = ingest.report(request.body, request.content_encoding);
                    const bool protobuf = answer.status == 200 || answer.status == 409;
                    Reply reply;
                    reply.status = answer.status;
                    reply.content_type =
                        protobuf ? "application/x-protobuf" : "text/plain; charset=utf-8";
                    reply.body = std::move(answer.body);
                    if (answer.retry_after_seconds > 0)
                        reply.headers.emplace_back("Retry-After",
                                                   std::to_string(answer.retry_after_seconds));
                    return reply;
                },
                {}});
}

}  // namespace clusterwatch::api
