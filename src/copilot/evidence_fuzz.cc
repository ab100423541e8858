// Fuzzes the search for evidence: a claim of the model's, a question and a passage of strangers, a
// line each, give a stretch of the passage that is not longer than a quote may be.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/text.h"
#include "copilot/evidence.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lar::copilot;
  const std::string text =
      lar::base::clean_utf8(std::string_view(reinterpret_cast<const char*>(data), size));
  std::string_view rest = text;
  const auto line = [&] {
    const std::string_view found = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), found.size() + 1));
    return found;
  };
  const std::string_view claim = line(), question = line();
  const lar::base::Date written{2026, 2, 28};
  const auto evidence = find_evidence({rest, "Ana Robles, 3 June 2026", written}, claim, question);
  if (evidence && (evidence->begin >= evidence->end || evidence->end > rest.size())) std::abort();
  (void)says_nothing_new(claim, question, written);
  (void)asked_for(question);
  (void)things_asked(question);
  (void)is_about(rest, question);
  (void)tells_of_change(claim, rest);
  for (const Asked sort : {Asked::date, Asked::clock_time, Asked::money, Asked::count, Asked::phone,
                           Asked::mobile, Asked::email, Asked::birthday}) {
    (void)holds(rest, sort);
  }
  return 0;
}
