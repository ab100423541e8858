// Server-sent events, the reading side: bytes in any pieces → events. The rules are those of the
// HTML standard, section 9.2.6 ("Interpreting an event stream"). No I/O, one stream per object, no
// threads.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace lar::net {

struct Event {
  std::string name = "message";
  std::string data;     // lines joined by LF
  std::string last_id;  // of this event or the latest before it
};

class EventStream {
 public:
  // An event (or a single line) larger than `limit` bytes ends the stream with net.event_too_large.
  explicit EventStream(std::size_t limit = 16u << 20) : limit_(limit) {}

  // Takes the next bytes and calls `on_event` for each event they complete; `on_event` says whether
  // to go on. An event without its closing empty line is never given, as the standard wants.
  base::Status feed(std::string_view bytes, const std::function<bool(const Event&)>& on_event);

  const std::string& last_id() const { return last_id_; }
  // Milliseconds the server asked to wait before connecting again; -1 if it asked nothing.
  int retry_ms() const { return retry_ms_; }

 private:
  bool take_line(std::string_view line, const std::function<bool(const Event&)>& on_event);

  std::size_t limit_;
  std::string line_;
  std::string name_, data_, last_id_;
  bool has_data_ = false;
  bool started_ = false;   // the byte order mark was looked for
  bool after_cr_ = false;  // a LF now belongs to the CR before it
  bool ended_ = false;
  int retry_ms_ = -1;
};

}  // namespace lar::net
