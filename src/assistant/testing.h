// What the tests of the assistant share: engines that only count, and a home over a real store with
// real readers, a Maildir and a calendar file.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "assistant/desk.h"
#include "os/file.h"
#include "sources/testing.h"

namespace lar::assistant::testing {

using nlohmann::json;
using store::ActionState;
using store::AssistantStore;
using store::Card;

// No model: a call fails, unless a test gives the answer. Calls are counted. Of embeddings a test
// gives which words mean the same; all others mean nothing that another does.
class NoEngines final : public engine::Engines {
 public:
  base::Result<engine::ChatResult> chat(engine::Role, const engine::ChatRequest& request,
                                        const std::function<void(std::string_view)>&,
                                        std::stop_token) override {
    ++calls;
    asked = request;
    if (!answer.empty()) {
      engine::ChatResult result;
      result.text = answer;
      return result;
    }
    return base::fail(base::ErrorKind::unavailable, "role.unbound", {{"role", "chat"}});
  }
  base::Result<std::vector<std::vector<float>>> embed(engine::EmbedKind,
                                                      const std::vector<engine::EmbedText>& texts,
                                                      std::stop_token) override {
    ++calls;
    if (same.empty()) {
      return base::fail(base::ErrorKind::unavailable, "role.unbound", {{"role", "embed"}});
    }
    std::vector<std::vector<float>> vectors(texts.size(),
                                            std::vector<float>(same.size() + texts.size(), 0.0F));
    for (std::size_t at = 0; at < texts.size(); ++at) {
      std::size_t direction = same.size() + at;
      for (std::size_t group = 0; group < same.size(); ++group) {
        if (same[group].contains(texts[at].text)) direction = group;
      }
      vectors[at][direction] = 1;
    }
    return vectors;
  }
  base::Result<int> count_tokens(engine::Role, const std::string&) override { return 0; }
  base::Status forward(engine::Role, const engine::RawRequest&,
                       const std::function<void(const engine::RawHead&)>&,
                       const std::function<bool(std::string_view)>&, std::stop_token) override {
    ++calls;
    return base::fail(base::ErrorKind::unavailable, "role.unbound", {{"role", "chat"}});
  }
  std::string embed_space() override { return same.empty() ? "" : "test/1"; }
  int context_tokens(engine::Role) override { return 0; }
  std::string bound_to(engine::Role role) override {
    return role == engine::Role::chat ? bound : std::string();
  }
  std::vector<engine::EngineStatus> status() override { return {}; }
  base::Status use(engine::Role, const std::string&) override { return {}; }
  base::Status bind_defaults() override { return {}; }
  void stop_all() override {}

  std::vector<std::set<std::string>> same;  // words of one meaning, in small letters
  std::string bound, answer;
  engine::ChatRequest asked;
  std::atomic<int> calls = 0;
};

inline std::string mail_text(const std::string& id, const std::string& from, const std::string& to,
                             const std::string& date, const std::string& subject,
                             const std::string& body, const std::string& more = "") {
  return "From: " + from + "\nTo: " + to + "\nSubject: " + subject + "\nDate: " + date +
         "\nMessage-ID: <" + id + ">\n" + more +
         "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: "
         "8bit\n\n" +
         body + "\n";
}

inline constexpr const char* ana = "Ana Robles <ana.robles@correo.example>";
inline constexpr const char* me = "Clara Soler <clara@casa.example>";

class HomeTest : public ::testing::Test {
 protected:
  HomeTest() {
    base::Clock::fix(*base::parse_rfc3339("2026-05-14T09:30:00+02:00"), "Europe/Madrid");
    ::setenv("LAR_LANGUAGE", "en", 1);
    EXPECT_TRUE(home.store->set_setting("addresses", R"(["clara@casa.example"])"));
    EXPECT_TRUE(home.store->set_setting("owner", "Clara Soler"));
    for (const char* folder : {"mail/cur", "mail/new", "mail/tmp", "mail/.Sent/cur",
                               "mail/.Sent/new", "mail/.Sent/tmp"}) {
      home.folder.make_folder(folder);
    }
  }
  ~HomeTest() override { base::Clock::fix({}, {}); }

  void receive(const std::string& name, const std::string& text) {
    home.folder.write("mail/cur/" + name + ":2,", text);
  }
  void send(const std::string& name, const std::string& text) {
    home.folder.write("mail/.Sent/cur/" + name + ":2,S", text);
  }
  void sync() {
    if (!source.id.is_nil()) {
      home.sync(source);
      return;
    }
    source = home.add("maildir", home.folder.path("mail"));
    home.sync(source);
  }
  void sync_calendar() {
    if (calendar.id.is_nil()) calendar = home.add("ics", home.folder.path("family.ics"));
    home.sync(calendar);
  }
  AssistantStore& assistant() { return home.store->assistant(); }
  std::unique_ptr<Desk> desk(Desk::Options options = {}) {
    options.home = home.folder.path("home");
    auto made = std::make_unique<Desk>(*home.store, engines, home.reading, std::move(options));
    EXPECT_TRUE(made->start());
    return made;
  }
  base::Status judge() {
    Watcher watcher(*home.store, engines, home.reading);
    return watcher.finish(Watcher::Models::yes, {}, {});
  }
  std::vector<Card> open_cards() {
    auto cards = assistant().cards(AssistantStore::Which::open);
    EXPECT_TRUE(cards);
    return *cards;
  }
  // The first of a kind.
  std::optional<Card> open_card(std::string_view kind) {
    std::vector<Card> cards = open_cards();
    for (Card& card : cards) {
      if (card.kind == kind) return std::move(card);
    }
    return std::nullopt;
  }
  std::string file(const std::string& name) {
    std::ifstream stream(home.folder.path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  sources::testing::Home home;
  NoEngines engines;
  store::Source source, calendar;
};

}  // namespace lar::assistant::testing
