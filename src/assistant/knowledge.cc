#include "assistant/knowledge.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <span>

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
  mail.kind = judged.kind;
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
  TRY_ASSIGN(const auto earlier, assistant.judged_before(from, to));
  for (const store::JudgedMail& mail : earlier) knowledge.mails.push_back(known_mail(mail));
  TRY_ASSIGN(const auto judged, assistant.judged(from));
  for (const store::JudgedMail& mail : judged) knowledge.mails.push_back(known_mail(mail));
  TRY_ASSIGN(knowledge.facts, assistant.facts_before(from, to));
  TRY_ASSIGN(auto facts, assistant.facts(from));
  std::move(facts.begin(), facts.end(), std::back_inserter(knowledge.facts));
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

}  // namespace

struct World::Index {
  std::vector<const KnownMail*> order;                 // oldest first
  std::map<std::string, std::vector<size_t>> threads;  // places in it
  std::map<base::Id, size_t> by_item;
  // Mails that move or call off an appointment, by who wrote them.
  std::map<std::string, std::vector<size_t>> movers;
  std::vector<size_t> enders;  // mails that bring or pay something
};

struct Timeline::Thread {
  std::vector<const store::Fact*> facts;
  std::vector<size_t> mails;  // places, oldest first
  size_t seen = 0;            // so many of them, when `merged` was made
  std::shared_ptr<const std::vector<store::Fact>> merged;
};

World::World(const Knowledge& knowledge, Microseconds moment)
    : now(moment),
      today(base::to_local(moment, knowledge.owner.zone).date),
      owner(knowledge.owner),
      meetings(knowledge.meetings),
      birthdays(knowledge.birthdays),
      invited(knowledge.invited),
      roles(knowledge.roles),
      documents(knowledge.documents) {}

Timeline::Timeline(const Knowledge& knowledge)
    : knowledge_(knowledge), index_(std::make_shared<World::Index>()) {
  World::Index& index = *index_;
  for (const KnownMail& mail : knowledge.mails) index.order.push_back(&mail);
  std::stable_sort(
      index.order.begin(), index.order.end(),
      [](const KnownMail* one, const KnownMail* other) { return one->sent < other->sent; });
  for (size_t place = 0; place < index.order.size(); ++place) {
    const KnownMail& mail = *index.order[place];
    index.by_item[mail.item] = place;
    index.threads[mail.thread].push_back(place);
    const bool moves = (mail.moves || mail.cancels) && !mail.mine && mail.suspicious == "none";
    if (moves) index.movers[mail.from.address].push_back(place);
    if (mail.suspicious == "none" && (mail.fulfils || mail.outcome.paid)) {
      index.enders.push_back(place);
    }
  }
  std::map<std::string, Thread> threads;
  for (const store::Fact& fact : knowledge.facts) {
    if (index.by_item.contains(fact.item)) threads[fact.thread].facts.push_back(&fact);
  }
  for (auto& [name, thread] : threads) {
    if (const auto mails = index.threads.find(name); mails != index.threads.end()) {
      thread.mails = mails->second;
    }
    threads_.push_back(std::move(thread));
  }
}

Timeline::~Timeline() = default;

World Timeline::at(Microseconds now) {
  const World::Index& index = *index_;
  World world(knowledge_, now);
  world.index_ = index_;
  const auto later = std::upper_bound(
      index.order.begin(), index.order.end(), now,
      [](Microseconds moment, const KnownMail* mail) { return moment < mail->sent; });
  const auto known = static_cast<size_t>(later - index.order.begin());
  world.mails = Seen<KnownMail>(index.order.data(), known);
  // Offices move an appointment by a mail of its own, outside the thread: the same sender on the
  // same matter, later.
  const auto moved = [&](const store::Fact& fact) -> const KnownMail* {
    if (fact.kind != "appointment" || fact.state != store::FactState::valid) return nullptr;
    const KnownMail* mail = world.mail(fact.item);
    if (mail == nullptr || mail->mine) return nullptr;
    const auto movers = index.movers.find(mail->from.address);
    if (movers == index.movers.end()) return nullptr;
    const std::set<std::string> matter = matter_of(mail->subject);
    for (const size_t place : movers->second) {
      if (place >= known) break;
      const KnownMail& other = *index.order[place];
      if (other.sent <= mail->sent || other.thread == mail->thread) continue;
      const std::set<std::string> words = matter_of(other.subject);
      const bool same = std::any_of(matter.begin(), matter.end(),
                                    [&](const std::string& word) { return words.contains(word); });
      if (same) return &other;
    }
    return nullptr;
  };
  for (Thread& thread : threads_) {
    const auto seen = static_cast<size_t>(
        std::lower_bound(thread.mails.begin(), thread.mails.end(), known) - thread.mails.begin());
    if (thread.merged == nullptr || seen != thread.seen) {
      thread.seen = seen;
      auto facts = std::make_shared<std::vector<store::Fact>>();
      std::set<base::Id> naming;
      for (const store::Fact* fact : thread.facts) {
        if (index.by_item.at(fact->item) >= known) continue;
        facts->push_back(*fact);
        if (fact->kind == "appointment") naming.insert(fact->item);
      }
      std::vector<ThreadMail> mails;
      for (const size_t place : std::span(thread.mails).first(seen)) {
        const KnownMail& mail = *index.order[place];
        mails.push_back({mail.item, mail.sent, mail.mine, mail.from.address, mail.fulfils,
                         mail.cancels, mail.suspicious == "none", naming.contains(mail.item),
                         mail.moves, mail.outcome});
      }
      merge_thread(*facts, mails);
      thread.merged = std::move(facts);
    }
    if (thread.merged->empty()) continue;
    world.of_threads_.push_back(thread.merged);
    for (const store::Fact& fact : *thread.merged) {
      const KnownMail* by = moved(fact);
      if (by == nullptr) {
        world.all_facts_.push_back(&fact);
        continue;
      }
      auto own = std::make_shared<std::vector<store::Fact>>(1, fact);
      own->front().state = by->moves ? store::FactState::superseded : store::FactState::closed;
      own->front().ended = by->sent;
      own->front().superseded_by = by->item;
      world.all_facts_.push_back(&own->front());
      world.of_threads_.push_back(std::move(own));
    }
  }
  world.facts = Seen<store::Fact>(world.all_facts_.data(), world.all_facts_.size());
  // What another thread brought or paid.
  const auto last = std::lower_bound(index.enders.begin(), index.enders.end(), known);
  std::vector<const KnownMail*> enders;
  for (auto place = index.enders.begin(); place != last; ++place) {
    enders.push_back(index.order[*place]);
  }
  for (const store::Fact*& fact : world.all_facts_) {
    const KnownMail* by = settled_elsewhere(world, *fact, enders);
    if (by == nullptr) continue;
    auto own = std::make_shared<std::vector<store::Fact>>(1, *fact);
    own->front().state = store::FactState::closed;
    own->front().ended = by->sent;
    own->front().superseded_by = by->item;
    fact = &own->front();
    world.of_threads_.push_back(std::move(own));
  }
  return world;
}

World world_at(const Knowledge& knowledge, Microseconds now) { return Timeline(knowledge).at(now); }

const KnownMail* World::mail(const base::Id& item) const {
  const auto found = index_->by_item.find(item);
  return found == index_->by_item.end() || found->second >= mails.size() ? nullptr
                                                                         : &mails[found->second];
}

std::vector<const KnownMail*> World::thread(const std::string& name) const {
  std::vector<const KnownMail*> result;
  const auto found = index_->threads.find(name);
  if (found == index_->threads.end()) return result;
  for (const size_t place : found->second) {
    if (place >= mails.size()) break;
    result.push_back(&mails[place]);
  }
  return result;
}

base::Date World::day_of(Microseconds moment) const {
  return base::to_local(moment, owner.zone).date;
}

int World::days_to(Microseconds moment) const { return base::days_between(today, day_of(moment)); }

}  // namespace lar::assistant
