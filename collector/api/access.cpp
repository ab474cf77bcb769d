#include "collector/api/access.h"

#include <algorithm>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "common/config_node.h"
#include "common/text.h"

namespace clusterwatch::api {
namespace {

std::optional<Role> parseRole(std::string_view text) {
    for (const auto role : {Role::kRead, Role::kWrite, Role::kSilence, Role::kAdmin})
        if (text == toString(role)) return role;
    return std::nullopt;
}

std::optional<Sha256> parseDigest(std::string_view hex) {
    Sha256 out{};
    if (hex.size() != out.size() * 2) return std::nullopt;
    const auto digit = [](char c) {
        if (c >= '0' && c <= '9') return c - '0';
        if (c >= 'a' && c <= 'f') return c - 'a' + 10;
        if (c >= 'A' && c <= 'F') return c - 'A' + 10;
        return -1;
    };
    for (std::size_t i = 0; i < out.size(); ++i) {
        const int high = digit(hex[2 * i]);
        const int low = digit(hex[2 * i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        out[i] = static_cast<unsigned char>(high * 16 + low);
    }
    return out;
}

Result<Token> parseTokenLine(std::string_view line) {
    std::vector<std::string_view> fields;
    for (const auto field : split(line, ' '))
        if (!field.empty()) fields.push_back(field);
    if (fields.size() != 3)
        return Error(ErrorCode::kInvalid, "must be three fields: role name sha256-of-token");
    const auto role = parseRole(fields[0]);
    if (!role)
        return Error(
            ErrorCode::kInvalid,
            fmt::format("role \"{}\": allowed are read, write, silence, admin", fields[0]));
    const auto digest = parseDigest(fields[2]);
    if (!digest)
        return Error(ErrorCode::kInvalid,
                     "the third field must be the 64 hex digits of sha256sum of the token");
    return Token{{std::string(fields[1]), *role}, *digest};
}

// "name:80", "[::1]:80", "1.2.3.4" without its port and brackets.
std::string_view hostOnly(std::string_view header) {
    if (!header.empty() && header.front() == '[') {
        const auto end = header.find(']');
        return end == std::string_view::npos ? std::string_view{} : header.substr(1, end - 1);
    }
    return header.substr(0, header.rfind(':'));
}

bool isAddress(const std::string& text) {
    in6_addr buffer{};
    return ::inet_pton(AF_INET, text.c_str(), &buffer) == 1 ||
           ::inet_pton(AF_INET6, text.c_str(), &buffer) == 1;
}

}  // namespace

std::string_view toString(Role role) {
    switch (role) {
        case Role::kRead: return "read";
        case Role::kWrite: return "write";
        case Role::kSilence: return "silence";
        case Role::kAdmin: return "admin";
    }
    return "?";
}

bool Principal::may(Role needed) const {
    return role == Role::kAdmin || role == needed ||
           (role == Role::kSilence && needed == Role::kRead);
}

Sha256 sha256(std::string_view bytes) {
    Sha256 out{};
    SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), out.data());
    return out;
}

Result<std::vector<Token>> loadTokens(const std::filesystem::path& file) {
    const auto content = readSecret(file);
    if (!content) return content.error();
    std::vector<Token> tokens;
    int number = 0;
    for (const auto raw : split(*content, '\n')) {
        ++number;
        const auto line = trim(raw);
        if (line.empty() || line.front() == '#') continue;
        auto token = parseTokenLine(line);
        if (!token) return token.error().context(fmt::format("{}:{}", file.string(), number));
        tokens.push_back(std::move(*token));
    }
    if (tokens.empty())
        return Error(
            ErrorCode::kInvalid,
            fmt::format("{}: holds no token, so nobody could ask for anything", file.string()));
    return tokens;
}

Access::Access(std::optional<std::vector<Token>> tokens, std::vector<std::string> names)
    : tokens_(std::move(tokens)), names_(std::move(names)) {
    for (auto& name : names_) name = toLower(name);
}

std::optional<Principal> Access::principal(std::optional<std::string_view> authorization) const {
    if (!tokens_) return Principal{"local", Role::kAdmin};
    constexpr std::string_view kScheme = "bearer ";
    if (!authorization || authorization->size() < kScheme.size() ||
        toLower(authorization->substr(0, kScheme.size())) != kScheme)
        return std::nullopt;
    const auto digest = sha256(trim(authorization->substr(kScheme.size())));
    const Token* found = nullptr;
    for (const auto& token : *tokens_)
        if (CRYPTO_memcmp(token.digest.data(), digest.data(), digest.size()) == 0) found = &token;
    if (found == nullptr) return std::nullopt;
    return found->principal;
}

bool Access::hostAllowed(std::string_view host_header) const {
    auto host = toLower(hostOnly(trim(host_header)));
    if (!host.empty() && host.back() == '.') host.pop_back();
    if (host == "localhost" || isAddress(host)) return true;
    return std::find(names_.begin(), names_.end(), host) != names_.end();
}

}  // namespace clusterwatch::api
