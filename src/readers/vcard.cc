// vCard 2.1, 3.0 and 4.0 (RFC 2426, RFC 6350): one contact per card. The part says in lines what a
// person would look for. A small parser of our own: the format is lines, and libraries for it
// insist on versions that real exports mix.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "base/text.h"
#include "readers/building.h"

namespace lar::readers {
namespace {

struct Property {
  std::string group;
  std::string name;                                    // upper case
  std::multimap<std::string, std::string> parameters;  // names in upper case, values in lower case
  std::string value;                                   // decoded, still escaped
};

std::string upper_ascii(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  }
  return result;
}

std::string decode_quoted_printable(std::string_view text) {
  std::string result;
  for (size_t at = 0; at < text.size(); ++at) {
    const auto digit = [](char c) {
      if (c >= '0' && c <= '9') return c - '0';
      if (c >= 'A' && c <= 'F') return c - 'A' + 10;
      if (c >= 'a' && c <= 'f') return c - 'a' + 10;
      return -1;
    };
    if (text[at] == '=' && at + 2 < text.size() && digit(text[at + 1]) >= 0 &&
        digit(text[at + 2]) >= 0) {
      result += static_cast<char>(digit(text[at + 1]) * 16 + digit(text[at + 2]));
      at += 2;
    } else {
      result += text[at];
    }
  }
  return result;
}

// Lines with folding undone (RFC 6350 3.2) and quoted-printable soft breaks joined (2.1).
std::vector<std::string> logical_lines(std::string_view bytes) {
  std::vector<std::string> lines;
  bool soft = false;
  for (std::string_view line : base::split(bytes, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (soft && !lines.empty()) {
      lines.back().pop_back();
      lines.back() += line;
    } else if (!lines.empty() && (line.starts_with(' ') || line.starts_with('\t'))) {
      lines.back() += line.substr(1);
    } else {
      lines.emplace_back(line);
    }
    soft = lines.back().ends_with('=') &&
           upper_ascii(std::string_view(lines.back()).substr(0, 200)).find("QUOTED-PRINTABLE") !=
               std::string::npos;
  }
  return lines;
}

Property parse_property(std::string_view line) {
  Property property;
  // The value begins at the first colon outside quotes.
  size_t colon = 0;
  bool quoted = false;
  while (colon < line.size() && (quoted || line[colon] != ':')) {
    if (line[colon] == '"') quoted = !quoted;
    ++colon;
  }
  if (colon >= line.size()) return property;
  std::string_view head = line.substr(0, colon);
  property.value = line.substr(colon + 1);
  const std::vector<std::string_view> pieces = base::split(head, ';');
  std::string_view name = pieces[0];
  if (const size_t dot = name.find('.'); dot != std::string_view::npos) {
    property.group = base::lower_ascii(name.substr(0, dot));
    name.remove_prefix(dot + 1);
  }
  property.name = upper_ascii(base::trim(name));
  for (size_t index = 1; index < pieces.size(); ++index) {
    const std::string_view piece = pieces[index];
    const size_t equals = piece.find('=');
    // 2.1 writes types without their name.
    const std::string key =
        equals == std::string_view::npos ? "TYPE" : upper_ascii(piece.substr(0, equals));
    std::string value =
        base::lower_ascii(equals == std::string_view::npos ? piece : piece.substr(equals + 1));
    value.erase(std::remove(value.begin(), value.end(), '"'), value.end());
    for (const std::string_view single : base::split(value, ',')) {
      property.parameters.emplace(key, std::string(base::trim(single)));
    }
  }
  const auto has = [&](const char* key, std::string_view wanted) {
    const auto [first, last] = property.parameters.equal_range(key);
    return std::any_of(first, last, [&](const auto& pair) { return pair.second == wanted; });
  };
  std::string charset;
  if (const auto found = property.parameters.find("CHARSET"); found != property.parameters.end()) {
    charset = found->second;
  }
  if (has("ENCODING", "quoted-printable") || has("TYPE", "quoted-printable")) {
    property.value = decode_text(decode_quoted_printable(property.value), charset);
  } else if (!charset.empty()) {
    property.value = decode_text(property.value, charset);
  }
  return property;
}

// Splits at unescaped `separator`s and undoes the escapes.
std::vector<std::string> split_value(std::string_view value, char separator) {
  std::vector<std::string> pieces(1);
  for (size_t at = 0; at < value.size(); ++at) {
    if (value[at] == '\\' && at + 1 < value.size()) {
      const char next = value[++at];
      pieces.back() += next == 'n' || next == 'N' ? '\n' : next;
    } else if (value[at] == separator) {
      pieces.emplace_back();
    } else {
      pieces.back() += value[at];
    }
  }
  return pieces;
}

std::string whole_value(std::string_view value) {
  return std::string(base::trim(split_value(value, '\0').front()));
}

std::string joined(const std::vector<std::string>& pieces, std::string_view between) {
  std::string text;
  for (const std::string& piece : pieces) {
    const std::string clean = base::collapse_spaces(piece);
    if (clean.empty()) continue;
    if (!text.empty()) text += between;
    text += clean;
  }
  return text;
}

// "(mobile)" and the like: the types a person would name, and Apple's own labels.
std::string type_label(const Property& property, const std::map<std::string, std::string>& labels) {
  if (const auto own = labels.find(property.group);
      !property.group.empty() && own != labels.end()) {
    return " (" + own->second + ")";
  }
  std::string text;
  const auto [first, last] = property.parameters.equal_range("TYPE");
  for (auto at = first; at != last; ++at) {
    std::string_view type = at->second;
    if (type == "cell") type = "mobile";
    static constexpr std::array<std::string_view, 9> useful = {
        "mobile", "home", "work", "fax", "pager", "main", "other", "school", "car"};
    if (std::find(useful.begin(), useful.end(), type) == useful.end()) continue;
    if (!text.empty()) text += ", ";
    text += type;
  }
  return text.empty() ? "" : " (" + text + ")";
}

// "19900312", "1990-03-12", "--0312", "1990-03-12T00:00:00Z".
std::string spell_birthday(std::string_view value) {
  static constexpr std::array<std::string_view, 12> english = {
      "January", "February", "March",     "April",   "May",      "June",
      "July",    "August",   "September", "October", "November", "December"};
  static constexpr std::array<std::string_view, 12> spanish = {
      "enero", "febrero", "marzo",      "abril",   "mayo",      "junio",
      "julio", "agosto",  "septiembre", "octubre", "noviembre", "diciembre"};
  value = value.substr(0, value.find('T'));
  const bool no_year = value.starts_with("--");
  std::string digits;
  for (const char c : value) {
    if (c >= '0' && c <= '9') digits += c;
  }
  const auto number = [&](size_t at, size_t length) {
    return std::stoi(digits.substr(at, length));
  };
  if (no_year && digits.size() == 4) {
    const int month = number(0, 2);
    const int day = number(2, 2);
    if (month < 1 || month > 12 || day < 1 || day > 31) return std::string(value);
    return fmt::format("{} {}, {} de {}", day, english.at(static_cast<size_t>(month - 1)), day,
                       spanish.at(static_cast<size_t>(month - 1)));
  }
  if (digits.size() != 8) return std::string(value);
  const base::Date date{number(0, 4), number(4, 2), number(6, 2)};
  if (!base::date_is_valid(date)) return std::string(value);
  const auto month = static_cast<size_t>(date.month - 1);
  return fmt::format("{} {} {}, {} de {} de {} ({})", date.day, english.at(month), date.year,
                     date.day, spanish.at(month), date.year, base::format_date(date));
}

domain::Item contact(const std::vector<Property>& properties, std::string_view raw) {
  domain::Item item;
  item.kind = domain::ItemKind::contact;
  item.origin = domain::Origin::own_data;
  std::map<std::string, std::string> labels;
  for (const Property& property : properties) {
    if (property.name != "X-ABLABEL" || property.group.empty()) continue;
    std::string label = whole_value(property.value);
    // Apple writes its own ones as _$!<HomePage>!$_.
    if (label.starts_with("_$!<") && label.ends_with(">!$_")) {
      label = label.substr(4, label.size() - 8);
    }
    labels[property.group] = label;
  }
  std::string uid;
  std::string name;
  std::string name_parts;
  std::string organisation;
  std::vector<std::string> addresses;
  std::string lines;
  const auto line = [&](std::string_view label, const std::string& text) {
    if (!text.empty()) lines += fmt::format("{}: {}\n", label, text);
  };
  for (const Property& property : properties) {
    const std::string label = type_label(property, labels);
    if (property.name == "UID") {
      uid = whole_value(property.value);
    } else if (property.name == "FN") {
      if (name.empty()) name = base::collapse_spaces(whole_value(property.value));
    } else if (property.name == "N") {
      // Family; given; additional; prefixes; suffixes.
      std::vector<std::string> pieces = split_value(property.value, ';');
      pieces.resize(5);
      name_parts = joined({pieces[3], pieces[1], pieces[2], pieces[0], pieces[4]}, " ");
    } else if (property.name == "NICKNAME") {
      line("Nickname", joined(split_value(property.value, ','), ", "));
    } else if (property.name == "ORG") {
      organisation = joined(split_value(property.value, ';'), ", ");
      line("Organisation", organisation);
    } else if (property.name == "TITLE") {
      line("Title", whole_value(property.value));
    } else if (property.name == "ROLE") {
      line("Role", whole_value(property.value));
    } else if (property.name == "TEL") {
      std::string number = whole_value(property.value);
      if (number.starts_with("tel:")) number = number.substr(4);
      line("Phone" + label, number);
    } else if (property.name == "EMAIL") {
      std::string address = whole_value(property.value);
      if (address.starts_with("mailto:")) address = address.substr(7);
      if (!address.empty()) addresses.push_back(base::lower_ascii(address));
      line("Email" + label, address);
    } else if (property.name == "ADR") {
      // Box; extended; street; town; region; code; country.
      std::vector<std::string> pieces = split_value(property.value, ';');
      pieces.resize(7);
      const std::string town = joined({pieces[5], pieces[3]}, " ");
      line("Address" + label,
           joined({pieces[2], pieces[1], pieces[0], town, pieces[4], pieces[6]}, ", "));
    } else if (property.name == "BDAY") {
      line("Birthday", spell_birthday(whole_value(property.value)));
    } else if (property.name == "ANNIVERSARY" || property.name == "X-ANNIVERSARY") {
      line("Anniversary", spell_birthday(whole_value(property.value)));
    } else if (property.name == "X-ABDATE") {
      line("Date" + label, spell_birthday(whole_value(property.value)));
    } else if (property.name == "RELATED" || property.name == "X-ABRELATEDNAMES") {
      line("Related" + label, whole_value(property.value));
    } else if (property.name == "URL") {
      line("Web" + label, whole_value(property.value));
    } else if (property.name == "IMPP") {
      line("Messaging" + label, whole_value(property.value));
    } else if (property.name == "CATEGORIES") {
      line("Categories", joined(split_value(property.value, ','), ", "));
    } else if (property.name == "NOTE") {
      line("Notes", whole_value(property.value));
    }
  }
  if (name.empty()) name = name_parts;
  if (name.empty()) name = organisation;
  if (name.empty() && !addresses.empty()) name = addresses.front();
  item.title = base::clean_utf8(name);
  item.external_id = uid.empty() ? "sha256:" + sha256_hex(raw) : base::clean_utf8(uid);
  for (const std::string& address : addresses) {
    item.people.push_back({domain::PersonRole::subject, item.title, base::clean_utf8(address)});
  }
  if (addresses.empty() && !item.title.empty()) {
    item.people.push_back({domain::PersonRole::subject, item.title, ""});
  }
  domain::TextPart part;
  part.id = "1";
  part.media_type = "text/vcard";
  part.role = domain::PartRole::contact;
  part.text = base::clean_utf8(base::trim(fmt::format("Name: {}\n{}", name, lines)));
  part.segments = {{domain::SegmentKind::text, 0, part.text.size(), 0, 0, std::nullopt}};
  item.parts.push_back(std::move(part));
  complete(item);
  return item;
}

base::Result<std::vector<domain::Item>> read_vcards(const Input& input) {
  constexpr size_t most_cards = 50'000;
  const std::string text = decode_text(input.bytes, {});
  std::vector<domain::Item> items;
  std::vector<Property> properties;
  std::string raw;
  int depth = 0;
  bool cut = false;
  for (const std::string& line : logical_lines(text)) {
    const std::string start = upper_ascii(base::trim(std::string_view(line).substr(0, 20)));
    if (start == "BEGIN:VCARD") {
      // Cards in cards (2.1's AGENT) belong to the outer one and are passed over.
      if (++depth == 1) {
        properties.clear();
        raw.clear();
      }
      continue;
    }
    if (start == "END:VCARD") {
      if (depth == 1) {
        items.push_back(contact(properties, raw));
        cut = cut || items.size() >= most_cards;
        if (cut) break;
      }
      depth = std::max(0, depth - 1);
      continue;
    }
    if (depth != 1) continue;
    raw += line;
    raw += '\n';
    if (properties.size() < 500) {
      Property property = parse_property(line);
      if (!property.name.empty() && property.name != "PHOTO" && property.name != "LOGO" &&
          property.name != "KEY") {
        properties.push_back(std::move(property));
      }
    }
  }
  if (depth > 0 && !properties.empty()) {
    // The file ends inside a card: what there is of it still counts.
    domain::Item item = contact(properties, raw);
    item.notices.push_back({"vcard.truncated", {{"name", input.name}}});
    items.push_back(std::move(item));
  }
  if (items.empty()) {
    return base::fail(base::ErrorKind::corrupt, "vcard.unreadable", {{"name", input.name}});
  }
  if (cut) items.back().notices.push_back({"reading.cut", {{"name", input.name}}});
  return items;
}

}  // namespace

Reader vcard_reader() {
  return {
      "vcard", 1, {"text/vcard", "text/x-vcard", "text/directory"}, {"vcf", "vcard"}, &read_vcards};
}

}  // namespace lar::readers
