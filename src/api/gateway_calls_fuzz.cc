// Fuzzes the answer to a request with tools: whatever an engine says, cut anywhere, gives the same
// parts, and nothing before the first call belongs to a call.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "api/gateway_calls.h"

namespace {

using lar::api::AnswerPart;

std::string parts_of(std::string_view text, std::size_t cut) {
  std::string parts;
  bool called = false;
  const auto take = [&](const AnswerPart& part) {
    if (part.kind == AnswerPart::Kind::call) {
      called = true;
      parts += "\n";
    }
    if (part.kind == AnswerPart::Kind::arguments && !called) std::abort();
    parts += part.text;
  };
  lar::api::CallReader reader;
  reader.feed(text.substr(0, cut), take);
  reader.feed(text.substr(cut), take);
  reader.end(take);
  return parts;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (parts_of(text, text.size()) != parts_of(text, data[0] % size)) std::abort();
  return 0;
}
