// Requests with tools on their way to an engine that makes no calls, and its answers on their way
// back.
#include "api/gateway_tools.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/gateway_calls.h"
#include "net/event_stream.h"

namespace lar::api {
namespace {

using nlohmann::json;
using Ordered = nlohmann::ordered_json;

constexpr const char* weather_schema =
    R"({"type":"object","properties":{"when":{"type":"string"},"city":{"type":"string"}},"required":["city"]})";

std::string chat_request(const std::string& more = "") {
  return R"({"model":"lar/chat","temperature":0.5,"messages":[{"role":"system","content":"Be kind."},)"
         R"({"role":"user","content":"Is it warm in Oslo?"}],"tools":[{"type":"function","function":)"
         R"({"name":"weather","description":"Tells the weather.","parameters":)" +
         std::string(weather_schema) + R"(}},{"type":"function","function":{"name":"clock"}}])" +
         more + "}";
}

Ordered made(Form form, const std::string& request) {
  const auto body = with_schema_for_tools(form, request);
  EXPECT_TRUE(body) << body.error().describe();
  return body ? Ordered::parse(*body) : Ordered();
}
const Ordered& schema_in(const Ordered& body) {
  return body["response_format"]["json_schema"]["schema"];
}

TEST(ToolRequest, tools_become_a_choice_between_a_text_and_calls) {
  const Ordered body = made(Form::openai, chat_request());
  EXPECT_FALSE(body.contains("tools"));
  EXPECT_EQ(body["temperature"], 0.5);
  EXPECT_EQ(body["stream"], true);
  const Ordered& schema = schema_in(body);
  ASSERT_EQ(schema["anyOf"].size(), 2U);
  EXPECT_EQ(schema["anyOf"][0]["required"], Ordered::array({"text"}));
  const Ordered& calls = schema["anyOf"][1]["properties"]["tool_calls"];
  EXPECT_EQ(calls["minItems"], 1);
  EXPECT_GT(calls["maxItems"], 1);
  ASSERT_EQ(calls["items"]["anyOf"].size(), 2U);
  EXPECT_EQ(calls["items"]["anyOf"][0]["properties"]["name"]["const"], "weather");
  // The order of the properties is the client's, by which the model writes.
  EXPECT_EQ(schema["$defs"]["t0"]["properties"].begin().key(), "when");
  const std::string system = body["messages"][0]["content"];
  EXPECT_TRUE(system.starts_with("Be kind.")) << system;
  EXPECT_NE(system.find("weather: Tells the weather."), std::string::npos);
}

TEST(ToolRequest, each_choice_has_its_own_schema_and_all_the_same_prompt) {
  const auto with = [](const std::string& choice) {
    return made(Form::openai, chat_request(",\"tool_choice\":" + choice));
  };
  const Ordered automatic = with("\"auto\"");
  const Ordered required = with("\"required\"");
  EXPECT_FALSE(schema_in(required).contains("anyOf"));
  EXPECT_TRUE(schema_in(required)["properties"].contains("tool_calls"));
  const Ordered none = with("\"none\"");
  EXPECT_TRUE(schema_in(none)["properties"].contains("text"));
  const Ordered named = with(R"({"type":"function","function":{"name":"clock"}})");
  const Ordered& calls = schema_in(named)["properties"]["tool_calls"]["items"]["anyOf"];
  ASSERT_EQ(calls.size(), 1U);
  EXPECT_EQ(calls[0]["properties"]["name"]["const"], "clock");
  for (const Ordered& body : {required, none, named}) {
    EXPECT_EQ(body["messages"], automatic["messages"]);
  }
  const Ordered one = made(Form::openai, chat_request(",\"parallel_tool_calls\":false"));
  EXPECT_EQ(schema_in(one)["anyOf"][1]["properties"]["tool_calls"]["maxItems"], 1);
}

TEST(ToolRequest, what_is_no_description_of_tools_is_refused) {
  for (const char* more : {R"(,"tool_choice":{"type":"function","function":{"name":"nobody"}})",
                           R"(,"tool_choice":{"type":"function"})"}) {
    EXPECT_EQ(with_schema_for_tools(Form::openai, chat_request(more)).error().code,
              "client.bad_tools")
        << more;
  }
  const std::string start = R"({"model":"m","messages":[{"role":"user","content":"x"}],"tools":)";
  for (const char* tools : {"7", "[7]", "[{}]", R"([{"type":"function","function":{}}])",
                            R"([{"type":"function","function":{"name":"x","parameters":[7]}}])"}) {
    EXPECT_FALSE(with_schema_for_tools(Form::openai, start + tools + "}")) << tools;
  }
  EXPECT_FALSE(
      with_schema_for_tools(Form::anthropic, start + R"([{"name":"","input_schema":{}}]})"));
}

TEST(ToolRequest, references_in_a_schema_lead_to_where_it_lies_and_wild_bounds_go) {
  const std::string request =
      R"({"model":"m","messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":)"
      R"({"name":"tree","parameters":{"type":"object","$defs":{"Node":{"type":"object","properties":)"
      R"({"child":{"$ref":"#/$defs/Node"},"whole":{"$ref":"#"},"maxLength":{"type":"string","maxLength":90000}}}},)"
      R"("properties":{"root":{"$ref":"#/$defs/Node"},"short":{"type":"string","maxLength":9}}}}}]})";
  const Ordered schema = schema_in(made(Form::openai, request));
  const Ordered& tree = schema["$defs"]["t0"];
  EXPECT_EQ(tree["properties"]["root"]["$ref"], "#/$defs/t0/$defs/Node");
  const Ordered& node = tree["$defs"]["Node"]["properties"];
  EXPECT_EQ(node["child"]["$ref"], "#/$defs/t0/$defs/Node");
  EXPECT_EQ(node["whole"]["$ref"], "#/$defs/t0");
  EXPECT_EQ(node["maxLength"], (Ordered{{"type", "string"}})) << "a property of that name stays";
  EXPECT_EQ(tree["properties"]["short"]["maxLength"], 9);
}

TEST(ToolRequest, earlier_calls_and_results_are_told_the_same_in_every_api) {
  const std::string tools = R"("tools":[{"type":"function","function":{"name":"weather"}}])";
  const Ordered chat = made(
      Form::openai,
      R"({"model":"m","messages":[{"role":"user","content":"Warm?"},{"role":"assistant","content":null,)"
      R"("tool_calls":[{"id":"a","type":"function","function":{"name":"weather","arguments":"{\"city\": \"Oslo\"}"}}]},)"
      R"({"role":"tool","tool_call_id":"a","content":"4 degrees"},{"role":"user","content":"So?"}],)" +
          tools + "}");
  const Ordered anthropic = made(
      Form::anthropic,
      R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Warm?"},{"role":"assistant","content":)"
      R"([{"type":"tool_use","id":"a","name":"weather","input":{"city":"Oslo"}}]},{"role":"user","content":)"
      R"([{"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"4 degrees"}]},)"
      R"({"type":"text","text":"So?"}]}],"tools":[{"name":"weather","input_schema":{}}]})");
  const Ordered responses = made(
      Form::responses,
      R"({"model":"m","input":[{"role":"user","content":"Warm?"},{"type":"function_call","call_id":"a",)"
      R"("name":"weather","arguments":"{\"city\":\"Oslo\"}"},{"type":"function_call_output","call_id":"a",)"
      R"("output":"4 degrees"},{"role":"user","content":[{"type":"input_text","text":"So?"}]}],)"
      R"("tools":[{"type":"function","name":"weather"}]})");
  ASSERT_EQ(chat["messages"].size(), 4U) << chat.dump(1);
  EXPECT_EQ(chat["messages"][2]["content"],
            R"({"tool_calls":[{"name":"weather","arguments":{"city":"Oslo"}}]})");
  EXPECT_EQ(chat["messages"][3]["role"], "user");
  EXPECT_EQ(chat["messages"][3]["content"],
            "Result of weather({\"city\":\"Oslo\"}):\n\n4 degrees\n\nSo?");
  EXPECT_EQ(chat["messages"], anthropic["messages"]);
  EXPECT_EQ(chat["messages"], responses["messages"]);
  EXPECT_EQ(schema_in(chat), schema_in(anthropic));
  EXPECT_EQ(schema_in(chat), schema_in(responses));
  EXPECT_EQ(anthropic["max_tokens"], 9);
}

TEST(ToolRequest, a_call_made_twice_in_a_row_is_not_offered_a_third_time) {
  const auto after = [](const std::vector<std::string>& cities, const std::string& more) {
    json body = json::parse(chat_request(more));
    for (const std::string& city : cities) {
      body["messages"].push_back(
          {{"role", "assistant"},
           {"tool_calls", json::array({json{{"id", "a"},
                                            {"function",
                                             {{"name", "weather"},
                                              {"arguments", json{{"city", city}}.dump()}}}}})}});
      body["messages"].push_back({{"role", "tool"}, {"tool_call_id", "a"}, {"content", "4"}});
    }
    const Ordered schema = schema_in(made(Form::openai, body.dump()));
    const json::json_pointer place("/properties/tool_calls/items/anyOf");
    return json::parse(schema.dump()).value(place, json::array()).size();
  };
  const std::string required = ",\"tool_choice\":\"required\"";
  EXPECT_EQ(after({"Oslo", "Oslo"}, required), 1U);
  EXPECT_EQ(after({"Oslo", "Bergen"}, required), 2U);
  EXPECT_EQ(after({"Oslo"}, required), 2U);
  // Who asks for that tool gets it.
  EXPECT_EQ(after({"Oslo", "Oslo"},
                  R"(,"tool_choice":{"type":"function","function":{"name":"weather"}})"),
            1U);
}

TEST(ToolRequest, a_form_of_the_text_and_images_go_along) {
  const Ordered body = made(
      Form::openai,
      chat_request(
          R"(,"response_format":{"type":"json_schema","json_schema":{"schema":{"type":"object"}}})"));
  EXPECT_EQ(schema_in(body)["anyOf"][0]["properties"]["text"]["$ref"], "#/$defs/text");
  EXPECT_EQ(schema_in(body)["$defs"]["text"]["type"], "object");
  const Ordered image = made(
      Form::anthropic,
      R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"image","source":)"
      R"({"type":"base64","media_type":"image/png","data":"AAAA"}},{"type":"text","text":"What?"}]}],)"
      R"("tools":[{"name":"t","input_schema":{"type":"object"}}],"tool_choice":{"type":"any"}})");
  EXPECT_EQ(image["messages"][1]["content"][0]["image_url"]["url"], "data:image/png;base64,AAAA");
  EXPECT_TRUE(schema_in(image)["properties"].contains("tool_calls"));
}

TEST(ToolRequest, only_what_concerns_tools_is_rewritten) {
  EXPECT_TRUE(concerns_tools(Form::openai, json::parse(chat_request())));
  EXPECT_FALSE(concerns_tools(
      Form::openai, json::parse(R"({"messages":[{"role":"user","content":"x"}],"tools":[]})")));
  EXPECT_FALSE(concerns_tools(Form::responses,
                              json::parse(R"({"input":"x","tools":[{"type":"web_search"}]})")));
  EXPECT_TRUE(concerns_tools(Form::responses,
                             json::parse(R"({"input":[{"type":"function_call_output"}]})")));
  EXPECT_TRUE(concerns_tools(
      Form::anthropic,
      json::parse(R"({"messages":[{"role":"user","content":[{"type":"tool_result"}]}]})")));
  EXPECT_FALSE(concerns_tools(Form::anthropic,
                              json::parse(R"({"messages":[{"role":"user","content":7}]})")));
}

TEST(ToolRequest, a_trial_is_passed_only_by_the_call_that_was_asked_for) {
  EXPECT_TRUE(json::parse(tool_trial())["tools"].is_array());
  const auto answer = [](const std::string& name, const std::string& arguments) {
    return json{
        {"choices",
         json::array(
             {json{{"message",
                    {{"tool_calls",
                      json::array(
                          {json{{"function", {{"name", name}, {"arguments", arguments}}}}})}}}}})}}
        .dump();
  };
  EXPECT_TRUE(called(answer("note", R"({"word":"zx"})")));
  EXPECT_FALSE(called(answer("note", R"({"word":"other"})")));
  EXPECT_FALSE(called(answer("other", R"({"word":"zx"})")));
  EXPECT_FALSE(called(R"({"choices":[{"message":{"content":"{\"name\": \"note\"}"}}]})"));
  EXPECT_FALSE(called("<html>"));
}

TEST(ToolRequest, an_answers_form_in_responses_is_said_where_the_engine_looks) {
  const Ordered body = Ordered::parse(with_text_form(
      R"({"input":"x","text":{"format":{"type":"json_schema","name":"n","schema":{"type":"object"}}}})"));
  EXPECT_EQ(body["response_format"]["json_schema"]["schema"]["type"], "object");
  const std::string other = R"({"input":"a \"format\" of text"})";
  EXPECT_EQ(with_text_form(other), other);
}

// The parts an answer is made of, joined where a piece goes on.
std::vector<std::string> read(const std::string& answer, std::size_t cut) {
  std::vector<std::string> parts;
  char last = ' ';
  const auto take = [&](const AnswerPart& part) {
    const char kind = part.kind == AnswerPart::Kind::text   ? 't'
                      : part.kind == AnswerPart::Kind::call ? 'c'
                                                            : 'a';
    if (kind == last && kind != 'c') {
      parts.back() += part.text;
    } else {
      parts.push_back(std::string(1, kind) + ":" + part.text);
    }
    last = kind;
  };
  CallReader reader;
  reader.feed(answer.substr(0, cut), take);
  reader.feed(answer.substr(cut), take);
  reader.end(take);
  return parts;
}

void expect_parts(const std::string& answer, const std::vector<std::string>& wanted) {
  for (std::size_t cut = 0; cut <= answer.size(); ++cut)
    EXPECT_EQ(read(answer, cut), wanted) << cut;
}

TEST(CallReader, a_text_comes_unescaped_wherever_it_is_cut) {
  expect_parts(R"( { "text" : "a\n\"b\" \\ \u00e9 \ud83d\ude00 ñ" } )", {"t:a\n\"b\" \\ é 😀 ñ"});
  expect_parts(R"({"text":"half \ud83d of a pair"})", {"t:half \xef\xbf\xbd of a pair"});
  expect_parts(R"({"text":"cut off)", {"t:cut off"});
}

TEST(CallReader, a_text_with_a_form_comes_as_it_is) {
  expect_parts(R"({"text":{"a":"}","b":[1,{}]}})", {R"(t:{"a":"}","b":[1,{}]})"});
  expect_parts(R"({"text": 12})", {"t:12"});
}

TEST(CallReader, calls_come_with_their_arguments_as_they_are) {
  expect_parts(
      R"({"tool_calls": [ {"name": "a\u0062", "arguments": {"x": "}\"]", "y": [1, {"z": null}]}}, {"name":"c","arguments":{}} ]})",
      {"c:ab", R"(a:{"x": "}\"]", "y": [1, {"z": null}]})", "c:c", "a:{}"});
  // Another order, and something nobody asked for.
  expect_parts(R"({"tool_calls":[{"id":{"k":["name"]},"arguments":{"x":1},"name":"a"}]})",
               {"c:a", R"(a:{"x":1})"});
}

TEST(CallReader, a_text_may_be_followed_by_calls) {
  expect_parts(R"({"text":"I look.","tool_calls":[{"name":"a","arguments":{}}]})",
               {"t:I look.", "c:a", "a:{}"});
}

TEST(CallReader, what_keeps_to_no_schema_is_text) {
  for (const char* text :
       {"Hello {\"text\"", "{\"other\": 1}", "{}", "[1]", "{\"tool_calls\": 7}", "{\"te", "{"}) {
    expect_parts(text, {"t:" + std::string(text)});
  }
  EXPECT_TRUE(read("", 0).empty());
}

// What a client hears of an answer with a text and two calls.
std::string said(Form form, CallWriter::Delivery delivery, bool cut = false) {
  CallWriter writer(form, "lar/chat", delivery, CallWriter::Usage::told);
  std::string out = writer.begin();
  for (const AnswerPart& part :
       {AnswerPart{AnswerPart::Kind::text, "I "}, AnswerPart{AnswerPart::Kind::text, "look."},
        AnswerPart{AnswerPart::Kind::call, "weather"},
        AnswerPart{AnswerPart::Kind::arguments, "{\"city\":"},
        AnswerPart{AnswerPart::Kind::arguments, "\"Oslo\"}"},
        AnswerPart{AnswerPart::Kind::call, "clock"}}) {
    out += writer.take(part);
  }
  return out + writer.end(cut, {12, 4, 6});
}

std::vector<json> events_of(const std::string& bytes) {
  std::vector<json> all;
  net::EventStream stream;
  EXPECT_TRUE(stream.feed(bytes, [&](const net::Event& event) {
    if (event.data != "[DONE]") all.push_back(json::parse(event.data));
    return true;
  }));
  return all;
}

TEST(CallWriter, whole_answers_have_the_form_of_each_api) {
  const json chat = json::parse(said(Form::openai, CallWriter::Delivery::whole));
  const json& message = chat["choices"][0]["message"];
  EXPECT_EQ(message["content"], "I look.");
  EXPECT_EQ(message["tool_calls"][0]["function"]["arguments"], R"({"city":"Oslo"})");
  EXPECT_EQ(message["tool_calls"][1]["function"]["arguments"], "{}")
      << "no arguments are an object";
  EXPECT_NE(message["tool_calls"][0]["id"], message["tool_calls"][1]["id"]);
  EXPECT_EQ(chat["choices"][0]["finish_reason"], "tool_calls");
  EXPECT_EQ(chat["usage"]["total_tokens"], 18);

  const json anthropic = json::parse(said(Form::anthropic, CallWriter::Delivery::whole));
  EXPECT_EQ(anthropic["content"][1]["input"]["city"], "Oslo");
  EXPECT_EQ(anthropic["content"][2]["input"], json::object());
  EXPECT_EQ(anthropic["stop_reason"], "tool_use");
  EXPECT_EQ(anthropic["usage"]["input_tokens"], 8);

  const json responses = json::parse(said(Form::responses, CallWriter::Delivery::whole));
  ASSERT_EQ(responses["output"].size(), 3U);
  EXPECT_EQ(responses["output"][0]["content"][0]["text"], "I look.");
  EXPECT_EQ(responses["output"][1]["type"], "function_call");
  EXPECT_EQ(responses["output"][1]["arguments"], R"({"city":"Oslo"})");
  EXPECT_EQ(responses["status"], "completed");
}

TEST(CallWriter, a_streams_pieces_make_up_the_whole) {
  std::string text, arguments, reason;
  for (const json& event : events_of(said(Form::openai, CallWriter::Delivery::streamed))) {
    if (event["choices"].empty()) {
      EXPECT_EQ(event["usage"]["prompt_tokens"], 12);
      continue;
    }
    const json& choice = event["choices"][0];
    text += choice["delta"].value("content", "");
    if (choice["delta"].contains("tool_calls")) {
      const json& call = choice["delta"]["tool_calls"][0];
      if (call["index"] == 0) arguments += call["function"].value("arguments", "");
    }
    if (choice["finish_reason"].is_string()) reason = choice["finish_reason"];
  }
  EXPECT_EQ(text, "I look.");
  EXPECT_EQ(arguments, R"({"city":"Oslo"})");
  EXPECT_EQ(reason, "tool_calls");

  std::string partial;
  std::vector<int> open;
  for (const json& event : events_of(said(Form::anthropic, CallWriter::Delivery::streamed))) {
    if (event["type"] == "content_block_start") open.push_back(event["index"]);
    if (event["type"] == "content_block_delta") {
      EXPECT_EQ(event["index"], open.back()) << "a piece outside its block";
      if (event["index"] == 1) partial += event["delta"]["partial_json"];
    }
    if (event["type"] == "message_delta") {
      EXPECT_EQ(event["delta"]["stop_reason"], "tool_use");
    }
  }
  EXPECT_EQ(open, (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(partial, R"({"city":"Oslo"})");

  int number = 0;
  json last;
  for (const json& event : events_of(said(Form::responses, CallWriter::Delivery::streamed))) {
    EXPECT_EQ(event["sequence_number"], number++);
    last = event;
  }
  EXPECT_EQ(last["type"], "response.completed");
  EXPECT_EQ(last["response"]["output"][2]["name"], "clock");
}

TEST(CallWriter, an_answer_cut_short_says_so) {
  EXPECT_EQ(json::parse(said(Form::openai, CallWriter::Delivery::whole,
                             true))["choices"][0]["finish_reason"],
            "length");
  EXPECT_EQ(json::parse(said(Form::anthropic, CallWriter::Delivery::whole, true))["stop_reason"],
            "max_tokens");
  const json responses = json::parse(said(Form::responses, CallWriter::Delivery::whole, true));
  EXPECT_EQ(responses["status"], "incomplete");
  EXPECT_EQ(responses["incomplete_details"]["reason"], "max_output_tokens");
}

}  // namespace
}  // namespace lar::api
