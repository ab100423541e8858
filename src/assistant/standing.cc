#include "assistant/standing.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "assistant/watcher.h"
#include "base/text.h"

namespace lar::assistant {
namespace {

using base::ErrorKind;
using base::Result;
using base::Status;
using nlohmann::json;

constexpr const char* setting = "standing_rules";

std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

Status save(store::Store& store, const std::vector<StandingRule>& rules, std::int64_t last) {
  json list = json::array();
  for (const StandingRule& rule : rules) {
    list.push_back({{"number", rule.number},
                    {"action", rule.action},
                    {"card", rule.card},
                    {"person", rule.person},
                    {"made", rule.made}});
  }
  // Numbers are never used twice: an old one must not name a new rule.
  return store.set_setting(setting, dump({{"last", last}, {"rules", std::move(list)}}));
}

Result<json> kept(store::Store& store) {
  TRY_ASSIGN(const std::string text, store.setting(setting));
  json value = json::parse(text, nullptr, false);
  return value.is_object() ? value : json{{"last", 0}, {"rules", json::array()}};
}

bool is_about_suspicion(const store::Card& card) { return card.kind == "suspicious"; }

// Something leaves the house by it.
bool sends_mail(const std::string& action) {
  return action == "send_mail" || action.ends_with("_invitation");
}

}  // namespace

Result<std::vector<StandingRule>> standing_rules(store::Store& store) {
  TRY_ASSIGN(const json value, kept(store));
  std::vector<StandingRule> rules;
  for (const json& one : value.value("rules", json::array())) {
    rules.push_back({one.value("number", std::int64_t{0}), one.value("action", ""),
                     one.value("card", ""), one.value("person", ""),
                     one.value("made", base::Microseconds{0})});
  }
  return rules;
}

Result<StandingRule> add_standing_rule(store::Store& store, const store::Card& card,
                                       const std::string& action, ForWhom whom) {
  if (is_about_suspicion(card)) return base::fail(ErrorKind::permission, "standing.suspicious");
  StandingRule rule;
  rule.action = action;
  rule.card = card.kind;
  if (whom == ForWhom::person) rule.person = base::lower_ascii(card.person);
  if (sends_mail(action) && rule.person.empty()) {
    return base::fail(ErrorKind::permission, "standing.too_wide");
  }
  TRY_ASSIGN(std::vector<StandingRule> rules, standing_rules(store));
  for (const StandingRule& known : rules) {
    if (known.action == rule.action && known.card == rule.card && known.person == rule.person) {
      return known;
    }
  }
  TRY_ASSIGN(const json value, kept(store));
  rule.number = value.value("last", std::int64_t{0}) + 1;
  rule.made = base::Clock::now();
  rules.push_back(rule);
  TRY(save(store, rules, rule.number));
  TRY(store.write_journal(
      "approval", "journal.standing_added",
      dump({{"kind", rule.action}, {"card", rule.card}, {"rule", rule.number}})));
  return rule;
}

Status remove_standing_rule(store::Store& store, std::int64_t number) {
  TRY_ASSIGN(std::vector<StandingRule> rules, standing_rules(store));
  TRY_ASSIGN(const json value, kept(store));
  if (std::erase_if(rules, [&](const StandingRule& rule) { return rule.number == number; }) == 0) {
    return base::fail(ErrorKind::not_found, "standing.unknown",
                      {{"number", std::to_string(number)}});
  }
  TRY(save(store, rules, value.value("last", std::int64_t{0})));
  return store.write_journal("approval", "journal.standing_removed", dump({{"rule", number}}));
}

const StandingRule* rule_for(const std::vector<StandingRule>& rules, const store::Card& card,
                             const store::Action& action) {
  if (action.state != store::ActionState::proposed || is_about_suspicion(card)) return nullptr;
  for (const StandingRule& rule : rules) {
    if (rule.action == action.kind && rule.card == card.kind &&
        (rule.person.empty() || rule.person == base::lower_ascii(card.person))) {
      return &rule;
    }
  }
  return nullptr;
}

bool may_act_alone(store::Store& store, reading::ReadingService& reading, const store::Card& card,
                   const store::Action& action, std::stop_token stop) {
  const auto others = store.assistant().actions(card.number);
  if (!others) return false;
  // What was taken back, refused or did not work once is the owner's to decide again.
  const bool decided = std::any_of(others->begin(), others->end(), [&](const auto& other) {
    return other.kind == action.kind && other.state != store::ActionState::proposed;
  });
  if (decided) return false;
  bool proven = false;
  for (const store::CardItem& evidence : card.evidence) {
    // Who wrote in an exported chat, nothing proves.
    if (evidence.kind == domain::ItemKind::message) return false;
    if (evidence.kind != domain::ItemKind::mail) continue;
    const auto verdict = store.assistant().verdict(evidence.item);
    if (!verdict || !*verdict || !(*verdict)->has_read || (*verdict)->suspicious != "none") {
      return false;
    }
    const auto facts = store.assistant().facts_of(evidence.item);
    if (!facts || std::any_of(facts->begin(), facts->end(),
                              [](const store::Fact& fact) { return fact.kind == "order"; })) {
      return false;
    }
    const auto loaded = load_mail(store, reading, evidence.item, stop);
    if (!loaded) return false;
    const std::string checks = base::lower_ascii(loaded->mail.header("authentication-results"));
    if (checks.find("dmarc=fail") != std::string::npos ||
        checks.find("spf=fail") != std::string::npos) {
      return false;
    }
    proven = checks.find("dmarc=pass") != std::string::npos;
    if (sends_mail(action.kind) && !proven) return false;
  }
  // Whoever is proven is whom the answer goes to.
  const json content = json::parse(action.content, nullptr, false);
  if (content.is_object() && content.contains("organizer") &&
      content["organizer"] != base::lower_ascii(card.person)) {
    return false;
  }
  return !sends_mail(action.kind) || proven;
}

Status note_rule(store::Store& store, const store::Action& action, const StandingRule& rule) {
  json content = json::parse(action.content, nullptr, false);
  if (!content.is_object()) content = json::object();
  content["rule"] = rule.number;
  return store.assistant().edit_action(action.id, dump(content), store::AssistantStore::By::code);
}

}  // namespace lar::assistant
