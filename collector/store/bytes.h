// Writing and reading the store's own binary forms: little-endian integers, LEB128 varints, zigzag.
//
// ByteReader is made for hostile bytes: it never reads outside its view, and after the first
// failure every read gives zeros and ok() is false, so that a decoder checks once where it matters.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace clusterwatch::store {

inline std::uint64_t zigzag(std::int64_t v) {
    return (static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63);
}
inline std::int64_t unzigzag(std::uint64_t v) {
    return static_cast<std::int64_t>(v >> 1) ^ -static_cast<std::int64_t>(v & 1);
}

template <typename T>
void putFixed(std::string& out, T value) {
    char bytes[sizeof(T)];
    for (std::size_t i = 0; i < sizeof(T); ++i) bytes[i] = static_cast<char>(value >> (8 * i));
    out.append(bytes, sizeof(T));
}

inline void putVarint(std::string& out, std::uint64_t v) {
    while (v >= 0x80) {
        out += static_cast<char>(v | 0x80);
        v >>= 7;
    }
    out += static_cast<char>(v);
}

inline void putSigned(std::string& out, std::int64_t v) { putVarint(out, zigzag(v)); }

inline void putText(std::string& out, std::string_view text) {
    putVarint(out, text.size());
    out += text;
}

class ByteReader {
  public:
    explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}

    bool ok() const { return ok_; }
    std::size_t left() const { return bytes_.size(); }

    template <typename T>
    T fixed() {
        if (bytes_.size() < sizeof(T)) return fail();
        T value = 0;
        for (std::size_t i = 0; i < sizeof(T); ++i)
            value |= static_cast<T>(static_cast<std::uint8_t>(bytes_[i])) << (8 * i);
        bytes_.remove_prefix(sizeof(T));
        return value;
    }

    std::uint64_t varint() {
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < bytes_.size() && i < 10; ++i) {
            const auto byte = static_cast<std::uint8_t>(bytes_[i]);
            value |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * i);
            if (byte < 0x80) {
                bytes_.remove_prefix(i + 1);
                return value;
            }
        }
        return static_cast<std::uint64_t>(fail());
    }

    std::int64_t signedVarint() { return unzigzag(varint()); }

    // A count of things that take at least one byte each, so never more than there are bytes.
    std::size_t count() {
        const std::uint64_t n = varint();
        if (n > bytes_.size()) return static_cast<std::size_t>(fail());
        return static_cast<std::size_t>(n);
    }

    std::string_view raw(std::size_t length) {
        if (length > bytes_.size()) {
            fail();
            return {};
        }
        const auto out = bytes_.substr(0, length);
        bytes_.remove_prefix(length);
        return out;
    }

    std::string_view text() { return raw(count()); }

  private:
    int fail() {
        ok_ = false;
        bytes_ = {};
        return 0;
    }

    std::string_view bytes_;
    bool ok_ = true;
};

}  // namespace clusterwatch::store
