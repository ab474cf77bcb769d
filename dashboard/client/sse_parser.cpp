#include "dashboard/client/sse_parser.h"

namespace clusterwatch::dashboard {

SseParser::Output SseParser::feed(const QByteArray& bytes) {
    Output output;
    for (const char c : bytes) {
        if (overflowed_) break;
        const bool second_half_of_crlf = after_cr_ && c == '\n';
        after_cr_ = c == '\r';
        if (second_half_of_crlf) continue;
        if (c == '\n' || c == '\r') {
            takeLine(line_, output);
            line_.clear();
        } else {
            line_.append(c);
            overflowed_ = line_.size() + data_.size() > kEventBytes;
        }
    }
    return output;
}

void SseParser::takeLine(const QByteArray& line, Output& output) {
    if (line.isEmpty()) {
        if (has_data_)
            output.events.push_back({last_id_, type_.isEmpty() ? "message" : type_, data_});
        type_.clear();
        data_.clear();
        has_data_ = false;
        return;
    }
    const auto colon = line.indexOf(':');
    if (colon == 0) {
        output.comments.push_back(line.mid(1).trimmed());
        return;
    }
    const QByteArray field = colon < 0 ? line : line.left(colon);
    QByteArray value = colon < 0 ? QByteArray() : line.mid(colon + 1);
    if (value.startsWith(' ')) value.remove(0, 1);
    if (field == "data") {
        if (has_data_) data_.append('\n');
        data_.append(value);
        has_data_ = true;
    } else if (field == "event") {
        type_ = value;
    } else if (field == "id" && !value.contains('\0')) {
        last_id_ = value;
    }
}

}  // namespace clusterwatch::dashboard
