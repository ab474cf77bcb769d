// Clang's thread-safety annotations, checked by the preset `thread-safety`; nothing elsewhere.
// Source of the attributes: Clang documentation, "Thread Safety Analysis".
//
// libstdc++'s std::mutex carries no annotations, so Mutex and MutexLock wrap it. A MutexLock is also
// what one waits with: std::condition_variable_any::wait(lock, ...). The predicate runs with the lock
// held, and says so: [this]() REQUIRES_LOCK(mutex_) { return ...; }.
//
// Rejected: std::unique_lock<Mutex>, which the analysis takes for no lock at all.
#pragma once

#include <mutex>

#if defined(__clang__)
#define CW_ATTRIBUTE(x) __attribute__((x))
#else
#define CW_ATTRIBUTE(x)
#endif

#define GUARDED_BY(x) CW_ATTRIBUTE(guarded_by(x))
#define REQUIRES_LOCK(x) CW_ATTRIBUTE(requires_capability(x))
#define EXCLUDES_LOCK(x) CW_ATTRIBUTE(locks_excluded(x))

namespace clusterwatch {

class CW_ATTRIBUTE(capability("mutex")) Mutex {
  public:
    void lock() CW_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
    void unlock() CW_ATTRIBUTE(release_capability()) { mutex_.unlock(); }

  private:
    std::mutex mutex_;
};

class CW_ATTRIBUTE(scoped_lockable) MutexLock {
  public:
    explicit MutexLock(Mutex& mutex) CW_ATTRIBUTE(acquire_capability(mutex)) : mutex_(mutex) {
        mutex_.lock();
    }
    ~MutexLock() CW_ATTRIBUTE(release_capability()) {
        if (held_) mutex_.unlock();
    }
    MutexLock(const MutexLock&) = delete;
    MutexLock& operator=(const MutexLock&) = delete;

    // To let go for a while: for the condition variable, and for calls out.
    void unlock() CW_ATTRIBUTE(release_capability()) {
        held_ = false;
        mutex_.unlock();
    }
    void lock() CW_ATTRIBUTE(acquire_capability()) {
        mutex_.lock();
        held_ = true;
    }

  private:
    Mutex& mutex_;
    bool held_ = true;
};

}  // namespace clusterwatch
