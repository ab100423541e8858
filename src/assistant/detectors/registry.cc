// The detectors, and what they share.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "assistant/detectors/detector.h"
#include "assistant/tasks.h"

namespace lar::assistant {

Detector urgent_mail();
Detector suspicious_mail();
Detector waiting_answer();
Detector due_task();
Detector promise_due();
Detector missing_event();
Detector invitation();
Detector calendar_conflict();
Detector next_meeting();
Detector invoice_due();
Detector check_in();
Detector birthday();
Detector silent_thread();

std::span<const Detector> detectors() {
  static const std::vector<Detector> all = {
      urgent_mail(),   suspicious_mail(), waiting_answer(),    due_task(),     promise_due(),
      missing_event(), invitation(),      calendar_conflict(), next_meeting(), invoice_due(),
      check_in(),      birthday(),        silent_thread(),
  };
  return all;
}

std::vector<store::Card> detect(const World& world) {
  std::vector<store::Card> cards;
  for (const Detector& detector : detectors()) detector.find(world, cards);
  // Nobody in a chat can be written to by mail.
  for (store::Card& card : cards) {
    const bool of_chat =
        !card.evidence.empty() && card.evidence.front().kind == domain::ItemKind::message;
    if (!of_chat) continue;
    std::erase_if(card.actions, [](const store::ProposedAction& action) {
      return action.kind == "save_draft" || action.kind == "send_mail";
    });
  }
  std::stable_sort(cards.begin(), cards.end(),
                   [](const store::Card& one, const store::Card& other) {
                     return one.urgency != other.urgency ? one.urgency > other.urgency
                                                         : one.weight > other.weight;
                   });
  return cards;
}

std::vector<std::string> card_kinds() {
  std::vector<std::string> kinds;
  for (const Detector& detector : detectors()) kinds.emplace_back(detector.kind);
  return kinds;
}

store::Card card_about(std::string_view kind, const KnownMail& mail, std::string quote) {
  store::Card card;
  card.kind = kind;
  card.person = mail.from.address;
  card.thread = mail.thread;
  card.origin = mail.origin;
  card.evidence.push_back({mail.item, std::move(quote), mail.message_id, mail.subject, mail.kind});
  return card;
}

void set_text(store::Card& card, std::string code,
              std::vector<std::pair<std::string, std::string>> parameters) {
  nlohmann::json values = nlohmann::json::object();
  for (auto& [name, value] : parameters) values[name] = std::move(value);
  card.code = std::move(code);
  card.parameters = values.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string who(const domain::Person& person) {
  return person.name.empty() ? person.address : person.name;
}

std::string whose(const KnownMail& mail, const store::Fact& fact) {
  return mail.kind == domain::ItemKind::message ? fact.who_name : who(mail.from);
}

std::string what_of(const KnownMail& mail) {
  const std::string start = who(mail.from) + ": ";
  return mail.summary.starts_with(start) ? mail.summary.substr(start.size()) : mail.summary;
}

std::string day_text(const base::Date& day) { return "@" + base::format_date(day); }

std::string time_text(const World& world, base::Microseconds moment) {
  const base::LocalTime local = base::to_local(moment, world.owner.zone);
  return fmt::format("@{}T{:02}:{:02}", base::format_date(local.date), local.hour, local.minute);
}

std::string when_text(const World& world, const std::string& when) {
  if (when.size() <= 10) return "@" + when;
  const auto moment = base::parse_rfc3339(when);
  return moment ? time_text(world, *moment) : "@" + when.substr(0, 10);
}

bool is_of_another(const World& world, const Meeting& meeting) {
  const size_t colon = meeting.title.find(':');
  if (colon == std::string::npos || colon > 20 || meeting.title.find(' ') < colon) return false;
  return !world.owner.names.contains(base::fold(meeting.title.substr(0, colon)));
}

bool binds_owner(const World& world, const Meeting& meeting) {
  return !meeting.free && !meeting.declined && !is_of_another(world, meeting);
}

store::ProposedAction draft_to(const KnownMail& mail) {
  return draft_to(mail, mail.from.address, mail.from.name);
}

store::ProposedAction draft_to(const KnownMail& mail, const std::string& address,
                               const std::string& name) {
  return {"save_draft", nlohmann::json{{"reply_to", mail.item.text()},
                                       {"to", address},
                                       {"to_name", name},
                                       {"subject", "Re: " + plain_subject(mail.subject)},
                                       {"text", ""}}
                            .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
}

store::ProposedAction new_draft(const domain::Person& to, const std::string& subject) {
  return {"save_draft", nlohmann::json{{"reply_to", ""},
                                       {"to", to.address},
                                       {"to_name", to.name},
                                       {"subject", subject},
                                       {"text", ""}}
                            .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
}

store::ProposedAction answer_to(const KnownMail& mail) {
  return {"send_mail", draft_to(mail).content};
}

store::ProposedAction reminder_at(base::Microseconds moment, const std::string& text,
                                  const base::Id& item) {
  return {"reminder",
          nlohmann::json{
              {"at", base::format_rfc3339(moment, "UTC")}, {"text", text}, {"item", item.text()}}
              .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
}

store::ProposedAction reminder_for(const World& world, base::Microseconds moment,
                                   const std::string& text, const base::Id& item) {
  const auto at = [&](const base::Date& day, int hour) {
    return base::from_local({day, hour, 0, 0}, world.owner.zone);
  };
  base::Microseconds best = at(world.day_of(moment), 9);
  if (best <= world.now) best = at(world.today, 18);
  if (best <= world.now) best = at(base::add_days(world.today, 1), 9);
  return reminder_at(best, text, item);
}

store::ProposedAction move_to(const World& world, const Meeting& meeting,
                              base::Microseconds starts) {
  const std::string& zone = world.owner.zone;
  return {
      "move_event",
      nlohmann::json{{"item", meeting.item.text()},
                     {"occurrence", meeting.occurrence},
                     {"title", meeting.title},
                     {"was", base::format_rfc3339(meeting.starts, zone)},
                     {"start", base::format_rfc3339(starts, zone)},
                     {"end", base::format_rfc3339(starts + (meeting.ends - meeting.starts), zone)},
                     {"zone", zone}}
          .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
}

store::ProposedAction event_from(const store::Fact& fact) {
  return {"add_event", nlohmann::json{{"title", fact.what},
                                      {"start", fact.starts},
                                      {"end", fact.ends},
                                      {"place", fact.place},
                                      {"zone", fact.zone}}
                           .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
}

}  // namespace lar::assistant
