// Lets many commits through at once, and stops them for a moment when somebody needs to know that
// none is under way: between the append to the journal and what follows it.
//
// Not a std::shared_mutex, because glibc's prefers readers: a steady stream of commits would keep
// the checkpoint waiting for ever.
//
// Thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>

#include "common/thread_annotations.h"

namespace clusterwatch::store {

class CommitGate {
  public:
    // Held by a commit from before its append until all of its effects are in place.
    class Pass {
      public:
        explicit Pass(CommitGate& gate) : gate_(gate) { gate_.enter(); }
        ~Pass() { gate_.leave(); }
        Pass(const Pass&) = delete;
        Pass& operator=(const Pass&) = delete;

      private:
        CommitGate& gate_;
    };

    // Runs `work` while no commit is under way. It must be quick and must not commit.
    // REQUIRES: one caller at a time.
    template <typename Work>
    void quiesce(Work&& work) {
        MutexLock lock(mutex_);
        closed_ = true;
        changed_.wait(lock, [this]() REQUIRES_LOCK(mutex_) { return inside_ == 0; });
        work();
        closed_ = false;
        changed_.notify_all();
    }

  private:
    void enter() {
        MutexLock lock(mutex_);
        changed_.wait(lock, [this]() REQUIRES_LOCK(mutex_) { return !closed_; });
        ++inside_;
    }
    void leave() {
        MutexLock lock(mutex_);
        if (--inside_ == 0) changed_.notify_all();
    }

    Mutex mutex_;
    std::condition_variable_any changed_;
    bool closed_ GUARDED_BY(mutex_) = false;
    std::uint64_t inside_ GUARDED_BY(mutex_) = 0;
};

}  // namespace clusterwatch::store
