// What llama-server makes of the other APIs, by examples; tests/real/kept.py has the engine itself
// agree.
#include "api/engine_prompt.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace lar::api {
namespace {
using json = nlohmann::ordered_json;

json made_of(Form form, const char* request) {
  return json::parse(as_chat_completion(form, json::parse(request).dump()), nullptr, false);
}

TEST(EnginePrompt, a_chat_completion_is_its_own) {
  EXPECT_EQ(as_chat_completion(Form::openai, R"({ "messages": [] })"), R"({ "messages": [] })");
}

TEST(EnginePrompt, anthropics_system_blocks_are_joined_and_the_stamp_of_each_request_is_levelled) {
  const json body = made_of(Form::anthropic, R"({
    "system": [{"type": "text", "text": "x-anthropic-billing-header: v=1; cch=a5145;Be"},
               {"type": "text", "text": " kind.", "cache_control": {"type": "ephemeral"}}],
    "messages": [{"role": "user", "content": "hello"}], "max_tokens": 5, "stream": true})");
  EXPECT_EQ(body, json::parse(R"({"messages": [
    {"role": "system", "content": "x-anthropic-billing-header: v=1; cch=fffff;Be kind."},
    {"role": "user", "content": "hello"}]})"));
}

TEST(EnginePrompt, anthropics_calls_thoughts_and_results_stand_where_the_engine_puts_them) {
  const json body = made_of(Form::anthropic, R"({
    "messages": [
      {"role": "user", "content": [{"type": "text", "text": "weather?"}]},
      {"role": "assistant", "content": [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "t1", "name": "look", "input": {"b": 1, "a": 2}}]},
      {"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "rain"},
                                                                {"type": "text", "text": "y"}]},
        {"type": "text", "text": "and now?"}]}],
    "tools": [{"name": "look", "description": "d", "input_schema": {"type": "object"}}],
    "tool_choice": {"type": "any"},
    "thinking": {"type": "enabled", "budget_tokens": 2000}})");
  EXPECT_EQ(body, json::parse(R"({"messages": [
    {"role": "user", "content": [{"type": "text", "text": "weather?"}]},
    {"role": "assistant", "content": [{"type": "text", "text": "I look."}],
     "tool_calls": [{"id": "t1", "type": "function",
                     "function": {"name": "look", "arguments": "{\"b\":1,\"a\":2}"}}],
     "reasoning_content": "hm"},
    {"role": "user", "content": [{"type": "text", "text": "and now?"}]},
    {"role": "tool", "tool_call_id": "t1", "content": "rainy"}],
    "tools": [{"type": "function", "function": {"name": "look", "description": "d",
                                                "parameters": {"type": "object"}}}],
    "tool_choice": "required", "thinking_budget_tokens": 2000})"));
}

TEST(EnginePrompt, responses_become_messages_with_their_calls) {
  const json body = made_of(Form::responses, R"({
    "model": "m", "instructions": "Be kind.", "max_output_tokens": 7,
    "reasoning": {"effort": "low"},
    "input": [{"role": "user", "content": "weather?"},
              {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"},
              {"type": "function_call_output", "call_id": "c1", "output": "rain"},
              {"type": "message", "role": "assistant", "status": "completed",
               "content": [{"type": "output_text", "text": "It rains."}]},
              {"role": "user", "content": [{"type": "input_text", "text": "and now?"}]}],
    "tools": [{"type": "web_search"}, {"type": "function", "name": "look", "parameters": {}}]})");
  EXPECT_EQ(body, json::parse(R"({"model": "m", "messages": [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": [{"text": "weather?", "type": "text"}]},
    {"role": "assistant", "tool_calls": [{"function": {"arguments": "{}", "name": "look"},
                                          "id": "c1", "type": "function"}]},
    {"content": "rain", "role": "tool", "tool_call_id": "c1"},
    {"role": "assistant", "content": [{"text": "It rains.", "type": "text"}]},
    {"role": "user", "content": [{"text": "and now?", "type": "text"}]}],
    "tools": [{"type": "function", "function": {"name": "look", "parameters": {}, "strict": true}}],
    "reasoning_effort": "low"})"));
}

TEST(EnginePrompt, what_the_engine_refuses_or_cannot_be_told_in_words_has_none) {
  EXPECT_EQ(as_chat_completion(Form::anthropic, "[]"), "");
  EXPECT_EQ(as_chat_completion(Form::anthropic, R"({"messages": 5})"), "");
  EXPECT_EQ(as_chat_completion(Form::anthropic, R"({"messages": [3]})"), "");
  EXPECT_EQ(as_chat_completion(Form::responses, R"({"input": [{"type": "item_reference"}]})"), "");
  EXPECT_EQ(as_chat_completion(Form::responses, R"({"input": 7})"), "");
  EXPECT_EQ(as_chat_completion(Form::openai, R"({"messages": [{"type": "image_url"}]})"), "");
  EXPECT_EQ(
      as_chat_completion(Form::responses,
                         R"({"input": [{"role": "user", "content": [{"type": "input_image"}]}]})"),
      "");
}

}  // namespace
}  // namespace lar::api
