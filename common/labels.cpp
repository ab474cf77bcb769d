#include "common/labels.h"

#include <algorithm>

#include "common/text.h"

namespace clusterwatch {

Labels::Labels(std::initializer_list<Pair> pairs) : pairs_(pairs) { normalise(); }
Labels::Labels(std::vector<Pair> pairs) : pairs_(std::move(pairs)) { normalise(); }

void Labels::normalise() {
    std::stable_sort(pairs_.begin(), pairs_.end(),
                     [](const Pair& a, const Pair& b) { return a.first < b.first; });
    // Of equal names keep the last: walk backwards and drop what was seen already.
    auto kept = std::unique(pairs_.rbegin(), pairs_.rend(),
                            [](const Pair& a, const Pair& b) { return a.first == b.first; });
    pairs_.erase(pairs_.begin(), kept.base());
    std::erase_if(pairs_, [](const Pair& p) { return p.second.empty(); });
}

std::string_view Labels::get(std::string_view name) const {
    auto it = std::lower_bound(pairs_.begin(), pairs_.end(), name,
                               [](const Pair& p, std::string_view n) { return p.first < n; });
    if (it == pairs_.end() || it->first != name) return {};
    return it->second;
}

void Labels::set(std::string_view name, std::string_view value) {
    auto it = std::lower_bound(pairs_.begin(), pairs_.end(), name,
                               [](const Pair& p, std::string_view n) { return p.first < n; });
    const bool present = it != pairs_.end() && it->first == name;
    if (value.empty()) {
        if (present) pairs_.erase(it);
    } else if (present) {
        it->second = std::string(value);
    } else {
        pairs_.emplace(it, std::string(name), std::string(value));
    }
}

std::uint64_t Labels::hash() const {
    // FNV-1a with a separator that no UTF-8 text contains, so that {"ab","c"} differs from {"a","bc"}.
    std::uint64_t h = 14695981039346656037ULL;
    auto mix = [&h](std::string_view text) {
        for (unsigned char c : text) h = (h ^ c) * 1099511628211ULL;
        h = (h ^ 0xff) * 1099511628211ULL;
    };
    for (const auto& [name, value] : pairs_) {
        mix(name);
        mix(value);
    }
    return h;
}

std::string Labels::toString() const {
    std::string out(metricName());
    bool first = true;
    for (const auto& [name, value] : pairs_) {
        if (name == kMetricName) continue;
        out += first ? '{' : ',';
        first = false;
        out += name;
        out += "=\"";
        appendEscaped(out, value);
        out += '"';
    }
    if (!first) out += '}';
    if (out.empty()) out = "{}";
    return out;
}

namespace {

bool isNameChar(char c, bool first, bool colon) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_') return true;
    if (c == ':') return colon;
    return !first && c >= '0' && c <= '9';
}

bool isValidName(std::string_view name, bool colon) {
    if (name.empty()) return false;
    for (std::size_t i = 0; i < name.size(); ++i)
        if (!isNameChar(name[i], i == 0, colon)) return false;
    return true;
}

}  // namespace

bool isValidLabelName(std::string_view name) { return isValidName(name, false); }
bool isValidMetricName(std::string_view name) { return isValidName(name, true); }

}  // namespace clusterwatch
