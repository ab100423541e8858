// Cursors as JSON. A cursor that cannot be understood counts as none: the next sync compares
// everything again and loses nothing. Stateless: any thread.
#include "sources/cursor.h"

#include <nlohmann/json.hpp>

namespace lar::sources {

FolderCursor FolderCursor::parse(const std::string& text, const reading::ReadingService& reading) {
  FolderCursor cursor;
  cursor.skipped = Skipped::from_json(nullptr, reading);
  try {
    const auto value = nlohmann::json::parse(text);
    cursor.root = root_from_json(value.at("root"));
    cursor.skipped = Skipped::from_json(value.at("skipped"), reading);
    cursor.horizon.begin = value.at("horizon").at(0).get<base::Microseconds>();
    cursor.horizon.end = value.at("horizon").at(1).get<base::Microseconds>();
  } catch (const nlohmann::json::exception&) {
  }
  return cursor;
}

std::string FolderCursor::text() const {
  const nlohmann::json value = {{"root", to_json(root)},
                                {"skipped", skipped.to_json()},
                                {"horizon", {horizon.begin, horizon.end}}};
  // File names need not be UTF-8; what is replaced in a key only costs one more look at its file.
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace lar::sources
