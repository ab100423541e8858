#include "sources/contact_writer.h"

#include <algorithm>
#include <vector>

#include "base/text.h"

namespace lar::sources {
namespace {

using base::ErrorKind;
using base::Result;

constexpr size_t line_octets = 75;  // RFC 2426, 2.6

// Of a value: line ends, and what separates values (RFC 2426, 4).
std::string escaped(std::string_view text) {
  std::string result;
  for (const char letter : base::clean_utf8(text)) {
    if (letter == '\\' || letter == ',' || letter == ';') result += '\\';
    if (static_cast<unsigned char>(letter) >= 0x20 && letter != 0x7F) result += letter;
  }
  return result;
}

// Folded, never inside a letter.
std::string line_of(const std::string& name, const std::string& value) {
  const std::string whole = name + ":" + value;
  std::string_view rest = whole;
  std::string result;
  size_t room = line_octets;
  while (rest.size() > room) {
    const std::string_view piece = base::cut_utf8(rest, room);
    result += std::string(piece) + "\r\n ";
    rest.remove_prefix(piece.size());
    room = line_octets - 1;
  }
  return result + std::string(rest) + "\r\n";
}

// "Bea Ruiz Soto" → "Ruiz Soto;Bea;;;": the first word is the given name, as both languages have
// it.
std::string structured(const std::string& name) {
  const std::string plain = base::collapse_spaces(name);
  const size_t space = plain.find(' ');
  if (space == std::string::npos) return ";" + escaped(plain) + ";;;";
  return escaped(plain.substr(space + 1)) + ";" + escaped(plain.substr(0, space)) + ";;;";
}

// A property with the lines it was folded into, as it stands.
struct Property {
  std::string lines;
  std::string name;  // in upper case, without its group
  std::string value;
};

std::vector<Property> properties_of(std::string_view card) {
  std::vector<Property> all;
  while (!card.empty()) {
    const size_t end = std::min(card.find('\n'), card.size() - 1) + 1;
    const std::string_view line = card.substr(0, end);
    card.remove_prefix(end);
    std::string_view plain = line;
    while (!plain.empty() && (plain.back() == '\n' || plain.back() == '\r')) plain.remove_suffix(1);
    if (!all.empty() && (plain.starts_with(' ') || plain.starts_with('\t'))) {
      all.back().lines += line;
      all.back().value += plain.substr(1);
      continue;
    }
    Property property{std::string(line), "", ""};
    bool quoted = false;
    size_t colon = 0;
    while (colon < plain.size() && (quoted || plain[colon] != ':')) {
      if (plain[colon] == '"') quoted = !quoted;
      ++colon;
    }
    std::string name = base::lower_ascii(plain.substr(0, std::min(plain.find(';'), colon)));
    if (const size_t dot = name.find('.'); dot != std::string::npos) name = name.substr(dot + 1);
    property.name = name;
    if (colon < plain.size()) property.value = plain.substr(colon + 1);
    all.push_back(std::move(property));
  }
  return all;
}

std::string digits_of(std::string_view text) {
  std::string digits;
  for (const char letter : text) {
    if (letter >= '0' && letter <= '9') digits += letter;
  }
  return digits;
}

}  // namespace

Result<std::string> write_contact(const std::string& uid, const ContactDraft& draft) {
  const std::string name = base::collapse_spaces(draft.name);
  if (name.empty()) return base::fail(ErrorKind::invalid_input, "contact.malformed");
  std::string card = "BEGIN:VCARD\r\nVERSION:3.0\r\nPRODID:-//lar//lar//EN\r\n" +
                     line_of("UID", escaped(uid)) + line_of("FN", escaped(name)) +
                     line_of("N", structured(name));
  if (!draft.email.empty()) card += line_of("EMAIL;TYPE=INTERNET", escaped(draft.email));
  if (!draft.phone.empty()) card += line_of("TEL", escaped(draft.phone));
  return card + "END:VCARD\r\n";
}

Result<std::string> change_contact(std::string_view card, const ContactDraft& draft) {
  std::vector<Property> all = properties_of(card);
  const auto count = [&](std::string_view name, std::string_view value) {
    return std::count_if(all.begin(), all.end(), [&](const Property& one) {
      return one.name == name && base::lower_ascii(base::trim(one.value)) == value;
    });
  };
  if (count("begin", "vcard") != 1 || count("end", "vcard") != 1) {
    return base::fail(ErrorKind::invalid_input, "contact.malformed");
  }
  const std::string name = base::collapse_spaces(draft.name);
  bool has_email = draft.email.empty(), has_phone = draft.phone.empty();
  std::string version;
  for (Property& one : all) {
    if (one.name == "version") version = base::trim(one.value);
    if (one.name == "email") {
      has_email = has_email || base::lower_ascii(base::trim(one.value)) ==
                                   base::lower_ascii(escaped(draft.email));
    }
    if (one.name == "tel") has_phone = has_phone || digits_of(one.value) == digits_of(draft.phone);
  }
  const std::string charset = version == "2.1" ? ";CHARSET=UTF-8" : "";
  const bool renamed = !name.empty() && count("fn", base::lower_ascii(escaped(name))) == 0;
  std::string result;
  for (const Property& one : all) {
    if (one.name == "end") {
      if (!has_email) {
        result += line_of(version == "4.0" ? "EMAIL" : "EMAIL;TYPE=INTERNET", escaped(draft.email));
      }
      if (!has_phone) result += line_of("TEL", escaped(draft.phone));
    }
    if (renamed && one.name == "fn") {
      result += line_of("FN" + charset, escaped(name));
    } else if (renamed && one.name == "n") {
      result += line_of("N" + charset, structured(name));
    } else {
      result += one.lines;
    }
  }
  return result;
}

}  // namespace lar::sources
