// How engines make way: off the processor for a person, out of memory for another, behind the one
// that takes their place.
#include <sys/resource.h>

#include <algorithm>
#include <optional>

#include "engine/contract.h"
#include "engine/memory_plan.h"
#include "engine/models.h"
#include "engine/test_engines.h"
#include "os/file.h"

namespace lar::engine {
namespace {

class MakingWayTest : public EnginesTest {
 protected:
  // As in /proc/PID/stat: S sleeps, T is stopped.
  static char state_of(pid_t pid) {
    const auto stat = os::read_file("/proc/" + std::to_string(pid) + "/stat", 4096);
    const std::size_t end = stat ? stat->rfind(") ") : std::string::npos;
    return end == std::string::npos ? '?' : (*stat)[end + 2];
  }
  static bool becomes(pid_t pid, char state) {
    const auto deadline = base::steady_now() + 3 * base::one_second;
    while (state_of(pid) != state) {
      if (base::steady_now() > deadline) return false;
      std::this_thread::sleep_for(2ms);
    }
    return true;
  }
  static int nice_of(pid_t pid) { return getpriority(PRIO_PROCESS, static_cast<id_t>(pid)); }
  // Whether a process gets another priority than this one.
  static bool leaves(pid_t pid, int usual) {
    const auto deadline = base::steady_now() + 3 * base::one_second;
    while (nice_of(pid) == usual) {
      if (base::steady_now() > deadline) return false;
      std::this_thread::sleep_for(2ms);
    }
    return true;
  }
};

TEST_F(MakingWayTest, an_engine_that_works_for_nobody_is_off_the_processor_while_a_person_waits) {
  script("hang,once");
  open();
  std::optional<bool> embedded;
  std::jthread background(
      [&] { embedded = engines->embed(EmbedKind::document, {{"", "a text"}}, {}).has_value(); });
  ASSERT_TRUE(journal_reaches("embed", 1));
  const pid_t embedding = status_of(Role::embed).pid;
  script("slow --delay 0.2");
  std::jthread person([&] { EXPECT_TRUE(ask("a b c d e f")); });
  EXPECT_TRUE(becomes(embedding, 'T')) << "it would go on with its batch";
  person.join();
  background.join();
  EXPECT_EQ(embedded, true) << "it goes on when the person has been answered";
  EXPECT_NE(state_of(embedding), 'T');
  EXPECT_EQ(status_of(Role::embed).pid, embedding);
}

TEST_F(MakingWayTest, a_persons_own_query_sets_a_frozen_engine_going_at_once) {
  script("hang,once");
  open();
  std::stop_source given_up;
  std::jthread background(
      [&] { (void)engines->embed(EmbedKind::document, {{"", "a text"}}, given_up.get_token()); });
  ASSERT_TRUE(journal_reaches("embed", 1));
  const pid_t embedding = status_of(Role::embed).pid;
  script("slow --delay 0.2");
  std::jthread person([&] { EXPECT_TRUE(ask("a b c d e f g h")); });
  ASSERT_TRUE(becomes(embedding, 'T'));
  EXPECT_TRUE(engines->embed(EmbedKind::query, {{"", "x"}}, {})) << "beside the answer";
  given_up.request_stop();
}

TEST_F(MakingWayTest, a_frozen_engine_ends_in_order_too) {
  script("hang,once");
  open();
  std::stop_source given_up;
  std::jthread background(
      [&] { (void)engines->embed(EmbedKind::document, {{"", "a text"}}, given_up.get_token()); });
  ASSERT_TRUE(journal_reaches("embed", 1));
  const pid_t embedding = status_of(Role::embed).pid;
  script("slow --delay 0.1");
  std::jthread person([&] { EXPECT_TRUE(ask("a b c d")); });
  ASSERT_TRUE(becomes(embedding, 'T'));
  given_up.request_stop();
  person.join();
  background.join();
  ASSERT_EQ(state_of(embedding), 'T');
  const auto begun = base::steady_now();
  engines.reset();
  EXPECT_LT(base::steady_now() - begun, 2 * base::one_second);
  EXPECT_EQ(journal_count("stop"), 2);
}

TEST_F(MakingWayTest, what_is_needed_next_takes_the_memory_of_what_nobody_uses) {
  open();
  const auto plan = engines->plan();
  ASSERT_TRUE(plan);
  std::int64_t largest = 0;
  for (const EnginePlan& engine : plan->engines) {
    largest = std::max(largest, engine.memory_bytes());
  }
  ASSERT_GT(largest, 0);
  engines.reset();
  // Room for either, not for both.
  write_file(folder / "home/engines.toml",
             "memory_megabytes = " + std::to_string((largest >> 20) + 1) + "\n");
  open();
  ASSERT_TRUE(ask("x"));
  const pid_t chat = status_of(Role::chat).pid;
  ASSERT_TRUE(engines->embed(EmbedKind::query, {{"", "x"}}, {}));
  EXPECT_EQ(status_of(Role::chat).pid, 0) << "nobody used it";
  ASSERT_TRUE(ask("y"));
  EXPECT_EQ(status_of(Role::embed).pid, 0);
  EXPECT_NE(status_of(Role::chat).pid, chat);
  EXPECT_EQ(journal_count("stop"), 2);
  // With room for both, both stay.
  write_file(folder / "home/engines.toml", "memory_megabytes = 0\n");
  ASSERT_TRUE(engines->embed(EmbedKind::query, {{"", "x"}}, {}));
  EXPECT_GT(status_of(Role::chat).pid, 0);
  EXPECT_EQ(journal_count("stop"), 2);
}

TEST_F(MakingWayTest, an_engine_in_use_is_never_ended_to_make_room) {
  write_file(folder / "home/engines.toml", "memory_megabytes = 1\n");
  script("slow --delay 0.1");
  open();
  std::optional<base::Result<ChatResult>> answer;
  std::jthread person([&] { answer = ask("a b c d e f"); });
  ASSERT_TRUE(journal_reaches("chat", 1));
  EXPECT_TRUE(engines->embed(EmbedKind::query, {{"", "x"}}, {}));
  person.join();
  ASSERT_TRUE(*answer) << answer->error().describe();
  EXPECT_EQ((*answer)->text, "You said: a b c d e f");
  EXPECT_EQ(journal_count("chat"), 1);
}

TEST_F(MakingWayTest, the_old_engine_runs_behind_the_one_that_takes_its_place) {
  open();
  ASSERT_TRUE(ask("x"));
  const pid_t old = status_of(Role::chat).pid;
  const int usual = nice_of(old);
  script("slow-start,ignore-grammar --delay 0.6");
  std::jthread change(
      [&] { EXPECT_EQ(engines->use(Role::chat, "toy2").error().code, "engine.ignores_grammar"); });
  ASSERT_TRUE(leaves(old, usual));
  EXPECT_EQ(nice_of(old), std::min(usual + 10, 19));
  EXPECT_EQ(ask("y")->model, "toy") << "the new one fails its trial";
  change.join();
  // Where no priority is given back, another process has taken its place.
  ASSERT_TRUE(ask("z"));
  EXPECT_EQ(nice_of(status_of(Role::chat).pid), usual);
}

TEST_F(MakingWayTest, a_call_that_has_not_begun_waits_for_the_new_engine) {
  open();
  ASSERT_TRUE(ask("x"));
  const pid_t old = status_of(Role::chat).pid;
  const int usual = nice_of(old);
  script("slow-start --delay 0.6");
  std::jthread change([&] { EXPECT_TRUE(engines->use(Role::chat, "toy2")); });
  ASSERT_TRUE(leaves(old, usual));
  EXPECT_TRUE(engines->count_tokens(Role::chat, "y")) << "what takes no turn waits for nothing";
  const auto answer = ask("y");
  ASSERT_TRUE(answer) << answer.error().describe();
  EXPECT_EQ(answer->model, "toy2");
}

TEST_F(MakingWayTest, the_background_waits_while_a_model_is_changed) {
  script("slow --delay 0.05");
  open();
  ChatRequest request;
  request.messages = {{"user", "a b c d e f g h i j k l m n o p"}};
  request.caller.urgency = Urgency::background;
  std::optional<base::Result<ChatResult>> written;
  std::jthread writer([&] { written = engines->chat(Role::chat, request, {}, {}); });
  ASSERT_TRUE(journal_reaches("word", 2));
  script("slow-start --delay 0.5");
  ASSERT_TRUE(engines->use(Role::chat, "toy2"));
  writer.join();
  ASSERT_TRUE(*written) << written->error().describe();
  EXPECT_EQ((*written)->text, "You said: a b c d e f g h i j k l m n o p");
  EXPECT_EQ((*written)->model, "toy2");
}

TEST_F(MakingWayTest, what_a_contract_says_is_not_tried_again_at_a_change) {
  open();
  ASSERT_TRUE(ask("x"));
  auto models = Models::open((folder / "models").string());
  ASSERT_TRUE(models);
  ASSERT_TRUE(check_model(options(), **models, *engines, "toy2", CheckDepth::quick, {}, {}));
  const int before = journal_count("chat");
  ASSERT_TRUE(engines->use(Role::chat, "toy2"));
  EXPECT_EQ(journal_count("chat"), before);
  EXPECT_EQ(journal_count("piece 1"), 1);
  EXPECT_EQ(ask("y")->model, "toy2");
  // Another file under the same name is another model.
  write_file(folder / "models/toy.gguf", tiny_model_gguf("toy") + "another");
  ASSERT_TRUE(engines->use(Role::chat, "toy"));
  EXPECT_EQ(journal_count("chat"), before + 2);
}

TEST_F(MakingWayTest, a_model_added_to_the_shared_catalogue_can_be_used_at_once) {
  EngineOptions with = options();
  auto models = Models::open(with.models_folder);
  ASSERT_TRUE(models);
  with.models = std::move(*models);
  open(with);
  write_file(folder / "Fresh.gguf", tiny_model_gguf("toy") + "yy");
  const auto added = with.models->add(folder / "Fresh.gguf");
  ASSERT_TRUE(added) << added.error().describe();
  ASSERT_TRUE(engines->use(Role::chat, added->name));
  EXPECT_EQ(ask("x")->model, added->name);
}

}  // namespace
}  // namespace lar::engine
