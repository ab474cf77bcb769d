#include "agent/check_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agent/support.h"

namespace clusterwatch::agent {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

TEST(CheckCommand, AServiceThatIsDownIsSaidOnceAndOnceMoreAtTheEnd) {
    ProbeRun down;
    down.probe = down.kind = "memcached";
    down.target = {"memcached", "web1"};
    down.outcome = Outcome::kRefused;
    down.message = "127.0.0.1:9: connection refused";
    down.check("reachable", State::kCritical, down.message);
    down.gauge("memcached_up", "", 0);
    EXPECT_EQ(describeRun(down),
              "memcached (job memcached, instance web1): refused, 0 ms\n"
              "  critical  reachable  127.0.0.1:9: connection refused\n"
              "  memcached_up  0  (gauge)\n");
    const auto text = describeRuns({down, smallRun(1, 500)});
    EXPECT_THAT(text, StartsWith("memcached (job"));
    EXPECT_THAT(text,
                EndsWith("2 probes run; not well:\n"
                         "  critical  memcached: reachable: 127.0.0.1:9: connection refused\n"));
}

TEST(CheckCommand, AFailureWithoutACheckIsSaidToo) {
    auto run = smallRun(1);
    run.outcome = Outcome::kParse;
    run.message = "half an answer";
    EXPECT_THAT(describeRun(run), HasSubstr(": half an answer\n"));
    EXPECT_THAT(describeRuns({run}), EndsWith("1 probe run; not well:\n"
                                              "  parse     fake: half an answer\n"));
}

TEST(CheckCommand, AllIsWell) {
    EXPECT_THAT(describeRuns({smallRun(1)}), EndsWith("\n\n1 probe: all is well\n"));
}

}  // namespace
}  // namespace clusterwatch::agent
