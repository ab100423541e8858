// Fuzzes what looks into an engine's answer as it passes: the same comes out however the bytes are
// cut, and an answer that is JSON stays JSON.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "api/answer_scanner.h"

namespace {

std::string passed(std::string_view text, std::size_t cut) {
  lar::api::AnswerScanner scanner("a \"model\"");
  std::string result = scanner.feed(text.substr(0, cut));
  result += scanner.feed(text.substr(cut));
  result += scanner.complete() ? " complete " : " incomplete ";
  return result + std::to_string(scanner.tokens_in()) + " " +
         std::to_string(scanner.tokens_cached()) + " " + std::to_string(scanner.tokens_out());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (passed(text, text.size()) != passed(text, data[0] % size)) std::abort();
  if (nlohmann::json::accept(text)) {
    lar::api::AnswerScanner scanner("a \"model\"");
    if (!nlohmann::json::accept(scanner.feed(text))) std::abort();
  }
  return 0;
}
