#include "common/result.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace clusterwatch {

void checkFailed(const char* condition, const char* file, int line) {
    // stdio alone: the heap or the logger may be what is broken.
    std::fprintf(stderr, "%s:%d: a bug in clusterwatch: CHECK(%s) failed\n", file, line, condition);
    std::abort();
}

std::string_view toString(ErrorCode code) {
    switch (code) {
        case ErrorCode::kInvalid: return "invalid";
        case ErrorCode::kNotFound: return "not found";
        case ErrorCode::kUnavailable: return "unavailable";
        case ErrorCode::kTimedOut: return "timed out";
        case ErrorCode::kPermission: return "permission";
        case ErrorCode::kFull: return "full";
        case ErrorCode::kLimit: return "limit";
        case ErrorCode::kConflict: return "conflict";
        case ErrorCode::kCorrupt: return "corrupt";
        case ErrorCode::kCancelled: return "cancelled";
        case ErrorCode::kIo: return "i/o";
    }
    return "unknown";
}

namespace {

ErrorCode codeOfErrno(int errnum) {
    switch (errnum) {
        case ENOSPC:
        case EDQUOT: return ErrorCode::kFull;
        case EACCES:
        case EPERM:
        case EROFS: return ErrorCode::kPermission;
        case ENOENT: return ErrorCode::kNotFound;
        case ETIMEDOUT: return ErrorCode::kTimedOut;
        case ECONNREFUSED:
        case EHOSTUNREACH:
        case ENETUNREACH:
        case EAGAIN:
        case EADDRINUSE: return ErrorCode::kUnavailable;
        default: return ErrorCode::kIo;
    }
}

}  // namespace

Error Error::fromErrno(int errnum, std::string_view doing) {
    std::string message(doing);
    message += ": ";
    message += std::strerror(errnum);
    return {codeOfErrno(errnum), std::move(message)};
}

Error Error::context(std::string_view doing) const {
    std::string message(doing);
    message += ": ";
    message += message_;
    return {code_, std::move(message)};
}

}  // namespace clusterwatch
