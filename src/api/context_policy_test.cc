#include "api/context_policy.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace lar::api {
namespace {
using nlohmann::json;

// Ten bytes a token.
base::Result<int> count(const std::string& text) { return static_cast<int>(text.size() / 10); }

json conversation(int turns, const char* policy) {
  json messages = json::array({{{"role", "system"}, {"content", "be brief"}}});
  for (int turn = 0; turn < turns; ++turn) {
    messages.push_back(
        {{"role", "user"}, {"content", std::to_string(turn) + std::string(999, 'q')}});
    messages.push_back({{"role", "assistant"}, {"content", std::string(1000, 'a')}});
  }
  messages.push_back({{"role", "user"}, {"content", "and now?"}});
  json request = {{"model", "lar/chat"}, {"messages", messages}, {"max_tokens", 100}};
  if (policy != nullptr) request["truncation"] = policy;
  return request;
}

TEST(ContextPolicy, what_fits_stays_byte_for_byte) {
  const std::string text = conversation(3, "auto").dump(1);
  LeftOut left_out;
  const auto fitted = fit_conversation(Form::openai, text, {"chat", 4096, false}, count, left_out);
  ASSERT_TRUE(fitted);
  EXPECT_EQ(*fitted, text);
  EXPECT_EQ(left_out.messages, 0);
}

TEST(ContextPolicy, the_oldest_turns_go_and_are_counted_but_never_the_system_nor_the_last) {
  LeftOut left_out;
  const auto fitted = fit_conversation(Form::openai, conversation(20, "auto").dump(),
                                       {"chat", 2000, false}, count, left_out);
  ASSERT_TRUE(fitted) << fitted.error().describe();
  const json request = json::parse(*fitted);
  const json& messages = request["messages"];
  EXPECT_EQ(messages.front()["role"], "system");
  EXPECT_EQ(messages.back()["content"], "and now?");
  EXPECT_EQ(messages[1]["role"], "user") << "a conversation begins with a question";
  EXPECT_EQ(left_out.messages + static_cast<int>(messages.size()), 42);
  EXPECT_GT(left_out.messages, 20);
  EXPECT_LT(left_out.messages, 30) << "no more than needed";
  EXPECT_NEAR(left_out.tokens, left_out.messages * 108, left_out.messages * 4);
}

TEST(ContextPolicy, without_the_word_nothing_is_left_out) {
  LeftOut left_out;
  const std::string text = conversation(20, nullptr).dump();
  const auto passed = fit_conversation(Form::openai, text, {"chat", 2000, false}, count, left_out);
  ASSERT_TRUE(passed);
  EXPECT_EQ(*passed, text) << "the engine itself refuses it";
  const auto refused = fit_conversation(Form::openai, text, {"chat", 2000, true}, count, left_out);
  ASSERT_FALSE(refused) << "an engine that claims more would cut it without a word";
  EXPECT_EQ(refused.error().code, "engine.context_exceeded");
  EXPECT_EQ(left_out.messages, 0);
}

TEST(ContextPolicy, a_tools_result_does_not_stay_without_its_call) {
  json request = {{"truncation", "auto"}, {"max_tokens", 10}, {"messages", json::array()}};
  json& messages = request["messages"];
  for (int turn = 0; turn < 10; ++turn) {
    messages.push_back({{"role", "user"}, {"content", std::string(1000, 'q')}});
    messages.push_back(
        {{"role", "assistant"}, {"content", json::array({{{"type", "tool_use"}, {"id", "t"}}})}});
    messages.push_back({{"role", "user"},
                        {"content", json::array({{{"type", "tool_result"},
                                                  {"content", std::string(1000, 'r')}}})}});
  }
  messages.push_back({{"role", "user"}, {"content", "so?"}});
  LeftOut left_out;
  const auto fitted =
      fit_conversation(Form::anthropic, request.dump(), {"chat", 1000, false}, count, left_out);
  ASSERT_TRUE(fitted);
  const json kept = json::parse(*fitted);
  EXPECT_TRUE(kept["messages"].front()["content"].is_string());
  EXPECT_EQ(left_out.messages % 3, 0);
}

TEST(ContextPolicy, one_message_that_is_too_long_by_itself_is_refused) {
  const json request = {
      {"truncation", "auto"},
      {"input", json::array({{{"role", "user"}, {"content", std::string(50'000, 'q')}}})}};
  LeftOut left_out;
  const auto fitted =
      fit_conversation(Form::responses, request.dump(), {"chat", 1000, false}, count, left_out);
  ASSERT_FALSE(fitted);
  EXPECT_EQ(fitted.error().code, "engine.context_exceeded");
}

json with_picture(Form form, const std::string& bytes) {
  const std::string address = "data:image/png;base64," + bytes;
  if (form == Form::responses) return {{"type", "input_image"}, {"image_url", address}};
  if (form == Form::anthropic) {
    return {{"type", "image"},
            {"source", {{"type", "base64"}, {"media_type", "image/png"}, {"data", bytes}}}};
  }
  return {{"type", "image_url"}, {"image_url", {{"url", address}}}};
}

TEST(ContextPolicy, a_picture_is_reckoned_as_one_and_its_bytes_are_no_words) {
  for (const Form form : {Form::openai, Form::anthropic, Form::responses}) {
    json request = conversation(3, "auto");
    json& messages = request["messages"];
    messages.back()["content"] = json::array(
        {with_picture(form, std::string(2'000'000, 'A')),
         {{"type", form == Form::responses ? "input_text" : "text"}, {"text", "What is this?"}}});
    if (form == Form::responses) {
      request["input"] = messages;
      request.erase("messages");
    }
    std::size_t asked = 0;
    const auto counting = [&](const std::string& text) {
      asked = text.size();
      return count(text);
    };
    LeftOut left_out;
    const auto fitted =
        fit_conversation(form, request.dump(), {"chat", 8192, true}, counting, left_out);
    ASSERT_TRUE(fitted) << fitted.error().describe();
    EXPECT_EQ(*fitted, request.dump()) << "it fits";
    EXPECT_LT(asked, 10'000U) << "megabytes went to be counted";
    // In a context that it fills by half the oldest go, and what is asked about it stays.
    const auto small =
        fit_conversation(form, request.dump(), {"chat", 1000, true}, counting, left_out);
    ASSERT_TRUE(small) << small.error().describe();
    EXPECT_GT(left_out.messages, 0);
    EXPECT_NE(small->find("What is this?"), std::string::npos);
  }
}

TEST(ContextPolicy, an_address_of_a_picture_counts_though_it_is_short) {
  const json picture = {{"type", "image_url"}, {"image_url", {{"url", "https://x.example/1.png"}}}};
  const json request = {
      {"messages",
       json::array({{{"role", "user"}, {"content", json::array({picture, picture})}}})}};
  LeftOut left_out;
  const auto fitted =
      fit_conversation(Form::openai, request.dump(), {"chat", 1000, true}, count, left_out);
  ASSERT_FALSE(fitted);
  EXPECT_EQ(fitted.error().code, "engine.context_exceeded");
}

}  // namespace
}  // namespace lar::api
