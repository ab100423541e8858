// See prompt_style.h.
#include "api/prompt_style.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/foreign_json.h"

namespace lar::api {
using Ordered = nlohmann::ordered_json;
namespace {

// A text, or the texts of parts.
std::string text_of(const Ordered& content) {
  if (content.is_string()) return content.get<std::string>();
  std::string text;
  if (content.is_array()) {
    for (const Ordered& part : content) {
      const Ordered piece = part.is_object() ? part.value("text", Ordered()) : Ordered();
      if (piece.is_string()) text += piece.get_ref<const std::string&>();
    }
  }
  return text;
}

void put_before(const std::string& instructions, Ordered& message, const char* part_type) {
  Ordered& content = message["content"];
  if (content.is_array()) {
    content.insert(content.begin(), Ordered{{"type", part_type}, {"text", instructions}});
  } else {
    content = instructions + text_of(content);
  }
}

bool is_of(const Ordered& message, std::string_view role) {
  return message.is_object() && message.value("role", Ordered()) == role;
}

}  // namespace

std::string with_instructions_before_question(Form form, std::string_view text) {
  Ordered request = base::foreign_ordered_json(text);
  if (!request.is_object()) return std::string(text);
  std::string instructions;
  const auto take = [&](const Ordered& content) {
    if (std::string one = text_of(content); !one.empty()) instructions += one + "\n\n";
  };
  for (const char* name : {"instructions", "system"}) {
    if ((form == Form::responses) != (name == std::string_view("instructions"))) continue;
    if (form == Form::openai || !request.contains(name)) continue;
    take(request[name]);
    request.erase(name);
  }
  const char* list = form == Form::responses ? "input" : "messages";
  const Ordered given = request.value(list, Ordered());
  Ordered messages = Ordered::array();
  if (given.is_string()) {
    messages.push_back({{"role", "user"}, {"content", given}});
  } else if (given.is_array()) {
    for (const Ordered& message : given) {
      if (is_of(message, "system") || is_of(message, "developer")) {
        take(message.value("content", Ordered()));
      } else {
        messages.push_back(message);
      }
    }
  }
  if (instructions.empty()) return std::string(text);
  const auto question = std::find_if(messages.begin(), messages.end(),
                                     [](const Ordered& message) { return is_of(message, "user"); });
  if (question == messages.end()) {
    messages.insert(messages.begin(), Ordered{{"role", "user"}, {"content", instructions}});
  } else {
    put_before(instructions, *question, form == Form::responses ? "input_text" : "text");
  }
  request[list] = std::move(messages);
  return request.dump(-1, ' ', false, Ordered::error_handler_t::replace);
}

}  // namespace lar::api
