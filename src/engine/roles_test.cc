// Roles beside chat, fast and embed: ordering texts and seeing, and those that have no engine yet.
#include <nlohmann/json.hpp>

#include "engine/backend.h"
#include "engine/contract.h"
#include "engine/models.h"
#include "engine/test_engines.h"
#include "os/file.h"

namespace lar::engine {
namespace {

class RolesTest : public EnginesTest {
 protected:
  void SetUp() override {
    EnginesTest::SetUp();
    write_file(folder / "models/toy-rank.gguf", tiny_model_gguf("bert") + "x");
    write_file(folder / "models/toy-eye.gguf", tiny_model_gguf("toy") + "yy");
    write_file(folder / "models/mmproj.gguf", "a projector");
    std::ofstream(folder / "models/models.toml", std::ios::app) << R"(
[[model]]
name = "toy-rank"
roles = ["rerank"]
file = "toy-rank.gguf"
[[model]]
name = "toy-eye"
roles = ["chat", "vision"]
file = "toy-eye.gguf"
projector = "mmproj.gguf"
[[model]]
name = "toy-blind"
roles = ["vision"]
file = "toy2.gguf"
)";
  }
  base::Result<std::string> send(Role role, const std::string& path, const std::string& body) {
    RawRequest request;
    request.path = path;
    request.body = body;
    std::string answer;
    const auto done = engines->forward(
        role, request, [](const RawHead&) {},
        [&](std::string_view piece) {
          answer += piece;
          return true;
        },
        {});
    if (!done) return tl::unexpected<base::Error>(done.error());
    return answer;
  }
  std::string log_of(const char* role) {
    return *os::read_file(folder / "home/log" / (std::string(role) + ".log"), 1u << 20);
  }
};

TEST_F(RolesTest, texts_are_put_in_order_by_a_model_for_that) {
  open();
  EXPECT_EQ(send(Role::rerank, "/v1/rerank", "{}").error().code, "role.unbound");
  const auto used = engines->use(Role::rerank, "toy-rank");
  ASSERT_TRUE(used) << used.error().describe();
  const auto answer = send(Role::rerank, "/v1/rerank",
                           R"({"query": "red house", "documents": ["a boat", "the red house"]})");
  ASSERT_TRUE(answer) << answer.error().describe();
  EXPECT_NE(answer->find(R"("index": 1, "relevance_score": 2)"), std::string::npos) << *answer;
  EXPECT_NE(log_of("rerank").find("--reranking"), std::string::npos);
  EXPECT_NE(os::read_file(folder / "home/roles.toml")->find("rerank = 'toy-rank'"),
            std::string::npos);
  open();
  EXPECT_EQ(engines->bound_to(Role::rerank), "toy-rank");
  EXPECT_TRUE(send(Role::rerank, "/v1/rerank", R"({"query": "x", "documents": ["x"]})"));
}

TEST_F(RolesTest, a_model_that_puts_the_answer_last_is_not_taken) {
  script("backwards");
  open();
  EXPECT_EQ(engines->use(Role::rerank, "toy-rank").error().code, "engine.ranks_wrongly");
  EXPECT_EQ(engines->bound_to(Role::rerank), "");
  EXPECT_EQ(engines->use(Role::rerank, "toy").error().code, "model.wrong_role");
}

TEST_F(RolesTest, what_orders_texts_has_a_contract_of_its_own) {
  open();
  ASSERT_TRUE(engines->use(Role::rerank, "toy-rank"));
  auto models = Models::open((folder / "models").string());
  ASSERT_TRUE(models);
  const auto contract =
      check_model(options(), **models, *engines, "rerank", CheckDepth::quick, {}, {});
  ASSERT_TRUE(contract) << contract.error().describe();
  EXPECT_TRUE(contract->embedding);
  // The scripted one compares words: it finds no Spanish with English ones.
  EXPECT_EQ(contract->across_languages, false);
}

TEST_F(RolesTest, a_model_that_sees_is_started_with_its_projector) {
  open();
  const auto used = engines->use(Role::vision, "toy-eye");
  ASSERT_TRUE(used) << used.error().describe();
  EXPECT_NE(log_of("vision").find("--mmproj " + (folder / "models/mmproj.gguf").string()),
            std::string::npos);
  EXPECT_TRUE(send(Role::vision, "/v1/chat/completions",
                   R"({"messages": [{"role": "user", "content": "x"}]})"));
  EXPECT_EQ(ask("x")->model, "toy") << "chat goes on with its own";
  EXPECT_EQ(engines->use(Role::vision, "toy-blind").error().code, "engine.sees_nothing");
  EXPECT_EQ(engines->bound_to(Role::vision), "toy-eye");
}

TEST_F(RolesTest, one_engine_chats_and_sees_with_the_same_model) {
  open();
  ASSERT_TRUE(engines->use(Role::chat, "toy-eye"));
  ASSERT_TRUE(engines->use(Role::vision, "toy-eye"));
  ASSERT_TRUE(send(Role::vision, "/v1/chat/completions",
                   R"({"messages": [{"role": "user", "content": "x"}]})"));
  EXPECT_EQ(journal_count("start"), 1);
  // Chat goes on with another model; seeing stays with its own.
  ASSERT_TRUE(engines->use(Role::chat, "toy"));
  ASSERT_TRUE(send(Role::vision, "/v1/chat/completions",
                   R"({"messages": [{"role": "user", "content": "x"}]})"));
  EXPECT_EQ(ask("x")->model, "toy");
  EXPECT_EQ(engines->bound_to(Role::vision), "toy-eye");
}

TEST_F(RolesTest, without_its_projector_a_model_is_not_installed) {
  fs::remove(folder / "models/mmproj.gguf");
  open();
  EXPECT_EQ(engines->use(Role::vision, "toy-eye").error().code, "model.not_installed");
}

TEST_F(RolesTest, another_programs_texts_are_put_in_order_a_few_at_a_time) {
  open();
  ASSERT_TRUE(engines->use(Role::rerank, "toy-rank"));
  RawRequest raw;
  raw.path = "/v1/rerank";
  raw.body =
      R"({"query": "red house", "documents": ["a boat", "a red boat", "x", "the red house"], "top_n": 2})";
  raw.caller = {Urgency::background, "import"};
  std::string answer;
  const auto done = engines->forward(
      Role::rerank, raw, [](const RawHead&) {},
      [&](std::string_view piece) {
        answer += piece;
        return true;
      },
      {});
  ASSERT_TRUE(done) << done.error().describe();
  EXPECT_EQ(journal_count("rerank 4"), 0);
  EXPECT_GE(journal_count("rerank"), 3) << "two of the trial at the beginning";
  const auto value = nlohmann::json::parse(answer, nullptr, false);
  ASSERT_EQ(value["results"].size(), 2u) << answer;
  EXPECT_EQ(value["results"][0]["index"], 3);
  EXPECT_EQ(value["results"][1]["index"], 1);
  EXPECT_EQ(value["usage"]["prompt_tokens"], 9);
}

TEST_F(RolesTest, for_a_new_embedding_model_what_nobody_uses_makes_room_beside_the_old_one) {
  write_file(folder / "models/toy-embed2.gguf", tiny_model_gguf("bert") + "zzz");
  std::ofstream(folder / "models/models.toml", std::ios::app) << R"(
[[model]]
name = "toy-embed2"
roles = ["embed"]
file = "toy-embed2.gguf"
embed_dimensions = 32
)";
  write_file(folder / "home/roles.toml", "embed = \"toy-embed\"\nrerank = \"toy-rank\"\n");
  open();
  const auto plan = engines->plan();
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->engines.size(), 2u);
  engines.reset();
  // Room for two of them, not for a third.
  const std::int64_t room =
      2 * plan->engines[0].memory_bytes() + plan->engines[1].memory_bytes() / 2;
  write_file(folder / "home/engines.toml",
             "memory_megabytes = " + std::to_string(room >> 20) + "\n");
  open();
  ASSERT_TRUE(engines->embed(EmbedKind::query, {{"", "x"}}, {}));
  ASSERT_TRUE(send(Role::rerank, "/v1/rerank", R"({"query": "x", "documents": ["x"]})"));
  ASSERT_GT(status_of(Role::rerank).pid, 0);
  const auto used = engines->use(Role::embed, "toy-embed2");
  ASSERT_TRUE(used) << used.error().describe();
  EXPECT_EQ(engines->next_embed_space(), "toy-embed2/32");
  EXPECT_EQ(engines->embed_space(), "toy-embed/64") << "its vectors go on serving";
  EXPECT_EQ(status_of(Role::rerank).pid, 0);
}

TEST_F(RolesTest, engines_that_are_seldom_asked_end_by_themselves_and_the_owner_says_when) {
  auto models = Models::open((folder / "models").string());
  ASSERT_TRUE(models);
  const auto idle_limit = [&](Role role, const char* model) {
    const auto backend =
        make_backend(options(), **models, folder / "home/run", role, model, "idle");
    EXPECT_TRUE(backend) << backend.error().describe();
    return (*backend)->host->idle_limit();
  };
  EXPECT_EQ(idle_limit(Role::chat, "toy"), 0ms) << "what a question waits for stays ready";
  EXPECT_EQ(idle_limit(Role::embed, "toy-embed"), 0ms);
  EXPECT_EQ(idle_limit(Role::rerank, "toy-rank"), 30min);
  EXPECT_EQ(idle_limit(Role::vision, "toy-eye"), 30min);
  write_file(folder / "home/engines.toml", "idle_minutes = 5\n");
  EXPECT_EQ(idle_limit(Role::chat, "toy"), 5min);
  EXPECT_EQ(idle_limit(Role::rerank, "toy-rank"), 5min);
  write_file(folder / "home/engines.toml", "idle_minutes = 0\n");
  EXPECT_EQ(idle_limit(Role::rerank, "toy-rank"), 0ms);
}

TEST_F(RolesTest, what_is_said_of_roles_without_an_engine_is_kept) {
  write_file(folder / "home/roles.toml", "chat = \"toy\"\nspeech = \"whisper\"\nimage = \"x\"\n");
  open();
  EXPECT_EQ(engines->use(Role::speech, "toy").error().code, "role.not_served");
  ASSERT_TRUE(engines->use(Role::chat, "toy2"));
  const std::string text = *os::read_file(folder / "home/roles.toml");
  EXPECT_NE(text.find("speech = 'whisper'"), std::string::npos) << text;
  EXPECT_NE(text.find("image = 'x'"), std::string::npos) << text;
  EXPECT_EQ(engines->bound_to(Role::speech), "") << "lar has no engine for it";
}

TEST_F(RolesTest, a_server_that_is_not_there_is_not_bound_to_a_role) {
  open();
  EXPECT_EQ(engines->use(Role::speech, "unix:" + (folder / "none.sock").string()).error().code,
            "engine.unreachable");
  EXPECT_EQ(engines->bound_to(Role::speech), "");
  for (const EngineStatus& status : engines->status()) {
    EXPECT_NE(name_of(status.role), "speech") << "nobody need choose a server for it";
  }
  EXPECT_TRUE(engines->unbind(Role::speech));
}

}  // namespace
}  // namespace lar::engine
