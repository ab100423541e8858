// See event_stream.h. Lines end with CR, LF or CR LF, and a CR at the end of a piece may or may not
// be followed by its LF in the next: the line is taken at the CR and the LF is swallowed when it
// comes.
#include "net/event_stream.h"

#include <algorithm>
#include <charconv>

namespace lar::net {

bool EventStream::take_line(std::string_view line,
                            const std::function<bool(const Event&)>& on_event) {
  if (line.empty()) {
    bool go_on = true;
    if (has_data_) {
      Event event;
      if (!name_.empty()) event.name = name_;
      event.data = data_;
      event.last_id = last_id_;
      go_on = on_event(event);
    }
    name_.clear();
    data_.clear();
    has_data_ = false;
    return go_on;
  }
  const std::size_t colon = line.find(':');
  if (colon == 0) return true;  // a comment
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? "" : line.substr(colon + 1);
  if (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  if (field == "data") {
    if (has_data_) data_ += '\n';
    data_ += value;
    has_data_ = true;
  } else if (field == "event") {
    name_ = value;
  } else if (field == "id") {
    if (value.find('\0') == std::string_view::npos) last_id_ = value;
  } else if (field == "retry") {
    int milliseconds = 0;
    const auto [end, error] =
        std::from_chars(value.data(), value.data() + value.size(), milliseconds);
    if (error == std::errc() && end == value.data() + value.size() && milliseconds >= 0) {
      retry_ms_ = milliseconds;
    }
  }
  return true;
}

base::Status EventStream::feed(std::string_view bytes,
                               const std::function<bool(const Event&)>& on_event) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  while (!bytes.empty() && !ended_) {
    if (after_cr_ && bytes.front() == '\n') bytes.remove_prefix(1);
    after_cr_ = false;
    if (bytes.empty()) break;
    const std::size_t end = std::min(bytes.find_first_of("\r\n"), bytes.size());
    if (line_.size() + data_.size() + end > limit_) {
      ended_ = true;
      return base::fail(base::ErrorKind::corrupt, "net.event_too_large",
                        {{"limit", std::to_string(limit_)}});
    }
    line_ += bytes.substr(0, end);
    if (end == bytes.size()) break;
    after_cr_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    std::string_view line = line_;
    if (!started_) {
      if (line.substr(0, 3) == byte_order_mark) line.remove_prefix(3);
      started_ = true;
    }
    if (!take_line(line, on_event)) ended_ = true;
    line_.clear();
  }
  return {};
}

}  // namespace lar::net
