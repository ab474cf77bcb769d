#include "collector/api/compression.h"

#include <zlib.h>

#include "common/text.h"

namespace clusterwatch::api {

bool acceptsGzip(std::string_view accept_encoding) {
    for (const auto item : split(accept_encoding, ',')) {
        const auto semicolon = item.find(';');
        const auto coding = toLower(trim(item.substr(0, semicolon)));
        if (coding != "gzip" && coding != "*") continue;
        if (semicolon == std::string_view::npos) return true;
        const auto quality = trim(item.substr(semicolon + 1));
        if (!quality.starts_with("q=")) return true;
        const auto weight = parseDouble(quality.substr(2));
        return weight && *weight > 0;
    }
    return false;
}

std::optional<std::string> gzip(std::string_view bytes) {
    constexpr std::size_t kMost = std::size_t{1} << 30;  // zlib counts in 32 bits
    if (bytes.size() > kMost) return std::nullopt;
    z_stream stream{};
    constexpr int kLevel = 4;             // beyond it, time grows faster than size shrinks
    constexpr int kGzipWindow = 15 + 16;  // zlib.h: +16 asks for a gzip header
    constexpr int kMemory = 8;
    if (deflateInit2(&stream, kLevel, Z_DEFLATED, kGzipWindow, kMemory, Z_DEFAULT_STRATEGY) != Z_OK)
        return std::nullopt;
    std::string out(deflateBound(&stream, bytes.size()), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const bool finished = deflate(&stream, Z_FINISH) == Z_STREAM_END;
    out.resize(stream.total_out);
    deflateEnd(&stream);
    if (!finished) return std::nullopt;
    return out;
}

void compressReply(const Request& request, Reply& reply) {
    constexpr std::size_t kWorthIt = 1024;
    if (reply.body.size() < kWorthIt || !acceptsGzip(request.accept_encoding)) return;
    if (!reply.content_type.starts_with("application/json") &&
        !reply.content_type.starts_with("text/"))
        return;
    auto packed = gzip(reply.body);
    if (!packed) return;
    reply.body = std::move(*packed);
    reply.headers.emplace_back("Content-Encoding", "gzip");
    reply.headers.emplace_back("Vary", "Accept-Encoding");
}

}  // namespace clusterwatch::api
