#include "dashboard/client/sse_parser.h"

#include <gtest/gtest.h>

namespace clusterwatch::dashboard {
namespace {

const QByteArray kStream =
    ": hb 1795345632000\n\nid: 7\nevent: run\ndata: {\"a\":1}\n\nid: 8\r\nevent: alert\r\ndata: "
    "x\r\ndata: y\r\n\r\n"
    "event: reset\ndata: {}\n\n";

void expectStream(const SseParser::Output& output) {
    ASSERT_EQ(output.events.size(), 3U);
    EXPECT_EQ(output.events[0].id, "7");
    EXPECT_EQ(output.events[0].type, "run");
    EXPECT_EQ(output.events[0].data, "{\"a\":1}");
    EXPECT_EQ(output.events[1].data, "x\ny");
    EXPECT_EQ(output.events[2].type, "reset");
    EXPECT_EQ(output.events[2].id, "8") << "an id stays until another comes";
    ASSERT_EQ(output.comments.size(), 1U);
    EXPECT_EQ(output.comments[0], "hb 1795345632000");
}

TEST(SseParser, ReadsAStreamInOnePiece) { expectStream(SseParser().feed(kStream)); }

TEST(SseParser, ReadsItTheSameInAnyPortions) {
    for (int portion = 1; portion < kStream.size(); ++portion) {
        SseParser parser;
        SseParser::Output all;
        for (int at = 0; at < kStream.size(); at += portion) {
            SseParser::Output part = parser.feed(kStream.mid(at, portion));
            all.events.insert(all.events.end(), part.events.begin(), part.events.end());
            all.comments.insert(all.comments.end(), part.comments.begin(), part.comments.end());
        }
        expectStream(all);
    }
}

TEST(SseParser, DispatchesNothingWithoutData) {
    EXPECT_TRUE(SseParser().feed("id: 3\nevent: run\n\n").events.empty());
    EXPECT_TRUE(SseParser().feed("data: half").events.empty());
}

TEST(SseParser, KeepsOneLeadingSpaceOut) {
    EXPECT_EQ(SseParser().feed("data:  two\n\n").events.at(0).data, " two");
    EXPECT_EQ(SseParser().feed("data:none\n\n").events.at(0).data, "none");
}

TEST(SseParser, StopsAtAnEventWithoutEnd) {
    SseParser parser;
    const QByteArray block(1 << 20, 'x');
    parser.feed("data: ");
    for (int i = 0; i < 5; ++i) parser.feed(block);
    EXPECT_TRUE(parser.overflowed());
    EXPECT_TRUE(parser.feed("\n\n").events.empty());
}

}  // namespace
}  // namespace clusterwatch::dashboard
