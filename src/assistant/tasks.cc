// Appointments are days and times that lie ahead, with words for something that one attends; which
// of them concern the owner is judged by learned weights (judgement.h, "appointment"). What is
// asked is found by requests.cc.
#include "assistant/tasks.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <set>

#include "assistant/clauses.h"
#include "assistant/lexicon.h"
#include "assistant/mail_features.h"
#include "assistant/moments.h"
#include "assistant/requests.h"

namespace lar::assistant {
namespace {

// Whether something that one attends is named.
bool names_event(std::string_view folded) {
  return count_phrases(folded, "meeting") > 0 || says_any(folded, "date.events");
}

// What takes place, in the words of the sentence: "cena con Jon", "zoo trip"; empty if nothing is
// named. Ends before times and signs.
std::string event_named(const Sentence& sentence, const std::vector<Moment>& moments) {
  constexpr size_t longest = 6;
  const std::vector<Token> tokens = tokens_of(sentence.text);
  for (size_t at = 0; at < tokens.size(); ++at) {
    const auto inside = [&](size_t token) {
      return std::any_of(moments.begin(), moments.end(),
                         [&](const Moment& moment) { return moment.covers(tokens[token].begin); });
    };
    const std::string rest =
        phrase_text(std::string_view(sentence.text).substr(tokens[at].begin, 24));
    const auto begins = [&](std::string_view group) {
      const auto nouns = phrases(group);
      return std::any_of(nouns.begin(), nouns.end(), [&](const std::string& noun) {
        return !noun.ends_with('*') && rest.starts_with(" " + noun + " ");
      });
    };
    const bool named = begins("mail.meeting") || begins("date.events");
    if (!named || inside(at)) continue;
    size_t end = at + 1;
    static constexpr std::string_view stops[] = {
        "a",    "the",   "el",  "la",   "is",  "es", "y",     "and",  "at",
        "on",   "los",   "las", "will", "que", "en", "to",    "so",   "se",
        "sera", "queda", "has", "no",   "hay", "si", "quedo", "then", "tiene"};
    while (end < tokens.size() && end - at < longest && !inside(end) &&
           !is_one(tokens[end].folded, stops)) {
      const std::string_view gap =
          std::string_view(sentence.text)
              .substr(tokens[end - 1].end, tokens[end].begin - tokens[end - 1].end);
      if (gap.find_first_of(".,;:?!()\n") != std::string_view::npos) break;
      ++end;
    }
    // "dental check-up", "zoo trip": what stands before an English noun is part of its name.
    size_t begin = at;
    if (begin > 0 && !inside(begin - 1) && tokens[begin - 1].folded.size() > 3 &&
        !base::is_stop_word(tokens[begin - 1].folded) &&
        sentence.text.substr(tokens[begin - 1].end, tokens[begin].begin - tokens[begin - 1].end) ==
            " " &&
        base::detect_language(sentence.text, base::Language::spanish) == base::Language::english) {
      --begin;
    }
    return without_loose_end(
        sentence.text.substr(tokens[begin].begin, tokens[end - 1].end - tokens[begin].begin));
  }
  return {};
}

// Whether a subject is but a day or a time: "sábado", "mañana", "el jueves a las 5".
bool says_only_when(std::string_view subject) {
  const std::vector<Token> tokens = tokens_of(subject);
  return std::all_of(tokens.begin(), tokens.end(), [](const Token& token) {
    return base::is_stop_word(token.folded) ||
           says_any(" " + token.folded + " ", "when.weekdays") ||
           says_any(" " + token.folded + " ", "when.of_writing") ||
           token.folded.find_first_not_of("0123456789") == std::string::npos;
  });
}

// A name for what takes place: the subject where it says so, else what the sentence names, with the
// subject where that says something of its own.
std::string title_for(const Mail& mail, const Sentence& sentence, const Sentence* before,
                      const std::vector<Moment>& moments) {
  constexpr size_t short_subject = 40;
  const std::string subject = plain_subject(mail.subject);
  const std::string folded = phrase_text(subject);
  static constexpr std::string_view generic[] = {
      " hola ", " hi ",    " hello ",  " una cosa ", " question ",     " pregunta ",
      " hoy ",  " today ", " mañana ", " tomorrow ", " recordatorio ", " reminder "};
  const bool says = subject.size() > 3 && !says_only_when(subject) &&
                    std::find(std::begin(generic), std::end(generic), folded) == std::end(generic);
  if (says && names_event(folded)) return subject;
  std::string event = event_named(sentence, moments);
  // "Vamos por unos tacos? Tipo 2 y media": named just before.
  if (event.empty() && before != nullptr) event = event_named(*before, {});
  if (event.empty() && says) return subject;
  if (event.empty()) {
    return std::string(base::cut_utf8(without_loose_end(trimmed_clause(without_moments(
                                          sentence.text, 0, sentence.text.size(), moments))),
                                      60));
  }
  if (!says || subject.size() > short_subject) return event;
  return event + " (" + subject + ")";
}

bool is_place_noun(std::string_view word) {
  return says_any(" " + std::string(word) + " ", "date.places");
}

std::string place_in(std::string_view text, const std::vector<Moment>& moments) {
  const std::vector<Token> tokens = tokens_of(text);
  for (size_t at = 0; at + 1 < tokens.size(); ++at) {
    const std::string& word = tokens[at].folded;
    const std::string_view behind =
        text.substr(tokens[at].end, tokens[at + 1].begin - tokens[at].end);
    const bool field = says_any(" " + word + " ", "date.place_fields") &&
                       (behind.starts_with(":") || behind.starts_with(" | "));
    if (!field && word != "en" && word != "at" && word != "in") continue;
    if (!field && behind != " ") continue;
    size_t first = at + 1, end = first;
    bool named = field;
    while (end < tokens.size() && end - first < (field ? 12U : 8U)) {
      const bool inside = std::any_of(moments.begin(), moments.end(), [&](const Moment& moment) {
        return moment.covers(tokens[end].begin);
      });
      if (inside) break;
      const std::string& here = tokens[end].folded;
      if (!field && end > first &&
          (here == "a" || here == "y" || here == "para" || here == "con" || here == "si" ||
           here == "and" || here == "with" || here == "on" || here == "from" || here == "at" ||
           here == "que" || here == "por" || here == "to" || here == "for" || here == "if" ||
           here == "so" || here == "contra" || here == "desde" || here == "hasta" ||
           here == "donde" || here == "antes" || here == "after" || here == "before" ||
           here == "because" || here == "porque" || here == "cuando" || here == "when")) {
        break;
      }
      const char letter = text[tokens[end].begin];
      named = named || (letter >= 'A' && letter <= 'Z') || is_place_noun(here) ||
              static_cast<unsigned char>(letter) == 0xC3;
      ++end;
      if (end < tokens.size()) {
        const std::string_view gap =
            text.substr(tokens[end - 1].end, tokens[end].begin - tokens[end - 1].end);
        if (gap.find_first_of(field ? ".;?!\n(" : ".,;?!:\n(") != std::string_view::npos) break;
      }
    }
    if (end == first || !named) continue;
    std::string place(text.substr(tokens[first].begin, tokens[end - 1].end - tokens[first].begin));
    const std::string folded = " " + base::fold(place) + " ";
    // A preposition or article that was left over.
    for (const std::string_view rest :
         {" el ", " la ", " the ", " de ", " del ", " of ", " los "}) {
      if (folded.ends_with(rest) && place.size() > rest.size())
        place.resize(place.size() - rest.size() + 1);
    }
    if (place.size() < 3) continue;
    for (const std::string_view article : {"el ", "la ", "los ", "las ", "the "}) {
      if (place.starts_with(article)) {
        place.erase(0, article.size());
        break;
      }
    }
    return place;
  }
  return {};
}

// "(aula 302, sede calle 45)": a place that is told behind in brackets.
std::string place_in_brackets(std::string_view text) {
  for (size_t open = 0; (open = text.find('(', open)) != std::string_view::npos; ++open) {
    const size_t close = text.find(')', open);
    if (close == std::string_view::npos || close - open > 60) continue;
    const std::string_view inside = base::trim(text.substr(open + 1, close - open - 1));
    const std::vector<Token> tokens = tokens_of(inside);
    if (tokens.empty()) continue;
    static constexpr std::string_view articles[] = {"el", "la", "los", "las", "the", "en", "at"};
    const size_t first = tokens.size() > 1 && is_one(tokens[0].folded, articles) ? 1 : 0;
    if (is_place_noun(tokens[first].folded)) return std::string(inside);
  }
  return {};
}

std::string when_text(const domain::When& when, const std::string& zone) {
  if (const auto* instant = std::get_if<domain::Instant>(&when)) {
    return base::format_rfc3339(instant->time, zone);
  }
  if (const auto* day = std::get_if<domain::AllDay>(&when)) return base::format_date(day->date);
  return base::format_rfc3339(base::from_local(std::get<domain::Floating>(when).local, zone), zone);
}

// "durará una hora y media", "for 45 minutes", "(1 h)": minutes, or 0.
int duration_in(const std::vector<Token>& tokens) {
  static constexpr std::array<std::pair<std::string_view, int>, 14> numbers = {{{"un", 1},
                                                                                {"una", 1},
                                                                                {"one", 1},
                                                                                {"an", 1},
                                                                                {"dos", 2},
                                                                                {"two", 2},
                                                                                {"tres", 3},
                                                                                {"three", 3},
                                                                                {"cuatro", 4},
                                                                                {"four", 4},
                                                                                {"a", 1},
                                                                                {"ten", 10},
                                                                                {"twenty", 20},
                                                                                {"quince", 15}}};
  for (size_t at = 1; at < tokens.size(); ++at) {
    const std::string& unit = tokens[at].folded;
    const bool hours = unit == "hora" || unit == "horas" || unit == "hour" || unit == "hours";
    const bool minutes = unit == "minutos" || unit == "minutes" || unit == "min" ||
                         unit == "mins" || unit == "minutitos";
    if (!hours && !minutes) continue;
    const std::string& word = tokens[at - 1].folded;
    int count = 0;
    if (word.size() <= 3 && word.find_first_not_of("0123456789") == word.npos) {
      count = std::stoi(word);
    }
    for (const auto& [name, value] : numbers) {
      if (word == name) count = value;
    }
    const std::string before = at >= 2 ? tokens[at - 2].folded : "";
    const std::string earlier = at >= 3 ? tokens[at - 3].folded : "";
    int length = hours ? count * 60 : count;
    if (hours && (word == "media" || before == "half")) length = 30;
    if (hours && at + 2 < tokens.size() && tokens[at + 1].folded == "y" &&
        tokens[at + 2].folded == "media") {
      length += 30;
    }
    const auto lasts = [](const std::string& lead) {
      return lead.starts_with("dura") || lead == "for" || lead == "unos" || lead == "unas" ||
             lead == "about" || lead == "lasts" || lead == "last" || lead == "take" ||
             lead == "takes" || lead == "llevara" || lead == "around" || lead == "de" ||
             lead == "tardaremos" || lead == "reservado" || lead == "roughly" || lead == "sobre" ||
             lead == "only" || lead == "solo" || lead == "need";
    };
    // "dentro de una hora", "in an hour", "antes de 24 horas" are no lengths.
    if (earlier == "dentro" || earlier == "antes" || before == "in" || before == "within" ||
        before == "plazo" || before == "en" || before == "cada" || before == "every") {
      continue;
    }
    if (length >= 10 && length <= 12 * 60 && (lasts(before) || lasts(earlier))) return length;
  }
  return 0;
}

// Where one meets without going anywhere.
std::string remote_place(std::string_view folded) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 12> places = {
      {{" zoom ", "Zoom"},
       {" teams ", "Teams"},
       {" google meet ", "Google Meet"},
       {" por meet ", "Meet"},
       {" on meet ", "Meet"},
       {" webex ", "Webex"},
       {" facetime ", "FaceTime"},
       {" skype ", "Skype"},
       {" videollamada ", "videollamada"},
       {" video call ", "video call"},
       {" por telefono ", "por teléfono"},
       {" by phone ", "by phone"}}};
  for (const auto& [words, place] : places) {
    if (folded.find(words) != std::string_view::npos) return std::string(place);
  }
  return {};
}

class AppointmentFinder {
 public:
  AppointmentFinder(const Mail& mail, const Mailbox& mailbox, Findings& found)
      : mail_(mail),
        zone_(mailbox.owner.zone),
        written_(written_at(mail, mailbox)),
        found_(found),
        impersonal_(impersonal_mail(mail)),
        sentences_(sentences_of(mail.subject, false)),
        of_subject_(sentences_.size()) {
    sentences_.insert(sentences_.end(), mail.sentences.begin(), mail.sentences.end());
    about_meeting_ = names_event(mail.folded);
    find_day_of_thread(mailbox);
    booking_ =
        holds(mail.folded, {" booking ", " reserva ", " localizador ", " booked ", " confirmed ",
                            " confirmacion ", " confirmada ", " confirmado ", " ticket",
                            " entradas ", " billete", " su viaje ", " your flight ", " su cita ",
                            " your appointment ", " reservation ", " tu cita "});
    for (const Moment& moment : find_moments(mail.subject + "\n" + mail.text, written_)) {
      note_time(moment);
      if (moment.dated && moment.first == moment.last && !moment.deadline) {
        named_days_.push_back(moment.first);
      }
      if (moment.dated && (!moment.relative || moment.first.month != written_.date.month))
        explicit_days_.push_back(moment);
    }
    for (const Sentence& sentence : sentences_) {
      if (!place_.empty()) break;
      if (says_any(sentence.folded, "date.place_fields") &&
          (sentence.text.find(": ") != std::string::npos ||
           sentence.text.find(" | ") != std::string::npos)) {
        place_ = place_in(sentence.text, {});
      }
    }
  }

  void find() {
    for (size_t number = 0; number < sentences_.size(); ++number) look_at(number);
  }

 private:
  using Map = std::map<std::string, double>;

  // The day that the mails answered here speak of; only the last few, so that a thread of thousands
  // costs no more than another.
  void find_day_of_thread(const Mailbox& mailbox) {
    constexpr size_t most = 3;
    constexpr size_t longest = 4000;
    constexpr int farthest = 60;
    if (mail_.references.empty() || !mail_.sent) return;
    std::vector<const Mail*> before;
    for (const Mail& other : mailbox.mails) {
      if (other.thread != mail_.thread || !other.sent || *other.sent >= *mail_.sent) continue;
      before.push_back(&other);
    }
    const auto kept = before.begin() + static_cast<std::ptrdiff_t>(std::min(most, before.size()));
    std::partial_sort(before.begin(), kept, before.end(),
                      [](const Mail* one, const Mail* other) { return *one->sent > *other->sent; });
    before.erase(kept, before.end());
    for (const Mail* other : before) {
      const base::LocalTime then = written_at(*other, mailbox);
      for (const Moment& moment : find_moments(
               other->subject + "\n" + std::string(base::cut_utf8(other->text, longest)), then)) {
        const int ahead = base::days_between(written_.date, moment.first);
        if (moment.dated && moment.first == moment.last && !moment.left && !moment.deadline &&
            ahead >= 0 && ahead <= farthest) {
          thread_days_.push_back(moment.first);
        }
      }
    }
    bool day_found = false;
    for (const Mail* other : before) {
      const std::string_view text = base::cut_utf8(other->text, longest);
      for (const Moment& moment :
           find_moments(other->subject + "\n" + std::string(text), written_at(*other, mailbox))) {
        const int ahead = base::days_between(written_.date, moment.first);
        note_time(moment);
        if (moment.from && !moment.deadline && !moment.left && !thread_time_) {
          thread_time_ = moment;
        }
        if (!moment.dated || moment.deadline || moment.left || moment.first != moment.last)
          continue;
        if (ahead < 0 || ahead > farthest) continue;
        if (moment.from) thread_moments_.push_back(moment);
        if (!day_found && (!thread_day_ || (moment.from && !thread_day_->from))) {
          thread_day_ = moment;
        }
      }
      day_found = thread_day_.has_value();
    }
  }

  // "At 6 my time", "a las 17:00 de aquí" of somebody whose clock is another than the owner's: by
  // how many minutes the owner's clock is ahead.
  std::optional<int> hours_away(std::string_view text, const Moment& moment) const {
    if (mail_.mine || !moment.from || !mail_.sent) return std::nullopt;
    const std::string rest = phrase_text(text.substr(moment.end, 24));
    const auto theirs_by = phrases("when.of_sender");
    if (std::none_of(theirs_by.begin(), theirs_by.end(), [&](const std::string& words) {
          return rest.starts_with(" " + words + " ");
        })) {
      return std::nullopt;
    }
    const std::optional<int> theirs = sender_offset(mail_);
    const base::LocalTime local = base::to_local(*mail_.sent, zone_);
    const auto ours =
        static_cast<int>((base::from_local(local, "UTC") - *mail_.sent) / (60 * base::one_second));
    // Machines write UTC wherever they are.
    if (!theirs || *theirs == 0 || *theirs == ours) return std::nullopt;
    return ours - *theirs;
  }

  // "At 6 my time, that's 9 for you": the hour that is told for the reader, in the half of the day
  // that is nearer.
  static std::optional<int> told_for_reader(std::string_view text, const Moment& moment) {
    if (!moment.left || !moment.from || moment.end >= text.size()) return std::nullopt;
    const std::vector<Token> tokens = tokens_of(text.substr(moment.end, 60));
    for (size_t at = 0; at + 1 < tokens.size(); ++at) {
      const std::string& word = tokens[at].folded;
      if (word.empty() || word.size() > 2 ||
          word.find_first_not_of("0123456789") != std::string::npos) {
        continue;
      }
      std::string behind = " ";
      for (size_t next = at + 1; next < std::min(at + 4, tokens.size()); ++next) {
        behind += tokens[next].folded + " ";
      }
      const auto of_reader = phrases("when.of_reader");
      if (std::none_of(of_reader.begin(), of_reader.end(), [&](const std::string& words) {
            return behind.starts_with(" " + words + " ");
          })) {
        continue;
      }
      const int hour = std::stoi(word);
      if (hour > 23) return std::nullopt;
      const int one = hour * 60, other = (hour + 12) % 24 * 60;
      return hour > 12 || std::abs(one - *moment.from) <= std::abs(other - *moment.from) ? one
                                                                                         : other;
    }
    return std::nullopt;
  }

  static Moment seen_from_here(Moment moment, int ahead) {
    constexpr int day = 24 * 60;
    const int minute = *moment.from + ahead;
    const int days = minute < 0 ? -1 : minute / day;
    if (moment.to) *moment.to += ahead - days * day;
    moment.from = minute - days * day;
    moment.first = base::add_days(moment.first, days);
    moment.last = base::add_days(moment.last, days);
    moment.left = false;
    return moment;
  }

  // "El miércoles a las 8:30": a weekday without the number of a day.
  static bool names_weekday_only(std::string_view text, const Moment& moment) {
    const std::vector<Token> tokens =
        tokens_of(text.substr(moment.begin, moment.end - moment.begin));
    bool weekday = false;
    for (size_t at = 0; at < tokens.size(); ++at) {
      if (!says_any(" " + tokens[at].folded + " ", "when.weekdays")) continue;
      weekday = true;
      const auto is_number = [&](size_t next) {
        return next < tokens.size() && !tokens[next].folded.empty() &&
               tokens[next].folded[0] >= '0' && tokens[next].folded[0] <= '9';
      };
      if (is_number(at + 1)) return false;
    }
    return weekday;
  }

  // "On the Saturday": one that has been named.
  static bool names_that_weekday(std::string_view text, const Moment& moment) {
    const std::vector<Token> tokens = tokens_of(text.substr(0, moment.end));
    for (size_t at = tokens.size(); at-- > 1;) {
      if (!says_any(" " + tokens[at].folded + " ", "when.weekdays")) continue;
      return tokens[at - 1].folded == "the" && at + 1 == tokens.size();
    }
    return false;
  }

  void note_time(const Moment& moment) {
    if (moment.from && !moment.guessed && !moment.deadline) stated_.insert(*moment.from);
  }

  void look_at(size_t number) {
    // Nobody makes an appointment in a sentence of thousands of letters or with dozens of times,
    // but whoever wants to keep a judge busy writes one.
    constexpr size_t longest_sentence = 2000;
    constexpr size_t most_moments = 24;
    constexpr size_t most_candidates = 60;
    const Sentence& sentence = sentences_[number];
    if (sentence.text.size() > longest_sentence ||
        found_.appointment_candidates.size() > most_candidates) {
      return;
    }
    if (is_mail_head(sentences_, number)) return;
    const std::vector<Moment> moments = find_moments(sentence.text, written_);
    if (moments.size() > most_moments) return;
    const std::string& folded = sentence.folded;
    const bool of_subject = number < of_subject_;
    const bool moves = says_any(folded, "date.moves");
    // "¿Podemos vernos a las once y media?": what is proposed counts and not what it makes way for.
    const bool proposes = sentence.question && says_any(folded, "date.proposes");
    const bool cannot = says_any(folded, "date.cannot");
    const bool cancels = says_any(folded, "date.cancels");
    if (moves && (!moments.empty() || of_subject)) found_.moves = true;
    if (cancels && !of_subject) found_.cancels = true;
    Map shared;
    const auto mark = [&](const char* name, bool value) {
      if (value) shared[name] = 1;
    };
    mark("a_moves", moves);
    mark("a_proposes", proposes);
    mark("a_cannot", cannot && !moves);
    mark("a_cancels", cancels && !moves);
    mark("a_past", !moves && says_any(folded, "date.past"));
    const bool event = names_event(folded);
    mark("a_event", event);
    mark("a_attends", says_any(folded, "date.attends"));
    // Every week is no appointment, and neither are opening hours.
    mark("a_habitual", says_any(folded, "date.habitual"));
    mark("a_hours", says_any(folded, "date.hours"));
    mark("a_owes", says_any(folded, "date.owes"));
    mark("a_parcel", says_any(folded, "date.parcel"));
    mark("a_yours", says_any(folded, "date.yours"));
    mark("a_public", says_any(mail_.folded, "date.public"));
    mark("a_asks", says_any(folded, "ask.introducers"));
    mark("a_question", sentence.question);
    mark("a_subject", of_subject);
    mark("a_we", holds(folded, {" we ", " nos ", " us ", " our ", " juntos ", " together "}));
    mark("a_about", about_meeting_);
    mark("a_booking", booking_);
    mark("a_impersonal", impersonal_);
    mark("a_automatic", is_automatic(mail_));
    mark("a_list", is_list(mail_));
    mark("a_mine", mail_.mine);
    mark("a_promotion", count_phrases(mail_.folded, "promotion") > 1);
    mark("a_newsletter", count_phrases(mail_.folded, "newsletter") > 0);
    mark("a_field", sentence.text.find(": ") != std::string::npos && sentence.text.size() < 80);
    mark("a_absent", says_any(folded, "date.absent"));
    // A carrier's window is no appointment, and nothing is where the owner need not be.
    if (is_automatic(mail_) && !mail_.mine && says_any(folded, "date.carried")) return;
    const bool excused =
        number + 1 < sentences_.size() && says_any(sentences_[number + 1].folded, "date.excused");
    if (excused || says_any(folded, "date.excused")) return;

    // "Went to see mum on Friday": told, not planned; the hours that follow are of that day too.
    const bool told = !moves && !sentence.question && says_any(folded, "date.told") &&
                      !holds(folded, {" will ", " ll ", " que viene ", " next "});
    if (told) {
      day_.reset();
      told_ = number;
    }
    std::vector<Moment> candidates;
    int open = 0, days = 0;
    for (const Moment& moment : moments) {
      // The owner's own "at 6 my time" is the owner's.
      const bool own_time =
          mail_.mine && moment.from &&
          phrase_text(std::string_view(sentence.text).substr(moment.end)).starts_with(" my time ");
      std::optional<int> away = hours_away(sentence.text, moment);
      if (const auto hour = told_for_reader(sentence.text, moment)) away = *hour - *moment.from;
      if (moment.left && !own_time && !away) continue;
      // "Tuesday please, Monday's chaos": what is said of a day is no plan for it.
      const std::string_view behind = std::string_view(sentence.text).substr(moment.end);
      if (!moment.from && moments.size() > 1 &&
          (behind.starts_with("'s ") || behind.starts_with("’s "))) {
        continue;
      }
      if (moment.dated && moment.first == moment.last && !moment.deadline) day_ = moment;
      if (told && moment.dated && moment.relative && !moment.from) {
        day_.reset();
        continue;
      }
      open += moment.from && !moment.deadline ? 1 : 0;
      days += moment.dated ? 1 : 0;
      candidates.push_back(away ? seen_from_here(moment, *away) : moment);
    }
    if (moves && candidates.size() > 1) candidates.erase(candidates.begin(), candidates.end() - 1);
    // What is called off or cannot be takes place no more.
    if (cancels && !moves) return;
    if (cannot && !moves) {
      drop_impossible(sentence, candidates);
      if (candidates.empty()) return;
      shared.erase("a_cannot");  // what is left is what can be
    }
    // Several times to choose from are no appointment yet.
    mark("a_choice", (open > 1 || days > 1) && holds(folded, {" o ", " or ", " u "}) && !moves);
    mark("a_several", candidates.size() > 1);
    mark("a_many", candidates.size() > 3);
    for (const Moment& moment : candidates) consider(number, sentence, moments, moment, shared);
  }

  // "Llego a las ocho", "be with you 11.15ish": who is on the way names no day. Which half of the
  // day: the one that is still to come.
  bool implies_today(const std::string& folded, Moment& at) const {
    if (!at.from || at.deadline) return false;
    const std::string subject = phrase_text(mail_.subject);
    if (!says_any(folded, "date.under_way") &&
        !holds(subject, {" hoy ", " today ", " tonight ", " running late ", " llego tarde "})) {
      return false;
    }
    const int now = written_.hour * 60 + written_.minute;
    if (at.guessed) {
      const int early = *at.from % (12 * 60);
      at.from = early > now ? early : early + 12 * 60;
      at.guessed = false;
    }
    constexpr int soon = 14 * 60;
    return *at.from > now && *at.from - now < soon;
  }

  // "El sábado no puedo, os espero el domingo 12 a las 10": what cannot be is the moment that is
  // named right before the words or else the next one behind them.
  static void drop_impossible(const Sentence& sentence, std::vector<Moment>& candidates) {
    constexpr size_t right_behind = 28, near = 40;
    const std::string_view text = sentence.text;
    for (size_t index = 0; index <= candidates.size(); ++index) {
      const size_t begin = index == 0 ? 0 : candidates[index - 1].end;
      const size_t end = index == candidates.size() ? text.size() : candidates[index].begin;
      if (end <= begin) continue;
      const std::string_view piece = text.substr(begin, end - begin);
      if (!says_any(phrase_text(piece), "date.cannot")) continue;
      const bool of_one_before =
          index > 0 && (index == candidates.size() ||
                        says_any(phrase_text(base::cut_utf8(piece, right_behind)), "date.cannot"));
      // "Steel is friday 7.30 so the car can't be in the lane": said of something else.
      const bool far_behind = of_one_before && index == candidates.size() &&
                              !says_any(phrase_text(base::cut_utf8(piece, near)), "date.cannot");
      if (far_behind) continue;
      const size_t dropped = of_one_before ? index - 1 : index;
      if (dropped < candidates.size()) {
        candidates.erase(candidates.begin() + static_cast<std::ptrdiff_t>(dropped));
      }
      return;
    }
  }

  void consider(size_t number, const Sentence& sentence, const std::vector<Moment>& moments,
                Moment at, const Map& shared) {
    const std::string& folded = sentence.folded;
    Map features = shared;
    const auto mark = [&](const char* name, bool value) {
      if (value) features[name] = 1;
    };
    if (!at.from && !at.dated) return;
    if (!at.dated) {
      if (told_ && number <= *told_ + 1 && says_any(folded, "date.past")) return;
      const bool today =
          holds(folded, {" hoy ", " today ", " tonight ", " esta tarde ", " esta noche ",
                         " this evening ", " this afternoon ", " esta mañana ", " this morning "});
      if (!day_ && !today && thread_day_) {
        day_ = thread_day_;
        of_thread_ = true;
      }
      const bool implied = !day_ && !today && implies_today(folded, at);
      if (!day_ && !today && !implied) return;
      mark("a_implied_today", implied);
      if (day_) at.first = at.last = day_->first;
      mark("a_day_before", day_.has_value());
    }
    // "The offsite is on April 21-23": several days of something that one attends.
    constexpr int longest_event = 10;
    const bool spans = at.first != at.last;
    if (spans && (at.from || at.deadline || !features.contains("a_event") ||
                  base::days_between(at.first, at.last) > longest_event)) {
      return;
    }
    mark("a_span", spans);
    // "Lo pasamos al viernes a la misma hora"
    if (!at.from && thread_time_ && says_any(folded, "date.same_time")) {
      at.from = thread_time_->from;
      at.to = thread_time_->to;
      at.zone = thread_time_->zone;
    }
    // "El martes 24 mejor" of who was offered Tuesday the 24th at half past seven.
    if (!at.from && at.dated && !at.deadline && at.first == at.last) {
      for (const Moment& offered : thread_moments_) {
        if (offered.first != at.first) continue;
        at.from = offered.from;
        at.to = offered.to;
        at.zone = offered.zone;
        at.guessed = offered.guessed;
        mark("a_time_of_thread", true);
        break;
      }
    }
    // "A las 7 y cuarto" of who was offered 7:15 a.m.: which half, the mail or its thread says.
    if (at.from && at.guessed) {
      const int other = (*at.from + 12 * 60) % (24 * 60);
      if (stated_.contains(other) && !stated_.contains(*at.from)) {
        if (at.to) at.to = *at.to + other - *at.from;
        at.from = other;
        at.guessed = false;
      }
    }
    // "A las nueve y media" of a mail about a dinner is in the evening.
    const int before_noon = says_any(folded, "date.night") ? 12 * 60 : 11 * 60;
    if (at.from && at.guessed && *at.from >= 8 * 60 && *at.from < before_noon &&
        says_any(folded + phrase_text(mail_.subject), "date.evening") &&
        !says_any(folded, "date.morning")) {
      *at.from += 12 * 60;
      if (at.to && *at.to < 12 * 60) *at.to += 12 * 60;
    }
    // "El miércoles a las 8:30" of who was offered Wednesday the 11th is that Wednesday.
    if (at.relative && at.dated && names_weekday_only(sentence.text, at) &&
        std::find(thread_days_.begin(), thread_days_.end(), at.first) == thread_days_.end()) {
      for (const base::Date& offered : thread_days_) {
        const int later = base::days_between(at.first, offered);
        if (later <= 0 || later % 7 != 0) continue;
        at.first = at.last = offered;
        break;
      }
    }
    // "I'd collect at 9 on the Saturday" of a mail that speaks of Saturday 13 February.
    // The same of a subject: "Cena del viernes" over "el viernes 22 de mayo a las 21:00".
    const bool titled = number < of_subject_ && names_weekday_only(sentence.text, at);
    if (at.relative && at.dated && (titled || names_that_weekday(sentence.text, at))) {
      for (const base::Date& named : named_days_) {
        const int later = base::days_between(at.first, named);
        if (later <= 0 || later % 7 != 0) continue;
        at.first = at.last = named;
        break;
      }
    }
    // "el día 6" of a mail that speaks of 6 July.
    if (at.relative && at.dated) {
      for (const Moment& stated : explicit_days_) {
        if (stated.first.day == at.first.day && stated.first != at.first &&
            at.first < stated.first &&
            sentence.text.find(std::to_string(at.first.day)) != std::string::npos) {
          at.first = at.last = stated.first;
          break;
        }
      }
    }
    // "Llego a las ocho" of one o'clock is tonight.
    if (at.from && at.guessed && at.first == written_.date && *at.from < 12 * 60 &&
        *at.from <= written_.hour * 60 + written_.minute) {
      at.from = *at.from + 12 * 60;
      if (at.to && *at.to <= *at.from) at.to = *at.to + 12 * 60;
    }
    const std::string start =
        at.from ? time_text(at.first, *at.from, at.zone, zone_) : base::format_date(at.first);
    if (at.from) {
      const auto begins = base::parse_rfc3339(start);
      if (!begins || (mail_.sent && *begins < *mail_.sent)) return;
    } else if (at.first < written_.date) {
      return;
    }
    if (base::days_between(written_.date, at.first) > 400) return;
    const std::string lead =
        phrase_text(std::string_view(sentence.text)
                        .substr(at.begin > 24 ? at.begin - 24 : 0, std::min<size_t>(24, at.begin)));
    // Where one stays the night, leaving ends what arriving began.
    const bool leaves = says_any(mail_.folded, "date.lodging") && says_any(lead, "date.leaving");
    const bool arrival = says_any(lead, "date.arrival") || leaves;
    mark("a_arrival", arrival);
    const bool timed = at.from.has_value();
    mark("a_timed", timed);
    mark("a_day_only", !timed);
    mark("a_deadline", at.deadline);
    mark("a_guessed", at.guessed);
    mark("a_relative", at.relative);
    mark("a_today", at.first == written_.date);
    mark("a_far", base::days_between(written_.date, at.first) > 60);
    mark("a_range", at.to.has_value());
    // What stands right beside the time says most of what it is a time of.
    const size_t around = at.begin > 48 ? at.begin - 48 : 0;
    const std::string near =
        phrase_text(std::string_view(sentence.text)
                        .substr(around, std::min(sentence.text.size(), at.end + 48) - around));
    mark("a_event_near", names_event(near));
    mark("a_owes_near", says_any(lead, "date.owes"));
    mark("a_attends_near", says_any(near, "date.attends"));
    mark("a_of_thread", of_thread_ && !at.dated);
    const std::string rest = phrase_text(std::string_view(sentence.text).substr(at.end));
    mark("a_second_call", base::cut_utf8(rest, 24).find(" en segunda ") != std::string_view::npos);
    for (const char* name :
         {"a_event",     "a_attends",  "a_about",      "a_impersonal", "a_booking",  "a_owes",
          "a_question",  "a_we",       "a_asks",       "a_subject",    "a_mine",     "a_list",
          "a_automatic", "a_deadline", "a_proposes",   "a_moves",      "a_habitual", "a_hours",
          "a_yours",     "a_public",   "a_event_near", "a_choice"}) {
      if (features.contains(name)) features[name + std::string(timed ? "_timed" : "_day")] = 1;
    }
    if (features.contains("a_impersonal")) {
      for (const char* name : {"a_event", "a_attends", "a_booking", "a_owes", "a_hours"}) {
        if (features.contains(name)) features[name + std::string("_impersonal")] = 1;
      }
    }
    mark("a_nothing_attended", !features.contains("a_event") && !features.contains("a_attends"));
    mark("a_only_about", features.contains("a_nothing_attended") && features.contains("a_about"));

    AppointmentCandidate made;
    made.features = std::move(features);
    Appointment& appointment = made.appointment;
    appointment.start = start;
    if (at.to) {
      appointment.end = time_text(at.first, *at.to, at.zone, zone_);
    } else if (timed) {
      int length = duration_in(tokens_of(sentence.text));
      if (length == 0 && number + 1 < sentences_.size()) {
        length = duration_in(tokens_of(sentences_[number + 1].text));
      }
      if (length > 0) appointment.end = time_text(at.first, *at.from + length, at.zone, zone_);
    }
    appointment.title = title_for(
        mail_, sentence, number > of_subject_ ? &sentences_[number - 1] : nullptr, moments);
    appointment.place = place_.empty() ? place_in(sentence.text, moments) : place_;
    if (appointment.place.empty()) appointment.place = place_in_brackets(sentence.text);
    if (appointment.place.empty()) appointment.place = remote_place(folded);
    if (appointment.place.empty() && number + 1 < sentences_.size()) {
      const Sentence& next = sentences_[number + 1];
      if (holds(next.folded, {" es en ", " sera en ", " quedamos en ", " nos vemos en ",
                              " it s at ", " it is at ", " it s in ", " meet at ", " we ll be at ",
                              " estamos en ", " os espero en ", " te espero en "})) {
        appointment.place = place_in(next.text, find_moments(next.text, written_));
      }
      if (appointment.place.empty()) appointment.place = remote_place(next.folded);
    }
    made.arrival = arrival;
    made.leaves = leaves;
    made.sentence = number;
    made.moves = made.features.contains("a_moves") || made.features.contains("a_proposes");
    found_.appointment_candidates.push_back(std::move(made));
  }

  const Mail& mail_;
  const std::string& zone_;
  base::LocalTime written_;
  Findings& found_;
  bool impersonal_, about_meeting_ = false, booking_ = false;
  std::vector<Sentence> sentences_;
  size_t of_subject_;
  std::vector<Moment> explicit_days_;
  std::vector<base::Date> named_days_;   // of this mail, in its order
  std::optional<size_t> told_;           // the last sentence that tells of what has been
  std::set<int> stated_;                 // minutes of the day that are stated beyond doubt
  std::optional<Moment> day_;            // the day spoken of last
  std::optional<Moment> thread_time_;    // the time that the mails before it agreed on, the latest
  std::optional<Moment> thread_day_;     // the day that earlier mails of the thread speak of
  std::vector<base::Date> thread_days_;  // all of them
  std::vector<Moment> thread_moments_;   // those with a time
  bool of_thread_ = false;
  std::string place_;
};

bool same_day(const Appointment& one, const Appointment& other) {
  return one.start.substr(0, 10) == other.start.substr(0, 10);
}

void choose_appointments(Findings& found, const Judge& judge) {
  std::optional<size_t> last;  // the sentence of the last one kept
  for (const AppointmentCandidate& candidate : found.appointment_candidates) {
    const Appointment& one = candidate.appointment;
    const bool timed = one.start.size() > 10;
    std::vector<Appointment>& known = found.appointments;
    // "Salida 07:05 Llegada 08:15": it ends what has just begun, however little it is one itself.
    const bool kept = judge.appointment(candidate.features) >= judge.threshold("appointment");
    const bool beside = last && candidate.sentence <= *last + 1;
    if (candidate.arrival && !known.empty() && (kept || beside)) {
      if (known.back().end.empty() && known.back().start < one.start && timed &&
          (kept || candidate.leaves || same_day(known.back(), one))) {
        known.back().end = one.start;
      }
      continue;
    }
    if (!kept) continue;
    last = candidate.sentence;
    const auto same = std::find_if(known.begin(), known.end(), [&](const Appointment& other) {
      return other.start == one.start;
    });
    if (same != known.end()) {
      if (same->place.empty()) same->place = one.place;
      if (same->end.empty()) same->end = one.end;
      continue;
    }
    if (candidate.features.contains("a_second_call") &&
        std::any_of(found.appointment_candidates.begin(), found.appointment_candidates.end(),
                    [&](const AppointmentCandidate& other) {
                      return other.sentence == candidate.sentence &&
                             other.appointment.start.size() > 10 &&
                             other.appointment.start < one.start &&
                             same_day(other.appointment, one);
                    })) {
      continue;
    }
    const auto of_day = std::find_if(
        known.begin(), known.end(), [&](const Appointment& other) { return same_day(other, one); });
    if (of_day != known.end()) {
      // There and back on one day: what has ended is over.
      const bool travels = candidate.features.contains("a_booking") || !one.end.empty();
      if (timed && travels && !of_day->end.empty() && of_day->end <= one.start) {
        known.push_back(one);
        continue;
      }
      // A day that was named first and then its time; of several times for one day the first is
      // when to be there.
      if (!timed || (of_day->start.size() > 10 && !candidate.moves &&
                     !candidate.features.contains("a_yours"))) {
        continue;
      }
      const std::string place = of_day->place;
      std::erase_if(known, [&](const Appointment& other) { return same_day(other, one); });
      known.push_back(one);
      if (known.back().place.empty()) known.back().place = place;
      continue;
    }
    known.push_back(one);
  }
}

void find_appointments(const Mail& mail, const Mailbox& mailbox, const Judge& judge,
                       Findings& found) {
  for (const domain::Invitation& invitation : mail.details.invitations) {
    // What others answer to the owner's own event (RFC 5546, 3.2) is no appointment to make.
    if (invitation.method == "REPLY" || invitation.method == "REFRESH" ||
        invitation.method == "COUNTER" || invitation.method == "DECLINECOUNTER") {
      continue;
    }
    if (invitation.cancelled) {
      found.cancels = true;
      continue;
    }
    Appointment appointment;
    appointment.title = invitation.title;
    appointment.start = when_text(invitation.start, mailbox.owner.zone);
    if (invitation.end && std::holds_alternative<domain::Instant>(*invitation.end)) {
      appointment.end = when_text(*invitation.end, mailbox.owner.zone);
    }
    appointment.place = invitation.place;
    found.appointments.push_back(std::move(appointment));
  }
  if (!mail.details.invitations.empty()) return;
  AppointmentFinder(mail, mailbox, found).find();
  choose_appointments(found, judge);
}

}  // namespace

std::string plain_subject(std::string_view subject) {
  std::string_view rest = base::trim(subject);
  for (bool again = true; again;) {
    again = false;
    const std::string lower = base::lower_ascii(rest);
    for (const std::string_view start : {"re:", "fwd:", "fw:", "rv:", "aw:", "res:"}) {
      if (lower.starts_with(start)) {
        rest = base::trim(rest.substr(start.size()));
        again = true;
        break;
      }
    }
    if (!again && rest.starts_with('[') && rest.find(']') != std::string_view::npos &&
        rest.find(']') < 30) {
      rest = base::trim(rest.substr(rest.find(']') + 1));
      again = true;
    }
  }
  return std::string(rest);
}

Findings find_tasks(const Mail& mail, const Mailbox& mailbox, const Judge& judge) {
  Findings found;
  find_appointments(mail, mailbox, judge, found);
  found.candidates = task_candidates(mail, mailbox);
  found.action_items = chosen_items(found.candidates, judge);
  return found;
}

}  // namespace lar::assistant
