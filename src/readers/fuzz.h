// What the fuzzers of all readers do with their input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "domain/json.h"
#include "readers/reader.h"

// fontconfig, which Poppler asks for fonts, keeps some memory until the end of the process.
extern "C" const char* __lsan_default_suppressions();
// No inline function: the runtime alone calls it, and each fuzzer includes this once.
extern "C" const char* __lsan_default_suppressions() { return "leak:libfontconfig"; }

namespace lar::readers {

// Reads the bytes as `media_type`; what comes out must pass the checks that lar makes on every
// frame.
inline int fuzz(const char* media_type, const std::uint8_t* data, std::size_t size) {
  Input input;
  input.bytes = std::string_view(reinterpret_cast<const char*>(data), size);
  input.media_type = media_type;
  input.name = "fuzz";
  input.path = "fuzz";
  input.owner_zone = "Europe/Madrid";
  input.horizon_begin = base::from_local({{2026, 1, 1}, 0, 0, 0}, "UTC");
  input.horizon_end = base::from_local({{2027, 1, 1}, 0, 0, 0}, "UTC");
  const Reader* reader = find_reader(input);
  if (reader == nullptr) std::abort();
  const auto items = reader->read(input);
  if (!items) return 0;
  for (const domain::Item& item : *items) {
    const std::string text = to_json(item).dump();  // throws on text that is not UTF-8
    if (!domain::item_from_json(nlohmann::json::parse(text))) std::abort();
  }
  return 0;
}

}  // namespace lar::readers
