// Result<T>: a value, or an Error that says what went wrong in words a person can act on.
//
// Expected failures (I/O, bad input, a peer) are returned, never thrown. Each layer that passes an
// error on adds what it was doing:
//
//     auto file = fs.open(path);
//     if (!file) return file.error().context("opening the spool");
//
// std::expected is C++23; this is the small part of it that is used here.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "common/check.h"

namespace clusterwatch {

enum class ErrorCode {
    kInvalid,      // the input is wrong; the same input will be wrong again
    kNotFound,     // a file, a series, a route that does not exist
    kUnavailable,  // refused, unreachable, in use by another; may work later
    kTimedOut,     // the deadline passed
    kPermission,   // authentication or access rights
    kFull,         // no space left, or a quota is used up
    kLimit,        // one of our own named limits was hit
    kConflict,     // contradicts what is known (a sequence number with another checksum)
    kCorrupt,      // stored bytes that fail their check
    kCancelled,    // the caller has gone or a stop was requested
    kIo,           // any other failure of the operating system
};

std::string_view toString(ErrorCode code);

class Error {
  public:
    Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

    // An error from errno, as "<doing>: <text of the errno>", with the code that fits it
    // (ENOSPC and EDQUOT are kFull, EACCES and EPERM kPermission, ENOENT kNotFound, ...).
    static Error fromErrno(int errnum, std::string_view doing);

    ErrorCode code() const { return code_; }
    const std::string& message() const { return message_; }

    // The same error, with "<doing>: " before its message.
    Error context(std::string_view doing) const;

  private:
    ErrorCode code_;
    std::string message_;
};

template <typename T>
class [[nodiscard]] Result {
  public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit

    explicit operator bool() const { return state_.index() == 0; }
    bool ok() const { return state_.index() == 0; }

    // REQUIRES: ok()
    T& value() & {
        CHECK(ok());
        return *std::get_if<0>(&state_);
    }
    const T& value() const& {
        CHECK(ok());
        return *std::get_if<0>(&state_);
    }
    T&& value() && {
        CHECK(ok());
        return std::move(*std::get_if<0>(&state_));
    }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(*this).value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }

    // REQUIRES: !ok()
    const Error& error() const {
        CHECK(!ok());
        return *std::get_if<1>(&state_);
    }

  private:
    std::variant<T, Error> state_;
};

// Success without a value, or an Error.
template <>
class [[nodiscard]] Result<void> {
  public:
    Result() = default;
    Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit

    explicit operator bool() const { return !error_; }
    bool ok() const { return !error_; }

    // REQUIRES: !ok()
    const Error& error() const {
        CHECK(error_.has_value());
        return *error_;
    }

  private:
    std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace clusterwatch
