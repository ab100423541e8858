#include "base/percent.h"

#include <charconv>

namespace lar::base {

std::string percent_encode(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string result;
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    const bool plain = (character >= '0' && character <= '9') ||
                       (character >= 'A' && character <= 'Z') ||
                       (character >= 'a' && character <= 'z');
    if (plain || std::string_view("-._~").find(character) != std::string_view::npos) {
      result += character;
    } else {
      result += '%';
      result += digits[byte >> 4];
      result += digits[byte & 15];
    }
  }
  return result;
}

std::string percent_decode(std::string_view text) {
  std::string result;
  for (size_t position = 0; position < text.size(); ++position) {
    unsigned value = 0;
    const char* digits = text.data() + position + 1;
    if (text[position] == '%' && position + 2 < text.size() &&
        std::from_chars(digits, digits + 2, value, 16).ptr == digits + 2) {
      result += static_cast<char>(value);
      position += 2;
    } else {
      result += text[position];
    }
  }
  return result;
}

}  // namespace lar::base
