#include "api/assistant_routes.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <thread>

#include "assistant/actions/fields.h"
#include "assistant/card_text.h"
#include "assistant/facts.h"
#include "assistant/plan.h"
#include "base/messages.h"

namespace lar::api {

using base::ErrorKind;
using base::Id;
using base::Microseconds;
using base::Result;
using nlohmann::json;
using store::AssistantStore;

namespace {

json or_null(const std::optional<Microseconds>& moment) {
  return moment ? json(base::format_rfc3339(*moment, base::Clock::zone())) : json();
}
json or_null(const std::string& text) { return text.empty() ? json() : json(text); }

std::string title_of(const char* group, const std::string& kind, base::Language language) {
  const std::string code = group + kind;
  return base::message(code, language);
}

json parsed(const std::string& text) {
  json value = json::parse(text, nullptr, false);
  return value.is_object() ? value : json::object();
}

Result<std::int64_t> number_of(const std::string& text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return base::fail(ErrorKind::invalid_input, "card.malformed_number", {{"text", text}});
  }
  return number;
}

// "Without asking: Add to calendar (Appointment), citas@clinica.example"
std::string standing_text(const assistant::StandingRule& rule, base::Language language) {
  return base::message(rule.person.empty() ? "standing.rule.anybody" : "standing.rule",
                       {{"action", title_of("action.", rule.action, language)},
                        {"card", title_of("card.title.", rule.card, language)},
                        {"who", rule.person}},
                       language);
}

std::string value_of(const std::map<std::string, std::string>& query, const char* name) {
  const auto found = query.find(name);
  return found == query.end() ? "" : found->second;
}

}  // namespace

Result<Microseconds> time_of(const std::string& text, base::TimeDirection direction) {
  const Microseconds now = base::Clock::now();
  const std::string zone = base::Clock::zone();
  if (const auto moment = base::parse_rfc3339(text)) return *moment;
  if (text.size() > 1 && (text.back() == 'd' || text.back() == 'h')) {
    int count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size() - 1, count);
    if (error == std::errc() && end == text.data() + text.size() - 1 && count > 0) {
      const Microseconds span =
          count * (text.back() == 'd' ? base::one_day : 3600 * base::one_second);
      return direction == base::TimeDirection::past ? now - span : now + span;
    }
  }
  const base::LocalTime local = base::to_local(now, zone);
  std::optional<base::Date> day = base::parse_date(text);
  if (!day) {
    const auto found = base::find_time_expressions(text, local.date, direction);
    if (!found.empty()) day = found.front().first;
  }
  const auto clocks = base::find_clock_times(text);
  if (!day && clocks.empty()) {
    return base::fail(ErrorKind::invalid_input, "time.malformed", {{"text", text}});
  }
  const bool ahead = direction == base::TimeDirection::future;
  base::LocalTime moment{day.value_or(local.date), ahead ? 9 : 0, 0, 0};
  if (!clocks.empty()) {
    moment.hour = clocks.front().hour;
    moment.minute = clocks.front().minute;
    if (!day && ahead && base::from_local(moment, zone) <= now) {
      moment.date = base::add_days(moment.date, 1);
    }
  }
  return base::from_local(moment, zone);
}

json AssistantRoutes::item_json(const Id& item) {
  json value = {
      {"item", item.text()}, {"external_id", json()}, {"title", json()}, {"kind", json()}};
  if (const auto stored = store_.item(item)) {
    value["external_id"] = stored->item.external_id;
    value["title"] = stored->item.title;
    value["kind"] = domain::name_of(stored->item.kind);
  }
  return value;
}

json AssistantRoutes::card_json(const store::Card& card, base::Language language) {
  json evidence = json::array();
  for (const store::CardItem& item : card.evidence) {
    evidence.push_back({{"item", item.item.text()},
                        {"external_id", item.external_id},
                        {"title", item.title},
                        {"kind", domain::name_of(item.kind)},
                        {"quote", or_null(item.quote)}});
  }
  json actions = json::array();
  if (const auto all = store_.assistant().actions(card.number)) {
    for (const store::Action& action : *all) {
      actions.push_back({{"id", action.id.text()},
                         {"position", action.position},
                         {"kind", action.kind},
                         {"title", title_of("action.", action.kind, language)},
                         {"state", name_of(action.state)}});
    }
  }
  return {{"number", card.number},
          {"kind", card.kind},
          {"title", title_of("card.title.", card.kind, language)},
          {"text", assistant::card_text(card, language, base::Clock::now(), base::Clock::zone())},
          {"urgency", card.urgency >= 2   ? "now"
                      : card.urgency == 1 ? "today"
                                          : "later"},
          {"origin", domain::name_of(card.origin)},
          {"person", or_null(card.person)},
          {"state", name_of(card.state)},
          {"until", or_null(card.until)},
          {"due", or_null(card.due)},
          {"made", or_null(std::optional(card.made))},
          {"changed", or_null(std::optional(card.changed))},
          {"route", or_null(card.route)},
          {"because", or_null(assistant::because_text(card.because, language))},
          {"notified", or_null(card.notified)},
          {"evidence", std::move(evidence)},
          {"actions", std::move(actions)}};
}

json AssistantRoutes::action_json(const store::Action& action, const Given& given) {
  json fields = json::array();
  if (action.state == store::ActionState::proposed) {
    for (const assistant::ActionField& field : assistant::fields_of(parsed(action.content))) {
      fields.push_back(
          {{"name", field.name},
           {"type", field.type},
           {"required", field.required},
           {"label", title_of("action.field.", std::string(field.name), given.language)}});
    }
  }
  const auto left = desk_.leaves_in(action.id);
  json value = {
      {"id", action.id.text()},
      {"card", action.card ? json(*action.card) : json()},
      {"position", action.position},
      {"kind", action.kind},
      {"title", title_of("action.", action.kind, given.language)},
      {"state", name_of(action.state)},
      {"content", parsed(action.content)},
      {"fields", std::move(fields)},
      {"preview", assistant::preview_action(desk_.context(given.language, given.stop), action)},
      {"result", action.result.empty() ? json() : parsed(action.result)},
      {"can_undo", action.state == store::ActionState::approved ||
                       (action.state == store::ActionState::done && !action.undo.empty())},
      {"leaves_in", left ? json(left->count()) : json()},
      {"changed", or_null(std::optional(action.changed))}};
  if (value["result"].is_object() && value["result"].contains("error")) {
    const json error = value["result"]["error"];
    base::Parameters parameters;
    for (const auto& [name, text] : error["params"].items()) {
      parameters.emplace_back(name, text.is_string() ? text.get<std::string>() : text.dump());
    }
    value["result"]["error"]["message"] =
        base::message(error.value("code", ""), parameters, given.language);
  }
  return value;
}

// ---- cards ----

AssistantRoutes::Answer AssistantRoutes::cards(const Given& given) {
  TRY(desk_.settle(given.stop));
  const bool all = value_of(given.query, "state") == "all";
  TRY_ASSIGN(const auto cards, store_.assistant().cards(all ? AssistantStore::Which::all
                                                            : AssistantStore::Which::open));
  TRY_ASSIGN(const std::int64_t waiting, store_.assistant().count_to_judge());
  json list = json::array();
  for (const store::Card& card : cards) {
    if (!all && (card.state == store::CardState::snoozed || card.route == "silent")) continue;
    list.push_back(card_json(card, given.language));
  }
  json next;
  TRY_ASSIGN(const auto event, desk_.next_event());
  if (event) {
    next = {{"item", event->item.text()},
            {"title", event->title},
            {"starts", or_null(std::optional(event->starts))},
            {"ends", or_null(std::optional(event->ends))}};
  }
  return json{{"cards", std::move(list)}, {"to_judge", waiting}, {"next_event", std::move(next)}};
}

AssistantRoutes::Answer AssistantRoutes::card(const Given& given) {
  TRY_ASSIGN(const std::int64_t number, number_of(given.id));
  TRY_ASSIGN(const store::Card card, store_.assistant().card(number));
  json value = card_json(card, given.language);
  TRY_ASSIGN(const auto actions, store_.assistant().actions(number));
  json list = json::array();
  for (const store::Action& action : actions) {
    auto complete =
        assistant::complete_action(desk_.context(given.language, given.stop), action.id);
    // What cannot be done (no calendar) is shown as it is; approving it says why.
    list.push_back(action_json(complete ? *complete : action, given));
  }
  value["actions"] = std::move(list);
  return value;
}

AssistantRoutes::Answer AssistantRoutes::set_card(const Given& given) {
  using Deed = assistant::Desk::Deed;
  TRY_ASSIGN(const std::int64_t number, number_of(given.id));
  const std::string what = given.body.value("do", "");
  static const std::map<std::string, Deed> deeds = {
      {"seen", Deed::seen},      {"done", Deed::done},   {"dismiss", Deed::dismissed},
      {"snooze", Deed::snoozed}, {"never", Deed::never}, {"always", Deed::always},
      {"reopen", Deed::reopened}};
  if (what == "snooze" && given.body.contains("event")) {
    TRY_ASSIGN(const store::Card card,
               desk_.put_off_until(number, given.body["event"].get<std::string>(),
                                   given.body.value("begins", false)));
    return card_json(card, given.language);
  }
  std::optional<Microseconds> until;
  if (given.body.contains("until")) {
    TRY_ASSIGN(until, time_of(given.body["until"].get<std::string>(), base::TimeDirection::future));
  }
  TRY_ASSIGN(const store::Card card,
             desk_.set_card(number, deeds.at(what), until, given.body.value("person", false)));
  return card_json(card, given.language);
}

AssistantRoutes::Answer AssistantRoutes::brief(const Given& given) {
  std::optional<Microseconds> since;
  if (const std::string text = value_of(given.query, "since"); !text.empty()) {
    TRY_ASSIGN(since, time_of(text, base::TimeDirection::past));
  }
  std::optional<base::Date> day;
  if (const std::string text = value_of(given.query, "day"); !text.empty()) {
    TRY_ASSIGN(const Microseconds moment, time_of(text, base::TimeDirection::future));
    day = base::to_local(moment, base::Clock::zone()).date;
  }
  TRY_ASSIGN(const auto points, day ? desk_.brief_of(*day, given.language, given.stop)
                                    : desk_.brief(since, given.language, given.stop));
  json list = json::array();
  for (const assistant::BriefPoint& point : points) {
    json items = json::array();
    json messages = json::array();
    for (const Id& item : point.items) {
      json about = item_json(item);
      if (about["kind"] == "mail") messages.push_back(about["external_id"]);
      items.push_back(std::move(about));
    }
    list.push_back({{"kind", point.kind},
                    {"text", point.text},
                    {"origin", domain::name_of(point.origin)},
                    {"card", point.card ? json(*point.card) : json()},
                    {"message_ids", std::move(messages)},
                    {"items", std::move(items)}});
  }
  return json{{"now", base::format_rfc3339(base::Clock::now(), base::Clock::zone())},
              {"points", std::move(list)}};
}

// ---- actions ----

AssistantRoutes::Answer AssistantRoutes::actions(const Given& given) {
  std::optional<std::int64_t> of;
  if (const std::string card = value_of(given.query, "card"); !card.empty()) {
    TRY_ASSIGN(of, number_of(card));
  }
  TRY_ASSIGN(const auto all, store_.assistant().actions(of));
  json list = json::array();
  for (const store::Action& action : all) {
    if (list.size() >= 200) break;
    list.push_back(action_json(action, given));
  }
  return json{{"actions", std::move(list)}};
}

AssistantRoutes::Answer AssistantRoutes::act(const Given& given) {
  const auto id = Id::parse(given.id);
  if (!id) return base::fail(ErrorKind::not_found, "action.unknown", {{"id", given.id}});
  const std::string what = given.body.value("do", "");
  if (given.body.contains("content")) {
    // The owner changes the proposal: only fields of it, never its kind.
    TRY_ASSIGN(const store::Action action, store_.assistant().action(*id));
    json content = parsed(action.content);
    content.update(given.body["content"]);
    TRY(store_.assistant().edit_action(*id,
                                       content.dump(-1, ' ', false, json::error_handler_t::replace),
                                       AssistantStore::By::owner));
  }
  const auto answer = [&](Result<store::Action> done) -> Answer {
    if (!done) return tl::unexpected<base::Error>(std::move(done).error());
    return action_json(*done, given);
  };
  if (what == "approve") {
    // The rule first: without it the answer would say "always" and not mean it.
    if (given.body.contains("always")) {
      TRY(desk_.approve_always(*id, given.body["always"] == "anybody"
                                        ? assistant::ForWhom::anybody
                                        : assistant::ForWhom::person));
    }
    return answer(desk_.approve(*id, given.language, given.stop));
  }
  if (what == "reject") return answer(desk_.reject(*id, given.language));
  if (what == "undo") return answer(desk_.undo(*id, given.language));
  return answer(assistant::complete_action(desk_.context(given.language, given.stop), *id));
}

AssistantRoutes::Answer AssistantRoutes::plan(const Given& given) {
  TRY(desk_.settle(given.stop));
  assistant::PlanRequest request;
  request.text = base::clean_utf8(given.body["text"].get<std::string>());
  request.event = given.body.value("event", "");
  request.start = given.body.value("start", "");
  request.who = base::lower_ascii(given.body.value("who", ""));
  if (!request.start.empty() && !base::parse_date(request.start)) {
    TRY_ASSIGN(const Microseconds start, time_of(request.start, base::TimeDirection::future));
    request.start = base::format_rfc3339(start, base::Clock::zone());
  }
  TRY_ASSIGN(const assistant::PlanAnswer answer,
             assistant::make_plan(desk_.context(given.language, given.stop), request));
  json choices = json::array();
  for (const assistant::PlanChoice& choice : answer.choices) {
    choices.push_back({{"text", choice.text},
                       {"event", or_null(choice.event)},
                       {"start", or_null(choice.start)},
                       {"who", or_null(choice.who)}});
  }
  json value = {{"card", json()},
                {"question", or_null(answer.question)},
                {"choices", std::move(choices)},
                {"notes", answer.notes}};
  if (answer.card) {
    Given about = given;
    about.id = std::to_string(answer.card->number);
    TRY_ASSIGN(value["card"], card(about));
  }
  return value;
}

// What a contact is to say becomes an action on a card, and waits there for approval.
AssistantRoutes::Answer AssistantRoutes::contact(const Given& given) {
  json content = json::object();
  for (const char* name : {"name", "email", "phone"}) {
    content[name] = base::collapse_spaces(base::clean_utf8(given.body.value(name, "")));
  }
  content["calendar"] = given.body.value("account", "");
  store::Card card;
  card.id = Id::make();
  card.key = "contact:" + card.id.text();
  card.kind = "plan";
  card.code = "contact";
  card.urgency = 1;
  card.weight = 1;
  card.origin = domain::Origin::owner;
  card.state = store::CardState::seen;
  auto who = content["name"].get<std::string>();
  if (const std::string named = given.body.value("item", ""); !named.empty()) {
    TRY_ASSIGN(const Id item, item_of(named));
    TRY_ASSIGN(const store::StoredItem stored, store_.item(item));
    if (stored.item.kind != domain::ItemKind::contact) {
      return base::fail(ErrorKind::invalid_input, "contact.not_one", {{"id", named}});
    }
    content["item"] = item.text();
    who = stored.item.title;
    card.evidence.push_back(
        {item, "", stored.item.external_id, stored.item.title, domain::ItemKind::contact});
  }
  card.parameters = json{{"who", who}}.dump(-1, ' ', false, json::error_handler_t::replace);
  card.actions.push_back(
      {"write_contact", content.dump(-1, ' ', false, json::error_handler_t::replace)});
  // What could not be carried out is said now, and no card is left behind.
  TRY(assistant::check_content(desk_.context(given.language, given.stop), "write_contact",
                               content));
  TRY(store_.assistant().put_cards({&card, 1}, {}));
  TRY_ASSIGN(const auto all, store_.assistant().cards(AssistantStore::Which::open));
  for (const store::Card& one : all) {
    if (one.key != card.key) continue;
    Given about = given;
    about.id = std::to_string(one.number);
    return this->card(about);
  }
  return base::fail(ErrorKind::not_found, "card.unknown", {{"id", card.key}});
}

// ---- memory ----

AssistantRoutes::Answer AssistantRoutes::memories(const Given& given) {
  const bool all = value_of(given.query, "state") == "all";
  TRY_ASSIGN(const auto memories, store_.assistant().memories(all ? AssistantStore::Which::all
                                                                  : AssistantStore::Which::open));
  json list = json::array();
  for (const store::Memory& memory : memories) {
    json evidence = json::array();
    for (const Id& item : memory.evidence) evidence.push_back(item_json(item));
    list.push_back({{"number", memory.number},
                    {"topic", memory.topic},
                    {"statement", memory.statement},
                    {"stated", memory.stated},
                    {"made", or_null(std::optional(memory.made))},
                    {"superseded", or_null(memory.superseded)},
                    {"evidence", std::move(evidence)}});
  }
  return json{{"memories", std::move(list)}};
}

AssistantRoutes::Answer AssistantRoutes::remember(const Given& given) {
  store::Memory memory;
  memory.statement = base::collapse_spaces(given.body["statement"].get<std::string>());
  memory.topic = given.body.value("topic", "");
  if (memory.topic.empty()) memory.topic = base::fold(memory.statement);
  memory.stated = true;
  TRY(store_.assistant().remember(memory));
  return memories(given);
}

AssistantRoutes::Answer AssistantRoutes::forget(const Given& given) {
  TRY_ASSIGN(const std::int64_t number, number_of(given.id));
  TRY(store_.assistant().forget_memory(number));
  return json{{"number", number}};
}

// ---- attention ----

AssistantRoutes::Answer AssistantRoutes::attention(const Given& given) {
  TRY_ASSIGN(const auto standing, desk_.standing());
  TRY_ASSIGN(const auto delay, desk_.send_delay());
  TRY_ASSIGN(const assistant::GateSettings settings, desk_.settings());
  TRY_ASSIGN(const auto rules, store_.assistant().rules());
  TRY_ASSIGN(const auto counts, store_.assistant().counts_of_gate());
  TRY_ASSIGN(const auto sources, store_.sources());
  TRY_ASSIGN(const auto accounts, assistant::self_mail_accounts(store_));
  TRY_ASSIGN(const auto chosen, assistant::self_mail(store_));
  TRY_ASSIGN(const assistant::Desk::Held held, desk_.held());
  const auto clock = [](int minute) {
    std::string text = std::to_string(100 + minute / 60).substr(1) + ":" +
                       std::to_string(100 + minute % 60).substr(1);
    return text;
  };
  json value = {
      {"per_day", settings.per_day},
      {"quiet_from", clock(settings.quiet_from)},
      {"quiet_to", clock(settings.quiet_to)},
      {"briefing",
       settings.briefing_at == assistant::no_briefing ? json() : json(clock(settings.briefing_at))},
      {"rules", json::array()},
      {"learnt", json::array()},
      {"standing", json::array()},
      {"send_delay", delay.count()},
      {"mail_to_self", chosen ? json(chosen->address) : json()},
      {"mail_accounts", json::array()},
      {"held", json()}};
  for (const assistant::SelfMailAccount& account : accounts) {
    value["mail_accounts"].push_back(account.address);
  }
  if (held.back.active()) {
    json names = json::array();
    for (const store::Source& source : sources) {
      const auto& ids = held.back.sources;
      if (std::find(ids.begin(), ids.end(), source.id) != ids.end()) names.push_back(source.name);
    }
    value["held"] = {{"accounts", std::move(names)},
                     {"cards", held.cards},
                     {"begins", or_null(assistant::begins_at(held.back))}};
  }
  for (const assistant::StandingRule& rule : standing) {
    value["standing"].push_back({{"number", rule.number},
                                 {"action", rule.action},
                                 {"card", rule.card},
                                 {"person", or_null(rule.person)},
                                 {"made", or_null(std::optional(rule.made))},
                                 {"text", standing_text(rule, given.language)}});
  }
  for (const store::GateRule& rule : rules) {
    value["rules"].push_back({{"kind", or_null(rule.kind)},
                              {"person", or_null(rule.person)},
                              {"effect", rule.always ? "always" : "never"}});
  }
  for (const store::GateCount& count : counts) {
    value["learnt"].push_back({{"kind", count.kind},
                               {"person", or_null(count.person)},
                               {"useful", count.useful},
                               {"useless", count.useless}});
  }
  return value;
}

AssistantRoutes::Answer AssistantRoutes::set_attention(const Given& given) {
  TRY_ASSIGN(assistant::GateSettings settings, desk_.settings());
  const auto minute = [&](const char* name, int& value) {
    if (!given.body.contains(name)) return;
    const auto text = given.body[name].get<std::string>();  // the schema says HH:MM
    value = std::atoi(text.substr(0, 2).c_str()) * 60 + std::atoi(text.substr(3, 2).c_str());
  };
  settings.per_day = given.body.value("per_day", settings.per_day);
  minute("quiet_from", settings.quiet_from);
  minute("quiet_to", settings.quiet_to);
  if (given.body.value("briefing", "-").empty()) {
    settings.briefing_at = assistant::no_briefing;
  } else {
    minute("briefing", settings.briefing_at);
  }
  TRY(desk_.set_settings(settings));
  if (given.body.contains("send_delay")) {
    TRY(desk_.set_send_delay(std::chrono::seconds(given.body["send_delay"].get<int>())));
  }
  if (given.body.contains("revoke")) {
    TRY(desk_.revoke(given.body["revoke"].get<std::int64_t>()));
  }
  if (given.body.contains("mail_to_self")) {
    TRY(desk_.use_self_mail(given.body["mail_to_self"].get<std::string>()));
  }
  if (given.body.contains("rule")) {
    const json& rule = given.body["rule"];
    const std::string kind = rule.value("kind", ""), person = rule.value("person", "");
    const std::string effect = rule.value("effect", "");
    if (effect == "none") {
      TRY(store_.assistant().remove_rule(kind, person));
    } else {
      TRY(store_.assistant().set_rule(
          {kind, base::lower_ascii(person), effect == "always", 0, std::nullopt}));
    }
  }
  if (given.body.contains("outcome")) {
    // What the owner says of an interruption that a replay shows, whether its card is still there.
    const json& outcome = given.body["outcome"];
    TRY(store_.assistant().count_outcome(outcome["kind"].get<std::string>(),
                                         base::lower_ascii(outcome.value("person", "")),
                                         outcome["useful"].get<bool>()));
  }
  if (given.body.value("live", false)) {
    TRY(desk_.go_live());
  } else if (given.body.contains("rule") || given.body.contains("outcome")) {
    // Whoever corrects a replay has not done with it.
    TRY_ASSIGN(const assistant::Desk::Held held, desk_.held());
    if (held.back.looked) TRY(desk_.note_replay());
  }
  return attention(given);
}

AssistantRoutes::Answer AssistantRoutes::replay(const Given& given) {
  const std::string text = value_of(given.query, "since");
  TRY_ASSIGN(const Microseconds since,
             time_of(text.empty() ? "30d" : text, base::TimeDirection::past));
  TRY(desk_.settle(given.stop));
  const Microseconds now = base::Clock::now();
  TRY_ASSIGN(const assistant::Replay replay, desk_.replay(since, now));
  TRY(desk_.note_replay());
  const std::string zone = base::Clock::zone();
  TRY_ASSIGN(const auto stored, store_.assistant().cards(AssistantStore::Which::all));
  json list = json::array();
  for (const assistant::Interruption& one : replay.interruptions) {
    json evidence = json::array();
    for (const store::CardItem& item : one.card.evidence) evidence.push_back(item_json(item.item));
    // Where the card is there today, it can be corrected by its number.
    const auto card = std::find_if(stored.begin(), stored.end(), [&](const store::Card& other) {
      return other.key == one.card.key;
    });
    list.push_back({{"time", base::format_rfc3339(one.time, zone)},
                    {"kind", one.card.kind},
                    {"person", or_null(one.card.person)},
                    {"text", assistant::card_text(one.card, given.language, one.time, zone)},
                    {"because", assistant::because_text(assistant::because_json(one.decision),
                                                        given.language)},
                    {"card", card == stored.end() ? json() : json(card->number)},
                    {"evidence", std::move(evidence)}});
  }
  return json{{"since", base::format_rfc3339(since, zone)},
              {"until", base::format_rfc3339(now, zone)},
              {"mails", replay.mails},
              {"cards", replay.cards},
              {"waited", replay.waited},
              {"urgent", replay.urgent},
              {"missed", replay.missed},
              {"interruptions", std::move(list)}};
}

// ---- verdicts ----

base::Result<Id> AssistantRoutes::item_of(const std::string& name) {
  if (const auto id = Id::parse(name)) return *id;
  TRY_ASSIGN(const auto found, store_.find_item(name));
  if (!found) return base::fail(ErrorKind::not_found, "item.unknown", {{"id", name}});
  return *found;
}

AssistantRoutes::Answer AssistantRoutes::teach(const Given& given) {
  // Mails alike that are older matter to nobody any more.
  constexpr base::Microseconds alike_within = 90 * base::one_day;
  const base::Microseconds since = base::Clock::now() - alike_within;
  TRY_ASSIGN(const Id id, item_of(given.id));
  TRY_ASSIGN(const store::StoredItem stored, store_.item(id));
  if (stored.item.kind != domain::ItemKind::mail) {
    return base::fail(ErrorKind::not_found, "verdict.none", {{"id", given.id}});
  }
  if (given.body.value("take_back", false)) {
    TRY(store_.assistant().unteach(id, since));
  } else {
    store::Lesson lesson;
    TRY_ASSIGN(const auto lessons, store_.assistant().lessons());
    for (const store::Lesson& said : lessons) {
      if (said.item == id) lesson = said;
    }
    lesson.item = id;
    lesson.message_id = stored.item.external_id;
    lesson.subject = stored.item.title;
    for (const domain::Person& person : stored.item.people) {
      if (person.role == domain::PersonRole::from) lesson.sender = person.address;
    }
    lesson.made = base::Clock::now();
    lesson.priority = given.body.value("priority", lesson.priority);
    lesson.suspicious = given.body.value("suspicious", lesson.suspicious);
    if (given.body.contains("personal")) lesson.personal = given.body["personal"].get<bool>();
    if (lesson.priority.empty() && lesson.suspicious.empty() && !lesson.personal) {
      return base::fail(ErrorKind::invalid_input, "api.invalid_field",
                        {{"field", "body"}, {"detail", "priority, personal, suspicious"}});
    }
    TRY(store_.assistant().teach(lesson, since));
  }
  // The background judges in its own time: soon, unless a long backlog stands before it.
  constexpr base::Microseconds patience = 5 * base::one_second;
  const base::Microseconds deadline = base::steady_now() + patience;
  desk_.watcher().wake();
  TRY(desk_.settle(given.stop));
  while (base::steady_now() < deadline && !given.stop.stop_requested()) {
    TRY_ASSIGN(const bool waits, store_.assistant().is_to_judge(id));
    if (!waits) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return verdict(given);
}

AssistantRoutes::Answer AssistantRoutes::verdict(const Given& given) {
  TRY_ASSIGN(const Id id, item_of(given.id));
  TRY_ASSIGN(const store::StoredItem stored, store_.item(id));
  TRY_ASSIGN(auto verdict, store_.assistant().verdict(id));
  if (!verdict && stored.item.kind == domain::ItemKind::mail) {
    TRY(desk_.settle(given.stop));
    TRY_ASSIGN(verdict, store_.assistant().verdict(id));
  }
  if (!verdict || !verdict->has_read) {
    return base::fail(ErrorKind::not_found, "verdict.none", {{"id", given.id}});
  }
  json value = parsed(verdict->detail);
  json reasons = json::array();
  for (const json& reason : value.value("reasons", json::array())) {
    assistant::Sign sign{reason.value("code", ""), {}};
    for (const auto& [name, text] : reason["params"].items()) {
      sign.parameters.emplace_back(name, text.get<std::string>());
    }
    reasons.push_back({{"code", sign.code},
                       {"params", reason["params"]},
                       {"text", assistant::sentence(sign, given.language)}});
  }
  json said;
  TRY_ASSIGN(const auto lessons, store_.assistant().lessons());
  for (const store::Lesson& lesson : lessons) {
    if (lesson.item != id) continue;
    said = {{"priority", or_null(lesson.priority)},
            {"suspicious", or_null(lesson.suspicious)},
            {"personal", lesson.personal ? json(*lesson.personal) : json()}};
  }
  TRY_ASSIGN(const auto facts, store_.assistant().facts_of(id));
  json list = json::array();
  for (const store::Fact& fact : facts) {
    list.push_back({{"kind", fact.kind},
                    {"who", or_null(fact.who)},
                    {"what", fact.what},
                    {"starts", or_null(fact.starts)},
                    {"ends", or_null(fact.ends)},
                    {"zone", fact.zone},
                    {"place", or_null(fact.place)},
                    {"cents", fact.cents == 0 ? json() : json(fact.cents)},
                    {"currency", or_null(fact.currency)},
                    {"quote", or_null(fact.quote)},
                    {"state", name_of(fact.state)}});
  }
  return json{{"item", id.text()},
              {"message_id", stored.item.external_id},
              {"said", std::move(said)},
              {"priority", verdict->priority},
              {"personal", verdict->personal},
              {"suspicious", verdict->suspicious},
              {"summary", verdict->summary},
              {"reasons", std::move(reasons)},
              {"action_items", value.value("action_items", json::array())},
              {"appointments", value.value("appointments", json::array())},
              {"model", or_null(verdict->model)},
              {"judged", or_null(std::optional(verdict->made))},
              {"facts", std::move(list)}};
}

}  // namespace lar::api
