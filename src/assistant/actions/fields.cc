#include "assistant/actions/fields.h"

namespace lar::assistant {
namespace {

struct Known {
  ActionField field;
  std::string_view with;  // offered where this name stands in the content, even if it does not
};

constexpr Known known[] = {
    {{"to", "address", true}, ""},   {{"cc", "line"}, ""},
    {{"title", "line", true}, ""},   {{"subject", "line"}, "to"},
    {{"start", "moment", true}, ""}, {{"end", "moment"}, "start"},
    {{"place", "line"}, "start"},    {{"at", "moment", true}, ""},
    {{"text", "text", true}, ""},    {{"wish", "wish"}, "reply_to"},
    {{"name", "line"}, ""},          {{"email", "line"}, ""},
    {{"phone", "line"}, ""},
};

bool stands(const nlohmann::json& content, std::string_view name) {
  const auto found = content.find(name);
  return found != content.end() && found->is_string();
}

}  // namespace

std::vector<ActionField> fields_of(const nlohmann::json& content) {
  std::vector<ActionField> fields;
  if (!content.is_object()) return fields;
  for (const Known& one : known) {
    if (stands(content, one.field.name) || (!one.with.empty() && stands(content, one.with))) {
      fields.push_back(one.field);
    }
  }
  return fields;
}

}  // namespace lar::assistant
