// Instructions of clients put where a model without a system sees them.
#include "api/prompt_style.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace lar::api {
namespace {
using nlohmann::json;

json put(Form form, const json& request) {
  return json::parse(with_instructions_before_question(form, request.dump()));
}

TEST(PromptStyle, messages_of_the_system_stand_in_front_of_the_first_question) {
  const json made =
      put(Form::openai,
          {{"model", "lar/chat"},
           {"messages",
            {{{"role", "system"}, {"content", "Be brief."}},
             {{"role", "user"}, {"content", "Hello."}},
             {{"role", "assistant"}, {"content", "Hello to you."}},
             {{"role", "developer"}, {"content", {{{"type", "text"}, {"text", "Speak Spanish."}}}}},
             {{"role", "user"}, {"content", "How are you?"}}}}});
  ASSERT_EQ(made["messages"].size(), 3u);
  EXPECT_EQ(made["messages"][0],
            json({{"role", "user"}, {"content", "Be brief.\n\nSpeak Spanish.\n\nHello."}}));
  EXPECT_EQ(made["messages"][2]["content"], "How are you?");
  EXPECT_EQ(made["model"], "lar/chat");
}

TEST(PromptStyle, pictures_stay_beside_the_text) {
  const json picture = {{"type", "image_url"},
                        {"image_url", {{"url", "data:image/png;base64,AA=="}}}};
  const json made = put(Form::openai, {{"messages",
                                        {{{"role", "system"}, {"content", "Be brief."}},
                                         {{"role", "user"}, {"content", {picture}}}}}});
  ASSERT_EQ(made["messages"].size(), 1u);
  EXPECT_EQ(made["messages"][0]["content"],
            json({{{"type", "text"}, {"text", "Be brief.\n\n"}}, picture}));
}

TEST(PromptStyle, the_fields_that_other_apis_have_for_instructions) {
  const json claude =
      put(Form::anthropic, {{"system", {{{"type", "text"}, {"text", "Be brief."}}}},
                            {"max_tokens", 9},
                            {"messages", {{{"role", "user"}, {"content", "Hello."}}}}});
  EXPECT_FALSE(claude.contains("system"));
  EXPECT_EQ(claude["messages"][0]["content"], "Be brief.\n\nHello.");
  const json responses = put(Form::responses, {{"instructions", "Be brief."}, {"input", "Hello."}});
  EXPECT_FALSE(responses.contains("instructions"));
  ASSERT_EQ(responses["input"].size(), 1u);
  EXPECT_EQ(responses["input"][0]["role"], "user");
  EXPECT_EQ(responses["input"][0]["content"], "Be brief.\n\nHello.");
}

TEST(PromptStyle, nothing_else_is_touched) {
  for (const char* text :
       {R"({"messages" :[ {"role":"user","content":"Hello."}]})", R"({"prompt": "Once"})", "[1",
        "7", R"({"messages":"none","system":3})", R"({"messages":[3,{"role":"system"}]})"}) {
    EXPECT_EQ(with_instructions_before_question(Form::openai, text), text);
    EXPECT_EQ(with_instructions_before_question(Form::anthropic, text), text);
  }
  const json only = put(Form::openai, {{"messages", {{{"role", "system"}, {"content", "Be."}}}}});
  EXPECT_EQ(only["messages"], json({{{"role", "user"}, {"content", "Be.\n\n"}}}));
}

}  // namespace
}  // namespace lar::api
