// A directory of its own for each test, and alerts to hand over.
#pragma once

#include <filesystem>

#include <gtest/gtest.h>
#include <stdlib.h>

#include "collector/rules/rule_engine.h"

namespace clusterwatch::alerts {

class AlertFixture : public ::testing::Test {
  protected:
    AlertFixture() {
        std::string path = (std::filesystem::temp_directory_path() / "alerts_XXXXXX").string();
        EXPECT_NE(mkdtemp(path.data()), nullptr);
        directory = path;
    }
    ~AlertFixture() override { std::filesystem::remove_all(directory); }

    static rules::Alert alert(const std::string& instance, bool firing, const char* name = "A") {
        rules::Alert result;
        result.labels = {{"alertname", name}, {"i", instance}};
        result.annotations = {{"summary", "s"}};
        result.state = firing ? rules::AlertState::kFiring : rules::AlertState::kInactive;
        result.fired_at_ms = 1'000;
        result.resolved_at_ms = firing ? 0 : 2'000;
        result.fingerprint = rules::fingerprint(result.labels);
        return result;
    }

    std::filesystem::path directory;
};

}  // namespace clusterwatch::alerts
