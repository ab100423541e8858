// The assistant's routes: cards, briefing, actions, memory, attention, replay, verdicts. Each takes
// what the request said and gives the JSON of the answer; application.cc has them in its table. Any
// thread.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <string>

#include "assistant/desk.h"
#include "base/result.h"
#include "base/time_expression.h"

namespace lar::api {

// "2026-05-14T09:30:00+02:00", "2026-05-14", "30d", "12h", or words: "friday", "mañana a las 9".
// `direction` says on which side of now a day without year or week lies. Errors: time.malformed.
base::Result<base::Microseconds> time_of(const std::string& text, base::TimeDirection direction);

class AssistantRoutes {
 public:
  AssistantRoutes(store::Store& store, assistant::Desk& desk) : store_(store), desk_(desk) {}

  struct Given {
    std::string id;  // {id} of the path
    std::map<std::string, std::string> query;
    nlohmann::json body;
    base::Language language = base::Language::english;
    std::stop_token stop;
  };
  using Answer = base::Result<nlohmann::json>;

  Answer cards(const Given& given);
  Answer card(const Given& given);      // with its actions, exactly as they would be carried out
  Answer set_card(const Given& given);  // {do, until, event, begins, person}
  Answer brief(const Given& given);
  Answer actions(const Given& given);
  Answer act(const Given& given);   // {do, content}
  Answer plan(const Given& given);  // {text, event, start, who}
  Answer contact(
      const Given& given);  // {item, name, email, phone, account}: a card that proposes it
  Answer memories(const Given& given);
  Answer remember(const Given& given);
  Answer forget(const Given& given);
  Answer attention(const Given& given);
  Answer set_attention(const Given& given);
  Answer replay(const Given& given);
  Answer verdict(const Given& given);  // of an item
  Answer teach(const Given& given);    // {priority, personal, suspicious, take_back}

 private:
  // By id, or by external id (Message-ID, UID, path). Errors: item.unknown {id}.
  base::Result<base::Id> item_of(const std::string& name);
  nlohmann::json card_json(const store::Card& card, base::Language language);
  nlohmann::json action_json(const store::Action& action, const Given& given);
  nlohmann::json item_json(const base::Id& item);

  store::Store& store_;
  assistant::Desk& desk_;
};

}  // namespace lar::api
