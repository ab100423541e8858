// The reader is a JSON reader of one byte at a time, for just the two objects there can be. In
// Responses' streams every event has a number and every item begins, grows and ends; Anthropic's
// have blocks that do the same.
#include "api/gateway_calls.h"

#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/clock.h"
#include "base/foreign_json.h"
#include "base/id.h"

namespace lar::api {
namespace {

using nlohmann::json;

// A key of ours is shorter.
constexpr std::size_t longest_beginning = 64;

bool is_space(char character) {
  return character == ' ' || character == '\n' || character == '\r' || character == '\t';
}

std::string dumped(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

void add_utf8(std::string& text, unsigned code) {
  const auto add = [&](unsigned byte) { text += static_cast<char>(byte); };
  if (code < 0x80) {
    add(code);
  } else if (code < 0x800) {
    add(0xc0 | code >> 6);
    add(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    add(0xe0 | code >> 12);
    add(0x80 | (code >> 6 & 0x3f));
    add(0x80 | (code & 0x3f));
  } else {
    add(0xf0 | code >> 18);
    add(0x80 | (code >> 12 & 0x3f));
    add(0x80 | (code >> 6 & 0x3f));
    add(0x80 | (code & 0x3f));
  }
}

constexpr unsigned replacement = 0xfffd;

json list_of(const std::string& elements) { return base::foreign_json("[" + elements + "]"); }

std::string new_id(const char* kind) {
  std::string id = base::Id::make().text();
  std::erase(id, '-');
  return kind + id;
}

}  // namespace

// ---- the engine's text ----

void CallReader::feed(std::string_view piece, const Sink& sink) {
  for (const char character : piece) take(character, sink);
  flush(sink);
}

void CallReader::end(const Sink& sink) {
  if (!answered_ && place_ != Place::plain) not_ours(sink);
  flush(sink);
}

void CallReader::give(AnswerPart::Kind kind, std::string_view text, const Sink& sink) {
  if (kind != kind_) flush(sink);
  kind_ = kind;
  ready_ += text;
}

void CallReader::flush(const Sink& sink) {
  if (!ready_.empty()) sink({kind_, std::exchange(ready_, {})});
}

// What came so far is the beginning of a text that is no object of ours.
void CallReader::not_ours(const Sink& sink) {
  if (answered_) {
    place_ = Place::after;
    return;
  }
  place_ = Place::plain;
  give(AnswerPart::Kind::text, std::exchange(seen_, {}), sink);
}

void CallReader::take(char character, const Sink& sink) {
  switch (place_) {
    case Place::before:
      if (is_space(character)) return;
      seen_ += character;
      place_ = Place::key;
      if (character != '{') not_ours(sink);
      return;
    case Place::key:
      take_key(character, sink);
      return;
    case Place::colon:
      seen_ += character;
      if (is_space(character) || character == ':') return;
      inner_ = 0;
      in_string_ = escaped_ = false;
      if (key_ == "tool_calls") {
        if (character != '[') {
          not_ours(sink);
          return;
        }
        place_ = Place::calls;
        depth_ = 0;
      } else if (character == '"') {
        place_ = Place::text;
      } else {
        place_ = Place::form;
        take_form(character, sink);
      }
      answered_ = true;
      return;
    case Place::text:
      take_text(character, sink);
      return;
    case Place::form:
      take_form(character, sink);
      return;
    case Place::calls:
      take_call(character, sink);
      return;
    case Place::after:
      // A text may be followed by calls.
      if (character == ',' && answered_ && key_ == "text") {
        key_.clear();
        seen_.clear();
        string_.clear();
        in_string_ = false;
        place_ = Place::key;
      }
      return;
    case Place::plain:
      give(AnswerPart::Kind::text, {&character, 1}, sink);
      return;
  }
}

void CallReader::take_key(char character, const Sink& sink) {
  seen_ += character;
  if (!in_string_) {
    if (is_space(character)) return;
    if (character != '"') {
      not_ours(sink);
      return;
    }
    in_string_ = true;
    string_.clear();
    return;
  }
  if (character != '"') {
    string_ += character;
    if (string_.size() > longest_beginning) not_ours(sink);
    return;
  }
  in_string_ = false;
  key_ = string_;
  place_ = Place::colon;
  if (key_ != "text" && key_ != "tool_calls") not_ours(sink);
}

void CallReader::take_text(char character, const Sink& sink) {
  std::string out;
  if (!digits_.empty()) {
    digits_ += character;
    if (digits_.size() < 5) return;
    const unsigned code = static_cast<unsigned>(std::strtoul(digits_.c_str() + 1, nullptr, 16));
    digits_.clear();
    if (first_half_ != 0 && code >= 0xdc00 && code < 0xe000) {
      add_utf8(out, 0x10000 + ((first_half_ - 0xd800) << 10) + (code - 0xdc00));
      first_half_ = 0;
    } else {
      if (first_half_ != 0) add_utf8(out, replacement);
      first_half_ = code >= 0xd800 && code < 0xdc00 ? code : 0;
      if (first_half_ == 0) add_utf8(out, code >= 0xdc00 && code < 0xe000 ? replacement : code);
    }
  } else if (escaped_) {
    escaped_ = false;
    if (character == 'u') {
      digits_ = "u";
      return;
    }
    constexpr std::string_view written = "nrtbf", meant = "\n\r\t\b\f";
    const std::size_t at = written.find(character);
    if (first_half_ != 0) add_utf8(out, replacement);
    first_half_ = 0;
    out += at == std::string_view::npos ? character : meant[at];
  } else if (character == '\\') {
    escaped_ = true;
    return;
  } else {
    if (first_half_ != 0) add_utf8(out, replacement);
    first_half_ = 0;
    if (character == '"') {
      place_ = Place::after;
    } else {
      out += character;
    }
  }
  give(AnswerPart::Kind::text, out, sink);
}

void CallReader::take_form(char character, const Sink& sink) {
  if (in_string_) {
    if (character == '"' && !escaped_) in_string_ = false;
    escaped_ = character == '\\' && !escaped_;
  } else if (character == '"') {
    in_string_ = true;
  } else if (character == '{' || character == '[') {
    ++inner_;
  } else if (inner_ == 0 && (character == '}' || character == ',')) {
    place_ = Place::after;
    if (character == ',') take(character, sink);
    return;
  } else if (character == '}' || character == ']') {
    --inner_;
  }
  give(AnswerPart::Kind::text, {&character, 1}, sink);
}

void CallReader::call_character(char character, const Sink& sink) {
  if (named_) {
    give(AnswerPart::Kind::arguments, {&character, 1}, sink);
  } else {
    early_ += character;
  }
}

void CallReader::string_ended(const Sink& sink) {
  if (depth_ != 1) return;
  if (key_next_) {
    key_ = string_;
    key_next_ = false;
  } else if (key_ == "name" && !named_) {
    const json name = json::parse('"' + string_ + '"', nullptr, false);
    named_ = true;
    flush(sink);
    sink({AnswerPart::Kind::call, name.is_string() ? name.get<std::string>() : string_});
    if (!early_.empty()) give(AnswerPart::Kind::arguments, std::exchange(early_, {}), sink);
  }
}

void CallReader::take_call(char character, const Sink& sink) {
  if (in_string_) {
    const bool ends = character == '"' && !escaped_;
    escaped_ = character == '\\' && !escaped_;
    if (in_arguments_) {
      call_character(character, sink);
    } else if (!ends) {
      string_ += character;
    }
    if (ends) {
      in_string_ = false;
      if (!in_arguments_) string_ended(sink);
    }
    return;
  }
  if (in_arguments_) {
    const bool closes = character == '}' || character == ']';
    if (inner_ == 0 && (closes || character == ',')) {
      in_arguments_ = false;
    } else {
      if (inner_ == 0 && is_space(character)) return;
      if (character == '{' || character == '[') ++inner_;
      if (closes) --inner_;
      in_string_ = character == '"';
      call_character(character, sink);
      return;
    }
  }
  switch (character) {
    case '"':
      in_string_ = true;
      string_.clear();
      break;
    case '{':
      if (++depth_ == 1) {
        key_next_ = true;
        named_ = false;
        key_.clear();
        early_.clear();
      }
      break;
    case '[':
      ++depth_;
      break;
    case '}':
    case ']':
      if (depth_ == 0) place_ = Place::after;
      --depth_;
      break;
    case ',':
      key_next_ = depth_ == 1;
      break;
    case ':':
      if (depth_ == 1 && key_ == "arguments") {
        in_arguments_ = true;
        inner_ = 0;
      }
      break;
    default:
      break;
  }
}

// ---- the client's form ----

CallWriter::CallWriter(Form form, std::string model, Delivery delivery, Usage usage)
    : form_(form),
      model_(std::move(model)),
      delivery_(delivery),
      usage_(usage),
      id_(new_id(form == Form::openai      ? "chatcmpl-"
                 : form == Form::anthropic ? "msg_"
                                           : "resp_")),
      created_(static_cast<long>(base::Clock::now() / base::one_second)) {}

std::string CallWriter::chunk(json delta, const char* reason) const {
  return "data: " +
         dumped({{"id", id_},
                 {"object", "chat.completion.chunk"},
                 {"created", created_},
                 {"model", model_},
                 {"choices", json::array({json{{"index", 0},
                                               {"delta", std::move(delta)},
                                               {"finish_reason",
                                                reason != nullptr ? json(reason) : json()}}})}}) +
         "\n\n";
}

std::string CallWriter::event(json data) {
  if (form_ == Form::responses) data["sequence_number"] = sequence_++;
  return "event: " + data["type"].get<std::string>() + "\ndata: " + dumped(data) + "\n\n";
}

json CallWriter::message_item(const char* status) const {
  json content = json::array();
  if (std::string_view(status) != "in_progress") {
    content.push_back({{"type", "output_text"},
                       {"text", text_},
                       {"annotations", json::array()},
                       {"logprobs", list_of(logprobs_)}});
  }
  return {{"type", "message"},
          {"id", "msg_" + id_.substr(5)},
          {"role", "assistant"},
          {"status", status},
          {"content", std::move(content)}};
}

json CallWriter::item_of(std::size_t call, const char* status) const {
  const CallMade& made = calls_[call];
  const bool begins = std::string_view(status) == "in_progress";
  return {{"type", "function_call"},
          {"id", "fc_" + made.id.substr(made.id.find('_') + 1)},
          {"call_id", made.id},
          {"name", made.name},
          {"arguments", begins ? "" : made.arguments},
          {"status", status}};
}

json CallWriter::thought_item(std::size_t thought, const char* status) const {
  json content = json::array();
  if (std::string_view(status) != "in_progress") {
    content.push_back({{"type", "reasoning_text"}, {"text", thoughts_[thought].text}});
  }
  return {{"type", "reasoning"},
          {"id", "rs_" + std::to_string(thoughts_[thought].item) + id_.substr(5)},
          {"summary", json::array()},
          {"content", std::move(content)},
          {"status", status}};
}

json CallWriter::response(const char* status) const {
  std::map<int, json> items;
  if (std::string_view(status) != "in_progress") {
    for (std::size_t thought = 0; thought < thoughts_.size(); ++thought) {
      items[thoughts_[thought].item] = thought_item(thought, "completed");
    }
    for (std::size_t call = 0; call < calls_.size(); ++call) {
      items[calls_[call].item] = item_of(call, "completed");
    }
    if (text_item_ >= 0) items[text_item_] = message_item("completed");
  }
  json output = json::array();
  for (auto& [place, item] : items) output.push_back(std::move(item));
  return {{"id", id_},
          {"object", "response"},
          {"created_at", created_},
          {"status", status},
          {"model", model_},
          {"output", std::move(output)},
          {"error", json()},
          {"incomplete_details", json()},
          {"instructions", json()},
          {"metadata", json::object()},
          {"parallel_tool_calls", true},
          {"tool_choice", "auto"},
          {"tools", json::array()}};
}

std::string CallWriter::begin() {
  if (delivery_ == Delivery::whole) return {};
  switch (form_) {
    case Form::openai:
      return chunk({{"role", "assistant"}, {"content", ""}}, nullptr);
    case Form::anthropic:
      return event({{"type", "message_start"},
                    {"message",
                     {{"id", id_},
                      {"type", "message"},
                      {"role", "assistant"},
                      {"model", model_},
                      {"content", json::array()},
                      {"stop_reason", json()},
                      {"stop_sequence", json()},
                      {"usage", {{"input_tokens", 0}, {"output_tokens", 0}}}}}});
    case Form::responses:
      break;
  }
  const std::string created =
      event({{"type", "response.created"}, {"response", response("in_progress")}});
  return created + event({{"type", "response.in_progress"}, {"response", response("in_progress")}});
}

std::string CallWriter::open_text() {
  open_ = Open::text;
  text_item_ = ++item_;
  if (form_ == Form::openai) return {};
  if (form_ == Form::anthropic) {
    return event({{"type", "content_block_start"},
                  {"index", item_},
                  {"content_block", {{"type", "text"}, {"text", ""}}}});
  }
  const std::string added = event({{"type", "response.output_item.added"},
                                   {"output_index", item_},
                                   {"item", message_item("in_progress")}});
  return added +
         event({{"type", "response.content_part.added"},
                {"item_id", message_item("in_progress")["id"]},
                {"output_index", item_},
                {"content_index", 0},
                {"part", {{"type", "output_text"}, {"text", ""}, {"annotations", json::array()}}}});
}

std::string CallWriter::open_thought() {
  open_ = Open::thought;
  thoughts_.push_back({++item_, {}});
  if (form_ == Form::openai) return {};
  if (form_ == Form::anthropic) {
    return event({{"type", "content_block_start"},
                  {"index", item_},
                  {"content_block", {{"type", "thinking"}, {"thinking", ""}, {"signature", ""}}}});
  }
  return event({{"type", "response.output_item.added"},
                {"output_index", item_},
                {"item", thought_item(thoughts_.size() - 1, "in_progress")}});
}

std::string CallWriter::take_thought(const std::string& text) {
  std::string out;
  if (open_ != Open::thought) {
    out = close();
    out += open_thought();
  }
  thoughts_.back().text += text;
  if (form_ == Form::openai) return out + chunk({{"reasoning_content", text}}, nullptr);
  if (form_ == Form::anthropic) {
    return out + event({{"type", "content_block_delta"},
                        {"index", item_},
                        {"delta", {{"type", "thinking_delta"}, {"thinking", text}}}});
  }
  return out + event({{"type", "response.reasoning_text.delta"},
                      {"item_id", thought_item(thoughts_.size() - 1, "in_progress")["id"]},
                      {"output_index", item_},
                      {"content_index", 0},
                      {"delta", text}});
}

std::string CallWriter::open_call() {
  open_ = Open::call;
  calls_.back().item = ++item_;
  const CallMade& made = calls_.back();
  if (form_ == Form::openai) {
    return chunk({{"tool_calls",
                   json::array({json{{"index", calls_.size() - 1},
                                     {"id", made.id},
                                     {"type", "function"},
                                     {"function", {{"name", made.name}, {"arguments", ""}}}}})}},
                 nullptr);
  }
  if (form_ == Form::anthropic) {
    return event({{"type", "content_block_start"},
                  {"index", item_},
                  {"content_block",
                   {{"type", "tool_use"},
                    {"id", made.id},
                    {"name", made.name},
                    {"input", json::object()}}}});
  }
  return event({{"type", "response.output_item.added"},
                {"output_index", item_},
                {"item", item_of(calls_.size() - 1, "in_progress")}});
}

std::string CallWriter::close() {
  const Open closing = std::exchange(open_, Open::nothing);
  if (closing == Open::nothing) return {};
  std::string out;
  if (closing == Open::call && calls_.back().arguments.empty()) {
    open_ = Open::call;
    out = take({AnswerPart::Kind::arguments, "{}"});
    open_ = Open::nothing;
  }
  if (form_ == Form::openai || delivery_ == Delivery::whole) return out;
  if (form_ == Form::anthropic) {
    if (closing == Open::thought) {
      // Only the API's own maker could sign what was thought; clients expect the event.
      out += event({{"type", "content_block_delta"},
                    {"index", item_},
                    {"delta", {{"type", "signature_delta"}, {"signature", ""}}}});
    }
    return out + event({{"type", "content_block_stop"}, {"index", item_}});
  }
  if (closing == Open::thought) {
    const json item = thought_item(thoughts_.size() - 1, "completed");
    out += event({{"type", "response.reasoning_text.done"},
                  {"item_id", item["id"]},
                  {"output_index", item_},
                  {"content_index", 0},
                  {"text", thoughts_.back().text}});
    return out +
           event({{"type", "response.output_item.done"}, {"output_index", item_}, {"item", item}});
  }
  if (closing == Open::text) {
    const json item = message_item("completed");
    out += event({{"type", "response.output_text.done"},
                  {"item_id", item["id"]},
                  {"output_index", item_},
                  {"content_index", 0},
                  {"text", text_},
                  {"logprobs", list_of(logprobs_)}});
    out += event({{"type", "response.content_part.done"},
                  {"item_id", item["id"]},
                  {"output_index", item_},
                  {"content_index", 0},
                  {"part", item["content"][0]}});
    return out +
           event({{"type", "response.output_item.done"}, {"output_index", item_}, {"item", item}});
  }
  const json item = item_of(calls_.size() - 1, "completed");
  out += event({{"type", "response.function_call_arguments.done"},
                {"item_id", item["id"]},
                {"output_index", item_},
                {"name", item["name"]},
                {"arguments", item["arguments"]}});
  return out +
         event({{"type", "response.output_item.done"}, {"output_index", item_}, {"item", item}});
}

std::string CallWriter::take(const AnswerPart& part) {
  const bool streamed = delivery_ == Delivery::streamed;
  std::string out;
  switch (part.kind) {
    case AnswerPart::Kind::text: {
      if (open_ != Open::text) {
        out = close();
        const std::string opened = open_text();
        if (streamed) out += opened;
      }
      text_ += part.text;
      if (const json tokens = base::foreign_json(part.logprobs); tokens.is_array()) {
        for (const json& token : tokens) {
          logprobs_ += (logprobs_.empty() ? "" : ",") + dumped(token);
        }
      }
      if (!streamed) return {};
      if (form_ == Form::openai) return out + chunk({{"content", part.text}}, nullptr);
      if (form_ == Form::anthropic) {
        return out + event({{"type", "content_block_delta"},
                            {"index", item_},
                            {"delta", {{"type", "text_delta"}, {"text", part.text}}}});
      }
      return out + event({{"type", "response.output_text.delta"},
                          {"item_id", message_item("in_progress")["id"]},
                          {"output_index", item_},
                          {"content_index", 0},
                          {"delta", part.text},
                          {"logprobs", part.logprobs.empty() ? json::array()
                                                             : base::foreign_json(part.logprobs)}});
    }
    case AnswerPart::Kind::thought:
      out = take_thought(part.text);
      return streamed ? out : std::string();
    case AnswerPart::Kind::call: {
      out = close();
      calls_.push_back({new_id(form_ == Form::anthropic ? "toolu_" : "call_"), part.text, {}, 0});
      const std::string opened = open_call();
      return streamed ? out + opened : std::string();
    }
    case AnswerPart::Kind::arguments:
      break;
  }
  if (calls_.empty()) return {};
  calls_.back().arguments += part.text;
  if (!streamed) return {};
  if (form_ == Form::openai) {
    return chunk({{"tool_calls", json::array({json{{"index", calls_.size() - 1},
                                                   {"function", {{"arguments", part.text}}}}})}},
                 nullptr);
  }
  if (form_ == Form::anthropic) {
    return event({{"type", "content_block_delta"},
                  {"index", item_},
                  {"delta", {{"type", "input_json_delta"}, {"partial_json", part.text}}}});
  }
  return event({{"type", "response.function_call_arguments.delta"},
                {"item_id", item_of(calls_.size() - 1, "in_progress")["id"]},
                {"output_index", item_},
                {"delta", part.text}});
}

namespace {

json chat_usage(const AnswerUsage& usage) {
  return {{"prompt_tokens", usage.prompt},
          {"completion_tokens", usage.completion},
          {"total_tokens", usage.prompt + usage.completion},
          {"prompt_tokens_details", {{"cached_tokens", usage.cached}}},
          {"completion_tokens_details", {{"reasoning_tokens", usage.reasoning}}}};
}

json anthropic_usage(const AnswerUsage& usage) {
  return {{"input_tokens", usage.prompt - usage.cached},
          {"cache_read_input_tokens", usage.cached},
          {"output_tokens", usage.completion}};
}

json response_usage(const AnswerUsage& usage) {
  return {{"input_tokens", usage.prompt},
          {"input_tokens_details", {{"cached_tokens", usage.cached}}},
          {"output_tokens", usage.completion},
          {"output_tokens_details", {{"reasoning_tokens", usage.reasoning}}},
          {"total_tokens", usage.prompt + usage.completion}};
}

}  // namespace

std::string CallWriter::whole(bool cut, const AnswerUsage& usage) const {
  if (form_ == Form::responses) {
    json answer = response(cut ? "incomplete" : "completed");
    if (cut) answer["incomplete_details"] = {{"reason", "max_output_tokens"}};
    answer["usage"] = response_usage(usage);
    return dumped(answer);
  }
  if (form_ == Form::anthropic) {
    json content = json::array();
    for (const Thought& thought : thoughts_) {
      content.push_back({{"type", "thinking"}, {"thinking", thought.text}, {"signature", ""}});
    }
    if (text_item_ >= 0) content.push_back({{"type", "text"}, {"text", text_}});
    for (const CallMade& made : calls_) {
      json input = base::foreign_json(made.arguments);
      // Only the last one can be cut, and half of its input says nothing.
      if (!input.is_object()) continue;
      content.push_back({{"type", "tool_use"},
                         {"id", made.id},
                         {"name", made.name},
                         {"input", std::move(input)}});
    }
    const char* reason = cut ? "max_tokens" : calls_.empty() ? "end_turn" : "tool_use";
    return dumped({{"id", id_},
                   {"type", "message"},
                   {"role", "assistant"},
                   {"model", model_},
                   {"content", std::move(content)},
                   {"stop_reason", reason},
                   {"stop_sequence", json()},
                   {"usage", anthropic_usage(usage)}});
  }
  json message = {{"role", "assistant"},
                  {"content", text_item_ >= 0 || calls_.empty() ? json(text_) : json()},
                  {"refusal", json()}};
  std::string thoughts;
  for (const Thought& thought : thoughts_) thoughts += thought.text;
  if (!thoughts.empty()) message["reasoning_content"] = thoughts;
  for (const CallMade& made : calls_) {
    message["tool_calls"].push_back(
        {{"id", made.id},
         {"type", "function"},
         {"function", {{"name", made.name}, {"arguments", made.arguments}}}});
  }
  const char* reason = cut ? "length" : calls_.empty() ? "stop" : "tool_calls";
  return dumped({{"id", id_},
                 {"object", "chat.completion"},
                 {"created", created_},
                 {"model", model_},
                 {"choices", json::array({json{{"index", 0},
                                               {"message", std::move(message)},
                                               {"logprobs", json()},
                                               {"finish_reason", reason}}})},
                 {"usage", chat_usage(usage)}});
}

std::string CallWriter::end(bool cut, const AnswerUsage& usage) {
  std::string out = close();
  if (delivery_ == Delivery::whole) return whole(cut, usage);
  switch (form_) {
    case Form::anthropic:
      out += event({{"type", "message_delta"},
                    {"delta",
                     {{"stop_reason", cut              ? "max_tokens"
                                      : calls_.empty() ? "end_turn"
                                                       : "tool_use"},
                      {"stop_sequence", json()}}},
                    {"usage", anthropic_usage(usage)}});
      return out + event({{"type", "message_stop"}});
    case Form::responses: {
      json answer = response(cut ? "incomplete" : "completed");
      if (cut) answer["incomplete_details"] = {{"reason", "max_output_tokens"}};
      answer["usage"] = response_usage(usage);
      return out + event({{"type", cut ? "response.incomplete" : "response.completed"},
                          {"response", std::move(answer)}});
    }
    case Form::openai:
      break;
  }
  out += chunk(json::object(), cut ? "length" : calls_.empty() ? "stop" : "tool_calls");
  if (usage_ == Usage::told) {
    out += "data: " +
           dumped({{"id", id_},
                   {"object", "chat.completion.chunk"},
                   {"created", created_},
                   {"model", model_},
                   {"choices", json::array()},
                   {"usage", chat_usage(usage)}}) +
           "\n\n";
  }
  return out + "data: [DONE]\n\n";
}

}  // namespace lar::api
