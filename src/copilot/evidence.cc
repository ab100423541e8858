// Evidence checks by numbers, dates, names and word overlap.
#include "copilot/evidence.h"

#include <algorithm>
#include <set>

#include "base/time_expression.h"

namespace lar::copilot {
namespace {

bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }

struct NumberAt {
  size_t begin, end;
  std::string canonical;
};

// Runs of digits joined by one separator each ("1.174,00", "401'90", "16:15", "655 010 700").
std::vector<NumberAt> find_numbers(std::string_view text) {
  std::vector<NumberAt> found;
  for (size_t position = 0; position < text.size();) {
    if (!is_digit(text[position])) {
      ++position;
      continue;
    }
    size_t end = position;
    while (end < text.size()) {
      if (is_digit(text[end])) {
        ++end;
        continue;
      }
      const bool joins = text[end] == '.' || text[end] == ',' || text[end] == ':' ||
                         text[end] == '\'' || text[end] == ' ';
      if (!joins || end + 1 >= text.size() || !is_digit(text[end + 1])) break;
      // A space joins only groups of three digits after a group of at most three.
      if (text[end] == ' ') {
        size_t group = end + 1;
        while (group < text.size() && is_digit(text[group])) ++group;
        size_t before = end;
        while (before > position && is_digit(text[before - 1])) --before;
        if (group - end - 1 != 3 || end - before > 3) break;
      }
      ++end;
    }
    found.push_back({position, end, canonical_number(text.substr(position, end - position))});
    position = end;
  }
  return found;
}

// Folded words of a text with their places.
struct WordAt {
  size_t begin, end;
  std::string folded;
};
std::vector<WordAt> folded_words(std::string_view text) {
  std::vector<WordAt> result;
  for (const base::Word& word : base::words(text)) {
    result.push_back(
        {word.begin, word.end, base::fold(text.substr(word.begin, word.end - word.begin))});
  }
  return result;
}

// Same word, or same stem in either language.
std::set<std::string> stems_of(const std::vector<WordAt>& words) {
  std::set<std::string> result;
  for (const WordAt& word : words) {
    result.insert(word.folded);
    result.insert(base::stem(word.folded, base::Language::spanish));
    result.insert(base::stem(word.folded, base::Language::english));
  }
  return result;
}
bool contains(const std::set<std::string>& stems, const std::string& folded) {
  return stems.contains(folded) || stems.contains(base::stem(folded, base::Language::spanish)) ||
         stems.contains(base::stem(folded, base::Language::english));
}

// The hard facts of a claim that its evidence must hold.
struct HardFacts {
  size_t size() const {
    return numbers.size() + days.size() + spans.size() + clock_times.size() + names.size();
  }
  std::vector<std::string> numbers;
  std::vector<std::pair<base::Date, bool>> days;         // exact days, and whether the year is said
  std::vector<std::pair<base::Date, base::Date>> spans;  // "June 2026"
  std::vector<std::pair<int, int>> clock_times;
  std::vector<std::string> names;  // folded
  // Said beside a day that is none of them: "viernes 28 de mayo" where the 28th is a Thursday.
  std::vector<int> wrong_weekdays;
};

// 0 for Monday; nothing for other words.
std::optional<int> weekday_named(std::string_view folded) {
  constexpr std::string_view names[] = {"lunes",     "monday",   "martes",   "tuesday", "miercoles",
                                        "wednesday", "jueves",   "thursday", "viernes", "friday",
                                        "sabado",    "saturday", "domingo",  "sunday"};
  const auto* found = std::find(std::begin(names), std::end(names), folded);
  if (found == std::end(names)) return std::nullopt;
  return static_cast<int>(found - std::begin(names)) / 2;
}

// The weekday named beside a day that is another.
std::optional<int> wrong_weekday(std::string_view claim, const base::TimeExpression& time,
                                 const std::vector<WordAt>& words) {
  constexpr size_t apart = 3;  // "Friday, 28 May", "viernes 28"
  const std::string_view said = claim.substr(time.begin, time.end - time.begin);
  if (time.first != time.last || std::none_of(said.begin(), said.end(), is_digit)) {
    return std::nullopt;
  }
  for (const WordAt& word : words) {
    if (word.end > time.end || word.end + apart < time.begin) continue;
    const auto named = weekday_named(word.folded);
    if (named && *named != base::weekday(time.first)) return named;
  }
  return std::nullopt;
}

bool inside(size_t position, const std::vector<base::TimeExpression>& times) {
  return std::any_of(times.begin(), times.end(), [&](const base::TimeExpression& time) {
    return position >= time.begin && position < time.end;
  });
}

// Four digits in a row, or a third group of two: "4 de mayo de 2026", "4/5/26".
bool has_year(std::string_view words) {
  int digits = 0, groups = 0;
  for (const char letter : words) {
    digits = is_digit(letter) ? digits + 1 : 0;
    if (digits == 1) ++groups;
    if (digits == 4) return true;
  }
  return groups > 2;
}

HardFacts hard_facts(std::string_view claim, std::string_view question, base::Date written) {
  HardFacts facts;
  const auto times = base::find_time_expressions(claim, written);
  const auto times_asked = base::find_time_expressions(question, written);
  const std::vector<WordAt> words = folded_words(claim);
  for (const base::TimeExpression& time : times) {
    if (const auto wrong = wrong_weekday(claim, time, words))
      facts.wrong_weekdays.push_back(*wrong);
    const bool asked_for =
        std::any_of(times_asked.begin(), times_asked.end(), [&](const base::TimeExpression& known) {
          return known.first == time.first && known.last == time.last;
        });
    if (asked_for) continue;
    if (time.first == time.last) {
      const std::string_view said = claim.substr(time.begin, time.end - time.begin);
      facts.days.emplace_back(time.first, has_year(said));
    } else {
      facts.spans.emplace_back(time.first, time.last);
    }
  }
  const auto clocks = base::find_clock_times(claim);
  const auto clocks_asked = base::find_clock_times(question);
  for (const base::ClockExpression& clock : clocks) {
    const bool asked_for = std::any_of(
        clocks_asked.begin(), clocks_asked.end(), [&](const base::ClockExpression& known) {
          return known.hour == clock.hour && known.minute == clock.minute;
        });
    if (!asked_for) facts.clock_times.emplace_back(clock.hour, clock.minute);
  }
  const std::vector<std::string> numbers_asked = numbers_in(question);
  for (const NumberAt& number : find_numbers(claim)) {
    const bool in_clock = std::any_of(clocks.begin(), clocks.end(), [&](const auto& clock) {
      return number.begin >= clock.begin && number.begin < clock.end;
    });
    if (in_clock || inside(number.begin, times)) continue;
    if (std::find(numbers_asked.begin(), numbers_asked.end(), number.canonical) !=
        numbers_asked.end()) {
      continue;
    }
    facts.numbers.push_back(number.canonical);
  }
  const std::set<std::string> question_words = stems_of(folded_words(question));
  bool sentence_start = true;
  size_t last_end = 0;
  for (const WordAt& word : words) {
    const std::string_view between = claim.substr(last_end, word.begin - last_end);
    if (between.find_first_of(".!?:\n") != std::string_view::npos) sentence_start = true;
    const std::string_view raw = claim.substr(word.begin, word.end - word.begin);
    // A capital: ASCII, or the first byte pair of À-Þ.
    const bool capital =
        (raw[0] >= 'A' && raw[0] <= 'Z') ||
        (raw.size() > 1 && raw[0] == '\xC3' && static_cast<unsigned char>(raw[1]) >= 0x80 &&
         static_cast<unsigned char>(raw[1]) <= 0x9E);
    if (capital && !sentence_start && word.folded.size() > 2 && !inside(word.begin, times) &&
        !base::is_stop_word(word.folded) && !contains(question_words, word.folded) &&
        base::find_time_expressions(raw, written).empty()) {
      facts.names.push_back(word.folded);
    }
    sentence_start = false;
    last_end = word.end;
  }
  return facts;
}

// Everything a stretch of text bears out.
class Support {
 public:
  Support(std::string_view text, base::Date written) {
    for (const NumberAt& number : find_numbers(text)) numbers_.insert(number.canonical);
    for (const base::TimeExpression& time : base::find_time_expressions(text, written)) {
      times_.push_back(time);
    }
    for (const base::ClockExpression& clock : base::find_clock_times(text)) {
      clocks_.emplace_back(clock.hour, clock.minute);
    }
    // "16.15" in a text is a time if a claim says 16:15.
    const std::vector<WordAt> words = folded_words(text);
    stems_ = stems_of(words);
    for (const WordAt& word : words) {
      if (const auto day = weekday_named(word.folded)) weekdays_.insert(*day);
    }
  }
  // A weekday that the text itself names, be it right or wrong.
  bool weekday(int day) const { return weekdays_.contains(day); }
  bool number(const std::string& canonical) const { return numbers_.contains(canonical); }
  // Year and all where both have a year of their own; a span of days bears out its ends.
  bool day(const std::pair<base::Date, bool>& said) const {
    const auto& [date, with_year] = said;
    return std::any_of(times_.begin(), times_.end(), [&](const base::TimeExpression& time) {
      const auto same = [&](const base::Date& other) {
        return other.month == date.month && other.day == date.day &&
               (other.year == date.year || time.relative || !with_year);
      };
      return same(time.first) || same(time.last);
    });
  }
  bool span(const std::pair<base::Date, base::Date>& days) const {
    return std::any_of(times_.begin(), times_.end(), [&](const base::TimeExpression& time) {
      return time.first == days.first && time.last == days.second;
    });
  }
  bool clock(const std::pair<int, int>& time) const {
    if (std::find(clocks_.begin(), clocks_.end(), time) != clocks_.end()) return true;
    // Half-day forms without am or pm: "at 5:30" bears out 17:30.
    const std::pair<int, int> other{(time.first + 12) % 24, time.second};
    if (std::find(clocks_.begin(), clocks_.end(), other) != clocks_.end()) return true;
    return numbers_.contains(canonical_number(std::to_string(time.first) + ":" +
                                              (time.second < 10 ? "0" : "") +
                                              std::to_string(time.second)));
  }
  bool word(const std::string& folded) const { return contains(stems_, folded); }

 private:
  std::set<std::string> numbers_;
  std::vector<base::TimeExpression> times_;
  std::vector<std::pair<int, int>> clocks_;
  std::set<std::string> stems_;
  std::set<int> weekdays_;
};

int missing_facts(const HardFacts& facts, const Support& here, const Support& known) {
  int missing = 0;
  for (const int day : facts.wrong_weekdays) {
    if (!here.weekday(day) && !known.weekday(day)) ++missing;
  }
  for (const std::string& number : facts.numbers) {
    if (!here.number(number) && !known.number(number)) ++missing;
  }
  for (const auto& day : facts.days) {
    if (!here.day(day) && !known.day(day)) ++missing;
  }
  for (const auto& days : facts.spans) {
    if (!here.span(days) && !known.span(days)) ++missing;
  }
  for (const auto& time : facts.clock_times) {
    if (!here.clock(time) && !known.clock(time)) ++missing;
  }
  for (const std::string& name : facts.names) {
    if (!here.word(name) && !known.word(name)) ++missing;
  }
  return missing;
}

// Whether the full stop at `position` belongs to an abbreviation within a sentence: a title before
// a name ("Dra. Vélez"), or a word with a stop inside that a small letter or a number follows
// ("8 a.m. y las 12", "3 p.m. on Monday").
bool is_abbreviation(std::string_view text, size_t position) {
  size_t begin = position;
  while (begin > 0 && text[begin - 1] != ' ' && text[begin - 1] != '\n' && text[begin - 1] != '(') {
    --begin;
  }
  const std::string word = base::fold(text.substr(begin, position - begin));
  constexpr std::string_view titles[] = {
      "sr",  "sra", "srta", "sres", "dr",   "dra", "dna", "prof", "mr",  "mrs", "ms",
      "ing", "lic", "arq",  "avda", "ctra", "cra", "num", "nro",  "pag", "tel", "aprox"};
  if (std::find(std::begin(titles), std::end(titles), word) != std::end(titles)) return true;
  if (word.find('.') == std::string::npos || word.size() > 5) return false;
  size_t next = position + 1;
  while (next < text.size() && (text[next] == ' ' || text[next] == '\n')) ++next;
  return next < text.size() && ((text[next] >= 'a' && text[next] <= 'z') || is_digit(text[next]));
}

size_t characters(std::string_view utf8) {
  return static_cast<size_t>(std::count_if(utf8.begin(), utf8.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
  }));
}

}  // namespace

std::vector<size_t> sentence_starts(std::string_view text) {
  std::vector<size_t> starts{0};
  for (size_t position = 0; position + 1 < text.size(); ++position) {
    const char letter = text[position];
    const bool ends = letter == '\n' || ((letter == '.' || letter == '!' || letter == '?') &&
                                         (text[position + 1] == ' ' || text[position + 1] == '\n'));
    if (!ends || (letter == '.' && is_abbreviation(text, position))) continue;
    size_t next = position + 1;
    while (next < text.size() && (text[next] == ' ' || text[next] == '\n')) ++next;
    if (next > starts.back() && next < text.size()) starts.push_back(next);
  }
  starts.push_back(text.size());
  return starts;
}

std::string canonical_number(std::string_view written) {
  std::vector<std::string> groups(1);
  std::vector<char> signs;
  for (const char letter : written) {
    if (is_digit(letter)) {
      groups.back() += letter;
    } else if (!groups.back().empty()) {
      signs.push_back(letter);
      groups.emplace_back();
    }
  }
  while (groups.size() > 1 && groups.back().empty()) {
    groups.pop_back();
    signs.pop_back();
  }
  std::string whole = groups[0], fraction;
  for (size_t index = 1; index < groups.size(); ++index) {
    const bool last = index + 1 == groups.size();
    // Three digits after a point or comma are thousands, anything else at the end a fraction.
    const bool thousands = groups[index].size() == 3 && signs[index - 1] != ':';
    if (last && !thousands && signs[index - 1] != ' ') {
      fraction = groups[index];
    } else {
      whole += groups[index];
    }
  }
  const size_t first = whole.find_first_not_of('0');
  whole = first == std::string::npos ? "0" : whole.substr(first);
  while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
  return fraction.empty() ? whole : whole + "." + fraction;
}

std::vector<std::string> numbers_in(std::string_view text) {
  std::vector<std::string> result;
  for (NumberAt& number : find_numbers(text)) result.push_back(std::move(number.canonical));
  return result;
}

bool says_nothing_new(std::string_view claim, std::string_view question, base::Date written) {
  if (hard_facts(claim, question, written).size() > 0) return false;
  const std::set<std::string> known = stems_of(folded_words(question));
  const std::vector<WordAt> words = folded_words(claim);
  return std::all_of(words.begin(), words.end(), [&](const WordAt& word) {
    return base::is_stop_word(word.folded) || contains(known, word.folded);
  });
}

bool says_it_is_not_known(std::string_view claim) {
  const std::string folded = base::collapse_spaces(base::fold(claim));
  constexpr std::string_view phrases[] = {
      "unknown",      "not mentioned",  "not stated",       "not specified",     "not provided",
      "does not say", "does not state", "does not mention", "no information",    "not known",
      "desconocid",   "no se menciona", "no se indica",     "no se especifica",  "no se dice",
      "no se sabe",   "no lo dice",     "no consta",        "no hay informacion"};
  return std::any_of(std::begin(phrases), std::end(phrases), [&](std::string_view phrase) {
    return folded.find(phrase) != std::string::npos;
  });
}

std::optional<Evidence> find_evidence(const EvidenceSource& source, std::string_view claim,
                                      std::string_view question) {
  const HardFacts facts = hard_facts(claim, question, source.written);
  const Support known(source.known, source.written);
  std::vector<std::string> claimed;
  for (const WordAt& word : folded_words(claim)) {
    if (!base::is_stop_word(word.folded)) claimed.push_back(word.folded);
  }
  if (claimed.empty()) return std::nullopt;
  // A claim of nothing but the question's own words answers nothing.
  const std::set<std::string> question_stems = stems_of(folded_words(question));
  if (facts.size() == 0 &&
      std::all_of(claimed.begin(), claimed.end(),
                  [&](const std::string& word) { return contains(question_stems, word); })) {
    return std::nullopt;
  }

  // Every run of sentences of at most 300 characters is a candidate; the best holds all hard facts
  // itself rather than by what is known of the item, most of the claim, and is short.
  const std::vector<size_t> starts = sentence_starts(source.text);
  std::optional<Evidence> best;
  double best_score = -1;
  for (size_t first = 0; first + 1 < starts.size(); ++first) {
    for (size_t last = first + 1; last < starts.size(); ++last) {
      size_t begin = starts[first], end = starts[last];
      while (end > begin && (source.text[end - 1] == ' ' || source.text[end - 1] == '\n')) --end;
      std::string_view stretch = source.text.substr(begin, end - begin);
      if (characters(stretch) > longest_quote) {
        if (last > first + 1) break;
        // One long sentence: cut around the first word of the claim that occurs in it.
        size_t centre = begin;
        for (const WordAt& word : folded_words(stretch)) {
          if (std::find(claimed.begin(), claimed.end(), word.folded) != claimed.end()) {
            centre = begin + word.begin;
            break;
          }
        }
        size_t from = centre > begin + 60 ? centre - 60 : begin;
        while (from > begin && source.text[from] != ' ') --from;
        while (from < end && source.text[from] == ' ') ++from;
        stretch = base::cut_utf8(source.text.substr(from, end - from), longest_quote - 10);
        begin = from;
        end = from + stretch.size();
      }
      if (stretch.empty()) continue;
      const Support here(stretch, source.written);
      if (missing_facts(facts, here, known) > 0) continue;
      const auto share = [&](const std::vector<std::string>& words) {
        if (words.empty()) return 0.0;
        const auto count = std::count_if(words.begin(), words.end(),
                                         [&](const std::string& word) { return here.word(word); });
        return static_cast<double>(count) / static_cast<double>(words.size());
      };
      const double said = share(claimed);
      const double inside = 1.0 - static_cast<double>(missing_facts(facts, here, Support({}, {}))) /
                                      static_cast<double>(std::max<size_t>(facts.size(), 1));
      const double score =
          2 * inside + said - 0.3 * static_cast<double>(stretch.size()) / longest_quote;
      if (score > best_score) {
        best_score = score;
        best = Evidence{begin, end, said};
      }
    }
  }
  if (best && best->overlap < 0.3 && facts.size() == 0) {
    return std::nullopt;
  }
  return best;
}

std::vector<Asked> asked_for(std::string_view question) {
  const std::string folded = " " + base::collapse_spaces(base::fold(question)) + " ";
  const auto has = [&](std::initializer_list<std::string_view> phrases) {
    return std::any_of(phrases.begin(), phrases.end(), [&](std::string_view phrase) {
      return folded.find(phrase) != std::string::npos;
    });
  };
  std::vector<Asked> asked;
  if (has({"cumpleaños", "birthday", "cumple años"})) return {Asked::birthday};
  if (has({" movil", "mobile", "cell phone", "cell number"})) {
    asked.push_back(Asked::mobile);
  } else if (has({"telefono", "phone"})) {
    asked.push_back(Asked::phone);
  }
  if (has({"correo electronico", "email address", "e-mail address", "direccion de correo"})) {
    asked.push_back(Asked::email);
  }
  if (has({"que hora", "what time", "which time", "cual es la hora"})) {
    asked.push_back(Asked::clock_time);
  }
  if (has({"cuando", " when ", " when's ", "by when?", "que dia", "what day", "which day",
           "what date", "which date", "que fecha", "what's the date", "que mes", "what month",
           "which month", "until what", "deadline", "desde cuando", "hasta cuando"})) {
    asked.push_back(Asked::date);
  }
  const bool amount = has({"cuanto", "cuanta", "how much"});
  const bool paying = has({"cuest",        "costar",
                           "costo",        "coste",
                           "cobr",         "pag",
                           " vale",        " valia",
                           " debo",        " debe",
                           " debia",       "gast",
                           " sale",        " salio",
                           "precio",       "cuota",
                           "dinero",       "factura",
                           "alquiler",     "presupuesto",
                           "importe",      "ahorr",
                           "recibo",       "cost",
                           "pay",          "paid",
                           " owe",         "charg",
                           "spend",        "spent",
                           "price",        " bill",
                           " fee",         " rent",
                           "quot",         "invoice",
                           "deposit",      "how much is the ",
                           "how much was "});
  if ((amount && paying) ||
      has({"que precio", "what price", "what is the price", "what's the price", "que importe",
           "que cuota", "que tarifa", "what does it cost", "what do i owe", "what do we owe"})) {
    asked.push_back(Asked::money);
  } else if (has({"cuantos", "cuantas", "how many", "how long"}) || amount) {
    asked.push_back(Asked::count);
  }
  return asked;
}

namespace {

// A month alone or with its year: "June 2026", "junio", "11/2026".
bool holds_month(std::string_view text) {
  constexpr std::string_view months[] = {
      "january", "february",   "march",   "april",     "june",     "july",
      "august",  "september",  "october", "november",  "december", "enero",
      "febrero", "marzo",      "abril",   "mayo",      "junio",    "julio",
      "agosto",  "septiembre", "octubre", "noviembre", "diciembre"};
  for (const WordAt& word : folded_words(text)) {
    if (std::find(std::begin(months), std::end(months), word.folded) != std::end(months))
      return true;
  }
  for (size_t slash = text.find('/'); slash != std::string_view::npos;
       slash = text.find('/', slash + 1)) {
    const std::string_view year = text.substr(slash + 1, 4);
    if (slash > 0 && is_digit(text[slash - 1]) && year.size() == 4 &&
        std::all_of(year.begin(), year.end(), is_digit)) {
      return true;
    }
  }
  return false;
}

}  // namespace

bool asks_when_sent(std::string_view question) {
  const std::string folded = base::fold(question);
  for (const std::string_view verb :
       {"escrib", "mand", "envi", "contest", "respond", "avis", "write", "wrote", "sent", "send",
        "email", "answer", "repl", "told"}) {
    if (folded.find(verb) != std::string::npos) return true;
  }
  return false;
}

namespace {

bool has_words_of_change(std::string_view text) {
  // Beginnings of words, and phrases; folded.
  constexpr std::string_view beginnings[] = {
      "cambi",   "aplaz",   "pospon",   "pospuest", "retras", "adelant", "traslad", "mover",
      "mueve",   "movid",   "rectific", "correg",   "correc", "anula",   "cancel",  "reprogram",
      "chang",   "postpon", "resched",  "moved",    "moves",  "slip",    "slid",    "delay",
      "instead", "ajorn",   "actualiz", "sustitu",  "replac", "canvi",   "updat"};
  constexpr std::string_view phrases[] = {
      "en vez de",      "en lugar de",     "ya no ",        "nueva fecha",
      "nuevo precio",   "nueva hora",      "nuevo horario", "nuevo codigo",
      "nuevo numero",   "nueva direccion", "nova data",     " pasa a",
      " pasa de",       " pasan a",        " pasan de",     "a partir de",
      "al final ",      "queria decir",    "quise decir",   "me equivoqu",
      "me he equivoca", "me he liado",     "mejor el ",     "mejor a las ",
      "se queda en",    "quedan en",       "en realidad",   "new date",
      "new time",       "new price",       "new code",      "new number",
      "new address",    "no longer",       "rather than",   "brought forward",
      "come down",      "came down",       "now on",        "put back",
      "push",           "i meant",         "we meant",      "my mistake",
      "in the end",     "actually",        "it's now ",     "is now ",
      "will now ",      " any more",       "not the one",   "got that wrong",
      "was wrong"};
  const std::string folded = " " + base::collapse_spaces(base::fold(text)) + " ";
  if (std::any_of(std::begin(phrases), std::end(phrases), [&](std::string_view phrase) {
        return folded.find(phrase) != std::string::npos;
      })) {
    return true;
  }
  const std::vector<WordAt> words = folded_words(text);
  return std::any_of(words.begin(), words.end(), [&](const WordAt& word) {
    return std::any_of(std::begin(beginnings), std::end(beginnings),
                       [&](std::string_view begin) { return word.folded.starts_with(begin); });
  });
}

}  // namespace

bool tells_of_change(std::string_view title, std::string_view text) {
  const std::string folded = base::fold(base::trim(title));
  const bool answers = folded.starts_with("re:") || folded.starts_with("rv:") ||
                       folded.starts_with("fwd:") || folded.starts_with("fw:");
  return has_words_of_change(text) || (!answers && has_words_of_change(title));
}

namespace {

// The words that ask.
constexpr std::string_view asking[] = {"que",     "cual",    "cuales",  "cuando", "cuanto",
                                       "cuanta",  "cuantos", "cuantas", "donde",  "quien",
                                       "quienes", "como",    "what",    "which",  "when",
                                       "where",   "who",     "whose",   "how",    "why"};

}  // namespace

bool asks_for_a_fact(std::string_view question) {
  const std::vector<WordAt> words = folded_words(question);
  return std::any_of(words.begin(), words.end(), [](const WordAt& word) {
    return std::find(std::begin(asking), std::end(asking), word.folded) != std::end(asking);
  });
}

bool asks_several(std::string_view question) {
  const std::vector<WordAt> words = folded_words(question);
  // The word that asks stands behind "and", at most a preposition away.
  for (size_t index = 1; index + 1 < words.size(); ++index) {
    if (words[index].folded != "y" && words[index].folded != "and") continue;
    for (size_t next = index + 1; next < std::min(index + 3, words.size()); ++next) {
      if (std::find(std::begin(asking), std::end(asking), words[next].folded) != std::end(asking)) {
        return true;
      }
    }
  }
  return false;
}

std::vector<std::string> things_asked(std::string_view question) {
  // What stands between "and" and the word that asks.
  constexpr std::string_view before[] = {"a",     "de",    "en",   "con", "por", "para",
                                         "hasta", "desde", "on",   "at",  "in",  "for",
                                         "to",    "up",    "from", "by",  "with"};
  // "and at what time", "y qué día": of the same thing, not a second one.
  constexpr std::string_view moments[] = {"hora", "dia", "fecha", "time", "day", "date", "hour"};
  const std::vector<WordAt> words = folded_words(question);
  const auto one_of = [](const auto& list, std::string_view word) {
    return std::find(std::begin(list), std::end(list), word) != std::end(list);
  };
  const auto content = [&](size_t first, size_t last) {
    return std::count_if(words.begin() + static_cast<std::ptrdiff_t>(first),
                         words.begin() + static_cast<std::ptrdiff_t>(last),
                         [&](const WordAt& word) {
                           return !base::is_stop_word(word.folded) &&
                                  !one_of(asking, word.folded) && !one_of(moments, word.folded);
                         });
  };
  // "¿Dónde y a qué hora es la cena?": a place or a person and something else of the same thing.
  constexpr std::string_view places_people[] = {"donde", "quien", "quienes", "where", "who"};
  for (size_t index = 1; index < 4 && index + 3 < words.size(); ++index) {
    if (words[index].folded != "y" && words[index].folded != "and") continue;
    size_t asks = index + 1;
    while (asks + 1 < words.size() && one_of(before, words[asks].folded)) ++asks;
    if (!one_of(asking, words[asks].folded)) break;
    const bool one_is_place =
        one_of(places_people, words[index - 1].folded) || one_of(places_people, words[asks].folded);
    size_t rest = asks + 1;
    if (rest < words.size() && one_of(moments, words[rest].folded)) ++rest;
    const bool all_asking =
        one_of(asking, words[index - 1].folded) || one_of(moments, words[index - 1].folded);
    if (!one_is_place || !all_asking || content(rest, words.size()) < 1) break;
    const std::string about(question.substr(words[rest].begin));
    const std::string_view opening = words[index].folded == "y" ? "¿" : "";
    const auto piece = [&](size_t first, size_t last) {
      return std::string(question.substr(words[first].begin, words[last].end - words[first].begin));
    };
    return {std::string(opening) + piece(0, index - 1) + " " + about,
            std::string(opening) + piece(index + 1, rest - 1) + " " + about};
  }
  for (size_t index = 1; index + 1 < words.size(); ++index) {
    if (words[index].folded != "y" && words[index].folded != "and") continue;
    size_t next = index + 1;
    while (next + 1 < words.size() && next < index + 4 && one_of(before, words[next].folded))
      ++next;
    if (!one_of(asking, words[next].folded)) continue;
    if (content(0, index) < 2 || content(next, words.size()) < 1) continue;
    std::string first(base::trim(question.substr(0, words[index].begin)));
    while (!first.empty() && (first.back() == ',' || first.back() == ' ')) first.pop_back();
    const bool spanish = words[index].folded == "y";
    const std::string second = (spanish ? "¿" : "") +
                               std::string(question.substr(words[index + 1].begin)) + " (" + first +
                               "?)";
    return {first + "?", second};
  }
  return {std::string(question)};
}

bool holds(std::string_view text, Asked sort) {
  const base::Date reference{2026, 1, 1};
  switch (sort) {
    case Asked::date:
      return !base::find_time_expressions(text, reference).empty() || holds_month(text);
    case Asked::clock_time:
      return !base::find_clock_times(text).empty();
    case Asked::money: {
      const std::string folded = base::fold(text);
      const bool currency =
          text.find("€") != std::string_view::npos || text.find("£") != std::string_view::npos ||
          text.find('$') != std::string_view::npos || folded.find("eur") != std::string::npos ||
          folded.find("gbp") != std::string::npos || folded.find("usd") != std::string::npos ||
          folded.find("mxn") != std::string::npos || folded.find("peso") != std::string::npos ||
          folded.find("pound") != std::string::npos || folded.find("libras") != std::string::npos ||
          folded.find("dollar") != std::string::npos || folded.find("dolar") != std::string::npos ||
          folded.find("gratis") != std::string::npos || folded.find("free") != std::string::npos;
      if (find_numbers(text).empty()) return false;
      if (currency) return true;
      // Among people sums go without: "la cuota queda en 45 al mes".
      for (const std::string_view word :
           {"precio", "cuest", "cobr", "pag", "cuota", "alquiler", "importe", "total",
            "presupuesto", "debe", "price", "cost", "pay", "paid", " fee", " rent", " owe", "quote",
            "quid"}) {
        if (folded.find(word) != std::string::npos) return true;
      }
      return false;
    }
    case Asked::count: {
      if (!find_numbers(text).empty()) return true;
      for (const std::string_view number :
           {" un ",  " una ", "dos",   "tres",  "cuatro", "cinco", "seis", "siete", "ocho",
            "nueve", "diez",  " one ", "two",   "three",  "four",  "five", "six",   "seven",
            "eight", "nine",  "ten",   "twice", "once",   "half",  "medi"}) {
        if (base::fold(text).find(number) != std::string::npos) return true;
      }
      return false;
    }
    case Asked::phone: {
      // Nine digits or more, with spaces, points, hyphens and a plus between them.
      int digits = 0;
      for (const char letter : text) {
        if (is_digit(letter)) {
          if (++digits >= 9) return true;
        } else if (letter != ' ' && letter != '-' && letter != '.' && letter != '(' &&
                   letter != ')' && letter != '+') {
          digits = 0;
        }
      }
      return false;
    }
    case Asked::mobile: {
      const std::string folded = base::fold(text);
      const bool named = folded.find("movil") != std::string::npos ||
                         folded.find("mobile") != std::string::npos ||
                         folded.find("cell") != std::string::npos;
      return named && holds(text, Asked::phone);
    }
    case Asked::email:
      return text.find('@') != std::string_view::npos;
    case Asked::birthday: {
      const std::string folded = base::fold(text);
      for (const std::string_view word : {"cumple", "birthday", "born", "nacimiento", "nacio"}) {
        if (folded.find(word) != std::string::npos) return true;
      }
      return false;
    }
    case Asked::anything:
      return true;
  }
  return true;
}

namespace {

// What people call their family is written with a capital in English and is no name that another
// language's text would hold.
bool is_family_word(std::string_view folded) {
  constexpr std::string_view words[] = {"mum",     "mom",    "mummy",  "mother",  "dad",  "daddy",
                                        "father",  "gran",   "granny", "grandma", "nan",  "grandad",
                                        "grandpa", "auntie", "aunt",   "uncle",   "mama", "papa",
                                        "abuela",  "abuelo", "tia",    "tio"};
  return std::find(std::begin(words), std::end(words), folded) != std::end(words);
}

std::vector<std::string> names_of(std::string_view question) {
  std::vector<std::string> names;
  bool first = true;
  for (const WordAt& word : folded_words(question)) {
    const char letter = question[word.begin];
    const bool capital = letter >= 'A' && letter <= 'Z';
    if (capital && !first && word.folded.size() > 1 && !base::is_stop_word(word.folded) &&
        !is_family_word(word.folded) &&
        base::find_time_expressions(question.substr(word.begin, word.end - word.begin),
                                    {2026, 1, 1})
            .empty()) {
      names.push_back(word.folded);
    }
    first = false;
  }
  return names;
}

}  // namespace

bool names_in(std::string_view question) { return !names_of(question).empty(); }

bool is_about(std::string_view text, std::string_view question) {
  const std::vector<std::string> names = names_of(question);
  if (names.empty()) return true;
  const std::vector<WordAt> words = folded_words(text);
  const auto named = std::count_if(names.begin(), names.end(), [&](const std::string& name) {
    return std::any_of(words.begin(), words.end(), [&](const WordAt& word) {
      if (word.folded == name) return true;
      // Addresses glue words: "bodegasrobledal.example".
      if (name.size() >= 6 && word.folded.find(name) != std::string::npos) return true;
      // One place in two languages: "Londres", "London"; "Edimburgo", "Edinburgh".
      const size_t alike = name.size() >= 8 && word.folded.size() >= 8 ? 3 : 4;
      return name.size() >= 5 && word.folded.size() >= 5 &&
             word.folded.compare(0, alike, name, 0, alike) == 0;
    });
  });
  return 2 * static_cast<size_t>(named) >= names.size();
}

}  // namespace lar::copilot
