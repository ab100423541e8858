// Long prompts on disk, with an engine that saves and restores slots as told.
#include <nlohmann/json.hpp>

#include "engine/engines.h"
#include "engine/test_engines.h"

namespace lar::engine {
namespace {
using nlohmann::json;

class KeepingTest : public EnginesTest {
 protected:
  // The same engine program as before by its file's time: what it does is another matter.
  void start(const std::string& modes = "normal") {
    const fs::path program = folder / "llama-server";
    const auto time = fs::last_write_time(program);
    script(modes + std::string(20 - modes.size(), ' '));
    fs::last_write_time(program, time);
    EngineOptions with = options();
    with.keep_prompts = true;
    open(with);
  }
  // A conversation as a client sends it: `words` long, then a question.
  static RawRequest conversation(int words, const std::string& question,
                                 const std::string& client = "editor") {
    std::string text;
    for (int word = 0; word < words; ++word) text += "word" + std::to_string(word) + " ";
    const json body = {{"messages",
                        {{{"role", "user"}, {"content", text}},
                         {{"role", "assistant"}, {"content", "noted"}},
                         {{"role", "user"}, {"content", question}}}},
                       {"stream", true}};
    RawRequest request;
    request.path = "/v1/chat/completions";
    request.body = request.prompt = body.dump();
    request.answer = RawRequest::Answer::streamed;
    request.caller.client = client;
    return request;
  }
  // What the engine had not to read again, by its own count.
  int cached_of(const RawRequest& request) {
    std::string answer;
    const auto done = engines->forward(
        Role::chat, request, [](const RawHead&) {},
        [&](std::string_view piece) {
          answer += piece;
          return true;
        },
        {});
    EXPECT_TRUE(done) << done.error().describe();
    EXPECT_NE(answer.find("You"), std::string::npos) << answer;
    const std::size_t found = answer.find("\"cache_n\": ");
    return found == std::string::npos ? -1 : std::atoi(answer.c_str() + found + 11);
  }
  bool saves(int count) {
    const auto deadline = base::steady_now() + 5 * base::one_second;
    while (engines->kept().saved < count && !engines->kept().error) {
      if (base::steady_now() > deadline) return false;
      std::this_thread::sleep_for(5ms);
    }
    return engines->kept().saved == count;
  }
  fs::path kept_file() {
    for (const auto& file : fs::directory_iterator(folder / "home/kept")) {
      if (file.path().extension() == ".slot") return file.path();
    }
    return {};
  }
};

TEST(CachedCount, the_counters_of_all_apis_are_found_and_words_of_a_text_are_not) {
  const auto count = [](const std::string& answer, std::size_t piece) {
    CachedCount cached;
    for (std::size_t at = 0; at < answer.size(); at += piece) cached.feed(answer.substr(at, piece));
    return cached.tokens();
  };
  const std::string text(20'000, 'x');
  EXPECT_EQ(count(R"({"choices":[],"usage":{"prompt_tokens_details":{"cached_tokens":75}}})", 7),
            75);
  EXPECT_EQ(
      count("data: {\"t\":\"" + text + "\"}\n\ndata: {\"timings\":{\"cache_n\": 812}}\n\n", 100),
      812);
  EXPECT_EQ(count("data: {\"usage\":{\"cache_read_input_tokens\":31}}\n\n" + text, 50), 31);
  EXPECT_EQ(count(R"({"content":"\"cache_n\": 99","timings":{"cache_n":0}})", 3), 0);
  EXPECT_EQ(count(R"({"error":{"code":400}})", 3), std::nullopt);
}

TEST_F(KeepingTest, a_conversation_is_not_read_again_after_a_restart) {
  start();
  EXPECT_EQ(cached_of(conversation(2000, "one?")), 0);
  ASSERT_TRUE(saves(1));
  start();
  EXPECT_GT(cached_of(conversation(2000, "two?")), 1990);
  const KeptStatus kept = engines->kept();
  EXPECT_EQ(kept.restored, 1);
  EXPECT_GT(kept.restored_tokens, 1990);
  EXPECT_EQ(kept.files, 1);
  EXPECT_GT(cached_of(conversation(2000, "three?")), 1990) << "that lies in the slot";
  EXPECT_EQ(journal_count("slot restore"), 1);
}

TEST_F(KeepingTest, what_was_asked_last_is_saved_when_lar_ends) {
  start();
  EXPECT_EQ(cached_of(conversation(2000, "one?")), 0);
  start();  // at once
  EXPECT_GT(cached_of(conversation(2000, "two?")), 1990);
}

TEST_F(KeepingTest, another_conversation_in_between_costs_nothing_either) {
  start();
  EXPECT_EQ(cached_of(conversation(2000, "one?")), 0);
  ASSERT_TRUE(saves(1));
  RawRequest other = conversation(10, "?");
  std::string text;
  for (int word = 0; word < 1500; ++word) text += "other" + std::to_string(word) + " ";
  other.body = other.prompt =
      json{{"messages", {{{"role", "user"}, {"content", text}}}}, {"stream", true}}.dump();
  EXPECT_EQ(cached_of(other), 0);
  ASSERT_TRUE(saves(2));
  EXPECT_GT(cached_of(conversation(2000, "two?")), 1990);
  EXPECT_GT(cached_of(other), 1490);
}

// What lar tries an engine with, before the first typed question, must not lie where that was.
TEST_F(KeepingTest, a_typed_question_of_the_background_leaves_a_conversation_where_it_is) {
  start();
  EXPECT_EQ(cached_of(conversation(2000, "one?")), 0);
  ASSERT_TRUE(saves(1));
  ChatRequest request;
  request.messages = {{"user", "hello"}};
  request.json_schema = R"({"type":"object"})";
  request.caller.urgency = Urgency::background;
  const auto typed = engines->chat(Role::chat, request, {}, {});
  ASSERT_TRUE(typed) << typed.error().describe();
  EXPECT_GT(cached_of(conversation(2000, "two?")), 1990);
  EXPECT_EQ(journal_count("slot restore"), 0);
}

TEST_F(KeepingTest, a_damaged_file_is_not_given_to_the_engine) {
  start();
  cached_of(conversation(2000, "one?"));
  ASSERT_TRUE(saves(1));
  engines.reset();
  const fs::path file = kept_file();
  std::fstream(file, std::ios::in | std::ios::out | std::ios::binary).seekp(4000).put('~');
  start();
  EXPECT_EQ(cached_of(conversation(2000, "two?")), 0) << "read again";
  EXPECT_EQ(engines->kept().damaged, 1);
  EXPECT_EQ(journal_count("slot restore"), 0);
  EXPECT_FALSE(fs::exists(file));
}

TEST_F(KeepingTest, what_the_engine_reads_again_all_the_same_is_not_believed) {
  start();
  cached_of(conversation(2000, "one?"));
  ASSERT_TRUE(saves(1));
  start("forgets-slots");
  EXPECT_EQ(cached_of(conversation(2000, "two?")), 0);
  EXPECT_EQ(engines->kept().restored, 0);
  EXPECT_EQ(engines->kept().recomputed, 1);
}

TEST_F(KeepingTest, an_engine_that_cannot_write_breaks_nothing_and_says_so_once) {
  for (const char* mode : {"save-fails", "save-half"}) {
    start(mode);
    EXPECT_EQ(cached_of(conversation(2000, std::string(mode) + "?")), 0);
    EXPECT_FALSE(saves(1));
    const KeptStatus kept = engines->kept();
    ASSERT_TRUE(kept.error) << mode;
    EXPECT_TRUE(kept.error->code == "keep.not_written" || kept.error->code == "keep.cut_short");
    EXPECT_EQ(kept.files, 0);
    EXPECT_GT(cached_of(conversation(2000, "again?")), 1990) << "the engine serves on";
    engines.reset();
    fs::remove_all(folder / "home/kept");
  }
}

TEST_F(KeepingTest, short_prompts_are_not_kept) {
  start();
  cached_of(conversation(600, "one?"));
  std::this_thread::sleep_for(800ms);
  EXPECT_EQ(engines->kept().files, 0);
  EXPECT_EQ(journal_count("slot save"), 0);
}

TEST_F(KeepingTest, of_lars_own_prompts_only_what_they_share_is_kept) {
  start();
  std::string shared;
  for (int word = 0; word < 700; ++word) shared += "rule" + std::to_string(word) + " ";
  const auto ask_own = [&](const std::string& secret) {
    std::string passage;
    for (int word = 0; word < 300; ++word) passage += secret + std::to_string(word) + " ";
    ChatRequest request;
    request.messages = {{"system", shared}, {"user", passage}};
    const auto result = engines->chat(Role::chat, request, {}, {});
    EXPECT_TRUE(result) << result.error().describe();
    return result ? result->cached_tokens : -1;
  };
  for (const char* secret : {"alpha", "beta", "gamma", "delta", "epsilon"}) ask_own(secret);
  ASSERT_TRUE(saves(1));
  std::ifstream file(kept_file());
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  EXPECT_NE(bytes.find("rule699"), std::string::npos);
  for (const char* secret : {"alpha1", "delta1", "epsilon1"}) {
    EXPECT_EQ(bytes.find(secret), std::string::npos) << secret;
  }
  // After a restart it is brought back before the first question, and after that no more.
  start();
  EXPECT_GE(ask_own("zeta"), 699);
  EXPECT_EQ(engines->kept().restored, 1);
  EXPECT_EQ(engines->kept().recomputed, 0);
  EXPECT_GE(ask_own("eta"), 699) << "that lies in the slot";
  EXPECT_EQ(journal_count("slot restore"), 1);
}

TEST_F(KeepingTest, prompts_go_with_their_client) {
  start();
  cached_of(conversation(2000, "one?"));
  ASSERT_TRUE(saves(1));
  EXPECT_EQ(engines->forget_kept("somebody"), 0);
  EXPECT_EQ(engines->forget_kept("editor"), 1);
  EXPECT_EQ(engines->kept().files, 0);
  start();
  EXPECT_EQ(cached_of(conversation(2000, "two?")), 0);
}

TEST_F(KeepingTest, what_waits_to_be_kept_is_forgotten_with_the_rest) {
  start();
  cached_of(conversation(2000, "one?"));
  ASSERT_TRUE(saves(1));
  cached_of(conversation(2000, "of something else altogether?"));
  EXPECT_EQ(engines->forget_all_kept(), 1);
  EXPECT_EQ(engines->kept().files, 0);
  engines->stop_all();
  EXPECT_EQ(engines->kept().files, 0) << "nor is it written when lar ends";
}

TEST_F(KeepingTest, a_prompt_beyond_the_context_leaves_out_its_oldest_messages_if_it_may) {
  start();
  ChatRequest request;
  request.messages = {{"system", "short"}};
  for (int turn = 0; turn < 10; ++turn) {
    std::string text;
    for (int word = 0; word < 600; ++word) text += "t" + std::to_string(turn) + "w ";
    request.messages.push_back({"user", text});
    request.messages.push_back({"assistant", "noted"});
  }
  request.messages.push_back({"user", "and now?"});
  EXPECT_EQ(engines->chat(Role::chat, request, {}, {}).error().code, "engine.context_exceeded");
  request.overflow = ChatRequest::Overflow::leave_out_oldest;
  const auto result = engines->chat(Role::chat, request, {}, {});
  ASSERT_TRUE(result) << result.error().describe();
  EXPECT_EQ(result->text, "You said: and now?");
  EXPECT_GE(result->left_out_messages, 8);
  EXPECT_LT(result->left_out_messages, 14);
  EXPECT_GT(result->left_out_tokens, 2000);
}

// The tokens of a picture are not those of any text, so what was shown is not kept.
TEST_F(KeepingTest, of_a_model_that_sees_conversations_without_pictures_are_kept) {
  write_file(folder / "models/toy-eye.gguf", tiny_model_gguf("toy") + "yy");
  write_file(folder / "models/mmproj.gguf", "a projector");
  std::ofstream(folder / "models/models.toml", std::ios::app) << R"(
[[model]]
name = "toy-eye"
roles = ["chat", "vision"]
file = "toy-eye.gguf"
projector = "mmproj.gguf"
)";
  write_file(folder / "home/roles.toml", "chat = \"toy-eye\"\n");
  start();
  EXPECT_EQ(cached_of(conversation(2000, "one?")), 0);
  EXPECT_TRUE(saves(1));
  start();
  EXPECT_GT(cached_of(conversation(2000, "one?")), 1500);
  RawRequest shown = conversation(3000, "what is this?");
  json body = json::parse(shown.body);
  body["messages"][2]["content"] = {
      {{"type", "text"}, {"text", "what is this?"}},
      {{"type", "image_url"}, {"image_url", {{"url", "data:image/png;base64,AAAA"}}}}};
  shown.body = shown.prompt = body.dump();
  EXPECT_GE(cached_of(shown), 0);
  engines->stop_all();  // saves what waits for that
  EXPECT_EQ(engines->kept().files, 1);
}

}  // namespace
}  // namespace lar::engine
