// What the agent's tests share: a private directory, waiting with a deadline, and small runs.
#pragma once

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

#include "common/probe_run.h"

namespace clusterwatch::agent {

class TemporaryDirectory {
  public:
    TemporaryDirectory() {
        std::string name = (std::filesystem::temp_directory_path() / "agent-test-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    ~TemporaryDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    const std::filesystem::path& path() const { return path_; }

    std::filesystem::path write(const std::string& name, const std::string& content,
                                int mode = 0600) const {
        const auto file = path_ / name;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file, std::ios::binary) << content;
        std::filesystem::permissions(file, static_cast<std::filesystem::perms>(mode));
        return file;
    }

  private:
    std::filesystem::path path_;
};

// Polls until `condition` holds; false if it does not within the deadline.
inline bool eventually(const std::function<bool()>& condition,
                       std::chrono::milliseconds within = std::chrono::seconds(10)) {
    const auto until = std::chrono::steady_clock::now() + within;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > until) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

// A run with `samples` readings whose values are `value`, `value + 1`, ...
inline ProbeRun smallRun(double value, std::size_t samples = 1, std::int64_t time_ms = 1'000'000) {
    ProbeRun run;
    run.probe = run.kind = "fake";
    run.target = {"fake", "here"};
    run.time = fromUnixMs(time_ms);
    run.interval = Milliseconds{10'000};
    run.outcome = Outcome::kOk;
    for (std::size_t i = 0; i < samples; ++i)
        run.gauge("fake_value", "A value.", value + static_cast<double>(i),
                  {{"i", std::to_string(i)}});
    return run;
}

}  // namespace clusterwatch::agent
