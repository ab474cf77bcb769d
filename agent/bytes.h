// Fixed-width little-endian numbers in byte strings, for the agent's own small files.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace clusterwatch::agent {

template <std::unsigned_integral T>
void putNumber(std::string& out, T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i)
        out.push_back(static_cast<char>(static_cast<std::uint8_t>(value >> (8 * i))));
}

// Takes a number off the front of `bytes`. REQUIRES: bytes.size() >= sizeof(T)
template <std::unsigned_integral T>
T takeNumber(std::string_view& bytes) {
    T value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i)
        value = static_cast<T>(
            value | static_cast<T>(static_cast<T>(static_cast<std::uint8_t>(bytes[i])) << (8 * i)));
    bytes.remove_prefix(sizeof(T));
    return value;
}

}  // namespace clusterwatch::agent
