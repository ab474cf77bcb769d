// The query API and /federate as a client sees them.
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/api/routes.h"
#include "collector/api/telemetry.h"
#include "tests/unit/api/memory_source.h"

namespace clusterwatch::api {
namespace {

using testing::HasSubstr;

class PrometheusRoutes : public testing::Test {
  protected:
    PrometheusRoutes() {
        const auto add = [&](Labels labels, std::vector<Sample> samples) {
            source_.entries.push_back({std::move(labels), std::move(samples)});
        };
        add({{"__name__", "up"}, {"job", "mysql"}, {"instance", "db1"}},
            {{990'000, 1}, {1'000'000, 0}});
        add({{"__name__", "up"}, {"job", "apache"}, {"instance", "a\"b\\c\nd"}}, {{999'000, 1}});
        add({{"__name__", "zeta"}}, {{1'000'000, 0.1}});
        add({{"__name__", "alpha_total"}, {"job", "mysql"}}, {{1'000'000, 1e21}});
        add({{"__name__", "gone"}, {"job", "mysql"}}, {{990'000, 5}, {1'000'000, staleMarker()}});
        add({{"__name__", "old"}, {"job", "mysql"}}, {{600'000, 5}});
        add({{"__name__", "limits"}, {"le", "+Inf"}},
            {{1'000'000, std::numeric_limits<double>::infinity()}});
        source_.described = {{"alpha_total", {MetricType::kCounter, "All \\ of\nit.", ""}},
                             {"up", {MetricType::kGauge, "", ""}}};
        addPrometheusRoutes(router_, engine_, source_, clock_, telemetry_);
    }

    Reply get(const std::string& path, const std::string& parameters = "") {
        const auto match = router_.find(path);
        EXPECT_NE(match.route, nullptr) << path;
        Request request;
        request.method = "GET";
        request.wildcard = match.wildcard;
        request.parameters = std::move(Parameters::parse(parameters)).value();
        return match.route->handle(request);
    }
    void expectError(const std::string& path, const std::string& parameters,
                     const std::string& message, int status = 400,
                     const std::string& type = "bad_data") {
        const auto reply = get(path, parameters);
        EXPECT_EQ(reply.status, status) << path << "?" << parameters;
        const auto json = nlohmann::json::parse(reply.body);
        EXPECT_EQ(json["status"], "error");
        EXPECT_EQ(json["errorType"], type);
        EXPECT_THAT(json["error"].get<std::string>(), HasSubstr(message));
    }
    nlohmann::json data(const std::string& path, const std::string& parameters = "") {
        const auto reply = get(path, parameters);
        EXPECT_EQ(reply.status, 200) << reply.body;
        return nlohmann::json::parse(reply.body)["data"];
    }

    MemorySource source_;
    ManualClock clock_{fromUnixMs(1'000'000)};
    query::Engine engine_{source_, clock_};
    Telemetry telemetry_;
    Router router_;
};

TEST_F(PrometheusRoutes, InstantQuery) {
    EXPECT_EQ(
        data("/api/v1/query", "query=up{job=%22mysql%22}").dump(),
        R"({"result":[{"metric":{"__name__":"up","instance":"db1","job":"mysql"},"value":[1000,"0"]}],)"
        R"("resultType":"vector"})");
    EXPECT_EQ(data("/api/v1/query", "query=up{job=%22mysql%22}&time=995")["result"][0]["value"][1],
              "1");
    EXPECT_EQ(data("/api/v1/query", "query=gone")["result"].size(), 0u);
}

TEST_F(PrometheusRoutes, QueryErrors) {
    const auto f = [&](const char* parameters, const char* message) {
        expectError("/api/v1/query", parameters, message);
    };
    f("query=up&time=x",
      "invalid parameter \"time\": Invalid time value for 'time': cannot parse \"x\" to a valid "
      "timestamp");
    f("query=up&timeout=x",
      "invalid parameter \"timeout\": cannot parse \"x\" to a valid duration");
    f("query=up{", "invalid parameter \"query\": 1:");
    for (const char* path : {"/api/v1/query", "/api/v1/query_range"}) {
        const auto late = get(path, "query=up&start=1&end=2&step=1&timeout=0");
        EXPECT_EQ(late.status, 503) << path;
        EXPECT_EQ(late.body, R"({"status":"error","errorType":"timeout",)"
                             R"("error":"query timed out in expression evaluation"})");
        EXPECT_EQ(get(path, "query=up&start=1&end=2&step=1&timeout=1m").status, 200) << path;
    }
    EXPECT_THAT(telemetry_.exposition(),
                HasSubstr("clusterwatch_limit_hits_total{limit=\"query_timeout\"} 2"));
    f("query=", "invalid parameter \"query\"");
    f(("query=" + std::string(limits::kQueryBytes + 1, 'a')).c_str(), "at most 65536");
}

TEST_F(PrometheusRoutes, RangeErrors) {
    const auto f = [&](const char* parameters, const char* message) {
        expectError("/api/v1/query_range", parameters, message);
    };
    f("query=up&end=1&step=1",
      "invalid parameter \"start\": cannot parse \"\" to a valid timestamp");
    f("query=up&start=1&end=x&step=1", "invalid parameter \"end\": cannot parse \"x\"");
    f("query=up&start=2&end=1&step=1",
      "invalid parameter \"end\": end timestamp must not be before start time");
    f("query=up&start=1&end=2",
      "invalid parameter \"step\": cannot parse \"\" to a valid duration");
    f("query=up&start=1&end=2&step=0",
      "invalid parameter \"step\": zero or negative query resolution step widths are not accepted. "
      "Try a positive integer");
    f("query=up&start=0&end=11001&step=1",
      "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query "
      "resolution (?step=XX)");
    f("query=up[5m]&start=0&end=1&step=1",
      "invalid parameter \"query\": invalid expression type \"range vector\" for range query, must "
      "be "
      "Scalar or instant Vector");
    EXPECT_EQ(get("/api/v1/query_range", "query=up&start=0&end=11000&step=1").status, 200);
}

TEST_F(PrometheusRoutes, SeriesLabelsMetadata) {
    EXPECT_EQ(data("/api/v1/series", "match[]=up&match[]={job=%22mysql%22}").size(), 5u)
        << "each once";
    EXPECT_EQ(data("/api/v1/series", "match[]=up&limit=1").size(), 1u);
    expectError("/api/v1/series", "", "no match[] parameter provided");
    expectError("/api/v1/series", "match[]=up{", "invalid parameter \"match[]\"");
    EXPECT_EQ(data("/api/v1/series", "match[]=up&start=2&end=1").dump(), "[]");
    EXPECT_EQ(data("/api/v1/labels").dump(), R"(["__name__","instance","job","le"])");
    EXPECT_EQ(data("/api/v1/labels", "match[]=zeta").dump(), R"(["__name__"])");
    EXPECT_EQ(data("/api/v1/label/job/values").dump(), R"(["apache","mysql"])");
    expectError("/api/v1/label/a-b/values", "", "invalid label name: \"a-b\"");
    EXPECT_EQ(data("/api/v1/metadata", "limit=1").size(), 1u);
    EXPECT_EQ(data("/api/v1/metadata", "metric=up")["up"][0]["type"], "gauge");
    expectError("/api/v1/metadata", "limit=x", "limit must be a number");
}

TEST_F(PrometheusRoutes, BuildInformation) {
    const auto info = data("/api/v1/status/buildinfo");
    EXPECT_EQ(info["version"], CLUSTERWATCH_VERSION);
    EXPECT_EQ(info["application"], "clusterwatch");
    EXPECT_TRUE(data("/api/v1/status/runtimeinfo").contains("startTime"));
}

TEST_F(PrometheusRoutes, FederateGivesTheNewestOfEverySeries) {
    const auto reply = get("/federate");
    EXPECT_EQ(reply.content_type, "text/plain; version=0.0.4; charset=utf-8");
    EXPECT_EQ(reply.body,
              "# HELP alpha_total All \\\\ of\\nit.\n"
              "# TYPE alpha_total counter\n"
              "alpha_total{job=\"mysql\",instance=\"\"} 1e+21 1000000\n"
              "# TYPE limits untyped\n"
              "limits{le=\"+Inf\",instance=\"\"} +Inf 1000000\n"
              "# TYPE up gauge\n"
              "up{instance=\"a\\\"b\\\\c\\nd\",job=\"apache\"} 1 999000\n"
              "up{instance=\"db1\",job=\"mysql\"} 0 1000000\n"
              "# TYPE zeta untyped\n"
              "zeta{instance=\"\"} 0.1 1000000\n");
}

TEST_F(PrometheusRoutes, FederateMatches) {
    EXPECT_EQ(get("/federate", "match[]=zeta&match[]={__name__=~%22z.*%22}").body,
              "# TYPE zeta untyped\nzeta{instance=\"\"} 0.1 1000000\n");
    EXPECT_EQ(get("/federate", "match[]=none").body, "");
    const auto wrong = get("/federate", "match[]=up{");
    EXPECT_EQ(wrong.status, 400);
    EXPECT_THAT(wrong.body, HasSubstr("invalid parameter \"match[]\""));
}

}  // namespace
}  // namespace clusterwatch::api
