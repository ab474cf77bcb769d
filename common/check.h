// CHECK: a bug of ours ends the program, in release builds too.
//
// For conditions that only a mistake in this code base can violate; never for outside data
// (a peer's bytes, a file, a configuration), which gets a Result<T> instead.
#pragma once

namespace clusterwatch {

[[noreturn]] void checkFailed(const char* condition, const char* file, int line);

}  // namespace clusterwatch

#define CHECK(condition)                                                 \
    do {                                                                 \
        if (!(condition)) [[unlikely]]                                   \
            ::clusterwatch::checkFailed(#condition, __FILE__, __LINE__); \
    } while (false)
