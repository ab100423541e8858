// The readers lar has. A new one is a file with a function NAME_reader and one line here.
#include <algorithm>

#include "base/text.h"
#include "readers/building.h"

// The one line a new reader needs.
#define LAR_READERS(reader)                                                                    \
  reader(mime) reader(csv) reader(html) reader(markdown) reader(pdf) reader(docx) reader(ical) \
      reader(vcard) reader(whatsapp) reader(telegram) reader(text)

namespace lar::readers {

#define LAR_DECLARE(name) Reader name##_reader();
LAR_READERS(LAR_DECLARE)
#undef LAR_DECLARE

std::span<const Reader> registry() {
#define LAR_LIST(name) name##_reader(),
  static const std::vector<Reader> readers = {LAR_READERS(LAR_LIST)};
#undef LAR_LIST
  return readers;
}

namespace {

const Reader* by_name(std::string_view name) {
  for (const Reader& reader : registry()) {
    if (reader.name == name) return &reader;
  }
  return nullptr;
}

// What the bytes say; for files without a telling name or type.
const Reader* by_bytes(std::string_view bytes) {
  const std::string_view head = bytes.substr(0, 1024);
  const std::string lower = base::lower_ascii(base::trim(head));
  if (head.find("%PDF-") != std::string_view::npos) return by_name("pdf");
  if (head.starts_with("PK\x03\x04") &&
      bytes.substr(0, 1u << 20).find("word/") != std::string_view::npos) {
    return by_name("docx");
  }
  if (lower.starts_with("begin:vcalendar")) return by_name("ical");
  if (lower.starts_with("begin:vcard")) return by_name("vcard");
  if (lower.starts_with("<!doctype html") || lower.starts_with("<html")) return by_name("html");
  return nullptr;
}

}  // namespace

const Reader* find_reader(const Input& input) {
  const std::string type =
      base::lower_ascii(base::trim(base::split(input.media_type, ';').front()));
  if (!type.empty() && type != "application/octet-stream" && type != "text/plain") {
    for (const Reader& reader : registry()) {
      if (std::find(reader.media_types.begin(), reader.media_types.end(), type) !=
          reader.media_types.end()) {
        return &reader;
      }
    }
  }
  const std::string extension = file_extension(input.name.empty() ? input.path : input.name);
  if (!extension.empty()) {
    for (const Reader& reader : registry()) {
      if (std::find(reader.extensions.begin(), reader.extensions.end(), extension) !=
          reader.extensions.end()) {
        return &reader;
      }
    }
  }
  if (const Reader* found = by_bytes(input.bytes)) return found;
  return type == "text/plain" ? by_name("text") : nullptr;
}

}  // namespace lar::readers
