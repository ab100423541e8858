// Fuzzes the reader of server-sent events: what an engine or a service says gives the same events
// however its bytes are cut.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "net/event_stream.h"

namespace {

std::string events_of(std::string_view text, std::size_t cut) {
  constexpr std::size_t limit = 200;
  std::string events;
  lar::net::EventStream stream(limit);
  const auto take = [&](const lar::net::Event& event) {
    if (event.data.size() > limit) std::abort();
    events += event.name + "\n" + event.last_id + "\n" + event.data + "\n\n";
    return event.data != "end";
  };
  if (!stream.feed(text.substr(0, cut), take) || !stream.feed(text.substr(cut), take)) {
    events += "too large";
  }
  return events;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (events_of(text, text.size()) != events_of(text, data[0] % size)) std::abort();
  return 0;
}
