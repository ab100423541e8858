// An answer as JSON and back: what conversations keep and what the faces show. Pure functions.
#include <nlohmann/json.hpp>

#include "copilot/copilot.h"
#include "domain/json.h"

namespace lar::copilot {
using nlohmann::json;

namespace {
json when_json(const std::optional<domain::When>& value) {
  return value ? domain::to_json(*value) : json();
}
}  // namespace

json to_json(const Citation& citation) {
  return {{"number", citation.number},
          {"item", citation.item.text()},
          {"external_id", citation.external_id},
          {"kind", domain::name_of(citation.kind)},
          {"title", citation.title},
          {"when", when_json(citation.when)},
          {"locator", domain::to_json(citation.locator)},
          {"quote", citation.quote}};
}

json to_json(const ReadPassage& passage) {
  json result = {{"number", passage.number},
                 {"item", passage.item.text()},
                 {"kind", domain::name_of(passage.kind)},
                 {"title", passage.title},
                 {"when", when_json(passage.when)},
                 {"locator", domain::to_json(passage.locator)},
                 {"score", passage.score},
                 {"tokens", passage.tokens}};
  if (!passage.features.empty()) result["features"] = passage.features;
  if (passage.holds) result["holds"] = *passage.holds;
  if (passage.weight) result["weight"] = *passage.weight;
  if (!passage.stated.empty()) result["stated"] = passage.stated;
  if (passage.support) result["support"] = *passage.support;
  return result;
}

json to_json(const Answer& answer) {
  json claims = json::array(), citations = json::array(), read = json::array(), cut = json::array();
  for (const Claim& claim : answer.claims) {
    claims.push_back(
        {{"text", claim.text}, {"citations", claim.citations}, {"support", claim.support}});
  }
  for (const Citation& citation : answer.citations) citations.push_back(to_json(citation));
  for (const ReadPassage& passage : answer.read) read.push_back(to_json(passage));
  for (const CutPassage& passage : answer.cut) {
    cut.push_back({{"item", passage.item.text()},
                   {"title", passage.title},
                   {"reason", passage.reason},
                   {"tokens", passage.tokens}});
  }
  return {{"question", answer.question},
          {"answer", answer.text},
          {"declined", answer.declined},
          {"basis", answer.basis == Basis::data ? "data" : "model"},
          {"language", base::language_code(answer.language)},
          {"claims", claims},
          {"citations", citations},
          {"read", read},
          {"cut", cut},
          {"retrieve_ms", answer.retrieve_ms},
          {"first_claim_ms", answer.first_claim_ms},
          {"total_ms", answer.total_ms},
          {"prompt_tokens", answer.prompt_tokens},
          {"cached_tokens", answer.cached_tokens},
          {"completion_tokens", answer.completion_tokens},
          {"left_out_messages", answer.left_out_messages},
          {"model", answer.model},
          {"owner_said", answer.owner_said},
          {"turn", answer.turn ? json(answer.turn->text()) : json()},
          {"conversation", answer.conversation ? json(answer.conversation->text()) : json()}};
}

base::Result<Answer> answer_from_json(const json& value) {
  const auto malformed = [] {
    return base::fail(base::ErrorKind::corrupt, "ask.malformed_answer");
  };
  Answer answer;
  // Written by to_json above; anything else is damage, which the library reports by throwing.
  try {
    const auto id_of = [](const json& text) {
      return base::Id::parse(text.get<std::string>()).value_or(base::Id{});
    };
    const auto when_of = [](const json& when) -> std::optional<domain::When> {
      if (when.is_null()) return std::nullopt;
      if (auto parsed = domain::when_from_json(when)) return *parsed;
      return std::nullopt;
    };
    answer.question = value.at("question");
    answer.text = value.at("answer");
    answer.declined = value.at("declined");
    answer.basis = value.at("basis") == "data" ? Basis::data : Basis::model;
    answer.language = base::language_from_code(value.at("language").get<std::string>());
    for (const json& claim : value.at("claims")) {
      answer.claims.push_back(
          {claim.at("text"), claim.at("citations").get<std::vector<int>>(), claim.at("support")});
    }
    for (const json& entry : value.at("citations")) {
      Citation citation;
      citation.number = entry.at("number");
      citation.item = id_of(entry.at("item"));
      citation.external_id = entry.at("external_id");
      citation.kind = domain::item_kind_from(entry.at("kind").get<std::string>())
                          .value_or(domain::ItemKind::document);
      citation.title = entry.at("title");
      citation.when = when_of(entry.at("when"));
      TRY_ASSIGN(citation.locator, domain::locator_from_json(entry.at("locator")));
      citation.quote = entry.at("quote");
      answer.citations.push_back(std::move(citation));
    }
    for (const json& entry : value.at("read")) {
      ReadPassage passage;
      passage.number = entry.at("number");
      passage.item = id_of(entry.at("item"));
      passage.kind = domain::item_kind_from(entry.at("kind").get<std::string>())
                         .value_or(domain::ItemKind::document);
      passage.title = entry.at("title");
      passage.when = when_of(entry.at("when"));
      TRY_ASSIGN(passage.locator, domain::locator_from_json(entry.at("locator")));
      passage.score = entry.at("score");
      passage.tokens = entry.at("tokens");
      if (entry.contains("holds")) passage.holds = entry.at("holds").get<double>();
      if (entry.contains("weight")) passage.weight = entry.at("weight").get<double>();
      passage.stated = entry.value("stated", std::string());
      if (entry.contains("support")) passage.support = entry.at("support").get<double>();
      answer.read.push_back(std::move(passage));
    }
    for (const json& entry : value.at("cut")) {
      answer.cut.push_back(
          {id_of(entry.at("item")), entry.at("title"), entry.at("reason"), entry.at("tokens")});
    }
    answer.retrieve_ms = value.at("retrieve_ms");
    answer.first_claim_ms = value.at("first_claim_ms");
    answer.total_ms = value.at("total_ms");
    answer.prompt_tokens = value.at("prompt_tokens");
    answer.cached_tokens = value.at("cached_tokens");
    answer.completion_tokens = value.at("completion_tokens");
    answer.left_out_messages = value.value("left_out_messages", 0);
    answer.model = value.at("model");
    answer.owner_said = value.value("owner_said", "");
    if (!value.at("conversation").is_null()) answer.conversation = id_of(value.at("conversation"));
  } catch (const json::exception&) {
    return malformed();
  }
  return answer;
}

}  // namespace lar::copilot
