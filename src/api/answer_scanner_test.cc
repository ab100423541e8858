#include "api/answer_scanner.h"

#include <gtest/gtest.h>

namespace lar::api {
namespace {

constexpr const char* whole =
    R"({"choices":[{"message":{"content":"a \"model\":\"/x\" \\"}}],"model":"/home/o\"d/m.gguf",)"
    R"("usage":{"completion_tokens":5,"prompt_tokens":31,"prompt_tokens_details":{"cached_tokens":2}}})";

TEST(AnswerScanner, the_engines_name_is_replaced_wherever_the_bytes_are_cut) {
  const std::string given = whole;
  for (size_t cut = 0; cut <= given.size(); ++cut) {
    AnswerScanner scanner("lar/\"chat");
    std::string out = scanner.feed(given.substr(0, cut));
    out += scanner.feed(given.substr(cut));
    EXPECT_NE(out.find(R"("model":"lar/\"chat","usage")"), std::string::npos) << out;
    EXPECT_NE(out.find(R"(a \"model\":\"/x\" \\)"), std::string::npos) << out;
    EXPECT_EQ(out.find("gguf"), std::string::npos);
    EXPECT_EQ(scanner.tokens_in(), 31);
    EXPECT_EQ(scanner.tokens_out(), 5);
  }
}

TEST(AnswerScanner, what_was_cut_is_not_complete) {
  const std::string given = whole;
  for (size_t cut = 0; cut < given.size(); ++cut) {
    AnswerScanner scanner("m");
    (void)scanner.feed(given.substr(0, cut));
    EXPECT_FALSE(scanner.complete()) << cut;
    (void)scanner.feed(given.substr(cut));
    EXPECT_TRUE(scanner.complete()) << cut;
  }
}

TEST(AnswerScanner, what_comes_passes_at_once) {
  AnswerScanner scanner("m");
  EXPECT_EQ(scanner.feed("data: {\"mod"), "data: {\"mod");
  EXPECT_EQ(scanner.feed("el\": \"/path"), "el\": \"m");
  EXPECT_EQ(scanner.feed("/more\",\"x\":1}\n\n"), "\",\"x\":1}\n\n");
}

TEST(AnswerScanner, a_tools_argument_of_that_name_stays) {
  AnswerScanner scanner("m");
  const std::string given =
      R"({"content":[{"type":"tool_use","input":{"model":"Seat Ibiza"}}],"model":"x"})";
  EXPECT_EQ(scanner.feed(given),
            R"({"content":[{"type":"tool_use","input":{"model":"Seat Ibiza"}}],"model":"m"})");
}

TEST(AnswerScanner, streams_of_all_three_apis_are_understood) {
  AnswerScanner anthropic("m");
  const std::string out = anthropic.feed(
      "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"/p\","
      "\"usage\":{\"cache_read_input_tokens\":30,\"input_tokens\":1,\"output_tokens\":0}}}\n\n"
      "event: message_delta\ndata: {\"usage\":{\"output_tokens\":3}}\n\n");
  EXPECT_NE(out.find("\"model\":\"m\""), std::string::npos);
  EXPECT_EQ(anthropic.tokens_in(), 31);
  EXPECT_EQ(anthropic.tokens_out(), 3);

  AnswerScanner responses("m");
  EXPECT_NE(responses
                .feed("data: {\"type\":\"response.completed\",\"response\":{\"model\":\"/p\","
                      "\"usage\":{\"input_tokens\":31,\"output_tokens\":4}}}\n\n")
                .find("\"model\":\"m\""),
            std::string::npos);
  EXPECT_EQ(responses.tokens_in(), 31);
  EXPECT_EQ(responses.tokens_out(), 4);

  // Without usage, since the client did not ask for it, llama-server's own counters tell.
  AnswerScanner chat("m");
  (void)chat.feed("data: {\"timings\":{\"cache_n\":30,\"prompt_n\":1,\"predicted_n\":7}}\n\n");
  EXPECT_EQ(chat.tokens_in(), 31);
  EXPECT_EQ(chat.tokens_out(), 7);
}

TEST(AnswerScanner, what_is_no_json_passes_and_the_next_line_is_read_again) {
  AnswerScanner scanner("m");
  const std::string broken = "\x00\xff{\"a\":\"never ends\n[[[[";
  EXPECT_EQ(scanner.feed(broken), broken);
  AnswerScanner again("m");
  (void)again.feed("data: {\"a\":\"cut\n");
  EXPECT_EQ(again.feed("data: {\"model\":\"x\"}"), "data: {\"model\":\"m\"}");
  AnswerScanner deep("m");
  const std::string nested =
      "{\"a\":" + std::string(5000, '[') + std::string(5000, ']') + ",\"model\":\"x\"}";
  EXPECT_TRUE(deep.feed(nested).ends_with("\"model\":\"m\"}"));
}

}  // namespace
}  // namespace lar::api
