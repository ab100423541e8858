// Calls of tools as an engine tells them in a whole chat completion. Nothing is believed of its
// form: a server may say anything. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace lar::engine {

struct ToolCall {
  nlohmann::json name;       // null where there is none
  nlohmann::json arguments;  // out of the text that OpenAI's form has; discarded where it is none
};

// The calls in the body of an answer; none where it is an error or says none.
std::vector<ToolCall> tool_calls_in(int status, std::string_view body);

// Whether arguments hold this text under that name, whatever the case and accents.
bool argument_holds(const nlohmann::json& arguments, const char* name, std::string_view folded);

}  // namespace lar::engine
