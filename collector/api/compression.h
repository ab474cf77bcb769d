// gzip for replies (RFC 1952, through zlib).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace clusterwatch::api {

// Whether an Accept-Encoding header takes gzip: named (or *) and not with q=0.
bool acceptsGzip(std::string_view accept_encoding);

// nullopt if zlib fails (no memory): send it plain then.
std::optional<std::string> gzip(std::string_view bytes);

}  // namespace clusterwatch::api
