// Each API's request is first brought into chat messages with tools (the same as llama-server makes
// of it), then these into messages without.
#include "api/gateway_tools.h"
#include "base/foreign_json.h"

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <vector>

namespace lar::api {
namespace {

using base::ErrorKind;
using base::fail;
using base::Result;
using nlohmann::json;
// A grammar made of a schema keeps the order of its properties.
using Ordered = nlohmann::ordered_json;

// Small models that may go on calling do so for ever.
constexpr int most_calls = 8;
// Engines refuse grammars that repeat more often; a bound beyond it is left to the client.
constexpr std::int64_t most_repetitions = 500;
constexpr int deepest_schema = 64;

struct Tool {
  std::string name, description;
  Ordered parameters;
};

enum class Choice { automatic, required, none };

// A request without the peculiarities of its API.
struct Asked {
  Ordered messages =
      Ordered::array();  // as chat completions have them, with tool_calls and role tool
  std::vector<Tool> tools;
  Choice choice = Choice::automatic;
  std::string only;  // the tool that must be called; empty: any
  bool several = true;
  Ordered text_schema;               // of an answer in text; null: free text
  Ordered more = Ordered::object();  // fields that go on to the engine as they are
};

template <typename Json>
std::string text_at(const Json& object, const char* name) {
  if (!object.is_object()) return {};
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->template get<std::string>()
                                                     : std::string();
}

const Ordered* member(const Ordered& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string dumped(const Ordered& value) {
  return value.dump(-1, ' ', false, Ordered::error_handler_t::replace);
}

tl::unexpected<base::Error> bad(const std::string& field) {
  return fail(ErrorKind::invalid_input, "client.bad_tools", {{"field", field}});
}

void add_text(std::string& text, const std::string& more, std::string_view between = "\n\n") {
  if (more.empty()) return;
  if (!text.empty()) text += between;
  text += more;
}

// ---- the three APIs ----

Result<Tool> tool_of(const Ordered& object, const char* schema) {
  Tool tool{text_at(object, "name"), text_at(object, "description"), {}};
  if (tool.name.empty()) return bad("tools");
  if (const Ordered* parameters = member(object, schema)) tool.parameters = *parameters;
  if (tool.parameters.is_null() || tool.parameters.empty()) {
    tool.parameters = {{"type", "object"}, {"properties", Ordered::object()}};
  }
  if (!tool.parameters.is_object()) return bad("tools");
  return tool;
}

void pass_fields(const Ordered& request, std::initializer_list<const char*> names, Ordered& into) {
  for (const char* name : names) {
    if (const Ordered* value = member(request, name)) into[name] = *value;
  }
}

Result<Asked> from_chat(const Ordered& request) {
  Asked asked;
  asked.messages = request["messages"];
  if (const Ordered* tools = member(request, "tools")) {
    if (!tools->is_array()) return bad("tools");
    for (const Ordered& entry : *tools) {
      const Ordered* function = member(entry, "function");
      if (function == nullptr) return bad("tools");
      TRY_ASSIGN(Tool tool, tool_of(*function, "parameters"));
      asked.tools.push_back(std::move(tool));
    }
  }
  if (const Ordered* choice = member(request, "tool_choice")) {
    if (*choice == "none") asked.choice = Choice::none;
    if (*choice == "required") asked.choice = Choice::required;
    if (choice->is_object()) {
      asked.choice = Choice::required;
      if (const Ordered* function = member(*choice, "function")) {
        asked.only = text_at(*function, "name");
      }
      if (asked.only.empty()) return bad("tool_choice");
    }
  }
  const Ordered* several = member(request, "parallel_tool_calls");
  asked.several = several == nullptr || *several != false;
  if (const Ordered* form = member(request, "response_format")) {
    const std::string type = text_at(*form, "type");
    const Ordered* wrapped = member(*form, "json_schema");
    if (const Ordered* schema = wrapped != nullptr ? member(*wrapped, "schema") : nullptr) {
      asked.text_schema = *schema;
    } else if (type == "json_object" || type == "json_schema") {
      asked.text_schema = {{"type", "object"}};
    }
  }
  // What an answer's tokens are cannot be told of a text that is taken out of an object, and a
  // string to stop at would cut the object.
  static const std::set<std::string> ours = {
      "messages", "tools",         "tool_choice", "parallel_tool_calls", "functions",
      "stream",   "function_call", "stop",        "response_format",     "json_schema",
      "grammar",  "logprobs",      "n",           "top_logprobs",        "stream_options"};
  for (const auto& [name, value] : request.items()) {
    if (!ours.contains(name)) asked.more[name] = value;
  }
  return asked;
}

// An image as chat completions have it; null for what is none.
Ordered image_of(const Ordered& block) {
  const Ordered* source = member(block, "source");
  if (source == nullptr) return {};
  std::string address = text_at(*source, "url");
  if (text_at(*source, "type") == "base64") {
    address = "data:" + text_at(*source, "media_type") + ";base64," + text_at(*source, "data");
  }
  return {{"type", "image_url"}, {"image_url", {{"url", address}}}};
}

// Content of Anthropic's kind, as chat completions have it: a text, or parts where there are
// images.
Ordered content_of(const Ordered& content) {
  if (content.is_string()) return content;
  Ordered parts = Ordered::array();
  std::string text;
  bool only_text = true;
  if (content.is_array()) {
    for (const Ordered& block : content) {
      const std::string type = text_at(block, "type");
      if (type == "text") {
        add_text(text, text_at(block, "text"), "\n");
        parts.push_back({{"type", "text"}, {"text", text_at(block, "text")}});
      } else if (type == "image") {
        only_text = false;
        parts.push_back(image_of(block));
      }
    }
  }
  return only_text ? Ordered(text) : parts;
}

Result<Asked> from_anthropic(const Ordered& request) {
  Asked asked;
  if (const Ordered* system = member(request, "system")) {
    asked.messages.push_back({{"role", "system"}, {"content", content_of(*system)}});
  }
  for (const Ordered& message : request["messages"]) {
    const Ordered* content = member(message, "content");
    if (content == nullptr) continue;
    Ordered calls = Ordered::array();
    if (content->is_array()) {
      for (const Ordered& block : *content) {
        const std::string type = text_at(block, "type");
        if (type == "tool_use") {
          const Ordered* input = member(block, "input");
          calls.push_back(
              {{"id", text_at(block, "id")},
               {"function",
                {{"name", text_at(block, "name")},
                 {"arguments", dumped(input != nullptr ? *input : Ordered::object())}}}});
        } else if (type == "tool_result") {
          const Ordered* result = member(block, "content");
          Ordered said = result != nullptr ? content_of(*result) : Ordered("");
          if (member(block, "is_error") != nullptr && block["is_error"] == true &&
              said.is_string()) {
            said = "Error: " + said.get<std::string>();
          }
          asked.messages.push_back({{"role", "tool"},
                                    {"tool_call_id", text_at(block, "tool_use_id")},
                                    {"content", std::move(said)}});
        }
      }
    }
    Ordered rest = content_of(*content);
    if (rest.empty() || rest == "") {
      if (calls.empty()) continue;
      rest = "";
    }
    Ordered turned = {{"role", text_at(message, "role")}, {"content", std::move(rest)}};
    if (!calls.empty()) turned["tool_calls"] = std::move(calls);
    asked.messages.push_back(std::move(turned));
  }
  if (const Ordered* tools = member(request, "tools")) {
    if (!tools->is_array()) return bad("tools");
    for (const Ordered& entry : *tools) {
      // Without a schema: one that runs at the maker's.
      if (member(entry, "input_schema") == nullptr) continue;
      TRY_ASSIGN(Tool tool, tool_of(entry, "input_schema"));
      asked.tools.push_back(std::move(tool));
    }
  }
  if (const Ordered* choice = member(request, "tool_choice")) {
    const std::string type = text_at(*choice, "type");
    if (type == "none") asked.choice = Choice::none;
    if (type == "any" || type == "tool") asked.choice = Choice::required;
    if (type == "tool") {
      asked.only = text_at(*choice, "name");
      if (asked.only.empty()) return bad("tool_choice");
    }
    const Ordered* one = member(*choice, "disable_parallel_tool_use");
    asked.several = one == nullptr || *one != true;
  }
  pass_fields(request, {"model", "max_tokens", "temperature", "top_p", "top_k"}, asked.more);
  return asked;
}

// Content of Responses' kind.
Ordered response_content(const Ordered& content) {
  if (content.is_string()) return content;
  Ordered parts = Ordered::array();
  std::string text;
  bool only_text = true;
  if (content.is_array()) {
    for (const Ordered& part : content) {
      const std::string type = text_at(part, "type");
      if (type == "input_image") {
        only_text = false;
        parts.push_back(
            {{"type", "image_url"}, {"image_url", {{"url", text_at(part, "image_url")}}}});
      } else if (type == "input_text" || type == "output_text" || type == "text") {
        add_text(text, text_at(part, "text"), "\n");
        parts.push_back({{"type", "text"}, {"text", text_at(part, "text")}});
      }
    }
  }
  return only_text ? Ordered(text) : parts;
}

Result<Asked> from_responses(const Ordered& request) {
  Asked asked;
  if (const std::string instructions = text_at(request, "instructions"); !instructions.empty()) {
    asked.messages.push_back({{"role", "system"}, {"content", instructions}});
  }
  const Ordered& input = request["input"];
  if (input.is_string()) asked.messages.push_back({{"role", "user"}, {"content", input}});
  const auto last_of_assistant = [&]() -> Ordered& {
    if (asked.messages.empty() || text_at(asked.messages.back(), "role") != "assistant") {
      asked.messages.push_back({{"role", "assistant"}, {"content", ""}});
    }
    return asked.messages.back();
  };
  for (const Ordered& item : input.is_array() ? input : Ordered::array()) {
    const std::string type = text_at(item, "type");
    if (type == "function_call") {
      last_of_assistant()["tool_calls"].push_back(
          {{"id", text_at(item, "call_id")},
           {"function",
            {{"name", text_at(item, "name")}, {"arguments", text_at(item, "arguments")}}}});
    } else if (type == "function_call_output") {
      const Ordered* output = member(item, "output");
      asked.messages.push_back(
          {{"role", "tool"},
           {"tool_call_id", text_at(item, "call_id")},
           {"content", output != nullptr ? response_content(*output) : Ordered("")}});
    } else if (const Ordered* content = member(item, "content"); content != nullptr) {
      const std::string role = text_at(item, "role");
      if (!role.empty()) {
        asked.messages.push_back({{"role", role}, {"content", response_content(*content)}});
      }
    }
  }
  if (const Ordered* tools = member(request, "tools")) {
    if (!tools->is_array()) return bad("tools");
    for (const Ordered& entry : *tools) {
      if (text_at(entry, "type") != "function") continue;
      TRY_ASSIGN(Tool tool, tool_of(entry, "parameters"));
      asked.tools.push_back(std::move(tool));
    }
  }
  if (const Ordered* choice = member(request, "tool_choice")) {
    if (*choice == "none") asked.choice = Choice::none;
    if (*choice == "required") asked.choice = Choice::required;
    if (text_at(*choice, "type") == "function") {
      asked.choice = Choice::required;
      asked.only = text_at(*choice, "name");
    }
  }
  const Ordered* several = member(request, "parallel_tool_calls");
  asked.several = several == nullptr || *several != false;
  if (const Ordered* text = member(request, "text")) {
    if (const Ordered* form = member(*text, "format")) {
      if (const Ordered* schema = member(*form, "schema")) asked.text_schema = *schema;
    }
  }
  pass_fields(request, {"model", "temperature", "top_p"}, asked.more);
  if (const Ordered* most = member(request, "max_output_tokens")) asked.more["max_tokens"] = *most;
  return asked;
}

// ---- schemas ----

// A client's schema as a part of ours: its references lead to `place`, and bounds that no grammar
// can hold are left out.
Ordered fitted(const Ordered& schema, const std::string& place, int depth = 0) {
  if (!schema.is_object() || depth > deepest_schema) return schema;
  constexpr std::array bounds = {"minLength", "maxLength", "minItems", "maxItems"};
  constexpr std::array maps = {"properties", "$defs", "definitions"};
  constexpr std::array lists = {"anyOf", "oneOf", "allOf", "prefixItems"};
  const auto in = [](const auto& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  Ordered result = Ordered::object();
  for (const auto& [name, value] : schema.items()) {
    if (name == "$schema" || name == "$id") continue;
    if (in(bounds, name) && value.is_number() && value.get<double>() > most_repetitions) continue;
    if (name == "$ref" && value.is_string()) {
      const auto reference = value.get<std::string>();
      // "#" alone is the whole, "#/…" a part of it.
      result[name] = reference.starts_with('#') ? place + reference.substr(1) : reference;
    } else if (in(maps, name) && value.is_object()) {
      result[name] = Ordered::object();
      for (const auto& [key, inner] : value.items()) {
        result[name][key] = fitted(inner, place, depth + 1);
      }
    } else if (in(lists, name) && value.is_array()) {
      result[name] = Ordered::array();
      for (const Ordered& inner : value) result[name].push_back(fitted(inner, place, depth + 1));
    } else if (name == "items" || name == "additionalProperties" || name == "not") {
      result[name] = fitted(value, place, depth + 1);
    } else {
      result[name] = value;
    }
  }
  return result;
}

Ordered object_of(const char* name, Ordered schema) {
  return {{"type", "object"},
          {"properties", {{name, std::move(schema)}}},
          {"required", Ordered::array({name})},
          {"additionalProperties", false}};
}

Ordered parsed_arguments(const Ordered& function) {
  const Ordered* arguments = member(function, "arguments");
  if (arguments == nullptr) return Ordered::object();
  if (!arguments->is_string()) return *arguments;
  Ordered value = base::foreign_ordered_json(arguments->get_ref<const std::string&>());
  return value.is_discarded() ? *arguments : value;
}

// The tool of a call that has been made and answered twice in a row: small models may go on with it
// for ever. Empty: there is none.
std::string repeated_tool(const Ordered& messages) {
  std::string last, name;
  int times = 0;
  for (auto message = messages.rbegin(); message != messages.rend(); ++message) {
    const std::string role = text_at(*message, "role");
    if (role == "tool") continue;
    const Ordered* calls = member(*message, "tool_calls");
    if (role != "assistant" || calls == nullptr || !calls->is_array() || calls->empty()) break;
    const Ordered* function = member(calls->back(), "function");
    if (function == nullptr) break;
    const std::string made = text_at(*function, "name") + dumped(parsed_arguments(*function));
    if (times > 0 && made != last) break;
    last = made;
    name = text_at(*function, "name");
    if (++times == 2) return name;
  }
  return {};
}

Result<Ordered> schema_of(const Asked& asked) {
  const std::string repeated = repeated_tool(asked.messages);
  // Only where there is another way.
  const bool other_way =
      asked.choice != Choice::required || (asked.only.empty() && asked.tools.size() > 1);
  Ordered definitions = Ordered::object();
  const auto define = [&](const std::string& name, const Ordered& schema) {
    definitions[name] = fitted(schema, "#/$defs/" + name);
    return Ordered{{"$ref", "#/$defs/" + name}};
  };
  Ordered ways = Ordered::array();
  if (asked.choice != Choice::required) {
    ways.push_back(object_of("text", asked.text_schema.is_null()
                                         ? Ordered{{"type", "string"}}
                                         : define("text", asked.text_schema)));
  }
  if (asked.choice != Choice::none && !asked.tools.empty()) {
    Ordered calls = Ordered::array();
    for (const Tool& tool : asked.tools) {
      if (!asked.only.empty() && tool.name != asked.only) continue;
      if (other_way && tool.name == repeated) continue;
      Ordered arguments = define("t" + std::to_string(calls.size()), tool.parameters);
      calls.push_back(
          {{"type", "object"},
           {"properties", {{"name", {{"const", tool.name}}}, {"arguments", std::move(arguments)}}},
           {"required", Ordered::array({"name", "arguments"})},
           {"additionalProperties", false}});
    }
    if (calls.empty() && ways.empty()) return bad("tool_choice");
    if (!calls.empty()) {
      ways.push_back(object_of("tool_calls", {{"type", "array"},
                                              {"items", {{"anyOf", std::move(calls)}}},
                                              {"minItems", 1},
                                              {"maxItems", asked.several ? most_calls : 1}}));
    }
  }
  // Called for although there is none.
  if (ways.empty()) return bad("tool_choice");
  Ordered schema = ways.size() == 1 ? ways[0] : Ordered{{"anyOf", std::move(ways)}};
  if (!definitions.empty()) schema["$defs"] = std::move(definitions);
  return schema;
}

// ---- messages ----

// The same whatever is chosen, so that a conversation keeps its beginning.
std::string instructions(const Asked& asked) {
  if (asked.tools.empty()) return R"(Answer with one JSON object: {"text": "your answer"}.)";
  std::string text = "You have these tools, each with the JSON Schema of its arguments:\n";
  for (const Tool& tool : asked.tools) {
    text += "\n" + tool.name;
    if (!tool.description.empty()) text += ": " + tool.description;
    text += "\n" + dumped(tool.parameters) + "\n";
  }
  text +=
      "\nAnswer with one JSON object. To use tools, before you know what is asked: "
      R"({"tool_calls": [{"name": "a tool's name", "arguments": {…}}]}; )"
      "their results come in the next message. To answer, once you know enough or where no tool "
      R"(helps: {"text": "your answer"}. Never repeat a call whose result you have.)";
  return text;
}

// A part of several in a message, or the whole of one.
Ordered joined(const Ordered& first, const Ordered& second) {
  if (first.is_string() && second.is_string()) {
    std::string text = first.get<std::string>();
    add_text(text, second.get<std::string>());
    return text;
  }
  Ordered parts = Ordered::array();
  for (const Ordered* content : {&first, &second}) {
    if (content->is_string()) parts.push_back({{"type", "text"}, {"text", *content}});
    if (content->is_array()) parts.insert(parts.end(), content->begin(), content->end());
  }
  return parts;
}

// What a tool gave is told by the user, as no template need know another; it is one message with
// what the user says besides, because some templates want the two to take turns.
Ordered rendered(const Asked& asked) {
  Ordered messages = Ordered::array();
  std::map<std::string, std::string> named;  // by the id of the call
  bool after_result = false;
  bool instructed = false;
  for (const Ordered& message : asked.messages) {
    std::string role = text_at(message, "role");
    const Ordered* said = member(message, "content");
    Ordered content = said != nullptr ? *said : Ordered("");
    const bool result = role == "tool" || role == "function";
    if (role == "developer") role = "system";
    if (role == "system" && !instructed) {
      content = joined(content, instructions(asked));
      instructed = true;
    }
    if (role == "assistant") {
      Ordered answer = Ordered::object();
      if (content.is_array()) content = content_of(content);
      if (content.is_string() && content != "") answer["text"] = content;
      if (const Ordered* calls = member(message, "tool_calls");
          calls != nullptr && calls->is_array()) {
        for (const Ordered& call : *calls) {
          const Ordered* function = member(call, "function");
          if (function == nullptr) continue;
          const Ordered arguments = parsed_arguments(*function);
          const std::string name = text_at(*function, "name");
          answer["tool_calls"].push_back({{"name", name}, {"arguments", arguments}});
          std::string& shown = named[text_at(call, "id")];
          shown = name;
          if (const std::string all = dumped(arguments); all.size() <= 200)
            shown += "(" + all + ")";
        }
      }
      if (answer.empty()) answer["text"] = "";
      content = dumped(answer);
    }
    if (result) {
      const auto found = named.find(text_at(message, "tool_call_id"));
      const std::string of = found != named.end() ? found->second : text_at(message, "name");
      content = joined("Result of " + (of.empty() ? "the tool" : of) + ":", content);
      role = "user";
    }
    if (role == "user" && !messages.empty() && text_at(messages.back(), "role") == "user" &&
        (result || after_result)) {
      messages.back()["content"] = joined(messages.back()["content"], content);
    } else {
      messages.push_back({{"role", role}, {"content", std::move(content)}});
    }
    after_result = result;
  }
  if (!instructed) {
    messages.insert(messages.begin(),
                    Ordered{{"role", "system"}, {"content", instructions(asked)}});
  }
  return messages;
}

constexpr std::string_view trial_tool = "note";
constexpr std::string_view trial_word = "zx";

}  // namespace

bool concerns_tools(Form form, const json& request) {
  const auto holds = [](const json& object, const char* name) {
    return object.is_object() && object.contains(name) && object[name].is_array() &&
           !object[name].empty();
  };
  if (holds(request, "tools")) {
    if (form == Form::openai) return true;
    for (const json& tool : request["tools"]) {
      if (form == Form::anthropic ? tool.is_object() && tool.contains("input_schema")
                                  : text_at(tool, "type") == "function") {
        return true;
      }
    }
  }
  const char* conversation = form == Form::responses ? "input" : "messages";
  if (!holds(request, conversation)) return false;
  const json& turns = request[conversation];
  return std::any_of(turns.begin(), turns.end(), [&](const json& turn) {
    if (form == Form::openai) return holds(turn, "tool_calls") || text_at(turn, "role") == "tool";
    if (form == Form::responses) {
      const std::string type = text_at(turn, "type");
      return type == "function_call" || type == "function_call_output";
    }
    if (!holds(turn, "content")) return false;
    return std::any_of(turn["content"].begin(), turn["content"].end(), [](const json& block) {
      const std::string type = text_at(block, "type");
      return type == "tool_use" || type == "tool_result";
    });
  });
}

Result<std::string> with_schema_for_tools(Form form, std::string_view text) {
  const Ordered request = base::foreign_ordered_json(text);
  if (!request.is_object()) return fail(ErrorKind::invalid_input, "client.malformed_json");
  TRY_ASSIGN(const Asked asked, form == Form::openai      ? from_chat(request)
                                : form == Form::anthropic ? from_anthropic(request)
                                                          : from_responses(request));
  TRY_ASSIGN(Ordered schema, schema_of(asked));
  Ordered body = asked.more;
  body["messages"] = rendered(asked);
  body["response_format"] = {
      {"type", "json_schema"},
      {"json_schema", {{"name", "answer"}, {"strict", true}, {"schema", std::move(schema)}}}};
  body["stream"] = true;
  body["stream_options"] = {{"include_usage", true}};
  // llama-server's own: show life while a long prompt is read. Others do not heed it.
  body["return_progress"] = true;
  // Thoughts in front of it would be no part of the object.
  if (!body.contains("chat_template_kwargs")) {
    body["chat_template_kwargs"] = {{"enable_thinking", false}};
  }
  return dumped(body);
}

std::string with_text_form(std::string_view text) {
  // Most have none; those are not taken apart.
  if (text.find("\"format\"") == std::string_view::npos) return std::string(text);
  Ordered request = base::foreign_ordered_json(text);
  const Ordered* about = member(request, "text");
  const Ordered* form = about != nullptr ? member(*about, "format") : nullptr;
  if (form == nullptr) return std::string(text);
  const std::string type = text_at(*form, "type");
  if (type == "json_object") request["response_format"] = {{"type", type}};
  if (type == "json_schema") {
    request["response_format"] = {{"type", type}, {"json_schema", *form}};
  }
  return dumped(request);
}

std::string tool_trial() {
  const Ordered tool = {
      {"name", trial_tool},
      {"description", "Notes a word for the user."},
      {"parameters",
       {{"type", "object"},
        {"properties", {{"word", {{"type", "string"}, {"enum", Ordered::array({trial_word})}}}}},
        {"required", Ordered::array({"word"})},
        {"additionalProperties", false}}}};
  return dumped(
      {{"messages", Ordered::array({Ordered{
                        {"role", "user"},
                        {"content", "Use the tool to note the word zx. Say nothing else."}}})},
       {"tools", Ordered::array({Ordered{{"type", "function"}, {"function", tool}}})},
       // Where they are chosen freely is where small models fail.
       {"tool_choice", "auto"},
       {"max_tokens", 64},
       {"temperature", 0}});
}

bool called(std::string_view answer) {
  const json value = base::foreign_json(answer);
  const json::json_pointer place("/choices/0/message/tool_calls/0/function");
  if (!value.is_object() || !value.contains(place)) return false;
  const json& function = value[place];
  const json arguments = base::foreign_json(text_at(function, "arguments"));
  return text_at(function, "name") == trial_tool && text_at(arguments, "word") == trial_word;
}

}  // namespace lar::api
