// A claim is an object at depth two; its end is found by counting braces outside strings.
#include "copilot/claim_stream.h"

#include <nlohmann/json.hpp>

namespace lar::copilot {

void ClaimStream::feed(std::string_view piece) {
  for (const char letter : piece) {
    if (in_string_) {
      if (escaped_) {
        escaped_ = false;
      } else if (letter == '\\') {
        escaped_ = true;
      } else if (letter == '"') {
        in_string_ = false;
      }
    } else if (letter == '"') {
      in_string_ = true;
    } else if (letter == '{') {
      if (++depth_ == 2) object_.clear();
    }
    if (depth_ >= 2) object_ += letter;
    if (!in_string_ && letter == '}' && depth_ > 0 && --depth_ == 1) {
      const auto parsed = nlohmann::json::parse(object_, nullptr, false);
      if (parsed.is_object() && parsed.contains("passage") &&
          parsed["passage"].is_number_integer() && parsed.contains("claim") &&
          parsed["claim"].is_string()) {
        RawClaim claim{parsed["passage"], "", parsed["claim"]};
        if (parsed.contains("quote") && parsed["quote"].is_string()) claim.quote = parsed["quote"];
        on_claim_(claim);
      }
      object_.clear();
    }
  }
}

}  // namespace lar::copilot
