// The embedder against a real store and engines that make vectors of letters.
#include "agent/embedder.h"

#include <gtest/gtest.h>

#include <utility>

#include "store/test_home.h"

namespace lar::agent {
namespace {

using base::Result;

// Two spaces; texts become counts of a letter each.
class LetterEngines final : public engine::Engines {
 public:
  using Vectors = std::vector<std::vector<float>>;
  Result<engine::ChatResult> chat(engine::Role, const engine::ChatRequest&,
                                  const std::function<void(std::string_view)>&,
                                  std::stop_token) override {
    return base::fail(base::ErrorKind::unsupported, "role.not_served");
  }
  Result<Vectors> embed(engine::EmbedKind, const std::vector<engine::EmbedText>& texts,
                        std::stop_token) override {
    return vectors(texts, space);
  }
  Result<Vectors> embed_next(const std::vector<engine::EmbedText>& texts,
                             std::stop_token) override {
    if (before_next) before_next();
    return vectors(texts, next);
  }
  Result<int> count_tokens(engine::Role, const std::string&) override { return 1; }
  base::Status forward(engine::Role, const engine::RawRequest&,
                       const std::function<void(const engine::RawHead&)>&,
                       const std::function<bool(std::string_view)>&, std::stop_token) override {
    return {};
  }
  std::string embed_space() override { return space; }
  std::string next_embed_space() override { return next; }
  base::Status finish_embed_change() override {
    space = std::exchange(next, "");
    return {};
  }
  int context_tokens(engine::Role) override { return 0; }
  std::string bound_to(engine::Role) override { return space; }
  std::vector<engine::EngineStatus> status() override { return {}; }
  base::Status use(engine::Role, const std::string&) override { return {}; }
  base::Status bind_defaults() override { return {}; }
  void stop_all() override {}

  std::string space = "old", next;
  std::function<void()> before_next;

 private:
  static Vectors vectors(const std::vector<engine::EmbedText>& texts, const std::string& space) {
    Vectors made;
    for (const auto& text : texts) {
      const bool garden = text.text.find("garden") != std::string::npos;
      // The new space has another width and its axes the other way round.
      made.push_back(space == "old"
                         ? std::vector<float>{garden ? 1.F : 0.F, garden ? 0.F : 1.F}
                         : std::vector<float>{garden ? 0.F : 1.F, 0, garden ? 1.F : 0.F});
    }
    return made;
  }
};

class EmbedderTest : public store::StoreTest {
 protected:
  std::vector<std::string> nearest(const std::string& space, std::vector<float> vector) {
    store::SearchRequest request;
    request.vector = std::move(vector);
    request.vector_model = space;
    request.limit = 1;
    return titles(request);
  }
  LetterEngines engines;
};

TEST_F(EmbedderTest, a_new_space_is_filled_beside_the_old_one_which_answers_until_it_is_whole) {
  const base::Id source = add_source("mail");
  record(store::mail("1", "Roses", "about the garden"), source, "1");
  record(store::mail("2", "Boiler", "about the heating"), source, "2");
  Embedder embedder(*store, engines);
  ASSERT_TRUE(embedder.finish({}, {}));
  EXPECT_EQ(nearest("old", {1, 0}), std::vector<std::string>{"Roses"});
  engines.next = "new";
  int seen = 0;
  engines.before_next = [&] {
    ++seen;
    EXPECT_EQ(engines.space, "old");
    EXPECT_EQ(nearest("old", {0, 1}), std::vector<std::string>{"Boiler"});
  };
  ASSERT_TRUE(embedder.finish({}, {}));
  EXPECT_EQ(seen, 1);
  EXPECT_EQ(engines.space, "new");
  EXPECT_EQ(nearest("new", {0, 0, 1}), std::vector<std::string>{"Roses"});
  EXPECT_EQ(must(store->vector_progress("new")).done, 2);
  EXPECT_EQ(must(store->vector_progress("old")).done, 0) << "the old vectors are gone";
}

TEST_F(EmbedderTest, what_comes_during_a_change_is_found_at_once_and_afterwards) {
  const base::Id source = add_source("mail");
  record(store::mail("1", "Boiler", "about the heating"), source, "1");
  Embedder embedder(*store, engines);
  ASSERT_TRUE(embedder.finish({}, {}));
  engines.next = "new";
  bool came = false;
  engines.before_next = [&] {
    if (std::exchange(came, true)) return;
    record(store::mail("2", "Roses", "about the garden"), source, "2");
  };
  ASSERT_TRUE(embedder.finish({}, {}));
  EXPECT_EQ(engines.space, "new");
  EXPECT_EQ(must(store->vector_progress("new")).done, 2);
  EXPECT_EQ(nearest("new", {0, 0, 1}), std::vector<std::string>{"Roses"});
}

TEST_F(EmbedderTest, vectors_of_a_model_that_changed_while_it_worked_are_not_kept) {
  const base::Id source = add_source("mail");
  record(store::mail("1", "Boiler", "about the heating"), source, "1");
  Embedder embedder(*store, engines);
  ASSERT_TRUE(embedder.finish({}, {}));
  engines.next = "new";
  engines.before_next = [&] { engines.next.clear(); };  // the owner went back
  ASSERT_TRUE(embedder.finish({}, {}));
  EXPECT_EQ(engines.space, "old");
  EXPECT_EQ(must(store->vector_progress("new")).done, 0);
  EXPECT_EQ(must(store->vector_progress("old")).done, 1);
}

}  // namespace
}  // namespace lar::agent
