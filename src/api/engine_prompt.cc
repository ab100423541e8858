// See engine_prompt.h.
#include "api/engine_prompt.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

namespace lar::api {
namespace {

// Templates print a tool's schema in the order in which it was written.
using Ordered = nlohmann::ordered_json;

std::string text_at(const Ordered& object, const char* name) {
  if (!object.is_object()) return {};
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool has_text(const Ordered& object, const char* name) {
  return object.contains(name) && object[name].is_string();
}

bool has_list(const Ordered& object, const char* name) {
  return object.contains(name) && object[name].is_array();
}

// ---- Anthropic ----

// Claude Code begins its system text with a stamp that differs in every request; the engine writes
// "fffff" in its place.
std::string without_stamp(std::string text) {
  constexpr std::string_view header = "x-anthropic-billing-header:";
  constexpr std::size_t length = 5;
  if (!text.starts_with(header)) return text;
  const std::size_t stamp = text.find("cch=", header.size());
  if (stamp != std::string::npos && stamp + 4 + length < text.size() &&
      text[stamp + 4 + length] == ';') {
    text.replace(stamp + 4, length, length, 'f');
  }
  return text;
}

Ordered system_message(const Ordered& system) {
  std::string content;
  if (system.is_string()) content = without_stamp(system.get<std::string>());
  if (system.is_array()) {
    for (const Ordered& block : system) {
      if (text_at(block, "type") == "text") content += without_stamp(text_at(block, "text"));
    }
  }
  return {{"role", "system"}, {"content", content}};
}

Ordered tool_result(const Ordered& block) {
  std::string text;
  if (has_text(block, "content")) text = block["content"].get<std::string>();
  if (has_list(block, "content")) {
    for (const Ordered& part : block["content"]) text += text_at(part, "text");
  }
  return {{"role", "tool"}, {"tool_call_id", text_at(block, "tool_use_id")}, {"content", text}};
}

// A picture as chat completions have it.
Ordered picture(const Ordered& block) {
  const Ordered source = block.contains("source") ? block["source"] : Ordered();
  const std::string address =
      text_at(source, "type") == "base64"
          ? "data:" + text_at(source, "media_type") + ";base64," + text_at(source, "data")
          : text_at(source, "url");
  return {{"type", "image_url"}, {"image_url", {{"url", address}}}};
}

bool has_pictures(const Ordered& result) {
  return has_list(result, "content") &&
         std::any_of(result["content"].begin(), result["content"].end(),
                     [](const Ordered& part) { return text_at(part, "type") == "image"; });
}

// A message of blocks becomes one with its texts and calls, and behind it the results of tools.
// False where it holds what no message can: pictures that a tool gave.
bool add_blocks(const Ordered& message, Ordered& messages) {
  Ordered content = Ordered::array(), calls = Ordered::array(), results = Ordered::array();
  std::string thoughts;
  for (const Ordered& block : message["content"]) {
    const std::string type = text_at(block, "type");
    if (type == "text") {
      content.push_back(block);
    } else if (type == "image") {
      content.push_back(picture(block));
    } else if (type == "thinking") {
      thoughts += text_at(block, "thinking");
    } else if (type == "tool_use") {
      calls.push_back(
          {{"id", text_at(block, "id")},
           {"type", "function"},
           {"function",
            {{"name", text_at(block, "name")},
             {"arguments",
              (block.contains("input") ? block["input"] : Ordered::object()).dump()}}}});
    } else if (type == "tool_result") {
      if (has_pictures(block)) return false;
      results.push_back(tool_result(block));
    }
  }
  if (!content.empty() || !calls.empty() || !thoughts.empty()) {
    Ordered turned = {{"role", text_at(message, "role")}};
    turned["content"] = content.empty() ? Ordered("") : std::move(content);
    if (!calls.empty()) turned["tool_calls"] = std::move(calls);
    if (!thoughts.empty()) turned["reasoning_content"] = thoughts;
    messages.push_back(std::move(turned));
  }
  for (Ordered& result : results) messages.push_back(std::move(result));
  return true;
}

std::optional<Ordered> of_anthropic(const Ordered& request) {
  if (!has_list(request, "messages")) return std::nullopt;
  Ordered messages = Ordered::array();
  if (request.contains("system") && !request["system"].is_null()) {
    messages.push_back(system_message(request["system"]));
  }
  for (const Ordered& message : request["messages"]) {
    if (!message.is_object()) return std::nullopt;
    if (has_list(message, "content")) {
      if (!add_blocks(message, messages)) return std::nullopt;
    } else if (message.contains("content") || text_at(message, "role") != "assistant") {
      messages.push_back(message);
    }
  }
  Ordered body = {{"messages", std::move(messages)}};
  if (has_list(request, "tools")) {
    body["tools"] = Ordered::array();
    for (const Ordered& tool : request["tools"]) {
      const Ordered schema = tool.is_object() && tool.contains("input_schema")
                                 ? tool["input_schema"]
                                 : Ordered::object();
      body["tools"].push_back({{"type", "function"},
                               {"function",
                                {{"name", text_at(tool, "name")},
                                 {"description", text_at(tool, "description")},
                                 {"parameters", schema}}}});
    }
  }
  if (request.contains("tool_choice")) {
    const std::string type = text_at(request["tool_choice"], "type");
    if (type == "auto") body["tool_choice"] = "auto";
    if (type == "any" || type == "tool") body["tool_choice"] = "required";
  }
  if (request.contains("chat_template_kwargs")) {
    body["chat_template_kwargs"] = request["chat_template_kwargs"];
  }
  if (request.contains("thinking") && text_at(request["thinking"], "type") == "enabled") {
    const Ordered& thinking = request["thinking"];
    body["thinking_budget_tokens"] =
        thinking.contains("budget_tokens") && thinking["budget_tokens"].is_number_integer()
            ? thinking["budget_tokens"]
            : Ordered(10'000);
  }
  return body;
}

// ---- OpenAI's Responses ----

Ordered text_part(const Ordered& text) { return {{"text", text}, {"type", "text"}}; }

// The previous message where it is the assistant's: what follows of one answer goes into it.
Ordered& answer_of(Ordered& messages, Ordered fresh) {
  if (messages.empty() || text_at(messages.back(), "role") != "assistant") {
    messages.push_back(std::move(fresh));
  }
  return messages.back();
}

// False where llama-server refuses the item.
bool add_item(Ordered item, Ordered& messages) {
  if (!item.is_object()) return false;
  const bool continues = !messages.empty() && text_at(messages.back(), "role") == "assistant";
  const std::string type = text_at(item, "type"), role = text_at(item, "role");
  if (has_text(item, "content")) {
    item["content"] = Ordered::array({Ordered{{"text", item["content"]}, {"type", "input_text"}}});
  }
  const bool has_content = has_list(item, "content");
  if (has_content && (role == "user" || role == "system" || role == "developer")) {
    Ordered content = Ordered::array();
    for (const Ordered& part : item["content"]) {
      if (text_at(part, "type") == "input_image" && has_text(part, "image_url")) {
        content.push_back({{"type", "image_url"}, {"image_url", {{"url", part["image_url"]}}}});
        continue;
      }
      if (text_at(part, "type") != "input_text" || !part.contains("text")) return false;
      content.push_back(text_part(part["text"]));
    }
    item.erase("type");
    item.erase("status");
    item["content"] = std::move(content);
    messages.push_back(std::move(item));
    return true;
  }
  if (role == "assistant" && type == "message") {
    // Behind an answer the engine's own way of joining the two is not worth following.
    if (continues) return false;
    Ordered content = Ordered::array();
    for (const Ordered& part : has_content ? item["content"] : Ordered::array()) {
      const std::string kind = text_at(part, "type");
      if ((kind != "output_text" && kind != "input_text") || !has_text(part, "text")) return false;
      content.push_back(text_part(part["text"]));
    }
    item.erase("status");
    item.erase("type");
    item["content"] = std::move(content);
    messages.push_back(std::move(item));
    return true;
  }
  if (type == "function_call" && has_text(item, "arguments") && has_text(item, "call_id") &&
      has_text(item, "name")) {
    Ordered call = {{"function", {{"arguments", item["arguments"]}, {"name", item["name"]}}},
                    {"id", item["call_id"]},
                    {"type", "function"}};
    answer_of(messages, {{"role", "assistant"}})["tool_calls"].push_back(std::move(call));
    return true;
  }
  if (type == "function_call_output" && has_text(item, "call_id") &&
      (has_text(item, "output") || has_list(item, "output"))) {
    Ordered output = item["output"];
    if (output.is_array()) {
      for (Ordered& part : output) {
        if (text_at(part, "type") != "input_text") return false;
        part["type"] = "text";
      }
    }
    messages.push_back(
        {{"content", std::move(output)}, {"role", "tool"}, {"tool_call_id", item["call_id"]}});
    return true;
  }
  if (type == "reasoning" && has_list(item, "summary") && has_content && !item["content"].empty() &&
      has_text(item["content"][0], "text")) {
    answer_of(messages,
              {{"role", "assistant"}, {"content", Ordered::array()}})["reasoning_content"] =
        item["content"][0]["text"];
    return true;
  }
  return false;
}

std::optional<Ordered> of_responses(const Ordered& request) {
  if (!request.contains("input")) return std::nullopt;
  Ordered messages = Ordered::array();
  if (request.contains("instructions")) {
    messages.push_back({{"role", "system"}, {"content", text_at(request, "instructions")}});
  }
  const Ordered& input = request["input"];
  if (input.is_string()) {
    messages.push_back({{"role", "user"}, {"content", input}});
  } else if (input.is_array()) {
    for (const Ordered& item : input) {
      if (!add_item(item, messages)) return std::nullopt;
    }
  } else {
    return std::nullopt;
  }
  Ordered body = request;
  for (const char* name : {"input", "instructions", "tools", "max_output_tokens", "reasoning"}) {
    body.erase(name);
  }
  body["messages"] = std::move(messages);
  if (has_list(request, "tools")) {
    for (Ordered tool : request["tools"]) {
      if (text_at(tool, "type") != "function") continue;
      tool.erase("type");
      if (!tool.contains("strict")) tool["strict"] = true;
      body["tools"].push_back({{"type", "function"}, {"function", std::move(tool)}});
    }
  }
  if (request.contains("reasoning") && request["reasoning"].is_object() &&
      request["reasoning"].contains("effort")) {
    body["reasoning_effort"] = request["reasoning"]["effort"];
  }
  return body;
}

std::optional<Ordered> chat_completion(Form form, const Ordered& request) {
  if (!request.is_object()) return std::nullopt;
  return form == Form::anthropic ? of_anthropic(request) : of_responses(request);
}

// Responses' way of asking for what each token's chances were.
bool wants_logprobs(const Ordered& request) {
  if (request.contains("top_logprobs") && request["top_logprobs"].is_number()) return true;
  return has_list(request, "include") &&
         std::find(request["include"].begin(), request["include"].end(),
                   "message.output_text.logprobs") != request["include"].end();
}

}  // namespace

std::string as_chat_completion(Form form, std::string_view text) {
  if (text.find("\"image") != std::string_view::npos ||
      text.find("\"input_image\"") != std::string_view::npos) {
    return {};
  }
  if (form == Form::openai) return std::string(text);
  const auto body = chat_completion(form, Ordered::parse(text, nullptr, false));
  return body ? body->dump(-1, ' ', false, Ordered::error_handler_t::replace) : std::string();
}

std::string translated(Form form, std::string_view text) {
  const Ordered request = Ordered::parse(text, nullptr, false);
  const auto made = chat_completion(form, request);
  if (!made) return {};
  Ordered body = Ordered::object();
  const auto pass = [&](const Ordered& from, const char* name, const char* as) {
    if (const auto found = from.find(name); found != from.end() && !found->is_null()) {
      body[as] = *found;
    }
  };
  for (const char* name : {"messages", "tools", "tool_choice", "reasoning_effort"}) {
    pass(*made, name, name);
  }
  for (const char* name : {"temperature", "top_p", "parallel_tool_calls"})
    pass(request, name, name);
  pass(request, form == Form::responses ? "max_output_tokens" : "max_tokens", "max_tokens");
  pass(request, "stop_sequences", "stop");
  if (form == Form::responses && wants_logprobs(request)) {
    body["logprobs"] = true;
    pass(request, "top_logprobs", "top_logprobs");
  }
  body["stream"] = true;
  body["stream_options"] = {{"include_usage", true}};
  return body.dump(-1, ' ', false, Ordered::error_handler_t::replace);
}

}  // namespace lar::api
