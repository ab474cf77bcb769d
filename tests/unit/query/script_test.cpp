// Every tests/scripts/*.test, and proof that a wrong expectation is noticed.
#include "tests/unit/query/script.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

namespace clusterwatch::query {
namespace {

TEST(Scripts, AllHold) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry :
         std::filesystem::directory_iterator(CLUSTERWATCH_SOURCE_DIR "/tests/scripts")) {
        if (entry.path().extension() == ".test") files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    ASSERT_FALSE(files.empty());
    for (const auto& file : files) {
        std::ifstream in(file);
        std::ostringstream text;
        text << in.rdbuf();
        int evals = 0;
        for (const std::string& complaint : runScript(text.str(), evals)) {
            ADD_FAILURE() << file.filename().string() << ": " << complaint;
        }
        EXPECT_GT(evals, 0) << file;
    }
}

TEST(Scripts, WrongExpectationsAreNoticed) {
    const auto complaints = [](const char* script) {
        int evals = 0;
        return runScript(script, evals).size();
    };
    EXPECT_EQ(complaints("load 10s\n  x 1 2\neval instant at 10s x\n  x 2\n"), 0u);
    EXPECT_EQ(complaints("load 10s\n  x 1 2\neval instant at 10s x\n  x 3\n"), 1u);
    EXPECT_EQ(complaints("load 10s\n  x 1 2\neval instant at 10s x\n  y 2\n"), 2u);
    EXPECT_EQ(complaints("load 10s\n  x 1 2\neval instant at 10s x\n"), 1u);
    EXPECT_EQ(complaints("eval_fail instant at 0 1\n"), 1u);
    EXPECT_EQ(complaints("eval_fail instant at 0 x +\n  expected_fail_message no\n"), 1u);
}

}  // namespace
}  // namespace clusterwatch::query
