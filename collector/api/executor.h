// A fixed number of threads behind a bounded queue. The server has one for reports and two for
// reads, so that slow queries never delay an agent.
//
// Thread-safe. Rejected: one pool with priorities; a pool full of running queries has no thread
// left for the most urgent report.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "common/thread_annotations.h"

namespace clusterwatch::api {

class Executor {
  public:
    using Job = std::function<void()>;

    // `name` shows in ps and top; at most 15 characters.
    Executor(std::string name, unsigned threads, std::size_t queue_limit);
    // Runs what is queued, then ends the threads.
    ~Executor();

    // False if the queue is full; the job was not taken.
    [[nodiscard]] bool submit(Job job) EXCLUDES_LOCK(mutex_);

    std::size_t queued() const EXCLUDES_LOCK(mutex_);

  private:
    void work(std::stop_token stop) EXCLUDES_LOCK(mutex_);

    const std::string name_;
    const std::size_t queue_limit_;
    mutable Mutex mutex_;
    std::condition_variable_any wake_;
    std::deque<Job> queue_ GUARDED_BY(mutex_);
    std::vector<std::jthread> threads_;  // constant after construction
};

}  // namespace clusterwatch::api
