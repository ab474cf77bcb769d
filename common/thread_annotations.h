// Clang's thread-safety annotations, checked by the preset `thread-safety`; nothing elsewhere.
// Source of the attributes: Clang documentation, "Thread Safety Analysis".
//
// libstdc++'s std::mutex carries no annotations, so Mutex and MutexLock wrap it; Mutex meets
// Lockable and works with std::condition_variable_any.
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
    ~MutexLock() CW_ATTRIBUTE(release_capability()) { mutex_.unlock(); }
    MutexLock(const MutexLock&) = delete;
    MutexLock& operator=(const MutexLock&) = delete;

  private:
    Mutex& mutex_;
};

}  // namespace clusterwatch
