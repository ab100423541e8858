// The application as every face uses it: whole, with a real store and real readers, in a home of
// its own, without engines.
#include "api/application.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "api/gateway.h"
#include "api/openapi.h"
#include "api/validation.h"
#include "base/clock.h"
#include "base/percent.h"
#include "base/text.h"
#include "os/base64.h"
#include "os/process.h"

namespace lar::api {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

class Home : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() /
              ("lar-api-" + std::to_string(::getpid()) + "-" +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "documents");
    write(
        "documents/seguro.md",
        "# Seguro del coche\n\nLa póliza 7741-B vence el 3 de junio de 2026. La prima es de 412,60 "
        "euros.\n");
    write("documents/garden.txt",
          "The gardener comes on Thursdays and prunes the old lemon tree.\n");
    write("mails.mbox",
          "From ana@correo.example Thu May 14 09:30:00 2026\n"
          "From: Ana Robles <ana@correo.example>\n"
          "To: clara@correo.example\n"
          "Subject: =?utf-8?Q?Reuni=C3=B3n_del_colegio?=\n"
          "Date: Thu, 14 May 2026 09:30:00 +0200\n"
          "Message-ID: <reunion/1@correo.example>\n"
          "Content-Type: text/plain; charset=utf-8\n\n"
          "La reunión del colegio es el lunes a las 17:30 😀 en el aula verde.\n\n");
    open(ApplicationOptions::Background::none);
  }
  void open(ApplicationOptions::Background background) {
    application_.reset();
    ApplicationOptions options;
    options.home = folder_ / "home";
    options.models_folder = folder_ / "models";
    options.server_program = "/nonexistent/llama-server";
    options.background = background;
    // The tests lie in the same build as lar-read, one folder lower.
    const fs::path here = fs::path(os::program_path()).parent_path();
    for (const fs::path& candidate : {here / "lar-read", here.parent_path() / "lar-read"}) {
      if (fs::exists(candidate)) options.reader_program = candidate;
    }
    auto opened = Application::open(options);
    ASSERT_TRUE(opened) << opened.error().describe();
    application_ = std::move(*opened);
  }
  void TearDown() override {
    application_.reset();
    fs::remove_all(folder_);
  }

  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }

  Response send(std::string method, std::string path, const json& body = nullptr,
                std::map<std::string, std::string> query = {}) {
    Request request;
    request.method = std::move(method);
    request.path = std::move(path);
    request.query = std::move(query);
    if (!body.is_null()) request.body = body.dump();
    events_.clear();
    return application_->handle(request, [&](std::string_view name, const json& data) {
      events_.emplace_back(name, data);
      return true;
    });
  }
  json get(const std::string& path, std::map<std::string, std::string> query = {}) {
    const Response response = send("GET", path, nullptr, std::move(query));
    EXPECT_EQ(response.status, 200) << response.body;
    return json::parse(response.body, nullptr, false);
  }
  json add(const std::string& kind, const std::string& name) {
    const Response response =
        send("POST", "/sources", {{"kind", kind}, {"path", (folder_ / name).string()}});
    EXPECT_EQ(response.status, 201) << response.body;
    return json::parse(response.body, nullptr, false);
  }
  json sync() {
    const Response response = send("POST", "/sync", {{"wait", "items"}});
    EXPECT_EQ(response.status, 200) << response.body;
    EXPECT_FALSE(events_.empty());
    return events_.empty() ? json() : events_.back().second;
  }
  static void expect_valid(const std::string& route, const json& value) {
    const auto valid = validate_response(route, value);
    EXPECT_TRUE(valid) << valid.error().describe() << "\n" << value.dump(1);
  }

  fs::path folder_;
  std::unique_ptr<Application> application_;
  std::vector<std::pair<std::string, json>> events_;
};

TEST_F(Home, limits_of_the_background_that_cannot_be_read_are_told) {
  write("home/background.toml", "tokens_a_day = 1000\n");
  const json status = get("/status");
  expect_valid("status", status);
  EXPECT_EQ(status["background"]["error"]["code"], "settings.malformed");
  const json checks = get("/doctor")["checks"];
  EXPECT_TRUE(std::any_of(checks.begin(), checks.end(), [](const json& check) {
    return check["code"] == "settings.malformed" && check["ok"] == false;
  })) << checks.dump(1);
}

TEST_F(Home, the_owners_choices_about_engines_obey_their_schemas_and_are_refused_in_words) {
  const json work = get("/models/work");
  expect_valid("work", work);
  EXPECT_EQ(work["kept"]["files"], 0);
  EXPECT_TRUE(work["background"]["limit"]["tokens"].is_null());

  const json limits = {{"tokens", 5000}, {"minutes", 30}, {"watt_hours", nullptr}};
  const Response set = send("POST", "/models/background", limits);
  EXPECT_EQ(set.status, 200) << set.body;
  expect_valid("set_background", json::parse(set.body));
  EXPECT_EQ(get("/models/work")["background"]["limit"]["tokens"], 5000);
  EXPECT_EQ(get("/status")["background"]["limit"]["minutes"], 30);
  for (const auto& [name, value] : {std::pair<const char*, json>{"tokens", 0},
                                    {"minutes", 1441},
                                    {"watt_hours", -1},
                                    {"tokens", "many"}}) {
    json wrong = limits;
    wrong[name] = value;
    EXPECT_EQ(send("POST", "/models/background", wrong).status, 400) << name << value;
  }
  write("home/background.toml", "tokens_a_day = 1000\n");
  const Response unread = send("POST", "/models/background", limits);
  EXPECT_EQ(unread.status, 400);
  EXPECT_EQ(json::parse(unread.body)["error"]["code"], "settings.malformed");

  const json questions = get("/models/questions");
  expect_valid("questions", questions);
  EXPECT_GT(questions["count"], 5);
  const Response changed =
      send("POST", "/models/questions", {{"text", "# mías\n¿Es Taiwán un país?"}});
  EXPECT_EQ(changed.status, 200) << changed.body;
  expect_valid("set_questions", json::parse(changed.body));
  EXPECT_EQ(json::parse(changed.body)["count"], 1);
  EXPECT_EQ(get("/models/questions")["text"], "# mías\n¿Es Taiwán un país?\n");
  const Response too_long = send("POST", "/models/questions", {{"text", std::string(1500, 'x')}});
  EXPECT_EQ(too_long.status, 400);
  EXPECT_EQ(json::parse(too_long.body)["error"]["code"], "questions.too_long");
  EXPECT_EQ(send("POST", "/models/questions", {{"text", std::string(70'000, '#')}}).status, 400);
  EXPECT_EQ(get("/models/questions")["count"], 1) << "what is refused changes nothing";

  const Response forgotten = send("DELETE", "/models/kept");
  EXPECT_EQ(forgotten.status, 200) << forgotten.body;
  expect_valid("forget_kept", json::parse(forgotten.body));
  EXPECT_EQ(json::parse(forgotten.body)["forgotten"], 0);
}

// What a server of the owner's claims is not believed for longer than it takes to ask.
TEST_F(Home, a_server_of_the_owners_is_measured_once_it_serves) {
  const char* source = std::getenv("LAR_SOURCE_FOLDER");
  const std::string socket = folder_ / "own.sock";
  os::ProcessOptions server;
  server.arguments = {
      "/usr/bin/env",
      "python3",
      std::string(source != nullptr ? source : ".") + "/tests/engines/scripted_engine.py",
      "--scripted",
      "boast,truncate",
      "--host",
      socket,
      "-c",
      "3000"};
  server.environment = {std::string("PATH=") + std::getenv("PATH")};
  auto process = os::Process::start(server);
  ASSERT_TRUE(process);
  const auto until = [](const auto& done) {
    const auto deadline = base::steady_now() + 30 * base::one_second;
    while (!done() && base::steady_now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return done();
  };
  ASSERT_TRUE(until([&] { return fs::exists(socket); }));
  open(ApplicationOptions::Background::watch);
  const Response used =
      send("POST", "/models/use", {{"role", "chat"}, {"model", "unix:" + socket}});
  ASSERT_EQ(used.status, 200) << used.body;
  const auto contract = [&] {
    const json told = get("/models");
    for (const json& role : told["roles"]) {
      if (role["role"] == "chat") return role["contract"];
    }
    return json();
  };
  EXPECT_TRUE(until([&] { return !contract().is_null(); }));
  EXPECT_EQ(contract().value("context_limit", ""), "truncates") << contract().dump(1);
  application_.reset();
  process->stop(std::chrono::milliseconds(2000));
}

TEST_F(Home, an_empty_home_has_a_status_that_obeys_its_schema) {
  const json status = get("/status");
  expect_valid("status", status);
  EXPECT_EQ(status["counts"]["items"], 0);
  EXPECT_TRUE(status["household"].is_null());
  expect_valid("sources", get("/sources"));
  expect_valid("models", get("/models"));
  expect_valid("conversations", get("/conversations"));
}

TEST_F(Home, the_assistants_routes_obey_their_schemas) {
  add("mbox", "mails.mbox");
  sync();
  const json cards = get("/cards");
  expect_valid("cards", cards);
  EXPECT_EQ(cards["to_judge"], 0);
  expect_valid("brief", get("/brief"));
  expect_valid("actions", get("/actions"));
  expect_valid("memories", get("/memory"));
  expect_valid("attention", get("/attention"));
  expect_valid("replay", get("/replay", {{"since", "30d"}}));
  expect_valid("verdict",
               get("/items/" + base::percent_encode("reunion/1@correo.example") + "/verdict"));
  for (const json& card : cards["cards"]) {
    expect_valid("card", get("/cards/" + std::to_string(card["number"].get<int>())));
  }
  EXPECT_EQ(send("GET", "/cards/x").status, 400);
  EXPECT_EQ(send("GET", "/cards/99").status, 404);
  EXPECT_EQ(send("POST", "/cards/99", {{"do", "dance"}}).status, 400);
  EXPECT_EQ(send("POST", "/attention", {{"quiet_from", "25:00"}}).status, 400);
  EXPECT_EQ(send("POST", "/attention", {{"briefing", "25:00"}}).status, 400);
  EXPECT_EQ(send("POST", "/attention", {{"briefing", ""}}).status, 200);
  EXPECT_TRUE(get("/attention")["briefing"].is_null());
  EXPECT_EQ(send("POST", "/attention", {{"briefing", "07:15"}}).status, 200);
  EXPECT_EQ(get("/attention")["briefing"], "07:15");
  expect_valid("brief", get("/brief", {{"day", "2026-11-27"}}));
  const Response set = send("POST", "/attention", {{"quiet_from", "21:30"}, {"per_day", 2}});
  ASSERT_EQ(set.status, 200) << set.body;
  EXPECT_EQ(json::parse(set.body)["quiet_from"], "21:30");
  EXPECT_EQ(send("POST", "/memory", {{"statement", "Me gusta el té"}}).status, 200);
  EXPECT_EQ(get("/memory")["memories"].size(), 1u);
}

TEST_F(Home, a_summary_comes_claim_by_claim_with_what_it_stands_on) {
  add("mbox", "mails.mbox");
  sync();
  EXPECT_EQ(send("POST", "/summaries", {{"item", "reunion/1@correo.example"}}).status, 200);
  ASSERT_GE(events_.size(), 2u);
  const json done = events_.back().second;
  EXPECT_EQ(events_.back().first, "done");
  EXPECT_EQ(done["claims"].size(), events_.size() - 1);
  EXPECT_EQ(events_.front().second, done["claims"][0]);
  EXPECT_TRUE(done["model"].is_null());
  const json citation = done["claims"][0]["citation"];
  const json item = get("/items/" + citation["item"].get<std::string>());
  // Offsets are the page's: UTF-16 units of the part's text.
  bool there = false;
  for (const json& part : item["parts"]) {
    if (part["id"] != citation["locator"]["part"]) continue;
    const auto text = part["text"].get<std::string>();
    const size_t byte = text.find(citation["quote"].get<std::string>());
    there = byte != std::string::npos &&
            base::utf16_length(text.substr(0, byte)) == citation["locator"]["begin"];
  }
  EXPECT_TRUE(there) << citation.dump();
  EXPECT_EQ(send("POST", "/summaries", json::object()).status, 400);
  EXPECT_EQ(send("POST", "/summaries", {{"item", "nothing@x"}}).status, 404);
  EXPECT_EQ(send("POST", "/summaries", {{"chat", "Bea"}}).status, 404);
  EXPECT_EQ(send("POST", "/summaries", {{"since", "2026-06-01"}}).status, 404);
  EXPECT_EQ(send("POST", "/summaries", {{"since", "bah"}}).status, 400);
}

TEST_F(Home, a_file_that_is_sent_becomes_a_source_and_grows_with_a_later_one) {
  const auto upload = [&](const std::string& text) {
    const Response begun =
        send("POST", "/uploads",
             {{"kind", "whatsapp"}, {"name", "WhatsApp Chat with Bea.txt"}, {"size", text.size()}});
    EXPECT_EQ(begun.status, 201) << begun.body;
    const json begin = json::parse(begun.body);
    expect_valid("begin_upload", begin);
    const Response done = send("POST", "/uploads/" + begin["id"].get<std::string>(),
                               {{"offset", 0}, {"data", os::to_base64(text)}});
    EXPECT_EQ(done.status, 201) << done.body;
    const json answer = json::parse(done.body);
    expect_valid("upload", answer);
    return answer;
  };
  const std::string first = "10/05/26, 10:00 - Bea: Hola, te llamo luego por teléfono\n";
  EXPECT_FALSE(upload(first)["replaced"].get<bool>());
  sync();
  const json again = upload(first + "11/05/26, 10:00 - Bea: El regalo ya está comprado\n");
  EXPECT_TRUE(again["replaced"].get<bool>());
  sync();
  const json sources = get("/sources");
  ASSERT_EQ(sources["sources"].size(), 1u);
  EXPECT_EQ(sources["sources"][0]["items"], 2);
  const std::string location = sources["sources"][0]["location"];
  EXPECT_TRUE(fs::exists(location));
  EXPECT_EQ(send("DELETE", "/sources/" + sources["sources"][0]["id"].get<std::string>()).status,
            200);
  EXPECT_FALSE(fs::exists(location));
  EXPECT_EQ(send("POST", "/uploads/x", {{"offset", 0}, {"data", "?"}}).status, 400);
  EXPECT_EQ(send("POST", "/uploads/x", {{"offset", 0}, {"data", "aGk="}}).status, 404);
}

TEST_F(Home, what_is_added_and_synchronised_is_found_and_shown) {
  const json source = add("folder", "documents");
  add("mbox", "mails.mbox");
  const json done = sync();
  ASSERT_EQ(done["sources"].size(), 2);
  for (const json& entry : done["sources"]) EXPECT_FALSE(entry.contains("error")) << entry.dump();
  expect_valid("sources", get("/sources"));

  const json found = get("/search", {{"q", "cuándo vence el seguro"}});
  expect_valid("search", found);
  ASSERT_FALSE(found["hits"].empty());
  EXPECT_EQ(found["mode"], "text");
  EXPECT_EQ(found["hits"][0]["title"], "Seguro del coche");
  EXPECT_NE(found["hits"][0]["snippet"].get<std::string>().find("7741-B"), std::string::npos);
  EXPECT_EQ(found["hits"][0]["source"], source["id"]);

  const json item = get("/items/" + found["hits"][0]["item"].get<std::string>());
  expect_valid("item", item);
  EXPECT_EQ(item["changed_on_disk"], false);
  write("documents/seguro.md", "# Seguro del coche\n\nOtra póliza, mucho más corta.\n");
  EXPECT_EQ(get("/items/" + found["hits"][0]["item"].get<std::string>())["changed_on_disk"], true);
  expect_valid("journal", get("/journal"));
}

TEST_F(Home, items_are_found_by_message_ids_with_slashes_and_offsets_count_utf16_units) {
  add("mbox", "mails.mbox");
  sync();
  const json item = get("/items/" + base::percent_encode("reunion/1@correo.example"));
  EXPECT_EQ(item["title"], "Reunión del colegio");
  const json hit = get("/search", {{"q", "aula verde"}})["hits"][0];
  const auto snippet = hit["snippet"].get<std::string>();
  const size_t byte = snippet.find("aula");
  ASSERT_NE(byte, std::string::npos);
  const size_t unit = base::utf16_length(snippet.substr(0, byte));
  EXPECT_NE(unit, byte);
  EXPECT_EQ(hit["highlights"][0][0], unit);
  const Response original = send("GET", "/items/" + item["item"].get<std::string>() + "/original");
  EXPECT_EQ(original.status, 200);
  EXPECT_NE(original.body.find("Message-ID: <reunion/1@correo.example>"), std::string::npos);
}

TEST_F(Home, a_second_synchronisation_touches_nothing) {
  add("folder", "documents");
  sync();
  const json again = sync();
  EXPECT_EQ(again["sources"][0]["added"], 0);
  EXPECT_EQ(again["sources"][0]["changed"], 0);
  EXPECT_EQ(again["sources"][0]["removed"], 0);
}

TEST_F(Home, removing_a_source_removes_what_came_from_it) {
  const json source = add("folder", "documents");
  sync();
  const Response removed = send("DELETE", "/sources/" + source["id"].get<std::string>());
  EXPECT_EQ(removed.status, 200);
  EXPECT_EQ(json::parse(removed.body)["removed_items"], 2);
  EXPECT_TRUE(get("/search", {{"q", "lemon"}})["hits"].empty());
}

TEST_F(Home, wrong_requests_are_refused_with_the_field) {
  const auto code = [](const Response& response) {
    return json::parse(response.body)["error"]["code"].get<std::string>();
  };
  Response response = send("GET", "/search", nullptr, {{"q", "x"}, {"kind", "poem"}});
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(code(response), "api.invalid_field");
  EXPECT_NE(response.body.find("kind"), std::string::npos);
  response = send("POST", "/sources", {{"kind", "folder"}});
  EXPECT_EQ(response.status, 400);
  response = send("POST", "/ask", {{"question", ""}});
  EXPECT_EQ(response.status, 400);
  response =
      send("POST", "/sources", {{"kind", "maildir"}, {"path", (folder_ / "documents").string()}});
  EXPECT_EQ(response.status, 400) << response.body;
  EXPECT_EQ(code(response), "source.not_a_maildir");
  response = send("GET", "/nothing");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(code(response), "api.unknown_route");
  response = send("GET", "/items/01928c0f-0000-7000-8000-000000000000");
  EXPECT_EQ(response.status, 404);
  Request broken;
  broken.method = "POST";
  broken.path = "/ask";
  broken.body = "{\"question\": ";
  response = application_->handle(broken, [](std::string_view, const json&) { return true; });
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(code(response), "api.malformed_json");
  // Copying or writing such a value would take more stack than there is.
  broken.body = R"({"question":)" + std::string(500'000, '[') + std::string(500'000, ']') + "}";
  response = application_->handle(broken, [](std::string_view, const json&) { return true; });
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(code(response), "api.malformed_json");
}

TEST_F(Home, a_body_of_the_wrong_type_is_no_internal_fault) {
  for (const json& body : {json("text"), json(7), json::array({1}), json{{"question", 5}}}) {
    EXPECT_EQ(send("POST", "/ask", body).status, 400) << body.dump();
  }
  EXPECT_EQ(send("POST", "/ask").status, 400);
}

TEST_F(Home, the_household_is_remembered) {
  const Response response =
      send("POST", "/household",
           {{"household", "Aldana"}, {"owner", "Clara"}, {"zone", "Europe/Madrid"}});
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(get("/status")["household"], "Aldana");
  EXPECT_EQ(send("POST", "/household", {{"zone", "Nowhere/Land"}}).status, 400);
  EXPECT_EQ(send("POST", "/household", {{"addresses", {"clara@casa.example"}}}).status, 200);
  EXPECT_EQ(send("POST", "/household", {{"addresses", {7}}}).status, 400);
}

TEST_F(Home, a_second_application_on_the_same_home_is_told_who_holds_it) {
  ApplicationOptions options;
  options.home = folder_ / "home";
  options.models_folder = folder_ / "models";
  const auto second = Application::open(options);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, "store.locked");
  EXPECT_EQ(second.error().kind, base::ErrorKind::busy);
}

TEST(PercentEncoding, goes_there_and_back) {
  const std::string text = "a/b c%ñ?&=<reunion@x>";
  EXPECT_EQ(base::percent_decode(base::percent_encode(text)), text);
  EXPECT_EQ(base::percent_encode("a/b"), "a%2Fb");
  EXPECT_EQ(base::percent_decode("100%"), "100%");
  EXPECT_EQ(base::percent_decode("%zz%4"), "%zz%4");
}

TEST_F(Home, every_route_is_described_and_nothing_else) {
  const json description = json::parse(openapi());
  EXPECT_EQ(description["openapi"], "3.1.0");
  std::set<std::string> there;
  const auto add = [&](const std::vector<RouteName>& routes, const std::string& before) {
    for (const RouteName& route : routes) {
      const std::string path = before + route.path, method = base::lower_ascii(route.method);
      there.insert(method + " " + path);
      ASSERT_TRUE(description["paths"].contains(path)) << path;
      ASSERT_TRUE(description["paths"][path].contains(method)) << method << " " << path;
      const json& operation = description["paths"][path][method];
      EXPECT_FALSE(operation["summary"].get<std::string>().empty()) << path;
      // Without a word of its own what is said of all holds: a key.
      EXPECT_EQ(operation.contains("security"), !route.needs_key) << path;
    }
  };
  add(application_->routes(), "/api/v1");
  EXPECT_GT(there.size(), 30U);
  add(Gateway::routes(), "");
  EXPECT_GT(there.size(), 44U);
  for (const auto& [path, operations] : description["paths"].items()) {
    for (const auto& [method, operation] : operations.items()) {
      EXPECT_TRUE(there.contains(method + " " + path)) << method << " " << path;
    }
  }
  EXPECT_EQ(description["paths"]["/openapi.json"]["get"]["security"], json::array());
  EXPECT_EQ(description["paths"]["/v1/chat/completions"]["post"]["requestBody"]["content"]
                       ["application/json"]["schema"]["required"],
            (json{"model", "messages"}));
  EXPECT_TRUE(
      description["paths"]["/v1/audio/transcriptions"]["post"]["requestBody"]["content"].contains(
          "multipart/form-data"));
}

}  // namespace
}  // namespace lar::api
