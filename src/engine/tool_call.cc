// See tool_call.h.
#include "engine/tool_call.h"

#include "base/foreign_json.h"
#include "base/text.h"

namespace lar::engine {
using nlohmann::json;

std::vector<ToolCall> tool_calls_in(int status, std::string_view body) {
  std::vector<ToolCall> found;
  const json value = base::foreign_json(body);
  const json::json_pointer place("/choices/0/message/tool_calls");
  if (status != 200 || !value.is_object() || !value.contains(place)) return found;
  const json& calls = value[place];
  for (const json& call : calls.is_array() ? calls : json::array()) {
    const json function = call.is_object() ? call.value("function", json()) : json();
    ToolCall& made = found.emplace_back();
    if (!function.is_object()) continue;
    made.name = function.value("name", json());
    const json arguments = function.value("arguments", json());
    made.arguments =
        arguments.is_string() ? base::foreign_json(arguments.get<std::string>()) : arguments;
  }
  return found;
}

bool argument_holds(const json& arguments, const char* name, std::string_view folded) {
  if (!arguments.is_object()) return false;
  const auto found = arguments.find(name);
  return found != arguments.end() && found->is_string() &&
         base::fold(found->get<std::string>()).find(folded) != std::string::npos;
}

}  // namespace lar::engine
