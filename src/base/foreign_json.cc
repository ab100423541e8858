// A look at the brackets before the parser sees the text: it keeps the parser itself, which offers
// no limit but a callback for every value.
#include "base/foreign_json.h"

namespace lar::base {
namespace {

template <typename Json>
Json parsed(std::string_view text) {
  if (nests_deeper(text, deepest_json)) return Json(Json::value_t::discarded);
  return Json::parse(text, nullptr, false);
}

}  // namespace

bool nests_deeper(std::string_view json, std::size_t levels) {
  std::size_t depth = 0;
  for (std::size_t at = 0; at < json.size(); ++at) {
    switch (json[at]) {
      case '"':
        for (++at; at < json.size() && json[at] != '"'; ++at) {
          if (json[at] == '\\') ++at;
        }
        break;
      case '[':
      case '{':
        if (++depth > levels) return true;
        break;
      case ']':
      case '}':
        if (depth > 0) --depth;
        break;
      default:
        break;
    }
  }
  return false;
}

nlohmann::json foreign_json(std::string_view text) { return parsed<nlohmann::json>(text); }

nlohmann::ordered_json foreign_ordered_json(std::string_view text) {
  return parsed<nlohmann::ordered_json>(text);
}

}  // namespace lar::base
