// gzip for replies (RFC 1952, through zlib).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "collector/api/router.h"

namespace clusterwatch::api {

// Whether an Accept-Encoding header takes gzip: named (or *) and not with q=0.
bool acceptsGzip(std::string_view accept_encoding);

// nullopt if zlib fails (no memory): send it plain then.
std::optional<std::string> gzip(std::string_view bytes);

// Compresses a reply of text for a client that takes it, where that is worth it.
void compressReply(const Request& request, Reply& reply);

}  // namespace clusterwatch::api
