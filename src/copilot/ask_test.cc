// Questions from end to end, with a store and a model that says what a test tells it to: what is
// let through, what is left out and whose words are shown is decided by code.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>

#include "agent/embedder.h"
#include "agent/query.h"
#include "copilot/copilot.h"
#include "store/test_home.h"

namespace lar::copilot {
namespace {

using base::Result;

// Meanings are the words of a text, thrown into as many boxes.
constexpr std::size_t boxes = 64;

std::vector<float> meaning_of(const std::string& text) {
  std::vector<float> vector(boxes, 0.0F);
  for (const std::string& word : agent::content_words(text)) {
    std::size_t box = 5381;
    for (const char letter : word) box = box * 33 + static_cast<unsigned char>(letter);
    vector[box % boxes] += 1;
  }
  float length = 0;
  for (const float value : vector) length += value * value;
  if (length == 0) {
    vector.front() = 1;
    return vector;
  }
  for (float& value : vector) value /= std::sqrt(length);
  return vector;
}

class ToldEngines final : public engine::Engines {
 public:
  using Vectors = std::vector<std::vector<float>>;
  Result<engine::ChatResult> chat(engine::Role, const engine::ChatRequest& request,
                                  const std::function<void(std::string_view)>&,
                                  std::stop_token) override {
    const std::string& prompt = request.messages.back().content;
    engine::ChatResult result;
    if (!request.json_schema.empty()) {
      result.text = nlohmann::json{{"quote", ""}, {"answer", copies(prompt)}}.dump();
      return result;
    }
    if (request.max_tokens > 1) {
      result.text = "Yes. " + states(prompt);
      return result;
    }
    const bool of_claim = prompt.find("Proposed answer: ") != std::string::npos;
    const double yes = of_claim ? bears_out(prompt) : holds(prompt);
    result.text = yes >= 0.5 ? "Yes" : "No";
    result.alternatives = {{"Yes", yes}, {"No", 1 - yes}};
    return result;
  }
  Result<Vectors> embed(engine::EmbedKind, const std::vector<engine::EmbedText>& texts,
                        std::stop_token) override {
    Vectors vectors;
    for (const auto& text : texts) vectors.push_back(meaning_of(text.text));
    return vectors;
  }
  Result<int> count_tokens(engine::Role, const std::string& text) override {
    return static_cast<int>(text.size() / 4);
  }
  base::Status forward(engine::Role, const engine::RawRequest&,
                       const std::function<void(const engine::RawHead&)>&,
                       const std::function<bool(std::string_view)>&, std::stop_token) override {
    return {};
  }
  std::string embed_space() override { return "words/64"; }
  int context_tokens(engine::Role) override { return 4096; }
  std::string bound_to(engine::Role) override { return "told"; }
  std::vector<engine::EngineStatus> status() override { return {}; }
  base::Status use(engine::Role, const std::string&) override { return {}; }
  base::Status bind_defaults() override { return {}; }
  void stop_all() override {}

  // What the model reads in a passage, at once or by its words, and its yes to a passage and to a
  // claim.
  std::function<std::string(const std::string&)> states = [](const std::string&) { return ""; };
  std::function<std::string(const std::string&)> copies = [](const std::string&) { return ""; };
  std::function<double(const std::string&)> holds = [](const std::string&) { return 0.9; };
  std::function<double(const std::string&)> bears_out = [](const std::string&) { return 0.9; };
};

class AskTest : public store::StoreTest {
 protected:
  AskTest() : source(add_source("mail")) {
    keep("boiler",
         "Dear Tomas,\n\nThank you for calling us last week. The old pump was worn out. We will "
         "service the boiler on 12 June. Please leave the yard gate open.\n\nKind regards");
    keep("garden", "The roses in the garden want cutting, and the hedge is too high by now.");
    keep("school", "The choir sings at the school hall. Bring something to drink.");
  }

  void keep(const std::string& name, const std::string& text) {
    record(store::mail(name + "@firm.example", "About the " + name, text), source, name);
  }
  Answer ask_for(const std::string& question) {
    agent::Embedder embedder(*store, engines);
    store::must(embedder.finish({}, {}));
    return store::must(ask(
        *store, engines,
        {.question = question, .conversation = {}, .mode = Mode::data, .remember = false}, {}, {}));
  }
  bool about(const std::string& prompt, const std::string& word) const {
    // Of the passage: the examples and the question stand elsewhere.
    const std::string text = prompt.substr(0, prompt.find("\n\nQuestion: "));
    return text.find(word) != std::string::npos;
  }

  base::Id source;
  ToldEngines engines;
};

TEST_F(AskTest, a_claim_with_just_enough_support_is_shown_wherever_its_sentence_stands) {
  engines.states = [](const std::string&) { return "The boiler will be serviced on 12 June."; };
  engines.holds = [&](const std::string& prompt) { return about(prompt, "boiler") ? 0.9 : 0.1; };
  // The nearest sentence is the fourth of its passage; 0.4 is enough for any.
  engines.bears_out = [](const std::string&) { return 0.4; };
  const Answer answer = ask_for("When will the boiler be serviced?");
  ASSERT_FALSE(answer.declined);
  EXPECT_EQ(answer.text, "The boiler will be serviced on 12 June.");
  ASSERT_EQ(answer.citations.size(), 1U);
  EXPECT_EQ(answer.citations.front().external_id, "boiler@firm.example");
  EXPECT_NE(answer.citations.front().quote.find("12 June"), std::string::npos);
}

TEST_F(AskTest, what_the_passage_does_not_hold_is_never_shown) {
  engines.states = [](const std::string&) { return "The boiler will be serviced on 14 June."; };
  engines.holds = [&](const std::string& prompt) { return about(prompt, "boiler") ? 0.9 : 0.1; };
  const Answer answer = ask_for("When will the boiler be serviced?");
  EXPECT_EQ(answer.text.find("14 June"), std::string::npos) << answer.text;
  const auto cut = std::find_if(answer.cut.begin(), answer.cut.end(), [](const CutPassage& one) {
    return one.reason == "ask.cut_evidence";
  });
  EXPECT_NE(cut, answer.cut.end());
}

TEST_F(AskTest, the_nearest_sentence_stands_in_for_a_model_that_words_it_wrongly) {
  engines.states = [](const std::string&) { return "The boiler will be serviced on 14 June."; };
  engines.holds = [&](const std::string& prompt) { return about(prompt, "boiler") ? 0.9 : 0.1; };
  const Answer answer = ask_for("When will the boiler be serviced?");
  ASSERT_FALSE(answer.declined);
  EXPECT_NE(answer.text.find("We will service the boiler on 12 June."), std::string::npos)
      << answer.text;
}

TEST_F(AskTest, what_a_first_reading_leaves_out_a_second_one_adds) {
  keep("boat", "The boat leaves on 3 July.\n\nA seat costs 45 euros, and the crossing is short.");
  engines.states = [](const std::string&) { return "The boat leaves on 3 July."; };
  engines.copies = [](const std::string&) {
    return "The boat leaves on 3 July, and a seat costs 45 euros.";
  };
  engines.holds = [&](const std::string& prompt) { return about(prompt, "boat") ? 0.9 : 0.1; };
  const Answer answer = ask_for("When does the boat leave, and how much is it?");
  EXPECT_EQ(answer.text, "The boat leaves on 3 July, and a seat costs 45 euros.");
  ASSERT_FALSE(answer.citations.empty());
  EXPECT_EQ(answer.citations.front().external_id, "boat@firm.example");
}

TEST_F(AskTest, that_something_is_not_known_is_no_answer) {
  engines.states = [](const std::string&) { return "The price of the boiler is unknown."; };
  engines.copies = engines.states;
  engines.holds = [&](const std::string& prompt) { return about(prompt, "boiler") ? 0.9 : 0.1; };
  const Answer answer = ask_for("What is the colour of the boiler?");
  EXPECT_EQ(answer.text.find("unknown"), std::string::npos) << answer.text;
}

TEST_F(AskTest, what_no_passage_states_is_declined) {
  engines.states = [](const std::string&) { return "The piano will be tuned on 12 June."; };
  engines.holds = [](const std::string&) { return 0.05; };
  engines.bears_out = [](const std::string&) { return 0.05; };
  const Answer answer = ask_for("When will the piano be tuned?");
  EXPECT_TRUE(answer.declined) << answer.text;
  EXPECT_TRUE(answer.citations.empty());
}

TEST_F(AskTest, a_claim_that_the_model_does_not_bear_out_is_not_shown_in_its_words) {
  engines.states = [](const std::string&) { return "The piano will be tuned on 12 June."; };
  engines.holds = [&](const std::string& prompt) { return about(prompt, "boiler") ? 0.7 : 0.1; };
  engines.bears_out = [](const std::string&) { return 0.1; };
  const Answer answer = ask_for("When will the piano be tuned?");
  EXPECT_EQ(answer.text.find("piano"), std::string::npos) << answer.text;
}

}  // namespace
}  // namespace lar::copilot
