// Names of mails and folders in a Maildir. Stateless: any thread.
#include "sources/maildir/names.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/text.h"

namespace lar::sources::maildir {

namespace {

void append_utf8(std::string& text, std::uint32_t code) {
  if (code < 0x80) {
    text += static_cast<char>(code);
  } else if (code < 0x800) {
    text += static_cast<char>(0xC0 | (code >> 6));
    text += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    text += static_cast<char>(0xE0 | (code >> 12));
    text += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    text += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    text += static_cast<char>(0xF0 | (code >> 18));
    text += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
    text += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    text += static_cast<char>(0x80 | (code & 0x3F));
  }
}

std::optional<unsigned> base64_digit(char character) {
  if (character >= 'A' && character <= 'Z') return static_cast<unsigned>(character - 'A');
  if (character >= 'a' && character <= 'z') return static_cast<unsigned>(character - 'a' + 26);
  if (character >= '0' && character <= '9') return static_cast<unsigned>(character - '0' + 52);
  if (character == '+') return 62;
  if (character == ',') return 63;
  return std::nullopt;
}

// The UTF-16 between '&' and '-'.
bool append_encoded(std::string& text, std::string_view encoded) {
  std::uint32_t bits = 0;
  int count = 0;
  std::uint32_t high = 0;
  for (const char character : encoded) {
    const auto digit = base64_digit(character);
    if (!digit) return false;
    bits = (bits << 6 | *digit) & 0x3FFFFF;
    count += 6;
    if (count < 16) continue;
    count -= 16;
    const std::uint32_t unit = bits >> count & 0xFFFF;
    if (unit >= 0xD800 && unit < 0xDC00) {
      if (high != 0) return false;
      high = unit;
    } else if (unit >= 0xDC00 && unit < 0xE000) {
      if (high == 0) return false;
      append_utf8(text, 0x10000 + ((high - 0xD800) << 10) + (unit - 0xDC00));
      high = 0;
    } else {
      if (high != 0) return false;
      append_utf8(text, unit);
    }
  }
  return high == 0 && count < 6 && (bits & ((1u << count) - 1)) == 0;
}

}  // namespace

MailName parse_mail_name(std::string_view file_name) {
  MailName name;
  // ':' where the file system allows it, ';' or '!' where it does not.
  const auto mark = file_name.find_last_of(":;!");
  if (mark == std::string_view::npos || !(file_name.substr(mark + 1).starts_with("2,") ||
                                          file_name.substr(mark + 1).starts_with("1,"))) {
    name.base = file_name;
    return name;
  }
  name.base = file_name.substr(0, mark);
  if (file_name[mark + 1] == '2') name.flags = file_name.substr(mark + 3);
  std::sort(name.flags.begin(), name.flags.end());
  name.flags.erase(std::unique(name.flags.begin(), name.flags.end()), name.flags.end());
  return name;
}

std::string_view lasting_name(std::string_view base) { return base.substr(0, base.find(",U=")); }

std::string decode_modified_utf7(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '&') {
      decoded += text[i];
      continue;
    }
    const auto end = text.find('-', i);
    if (end == std::string_view::npos) return std::string(text);
    const std::string_view encoded = text.substr(i + 1, end - i - 1);
    if (encoded.empty()) {
      decoded += '&';
    } else if (!append_encoded(decoded, encoded)) {
      return std::string(text);
    }
    i = end;
  }
  return decoded;
}

std::string folder_name(std::string_view relative_path) {
  std::string name;
  for (const std::string_view component : base::split(relative_path, '/')) {
    if (component.empty()) continue;
    if (!name.empty()) name += '/';
    if (component.size() > 1 && component.front() == '.') {
      name += decode_modified_utf7(base::replace_all(component.substr(1), ".", "/"));
    } else {
      name += decode_modified_utf7(component);
    }
  }
  return base::clean_utf8(name);
}

}  // namespace lar::sources::maildir
