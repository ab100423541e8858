#include "assistant/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>
#include <utility>

#include "assistant/actions/calendars.h"
#include "assistant/actions/compose.h"
#include "assistant/detectors/detector.h"
#include "assistant/facts.h"
#include "assistant/knowledge.h"
#include "assistant/moments.h"
#include "assistant/tasks.h"
#include "base/foreign_json.h"
#include "base/messages.h"
#include "base/time_expression.h"

namespace lar::assistant {
namespace {

using base::Id;
using base::Microseconds;
using base::Result;
using nlohmann::json;

constexpr int days_back = 62;    // of mails that may name an appointment
constexpr int days_ahead = 120;  // of events that may be meant
constexpr int first_minute = 9 * 60, last_minute = 19 * 60;  // of slots that are offered
constexpr int slot_step = 30;
constexpr std::size_t most_choices = 5;
constexpr Microseconds one_minute = 60 * base::one_second;

struct Verb {
  Errand errand;
  std::vector<std::string_view> words;  // folded; a blank stands between words
};
// Longer ones first where one begins another.
const std::vector<Verb>& verbs() {
  static const std::vector<Verb> all = {
      {Errand::remind,
       {"recuerdame", "recuerda me", "recordarme", "acuerdame", "remind me", "remind"}},
      {Errand::tell,
       {"avisales",     "avisalos",     "avisalas",     "avisale",     "avisalo",  "avisala",
        "avisar",       "avisa",        "diles",        "dile",        "diselo",   "informales",
        "informale",    "informa",      "comunicaselo", "comunicales", "comunica", "let them know",
        "let him know", "let her know", "let",          "tell",        "inform",   "notify"}},
      {Errand::cancel,
       {"cancelar", "cancela", "cancelame", "anular", "anula", "anulame", "quitar", "quita",
        "borra", "elimina", "cancel", "call off", "delete", "remove", "drop"}},
      {Errand::move,
       {"mover",    "mueve",   "mueveme",    "cambiar",  "cambia",        "cambiame",
        "pasar",    "pasa",    "pasame",     "aplazar",  "aplaza",        "aplazame",
        "retrasar", "retrasa", "adelantar",  "adelanta", "reprogramar",   "reprograma",
        "posponer", "pospon",  "reschedule", "postpone", "bring forward", "move",
        "shift",    "change"}},
      {Errand::write, {"escribir",  "escribe",
                       "escribele", "redactar",
                       "redacta",   "mandale",
                       "manda",     "enviale",
                       "envia",     "contestale",
                       "contesta",  "respondele",
                       "responde",  "prepara un correo",
                       "draft",     "write",
                       "send",      "reply",
                       "answer",    "email",
                       "mail"}},
      {Errand::add, {"apuntar", "apuntame", "apunta", "anotame", "anota",    "anadir", "anade",
                     "añade",   "añadir",   "agenda", "agendar", "crear",    "crea",   "ponme",
                     "pon",     "reserva",  "add",    "create",  "schedule", "book",   "put"}},
  };
  return all;
}

struct FoundVerb {
  std::size_t begin = 0, end = 0;  // bytes of the text
  Errand errand = Errand::tell;
};

// The verb that begins at one of the text's words.
std::optional<FoundVerb> verb_at(const std::vector<base::Word>& words,
                                 const std::vector<std::string>& folded, std::size_t at) {
  std::optional<FoundVerb> best;
  for (const Verb& verb : verbs()) {
    for (const std::string_view phrase : verb.words) {
      const auto pieces = base::split(phrase, ' ');
      if (at + pieces.size() > folded.size()) continue;
      if (!std::equal(pieces.begin(), pieces.end(),
                      folded.begin() + static_cast<std::ptrdiff_t>(at))) {
        continue;
      }
      const std::size_t end = words[at + pieces.size() - 1].end;
      if (!best || end > best->end) best = FoundVerb{words[at].begin, end, verb.errand};
    }
  }
  return best;
}

bool is_joint(const std::string& word) {
  static const std::set<std::string> joints = {"y",       "e",    "and",    "luego",
                                               "despues", "then", "please", "porfa"};
  return joints.contains(word);
}

// Polite beginnings that a verb may follow.
bool is_opening(const std::string& word) {
  static const std::set<std::string> openings = {
      "por",     "favor", "please", "puedes", "podrias", "can", "could",  "you",   "quiero", "que",
      "tambien", "also",  "lar",    "me",     "to",      "hay", "tienes", "would", "oye",    "hey"};
  return openings.contains(word);
}

std::vector<std::string> folded_words(std::string_view text) {
  std::vector<std::string> result;
  for (const base::Word& word : base::words(text)) {
    result.push_back(base::fold(text.substr(word.begin, word.end - word.begin)));
  }
  return result;
}

// Two words that mean the same in both languages mostly begin alike: dentist, dentista.
bool alike(const std::string& one, const std::string& other) {
  if (one == other) return true;
  const std::size_t shorter = std::min(one.size(), other.size());
  std::size_t same = 0;
  while (same < shorter && one[same] == other[same]) ++same;
  return shorter >= 4 && same >= 4 && same + 2 >= shorter;
}

// Words that say nothing about which event is meant.
bool is_empty_word(const std::string& word) {
  static const std::set<std::string> empty = {
      "mi",    "mis",    "lo",   "del",   "my",      "the",     "hora",      "horas", "at",
      "para",  "hasta",  "dia",  "day",   "proximo", "proxima", "siguiente", "next",  "this",
      "este",  "esta",   "que",  "viene", "semana",  "week",    "mes",       "month", "por",
      "favor", "please", "otra", "otro",  "another", "time"};
  return empty.contains(word) || base::is_stop_word(word);
}

// Words for any event: they tell only where the event's own title has them.
bool is_event_word(const std::string& word) {
  static const std::set<std::string> words = {"cita",  "citas",   "evento",     "reunion",
                                              "event", "meeting", "appointment"};
  return words.contains(word);
}

// ---- planning ----

class Planning {
 public:
  Planning(const ActionContext& context, const PlanRequest& request, Knowledge knowledge)
      : context_(context), request_(request), knowledge_(std::move(knowledge)) {
    zone_ = knowledge_.owner.zone;
    now_ = base::Clock::now();
    local_ = base::to_local(now_, zone_);
    if (const auto sources = context.store.sources()) {
      for (const store::Source& source : *sources) {
        sends_ = sends_ || (context.send && sources::submission_of(source));
      }
    }
  }

  Result<PlanAnswer> run(const std::vector<PlanClause>& clauses) {
    for (const PlanClause& clause : clauses) {
      TRY(plan(clause));
      if (!answer_.question.empty()) return std::move(answer_);
    }
    if (actions_.empty() && answer_.notes.empty()) ask("plan.not_understood");
    if (actions_.empty() && answer_.question.empty()) {
      answer_.question = answer_.notes.front();
      answer_.notes.clear();
    }
    if (!answer_.question.empty()) return std::move(answer_);
    TRY(make_card());
    return std::move(answer_);
  }

  base::Status plan(const PlanClause& clause) {
    switch (clause.errand) {
      case Errand::move:
        return move(clause);
      case Errand::cancel:
        return cancel(clause);
      case Errand::add:
        return add(clause);
      case Errand::tell:
        return tell(clause);
      case Errand::remind:
        return remind(clause);
      case Errand::write:
        return write(clause);
    }
    return {};
  }

 private:
  std::string say(const char* code, const base::Parameters& parameters = {}) const {
    return base::message(code, parameters, context_.language);
  }
  // The time chosen for what was asked about: the first that would ask takes it.
  std::string chosen_start() { return std::exchange(start_, std::string()); }
  void ask(const char* code, const base::Parameters& parameters = {}) {
    answer_.question = say(code, parameters);
  }
  // The day by its name, never "tomorrow": it is read later, and by others.
  std::string spoken(const std::string& when, base::Language language) const {
    const auto moment = moment_of(when, zone_);
    if (!moment) return when;
    const bool spanish = language == base::Language::spanish;
    const base::LocalTime local = base::to_local(*moment, zone_);
    std::string text = base::spell_date(local.date, spanish);
    text = text.substr(0, text.rfind(spanish ? " de " : " "));
    if (when.size() <= 10) return text;
    const std::string time = fmt::format("{:02}:{:02}", local.hour, local.minute);
    if (!spanish) return text + " at " + time;
    return text + (time.starts_with("01") ? " a la " : " a las ") + time;
  }
  std::string text_of_moment(Microseconds moment) const {
    return base::format_rfc3339(moment, zone_);
  }
  std::string start_of(const Meeting& meeting) const {
    return meeting.all_day ? base::format_date(base::to_local(meeting.starts, zone_).date)
                           : text_of_moment(meeting.starts);
  }

  // ---- times ----

  struct Times {
    std::optional<Moment> from, to;
    std::string about;  // what stands before where to
  };
  // One time out of what a stretch of text says: a day and an hour that stand apart belong
  // together.
  std::optional<Moment> time_in(const std::string& text) const {
    std::optional<Moment> time;
    for (const Moment& one : find_moments(text, local_)) {
      if (!one.dated && !one.from) continue;
      if (!time) {
        time = one;
      } else if (!time->from && one.from && !one.dated) {
        time->from = one.from;
        time->to = one.to;
      }
    }
    return time;
  }
  // "del jueves al lunes a las cinco": away from what, and to what. The leftmost word of direction
  // with a time right behind it divides them; "from … to …" would else be one long time.
  Times times_of_move(const std::string& text) const {
    static const std::set<std::string> toward = {"a",  "al",    "para", "hasta",
                                                 "to", "until", "till", "for"};
    const auto words = base::words(text);
    for (std::size_t at = 0; at + 1 < words.size(); ++at) {
      const std::string_view word =
          std::string_view(text).substr(words[at].begin, words[at].end - words[at].begin);
      if (!toward.contains(base::fold(word))) continue;
      const std::string behind = text.substr(words[at].begin);
      const auto found = find_moments(behind, local_);
      if (found.empty()) continue;
      const std::size_t near = at + 2 < words.size() ? words[at + 2].begin : text.size();
      if (words[at].begin + found.front().begin > near) continue;
      Times times;
      // Read without the word of direction, which may make a deadline or a range of it.
      times.to = time_in(text.substr(words[at].end));
      if (!times.to) continue;
      times.about = text.substr(0, words[at].begin);
      times.from = time_in(times.about);
      return times;
    }
    return {time_in(text), std::nullopt, text};
  }

  // ---- events ----

  struct Chosen {
    const Meeting* meeting = nullptr;
    std::string occurrence;
  };

  static std::string key_of(const Meeting& meeting, const std::string& occurrence) {
    return meeting.item.text() + (occurrence.empty() ? "" : "/" + occurrence);
  }

  // Of a series the occurrence, of a single event nothing.
  std::string occurrence_of(const Meeting& meeting) const {
    const auto stored = context_.store.item(meeting.item);
    if (!stored || stored->item.occurrences.size() < 2) return {};
    for (const domain::Occurrence& one : stored->item.occurrences) {
      if (domain::begins_at(one.start, zone_) == meeting.starts) return one.recurrence_id;
    }
    return {};
  }

  // The one event that is meant; asks and gives nothing where that is not clear.
  std::optional<Chosen> find(const std::string& text, const std::optional<Moment>& day) {
    std::vector<const Meeting*> candidates;
    std::vector<std::string> wanted;
    std::string without = text;
    for (const Moment& one : find_moments(text, local_)) {
      std::fill(without.begin() + static_cast<std::ptrdiff_t>(one.begin),
                without.begin() + static_cast<std::ptrdiff_t>(one.end), ' ');
    }
    for (std::string& word : folded_words(without)) {
      // The weekday beside a date is no part of a title.
      const bool of_a_day = day && !base::find_time_expressions(word, local_.date).empty();
      if (!is_empty_word(word) && !of_a_day) wanted.push_back(std::move(word));
    }
    const bool names_one = std::any_of(
        wanted.begin(), wanted.end(), [](const std::string& word) { return !is_event_word(word); });
    int best = 0;
    for (const Meeting& meeting : knowledge_.meetings) {
      if (meeting.ends < now_) continue;
      const base::LocalTime on = base::to_local(meeting.starts, zone_);
      if (day && day->dated && (on.date < day->first || on.date > day->last)) continue;
      if (day && day->from && !meeting.all_day && on.hour * 60 + on.minute != *day->from) continue;
      std::string about = meeting.title + " " + meeting.place;
      for (const domain::Person& person : meeting.people) about += " " + person.name;
      const auto said = folded_words(about);
      int score = 0, named = 0;
      for (const std::string& word : wanted) {
        const bool there = std::any_of(
            said.begin(), said.end(), [&](const std::string& other) { return alike(word, other); });
        if (!is_event_word(word)) named += there ? 1 : 0;
        score += there ? (is_event_word(word) ? 1 : 2) : 0;
      }
      if (!request_.event.empty()) {
        if (key_of(meeting, occurrence_of(meeting)) == request_.event) {
          return Chosen{&meeting, occurrence_of(meeting)};
        }
        continue;
      }
      if (names_one && named == 0) continue;
      if (score > best) candidates.clear();
      best = std::max(best, score);
      if (score == best) candidates.push_back(&meeting);
    }
    const std::string named = std::string(base::trim(base::collapse_spaces(text)));
    if (candidates.empty()) {
      ask("plan.no_event", {{"what", named}});
      return std::nullopt;
    }
    // Of a series the next one is meant, unless a day was said.
    std::map<Id, const Meeting*> first;
    for (const Meeting* one : candidates) first.try_emplace(one->item, one);
    if (first.size() == 1) {
      const Meeting* only = first.begin()->second;
      return Chosen{only, occurrence_of(*only)};
    }
    ask("plan.which_event", {{"what", named}});
    for (const Meeting* one : candidates) {
      if (first[one->item] != one || answer_.choices.size() >= most_choices) continue;
      answer_.choices.push_back({one->title + ", " + spoken(start_of(*one), context_.language),
                                 key_of(*one, occurrence_of(*one)), "", ""});
    }
    return std::nullopt;
  }

  bool is_free(Microseconds from, Microseconds to, const Meeting* but) const {
    return std::none_of(knowledge_.meetings.begin(), knowledge_.meetings.end(),
                        [&](const Meeting& other) {
                          return &other != but && !other.all_day && !other.free &&
                                 !other.declined && other.starts < to && other.ends > from;
                        });
  }

  // Slots of the event's length on these days: its own hour first.
  std::vector<Microseconds> free_slots(const Meeting& meeting, const base::Date& first,
                                       const base::Date& last) const {
    const Microseconds length = std::max(one_minute, meeting.ends - meeting.starts);
    const base::LocalTime was = base::to_local(meeting.starts, zone_);
    const bool weekend = base::weekday(was.date) >= 5;
    std::vector<Microseconds> same_hour, others;
    for (base::Date day = first; day <= last; day = base::add_days(day, 1)) {
      if (!weekend && base::weekday(day) >= 5) continue;
      const Microseconds usual = base::from_local({day, was.hour, was.minute, was.second}, zone_);
      if (usual > now_ && usual != meeting.starts && is_free(usual, usual + length, &meeting)) {
        same_hour.push_back(usual);
      }
      for (int minute = first_minute; minute + length / one_minute <= last_minute;
           minute += slot_step) {
        const Microseconds start = base::from_local({day, minute / 60, minute % 60, 0}, zone_);
        if (start <= now_ || start == usual || start == meeting.starts) continue;
        if (!is_free(start, start + length, &meeting)) continue;
        others.push_back(start);
        break;
      }
    }
    // The same day of the week is what "next week" mostly means.
    std::stable_sort(same_hour.begin(), same_hour.end(), [&](Microseconds one, Microseconds other) {
      const auto same = [&](Microseconds moment) {
        return base::weekday(base::to_local(moment, zone_).date) == base::weekday(was.date);
      };
      return same(one) && !same(other);
    });
    same_hour.insert(same_hour.end(), others.begin(), others.end());
    if (same_hour.size() > most_choices) same_hour.resize(most_choices);
    return same_hour;
  }

  void ask_for_slot(const Chosen& chosen, const base::Date& first, const base::Date& last,
                    const char* code) {
    ask(code, {{"title", chosen.meeting->title}});
    if (chosen.meeting->all_day) return;
    for (const Microseconds slot : free_slots(*chosen.meeting, first, last)) {
      const std::string start = text_of_moment(slot);
      answer_.choices.push_back({spoken(start, context_.language), "", start, ""});
    }
  }

  base::Status move(const PlanClause& clause) {
    const Times times = times_of_move(clause.rest);
    const auto chosen = find(times.about, times.from);
    if (!chosen) return {};
    const Meeting& meeting = *chosen->meeting;
    std::string start;
    if (!times.to) {
      start = chosen_start();
      if (start.empty()) {
        ask_for_slot(*chosen, base::add_days(local_.date, 1), base::add_days(local_.date, 7),
                     "plan.when");
        return {};
      }
    } else if (times.to->dated && times.to->first != times.to->last) {
      start = chosen_start();
      if (start.empty()) {
        ask_for_slot(*chosen, std::max(times.to->first, local_.date), times.to->last,
                     meeting.all_day ? "plan.which_day" : "plan.which_slot");
        return {};
      }
    } else {
      const Moment& to = *times.to;
      const base::LocalTime was = base::to_local(meeting.starts, zone_);
      const base::Date day = to.dated ? to.first : was.date;
      if (meeting.all_day && !to.from) {
        start = base::format_date(day);
      } else {
        const int minute = to.from.value_or(was.hour * 60 + was.minute);
        const Microseconds moment = base::from_local({day, minute / 60, minute % 60, 0}, zone_);
        start = text_of_moment(moment);
        const Microseconds length = meeting.ends - meeting.starts;
        if (!to.from && !is_free(moment, moment + length, &meeting)) {
          start = chosen_start();
          if (start.empty()) {
            ask_for_slot(*chosen, day, day, "plan.busy");
            return {};
          }
        }
      }
    }
    const auto moment = moment_of(start, zone_);
    if (!moment || *moment < (start.size() <= 10 ? now_ - base::one_day : now_)) {
      ask("plan.past");
      return {};
    }
    actions_.push_back({"move_event", json{{"item", meeting.item.text()},
                                           {"occurrence", chosen->occurrence},
                                           {"title", meeting.title},
                                           {"was", start_of(meeting)},
                                           {"start", start},
                                           {"zone", zone_}}
                                          .dump()});
    keep(meeting, start, Errand::move);
    return {};
  }

  base::Status cancel(const PlanClause& clause) {
    const auto chosen = find(clause.rest, time_in(clause.rest));
    if (!chosen) return {};
    const Meeting& meeting = *chosen->meeting;
    actions_.push_back({"cancel_event", json{{"item", meeting.item.text()},
                                             {"occurrence", chosen->occurrence},
                                             {"title", meeting.title},
                                             {"was", start_of(meeting)},
                                             {"zone", zone_}}
                                            .dump()});
    keep(meeting, "", Errand::cancel);
    return {};
  }

  // What of a clause is neither time nor joint: a title, a thing to remember.
  std::string without_times(const std::string& text) const {
    std::string left = text;
    const auto moments = find_moments(text, local_);
    for (auto one = moments.rbegin(); one != moments.rend(); ++one) {
      left.erase(one->begin, one->end - one->begin);
    }
    static const std::set<std::string> edges = {
        "que",       "de",       "del",        "el",       "la",      "a",      "al",
        "to",        "on",       "at",         "the",      "for",     "para",   "that",
        "en",        "my",       "mi",         "las",      "about",   "an",     "un",
        "una",       "calendar", "calendario", "agenda",   "in",      "lunes",  "martes",
        "miercoles", "jueves",   "viernes",    "sabado",   "domingo", "monday", "tuesday",
        "wednesday", "thursday", "friday",     "saturday", "sunday"};
    left = base::collapse_spaces(left);
    for (bool changed = true; changed;) {
      changed = false;
      const auto words = base::words(left);
      if (words.empty()) break;
      const auto word = [&](const base::Word& one) {
        return base::fold(std::string_view(left).substr(one.begin, one.end - one.begin));
      };
      if (edges.contains(word(words.front()))) {
        left.erase(0, words.front().end);
        changed = true;
      } else if (edges.contains(word(words.back()))) {
        left.resize(words.back().begin);
        changed = true;
      }
    }
    const auto words = base::words(left);
    if (words.empty()) return {};
    left = left.substr(words.front().begin);
    while (!left.empty() && (left.back() == ',' || left.back() == '.' || left.back() == ' ')) {
      left.pop_back();
    }
    return left;
  }

  static std::string with_capital(std::string text) {
    if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') {
      text[0] = static_cast<char>(text[0] - 32);
    }
    return text;
  }

  base::Status add(const PlanClause& clause) {
    const std::optional<Moment> time = time_in(clause.rest);
    const std::string title = with_capital(without_times(clause.rest));
    if (title.empty()) {
      ask("plan.no_title");
      return {};
    }
    std::string start, end;
    if (!time || !time->dated || time->first != time->last) {
      start = chosen_start();
      if (start.empty()) {
        ask("plan.when", {{"title", title}});
        return {};
      }
    } else {
      const auto at = [&](int minute) {
        return text_of_moment(base::from_local({time->first, minute / 60, minute % 60, 0}, zone_));
      };
      start = time->from ? at(*time->from) : base::format_date(time->first);
      if (time->from && time->to && *time->to > *time->from) end = at(*time->to);
    }
    json content = {{"title", title}, {"start", start}, {"zone", zone_}};
    if (!end.empty()) content["end"] = end;
    actions_.push_back({"add_event", content.dump()});
    about_.title = title;
    about_.start = start;
    about_.errand = Errand::add;
    return {};
  }

  base::Status remind(const PlanClause& clause) {
    const std::optional<Moment> time = time_in(clause.rest);
    const std::string what = with_capital(without_times(clause.rest));
    std::optional<Microseconds> at;
    if (time && time->first == time->last) {
      const base::Date day = time->dated ? time->first : local_.date;
      const int minute = time->from.value_or(first_minute);
      at = base::from_local({day, minute / 60, minute % 60, 0}, zone_);
      if (*at <= now_ && !time->dated) *at += base::one_day;
    }
    if (!at) at = moment_of(chosen_start(), zone_);
    if (!at || what.empty()) {
      ask("plan.when", {{"title", what}});
      return {};
    }
    if (*at <= now_) {
      ask("plan.past");
      return {};
    }
    actions_.push_back(
        {"reminder", json{{"at", base::format_rfc3339(*at, "UTC")}, {"text", what}}.dump()});
    return {};
  }

  // ---- people ----

  // By name or address among those the home knows; asks where several are meant.
  std::optional<domain::Person> person_in(const std::string& text) {
    const auto words = folded_words(text);
    const std::size_t at = text.find('@');
    if (at != std::string::npos) {
      std::size_t begin = text.find_last_of(" <,;", at);
      begin = begin == std::string::npos ? 0 : begin + 1;
      const std::size_t end = text.find_first_of(" >,;", at);
      std::string address = text.substr(begin, end == std::string::npos ? end : end - begin);
      return domain::Person{domain::PersonRole::to, "", base::lower_ascii(address)};
    }
    struct Named {
      domain::Person person;
      int written = 0, received = 0, score = 0;
      bool known = false, called = false;  // called: the owner uses a name
    };
    std::map<std::string, Named> people;
    const auto take = [&](const store::Correspondent& one, bool known) {
      if (knowledge_.owner.is(one.address)) return;
      Named& named = people[one.address];
      named.written += one.written;
      named.received += one.received;
      // Whoever sends mail chooses the name in it: it counts only where the owner uses none.
      if (named.called && !known) return;
      const std::string name =
          one.name.empty() ? one.address.substr(0, one.address.find('@')) : one.name;
      const auto pieces = folded_words(name);
      int score = 0;
      for (const std::string& word : words) {
        if (word.size() < 3 || is_empty_word(word)) continue;
        score += std::find(pieces.begin(), pieces.end(), word) != pieces.end() ? 1 : 0;
      }
      if (named.person.address.empty() || score > named.score) {
        named.person = {domain::PersonRole::to, one.name, one.address};
        named.score = score;
      }
      named.known = named.known || known;
      named.called = named.called || (known && !one.name.empty());
    };
    if (const auto all = context_.store.assistant().correspondents()) {
      for (const bool known : {true, false}) {
        for (const store::Correspondent& one : *all) {
          if (is_known(one) == known) take(one, known);
        }
      }
    }
    if (!request_.who.empty()) {
      const auto chosen = people.find(request_.who);
      return chosen == people.end() ? std::nullopt : std::optional(chosen->second.person);
    }
    int most_known = 0, most = 0;
    for (const auto& [address, named] : people) {
      (named.known ? most_known : most) = std::max(named.known ? most_known : most, named.score);
    }
    // Somebody the owner is in touch with goes before a stranger of the same name; one that has
    // more of the name is asked about.
    const bool strangers = most > most_known;
    std::vector<Named> found;
    for (const auto& [address, named] : people) {
      const bool fits = named.known ? named.score == most_known : strangers && named.score == most;
      if (named.score > 0 && fits) found.push_back(named);
    }
    if (found.empty()) return std::nullopt;
    std::stable_sort(found.begin(), found.end(), [](const Named& one, const Named& other) {
      return std::tuple(one.known, one.written, one.received) >
             std::tuple(other.known, other.written, other.received);
    });
    std::vector<domain::Person> best;
    for (Named& named : found) best.push_back(std::move(named.person));
    if (best.size() == 1) return best.front();
    ask("plan.which_person", {{"what", std::string(base::trim(text))}});
    for (const domain::Person& one : best) {
      if (answer_.choices.size() >= most_choices) break;
      answer_.choices.push_back({shown_person(one.name, one.address), "", "", one.address});
    }
    return std::nullopt;
  }

  // Who has to do with the event: whoever wrote a mail that names it, each with their last one and
  // those the owner knows first; else the people in it.
  struct Reachable {
    domain::Person person;
    const KnownMail* mail = nullptr;
    bool known() const { return mail == nullptr || mail->origin <= domain::Origin::known_contact; }
  };
  std::vector<Reachable> concerned() const {
    if (about_.meeting == nullptr) return {};
    const Meeting& meeting = *about_.meeting;
    const base::Date day = base::to_local(meeting.starts, zone_).date;
    const auto title = folded_words(meeting.title + " " + meeting.place);
    std::map<std::string, const KnownMail*> last;
    for (const store::Fact& fact : knowledge_.facts) {
      if (fact.kind != "appointment" || !fact.moment) continue;
      if (base::to_local(*fact.moment, zone_).date != day) continue;
      const auto mail = std::find_if(knowledge_.mails.begin(), knowledge_.mails.end(),
                                     [&](const KnownMail& one) { return one.item == fact.item; });
      if (mail == knowledge_.mails.end() || mail->mine || mail->suspicious != "none") continue;
      const auto said = folded_words(mail->subject + " " + mail->from.name + " " + fact.what + " " +
                                     fact.place + " " + fact.quote);
      const bool shares = std::any_of(title.begin(), title.end(), [&](const std::string& word) {
        return !is_empty_word(word) && word.size() >= 4 &&
               std::any_of(said.begin(), said.end(),
                           [&](const std::string& other) { return alike(word, other); });
      });
      const bool same_time = std::abs(*fact.moment - meeting.starts) <= 20 * one_minute;
      if (!shares && !(same_time && fact.starts.size() > 10)) continue;
      const KnownMail*& best = last[mail->from.address];
      if (best == nullptr || mail->sent > best->sent) best = &*mail;
    }
    std::vector<Reachable> all;
    for (const auto& [address, mail] : last) all.push_back({mail->from, mail});
    std::stable_sort(all.begin(), all.end(), [](const Reachable& one, const Reachable& other) {
      return std::pair(one.known(), one.mail->sent) > std::pair(other.known(), other.mail->sent);
    });
    if (!all.empty()) return all;
    for (const domain::PersonRole role :
         {domain::PersonRole::organizer, domain::PersonRole::attendee}) {
      for (const domain::Person& person : meeting.people) {
        if (person.role == role && !person.address.empty()) return {Reachable{person, nullptr}};
      }
    }
    return {};
  }

  // The words behind "that", "que", "about", "sobre": what is to be said.
  static std::pair<std::string, std::string> split_message(const std::string& text, bool& literal) {
    static const std::array<std::pair<std::string_view, bool>, 8> marks = {
        {{" diciendo que ", true},
         {" saying that ", true},
         {" sobre ", false},
         {" acerca de ", false},
         {" about ", false},
         {" that ", true},
         {" que ", true},
         {": ", true}}};
    const std::string padded = " " + text;
    std::size_t first = std::string::npos;
    std::pair<std::string_view, bool> mark;
    for (const auto& one : marks) {
      const std::size_t at = padded.find(one.first);
      if (at < first) {
        first = at;
        mark = one;
      }
    }
    if (first == std::string::npos) return {text, ""};
    literal = mark.second;
    return {padded.substr(0, first), padded.substr(first + mark.first.size())};
  }

  base::Status tell(const PlanClause& clause) {
    bool literal = true;
    const auto [whom, message] = split_message(clause.rest, literal);
    std::optional<Reachable> reached;
    if (const auto named = person_in(whom)) reached = Reachable{*named, nullptr};
    if (!answer_.question.empty()) return {};
    const std::vector<Reachable> of_event = concerned();
    if (!reached && !of_event.empty()) {
      // Anybody can write that they have to do with an appointment.
      if (of_event.size() > 1 && !of_event.front().known()) {
        ask("plan.which_person", {{"what", about_.title}});
        for (const Reachable& one : of_event) {
          if (answer_.choices.size() >= most_choices) break;
          const domain::Person& person = one.person;
          answer_.choices.push_back(
              {shown_person(person.name, person.address), "", "", person.address});
        }
        return {};
      }
      reached = of_event.front();
    }
    for (const Reachable& one : of_event) {
      if (reached->person.address == one.person.address) reached = one;
    }
    if (!reached) {
      answer_.notes.push_back(say("plan.nobody_to_tell"));
      return {};
    }
    json content = letter_to(*reached);
    // In the language they write in, or are written to in.
    base::Language language = base::detect_language(request_.text, context_.language);
    if (reached->mail != nullptr) language = base::language_from_code(reached->mail->language);
    TRY_ASSIGN(const Style style, style_with(context_.store, reached->person.address, language));
    language = style.language;
    content["language"] = base::language_code(language);
    if (!message.empty()) {
      content["wish"] = message;
      content["compose"] = true;
      content["body"] = sentence_of(message);
      // Without a model the owner's own words stand there.
      if (context_.engines == nullptr || context_.engines->bound_to(engine::Role::chat).empty()) {
        content["compose"] = false;
        content.erase("wish");
      }
    } else if (!about_.title.empty()) {
      const char* code = about_.errand == Errand::move     ? "plan.tell.move"
                         : about_.errand == Errand::cancel ? "plan.tell.cancel"
                                                           : "plan.tell.add";
      content["body"] = base::message(code,
                                      {{"title", about_.title},
                                       {"from", spoken(about_.was, language)},
                                       {"to", spoken(about_.start, language)}},
                                      language);
    } else {
      ask("plan.tell_what");
      return {};
    }
    if (text_of(content, "subject").empty()) {
      content["subject"] = about_.title.empty() ? subject_of(message) : about_.title;
    }
    actions_.push_back({sends_ ? "send_mail" : "save_draft", dump(content)});
    if (reached->mail != nullptr) {
      evidence_.push_back({reached->mail->item, "", reached->mail->message_id,
                           reached->mail->subject, domain::ItemKind::mail});
    }
    return {};
  }

  base::Status write(const PlanClause& clause) {
    bool literal = false;
    const auto [whom, message] = split_message(clause.rest, literal);
    const auto person = person_in(whom);
    if (!answer_.question.empty()) return {};
    if (!person) {
      ask("plan.no_person", {{"what", std::string(base::trim(whom))}});
      return {};
    }
    json content = letter_to({*person, nullptr});
    const bool model =
        context_.engines != nullptr && !context_.engines->bound_to(engine::Role::chat).empty();
    if (model && !message.empty()) {
      content["wish"] = message;
      content["compose"] = true;
    } else {
      // A subject alone makes no text: the owner has to write it.
      content["body"] = literal && !message.empty() ? sentence_of(message) : "[…]";
    }
    if (text_of(content, "subject").empty()) content["subject"] = subject_of(message);
    // To send is another word than to write.
    const auto words = folded_words(clause.text);
    static const std::set<std::string> sending = {"manda", "mandale", "envia", "enviale", "send"};
    const bool send = sends_ && std::any_of(words.begin(), words.end(), [&](const auto& word) {
                        return sending.contains(word);
                      });
    actions_.push_back({send ? "send_mail" : "save_draft", dump(content)});
    return {};
  }

  static std::string dump(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
  }
  static std::string sentence_of(const std::string& words) {
    std::string text = with_capital(std::string(base::trim(words)));
    if (!text.empty() && std::string_view(".!?…").find(text.back()) == std::string_view::npos) {
      text += ".";
    }
    return text;
  }
  std::string subject_of(const std::string& message) const {
    const std::string plain = std::string(base::cut_utf8(base::trim(message), 60));
    return plain.empty() ? say("plan.subject") : with_capital(plain);
  }
  json letter_to(const Reachable& reached) const {
    json content = {{"to", reached.person.address}, {"to_name", reached.person.name}, {"text", ""}};
    if (reached.mail != nullptr) {
      content["reply_to"] = reached.mail->item.text();
      content["subject"] = "Re: " + plain_subject(reached.mail->subject);
    }
    return content;
  }

  void keep(const Meeting& meeting, const std::string& start, Errand errand) {
    about_.meeting = &meeting;
    about_.title = meeting.title;
    about_.was = start_of(meeting);
    about_.start = start;
    about_.errand = errand;
    evidence_.push_back(
        {meeting.item, "", meeting.external_id, meeting.title, domain::ItemKind::event});
  }

  base::Status make_card() {
    store::Card card;
    card.id = Id::make();
    card.key = "plan:" + card.id.text();
    card.kind = "plan";
    set_text(card, "plan", {{"text", request_.text}});
    card.urgency = urgency_today;
    card.weight = 1;
    card.origin = domain::Origin::owner;
    card.state = store::CardState::seen;
    card.evidence = evidence_;
    card.actions = actions_;
    TRY(context_.store.assistant().put_cards({&card, 1}, {}));
    TRY_ASSIGN(auto all, context_.store.assistant().cards(store::AssistantStore::Which::open));
    for (store::Card& one : all) {
      if (one.key == card.key) answer_.card = std::move(one);
    }
    if (!answer_.card) return base::fail(base::ErrorKind::not_found, "action.event_gone");
    return {};
  }

  const ActionContext& context_;
  const PlanRequest& request_;
  Knowledge knowledge_;
  std::string zone_;
  Microseconds now_ = 0;
  base::LocalTime local_;
  bool sends_ = false;
  std::string start_ = request_.start;
  PlanAnswer answer_;
  std::vector<store::ProposedAction> actions_;
  std::vector<store::CardItem> evidence_;
  // What the sentence was about so far: what others are told.
  struct {
    const Meeting* meeting = nullptr;
    std::string title, was, start;
    Errand errand = Errand::tell;
  } about_;
};

// ---- what is left to the model ----

constexpr std::pair<const char*, const char*> errand_words[] = {
    {"move", "move"}, {"cancel", "cancel"},    {"add", "add"},
    {"tell", "tell"}, {"remind", "remind me"}, {"write", "write"}};

// The sentence in words that code knows; empty where the model finds nothing to do.
Result<std::string> rephrased(const ActionContext& context, const std::string& text) {
  engine::ChatRequest request;
  request.messages = {
      {"system",
       "You take apart what the owner asks an assistant to do. Copy words from the sentence as "
       "they stand; leave a field empty where the sentence says nothing. errand: move, cancel or "
       "add an event of the calendar; tell somebody something; remind the owner; write a mail; or "
       "none."},
      {"user", text}};
  request.json_schema =
      R"({"type":"object","properties":{"errand":{"enum":["move","cancel","add","tell","remind","write","none"]},"what":{"type":"string","maxLength":120},"from":{"type":"string","maxLength":60},"to":{"type":"string","maxLength":60},"who":{"type":"string","maxLength":60},"tell_them":{"type":"boolean"}},"required":["errand","what","from","to","who","tell_them"],"additionalProperties":false})";
  request.max_tokens = 200;
  request.caller = {engine::Urgency::interactive, "assistant"};
  TRY_ASSIGN(const engine::ChatResult result,
             context.engines->chat(engine::Role::chat, request, {}, context.stop));
  const json answer = base::foreign_json(result.text);
  if (!answer.is_object()) return std::string();
  // Only what stands in the sentence counts.
  const std::string said = phrase_text(text);
  const auto part = [&](const char* name) {
    const std::string value = text_of(answer, name);
    const std::string phrase = phrase_text(value);
    return phrase.size() > 2 && said.find(phrase) != std::string::npos ? value : std::string();
  };
  std::string sentence;
  for (const auto& [name, words] : errand_words) {
    if (text_of(answer, "errand") == name) sentence = words;
  }
  if (sentence.empty()) return sentence;
  const std::string what = part("what"), from = part("from"), to = part("to"), who = part("who");
  // Without a word of the owner's there is nothing to do it to.
  if (what.empty() && who.empty()) return std::string();
  if (text_of(answer, "errand") == "tell" || text_of(answer, "errand") == "write") {
    sentence += (who.empty() ? "" : " " + who) + (what.empty() ? "" : ": " + what);
  } else {
    sentence += (what.empty() ? "" : " " + what) + (from.empty() ? "" : " from " + from);
    if (!to.empty()) sentence += " to " + to;
    if (answer.value("tell_them", false)) sentence += " and tell " + (who.empty() ? "them" : who);
  }
  return sentence;
}

}  // namespace

std::vector<PlanClause> clauses_of(const std::string& text) {
  const auto words = base::words(text);
  std::vector<std::string> folded;
  for (const base::Word& word : words) {
    folded.push_back(base::fold(std::string_view(text).substr(word.begin, word.end - word.begin)));
  }
  std::vector<FoundVerb> found;
  bool may_begin = true;
  for (std::size_t at = 0; at < words.size(); ++at) {
    const auto verb = may_begin ? verb_at(words, folded, at) : std::nullopt;
    if (verb) {
      found.push_back(*verb);
      while (at + 1 < words.size() && words[at + 1].end <= verb->end) ++at;
      may_begin = false;
      continue;
    }
    // A clause begins behind a joint or a comma, and with nothing but politeness before its verb.
    const std::size_t next = at + 1 < words.size() ? words[at + 1].begin : text.size();
    const std::string_view gap = std::string_view(text).substr(words[at].end, next - words[at].end);
    const bool sign = gap.find_first_of(",;.:!?") != std::string_view::npos;
    may_begin = is_joint(folded[at]) || sign || (may_begin && is_opening(folded[at]));
  }
  std::vector<PlanClause> clauses;
  for (std::size_t at = 0; at < found.size(); ++at) {
    std::size_t end = at + 1 < found.size() ? found[at + 1].begin : text.size();
    // The joint belongs to neither.
    for (bool more = true; more && at + 1 < found.size();) {
      more = false;
      const auto inside =
          base::words(std::string_view(text).substr(found[at].end, end - found[at].end));
      if (inside.empty()) break;
      const auto& last = inside.back();
      const std::string word = base::fold(
          std::string_view(text).substr(found[at].end + last.begin, last.end - last.begin));
      if (is_joint(word) || word == "also" || word == "tambien") {
        end = found[at].end + last.begin;
        more = true;
      }
    }
    PlanClause clause;
    clause.errand = found[at].errand;
    clause.text = text.substr(found[at].begin, end - found[at].begin);
    clause.rest = text.substr(found[at].end, end - found[at].end);
    while (!clause.rest.empty() &&
           std::string_view(" ,;.!").find(clause.rest.back()) != std::string_view::npos) {
      clause.rest.pop_back();
    }
    clauses.push_back(std::move(clause));
  }
  return clauses;
}

Result<PlanAnswer> make_plan(const ActionContext& context, const PlanRequest& request) {
  std::vector<PlanClause> clauses = clauses_of(request.text);
  const bool model =
      context.engines != nullptr && !context.engines->bound_to(engine::Role::chat).empty();
  if (clauses.empty() && model) {
    TRY_ASSIGN(const std::string again, rephrased(context, request.text));
    clauses = clauses_of(again);
  }
  const Microseconds now = base::Clock::now();
  TRY_ASSIGN(Knowledge knowledge, load_knowledge(context.store, now - days_back * base::one_day,
                                                 now + days_ahead * base::one_day));
  return Planning(context, request, std::move(knowledge)).run(clauses);
}

}  // namespace lar::assistant
