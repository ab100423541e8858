// Fuzzes what comes from calendar servers and is read inside lar: answers, addresses, and calendar
// objects as changes are made to them.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sources/calendar_writer.h"
#include "sources/dav/multistatus.h"
#include "sources/dav/url.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lar::sources;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)dav::parse_multistatus(text, "example.org");
  (void)dav::resolve(*dav::parse_url("https://example.org/a/"), text.substr(0, 500));
  EventChange change;
  change.title = "x";
  change.start = lar::domain::Instant{1'780'000'000'000'000, "Europe/Madrid"};
  (void)change_event(text, "", change);
  (void)change_event(text, "20260406T070000Z", change);
  (void)remove_occurrence(text, "20260406");
  (void)answer_invitation(text, "", "a@example.org", Participation::declined);
  (void)scheduling_of(text);
  (void)write_reply(text, "a@example.org", Participation::accepted);
  (void)merge_invitation(text, text);
  return 0;
}
