// The API for other programs over a real socket, with real engine processes that play slow, hanging
// and dying ones (tests/engines/scripted_engine.py), a real store and real keys.
#include "api/gateway.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "api/server.h"
#include "api/validation.h"
#include "base/clock.h"
#include "engine/models.h"
#include "engine/test_gguf.h"
#include "net/event_stream.h"
#include "net/http_client.h"
#include "os/file.h"
#include "os/process.h"

namespace lar::api {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

// The gateway stands in front of a real store and engines; of the rest of lar only POST /ask is
// there, which says what the test wants.
class GatewayOnly final : public Application {
 public:
  bool streams(const Request& request) const override { return request.path == "/ask"; }
  Response handle(const Request& request, const EventSink& sink) override {
    if (request.path != "/ask") return {200, "application/json", "{}", {}};
    asked = json::parse(request.body);
    if (asked["question"] == "odd") sink("claim", json{{"text", 7}});
    sink("claim", {{"text", "Iain's birthday is on 3 May."},
                   {"citations", json::array({json{{"number", 1}}, json{{"number", 2}}})}});
    sink("done",
         {{"answer", "Iain's birthday is on 3 May."},
          {"basis", "data"},
          {"declined", false},
          {"citations",
           json::array(
               {json{{"number", 1}, {"title", "Iain"}, {"when", nullptr}, {"quote", "BDAY 3 May"}},
                json{{"number", 2},
                     {"title", "Cake"},
                     {"when", "2026-05-01T10:00:00Z"},
                     {"quote", "for Iain"}}})},
          {"tokens", {{"prompt", 11}, {"cached", 3}, {"completion", 5}}}});
    return {};
  }
  Gateway* gateway() override { return made.get(); }
  void shut_down() override {}

  std::unique_ptr<Gateway> made;
  json asked;
};

class GatewayTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "lar-gateway-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    fs::create_directories(folder_ / "home");
    write("home/roles.toml", "chat = \"unix:" + (folder_ / "none.sock").string() + "\"\n");
  }
  void TearDown() override {
    server_.reset();
    application_.made.reset();
    engines_.reset();
    keys_.reset();
    store_.reset();
    fs::remove_all(folder_);
  }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  void start(const std::string& script, int most_waiting = 32,
             const std::string& roles = "chat = \"toy\"\n") {
    fs::create_directories(folder_ / "models");
    write("models/toy.gguf", engine::tiny_model_gguf("toy"));
    write("models/toy-embed.gguf", engine::tiny_model_gguf("bert"));
    write("models/models.toml",
          "[[model]]\nname = \"toy\"\nroles = [\"chat\"]\nfile = \"toy.gguf\"\n"
          "[[model]]\nname = \"toy-embed\"\nroles = [\"embed\"]\nfile = \"toy-embed.gguf\"\n"
          "embed_dimensions = 64\n");
    write("home/roles.toml", roles);
    const char* source = std::getenv("LAR_SOURCE_FOLDER");
    write("llama-server",
          "#!/bin/sh\nexec python3 '" + std::string(source != nullptr ? source : ".") +
              "/tests/engines/scripted_engine.py' --journal '" + (folder_ / "journal").string() +
              "' --mark '" + (folder_ / "mark").string() + "' --seen '" +
              (folder_ / "seen").string() + "' --scripted " + script + " \"$@\"\n");
    fs::permissions(folder_ / "llama-server", fs::perms::owner_all);
    options_.home = folder_ / "home";
    options_.models_folder = folder_ / "models";
    options_.server_program = folder_ / "llama-server";
    options_.most_waiting = most_waiting;
    options_.silence_limit = 700ms;
    auto engines = engine::Engines::open(options_);
    ASSERT_TRUE(engines) << engines.error().describe();
    engines_ = std::move(*engines);
    auto store = store::Store::open((folder_ / "home").string());
    ASSERT_TRUE(store) << store.error().describe();
    store_ = std::move(*store);
    keys_ = std::make_unique<ClientKeys>(*store_);
    ASSERT_TRUE(keys_->load());
    key_ = *keys_->add("editor", false);
    application_.made = Gateway::make(
        {.engines = *engines_,
         .store = *store_,
         .keys = *keys_,
         .ask = [this](const Request& request,
                       const EventSink& sink) { return application_.handle(request, sink); },
         .somebody_waits = {},
         .tool_route = [this](engine::Role,
                              int offered) { return engine::tool_route(contract_, offered); },
         .prompt_style = [this](engine::Role) { return contract_.prompt_style; }});
    auto server = Server::start(application_, {(folder_ / "home").string(), 0});
    ASSERT_TRUE(server) << server.error().describe();
    server_ = std::move(*server);
  }

  net::HttpRequest request(const std::string& path, const std::string& body = "") {
    net::HttpRequest request;
    request.method = body.empty() ? "GET" : "POST";
    request.url = "http://127.0.0.1:" + std::to_string(server_->port()) + path;
    request.headers = {{"Authorization", "Bearer " + key_}, {"Content-Type", "application/json"}};
    request.body = body;
    request.deadline = 20s;
    return request;
  }
  net::HttpResponse send(const net::HttpRequest& request) {
    const auto response = client_.send(request);
    EXPECT_TRUE(response) << response.error().describe();
    return response ? *response : net::HttpResponse{};
  }
  os::Descriptor connected() {
    os::Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(server_->port()));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return socket;
  }
  // What comes after these bytes until the connection ends.
  std::string raw(const std::string& bytes) {
    const os::Descriptor socket = connected();
    for (size_t sent = 0; sent < bytes.size();) {
      const ssize_t count =
          ::send(socket.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) break;
      sent += static_cast<size_t>(count);
    }
    std::string answer;
    std::array<char, 4096> buffer{};
    for (ssize_t count = 0; (count = ::recv(socket.get(), buffer.data(), buffer.size(), 0)) > 0;) {
      answer.append(buffer.data(), static_cast<size_t>(count));
    }
    return answer;
  }
  // A server of the owner's.
  os::Process own_server(const std::string& socket, const std::string& modes) {
    const char* source = std::getenv("LAR_SOURCE_FOLDER");
    os::ProcessOptions own;
    own.arguments = {
        "/usr/bin/env",
        "python3",
        std::string(source != nullptr ? source : ".") + "/tests/engines/scripted_engine.py",
        "--host",
        socket,
        "--model",
        "org/large-model",
        "--seen",
        (folder_ / "seen").string(),
        "--journal",
        (folder_ / "journal").string(),
        "--scripted",
        modes};
    own.environment = {"PATH=" + std::string(std::getenv("PATH"))};
    auto process = os::Process::start(own);
    EXPECT_TRUE(process) << process.error().describe();
    for (int tries = 0; tries < 500 && !fs::exists(socket); ++tries)
      std::this_thread::sleep_for(10ms);
    return std::move(process.value());
  }
  static std::string chat(const std::string& text, bool stream = false,
                          const std::string& model = "lar/chat") {
    return json{{"model", model},
                {"stream", stream},
                {"messages", json::array({json{{"role", "user"}, {"content", text}}})}}
        .dump();
  }
  static std::vector<std::string> events(const std::string& body) {
    std::vector<std::string> all;
    net::EventStream stream;
    EXPECT_TRUE(stream.feed(body, [&](const net::Event& event) {
      all.push_back(event.data);
      return true;
    }));
    return all;
  }
  // The last body an engine was sent.
  json seen() const {
    std::ifstream file(folder_ / "seen");
    return json::parse(file, nullptr, false);
  }
  int journal_count(const std::string& line) {
    std::ifstream file(folder_ / "journal");
    int count = 0;
    for (std::string one; std::getline(file, one);) {
      count += one == line || one.starts_with(line + " ") ? 1 : 0;
    }
    return count;
  }
  bool journal_reaches(const std::string& line, int count, base::Microseconds limit = 5'000'000) {
    const auto deadline = base::steady_now() + limit;
    while (journal_count(line) < count) {
      if (base::steady_now() > deadline) return false;
      std::this_thread::sleep_for(2ms);
    }
    return true;
  }

  engine::Contract contract_;  // what has been measured of the engine; at first nothing
  engine::EngineOptions options_;
  fs::path folder_;
  GatewayOnly application_;
  std::unique_ptr<engine::Engines> engines_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<ClientKeys> keys_;
  std::unique_ptr<Server> server_;
  std::string key_;
  net::HttpClient client_{net::local_only()};
};

TEST_F(GatewayTest, who_has_no_key_learns_nothing) {
  start("normal");
  net::HttpRequest without = request("/v1/chat/completions", chat("hello"));
  without.headers.clear();
  net::HttpResponse response = send(without);
  EXPECT_EQ(response.status, 401);
  EXPECT_EQ(json::parse(response.body)["error"]["code"], "invalid_api_key");
  without.headers = {{"Authorization", "Bearer " + std::string(key_.size(), 'x')}};
  EXPECT_EQ(send(without).status, 401);
  without.url.replace(without.url.find("/v1"), std::string::npos, "/v1/messages");
  response = send(without);
  EXPECT_EQ(response.status, 401);
  EXPECT_EQ(json::parse(response.body)["type"], "error");
  EXPECT_EQ(json::parse(response.body)["error"]["type"], "authentication_error");
  for (const char* path : {"/v1/models", "/metrics"}) {
    net::HttpRequest get = request(path);
    get.headers.clear();
    EXPECT_EQ(send(get).status, 401) << path;
  }
  EXPECT_EQ(journal_count("chat"), 0);
}

TEST_F(GatewayTest, both_headers_and_the_pages_own_key_open) {
  start("normal");
  net::HttpRequest get = request("/v1/models");
  EXPECT_EQ(send(get).status, 200);
  get.headers = {{"x-api-key", key_}};
  EXPECT_EQ(send(get).status, 200);
  const std::string own = server_->address().substr(server_->address().find("key=") + 4);
  get.headers = {{"Authorization", "Bearer " + own}};
  EXPECT_EQ(send(get).status, 200);
  // The page's cookie acts for nobody: any page in the browser could make it be sent.
  net::HttpRequest post = request("/v1/chat/completions", chat("hello"));
  post.headers = {{"Cookie", "lar_key=" + own}};
  EXPECT_EQ(send(post).status, 401);
}

TEST_F(GatewayTest, a_removed_key_opens_no_more_and_keys_are_kept_as_hashes) {
  start("normal");
  const auto kept = store_->setting("client_keys");
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->find(key_), std::string::npos);
  EXPECT_NE(kept->find("editor"), std::string::npos);
  EXPECT_EQ(keys_->add("editor", false).error().code, "key.exists");
  // Removing it would remove what lar keeps for itself.
  EXPECT_EQ(keys_->add("lar", false).error().code, "key.own_name");
  ClientKeys again(*store_);
  ASSERT_TRUE(again.load());
  ASSERT_TRUE(again.find(key_));
  EXPECT_EQ(again.find(key_)->name, "editor");
  ASSERT_TRUE(keys_->remove("editor"));
  EXPECT_EQ(send(request("/v1/models")).status, 401);
  EXPECT_EQ(keys_->remove("editor").error().code, "key.unknown");
}

TEST_F(GatewayTest, models_are_roles_and_others_do_not_exist) {
  start("normal");
  const json list = json::parse(send(request("/v1/models")).body);
  EXPECT_TRUE(validate_response("v1_models", list));
  ASSERT_EQ(list["data"].size(), 2U);
  EXPECT_EQ(list["data"][0]["id"], "lar/chat");
  EXPECT_EQ(list["data"][1]["id"], "lar/fast");
  EXPECT_EQ(json::parse(send(request("/v1/models/lar%2Fchat")).body)["id"], "lar/chat");
  EXPECT_EQ(json::parse(send(request("/v1/models/lar/chat")).body)["id"], "lar/chat");
  EXPECT_EQ(send(request("/v1/models/gpt-4")).status, 404);

  for (const char* model : {"lar/chat", "chat", "lar/fast"}) {
    EXPECT_EQ(send(request("/v1/chat/completions", chat("hi", false, model))).status, 200) << model;
  }
  for (const char* model : {"gpt-4", "lar/", "lar/lar/chat"}) {
    const net::HttpResponse response =
        send(request("/v1/chat/completions", chat("hi", false, model)));
    EXPECT_EQ(response.status, 404) << model;
    EXPECT_EQ(json::parse(response.body)["error"]["code"], "model_not_found");
    EXPECT_EQ(json::parse(response.body)["error"]["param"], "model");
  }
  json message = json::parse(chat("hi", false, "claude"));
  message["max_tokens"] = 5;
  const net::HttpResponse response = send(request("/v1/messages", message.dump()));
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(json::parse(response.body)["error"]["type"], "not_found_error");
  // A role that has no model, and one that cannot do what is asked.
  EXPECT_EQ(send(request("/v1/embeddings", R"({"model":"lar/embed","input":"x"})")).status, 404);
  EXPECT_EQ(send(request("/v1/embeddings", R"({"model":"lar/chat","input":"x"})")).status, 400);
}

TEST_F(GatewayTest, malformed_bodies_are_refused_before_the_engine) {
  start("normal");
  for (const char* body :
       {"{", "[]", "\"text\"", "{\"model\":\"lar/chat\",\"messages\":[\xff]}",
        "{\"model\":\"lar/chat\",\"messages\":[{\"role\":\"user\",\"content\":\"\xc3\x28\"}]}"}) {
    EXPECT_EQ(send(request("/v1/chat/completions", body)).status, 400) << body;
    EXPECT_EQ(send(request("/v1/messages", body)).status, 400) << body;
  }
  const std::string deep =
      R"({"model":"lar/chat","messages":[{"role":"user","content":"hello"}],"metadata":)" +
      std::string(500'000, '[') + std::string(500'000, ']') + "}";
  EXPECT_EQ(send(request("/v1/chat/completions", deep)).status, 400);
  EXPECT_EQ(send(request("/v1/chat/completions", R"({"model":"lar/chat"})")).status, 400);
  const net::HttpResponse response =
      send(request("/v1/chat/completions", R"({"model":"lar/chat","messages":"hello"})"));
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(json::parse(response.body)["error"]["param"], "messages");
  EXPECT_EQ(send(request("/v1/nothing", "{}")).status, 404);
  EXPECT_EQ(send(request("/v1/chat/completions")).status, 405);
  EXPECT_EQ(journal_count("chat"), 0);
  EXPECT_EQ(journal_count("start"), 0) << "an engine was started for nothing";
}

TEST_F(GatewayTest, a_strangers_large_body_is_not_read) {
  start("normal");
  for (const char* key : {"", "Authorization: Bearer wrong\r\n"}) {
    // 7 MB are announced and none is sent: the answer comes nevertheless, and then the end.
    const std::string answer = raw("POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\n" +
                                   std::string(key) + "Content-Length: 7000000\r\n\r\n");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 401")) << answer;
    EXPECT_NE(answer.find("authentication_error"), std::string::npos) << answer;
  }
}

TEST_F(GatewayTest, an_oversized_body_is_refused_in_the_apis_form) {
  start("normal");
  const net::HttpResponse response =
      send(request("/v1/embeddings", chat(std::string(9u << 20, 'x'))));
  EXPECT_EQ(response.status, 413);
  EXPECT_EQ(json::parse(response.body)["error"]["type"], "invalid_request_error");
  // Pictures may be larger, though not without bounds; nothing of it is sent here.
  const auto announced = [&](const std::string& path, const std::string& length) {
    return raw("POST " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + key_ +
               "\r\n" + length + "\r\n\r\n");
  };
  const std::string answer = announced("/v1/messages", "Content-Length: 68000000");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 413")) << answer;
  EXPECT_NE(answer.find("request_too_large"), std::string::npos) << answer;
  EXPECT_TRUE(announced("/v1/embeddings", "Content-Length: 9000000").starts_with("HTTP/1.1 413"));
}

TEST_F(GatewayTest, a_body_of_unknown_length_is_bounded_too) {
  start("normal");
  std::string body =
      "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + key_ +
      "\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int piece = 0; piece < 65; ++piece) {
    body += "20000\r\n" + std::string(1u << 17, 'x') + "\r\n";
  }
  const std::string answer = raw(body);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 413")) << answer.substr(0, 200);
}

TEST_F(GatewayTest, pictures_of_a_phone_arrive_unchanged_through_every_api) {
  start("tools");
  const std::string bytes(12u << 20, 'Q');
  const std::string address = "data:image/jpeg;base64," + bytes;
  const json shown = {{"type", "image_url"}, {"image_url", {{"url", address}}}};
  const json chat_body = {
      {"model", "lar/chat"},
      {"messages",
       json::array({{{"role", "user"},
                     {"content", json::array({{{"type", "text"}, {"text", "What?"}}, shown})}}})}};
  EXPECT_EQ(send(request("/v1/chat/completions", chat_body.dump())).status, 200);
  EXPECT_TRUE(seen()["messages"][0]["content"][1] == shown);
  const json message = {
      {"model", "lar/chat"},
      {"max_tokens", 9},
      {"messages", json::array({{{"role", "user"},
                                 {"content", json::array({{{"type", "text"}, {"text", "What?"}},
                                                          {{"type", "image"},
                                                           {"source",
                                                            {{"type", "base64"},
                                                             {"media_type", "image/jpeg"},
                                                             {"data", bytes}}}}})}}})}};
  EXPECT_EQ(send(request("/v1/messages", message.dump())).status, 200);
  EXPECT_TRUE(seen()["messages"][0]["content"][1] == shown);
  const json response = {
      {"model", "lar/chat"},
      {"input",
       json::array(
           {{{"role", "user"},
             {"content", json::array({{{"type", "input_text"}, {"text", "What?"}},
                                      {{"type", "input_image"}, {"image_url", address}}})}}})}};
  EXPECT_EQ(send(request("/v1/responses", response.dump())).status, 200);
  EXPECT_TRUE(seen()["messages"][0]["content"][1] == shown);
}

TEST_F(GatewayTest, few_large_bodies_are_held_at_once) {
  start("normal");
  // Each announces 60 MB and sends a little: two have room together, the third has none.
  std::vector<os::Descriptor> holding;
  const std::string ask =
      "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + key_ +
      "\r\nContent-Length: 60000000\r\n\r\n{";
  for (int number = 0; number < 2; ++number) {
    holding.push_back(connected());
    ASSERT_EQ(::send(holding.back().get(), ask.data(), ask.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(ask.size()));
  }
  std::this_thread::sleep_for(500ms);
  const std::string answer = raw(ask);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 429")) << answer;
  EXPECT_NE(answer.find("Retry-After: "), std::string::npos) << answer;
  EXPECT_EQ(send(request("/v1/chat/completions", chat("small ones pass"))).status, 200);
  holding.clear();
  std::this_thread::sleep_for(500ms);
  EXPECT_EQ(send(request("/v1/chat/completions", chat(std::string(9u << 20, 'x')))).status, 200)
      << "their room is free again";
}

TEST_F(GatewayTest, answers_pass_whole_or_piece_by_piece_as_they_come) {
  start("slow --delay 0.15");
  const json whole = json::parse(send(request("/v1/chat/completions", chat("one two"))).body);
  EXPECT_EQ(whole["choices"][0]["message"]["content"], "You said: one two");
  EXPECT_EQ(whole["model"], "lar/chat") << "the engine's own name is a path of this machine";

  std::vector<base::Microseconds> times;
  std::string body;
  const auto response = client_.send(request("/v1/chat/completions", chat("one two three", true)),
                                     {}, [&](int status, std::string_view piece) {
                                       EXPECT_EQ(status, 200);
                                       times.push_back(base::steady_now());
                                       body += piece;
                                       return net::Flow::go_on;
                                     });
  ASSERT_TRUE(response);
  EXPECT_EQ(response->header("content-type"), "text/event-stream");
  ASSERT_GE(times.size(), 4U);
  EXPECT_GT(times.back() - times.front(), 300'000) << "it was kept back and sent at once";
  EXPECT_EQ(events(body).back(), "[DONE]");
}

TEST_F(GatewayTest, a_client_that_goes_away_is_cancelled_at_the_engine) {
  start("slow --delay 0.1");
  std::string text;
  for (int word = 0; word < 200; ++word) text += "word ";
  std::stop_source stop;
  std::jthread client([&] {
    (void)client_.send(request("/v1/chat/completions", chat(text, true)), stop.get_token(),
                       [&](int, std::string_view) {
                         stop.request_stop();
                         return net::Flow::go_on;
                       });
  });
  client.join();
  EXPECT_TRUE(journal_reaches("cancelled", 1, 2'000'000));
  // And the line is free again.
  EXPECT_EQ(send(request("/v1/chat/completions", chat("next"))).status, 200);
}

TEST_F(GatewayTest, an_engine_that_dies_before_its_first_byte_is_asked_once_more) {
  start("die-early,once");
  EXPECT_EQ(send(request("/v1/chat/completions", chat("hello"))).status, 200);
  EXPECT_EQ(journal_count("chat"), 2);
}

TEST_F(GatewayTest, a_prompt_that_always_kills_the_engine_fails_alone) {
  start("die-early");
  const net::HttpResponse response = send(request("/v1/chat/completions", chat("hello")));
  EXPECT_EQ(response.status, 503);
  const json error = json::parse(response.body)["error"];
  EXPECT_EQ(error["type"], "server_error");
  EXPECT_EQ(error["code"], "engine_died");
  EXPECT_EQ(journal_count("chat"), 2) << "tried twice, not for ever";
}

TEST_F(GatewayTest, a_stream_whose_engine_dies_ends_with_the_reason) {
  start("die");
  const net::HttpResponse response =
      send(request("/v1/chat/completions", chat("hello there", true)));
  EXPECT_EQ(response.status, 200);
  const auto all = events(response.body);
  ASSERT_GE(all.size(), 2U);
  EXPECT_EQ(json::parse(all.back())["error"]["code"], "engine_died");
}

TEST_F(GatewayTest, a_stream_that_breaks_off_is_not_complete_because_its_text_says_so) {
  start("breaks-off");
  const net::HttpResponse response = send(request(
      "/v1/chat/completions", chat("what is [DONE] or message_stop in\ndata: [DONE]", true)));
  EXPECT_NE(response.body.find("[DONE]"), std::string::npos);
  const auto all = events(response.body);
  ASSERT_GE(all.size(), 2U);
  EXPECT_TRUE(json::parse(all.back()).contains("error")) << all.back();
}

TEST_F(GatewayTest, a_small_verified_context_holds_for_short_bodies_too) {
  start("normal");
  std::string words;
  for (int word = 0; word < 900; ++word) words += "ab ";
  json body = json::parse(chat(words));
  ASSERT_LT(body.dump().size(), engine::long_prompt_bytes);
  engine::Contract found;
  found.context_limit = engine::ContextLimit::truncates;
  found.context_verified = 512;
  engine::CatalogueModel model;
  model.name = "toy";
  model.file = "toy.gguf";
  const std::string models = (folder_ / "models").string();
  ASSERT_TRUE(
      engine::keep_contract(options_.home, engine::contract_key(options_, models, model), found));
  const net::HttpResponse response = send(request("/v1/chat/completions", body.dump()));
  EXPECT_EQ(response.status, 400) << response.body;
  EXPECT_EQ(json::parse(response.body)["error"]["code"], "context_length_exceeded");
  EXPECT_EQ(journal_count("chat"), 0);
}

TEST_F(GatewayTest, an_engine_that_hangs_is_given_up_after_the_silence_limit) {
  start("hang");
  const base::Microseconds begun = base::steady_now();
  const net::HttpResponse response = send(request("/v1/chat/completions", chat("hello", true)));
  EXPECT_EQ(response.status, 504);
  EXPECT_EQ(json::parse(response.body)["error"]["code"], "timeout");
  EXPECT_LT(base::steady_now() - begun, 15'000'000);
}

TEST_F(GatewayTest, a_whole_answer_may_take_longer_than_the_silence_limit) {
  start("think --delay 2");
  EXPECT_EQ(send(request("/v1/chat/completions", chat("hello"))).status, 200);
  EXPECT_GE(journal_count("slots"), 2);
  EXPECT_EQ(journal_count("start"), 1);
}

TEST_F(GatewayTest, one_at_a_time_in_order_and_beyond_the_line_429) {
  start("slow --delay 0.3", 2);
  std::mutex mutex;
  std::vector<int> order;
  std::vector<std::jthread> clients;
  for (int number = 0; number < 3; ++number) {
    clients.emplace_back([&, number] {
      EXPECT_EQ(send(request("/v1/chat/completions", chat("a b c", true))).status, 200);
      const std::lock_guard lock(mutex);
      order.push_back(number);
    });
    // Each in line before the next: its wait shows in the figures.
    std::this_thread::sleep_for(150ms);
  }
  const net::HttpResponse response = send(request("/v1/chat/completions", chat("too many")));
  EXPECT_EQ(response.status, 429);
  EXPECT_EQ(json::parse(response.body)["error"]["code"], "rate_limit_exceeded");
  EXPECT_GE(std::atoi(std::string(response.header("retry-after")).c_str()), 1);
  EXPECT_NE(send(request("/metrics")).body.find("lar_waiting{role=\"chat\"} 2"), std::string::npos);
  clients.clear();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
}

TEST_F(GatewayTest, who_waits_is_told_where_in_the_line) {
  start("slow --delay 0.6");
  std::jthread first([&] {
    const net::HttpResponse response =
        send(request("/v1/chat/completions", chat("one two three four", true)));
    EXPECT_EQ(response.header("lar-queue-position"), "");
    EXPECT_EQ(response.body.find("waiting"), std::string::npos) << response.body;
  });
  ASSERT_TRUE(journal_reaches("chat", 1));
  std::jthread second([&] {
    const net::HttpResponse response =
        send(request("/v1/chat/completions", chat("a stream", true)));
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.header("lar-queue-position"), "1");
    EXPECT_TRUE(response.body.starts_with(": waiting, number 1 in line\n\n")) << response.body;
    EXPECT_EQ(events(response.body).back(), "[DONE]");
    EXPECT_EQ(response.body.find("waiting", response.body.find("data:")), std::string::npos);
  });
  std::this_thread::sleep_for(200ms);
  const net::HttpResponse whole = send(request("/v1/chat/completions", chat("a whole answer")));
  EXPECT_EQ(whole.status, 200);
  EXPECT_EQ(whole.header("lar-queue-position"), "2");
  EXPECT_TRUE(json::accept(whole.body)) << whole.body;
}

// A stream that has begun because it had to wait can no longer be refused by a status.
TEST_F(GatewayTest, what_is_refused_after_it_has_waited_is_refused_in_its_stream) {
  start("slow --delay 0.6");
  std::jthread first(
      [&] { (void)send(request("/v1/chat/completions", chat("one two three four", true))); });
  ASSERT_TRUE(journal_reaches("chat", 1));
  json body = json::parse(chat("not as the engine likes it", true));
  body["response_format"] = {{"type", "json_schema"},
                             {"json_schema", {{"schema", {{"$ref", "#/nowhere"}}}}}};
  const net::HttpResponse response = send(request("/v1/chat/completions", body.dump()));
  EXPECT_EQ(response.status, 200);
  EXPECT_TRUE(response.body.starts_with(": waiting")) << response.body;
  EXPECT_NE(response.body.find("\"error\""), std::string::npos) << response.body;
  EXPECT_EQ(response.body.find("[DONE]"), std::string::npos) << response.body;
}

TEST_F(GatewayTest, what_may_take_longer_steps_back_for_others_and_comes_whole) {
  start("slow --delay 0.05");
  std::atomic<bool> done = false;
  std::jthread flexible([&] {
    json body = json::parse(chat("a b c d e f g h", true));
    body["service_tier"] = "flex";
    const net::HttpResponse response = send(request("/v1/chat/completions", body.dump()));
    done = true;
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body.find("You"), response.body.rfind("You")) << response.body;
    EXPECT_NE(response.body.find("[DONE]"), std::string::npos);
  });
  ASSERT_TRUE(journal_reaches("chat", 1));
  EXPECT_EQ(send(request("/v1/chat/completions", chat("quick"))).status, 200);
  EXPECT_FALSE(done);
  flexible.join();
  EXPECT_EQ(journal_count("chat"), 3);
}

TEST_F(GatewayTest, instructions_of_clients_stand_where_the_model_sees_them) {
  start("normal");
  const std::string body = json{{"model", "lar/chat"},
                                {"messages",
                                 {{{"role", "system"}, {"content", "Be brief."}},
                                  {{"role", "user"}, {"content", "Hello."}}}}}
                               .dump();
  EXPECT_EQ(send(request("/v1/chat/completions", body)).status, 200);
  EXPECT_EQ(seen()["messages"].size(), 2U) << "not measured: as the client put it";
  contract_.prompt_style = engine::PromptStyle::before_question;
  EXPECT_EQ(send(request("/v1/chat/completions", body)).status, 200);
  EXPECT_EQ(seen()["messages"],
            json::array({{{"role", "user"}, {"content", "Be brief.\n\nHello."}}}));
}

TEST_F(GatewayTest, one_who_leaves_the_line_lets_the_others_pass) {
  start("slow --delay 0.2");
  std::jthread first([&] { (void)send(request("/v1/chat/completions", chat("a b c d", true))); });
  ASSERT_TRUE(journal_reaches("chat", 1));
  std::stop_source stop;
  std::jthread leaves([&] {
    (void)client_.send(request("/v1/chat/completions", chat("leaves")), stop.get_token());
  });
  std::this_thread::sleep_for(150ms);
  std::jthread third(
      [&] { EXPECT_EQ(send(request("/v1/chat/completions", chat("stays"))).status, 200); });
  std::this_thread::sleep_for(50ms);
  stop.request_stop();
  leaves.join();
  first.join();
  third.join();
  EXPECT_EQ(journal_count("chat"), 2) << "who left was asked for nevertheless";
}

std::string with_tools(std::string body) {
  body.pop_back();
  return body +
         R"(,"tools":[{"type":"function","function":{"name":"look","parameters":{"type":"object",)"
         R"("properties":{"where":{"type":"string"}},"required":["where"]}}}],"tool_choice":"required"})";
}

TEST_F(GatewayTest, an_engine_that_makes_no_calls_makes_them_by_schema) {
  start("normal");
  const json whole =
      json::parse(send(request("/v1/chat/completions", with_tools(chat("Look.")))).body);
  const json& choice = whole["choices"][0];
  EXPECT_EQ(choice["finish_reason"], "tool_calls") << whole;
  EXPECT_EQ(choice["message"]["tool_calls"][0]["function"]["name"], "look");
  EXPECT_EQ(json::parse(std::string(choice["message"]["tool_calls"][0]["function"]["arguments"])),
            (json{{"where", "scripted"}}));
  EXPECT_EQ(whole["model"], "lar/chat");
  EXPECT_FALSE(seen().contains("tools"));
  EXPECT_EQ(journal_count("chat"), 2) << "a trial and the question";

  std::string arguments;
  const auto all =
      events(send(request("/v1/chat/completions", with_tools(chat("Look.", true)))).body);
  for (const std::string& event : all) {
    if (event == "[DONE]") continue;
    const json delta = json::parse(event)["choices"][0]["delta"];
    if (delta.contains("tool_calls")) {
      arguments += delta["tool_calls"][0]["function"].value("arguments", "");
    }
  }
  EXPECT_EQ(json::parse(arguments), (json{{"where", "scripted"}}));
  EXPECT_EQ(all.back(), "[DONE]");
  EXPECT_EQ(journal_count("chat"), 3) << "tried once only";

  const json message = json::parse(
      send(
          request(
              "/v1/messages",
              R"({"model":"lar/chat","max_tokens":99,"messages":[{"role":"user","content":"Look."}],)"
              R"("tools":[{"name":"look","input_schema":{"type":"object"}}],"tool_choice":{"type":"any"}})"))
          .body);
  EXPECT_EQ(message["content"][0]["type"], "tool_use") << message;
  EXPECT_EQ(message["stop_reason"], "tool_use");
  const json response = json::parse(
      send(request(
               "/v1/responses",
               R"({"model":"lar/chat","input":"Look.","tools":[{"type":"function","name":"look"}],)"
               R"("tool_choice":"required"})"))
          .body);
  EXPECT_EQ(response["output"][0]["type"], "function_call") << response;
}

TEST_F(GatewayTest, an_engine_that_makes_calls_is_left_to_do_so) {
  start("tools");
  const json answer =
      json::parse(send(request("/v1/chat/completions", with_tools(chat("Look.")))).body);
  EXPECT_EQ(answer["choices"][0]["message"]["tool_calls"][0]["id"], "native") << answer;
  EXPECT_TRUE(seen().contains("tools"));
}

// The scripted engine knows chat completions only, as many servers do.
TEST_F(GatewayTest, a_schema_that_no_grammar_can_be_made_of_is_refused_with_the_engines_reason) {
  start("no-forms");
  const std::string schema =
      R"("response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{"$ref":"#/nowhere"}}})";
  std::string body = chat("hello");
  body.insert(body.size() - 1, "," + schema);
  net::HttpResponse response = send(request("/v1/chat/completions", body));
  EXPECT_EQ(response.status, 400);
  json error = json::parse(response.body)["error"];
  EXPECT_EQ(error["type"], "invalid_request_error");
  EXPECT_NE(error["message"].get<std::string>().find("#/nowhere"), std::string::npos) << error;
  // Of a tool whose arguments have one, in another API and streamed.
  response = send(request(
      "/v1/messages",
      R"({"model":"lar/chat","max_tokens":99,"stream":true,"messages":[{"role":"user","content":"Look."}],)"
      R"("tools":[{"name":"look","input_schema":{"type":"object","properties":{"a":{"not":{}}}}}]})"));
  EXPECT_EQ(response.status, 400);
  error = json::parse(response.body)["error"];
  EXPECT_EQ(error["type"], "invalid_request_error");
  EXPECT_NE(error["message"].get<std::string>().find("#/nowhere"), std::string::npos) << error;
  EXPECT_EQ(send(request("/v1/chat/completions", chat("hello"))).status, 200);
}

TEST_F(GatewayTest, who_offers_more_tools_than_a_model_tells_apart_is_told_and_loses_none) {
  start("tools");
  contract_.tools_native = true;
  contract_.tools_among_native = engine::ToolLadder{4, 16};
  const auto offering = [&](int count) {
    json body = json::parse(chat("hello"));
    for (int number = 0; number < count; ++number) {
      body["tools"].push_back(
          {{"type", "function"},
           {"function",
            {{"name", "tool" + std::to_string(number)}, {"parameters", {{"type", "object"}}}}}});
    }
    return body.dump();
  };
  net::HttpResponse response = send(request("/v1/chat/completions", offering(4)));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("lar-tools-offered"), "");
  response = send(request("/v1/chat/completions", offering(9)));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("lar-tools-offered"), "9");
  EXPECT_EQ(response.header("lar-tools-verified"), "4");
  EXPECT_EQ(seen()["tools"].size(), 9U) << "none is dropped";
  EXPECT_NE(
      send(request("/metrics")).body.find("lar_tools_beyond_verified_total{role=\"chat\"} 1\n"),
      std::string::npos);
  // Where a form copes with more than the model's own calls, calls are made by it.
  contract_.tools_among_schema = engine::ToolLadder{64, 0};
  response = send(request("/v1/chat/completions", offering(9)));
  EXPECT_EQ(response.header("lar-tools-offered"), "");
  EXPECT_FALSE(seen().contains("tools"));
  EXPECT_TRUE(seen().contains("response_format"));
  for (int number = 0; number < 9; ++number) {
    EXPECT_NE(seen().dump().find("tool" + std::to_string(number)), std::string::npos);
  }
  response = send(request("/v1/chat/completions", offering(4)));
  EXPECT_EQ(seen()["tools"].size(), 4U) << "of few its own are right";
}

TEST_F(GatewayTest, what_an_engine_does_not_speak_is_translated) {
  start("tools");
  const std::string ask =
      R"({"model":"lar/chat","max_tokens":99,"system":"Be kind.","stop_sequences":["x"],)"
      R"("messages":[{"role":"user","content":[{"type":"text","text":"good day"}]}])";
  const json message = json::parse(send(request("/v1/messages", ask + "}")).body);
  EXPECT_EQ(message["type"], "message") << message;
  EXPECT_EQ(message["model"], "lar/chat");
  EXPECT_EQ(message["content"],
            (json::array({{{"type", "text"}, {"text", "You said: good day"}}})));
  EXPECT_EQ(message["stop_reason"], "end_turn");
  EXPECT_GT(message["usage"]["output_tokens"], 0);
  EXPECT_EQ(seen()["messages"][0], (json{{"role", "system"}, {"content", "Be kind."}}));
  EXPECT_EQ(seen()["stop"], json::array({"x"}));
  EXPECT_EQ(seen()["max_tokens"], 99);
  EXPECT_FALSE(seen().contains("thinking_budget_tokens"));

  std::string text, last;
  for (const std::string& event :
       events(send(request("/v1/messages", ask + R"(,"stream":true})")).body)) {
    const json said = json::parse(event);
    last = said["type"];
    if (last == "content_block_delta") text += said["delta"].value("text", "");
  }
  EXPECT_EQ(text, "You said: good day");
  EXPECT_EQ(last, "message_stop");

  const json response =
      json::parse(send(request("/v1/responses",
                               R"({"model":"lar/chat","input":"hello","max_output_tokens":7})"))
                      .body);
  EXPECT_EQ(response["output"][0]["content"][0]["text"], "You said: hello") << response;
  EXPECT_EQ(seen()["max_tokens"], 7);
  EXPECT_FALSE(seen().contains("input"));

  // Calls that the engine makes by itself are its own.
  const json called = json::parse(
      send(request("/v1/messages",
                   ask + R"(,"tools":[{"name":"look","input_schema":{"type":"object","properties":)"
                         R"({"where":{"type":"string"}}}}]})"))
          .body);
  EXPECT_EQ(called["stop_reason"], "tool_use") << called;
  EXPECT_EQ(called["content"][0]["input"], (json{{"where", "scripted"}}));

  // A picture that a tool gave has no place in a chat completion: that request is refused, and says
  // why.
  const net::HttpResponse image = send(request(
      "/v1/messages",
      R"({"model":"lar/chat","max_tokens":9,"messages":[{"role":"user","content":[{"type":"tool_result",)"
      R"("tool_use_id":"a","content":[{"type":"image","source":{"type":"url","url":"x"}}]}]}]})"));
  EXPECT_GE(image.status, 400);
  EXPECT_TRUE(json::parse(image.body)["error"].contains("message")) << image.body;
}

TEST_F(GatewayTest, thoughts_and_chances_are_translated_too) {
  start("thinks");
  const std::string ask =
      R"({"model":"lar/chat","max_tokens":99,"messages":[{"role":"user","content":"good day"}])";
  const json message = json::parse(send(request("/v1/messages", ask + "}")).body);
  EXPECT_EQ(message["content"][0],
            (json{{"type", "thinking"}, {"thinking", "I think."}, {"signature", ""}}))
      << message;
  EXPECT_EQ(message["content"][1]["text"], "You said: good day");
  std::string thought;
  std::vector<std::string> blocks;
  for (const std::string& event :
       events(send(request("/v1/messages", ask + R"(,"stream":true})")).body)) {
    const json said = json::parse(event);
    if (said["type"] == "content_block_start") blocks.push_back(said["content_block"]["type"]);
    if (said["type"] == "content_block_delta") thought += said["delta"].value("thinking", "");
  }
  EXPECT_EQ(thought, "I think.");
  EXPECT_EQ(blocks, (std::vector<std::string>{"thinking", "text"}));

  const json response = json::parse(
      send(
          request(
              "/v1/responses",
              R"({"model":"lar/chat","input":"hello","include":["message.output_text.logprobs"]})"))
          .body);
  EXPECT_EQ(response["output"][0]["type"], "reasoning") << response;
  EXPECT_EQ(response["output"][0]["content"][0]["text"], "I think.");
  EXPECT_EQ(response["usage"]["output_tokens_details"]["reasoning_tokens"], 2);
  const json& text = response["output"][1]["content"][0];
  EXPECT_EQ(text["text"], "You said: hello");
  ASSERT_EQ(text["logprobs"].size(), 3U) << response;
  EXPECT_EQ(text["logprobs"][0]["token"], "You");
  EXPECT_EQ(seen()["logprobs"], true);

  // What was thought before goes back to the engine.
  EXPECT_EQ(
      send(
          request(
              "/v1/messages",
              R"({"model":"lar/chat","max_tokens":9,"messages":[{"role":"user","content":"x"},)"
              R"({"role":"assistant","content":[{"type":"thinking","thinking":"Hm.","signature":""},)"
              R"({"type":"text","text":"y"}]},{"role":"user","content":"z"}]})"))
          .status,
      200);
  EXPECT_EQ(seen()["messages"][1]["reasoning_content"], "Hm.");
}

json two_tools(const std::string& text, bool stream) {
  json body = {{"model", "lar/chat"},
               {"stream", stream},
               {"messages", json::array({json{{"role", "user"}, {"content", text}}})}};
  for (const char* name : {"look", "note"}) {
    body["tools"].push_back({{"type", "function"},
                             {"function", {{"name", name}, {"parameters", {{"type", "object"}}}}}});
  }
  return body;
}

// By the model's own calls and by those that are made of a schema.
TEST_F(GatewayTest, several_calls_at_once_come_whole_and_streamed) {
  for (const bool native : {true, false}) {
    if (!native) TearDown();
    if (!native) SetUp();
    write("answers",
          R"([{"match":"both","text":"{\"tool_calls\":[{\"name\":\"look\",\"arguments\":{}},)"
          R"({\"name\":\"note\",\"arguments\":{}}]}"}])");
    start(native ? "several-tools" : "normal --answers '" + (folder_ / "answers").string() + "'");
    contract_.tools_native = native;
    const auto names = [&](const json& calls) {
      std::vector<std::string> all;
      for (const json& call : calls) all.push_back(call["function"]["name"]);
      return all;
    };
    const std::vector<std::string> both = {"look", "note"};
    const json whole =
        json::parse(send(request("/v1/chat/completions", two_tools("both", false).dump())).body);
    const json& calls = whole["choices"][0]["message"]["tool_calls"];
    EXPECT_EQ(names(calls), both) << whole;
    ASSERT_EQ(calls.size(), 2U);
    EXPECT_NE(calls[0]["id"], calls[1]["id"]);
    std::map<int, std::string> made;
    for (const std::string& event :
         events(send(request("/v1/chat/completions", two_tools("both", true).dump())).body)) {
      if (event == "[DONE]") continue;
      const json chunk = json::parse(event);
      for (const json& choice : chunk["choices"]) {
        for (const json& call : choice["delta"].value("tool_calls", json::array())) {
          made[call["index"]] += call["function"].value("name", "");
        }
      }
    }
    EXPECT_EQ(made, (std::map<int, std::string>{{0, "look"}, {1, "note"}}));
  }
}

TEST_F(GatewayTest, a_stream_of_calls_whose_engine_dies_ends_with_the_reason) {
  start("die");
  const auto all =
      events(send(request("/v1/chat/completions", with_tools(chat("a b c d", true)))).body);
  ASSERT_FALSE(all.empty());
  EXPECT_EQ(json::parse(all.back())["error"]["code"], "engine_died") << all.back();
}

TEST_F(GatewayTest, counting_tokens_waits_for_nobodys_answer) {
  start("slow --delay 0.3");
  std::jthread busy(
      [&] { (void)send(request("/v1/chat/completions", chat("a b c d e f g h", true))); });
  ASSERT_TRUE(journal_reaches("chat", 1));
  const net::HttpResponse response = send(
      request("/v1/messages/count_tokens",
              R"({"model":"lar/chat","messages":[{"role":"user","content":"one two three"}]})"));
  EXPECT_EQ(json::parse(response.body)["input_tokens"], 3);
  const std::string figures = send(request("/metrics")).body;
  EXPECT_EQ(figures.find("lar_requests_total{route=\"/v1/chat/completions\""), std::string::npos)
      << "it waited until the other answer was complete";
}

TEST_F(GatewayTest, an_engine_of_the_owners_is_asked_for_its_own_model) {
  const std::string socket = (folder_ / "own.sock").string();
  const auto process = own_server(socket, "named");
  start("normal", 32, "chat = \"unix:" + socket + "\"\n");
  const net::HttpResponse response = send(request("/v1/chat/completions", chat("hello")));
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(json::parse(response.body)["model"], "lar/chat");
}

// A request as clients of OpenAI's send a recording.
std::string recording(const std::string& sound, const std::string& more = "") {
  return "--xyz\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nlar/speech\r\n" + more +
         "--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a \xc3\xb1.wav\"\r\n"
         "Content-Type: audio/wav\r\n\r\n" +
         sound + "\r\n--xyz--\r\n";
}

TEST_F(GatewayTest, a_recording_goes_to_the_owners_server_and_its_words_come_back) {
  const std::string socket = (folder_ / "own.sock").string();
  const auto process = own_server(socket, "normal");
  start("normal", 32, "chat = \"toy\"\nspeech = \"unix:" + socket + "\"\n");
  std::string sound = "RIFF";
  for (int byte = 0; byte < 300'000; ++byte) sound += static_cast<char>(byte * 7);
  net::HttpRequest ask = request("/v1/audio/transcriptions", recording(sound));
  ask.headers = {{"Authorization", "Bearer " + key_},
                 {"Content-Type", "multipart/form-data; boundary=xyz"}};
  net::HttpResponse response = send(ask);
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(json::parse(response.body)["text"], "300004 bytes");
  EXPECT_EQ(seen()["model"], "org/large-model") << "the server knows no lar/speech";
  EXPECT_EQ(seen()["sha256"], os::sha256(sound));
  ask.body = recording(sound,
                       "--xyz\r\nContent-Disposition: form-data; name=\"response_format\"\r\n\r\n"
                       "text\r\n");
  response = send(ask);
  EXPECT_EQ(response.body, "300004 bytes\n");
  EXPECT_EQ(response.header("content-type"), "text/plain; charset=utf-8");
  const json models = json::parse(send(request("/v1/models")).body);
  EXPECT_EQ(models["data"].back()["id"], "lar/speech");

  ask.body = recording("no sound");
  response = send(ask);
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(json::parse(response.body)["error"]["message"], "this is no recording");
  ask.body = "no form";
  response = send(ask);
  EXPECT_EQ(response.status, 400) << response.body;
  ask.headers[1].second = "application/json";
  response = send(ask);
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(json::parse(response.body)["error"]["type"], "invalid_request_error");
  ask = request("/v1/audio/transcriptions", recording(sound));
  ask.headers = {{"Content-Type", "multipart/form-data; boundary=xyz"}};
  EXPECT_EQ(send(ask).status, 401);
  EXPECT_EQ(journal_count("transcribe"), 3);
}

TEST_F(GatewayTest, a_picture_is_drawn_by_the_owners_server) {
  const std::string socket = (folder_ / "own.sock").string();
  const auto process = own_server(socket, "normal");
  start("normal", 32, "chat = \"toy\"\n");
  const std::string ask =
      R"({"model":"lar/image","prompt":"a cat","n":1,"response_format":"b64_json"})";
  net::HttpResponse response = send(request("/v1/images/generations", ask));
  EXPECT_EQ(response.status, 404);
  const json error = json::parse(response.body)["error"];
  EXPECT_EQ(error["code"], "model_not_found");
  EXPECT_NE(error["message"].get<std::string>().find("lar model use image=http"), std::string::npos)
      << "it says how to bind one";
  EXPECT_EQ(engines_->use(engine::Role::image, "toy").error().code, "role.not_served");
  ASSERT_TRUE(engines_->use(engine::Role::image, "unix:" + socket));
  response = send(request("/v1/images/generations", ask));
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(json::parse(response.body)["data"][0]["b64_json"], "YSBjYXQ=");
  EXPECT_EQ(seen()["model"], "org/large-model");
  EXPECT_EQ(send(request("/v1/images/generations", R"({"model":"lar/chat","prompt":"x"})")).status,
            400);
  EXPECT_EQ(send(request("/v1/images/generations", R"({"model":"lar/image"})")).status, 400);
  ASSERT_TRUE(engines_->unbind(engine::Role::image));
  EXPECT_EQ(send(request("/v1/images/generations", ask)).status, 404);
}

TEST_F(GatewayTest, many_texts_are_embedded_in_pieces_and_come_in_order) {
  start("normal", 32, "embed = \"toy-embed\"\n");
  json texts = json::array();
  for (int number = 0; number < 75; ++number) {
    texts.push_back("text " + std::to_string(number) + " of many");
  }
  const auto embedded = [&](const json& input, const json& more = json::object()) {
    json body = {{"model", "lar/embed"}, {"input", input}};
    body.update(more);
    const net::HttpResponse response = send(request("/v1/embeddings", body.dump()));
    EXPECT_EQ(response.status, 200) << response.body;
    return json::parse(response.body);
  };
  const json all = embedded(texts);
  EXPECT_TRUE(validate_response("v1_embeddings", all));
  ASSERT_EQ(all["data"].size(), 75U);
  EXPECT_EQ(journal_count("embed"), 3) << "each piece is a turn, between which others come";
  for (const int number : {0, 31, 32, 74}) {
    const auto place = static_cast<std::size_t>(number);
    EXPECT_EQ(all["data"][place]["index"], number);
    EXPECT_EQ(all["data"][place]["embedding"], embedded(texts[place])["data"][0]["embedding"]);
  }
  EXPECT_EQ(all["model"], "lar/embed");
  // One long text of numbers is one text.
  const json few = embedded("a cat", {{"dimensions", 12}});
  ASSERT_EQ(few["data"][0]["embedding"].size(), 12U);
  double squares = 0;
  for (const json& number : few["data"][0]["embedding"]) {
    squares += number.get<double>() * number.get<double>();
  }
  EXPECT_NEAR(squares, 1, 1e-6);
  const json packed = embedded("a cat", {{"dimensions", 12}, {"encoding_format", "base64"}});
  EXPECT_EQ(packed["data"][0]["embedding"].get<std::string>().size(), 64U);
  EXPECT_EQ(
      send(request("/v1/embeddings", R"({"model":"lar/embed","input":"x","dimensions":100000})"))
          .status,
      400);
}

TEST_F(GatewayTest, documents_are_put_in_order_by_likeness_where_no_model_reranks) {
  start("normal", 32, "embed = \"toy-embed\"\n");
  const std::string ask =
      R"("query":"the cat sleeps","documents":["rates rose again","the cat sleeps here",{"text":"a cat"}],)"
      R"("top_n":2,"return_documents":true})";
  const json answer =
      json::parse(send(request("/v1/rerank", R"({"model":"lar/embed",)" + ask)).body);
  EXPECT_TRUE(validate_response("v1_rerank", answer));
  ASSERT_EQ(answer["results"].size(), 2U) << answer;
  EXPECT_EQ(answer["results"][0]["index"], 1);
  EXPECT_EQ(answer["results"][0]["document"]["text"], "the cat sleeps here");
  EXPECT_GT(answer["results"][0]["relevance_score"], answer["results"][1]["relevance_score"]);
  const net::HttpResponse none = send(request("/v1/rerank", "{" + ask));
  EXPECT_EQ(none.status, 404);
  EXPECT_NE(none.body.find("lar/embed"), std::string::npos) << "it says what there is instead";
}

TEST_F(GatewayTest, the_journal_tells_who_and_how_much_but_never_what) {
  start("normal");
  (void)send(request("/v1/chat/completions", chat("a very private matter")));
  std::vector<store::JournalEntry> entries;
  for (int tries = 0; tries < 500 && entries.empty(); ++tries) {
    entries = *store_->journal(10, std::nullopt);
    std::this_thread::sleep_for(10ms);
  }
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].summary, "journal.client");
  const json detail = json::parse(entries[0].detail);
  EXPECT_EQ(detail["client"], "editor");
  EXPECT_EQ(detail["route"], "/v1/chat/completions");
  EXPECT_EQ(detail["role"], "chat");
  EXPECT_EQ(detail["status"], 200);
  EXPECT_EQ(detail["prompt_tokens"], 4);
  EXPECT_EQ(detail["completion_tokens"], 6);
  EXPECT_EQ(entries[0].detail.find("private"), std::string::npos);
  const std::string figures = send(request("/metrics")).body;
  EXPECT_NE(
      figures.find(
          "lar_requests_total{route=\"/v1/chat/completions\",role=\"chat\",status=\"200\"} 1\n"),
      std::string::npos)
      << figures;
  EXPECT_NE(figures.find("lar_tokens_total{role=\"chat\",direction=\"out\"} 6\n"),
            std::string::npos);
  EXPECT_NE(figures.find("lar_engine_state{role=\"chat\",state=\"ready\"} 1\n"), std::string::npos);
}

TEST_F(GatewayTest, the_assistant_is_asked_only_by_keys_that_may) {
  start("normal");
  EXPECT_EQ(send(request("/v1/chat/completions",
                         chat("When is Iain's birthday?", false, "lar/assistant")))
                .status,
            403);
  EXPECT_TRUE(application_.asked.is_null());
  key_ = *keys_->add("notes", true);
  const json models = json::parse(send(request("/v1/models")).body);
  EXPECT_EQ(models["data"].back()["id"], "lar/assistant");
  const net::HttpResponse response = send(
      request("/v1/chat/completions", chat("When is Iain's birthday?", false, "lar/assistant")));
  EXPECT_EQ(response.status, 200);
  const json answer = json::parse(response.body);
  EXPECT_TRUE(validate_response("v1_chat_completions", answer));
  const std::string expected =
      "Iain's birthday is on 3 May. [1][2]\n\nSources:\n[1] Iain: “BDAY 3 May”\n"
      "[2] Cake, 2026-05-01: “for Iain”";
  EXPECT_EQ(answer["choices"][0]["message"]["content"], expected);
  EXPECT_EQ(answer["usage"]["total_tokens"], 16);
  EXPECT_EQ(application_.asked["question"], "When is Iain's birthday?");
  EXPECT_EQ(application_.asked["remember"], false);

  const auto all = events(
      send(request("/v1/chat/completions", chat("When is Iain's birthday?", true, "lar/assistant")))
          .body);
  std::string text;
  for (const std::string& event : all) {
    if (event == "[DONE]") continue;
    const json delta = json::parse(event)["choices"][0]["delta"];
    text += delta.value("content", "");
  }
  EXPECT_EQ(text, expected);
  EXPECT_EQ(all.back(), "[DONE]");
  EXPECT_EQ(send(request("/v1/embeddings", R"({"model":"lar/assistant","input":"x"})")).status,
            400);
}

TEST_F(GatewayTest, an_odd_event_of_lars_own_is_an_error_and_no_crash) {
  start("normal");
  key_ = *keys_->add("notes", true);
  const net::HttpResponse response =
      send(request("/v1/chat/completions", chat("odd", false, "lar/assistant")));
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(json::parse(response.body)["error"]["type"], "server_error");
  // The line is free again.
  EXPECT_EQ(send(request("/v1/chat/completions", chat("next"))).status, 200);
}

TEST_F(GatewayTest, a_client_that_never_reads_holds_the_engine_for_a_while_only) {
  start("flood");
  os::Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(server_->port()));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  const std::string body = chat("flood", true);
  const std::string ask =
      "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\n"
      "Authorization: Bearer " +
      key_ + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  ASSERT_EQ(::send(socket.get(), ask.data(), ask.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(ask.size()));
  EXPECT_TRUE(journal_reaches("cancelled", 1, 25'000'000));
}

TEST_F(GatewayTest, who_sends_half_a_request_locks_nobody_out) {
  start("normal");
  const std::string head = "POST /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\n";
  std::vector<os::Descriptor> half;
  for (int number = 0; number < 300; ++number) {
    half.push_back(connected());
    // Half a head, and a head whose body does not come.
    const std::string begun = number % 2 == 0 ? head : head + "Content-Length: 100\r\n\r\n{";
    ASSERT_EQ(::send(half.back().get(), begun.data(), begun.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(begun.size()));
  }
  for (int number = 0; number < 5; ++number) {
    const base::Microseconds begun = base::steady_now();
    EXPECT_EQ(send(request("/openapi.json")).status, 200);
    EXPECT_LT(base::steady_now() - begun, 1'500'000);
    // A byte now and then does not help them.
    for (const os::Descriptor& socket : half) ::send(socket.get(), "x", 1, MSG_NOSIGNAL);
  }
  // One that comes in pieces is answered all the same.
  const os::Descriptor slow = connected();
  for (const std::string_view piece :
       {"GET /open", "api.json HTTP/1.1\r\nHost: 127.0", ".0.1\r\n\r\nGET "}) {
    ASSERT_GT(::send(slow.get(), piece.data(), piece.size(), MSG_NOSIGNAL), 0);
    std::this_thread::sleep_for(50ms);
  }
  std::array<char, 12> answer{};
  ASSERT_EQ(::recv(slow.get(), answer.data(), answer.size(), MSG_WAITALL), 12);
  EXPECT_EQ(std::string_view(answer.data(), 12), "HTTP/1.1 200");
  // In all they have ten seconds.
  std::array<char, 64> buffer{};
  const base::Microseconds begun = base::steady_now();
  EXPECT_EQ(::recv(half[0].get(), buffer.data(), buffer.size(), 0), 0);
  EXPECT_LT(base::steady_now() - begun, 15'000'000);
}

TEST_F(GatewayTest, a_thousand_idle_connections_lock_nobody_out) {
  start("normal");
  std::vector<os::Descriptor> idle;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(server_->port()));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int number = 0; number < 1000; ++number) {
    os::Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_TRUE(socket.valid()) << number;
    ASSERT_EQ(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    idle.push_back(std::move(socket));
  }
  const base::Microseconds begun = base::steady_now();
  EXPECT_EQ(send(request("/v1/chat/completions", chat("hello"))).status, 200);
  for (int number = 0; number < 20; ++number) EXPECT_EQ(send(request("/v1/models")).status, 200);
  EXPECT_LT(base::steady_now() - begun, 10'000'000);
  std::ifstream status("/proc/self/status");
  int threads = 0;
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("Threads:")) threads = std::atoi(line.c_str() + 8);
  }
  EXPECT_LT(threads, 250) << "a thread for each idle connection";
  // And each of them may still speak.
  const std::string ask = "GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
  for (const size_t number : {size_t{0}, size_t{500}, size_t{999}}) {
    ASSERT_EQ(::send(idle[number].get(), ask.data(), ask.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(ask.size()));
    std::array<char, 16> answer{};
    EXPECT_GT(::recv(idle[number].get(), answer.data(), answer.size(), 0), 0);
    EXPECT_EQ(std::string_view(answer.data(), 12), "HTTP/1.1 200");
  }
}

}  // namespace
}  // namespace lar::api
