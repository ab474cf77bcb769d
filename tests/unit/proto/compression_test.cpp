#include <gtest/gtest.h>

#include "common/limits.h"
#include "proto/wire.h"

namespace clusterwatch::wire {
namespace {

TEST(Compression, RoundTrip) {
    for (const std::string& text : {std::string(), std::string("x"), std::string(100'000, 'a')}) {
        const auto back = decompress(compress(text), limits::kDecodedBytes);
        ASSERT_TRUE(back) << back.error().message();
        EXPECT_EQ(*back, text);
    }
}

TEST(Compression, RefusesADeclaredSizeBeforeAllocating) {
    const auto refused = decompress(compress(std::string(2000, 'a')), 1000);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ErrorCode::kLimit);

    // A frame that declares 2^62 bytes: were it allocated first, this would end the test.
    const std::string huge("\x28\xb5\x2f\xfd\xe0\x00\x00\x00\x00\x00\x00\x00\x40\x01\x00\x00", 16);
    const auto bomb = decompress(huge, limits::kDecodedBytes);
    ASSERT_FALSE(bomb);
    EXPECT_EQ(bomb.error().code(), ErrorCode::kLimit);
}

TEST(Compression, RefusesAHighRatioOnlyWhereItCouldHurt) {
    EXPECT_TRUE(decompress(compress(std::string(kAnyRatioBytes, 'a')), limits::kDecodedBytes));
    const auto bomb =
        decompress(compress(std::string(8 * kAnyRatioBytes, 'a')), limits::kDecodedBytes);
    ASSERT_FALSE(bomb);
    EXPECT_EQ(bomb.error().code(), ErrorCode::kLimit);
}

TEST(Compression, RefusesWhatIsNoSingleWholeFrame) {
    const std::string good = compress("some text that is compressed");
    for (const std::string& bad : {std::string(), std::string("plain text"), good + good,
                                   good + "x", good.substr(0, good.size() - 1)}) {
        const auto refused = decompress(bad, limits::kDecodedBytes);
        ASSERT_FALSE(refused) << bad.size();
        EXPECT_EQ(refused.error().code(), ErrorCode::kInvalid) << refused.error().message();
    }
}

}  // namespace
}  // namespace clusterwatch::wire
