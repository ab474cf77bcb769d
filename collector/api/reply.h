// What any part of the collector answers to an HTTP request; the server turns it into bytes.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace clusterwatch::api {

struct Reply {
    int status = 200;
    std::string content_type = "application/json";
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;
};

}  // namespace clusterwatch::api
