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
  card.evidence.push_back(
      {mail.item, std::move(quote), mail.message_id, mail.subject, domain::ItemKind::mail});
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

store::ProposedAction draft_to(const KnownMail& mail) {
  return {"save_draft", nlohmann::json{{"reply_to", mail.item.text()},
                                       {"to", mail.from.address},
                                       {"to_name", mail.from.name},
                                       {"subject", "Re: " + plain_subject(mail.subject)},
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

store::ProposedAction event_from(const store::Fact& fact) {
  return {"add_event", nlohmann::json{{"title", fact.what},
                                      {"start", fact.starts},
                                      {"end", fact.ends},
                                      {"place", fact.place},
                                      {"zone", fact.zone}}
                           .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
}

}  // namespace lar::assistant
