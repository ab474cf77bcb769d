#include "collector/query/prometheus_json.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace clusterwatch::query {
namespace {

TEST(PrometheusJson, Vector) {
    const Vector vector{{Labels{{"__name__", "up"}, {"job", "mysql"}}, {1435781430781, 1}},
                        {Labels{}, {1435781430000, std::nan("")}}};
    EXPECT_EQ(queryAnswer(vector),
              R"({"status":"success","data":{"resultType":"vector","result":[)"
              R"({"metric":{"__name__":"up","job":"mysql"},"value":[1435781430.781,"1"]},)"
              R"({"metric":{},"value":[1435781430,"NaN"]}]}})");
}

TEST(PrometheusJson, MatrixScalarString) {
    const double infinity = std::numeric_limits<double>::infinity();
    EXPECT_EQ(
        queryAnswer(Matrix{{Labels{{"a", "b"}}, {{0, 0.5}, {1500, infinity}, {2001, -infinity}}}}),
        R"({"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":"b"},)"
        R"("values":[[0,"0.5"],[1.500,"+Inf"],[2.001,"-Inf"]]}]}})");
    EXPECT_EQ(queryAnswer(Matrix{}),
              R"({"status":"success","data":{"resultType":"matrix","result":[]}})");
    EXPECT_EQ(queryAnswer(Scalar{{-1500, 2}}),
              R"({"status":"success","data":{"resultType":"scalar","result":[-1.500,"2"]}})");
    EXPECT_EQ(queryAnswer(String{1000, "a\"b"}),
              R"({"status":"success","data":{"resultType":"string","result":[1,"a\"b"]}})");
}

TEST(PrometheusJson, Errors) {
    EXPECT_EQ(errorAnswer(Error(ErrorCode::kInvalid, "1:1: parse error: x")),
              R"({"status":"error","errorType":"bad_data","error":"1:1: parse error: x"})");
    EXPECT_EQ(errorType(ErrorCode::kTimedOut), "timeout");
    EXPECT_EQ(errorType(ErrorCode::kCancelled), "canceled");
    EXPECT_EQ(errorType(ErrorCode::kLimit), "execution");
    EXPECT_EQ(httpStatus(ErrorCode::kLimit), 422);
}

TEST(PrometheusJson, StringsAreAlwaysValidJson) {
    std::string out;
    appendJsonString(out, std::string_view("\"\\\n\r\t\x01\xc3\xa9\xff\xed\xa0\x80", 12));
    EXPECT_EQ(out, "\"\\\"\\\\\\n\\r\\t\\u0001\u00e9\uFFFD\uFFFD\uFFFD\uFFFD\"");
}

TEST(PrometheusJson, SeriesLabelsMetadata) {
    EXPECT_EQ(seriesAnswer(std::vector<Labels>{{{"a", "b"}}, {}}),
              R"({"status":"success","data":[{"a":"b"},{}]})");
    EXPECT_EQ(stringsAnswer(std::vector<std::string>{"a", "b"}),
              R"({"status":"success","data":["a","b"]})");
    const std::vector<std::pair<std::string, MetricMetadata>> metadata = {
        {"x", {MetricType::kCounter, "One.", ""}},
        {"x", {MetricType::kGauge, "Two.", "bytes"}},
        {"y", {MetricType::kUnknown, "", ""}}};
    EXPECT_EQ(metadataAnswer(metadata),
              R"({"status":"success","data":{"x":[{"type":"counter","help":"One.","unit":""},)"
              R"({"type":"gauge","help":"Two.","unit":"bytes"}],)"
              R"("y":[{"type":"unknown","help":"","unit":""}]}})");
}

}  // namespace
}  // namespace clusterwatch::query
