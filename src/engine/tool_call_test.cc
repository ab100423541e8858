#include "engine/tool_call.h"

#include <gtest/gtest.h>

namespace lar::engine {
namespace {

std::vector<ToolCall> calls_of(const std::string& calls) {
  return tool_calls_in(200, R"({"choices":[{"message":{"tool_calls":)" + calls + "}}]}");
}

TEST(ToolCalls, name_and_arguments_are_read_from_text_and_from_an_object) {
  for (const char* arguments : {R"("{\"city\":\"Lisbóa\"}")", R"({"city":"Lisbóa"})"}) {
    const auto calls =
        calls_of(R"([{"function":{"name":"weather","arguments":)" + std::string(arguments) + "}}]");
    ASSERT_EQ(calls.size(), 1u) << arguments;
    EXPECT_EQ(calls[0].name, "weather");
    EXPECT_TRUE(argument_holds(calls[0].arguments, "city", "lisboa")) << arguments;
    EXPECT_FALSE(argument_holds(calls[0].arguments, "city", "oslo"));
    EXPECT_FALSE(argument_holds(calls[0].arguments, "town", "lisboa"));
  }
}

TEST(ToolCalls, every_call_counts_whatever_it_holds) {
  const auto calls =
      calls_of(R"([7,{"function":3},{"function":{"name":9,"arguments":[1]}},{"function":{}},)"
               R"({"function":{"name":"weather","arguments":"{\"city\":"}}])");
  ASSERT_EQ(calls.size(), 5u);
  for (const ToolCall& call : calls) {
    EXPECT_FALSE(argument_holds(call.arguments, "city", "lisbon"));
  }
  EXPECT_TRUE(calls[0].name.is_null());
  EXPECT_NE(calls[2].name, "weather");
  EXPECT_EQ(calls[4].name, "weather");
}

TEST(ToolCalls, an_error_and_an_answer_of_another_form_hold_none) {
  const std::string good =
      R"({"choices":[{"message":{"tool_calls":[{"function":{"name":"a"}}]}}]})";
  EXPECT_EQ(tool_calls_in(200, good).size(), 1u);
  EXPECT_TRUE(tool_calls_in(500, good).empty());
  for (const char* body :
       {"", "no", "[]", R"({"choices":{}})", R"({"choices":[]})", R"({"choices":[3]})",
        R"({"choices":[{"message":"tool_calls"}]})", R"({"choices":[{"message":{}}]})"}) {
    EXPECT_TRUE(tool_calls_in(200, body).empty()) << body;
  }
  EXPECT_TRUE(calls_of("null").empty());
  EXPECT_TRUE(calls_of(R"("weather")").empty());
  EXPECT_TRUE(calls_of(R"({"function":{"name":"a"}})").empty());
}

}  // namespace
}  // namespace lar::engine
