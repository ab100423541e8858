// Fuzzes the items that lar takes from lar-read, which a hostile file may have taken over: what is
// accepted can be written and read again, and is the same then.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "domain/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lar::domain;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto value = nlohmann::json::parse(text, nullptr, false);
  if (value.is_discarded()) return 0;
  (void)locator_from_json(value);
  (void)when_from_json(value);
  (void)people_from_json(value);
  (void)segments_from_json(value);
  (void)notice_from_json(value);
  const auto item = item_from_json(value);
  if (!item) return 0;
  const auto written = to_json(*item);
  const auto again = item_from_json(nlohmann::json::parse(written.dump()));
  if (!again || to_json(*again) != written) std::abort();
  return 0;
}
