// Engines against tests/engines/scripted_engine.py passed off as llama-server: everything that can
// go wrong with an engine process, and one smoke with a real engine and a real small model where
// both lie.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/clock.h"
#include "engine/engine.h"
#include "engine/engine_client.h"
#include "engine/engine_host.h"
#include "engine/models.h"
#include "engine/test_engines.h"
#include "engine/test_gguf.h"
#include "os/file.h"
#include "os/process.h"

namespace lar::engine {
namespace {
bool process_is_gone(pid_t pid) {
  const auto deadline = base::steady_now() + 5 * base::one_second;
  while (base::steady_now() < deadline) {
    const auto stat = os::read_file("/proc/" + std::to_string(pid) + "/stat", 4096);
    if (!stat || stat->find(") Z ") != std::string::npos) return true;
    std::this_thread::sleep_for(5ms);
  }
  return false;
}

TEST_F(EnginesTest, an_engine_starts_when_it_is_first_asked_and_streams_its_answer) {
  open();
  EXPECT_EQ(status_of(Role::chat).state, EngineState::stopped);
  EXPECT_EQ(journal_count("start"), 0);
  ChatRequest request;
  request.messages = {{"system", "be brief"}, {"user", "one two three"}};
  std::string streamed;
  int pieces = 0;
  const auto result = engines->chat(Role::chat, request,
                                    [&](std::string_view piece) {
                                      streamed += piece;
                                      ++pieces;
                                    },
                                    {});
  ASSERT_TRUE(result) << result.error().describe();
  EXPECT_EQ(result->text, "You said: one two three");
  EXPECT_EQ(streamed, result->text);
  EXPECT_EQ(pieces, 5);
  EXPECT_FALSE(result->truncated);
  EXPECT_EQ(result->model, "toy");
  EXPECT_EQ(result->prompt_tokens, 5);
  EXPECT_EQ(result->completion_tokens, 5);
  EXPECT_GT(result->first_token_ms, 0);
  EXPECT_GE(result->total_ms, result->first_token_ms);
  const EngineStatus status = status_of(Role::chat);
  EXPECT_EQ(status.state, EngineState::ready);
  EXPECT_GT(status.pid, 0);
  EXPECT_GT(status.memory_bytes, 0);
  EXPECT_EQ(status.context, 4096);
  const auto again = engines->chat(Role::chat, request, {}, {});
  ASSERT_TRUE(again);
  EXPECT_EQ(again->cached_tokens, 5);
  EXPECT_EQ(journal_count("start"), 1);
}

TEST_F(EnginesTest, max_tokens_cuts_and_says_so) {
  open();
  ChatRequest request;
  request.messages = {{"user", "one two three"}};
  request.max_tokens = 2;
  const auto result = engines->chat(Role::chat, request, {}, {});
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->truncated);
  EXPECT_EQ(result->text, "You said:");
}

TEST_F(EnginesTest, many_callers_share_one_start_and_all_get_their_own_answer) {
  script("slow-start --delay 0.3");
  open();
  std::vector<std::jthread> callers;
  std::atomic<int> right = 0;
  for (int caller = 0; caller < 8; ++caller) {
    callers.emplace_back([&, caller] {
      const auto result = ask("number " + std::to_string(caller));
      if (result && result->text == "You said: number " + std::to_string(caller)) ++right;
    });
  }
  callers.clear();
  EXPECT_EQ(right, 8);
  EXPECT_EQ(journal_count("start"), 1);
}

TEST_F(EnginesTest, an_engine_that_dies_before_a_word_is_started_again_and_asked_once_more) {
  script("die-early,once");
  open();
  const auto result = ask("still there");
  ASSERT_TRUE(result) << result.error().describe();
  EXPECT_EQ(result->text, "You said: still there");
  EXPECT_EQ(journal_count("start"), 2);
}

TEST_F(EnginesTest, an_engine_that_dies_mid_answer_is_an_error_and_the_next_question_works) {
  script("die,once");
  open();
  std::string streamed;
  ChatRequest request;
  request.messages = {{"user", "a b c"}};
  const auto result =
      engines->chat(Role::chat, request, [&](std::string_view piece) { streamed += piece; }, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, "engine.died");
  EXPECT_EQ(streamed, "You");
  EXPECT_EQ(status_of(Role::chat).state, EngineState::failed);
  const auto next = ask("again");
  ASSERT_TRUE(next) << next.error().describe();
  EXPECT_EQ(journal_count("start"), 2);
}

TEST_F(EnginesTest, an_engine_that_always_dies_is_started_more_and_more_slowly) {
  script("die-early");
  open();
  const auto begun = base::steady_now();
  const auto first = ask("x");  // start, die, 0.25 s, start, die
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().code, "engine.died");
  EXPECT_EQ(journal_count("start"), 2);
  EXPECT_GE(base::steady_now() - begun, 250'000);
  const auto second_begun = base::steady_now();
  EXPECT_FALSE(ask("x"));  // 0.5 s, start, die, 1 s, start, die
  EXPECT_GE(base::steady_now() - second_begun, 1'500'000);
  EXPECT_EQ(journal_count("start"), 4);
}

TEST_F(EnginesTest, an_engine_that_does_not_start_says_where_its_log_is_and_is_not_hammered) {
  script("refuse");
  open();
  const auto result = ask("x");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, "engine.start_failed");
  std::string log;
  for (const auto& [name, value] : result.error().parameters) {
    if (name == "log") log = value;
  }
  const auto text = os::read_file(log);
  ASSERT_TRUE(text);
  EXPECT_NE(text->find("refused to start, as told"), std::string::npos);
  EXPECT_NE(result.error().describe().find("refused to start"), std::string::npos);
  const auto begun = base::steady_now();
  EXPECT_EQ(ask("x").error().code, "engine.start_failed");
  EXPECT_LT(base::steady_now() - begun, 200'000) << "the same error at once, without another start";
  script("normal");
  std::this_thread::sleep_for(300ms);  // the back-off itself
  EXPECT_TRUE(ask("x"));
}

TEST_F(EnginesTest, an_engine_that_never_gets_ready_fails_after_its_limit) {
  script("deaf");
  EngineOptions with = options();
  with.start_limit = 400ms;
  open(with);
  const auto result = ask("x");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, "engine.start_failed");
  EXPECT_EQ(status_of(Role::chat).pid, 0);
}

TEST_F(EnginesTest, a_silent_engine_times_out_and_is_replaced) {
  script("hang,once");
  EngineOptions with = options();
  with.silence_limit = 200ms;
  open(with);
  const auto result = ask("x");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, "engine.timeout");
  const auto next = ask("y");
  ASSERT_TRUE(next) << next.error().describe();
  EXPECT_EQ(journal_count("start"), 2);
}

// llama-server's HTTP thread sends comments whatever its model does.
TEST_F(EnginesTest, an_engine_that_sends_only_comments_has_hung) {
  script("hang-ping,once --delay 0.05");
  EngineOptions with = options();
  with.silence_limit = 300ms;
  open(with);
  const auto result = ask("x");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, "engine.timeout");
  ASSERT_TRUE(ask("y"));
  EXPECT_EQ(journal_count("start"), 2);
}

TEST_F(EnginesTest, a_stream_of_comments_for_another_program_is_ended_too) {
  script("hang-ping,once --delay 0.05");
  EngineOptions with = options();
  with.silence_limit = 300ms;
  open(with);
  RawRequest request;
  request.path = "/v1/chat/completions";
  request.body = R"({"messages":[{"role":"user","content":"a b"}],"stream":true})";
  request.answer = RawRequest::Answer::streamed;
  const auto ended = engines->forward(
      Role::chat, request, [](const RawHead&) {}, [](std::string_view) { return true; }, {});
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, "engine.timeout");
  ASSERT_TRUE(ask("y")) << "the only place in the line is free again";
}

TEST_F(EnginesTest, a_stream_may_be_silent_for_long_while_the_engine_says_that_it_works) {
  script("think --delay 0.6");
  EngineOptions with = options();
  with.silence_limit = 200ms;
  open(with);
  const auto result = ask("x");
  ASSERT_TRUE(result) << result.error().describe();
  EXPECT_EQ(journal_count("start"), 1);
}

TEST_F(EnginesTest, a_stream_of_which_only_the_head_had_come_is_asked_for_once_more) {
  script("die-ping,once");
  open();
  RawRequest request;
  request.path = "/v1/chat/completions";
  request.body = R"({"messages":[{"role":"user","content":"a b"}],"stream":true})";
  request.answer = RawRequest::Answer::streamed;
  int heads = 0;
  std::string bytes;
  const auto done = engines->forward(
      Role::chat, request, [&](const RawHead& head) { heads += head.status == 200 ? 1 : 100; },
      [&](std::string_view piece) {
        bytes += piece;
        return true;
      },
      {});
  ASSERT_TRUE(done) << done.error().describe();
  EXPECT_EQ(heads, 1);
  EXPECT_TRUE(bytes.starts_with(":\n\n")) << "a client that waits is kept waiting";
  EXPECT_NE(bytes.find("You"), std::string::npos);
  EXPECT_EQ(journal_count("start"), 2);
}

TEST(Utterance, comments_say_nothing_however_they_are_cut) {
  Utterance said;
  EXPECT_FALSE(said.feed(":"));
  EXPECT_FALSE(said.can_begin_anew()) << "what followed would be part of the comment";
  EXPECT_FALSE(said.feed(" data: x\r\n\n"));
  EXPECT_TRUE(said.can_begin_anew());
  EXPECT_TRUE(said.feed(":\n\nd"));
  EXPECT_FALSE(said.can_begin_anew());
  EXPECT_TRUE(said.feed("ata: y\n"));
}

TEST_F(EnginesTest, a_stopped_call_returns_at_once_and_the_engine_stops_working_on_it) {
  script("hang-mid");
  open();
  std::stop_source stop;
  std::atomic<base::Microseconds> asked = 0;
  ChatRequest request;
  request.messages = {{"user", "a b c"}};
  const auto result = engines->chat(
      Role::chat, request,
      [&](std::string_view) {
        asked = base::steady_now();
        stop.request_stop();
      },
      stop.get_token());
  const auto took = base::steady_now() - asked;
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, "cancelled");
  EXPECT_LT(took, 50'000);
  EXPECT_TRUE(journal_reaches("cancelled", 1));
  EXPECT_EQ(status_of(Role::chat).state, EngineState::ready) << "the engine itself goes on";
}

TEST_F(EnginesTest, a_call_stopped_while_the_engine_starts_or_another_call_runs_returns_at_once) {
  script("slow-start,hang-mid --delay 0.5");
  open();
  std::stop_source early;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(50ms);
    early.request_stop();
  });
  const auto begun = base::steady_now();
  EXPECT_EQ(ask("x", early.get_token()).error().code, "cancelled");
  EXPECT_LT(base::steady_now() - begun, 300'000);
  std::stop_source long_call, waiting;
  std::jthread busy([&] { (void)ask("a b c", long_call.get_token()); });
  ASSERT_TRUE(journal_reaches("chat", 1));
  std::jthread second_stopper([&] {
    std::this_thread::sleep_for(50ms);
    waiting.request_stop();
  });
  EXPECT_EQ(ask("queued", waiting.get_token()).error().code, "cancelled");
  EXPECT_EQ(journal_count("chat"), 1) << "the second never reached the engine";
  long_call.request_stop();
}

TEST_F(EnginesTest, once_closed_no_call_starts_an_engine_again) {
  script("slow --delay 0.5");
  open();
  ASSERT_TRUE(ask("x"));
  std::jthread under_way([&] { EXPECT_EQ(ask("a b c d e f").error().code, "cancelled"); });
  ASSERT_TRUE(journal_reaches("chat", 2));
  engines->close();
  under_way.join();
  EXPECT_EQ(ask("y").error().code, "cancelled");
  // This one has no way to be told to stop.
  EXPECT_EQ(engines->count_tokens(Role::chat, "y").error().code, "cancelled");
  EXPECT_EQ(journal_count("start"), 1);
}

TEST_F(EnginesTest, nonsense_and_refusals_become_errors_without_private_text) {
  script("garbage");
  open();
  EXPECT_EQ(ask("x").error().code, "engine.bad_answer");
  script("error500");
  engines->stop_all();
  const auto refused = ask("x");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "engine.bad_answer");
  EXPECT_EQ(refused.error().describe().find("private"), std::string::npos);
}

TEST_F(EnginesTest, a_prompt_beyond_the_context_says_how_much_is_too_much) {
  open();
  std::string text;
  for (int word = 0; word < 5000; ++word) text += "w ";
  const auto result = ask(text);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().describe(),
            "engine.context_exceeded{role=chat, needed=5000, limit=4096}");
}

TEST_F(EnginesTest, a_schema_is_kept_to_and_an_engine_that_ignores_it_is_refused) {
  open();
  ChatRequest request;
  request.messages = {{"user", "hello"}};
  request.json_schema =
      R"({"type":"object","properties":{"known":{"type":"boolean"}},"required":["known"]})";
  const auto obedient = engines->chat(Role::chat, request, {}, {});
  ASSERT_TRUE(obedient) << obedient.error().describe();
  EXPECT_EQ(obedient->text, "{\"known\": false}");
  engines->stop_all();
  script("ignore-grammar");
  EXPECT_EQ(engines->chat(Role::chat, request, {}, {}).error().code, "engine.ignores_grammar");
  EXPECT_EQ(engines->use(Role::chat, "toy2").error().code, "engine.ignores_grammar");
  EXPECT_EQ(status_of(Role::chat).model, "toy") << "the old binding is back";
  EXPECT_NE(os::read_file(folder / "home/roles.toml")->find("\"toy\""), std::string::npos);
}

TEST_F(EnginesTest, engines_end_in_order_when_lar_does_and_leave_nothing) {
  open();
  ASSERT_TRUE(ask("x"));
  const pid_t pid = status_of(Role::chat).pid;
  EXPECT_TRUE(fs::exists(folder / "home/run/chat.json"));
  engines.reset();
  EXPECT_EQ(journal_count("stop"), 1);
  EXPECT_TRUE(process_is_gone(pid));
  EXPECT_FALSE(fs::exists(folder / "home/run/chat.json"));
  EXPECT_FALSE(fs::exists(folder / "home/run/chat.sock"));
}

TEST_F(EnginesTest, an_engine_that_will_not_stop_is_killed_after_a_grace) {
  script("stubborn");
  open();
  ASSERT_TRUE(ask("x"));
  const pid_t pid = status_of(Role::chat).pid;
  const auto begun = base::steady_now();
  engines->stop_all();
  EXPECT_TRUE(process_is_gone(pid));
  EXPECT_LT(base::steady_now() - begun, 6 * base::one_second);
  EXPECT_EQ(status_of(Role::chat).state, EngineState::stopped);
}

TEST_F(EnginesTest, an_idle_engine_is_stopped_and_starts_again_when_asked) {
  EngineOptions with = options();
  with.idle_limit = 100ms;
  open(with);
  ASSERT_TRUE(ask("x"));
  EXPECT_TRUE(journal_reaches("stop", 1));
  ASSERT_TRUE(ask("y"));
  EXPECT_EQ(journal_count("start"), 2);
}

TEST_F(EnginesTest, a_stale_socket_is_no_hindrance) {
  fs::create_directories(folder / "home/run");
  write_file(folder / "home/run/chat.sock", "");
  open();
  EXPECT_TRUE(ask("x"));
}

TEST_F(EnginesTest, a_flag_the_engine_does_not_know_is_left_out) {
  script("flag");
  open();
  const auto result = ask("x");
  ASSERT_TRUE(result) << result.error().describe();
  EXPECT_EQ(journal_count("start"), 1);
}

TEST_F(EnginesTest, a_home_with_a_very_long_path_gets_its_sockets_elsewhere) {
  EngineOptions with = options();
  with.home = (folder / std::string(90, 'h') / std::string(90, 'h')).string();
  fs::create_directories(with.home);
  write_file(with.home + "/roles.toml", "chat = \"toy\"\n");
  open(with);
  const auto result = ask("x");
  EXPECT_TRUE(result) << result.error().describe();
  EXPECT_FALSE(fs::exists(with.home + "/run/chat.sock"));
}

TEST_F(EnginesTest, what_a_crashed_lar_left_is_ended_and_other_processes_are_not) {
  const std::string socket = folder / "home/run/chat.sock";
  fs::create_directories(folder / "home/run");
  const auto stray = [&](const std::string& argument) {
    const pid_t pid = fork();
    if (pid == 0) {
      execl("/bin/sh", "sh", "-c", "while :; do sleep 1; done", argument.c_str(), nullptr);
      _exit(1);
    }
    // The command line is the engine's only once exec has happened.
    while (os::read_file("/proc/" + std::to_string(pid) + "/cmdline", 65536)->find(argument) ==
           std::string::npos) {
      std::this_thread::yield();
    }
    return pid;
  };
  const auto note = [&](const std::string& name, pid_t pid, std::uint64_t start_time) {
    write_file(folder / "home/run" / name, nlohmann::json{{"pid", pid},
                                                          {"start_time", start_time},
                                                          {"owner", 1 << 30},
                                                          {"owner_start_time", 1},
                                                          {"socket", socket}}
                                               .dump());
  };
  const pid_t leftover = stray(socket);
  const pid_t reused = stray(socket);
  const pid_t stranger = stray("somebody-else");
  note("chat.json", leftover, os::process_start_time(leftover).value());
  note("embed.json", reused, os::process_start_time(reused).value() + 1);
  note("fast.json", stranger, os::process_start_time(stranger).value());
  write_file(folder / "home/run/broken.json", "{\"pid\":");
  open();
  EXPECT_TRUE(process_is_gone(leftover));
  EXPECT_EQ(kill(reused, 0), 0);
  EXPECT_EQ(kill(stranger, 0), 0);
  EXPECT_FALSE(fs::exists(folder / "home/run/chat.json"));
  for (const pid_t pid : {leftover, reused, stranger}) {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }
}

// Run by the test below in a process of its own: starts an engine and waits to be killed.
TEST(EnginesChild, DISABLED_holds_an_engine_until_killed) {
  EngineOptions options;
  options.home = getenv("LAR_TEST_HOME");
  options.models_folder = getenv("LAR_TEST_MODELS");
  options.server_program = getenv("LAR_TEST_SERVER");
  auto engines = Engines::open(options);
  ASSERT_TRUE(engines);
  ChatRequest request;
  request.messages = {{"user", "x"}};
  ASSERT_TRUE((*engines)->chat(Role::chat, request, {}, {}));
  std::ofstream(std::string(getenv("LAR_TEST_HOME")) + "/up") << "up";
  pause();
}

TEST_F(EnginesTest, kill_nine_of_lar_takes_its_engine_along_and_the_next_lar_starts_clean) {
  os::ProcessOptions child;
  child.arguments = {os::program_path(), "--gtest_also_run_disabled_tests",
                     "--gtest_filter=EnginesChild.*"};
  child.environment = {"LAR_TEST_HOME=" + (folder / "home").string(),
                       "LAR_TEST_MODELS=" + (folder / "models").string(),
                       "LAR_TEST_SERVER=" + (folder / "llama-server").string(),
                       std::string("PATH=") + getenv("PATH")};
  auto parent = os::Process::start(child);
  ASSERT_TRUE(parent);
  const auto deadline = base::steady_now() + 20 * base::one_second;
  while (!fs::exists(folder / "home/up") && base::steady_now() < deadline)
    std::this_thread::sleep_for(10ms);
  ASSERT_TRUE(fs::exists(folder / "home/up"));
  const auto note = nlohmann::json::parse(*os::read_file(folder / "home/run/chat.json"));
  const auto engine = note["pid"].get<pid_t>();
  ASSERT_EQ(kill(engine, 0), 0);
  kill(parent->pid(), SIGKILL);
  EXPECT_TRUE(parent->wait_for(5s));
  EXPECT_TRUE(process_is_gone(engine));
  open();
  EXPECT_TRUE(ask("x"));
}

TEST_F(EnginesTest, an_engine_has_no_network) {
  // Its own network namespace holds no address but an idle loopback; or sockets are refused it.
  open();
  ASSERT_TRUE(ask("x"));
  const std::string proc = "/proc/" + std::to_string(status_of(Role::chat).pid);
  std::error_code ignored;
  const auto its = fs::read_symlink(proc + "/ns/net", ignored);
  const auto ours = fs::read_symlink("/proc/self/ns/net", ignored);
  const auto facts = os::read_file(proc + "/status");
  ASSERT_TRUE(facts);
  EXPECT_TRUE(its != ours || facts->find("Seccomp:\t2") != std::string::npos);
}

TEST_F(EnginesTest, embeddings_are_cut_to_their_dimensions_normalised_and_in_order) {
  open();
  std::vector<EmbedText> texts;
  for (int index = 0; index < 21; ++index)
    texts.push_back({"", "text number " + std::to_string(index)});
  const auto vectors = engines->embed(EmbedKind::document, texts, {});
  ASSERT_TRUE(vectors) << vectors.error().describe();
  ASSERT_EQ(vectors->size(), 21u);
  for (const auto& vector : *vectors) {
    ASSERT_EQ(vector.size(), 64u);
    double sum = 0;
    for (const float value : vector) sum += value * value;
    EXPECT_NEAR(sum, 1.0, 1e-5);
  }
  const auto alone = engines->embed(EmbedKind::document, {texts[20]}, {});
  ASSERT_TRUE(alone);
  EXPECT_EQ((*alone)[0], (*vectors)[20]);
  EXPECT_NE((*vectors)[0], (*vectors)[1]);
  // The prompts are the model's own: a query reads "find …", an untitled document "in nothing
  // stands …".
  const auto query =
      engines->embed(EmbedKind::query, {{"", "in nothing stands text number 3"}}, {});
  const auto titled = engines->embed(EmbedKind::document, {{"a {text}", "text number 3"}}, {});
  ASSERT_TRUE(query && titled);
  EXPECT_NE((*query)[0], (*vectors)[3]);
  EXPECT_NE((*titled)[0], (*vectors)[3]);
  const auto sorted = engines->embed(EmbedKind::classification, {{"a {text}", "number 3"}}, {});
  const auto put = engines->embed(EmbedKind::classification, {{"another", "number 3"}}, {});
  ASSERT_TRUE(sorted && put);
  EXPECT_EQ((*sorted)[0].size(), 768u) << "what is learnt from may have all the numbers";
  EXPECT_NE((*sorted)[0], (*put)[0]);
  EXPECT_EQ(engines->embed_space(), "toy-embed/64");
}

TEST_F(EnginesTest, texts_too_long_for_the_engine_are_cut_and_counted) {
  open();
  std::string text;
  for (int word = 0; word < 3000; ++word) text += "w ";  // 6,000 bytes, 3,000 tokens here
  const auto vectors = engines->embed(EmbedKind::document, {{"", "short"}, {"", text}}, {});
  ASSERT_TRUE(vectors) << vectors.error().describe();
  EXPECT_EQ(vectors->size(), 2u);
  EXPECT_EQ(status_of(Role::embed).cut_texts, 1);
}

TEST_F(EnginesTest, an_embedding_engine_that_dies_is_asked_again) {
  script("die-early,once");
  open();
  const auto vectors = engines->embed(EmbedKind::document, {{"", "a"}}, {});
  ASSERT_TRUE(vectors) << vectors.error().describe();
  EXPECT_EQ(journal_count("start"), 2);
}

TEST_F(EnginesTest, tokens_are_counted_by_the_engine) {
  open();
  const auto tokens = engines->count_tokens(Role::chat, "one two three");
  ASSERT_TRUE(tokens);
  EXPECT_EQ(*tokens, 3);
}

TEST_F(EnginesTest, roles_without_a_model_and_models_that_are_not_there_are_named) {
  write_file(folder / "home/roles.toml", "chat = \"gone\"\n");
  open();
  EXPECT_EQ(ask("x").error().code, "model.not_installed");
  EXPECT_EQ(engines->embed(EmbedKind::query, {{"", "x"}}, {}).error().code, "role.unbound");
  EXPECT_EQ(engines->use(Role::chat, "nobody").error().code, "model.unknown");
  EXPECT_EQ(engines->use(Role::chat, "toy-embed").error().code, "model.wrong_role");
  EXPECT_EQ(engines->use(Role::chat, "short").error().code, "gguf.truncated");
  EXPECT_EQ(engines->use(Role::image, "toy").error().code, "role.not_served");
  write_file(folder / "models/gone.gguf", tiny_model_gguf("toy"));
  EXPECT_TRUE(ask("x")) << "what was missing is found without a restart";
}

TEST_F(EnginesTest, a_malformed_roles_file_names_its_line) {
  write_file(folder / "home/roles.toml", "chat = \"toy\"\nembed = \n");
  EXPECT_EQ(Engines::open(options()).error().code, "toml.malformed");
  write_file(folder / "home/roles.toml", "chat = \"toy\"\ncook = \"toy\"\n");
  const auto unknown = Engines::open(options());
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().describe().find("line=2"), std::string::npos);
}

TEST_F(EnginesTest, a_change_of_model_drops_no_call_and_is_remembered) {
  script("slow --delay 0.02");
  open();
  ASSERT_TRUE(ask("x"));
  std::atomic<int> good = 0;
  std::vector<std::jthread> callers;
  for (int caller = 0; caller < 6; ++caller) {
    callers.emplace_back([&] {
      if (ask("a b c d e")) ++good;
    });
  }
  ASSERT_TRUE(journal_reaches("chat", 2));
  const auto used = engines->use(Role::chat, "toy2");
  ASSERT_TRUE(used) << used.error().describe();
  callers.clear();
  EXPECT_EQ(good, 6);
  EXPECT_EQ(status_of(Role::chat).model, "toy2");
  open();
  EXPECT_EQ(status_of(Role::chat).model, "toy2");
  EXPECT_EQ(status_of(Role::embed).model, "toy-embed");
}

TEST_F(EnginesTest, fast_without_a_model_of_its_own_is_answered_by_chat) {
  open();
  ChatRequest request;
  request.messages = {{"user", "x"}};
  EXPECT_TRUE(engines->chat(Role::fast, request, {}, {}));
  EXPECT_TRUE(engines->use(Role::fast, "toy"));
  EXPECT_TRUE(engines->chat(Role::fast, request, {}, {}));
  EXPECT_EQ(journal_count("start"), 1) << "one engine serves both";
  ASSERT_TRUE(engines->use(Role::fast, "toy2"));
  EXPECT_EQ(engines->chat(Role::fast, request, {}, {})->model, "toy2");
  EXPECT_EQ(journal_count("start"), 2);
}

TEST_F(EnginesTest, defaults_bind_the_first_installed_model_of_each_role) {
  fs::remove(folder / "home/roles.toml");
  fs::remove(folder / "models/toy.gguf");
  open();
  ASSERT_TRUE(engines->bind_defaults());
  EXPECT_EQ(status_of(Role::chat).model, "toy2");
  EXPECT_EQ(status_of(Role::embed).model, "toy-embed");
  EXPECT_EQ(journal_count("start"), 0) << "binding starts nothing";
}

TEST_F(EnginesTest, an_engine_of_the_owners_is_used_and_not_started) {
  os::ProcessOptions server;
  const std::string socket = folder / "own.sock";
  server.arguments = {folder / "llama-server", "--host", socket, "-c", "1234"};
  server.environment = {std::string("PATH=") + getenv("PATH")};
  auto process = os::Process::start(server);
  ASSERT_TRUE(process);
  ASSERT_TRUE(journal_reaches("start", 1));
  const auto deadline = base::steady_now() + 10 * base::one_second;
  while (!fs::exists(socket) && base::steady_now() < deadline) std::this_thread::sleep_for(5ms);
  open();
  const auto used = engines->use(Role::chat, "unix:" + socket);
  ASSERT_TRUE(used) << used.error().describe();
  EXPECT_EQ(ask("x")->text, "You said: x");
  EXPECT_EQ(engines->context_tokens(Role::chat), 1234);
  EXPECT_EQ(journal_count("start"), 1);
  process->stop(2s);
  EXPECT_EQ(ask("x").error().code, "engine.unreachable");
  EXPECT_EQ(engines->use(Role::chat, "http://192.0.2.1:80").error().code, "engine.unreachable");
  EXPECT_EQ(status_of(Role::chat).model, "unix:" + socket);
}

TEST_F(EnginesTest, a_server_of_the_owners_works_on_as_many_calls_at_once_as_it_says) {
  script("slow --delay 0.2");
  os::ProcessOptions server;
  const std::string socket = folder / "own.sock";
  server.arguments = {folder / "llama-server", "--host", socket, "-np", "3"};
  server.environment = {std::string("PATH=") + getenv("PATH")};
  auto process = os::Process::start(server);
  ASSERT_TRUE(process);
  const auto deadline = base::steady_now() + 10 * base::one_second;
  while (!fs::exists(socket) && base::steady_now() < deadline) std::this_thread::sleep_for(5ms);
  write_file(folder / "home/roles.toml", "chat = \"unix:" + socket + "\"\n");
  const auto most_at_once = [&] {
    open();
    EXPECT_TRUE(ask("x")) << "with it lar learns what the server takes";
    std::vector<std::jthread> callers;
    for (int caller = 0; caller < 5; ++caller) {
      callers.emplace_back([&] { EXPECT_TRUE(ask("a b c d")); });
    }
    long most = 0;
    for (int look = 0; look < 60; ++look) {
      const auto calls = status_of(Role::chat).calls;
      most = std::max<long>(most, std::count_if(calls.begin(), calls.end(), [](const auto& call) {
                              return call.position == 0;
                            }));
      std::this_thread::sleep_for(10ms);
    }
    return most;
  };
  EXPECT_EQ(most_at_once(), 3);
  write_file(folder / "home/engines.toml", "parallel = 2\n");
  EXPECT_EQ(most_at_once(), 2) << "the owner knows better";
  engines.reset();
  process->stop(2s);
}

// ---- who waits for whom ----

class EnginesInTurns : public EnginesTest {
 protected:
  static ChatRequest background(const std::string& text) {
    ChatRequest request;
    request.messages = {{"user", text}};
    request.caller.urgency = Urgency::background;
    return request;
  }
  // Lines of the journal that begin with one of these words.
  std::vector<std::string> journal(const std::vector<std::string>& words) {
    std::ifstream file(folder / "journal");
    std::vector<std::string> found;
    for (std::string line; std::getline(file, line);) {
      for (const std::string& word : words) {
        if (line == word || line.starts_with(word + " ")) found.push_back(line);
      }
    }
    return found;
  }
};

TEST_F(EnginesInTurns, what_runs_in_the_background_stops_for_a_person_and_goes_on_where_it_was) {
  script("slow --delay 0.03");
  open();
  std::optional<base::Result<ChatResult>> written;
  std::atomic<bool> is_written = false;
  std::string heard;
  std::jthread writer([&] {
    written = engines->chat(Role::chat, background("a b c d e f g h i j"),
                            [&](std::string_view piece) { heard += piece; }, {});
    is_written = true;
  });
  ASSERT_TRUE(journal_reaches("word", 2));
  const auto answer = ask("quick");
  ASSERT_TRUE(answer) << answer.error().describe();
  EXPECT_FALSE(is_written) << "the person was answered in between";
  writer.join();
  ASSERT_TRUE(*written) << written->error().describe();
  EXPECT_EQ((*written)->text, "You said: a b c d e f g h i j");
  EXPECT_EQ((*written)->completion_tokens, 12);
  EXPECT_EQ(heard, (*written)->text);
  const auto lines = journal({"completion", "chat"});
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0], "completion 0");
  EXPECT_EQ(lines[1], "chat");
  EXPECT_TRUE(lines[2].starts_with("completion ")) << lines[2];
  EXPECT_NE(lines[2], "completion 0") << "what had been said is not made again";
}

TEST_F(EnginesInTurns, a_form_that_cannot_be_taken_up_in_its_middle_is_made_from_its_beginning) {
  for (const std::string& mode : {std::string("slow"), std::string("slow,goes-on")}) {
    fs::remove(folder / "journal");
    script(mode + " --delay 0.03");
    open();
    ChatRequest request = background("x");
    request.json_schema =
        R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"},"c":{"type":"integer"},"d":{"type":"integer"}}})";
    std::optional<base::Result<ChatResult>> written;
    std::jthread writer([&] { written = engines->chat(Role::chat, request, {}, {}); });
    ASSERT_TRUE(journal_reaches("word", 2));
    ASSERT_TRUE(ask("quick"));
    writer.join();
    ASSERT_TRUE(*written) << written->error().describe();
    EXPECT_EQ((*written)->text, R"({"a": 0, "b": 0, "c": 0, "d": 0})") << mode;
    // The trial of the form comes first.
    const auto lines = journal({"completion"});
    ASSERT_EQ(lines.size(), 3u);
    EXPECT_EQ(lines.back() == "completion 0", mode == "slow") << lines.back();
  }
}

TEST_F(EnginesInTurns, an_engine_without_such_routes_is_asked_anew) {
  script("slow,plain --delay 0.03");
  open();
  std::optional<base::Result<ChatResult>> written;
  std::jthread writer(
      [&] { written = engines->chat(Role::chat, background("a b c d e f"), {}, {}); });
  ASSERT_TRUE(journal_reaches("chat", 1));
  ASSERT_TRUE(ask("quick"));
  writer.join();
  ASSERT_TRUE(*written) << written->error().describe();
  EXPECT_EQ((*written)->text, "You said: a b c d e f");
  EXPECT_EQ(journal_count("chat"), 3);
}

TEST_F(EnginesInTurns, a_long_prompt_is_read_in_pieces_that_hold_up_a_person_for_a_quarter_second) {
  constexpr int words_per_second = 200;
  script("normal --prompt-cost 0.005");
  open();
  std::string text;
  for (int word = 0; word < 250; ++word) text += "w" + std::to_string(word) + " ";
  const auto written = engines->chat(Role::chat, background(text), {}, {});
  ASSERT_TRUE(written) << written.error().describe();
  const auto pieces = journal({"piece"});
  ASSERT_GE(pieces.size(), 4u);
  int before = 0;
  for (const std::string& line : pieces) {
    const int reached = std::atoi(line.c_str() + 6);
    EXPECT_GT(reached, before);
    EXPECT_LE(reached - before, words_per_second / 4) << line;
    EXPECT_TRUE(line.ends_with("slot 1")) << "the person's cache is left alone: " << line;
    before = reached;
  }
  EXPECT_GT(status_of(Role::chat).prompt_speed, 0);
}

TEST_F(EnginesInTurns, another_programs_background_call_is_made_again_and_given_whole) {
  script("slow --delay 0.03");
  open();
  RawRequest raw;
  raw.path = "/v1/chat/completions";
  raw.body = R"({"messages":[{"role":"user","content":"a b c d e f"}],"stream":true})";
  raw.answer = RawRequest::Answer::streamed;
  raw.caller = {Urgency::background, "import"};
  std::string bytes;
  int heads = 0, pieces = 0;
  std::optional<base::Status> done;
  std::jthread program([&] {
    done = engines->forward(
        Role::chat, raw, [&](const RawHead&) { ++heads; },
        [&](std::string_view piece) {
          bytes += piece;
          ++pieces;
          return true;
        },
        {});
  });
  ASSERT_TRUE(journal_reaches("chat", 1));
  ASSERT_TRUE(ask("quick"));
  program.join();
  ASSERT_TRUE(*done) << done->error().describe();
  EXPECT_EQ(heads, 1);
  EXPECT_EQ(pieces, 1);
  EXPECT_NE(bytes.find("[DONE]"), std::string::npos);
  EXPECT_EQ(bytes.find("You"), bytes.rfind("You")) << "nothing of the first try is left";
}

// Every interruption costs it all of its work: without a stretch in peace it would never end.
TEST_F(EnginesInTurns, another_programs_background_call_ends_though_people_ask_all_the_time) {
  script("slow --delay 0.05");
  open();
  RawRequest raw;
  raw.path = "/v1/chat/completions";
  raw.body = R"({"messages":[{"role":"user","content":"flexible b c d e f g h i j k l m n"}]})";
  raw.body.insert(1, R"("stream":true,)");
  raw.answer = RawRequest::Answer::streamed;
  raw.caller = {Urgency::background, "import"};
  std::atomic<bool> done = false;
  std::jthread program([&] {
    EXPECT_TRUE(engines->forward(
        Role::chat, raw, [](const RawHead&) {}, [](std::string_view) { return true; }, {}));
    done = true;
  });
  const auto begun = base::steady_now();
  int asked = 0;
  while (!done && base::steady_now() - begun < 20 * base::one_second) {
    std::this_thread::sleep_for(100ms);
    ASSERT_TRUE(ask("q"));
    ++asked;
  }
  EXPECT_TRUE(done);
  EXPECT_GE(asked, 3) << "it steps back at once as long as it is not interrupted all the time";
}

TEST_F(EnginesInTurns, another_programs_prompt_is_read_in_pieces_on_whatever_route_it_comes) {
  std::string text;
  for (int word = 0; word < 250; ++word) text += "w" + std::to_string(word) + " ";
  RawRequest raw;
  raw.caller = {Urgency::background, "import"};
  const auto pieces_of = [&] {
    fs::remove(folder / "journal");
    // The route itself may be unknown here: its prompt has been read by then.
    (void)engines->forward(
        Role::chat, raw, [](const RawHead&) {}, [](std::string_view) { return true; }, {});
    return journal({"piece"}).size();
  };
  script("normal --prompt-cost 0.002");
  open();
  raw.path = "/v1/messages";
  raw.body = R"({"max_tokens":4,"messages":[]})";
  raw.prompt = R"({"messages":[{"role":"user","content":")" + text + R"("}]})";
  EXPECT_GE(pieces_of(), 3u);
  raw.path = "/v1/completions";
  raw.body = R"({"prompt":"other )" + text + R"("})";
  raw.prompt.clear();
  EXPECT_GE(pieces_of(), 2u) << "larger ones, now that the speed is known";
}

TEST_F(EnginesInTurns, many_texts_of_another_program_are_embedded_a_few_at_a_time) {
  open();
  std::vector<std::string> texts;
  for (int text = 0; text < 20; ++text) texts.push_back("text number " + std::to_string(text));
  RawRequest raw;
  raw.path = "/v1/embeddings";
  const nlohmann::json body = {{"input", texts}, {"encoding_format", "base64"}};
  raw.body = body.dump();
  const auto vectors = [&](Urgency urgency) {
    raw.caller = {urgency, "import"};
    std::string bytes;
    const auto done = engines->forward(
        Role::embed, raw, [](const RawHead& head) { EXPECT_EQ(head.status, 200); },
        [&](std::string_view piece) {
          bytes += piece;
          return true;
        },
        {});
    EXPECT_TRUE(done) << done.error().describe();
    std::map<int, std::string> rows;
    const auto answer = nlohmann::json::parse(bytes, nullptr, false);
    for (const auto& row : answer["data"])
      rows[row["index"].get<int>()] = row["embedding"].get<std::string>();
    return rows;
  };
  const auto whole = vectors(Urgency::interactive);
  EXPECT_EQ(journal_count("embed 20"), 1);
  const auto in_parts = vectors(Urgency::background);
  EXPECT_EQ(journal_count("embed 20"), 1);
  EXPECT_GE(journal({"embed"}).size(), 4u);
  ASSERT_EQ(in_parts.size(), texts.size());
  EXPECT_EQ(in_parts, whole);
}

TEST_F(EnginesInTurns, where_too_many_wait_the_next_is_told_how_many_and_how_long) {
  script("hang-mid");
  EngineOptions with = options();
  with.most_waiting = 1;
  open(with);
  std::stop_source stop;
  std::jthread first([&] { (void)ask("a b", stop.get_token()); });
  ASSERT_TRUE(journal_reaches("chat", 1));
  std::jthread second([&] { (void)ask("c d", stop.get_token()); });
  const auto deadline = base::steady_now() + 5 * base::one_second;
  while (status_of(Role::chat).calls.size() < 2 && base::steady_now() < deadline) {
    std::this_thread::yield();
  }
  ASSERT_EQ(status_of(Role::chat).calls.size(), 2u);
  EXPECT_EQ(status_of(Role::chat).calls[1].position, 1);
  const auto refused = ask("e f");
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().describe().starts_with("engine.busy{role=chat, count=1, seconds="))
      << refused.error().describe();
  EXPECT_EQ(refused.error().retry, base::Retry::later);
  stop.request_stop();
}

TEST_F(EnginesInTurns, a_spent_budget_stops_the_background_and_no_person) {
  write_file(folder / "home/background.toml", "tokens_per_day = 5\n");
  open();
  ASSERT_TRUE(engines->chat(Role::chat, background("a b c"), {}, {}));
  EXPECT_GE(engines->background().used.tokens, 5);
  EXPECT_EQ(engines->chat(Role::chat, background("d"), {}, {}).error().code, "engine.over_budget");
  EXPECT_TRUE(ask("d"));
}

TEST_F(EnginesInTurns, an_engine_that_dies_under_background_work_is_started_again) {
  script("die-early,once");
  open();
  const auto written = engines->chat(Role::chat, background("a b c"), {}, {});
  ASSERT_TRUE(written) << written.error().describe();
  EXPECT_EQ(written->text, "You said: a b c");
}

// ---- one model takes over from another ----

TEST_F(EnginesTest, the_old_engine_answers_until_the_new_one_stands_beside_it) {
  open();
  ASSERT_TRUE(ask("x"));
  const pid_t old = status_of(Role::chat).pid;
  // For longer than calls wait for a new engine.
  script("slow-start --delay 4");
  std::atomic<bool> used = false;
  std::atomic<int> meanwhile = 0, failed = 0;
  std::vector<std::jthread> callers;
  for (int caller = 0; caller < 8; ++caller) {
    callers.emplace_back([&](std::stop_token stop) {
      while (!stop.stop_requested()) {
        const auto answer = ask("y");
        if (!answer) ++failed;
        if (answer && !used) ++meanwhile;
      }
    });
  }
  std::jthread swap([&] {
    EXPECT_TRUE(engines->use(Role::chat, "toy2"));
    used = true;
  });
  ASSERT_TRUE(journal_reaches("start", 2));
  const int before = meanwhile;
  swap.join();
  ASSERT_TRUE(journal_reaches("stop", 1));
  callers.clear();
  EXPECT_EQ(failed, 0);
  EXPECT_GT(meanwhile, before);
  EXPECT_EQ(ask("z")->model, "toy2");
  EXPECT_TRUE(process_is_gone(old));
  EXPECT_EQ(journal_count("start"), 2);
}

TEST_F(EnginesTest, without_memory_for_both_calls_are_held_and_none_fails) {
  EngineOptions with = options();
  with.memory_bytes = 1;
  open(with);
  ASSERT_TRUE(ask("x"));
  std::atomic<int> failed = 0, answered = 0;
  std::vector<std::jthread> callers;
  for (int caller = 0; caller < 8; ++caller) {
    callers.emplace_back([&](std::stop_token stop) {
      while (!stop.stop_requested()) ++(ask("y") ? answered : failed);
    });
  }
  for (const char* model : {"toy2", "toy", "toy2"}) {
    const auto used = engines->use(Role::chat, model);
    ASSERT_TRUE(used) << used.error().describe();
    EXPECT_EQ(ask("z")->model, model);
  }
  callers.clear();
  EXPECT_EQ(failed, 0);
  EXPECT_GT(answered, 0);
  std::ifstream file(folder / "journal");
  int running = 0;
  for (std::string line; std::getline(file, line);) {
    running += line.starts_with("start") ? 1 : line == "stop" ? -1 : 0;
    EXPECT_LE(running, 1) << "one at a time";
  }
}

TEST_F(EnginesTest, a_model_that_fails_its_trial_leaves_the_old_one_serving) {
  for (const std::int64_t memory : {std::int64_t{0}, std::int64_t{1}}) {
    script("normal");
    EngineOptions with = options();
    with.memory_bytes = memory;
    open(with);
    ASSERT_TRUE(ask("x"));
    script("ignore-grammar");
    std::atomic<int> failed = 0;
    std::vector<std::jthread> callers;
    for (int caller = 0; caller < 4; ++caller) {
      callers.emplace_back([&](std::stop_token stop) {
        while (!stop.stop_requested()) failed += ask("y") ? 0 : 1;
      });
    }
    EXPECT_EQ(engines->use(Role::chat, "toy2").error().code, "engine.ignores_grammar");
    callers.clear();
    EXPECT_EQ(failed, 0);
    EXPECT_EQ(ask("z")->model, "toy");
    EXPECT_NE(os::read_file(folder / "home/roles.toml")->find("\"toy\""), std::string::npos);
  }
}

TEST_F(EnginesTest, a_new_embedding_model_prepares_while_the_old_one_answers) {
  write_file(folder / "models/toy-embed2.gguf", tiny_model_gguf("bert") + "x");
  std::ofstream(folder / "models/models.toml", std::ios::app) << R"(
[[model]]
name = "toy-embed2"
roles = ["embed"]
file = "toy-embed2.gguf"
embed_dimensions = 32
)";
  open();
  const auto before = engines->embed(EmbedKind::query, {{"", "x"}}, {});
  ASSERT_TRUE(before);
  ASSERT_TRUE(engines->use(Role::embed, "toy-embed2"));
  EXPECT_EQ(engines->embed_space(), "toy-embed/64");
  EXPECT_EQ(engines->next_embed_space(), "toy-embed2/32");
  EXPECT_EQ(*engines->embed(EmbedKind::query, {{"", "x"}}, {}), *before);
  EXPECT_EQ(engines->embed_next({{"", "x"}}, {})->at(0).size(), 32u);
  open();  // the change goes on after a restart
  EXPECT_EQ(engines->next_embed_space(), "toy-embed2/32");
  ASSERT_TRUE(engines->embed_next({{"", "x"}}, {}));
  ASSERT_TRUE(engines->finish_embed_change());
  EXPECT_EQ(engines->embed_space(), "toy-embed2/32");
  EXPECT_EQ(engines->next_embed_space(), "");
  EXPECT_EQ(engines->embed(EmbedKind::query, {{"", "x"}}, {})->at(0).size(), 32u);
  open();
  EXPECT_EQ(engines->embed_space(), "toy-embed2/32");
  EXPECT_EQ(engines->next_embed_space(), "");
}

TEST_F(EnginesTest, going_back_to_the_old_embedding_model_gives_up_the_new_one) {
  write_file(folder / "models/toy-embed2.gguf", tiny_model_gguf("bert") + "x");
  std::ofstream(folder / "models/models.toml", std::ios::app) << R"(
[[model]]
name = "toy-embed2"
roles = ["embed"]
file = "toy-embed2.gguf"
)";
  open();
  ASSERT_TRUE(engines->use(Role::embed, "toy-embed2"));
  ASSERT_TRUE(engines->use(Role::embed, "toy-embed"));
  EXPECT_EQ(engines->next_embed_space(), "");
  EXPECT_EQ(engines->embed_space(), "toy-embed/64");
  EXPECT_FALSE(engines->embed_next({{"", "x"}}, {}));
}

// A real engine and the smallest real model, where both lie.
class EnginesReal : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* home = getenv("HOME");
    const char* named = getenv("LAR_MODELS");
    const std::string models =
        named != nullptr ? named : std::string(home != nullptr ? home : "") + "/.cache/lar/models";
    const std::string model = "smollm2-135m-instruct-q4_1";
    if (!fs::exists(models + "/" + model + ".gguf")) {
      GTEST_SKIP() << "no " << model << " in " << models;
    }
    folder = (fs::temp_directory_path() / "lar-engines-XXXXXX").string();
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    EngineOptions options;
    options.home = folder;
    options.models_folder = models;
    auto opened = Engines::open(options);
    ASSERT_TRUE(opened) << opened.error().describe();
    engines = std::move(*opened);
    const auto used = engines->use(Role::chat, model);
    if (!used && used.error().code == "engine.missing") GTEST_SKIP() << "no llama-server";
    ASSERT_TRUE(used) << used.error().describe();
  }
  void TearDown() override {
    engines.reset();
    if (!folder.empty()) fs::remove_all(folder);
  }
  // Does background work while a person asks again and again, and gives its result.
  base::Result<ChatResult> interrupted(ChatRequest request, int& answered) {
    request.caller.urgency = Urgency::background;
    std::atomic<bool> done = false;
    std::optional<base::Result<ChatResult>> result;
    std::jthread background([&] {
      result = engines->chat(Role::chat, request, {}, {});
      done = true;
    });
    ChatRequest quick;
    quick.messages = {{"user", "Say yes."}};
    quick.max_tokens = 2;
    answered = 0;
    for (int question = 0; question < 4 && !done; ++question) {
      std::this_thread::sleep_for(400ms);
      if (done) break;
      const auto answer = engines->chat(Role::chat, quick, {}, {});
      EXPECT_TRUE(answer) << answer.error().describe();
      ++answered;
    }
    background.join();
    return *result;
  }
  std::string folder;
  std::unique_ptr<Engines> engines;
};

TEST_F(EnginesReal, a_small_real_model_answers_in_the_form_it_is_given) {
  ChatRequest request;
  request.messages = {{"user", "Is the sky blue?"}};
  request.json_schema =
      R"({"type":"object","properties":{"yes":{"type":"boolean"}},"required":["yes"],"additionalProperties":false})";
  request.max_tokens = 40;
  const auto answer = engines->chat(Role::chat, request, {}, {});
  ASSERT_TRUE(answer) << answer.error().describe();
  const auto value = nlohmann::json::parse(answer->text, nullptr, false);
  EXPECT_TRUE(value.is_object() && value["yes"].is_boolean()) << answer->text;
  EXPECT_GT(answer->prompt_tokens, 5);
  const auto again = engines->chat(Role::chat, request, {}, {});
  ASSERT_TRUE(again);
  EXPECT_GT(again->cached_tokens, 5);
}

TEST_F(EnginesReal, a_real_engine_takes_up_a_form_in_its_middle_and_keeps_to_it) {
  ChatRequest request;
  request.messages = {{"user", "List forty numbers."}};
  request.json_schema =
      R"({"type":"object","properties":{"numbers":{"type":"array","items":{"type":"integer","minimum":1,"maximum":99},"minItems":40,"maxItems":40},"end":{"const":"fin"}},"required":["numbers","end"],"additionalProperties":false})";
  request.max_tokens = 400;
  int answered = 0;
  const auto result = interrupted(request, answered);
  ASSERT_TRUE(result) << result.error().describe();
  const auto value = nlohmann::json::parse(result->text, nullptr, false);
  ASSERT_TRUE(value.is_object()) << result->text;
  EXPECT_EQ(value["numbers"].size(), 40u);
  EXPECT_EQ(value["end"], "fin");
  EXPECT_GT(answered, 0) << "nothing was interrupted: the machine is too fast for this test";
}

TEST_F(EnginesReal, a_long_text_is_read_in_pieces_and_answered_once) {
  ChatRequest request;
  std::string text;
  for (int line = 0; line < 50; ++line) {
    text += "Line " + std::to_string(line) + " tells of a boat that left the harbour. ";
  }
  request.messages = {{"user", text + "What left the harbour?"}};
  request.max_tokens = 40;
  int answered = 0;
  const auto result = interrupted(request, answered);
  ASSERT_TRUE(result) << result.error().describe();
  EXPECT_FALSE(result->text.empty());
  EXPECT_GT(result->prompt_tokens, 500);
  EXPECT_LE(result->completion_tokens, 40);
  EXPECT_GT(result->cached_tokens, 200) << "the pieces read before are not read again";
  for (const EngineStatus& status : engines->status()) {
    EXPECT_TRUE(status.role != Role::chat || status.prompt_speed > 0);
  }
  EXPECT_GT(answered, 0);
}

}  // namespace
}  // namespace lar::engine
