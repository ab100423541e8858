#include "assistant/knowledge.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "assistant/facts.h"
#include "assistant/watcher.h"

namespace lar::assistant {
namespace {

using base::Microseconds;
using base::Result;
using nlohmann::json;

constexpr int most_contacts = 2000;
constexpr int most_documents = 10;  // that one meeting may be about
constexpr size_t most_searches = 8;
constexpr Microseconds soon = 26LL * 3600 * base::one_second;

KnownMail known_mail(const store::JudgedMail& judged) {
  KnownMail mail;
  mail.item = judged.item;
  mail.message_id = judged.message_id;
  mail.thread = judged.thread;
  mail.subject = judged.title;
  mail.sent = judged.sent.value_or(0);
  mail.origin = judged.origin;
  mail.priority = judged.verdict.priority;
  mail.suspicious = judged.verdict.suspicious;
  mail.summary = judged.verdict.summary;
  mail.urgency = judged.verdict.urgency;
  mail.personal = judged.verdict.personal;
  for (const domain::Person& person : judged.people) {
    if (person.role == domain::PersonRole::from && mail.from.address.empty()) mail.from = person;
    if (person.role == domain::PersonRole::to) mail.to.push_back(person);
  }
  const json detail = json::parse(judged.verdict.detail, nullptr, false);
  if (!detail.is_object()) return mail;
  mail.mine = detail.value("mine", false);
  mail.person = detail.value("person", false);
  mail.automatic = detail.value("automatic", false) || detail.value("list", false);
  mail.moves = detail.value("moves", false);
  mail.cancels = detail.value("cancels", false);
  mail.fulfils = detail.value("fulfils", false);
  mail.outcome = outcome_from(detail);
  mail.language = detail.value("language", "en");
  mail.invitations = invitations_from(detail);
  for (const json& reason : detail.value("reasons", json::array())) {
    base::Parameters parameters;
    for (const auto& [name, value] : reason["params"].items()) {
      parameters.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
    }
    mail.reasons.emplace_back(reason.value("code", ""), std::move(parameters));
  }
  return mail;
}

// "Birthday: 14 May 1980, 14 de mayo de 1980 (1980-05-14)" of a contact's text.
std::optional<Birthday> birthday_of(const store::StoredItem& contact) {
  constexpr std::string_view label = "\nBirthday: ";
  for (const domain::TextPart& part : contact.item.parts) {
    const size_t at = part.text.find(label);
    if (at == std::string::npos) continue;
    const size_t begin = at + label.size();
    const std::string line = part.text.substr(begin, part.text.find('\n', begin) - begin);
    Birthday birthday;
    birthday.item = contact.id;
    birthday.name = contact.item.title;
    for (const domain::Person& person : contact.item.people) {
      if (birthday.address.empty()) birthday.address = person.address;
    }
    if (const size_t open = line.rfind('('); open != std::string::npos) {
      const auto date = base::parse_date(std::string_view(line).substr(open + 1, 10));
      if (!date) continue;
      birthday.year = date->year;
      birthday.month = date->month;
      birthday.day = date->day;
      return birthday;
    }
    static constexpr std::string_view months[] = {"January",   "February", "March",    "April",
                                                  "May",       "June",     "July",     "August",
                                                  "September", "October",  "November", "December"};
    birthday.day = std::atoi(line.c_str());
    for (int month = 0; month < 12; ++month) {
      if (line.find(" " + std::string(months[month])) != std::string::npos) {
        birthday.month = month + 1;
      }
    }
    if (birthday.month > 0 && birthday.day > 0) return birthday;
  }
  return std::nullopt;
}

// The title and the organisation of a contact's text.
std::string role_of(const store::StoredItem& contact) {
  std::string role;
  for (const domain::TextPart& part : contact.item.parts) {
    for (const std::string_view line : base::split(part.text, '\n')) {
      for (const std::string_view label : {"Title: ", "Role: ", "Organisation: "}) {
        if (!line.starts_with(label)) continue;
        role += (role.empty() ? "" : ", ") + std::string(line.substr(label.size()));
      }
    }
  }
  return role;
}

// What lies about with the names of the meetings that are near; the detector looks at the titles.
base::Status find_documents(store::Store& store, Knowledge& knowledge) {
  const Microseconds now = base::Clock::now();
  std::set<std::string> searched;
  std::set<base::Id> found;
  for (const Meeting& meeting : knowledge.meetings) {
    if (meeting.all_day || meeting.starts < now || meeting.starts > now + soon) continue;
    if (searched.size() >= most_searches || !searched.insert(meeting.title).second) continue;
    store::SearchRequest request;
    for (const std::string& word : matter_words(meeting.title)) {
      request.text += (request.text.empty() ? "" : " ") + word;
    }
    if (request.text.empty()) continue;
    request.kind = domain::ItemKind::document;
    request.limit = most_documents;
    TRY_ASSIGN(const auto hits, store.search(request));
    for (const store::Hit& hit : hits) {
      if (!found.insert(hit.item).second) continue;
      knowledge.documents.push_back({hit.item, hit.external_id, hit.title});
    }
  }
  return {};
}

// An occurrence that was changed says it itself, all others as the series does.
void mark_time_taken(Meeting& meeting, const std::string& ical, const std::string& occurrence,
                     const Owner& owner) {
  // Parsing is spared where there is nothing to find, which is so for most events.
  const bool says = ical.find("TRANSPARENT") != std::string::npos ||
                    ical.find("DECLINED") != std::string::npos ||
                    ical.find("CANCELLED") != std::string::npos;
  if (!says) return;
  auto scheduling = sources::scheduling_of(ical, occurrence);
  if (!scheduling) scheduling = sources::scheduling_of(ical);
  if (!scheduling) return;
  meeting.free = scheduling->transparent || scheduling->cancelled;
  for (const sources::Invited& one : scheduling->invited) {
    if (owner.is(one.address) && one.answer == "DECLINED") meeting.declined = true;
  }
}

}  // namespace

Result<Knowledge> load_knowledge(store::Store& store, Microseconds from, Microseconds to) {
  Knowledge knowledge;
  TRY_ASSIGN(knowledge.owner, owner_of(store));
  const std::string& zone = knowledge.owner.zone;
  store::AssistantStore& assistant = store.assistant();
  TRY_ASSIGN(const auto judged, assistant.judged(from));
  for (const store::JudgedMail& mail : judged) knowledge.mails.push_back(known_mail(mail));
  TRY_ASSIGN(knowledge.facts, assistant.facts(from));
  std::vector<KnownInvitation> invitations;
  for (const KnownMail& mail : knowledge.mails) {
    invitations.insert(invitations.end(), mail.invitations.begin(), mail.invitations.end());
  }
  TRY_ASSIGN(knowledge.invited, invited_events(store, knowledge.owner, invitations));
  TRY_ASSIGN(const auto occurrences, store.occurrences(from, to));
  std::map<base::Id, store::StoredItem> items;
  for (const store::StoredOccurrence& found : occurrences) {
    auto known = items.find(found.item);
    if (known == items.end()) {
      auto stored = store.item(found.item);
      if (!stored) continue;
      known = items.emplace(found.item, std::move(*stored)).first;
    }
    Meeting meeting;
    meeting.item = found.item;
    meeting.external_id = known->second.item.external_id;
    meeting.title = found.occurrence.summary.empty() ? found.title : found.occurrence.summary;
    meeting.place = found.occurrence.location;
    meeting.all_day = std::holds_alternative<domain::AllDay>(found.occurrence.start);
    meeting.starts = domain::begins_at(found.occurrence.start, zone);
    meeting.ends = found.occurrence.end ? domain::begins_at(*found.occurrence.end, zone)
                   : meeting.all_day    ? meeting.starts + base::one_day
                                        : meeting.starts;
    for (const domain::Person& person : known->second.item.people) {
      if (!knowledge.owner.is(person.address)) meeting.people.push_back(person);
    }
    if (known->second.item.occurrences.size() > 1) {
      meeting.occurrence = found.occurrence.recurrence_id;
    }
    if (known->second.item.event) {
      mark_time_taken(meeting, known->second.item.event->ical, found.occurrence.recurrence_id,
                      knowledge.owner);
    }
    knowledge.meetings.push_back(std::move(meeting));
  }
  TRY_ASSIGN(const auto contacts, assistant.newest(domain::ItemKind::contact, most_contacts));
  for (const base::Id& id : contacts) {
    auto stored = store.item(id);
    if (!stored) continue;
    if (auto birthday = birthday_of(*stored)) knowledge.birthdays.push_back(std::move(*birthday));
    if (std::string role = role_of(*stored); !role.empty()) {
      for (const domain::Person& person : stored->item.people) {
        if (!person.address.empty()) knowledge.roles.emplace(person.address, role);
      }
    }
  }
  TRY(find_documents(store, knowledge));
  return knowledge;
}

namespace {

// Words that name a matter: not those that all appointments have in common.
std::set<std::string> matter_of(const std::string& subject) {
  static const std::set<std::string> common = {
      "cita",     "citas",        "reserva",   "recordatorio", "confirmacion", "confirmada",
      "cambio",   "aplazamiento", "nueva",     "nuevo",        "fecha",        "hora",
      "previa",   "convocatoria", "anulacion", "cancelacion",  "aviso",        "sobre",
      "reminder", "appointment",  "booking",   "confirmation", "change",       "changed",
      "moved",    "new",          "date",      "time",         "cancelled",    "about",
      "lunes",    "martes",       "miercoles", "jueves",       "viernes",      "sabado",
      "domingo",  "monday",       "tuesday",   "wednesday",    "thursday",     "friday",
      "saturday", "sunday",       "mayo",      "junio",        "julio",        "may"};
  std::set<std::string> words;
  for (const base::Word& word : base::words(subject)) {
    std::string piece =
        base::fold(std::string_view(subject).substr(word.begin, word.end - word.begin));
    if (piece.size() >= 3 && !common.contains(piece) && !base::is_stop_word(piece)) {
      words.insert(std::move(piece));
    }
  }
  return words;
}

// Offices move an appointment by a mail of its own, outside the thread: the same sender on the same
// matter, later.
void settle_moves(World& world) {
  for (store::Fact& fact : world.facts) {
    if (fact.kind != "appointment" || fact.state != store::FactState::valid) continue;
    const KnownMail* mail = world.mail(fact.item);
    if (mail == nullptr || mail->mine) continue;
    const std::set<std::string> matter = matter_of(mail->subject);
    for (const KnownMail& later : world.mails) {
      if (later.sent <= mail->sent || later.thread == mail->thread || later.mine ||
          later.from.address != mail->from.address || later.suspicious != "none" ||
          (!later.moves && !later.cancels)) {
        continue;
      }
      const std::set<std::string> other = matter_of(later.subject);
      const bool same = std::any_of(matter.begin(), matter.end(),
                                    [&](const std::string& word) { return other.contains(word); });
      if (!same) continue;
      fact.state = later.moves ? store::FactState::superseded : store::FactState::closed;
      fact.ended = later.sent;
      fact.superseded_by = later.item;
      break;
    }
  }
}

}  // namespace

World world_at(const Knowledge& knowledge, Microseconds now) {
  World world;
  world.now = now;
  world.owner = knowledge.owner;
  world.today = base::to_local(now, knowledge.owner.zone).date;
  world.meetings = knowledge.meetings;
  world.birthdays = knowledge.birthdays;
  world.invited = knowledge.invited;
  world.roles = knowledge.roles;
  world.documents = knowledge.documents;
  std::map<std::string, std::vector<ThreadMail>> threads;
  for (const KnownMail& mail : knowledge.mails) {
    if (mail.sent > now) continue;
    world.by_item_[mail.item] = world.mails.size();
    world.mails.push_back(mail);
  }
  std::map<std::string, std::vector<store::Fact>> by_thread;
  std::set<base::Id> naming;
  for (const store::Fact& fact : knowledge.facts) {
    if (!world.by_item_.contains(fact.item)) continue;
    by_thread[fact.thread].push_back(fact);
    if (fact.kind == "appointment") naming.insert(fact.item);
  }
  for (const KnownMail& mail : world.mails) {
    if (!by_thread.contains(mail.thread)) continue;
    threads[mail.thread].push_back({mail.item, mail.sent, mail.mine, mail.from.address,
                                    mail.fulfils, mail.cancels, mail.suspicious == "none",
                                    naming.contains(mail.item), mail.moves, mail.outcome});
  }
  for (auto& [thread, facts] : by_thread) {
    merge_thread(facts, threads[thread]);
    std::move(facts.begin(), facts.end(), std::back_inserter(world.facts));
  }
  settle_moves(world);
  settle_across_threads(world);
  return world;
}

const KnownMail* World::mail(const base::Id& item) const {
  const auto found = by_item_.find(item);
  return found == by_item_.end() ? nullptr : &mails[found->second];
}

std::vector<const KnownMail*> World::thread(const std::string& name) const {
  std::vector<const KnownMail*> result;
  for (const KnownMail& mail : mails) {
    if (mail.thread == name) result.push_back(&mail);
  }
  return result;
}

base::Date World::day_of(Microseconds moment) const {
  return base::to_local(moment, owner.zone).date;
}

int World::days_to(Microseconds moment) const { return base::days_between(today, day_of(moment)); }

}  // namespace lar::assistant
