// Server-sent events from bytes that arrive in any portions.
// Source: WHATWG HTML, 9.2.6 "Interpreting an event stream": lines end in CR, LF or CRLF; a line that
// begins with a colon is a comment; an empty line dispatches; an id with a NUL is ignored.
//
// A stream is outside data: an event larger than kEventBytes ends it (`overflowed()`), because half
// an event cannot be trusted.
#pragma once

#include <QByteArray>
#include <cstdint>
#include <vector>

namespace clusterwatch::dashboard {

struct SseEvent {
    QByteArray id;  // the last id seen, as `Last-Event-ID` wants it
    QByteArray type = "message";
    QByteArray data;
};

class SseParser {
  public:
    static constexpr qsizetype kEventBytes = 4 << 20;

    struct Output {
        std::vector<SseEvent> events;
        std::vector<QByteArray> comments;  // without the colon, trimmed
    };

    Output feed(const QByteArray& bytes);
    bool overflowed() const { return overflowed_; }

  private:
    void takeLine(const QByteArray& line, Output& output);

    QByteArray line_;
    QByteArray last_id_, type_, data_;
    bool has_data_ = false;
    bool after_cr_ = false;
    bool overflowed_ = false;
};

}  // namespace clusterwatch::dashboard
