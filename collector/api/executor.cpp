#include "collector/api/executor.h"

#include <pthread.h>

namespace clusterwatch::api {

Executor::Executor(std::string name, unsigned threads, std::size_t queue_limit)
    : name_(std::move(name)), queue_limit_(queue_limit) {
    for (unsigned i = 0; i < threads; ++i)
        threads_.emplace_back([this](std::stop_token stop) { work(std::move(stop)); });
}

Executor::~Executor() {
    for (auto& thread : threads_) thread.request_stop();
    threads_.clear();
}

bool Executor::submit(Job job) {
    {
        MutexLock lock(mutex_);
        if (queue_.size() >= queue_limit_) return false;
        queue_.push_back(std::move(job));
    }
    wake_.notify_one();
    return true;
}

std::size_t Executor::queued() const {
    MutexLock lock(mutex_);
    return queue_.size();
}

void Executor::work(std::stop_token stop) {
    ::pthread_setname_np(::pthread_self(), name_.substr(0, 15).c_str());
    while (true) {
        Job job;
        {
            MutexLock lock(mutex_);
            wake_.wait(lock, stop, [this]() REQUIRES_LOCK(mutex_) { return !queue_.empty(); });
            if (queue_.empty()) return;  // stopped
            job = std::move(queue_.front());
            queue_.pop_front();
        }
        job();
    }
}

}  // namespace clusterwatch::api
