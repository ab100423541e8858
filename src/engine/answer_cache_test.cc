// The cache in front of engines that count how often they are asked.
#include "engine/answer_cache.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace lar::engine {
namespace {

namespace fs = std::filesystem;

struct Counts {
  int chats = 0;
  int embedded_texts = 0;
};

class CountingEngines final : public Engines {
 public:
  explicit CountingEngines(Counts& counts) : counts_(counts) {}
  base::Result<ChatResult> chat(Role, const ChatRequest& request,
                                const std::function<void(std::string_view)>& on_text,
                                std::stop_token) override {
    if (request.messages.empty()) return base::fail(base::ErrorKind::unavailable, "engine.died");
    ++counts_.chats;
    on_text("ans");
    on_text("wer");
    ChatResult result;
    result.text = "answer";
    result.model = "small";
    result.prompt_tokens = 7;
    return result;
  }
  base::Result<std::vector<std::vector<float>>> embed(EmbedKind kind,
                                                      const std::vector<EmbedText>& texts,
                                                      std::stop_token) override {
    std::vector<std::vector<float>> vectors;
    for (const EmbedText& text : texts) {
      ++counts_.embedded_texts;
      vectors.push_back(
          {static_cast<float>(text.text.size()), kind == EmbedKind::query ? 1.0F : 0.0F});
    }
    return vectors;
  }
  base::Result<int> count_tokens(Role, const std::string&) override { return 3; }
  base::Status forward(Role, const RawRequest&, const std::function<void(const RawHead&)>&,
                       const std::function<bool(std::string_view)>&, std::stop_token) override {
    return base::fail(base::ErrorKind::unsupported, "role.not_served", {{"role", "chat"}});
  }
  std::string embed_space() override { return "space/2"; }
  int context_tokens(Role) override { return 100; }
  std::string bound_to(Role) override { return "toy"; }
  std::vector<EngineStatus> status() override {
    EngineStatus status;
    status.role = Role::chat;
    status.model = "small";
    return {status};
  }
  base::Status use(Role, const std::string&) override { return {}; }
  base::Status bind_defaults() override { return {}; }
  void stop_all() override {}

 private:
  Counts& counts_;
};

class AnswerCache : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("lar-answers-" + std::to_string(::getpid()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::unique_ptr<Engines> open(const std::string& identity = "engine-1") {
    return with_answer_cache(std::make_unique<CountingEngines>(counts_), folder_.string(),
                             identity);
  }
  std::string ask(Engines& engines, const std::string& question, int seed = 1) {
    ChatRequest request;
    request.messages = {{"user", question}};
    request.seed = seed;
    std::string heard;
    const auto result =
        engines.chat(Role::chat, request, [&](std::string_view piece) { heard += piece; }, {});
    EXPECT_TRUE(result);
    EXPECT_EQ(result->text, heard);
    EXPECT_EQ(result->prompt_tokens, 7);
    return heard;
  }

  fs::path folder_;
  Counts counts_;
};

TEST_F(AnswerCache, the_same_request_is_asked_once_even_by_a_later_process) {
  EXPECT_EQ(ask(*open(), "one"), "answer");
  EXPECT_EQ(ask(*open(), "one"), "answer");
  EXPECT_EQ(counts_.chats, 1);
}

TEST_F(AnswerCache, another_request_or_another_engine_is_asked_anew) {
  ask(*open(), "one");
  ask(*open(), "two");
  ask(*open(), "one", 2);
  ask(*open("engine-2"), "one");
  EXPECT_EQ(counts_.chats, 4);
}

TEST_F(AnswerCache, failures_are_not_kept) {
  const auto engines = open();
  EXPECT_FALSE(engines->chat(Role::chat, {}, {}, {}));
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(AnswerCache, a_damaged_answer_is_asked_again) {
  ask(*open(), "one");
  for (const auto& entry : fs::directory_iterator(folder_)) std::ofstream(entry.path()) << "{\"te";
  ask(*open(), "one");
  EXPECT_EQ(counts_.chats, 2);
}

TEST_F(AnswerCache, only_unknown_texts_are_embedded_and_the_order_stays) {
  const auto first = open();
  ASSERT_TRUE(first->embed(EmbedKind::document, {{"", "a"}, {"", "bbb"}}, {}));
  const auto vectors = open()->embed(EmbedKind::document, {{"", "cc"}, {"", "bbb"}, {"", "a"}}, {});
  ASSERT_TRUE(vectors);
  EXPECT_EQ(*vectors, (std::vector<std::vector<float>>{{2, 0}, {3, 0}, {1, 0}}));
  EXPECT_EQ(counts_.embedded_texts, 3);
  const auto query = open()->embed(EmbedKind::query, {{"", "a"}}, {});
  EXPECT_EQ((*query)[0][1], 1);
}

TEST_F(AnswerCache, vectors_cut_short_by_a_crash_lose_only_the_last) {
  ASSERT_TRUE(open()->embed(EmbedKind::document, {{"", "a"}, {"", "bbb"}}, {}));
  const fs::path file = folder_ / "vectors.bin";
  fs::resize_file(file, fs::file_size(file) - 3);
  const auto again = open();
  ASSERT_TRUE(again->embed(EmbedKind::document, {{"", "a"}}, {}));
  EXPECT_EQ(counts_.embedded_texts, 2);
  ASSERT_TRUE(again->embed(EmbedKind::document, {{"", "bbb"}}, {}));
  EXPECT_EQ(counts_.embedded_texts, 3);
  ASSERT_TRUE(open()->embed(EmbedKind::document, {{"", "a"}, {"", "bbb"}}, {}));
  EXPECT_EQ(counts_.embedded_texts, 3);
}

}  // namespace
}  // namespace lar::engine
