// Days and times are found by base; here neighbours become one moment, ranges close, and the half
// of the day is guessed where nobody says it: people meet at five in the afternoon.
#include "assistant/moments.h"

#include <algorithm>
#include <array>
#include <string>

#include "assistant/lexicon.h"
#include "assistant/mailbox.h"
#include "base/text.h"
#include "base/time_expression.h"

namespace lar::assistant {
namespace {

using base::ClockExpression;
using base::TimeExpression;

bool holds_any(std::string_view text, std::initializer_list<std::string_view> phrases) {
  return std::any_of(phrases.begin(), phrases.end(), [&](std::string_view phrase) {
    return text.find(phrase) != std::string_view::npos;
  });
}

// The folded words before `at`, of about `bytes` bytes, with a space at either end.
std::string before(std::string_view text, size_t at, size_t bytes) {
  size_t begin = at > bytes ? at - bytes : 0;
  while (begin < at && (static_cast<unsigned char>(text[begin]) & 0xC0U) == 0x80U) ++begin;
  // What belongs to the sentence before does not count.
  const std::string_view piece = text.substr(begin, at - begin);
  const size_t stop = piece.find_last_of(".!?\n;");
  return phrase_text(stop == std::string_view::npos ? piece : piece.substr(stop + 1));
}

bool is_english_next(std::string_view text, const TimeExpression& found) {
  return base::lower_ascii(text.substr(found.begin, found.end - found.begin)).starts_with("next ");
}

bool is_weekday(std::string_view folded) {
  static constexpr std::array<std::string_view, 14> names = {
      "lunes",  "martes",  "miercoles", "jueves",   "viernes", "sabado",   "domingo",
      "monday", "tuesday", "wednesday", "thursday", "friday",  "saturday", "sunday"};
  return std::find(names.begin(), names.end(), folded) != names.end();
}

// Whether a weekday is named as that of the week to come: "sábado que viene".
bool says_that_comes(std::string_view text) {
  const std::string folded = phrase_text(text);
  const size_t second = folded.find(' ', 1);
  return is_weekday(std::string_view(folded).substr(1, second - 1)) &&
         std::string_view(folded).substr(second).starts_with(" que viene ");
}

// A weekday and nothing else: "el lunes", not "hoy lunes 11".
template <typename Found>
bool names_weekday(std::string_view text, const Found& found) {
  return is_weekday(base::fold(text.substr(found.begin, found.end - found.begin)));
}

// Whether a day is named by its month and number, "3/12", "3 de diciembre", and not by how long ago
// it was.
bool names_month(std::string_view text, const TimeExpression& found) {
  const std::string_view name = text.substr(found.begin, found.end - found.begin);
  if (name.find('/') != std::string_view::npos) return true;
  const std::string folded = phrase_text(name);
  static constexpr std::string_view months[] = {"ene", "jan", "feb", "mar", "abr", "apr",
                                                "may", "jun", "jul", "ago", "aug", "sep",
                                                "set", "oct", "nov", "dic", "dec"};
  const bool numbered = folded.find_first_of("0123456789") != std::string::npos;
  return numbered && !holds_any(folded, {" hace ", " ago ", " months ", " meses "}) &&
         std::any_of(std::begin(months), std::end(months), [&](std::string_view month) {
           return folded.find(" " + std::string(month)) != std::string::npos;
         });
}

// Where a day begins that has its weekday before it: "by Tuesday 6 October", "el martes, 6 de
// octubre". `since`: where the moment before ends.
size_t begin_with_weekday(std::string_view text, size_t begin, size_t since) {
  size_t end = begin;
  while (end > since && (text[end - 1] == ' ' || text[end - 1] == ',')) --end;
  if (end == begin) return begin;
  size_t first = end;
  const auto is_letter = [](char letter) {
    return (static_cast<unsigned char>(letter) & 0x80U) != 0 ||
           ((letter | 0x20) >= 'a' && (letter | 0x20) <= 'z');
  };
  while (first > since && is_letter(text[first - 1])) --first;
  TimeExpression name;
  name.begin = first;
  name.end = end;
  return names_weekday(text, name) ? first : begin;
}

// The 1 or 2 digits and a range sign that stand right before a time: "10-12h", "de 10 a 12:30".
std::optional<std::pair<size_t, int>> range_begin(std::string_view text, size_t at) {
  size_t end = at;
  const auto skip_spaces = [&] {
    while (end > 0 && text[end - 1] == ' ') --end;
  };
  skip_spaces();
  for (const std::string_view word : {"las", "la"}) {
    if (end >= word.size() + 1 && text.substr(end - word.size(), word.size()) == word &&
        text[end - word.size() - 1] == ' ') {
      end -= word.size();
      skip_spaces();
    }
  }
  bool sign = false;
  // Only of hours one says "till".
  bool till = false;
  for (const std::string_view mark :
       {"-", "–", " to", " a", " y", " and", " hasta", " until", " till", " til"}) {
    if (end > mark.size() && text.substr(end - mark.size(), mark.size()) == mark) {
      end -= mark.size();
      sign = true;
      till = mark.starts_with(" til");
      break;
    }
  }
  if (!sign) return std::nullopt;
  skip_spaces();
  if (end > 0 && text[end - 1] == 'h') --end;
  size_t begin = end;
  while (begin > 0 && text[begin - 1] >= '0' && text[begin - 1] <= '9') --begin;
  if (begin == end || end - begin > 2) return std::nullopt;
  if (begin > 0 && text[begin - 1] != ' ' && text[begin - 1] != '(') return std::nullopt;
  int hour = 0;
  for (size_t index = begin; index < end; ++index) hour = hour * 10 + (text[index] - '0');
  if (hour > 23) return std::nullopt;
  // "del 10 al 12" are days, "3 a 5 personas" is neither: a range of hours is introduced.
  const std::string lead = before(text, begin, 12);
  if (!till && !lead.ends_with(" de ") && !lead.ends_with(" from ") && !lead.ends_with(" las ") &&
      !lead.ends_with(" between ") && !lead.ends_with(" entre ") &&
      text.substr(end, at - end).find_first_of("-–") == std::string_view::npos) {
    return std::nullopt;
  }
  return std::pair(begin, hour);
}

struct Clock {
  size_t begin = 0, end = 0;
  int from = 0;
  std::optional<int> to;
  bool certain = true;
  std::string zone;
};

// People meet in the afternoon: an hour from one to seven whose half of the day nobody says.
constexpr int first_morning_hour = 8;

// Whether what surrounds a time speaks of setting out, which people do early.
bool sets_out(std::string_view around) { return says_any(around, "when.sets_out"); }

// "de 10 a 3", "from 8 to 12", "between 8 and 12": hours without any mark of being hours. What
// follows must not be a thing that is counted or a month.
std::vector<Clock> bare_ranges(std::string_view text, const std::vector<ClockExpression>& known) {
  struct Piece {
    std::string folded;
    size_t begin, end;
  };
  std::vector<Piece> pieces;
  for (const base::Word& word : base::words(text)) {
    pieces.push_back(
        {base::fold(text.substr(word.begin, word.end - word.begin)), word.begin, word.end});
  }
  const auto hour_of = [](const std::string& word) {
    if (word.empty() || word.size() > 2 ||
        word.find_first_not_of("0123456789") != std::string::npos) {
      return -1;
    }
    const int hour = std::stoi(word);
    return hour >= 1 && hour <= 24 ? hour : -1;
  };
  const auto is_one = [](std::string_view word, std::initializer_list<std::string_view> list) {
    return std::find(list.begin(), list.end(), word) != list.end();
  };
  std::vector<Clock> found;
  for (size_t at = 0; at + 3 < pieces.size(); ++at) {
    const std::string &lead = pieces[at].folded, &sign = pieces[at + 2].folded;
    const bool spanish = is_one(lead, {"de", "desde", "entre"});
    // "can do 4 till 6": only of hours one says "till".
    const bool till = is_one(sign, {"til", "till"});
    const bool english = is_one(lead, {"from", "between"}) || till;
    if (!spanish && !english) continue;
    if (!is_one(sign, spanish ? std::initializer_list<std::string_view>{"a", "y", "hasta"}
                              : std::initializer_list<std::string_view>{"to", "and", "until", "til",
                                                                        "till"})) {
      continue;
    }
    const int from = hour_of(pieces[at + 1].folded), to = hour_of(pieces[at + 3].folded);
    if (from < 0 || to < 0) continue;
    const size_t begin = pieces[at + 1].begin, end = pieces[at + 3].end;
    // Only spaces between them: "de 10, a 3" is no range, "de 10.5 a 12.3" no hours.
    bool plain = true;
    for (size_t gap = till ? at + 1 : at; gap < at + 3; ++gap) {
      const std::string_view between =
          text.substr(pieces[gap].end, pieces[gap + 1].begin - pieces[gap].end);
      plain = plain && between == " ";
    }
    const std::string_view rest = text.substr(end);
    const bool stops = rest.empty() || rest.front() == '\n' || rest.front() == ')' ||
                       rest.front() == ';' || rest.front() == '?' || rest.front() == '!' ||
                       ((rest.front() == ',' || rest.front() == '.') &&
                        (rest.size() == 1 || rest[1] == ' ' || rest[1] == '\n'));
    const std::string next = at + 4 < pieces.size() ? pieces[at + 4].folded : "";
    // "de 5 a 7 del jueves"
    const std::string behind = at + 5 < pieces.size() ? pieces[at + 5].folded : "";
    const bool of_day = next == "del" && !behind.empty() &&
                        (behind.find_first_not_of("0123456789") == std::string::npos ||
                         behind == "dia" || is_weekday(behind));
    const bool goes_on =
        rest.starts_with(" ") &&
        (of_day ||
         is_one(next, {"en",   "el",   "la",     "los",      "las",   "at",    "on",  "in",
                       "the",  "this", "y",      "and",      "para",  "por",   "si",  "que",
                       "cada", "hoy",  "mañana", "tomorrow", "today", "every", "con", "with",
                       "so",   "pero", "but",    "a",        "h",     "hs",    "hrs", "horas",
                       "se",   "no",   "we",     "you",      "i",     "nos",   "hay", "habra",
                       "pm",   "am",   "sharp",  "aprox",    "o",     "or",    "if",  "each"}));
    if (!plain || (!stops && !goes_on)) continue;
    const bool marked = std::any_of(known.begin(), known.end(), [&](const ClockExpression& clock) {
      return clock.begin < end && begin < clock.end;
    });
    if (marked) continue;
    Clock made;
    made.begin = begin;
    made.end = end;
    made.certain = from > 12 || to > 12;
    const std::string around = phrase_text(rest.substr(0, std::min<size_t>(24, rest.size())));
    const bool morning = holds_any(around, {" de la mañana ", " morning ", " am "});
    int hour = from;
    // "de 7 a 3" begins in the morning, "de 4 a 9" in the afternoon.
    const bool long_day = from >= 5 && to < from;
    if (hour < first_morning_hour && !morning && !long_day && to <= 12) hour += 12;
    int until = to;
    while (until <= hour) until += 12;
    if (hour > 23 || until > 30) continue;
    made.from = hour * 60;
    made.to = until * 60;
    found.push_back(made);
  }
  return found;
}

// "Sunday 18th October, 11-1": two small numbers with a dash right behind a day are hours.
std::optional<Clock> hours_behind(std::string_view text, size_t end) {
  const auto skip = [&](size_t at, std::string_view signs) {
    while (at < text.size() && signs.find(text[at]) != std::string_view::npos) ++at;
    return at;
  };
  const auto hour_at = [&](size_t& at) {
    int hour = 0;
    const size_t begin = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9' && at - begin < 3) {
      hour = hour * 10 + (text[at++] - '0');
    }
    return at == begin || at - begin > 2 ? -1 : hour;
  };
  Clock made;
  size_t at = made.begin = skip(end, " ,:(");
  if (at == end) return std::nullopt;
  const int from = hour_at(at);
  const std::string_view dash = text.substr(at, 3) == "–" ? "–" : "-";
  if (!text.substr(at).starts_with(dash)) return std::nullopt;
  at += dash.size();
  const int to = hour_at(at);
  if (from < 1 || from > 12 || to < 1 || to > 12 || from == to) return std::nullopt;
  const std::string_view rest = text.substr(at);
  const bool stops = rest.empty() || rest[0] == '\n' || rest[0] == ')' || rest[0] == ';' ||
                     ((rest[0] == ',' || rest[0] == '.') && (rest.size() == 1 || rest[1] == ' '));
  const bool goes_on = rest.starts_with(" at ") || rest.starts_with(" en ") ||
                       rest.starts_with(" in ") || rest.starts_with(" @");
  if (!stops && !goes_on) return std::nullopt;
  made.end = at;
  made.from = (from < first_morning_hour ? from + 12 : from) * 60;
  int until = to * 60;
  while (until <= made.from) until += 12 * 60;
  made.to = until;
  return made;
}

// The hour that " till " or " til " and a number behind a time name, and where the number ends.
std::optional<std::pair<int, size_t>> till_behind(std::string_view text, size_t end) {
  for (const std::string_view word : {" till ", " til "}) {
    if (!text.substr(end).starts_with(word)) continue;
    size_t at = end + word.size();
    int hour = 0;
    const size_t begin = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9' && at - begin < 3) {
      hour = hour * 10 + (text[at++] - '0');
    }
    // "till 6.30" and "till 6pm" are times of their own.
    const bool ends = at >= text.size() ||
                      std::string_view(" ,;?!)\n").find(text[at]) != std::string_view::npos ||
                      (text[at] == '.' && (at + 1 >= text.size() || text[at + 1] == ' '));
    if (at - begin >= 1 && at - begin <= 2 && hour >= 1 && hour <= 24 && ends) {
      return std::pair(hour, at);
    }
  }
  return std::nullopt;
}

// The zone that is named behind a time: "3 p.m. hora de Bogotá", "8 pm Eastern", "18:00 CET".
// Empty if none is, or if the words mean the place of whoever reads.
std::pair<std::string, size_t> zone_behind(std::string_view text, size_t end) {
  const std::string_view rest = text.substr(end, std::min<size_t>(48, text.size() - end));
  const std::string folded = phrase_text(rest);
  for (const std::string& line : phrases("when.zones")) {
    const size_t equal = line.find('=');
    if (equal == std::string::npos) continue;
    const std::string name = " " + line.substr(0, equal) + " ";
    if (!folded.starts_with(name)) continue;
    // As many words of the text as the name has.
    const std::vector<base::Word> words = base::words(rest);
    const auto count = static_cast<size_t>(std::count(name.begin(), name.end(), ' ')) - 1;
    if (count == 0 || count > words.size()) continue;
    const std::string_view raw = rest.substr(words[0].begin, words[count - 1].end - words[0].begin);
    // "est" and "et" are words; as zones they are written in capitals.
    const bool short_name = count == 1 && raw.size() <= 4;
    const bool capitals = std::all_of(raw.begin(), raw.end(),
                                      [](char letter) { return letter >= 'A' && letter <= 'Z'; });
    if (short_name && !capitals) continue;
    return {line.substr(equal + 1), end + words[count - 1].end};
  }
  return {};
}

std::vector<Clock> clocks_in(std::string_view text) {
  std::vector<Clock> clocks;
  const std::vector<ClockExpression> found = base::find_clock_times(text);
  for (size_t index = 0; index < found.size(); ++index) {
    const ClockExpression& clock = found[index];
    const std::string around =
        before(text, clock.begin, 60) +
        phrase_text(text.substr(clock.end, std::min<size_t>(60, text.size() - clock.end)));
    const bool evening = says_any(around, "date.evening");
    // Children have parties, too: at eleven only nights begin.
    const int last_evening_hour = says_any(around, "date.night") ? 11 : 10;
    const bool morning = says_any(around, "date.morning");
    // "Half 7 start" is of work.
    const bool early =
        sets_out(around) || phrase_text(text.substr(clock.end, 16)).starts_with(" start ");
    const auto settle = [&](int hour, bool certain) {
      if (certain || hour > 12 || morning) return hour;
      if (early && hour >= 5 && hour < first_morning_hour) return hour;
      if (hour >= 1 && hour < first_morning_hour) return hour + 12;
      if (evening && hour >= 8 && hour <= last_evening_hour) return hour + 12;
      return hour;
    };
    Clock made;
    made.begin = clock.begin;
    made.end = clock.end;
    made.certain = clock.certain;
    made.from = settle(clock.hour, clock.certain) * 60 + clock.minute;
    if (const auto until = till_behind(text, clock.end)) {
      int hour = until->first;
      while (hour * 60 <= made.from) hour += 12;
      made.to = hour * 60;
      made.end = until->second;
    }
    if (const auto start = range_begin(text, clock.begin)) {
      int hour = start->second;
      const int until = made.from;
      if (hour < 12 && until >= 13 * 60 && (hour + 12) * 60 < until && hour < 8) hour += 12;
      // "7 til 11ish": the first was a time already.
      if (!clocks.empty() && clocks.back().begin == start->first) {
        made.begin = start->first;
        made.to = until > clocks.back().from ? until : until + 12 * 60;
        made.from = clocks.back().from;
        made.certain = clocks.back().certain;
        clocks.pop_back();
      } else if (hour * 60 < until) {
        made.begin = start->first;
        made.to = until;
        made.from = hour * 60;
      }
    } else if (!clocks.empty()) {
      // Two times with a range sign between them.
      Clock& last = clocks.back();
      const std::string between = phrase_text(text.substr(last.end, clock.begin - last.end));
      const std::string_view raw = base::trim(text.substr(last.end, clock.begin - last.end));
      const bool range = raw == "-" || raw == "–" || raw == "—" || between == " a " ||
                         between == " a las " || between == " to " || between == " hasta las " ||
                         between == " until " || between == " till " || between == " til " ||
                         between == " to about " || between == " to around " ||
                         between == " till about " || between == " til about " ||
                         between == " hasta sobre las " || between == " hasta cerca de las " ||
                         ((between == " y las " || between == " y " || between == " and ") &&
                          holds_any(before(text, last.begin, 24), {" between ", " entre "}));
      if (range && !last.to && made.from != last.from) {
        // "5:30-7pm": the half of the second holds for the first.
        if (last.from > made.from && last.from - 12 * 60 >= 0 && last.from - 12 * 60 < made.from) {
          last.from -= 12 * 60;
        }
        // "has been moved from 4.00 to 4.45": where it begins now.
        const std::string lead = before(text, last.begin, 60);
        if (between == " to " && lead.ends_with(" from ") && says_any(lead, "date.moves")) {
          last.from = made.from;
          last.end = made.end;
          last.certain = made.certain;
          continue;
        }
        if (last.from < made.from) {
          last.to = made.from;
          last.end = made.end;
          continue;
        }
      }
    }
    clocks.push_back(made);
  }
  for (const Clock& range : bare_ranges(text, found)) clocks.push_back(range);
  std::sort(clocks.begin(), clocks.end(),
            [](const Clock& one, const Clock& other) { return one.begin < other.begin; });
  std::vector<Clock> placed;
  for (Clock& clock : clocks) {
    if (auto [zone, end] = zone_behind(text, clock.end); !zone.empty()) {
      clock.zone = std::move(zone);
      clock.end = end;
    }
    // "8 pm Eastern / 5 Pacific": one time said twice.
    if (!clock.zone.empty() && !placed.empty() && !placed.back().zone.empty() &&
        clock.begin - placed.back().end < 8) {
      continue;
    }
    placed.push_back(clock);
  }
  return placed;
}

// "within 24 hours", "en 48 horas", "in the next two hours"; "en un plazo de 10 días hábiles",
// "within five working days", which leave out weekends.
void add_hours(std::string_view text, const base::LocalTime& written,
               std::vector<Moment>& moments) {
  const std::vector<base::Word> words = base::words(text);
  const auto word = [&](size_t index) {
    return index < words.size()
               ? base::fold(text.substr(words[index].begin, words[index].end - words[index].begin))
               : std::string();
  };
  // English and Spanish by turns.
  static constexpr std::array<std::string_view, 20> numbers = {
      "one", "una",  "two",   "dos",   "three", "tres", "four", "cuatro", "five", "cinco",
      "six", "seis", "seven", "siete", "eight", "ocho", "nine", "nueve",  "ten",  "diez"};
  for (size_t index = 1; index < words.size(); ++index) {
    const std::string unit = word(index);
    const bool of_days = unit == "days" || unit == "dias" || unit == "day" || unit == "dia";
    if (unit != "hours" && unit != "horas" && unit != "hour" && unit != "hora" && !of_days)
      continue;
    size_t number_at = index - 1;
    bool working = false;
    if (of_days && index >= 2 && (word(number_at) == "working" || word(number_at) == "business")) {
      working = true;
      --number_at;
    }
    working = working || word(index + 1) == "habiles" || word(index + 1) == "laborables";
    const std::string name = word(number_at);
    int count = name == "next" || name == "an" ? 1 : 0;
    if (!name.empty() && name.size() <= 3 && name.find_first_not_of("0123456789") == name.npos) {
      count = std::stoi(name);
    }
    for (size_t number = 0; number < numbers.size(); ++number) {
      if (numbers[number] == name) count = static_cast<int>(number / 2) + 1;
    }
    if (count < 1 || count > 96) continue;
    const std::string lead = before(text, words[number_at].begin, 24);
    if (of_days ? !holds_any(lead, {" within ", " plazo ", " proximos ", " next ", " maximo "})
                : !holds_any(lead, {" within ", " in ", " en ", " de ", " next ", " proximas ",
                                    " plazo "})) {
      continue;
    }
    Moment moment;
    moment.begin = words[number_at].begin;
    moment.end = words[index].end;
    const bool known = std::any_of(moments.begin(), moments.end(), [&](const Moment& other) {
      return other.begin < moment.end && moment.begin < other.end;
    });
    if (known && !working) continue;
    if (known) {
      std::erase_if(moments, [&](const Moment& other) {
        return other.begin < moment.end && moment.begin < other.end;
      });
    }
    if (of_days) {
      moment.first = written.date;
      for (int left = count; left > 0;) {
        moment.first = base::add_days(moment.first, 1);
        left -= working && base::weekday(moment.first) > 4 ? 0 : 1;
      }
      moment.last = moment.first;
    } else {
      const base::Microseconds then =
          base::from_local(written, "UTC") + count * 3600 * base::one_second;
      moment.first = moment.last = base::to_local(then, "UTC").date;
    }
    moment.relative = moment.deadline = true;
    moments.push_back(moment);
  }
}

}  // namespace

std::vector<Moment> find_moments(std::string_view text, const base::LocalTime& written) {
  std::vector<Moment> moments;
  std::vector<TimeExpression> days =
      base::find_time_expressions(text, written.date, base::TimeDirection::any);
  for (size_t index = 0; index < days.size(); ++index) {
    TimeExpression day = days[index];
    // "mañana jueves", "el próximo viernes, 6 de junio": two names of one day. The one that does
    // not depend on the reader's calendar decides.
    while (index + 1 < days.size()) {
      const std::string between =
          phrase_text(text.substr(day.end, days[index + 1].begin - day.end));
      const std::string_view raw =
          base::trim(text.substr(day.end, days[index + 1].begin - day.end));
      const bool joined =
          (between == " " || between == " the " || between == " dia " || between == " el ") &&
          (raw.empty() || raw == "," || raw == "(" || raw == "the" || raw == "día" ||
           raw == ", the" || raw == ", día" || raw == ", el");
      if (!joined || !(day.relative || days[index + 1].relative)) break;
      const TimeExpression& other = days[index + 1];
      const bool one_day = other.first == other.last;
      if (one_day && (!(day.first == day.last) ||
                      base::weekday(other.first) == base::weekday(day.first) || !other.relative)) {
        day.first = other.first;
        day.last = other.last;
      }
      day.end = other.end;
      ++index;
    }
    // "el viernes de la semana que viene", "Thursday of next week": the day inside that week.
    if (index + 1 < days.size() && day.relative && day.first == day.last) {
      const TimeExpression& week = days[index + 1];
      const std::string between = phrase_text(text.substr(day.end, week.begin - day.end));
      if (base::days_between(week.first, week.last) == 6 &&
          (between == " de la " || between == " of " || between == " ")) {
        day.first = day.last = base::add_days(week.first, base::weekday(day.first));
        day.end = week.end;
        ++index;
      }
    }
    // A month or a year alone dates nothing that could be missed.
    if (base::days_between(day.first, day.last) > 20) continue;
    // Of English speakers "next Thursday" is of next week.
    if (day.relative && day.first == day.last && is_english_next(text, day)) {
      const base::Date monday = base::add_days(written.date, 7 - base::weekday(written.date));
      day.first = day.last = base::add_days(monday, base::weekday(day.first));
    }
    // "El sábado que viene" of a Friday is not tomorrow, which people call so.
    if (day.relative && day.first == day.last && base::days_between(written.date, day.first) <= 1 &&
        says_that_comes(text.substr(day.begin, day.end - day.begin + 12))) {
      day.first = day.last = base::add_days(day.first, 7);
    }
    // On a Monday "on Monday" is the next one: of today people say "today".
    if (day.relative && day.first == day.last && day.first == written.date &&
        names_weekday(text, day)) {
      day.first = day.last = base::add_days(day.first, 7);
    }
    // "El 3 de diciembre", "on 3/12" in a mail of May: half a year ahead rather than months ago.
    constexpr int farthest_told = 120;
    if (day.relative && day.first == day.last && names_month(text, day) &&
        base::days_between(day.first, written.date) > farthest_told) {
      ++day.first.year;
      if (!base::date_is_valid(day.first)) continue;
      day.last = day.first;
    }
    Moment moment;
    moment.begin = begin_with_weekday(text, day.begin, moments.empty() ? 0 : moments.back().end);
    moment.end = day.end;
    moment.first = day.first;
    moment.last = day.last;
    moment.relative = day.relative;
    moments.push_back(moment);
  }
  // "El viernes 10 de abril y el sábado", "from Friday the 26th to Sunday": the one that follows.
  for (size_t index = 1; index < moments.size(); ++index) {
    Moment& next = moments[index];
    const Moment& named = moments[index - 1];
    if (!next.relative || next.first != next.last || named.first != named.last ||
        named.first <= next.first || !names_weekday(text, next)) {
      continue;
    }
    const std::string between = phrase_text(text.substr(named.end, next.begin - named.end));
    static constexpr std::array<std::string_view, 9> joins = {
        " y el ", " al ", " hasta el ", " y ", " to ", " and ", " until ", " till ", " and the "};
    if (std::find(joins.begin(), joins.end(), between) == joins.end()) continue;
    const int ahead = (base::weekday(next.first) - base::weekday(named.first) + 7) % 7;
    next.first = next.last = base::add_days(named.first, ahead == 0 ? 7 : ahead);
  }
  // "From Friday the 26th to Sunday, landing at 18:40 on the Friday": the one that was named.
  for (size_t index = 1; index < moments.size(); ++index) {
    Moment& again = moments[index];
    if (!again.relative || again.first != again.last || !names_weekday(text, again)) continue;
    if (!before(text, again.begin, 6).ends_with(" the ")) continue;
    for (size_t earlier = 0; earlier < index; ++earlier) {
      const base::Date named = moments[earlier].first;
      const int later = base::days_between(again.first, named);
      if (later > 0 && later % 7 == 0) again.first = again.last = named;
    }
  }
  // "del 3 al 16 de agosto", "lunes 6 al domingo 12 de julio": the first takes the month of the
  // last.
  for (size_t index = 0; index + 1 < moments.size(); ++index) {
    Moment& one = moments[index];
    const Moment& next = moments[index + 1];
    const std::string between = phrase_text(text.substr(one.end, next.begin - one.end));
    const bool number = text[one.end - 1] >= '0' && text[one.end - 1] <= '9';
    if (!one.relative || !number || next.begin < one.end || one.first != one.last ||
        (between != " al " && between != " a " && between != " y " && between != " to " &&
         between != " and ")) {
      continue;
    }
    const base::Date moved{next.first.year, next.first.month, one.first.day};
    if (base::date_is_valid(moved) && moved <= next.first) one.first = one.last = moved;
  }
  add_hours(text, written, moments);
  std::sort(moments.begin(), moments.end(),
            [](const Moment& a, const Moment& b) { return a.begin < b.begin; });
  const std::vector<Clock> clocks = clocks_in(text);
  for (Moment& moment : moments) {
    const auto hours = hours_behind(text, moment.end);
    const bool marked =
        !hours || std::any_of(clocks.begin(), clocks.end(), [&](const Clock& clock) {
          return clock.begin < hours->end && hours->begin < clock.end;
        });
    if (marked || moment.first != moment.last) continue;
    moment.from = hours->from;
    moment.to = hours->to;
    moment.guessed = true;
    moment.end = hours->end;
  }

  std::vector<Moment> alone;
  for (const Clock& clock : clocks) {
    // The nearest day of the same sentence; the one before is preferred: "el jueves a las 10".
    Moment* best = nullptr;
    size_t distance = 70;
    for (Moment& moment : moments) {
      if (moment.first != moment.last) continue;
      const bool precedes = moment.end <= clock.begin;
      const size_t gap_begin = precedes ? moment.end : clock.end;
      const size_t gap_end = precedes ? clock.begin : moment.begin;
      // Overlapping, or too far away to belong together (which also keeps a mail full of times
      // cheap).
      if (gap_end < gap_begin || gap_end - gap_begin > 120) continue;
      const std::string_view gap = text.substr(gap_begin, gap_end - gap_begin);
      if (gap.find_first_of("\n;") != std::string_view::npos ||
          gap.find(". ") != std::string_view::npos || gap.find("? ") != std::string_view::npos) {
        continue;
      }
      // "Landing at 18:40 on the Friday", "a las 5 del martes": joined by their words.
      if (!precedes && !moment.from) {
        const std::string between = phrase_text(gap);
        if (between == " on the " || between == " on " || between == " del ") {
          best = &moment;
          break;
        }
      }
      // What stands before may stand farther: "Tuesday 14 April, flight CX 1182 to Tulsa, 6:55".
      const size_t cost =
          gap.size() * (precedes ? 5 : 8) / 8 + (precedes ? 0 : 12) + (moment.from ? 40 : 0);
      if (cost < distance) {
        distance = cost;
        best = &moment;
      }
    }
    if (best != nullptr && !best->from) {
      // "hoy antes de las 20:00", "on Friday by noon"
      if (best->end <= clock.begin) {
        const std::string between = phrase_text(text.substr(best->end, clock.begin - best->end));
        best->deadline = holds_any(between, {" antes ", " before ", " by ", " hasta ", " until ",
                                             " no later ", " tardar "});
      }
      best->from = clock.from;
      best->zone = clock.zone;
      best->guessed = !clock.certain;
      best->to = clock.to;
      best->gap_begin = std::min(best->end, clock.end);
      best->gap_end = std::max({best->begin, clock.begin, best->gap_begin});
      best->begin = std::min(best->begin, clock.begin);
      best->end = std::max(best->end, clock.end);
      continue;
    }
    Moment moment;
    moment.begin = clock.begin;
    moment.end = clock.end;
    moment.from = clock.from;
    moment.to = clock.to;
    moment.zone = clock.zone;
    moment.guessed = !clock.certain;
    moment.dated = best != nullptr;
    moment.relative = true;
    moment.first = moment.last = best != nullptr ? best->first : written.date;
    alone.push_back(moment);
  }
  // "lunes 18 y miércoles 20 de 4 a 9": days that are named together share the time.
  for (size_t index = moments.size(); index-- > 1;) {
    Moment& one = moments[index - 1];
    const Moment& next = moments[index];
    if (one.from || !next.from || one.end > next.begin || one.first != one.last) continue;
    const std::string between = phrase_text(text.substr(one.end, next.begin - one.end));
    if (between != " y " && between != " and " && between != " e " && between != " y el " &&
        between != " and on ") {
      continue;
    }
    one.from = next.from;
    one.to = next.to;
    one.zone = next.zone;
    one.guessed = next.guessed;
  }
  moments.insert(moments.end(), alone.begin(), alone.end());
  std::sort(moments.begin(), moments.end(),
            [](const Moment& a, const Moment& b) { return a.begin < b.begin; });

  for (Moment& moment : moments) {
    // "At 6 my time": another clock than the reader's.
    const std::string rest = phrase_text(text.substr(moment.end, 24));
    moment.left = moment.left || rest.starts_with(" my time ") || rest.starts_with(" hora mia ");
    const std::string lead = before(text, moment.begin, 34);
    std::string left = lead;
    for (bool again = true; again;) {
      again = false;
      for (const std::string_view word :
           {" a ", " las ", " la ", " at ", " on ", " the ", " el ", " my ", " mi "}) {
        if (left.size() > word.size() && left.ends_with(word)) {
          left.resize(left.size() - word.size() + 1);
          again = true;
        }
      }
    }
    // "before the", "antes del", "hasta el": they stand right before it but for articles; "due",
    // "vence", "plazo" may stand farther off.
    const auto stands_before = [&](const std::string& phrase) {
      return left.ends_with(" " + phrase + " ");
    };
    const auto leads = phrases("when.before");
    moment.deadline = moment.deadline || says_any(lead, "when.deadline") ||
                      std::any_of(leads.begin(), leads.end(), stands_before);
    for (const std::string_view from :
         {" instead of ", " rather than ", " en vez de ", " en vez del ", " en lugar de ",
          " en lugar del ", " and not ", " y no ", " not "}) {
      moment.left = moment.left || left.ends_with(from);
    }
    // "Moved from Tuesday to Thursday", "se cambia del martes al jueves"; "from Wednesday lessons
    // start at 4" and "la cena del martes" leave nothing.
    if (left.ends_with(" from ") || lead.ends_with(" del ")) {
      const std::string sentence = before(text, moment.begin, 70) + rest;
      const bool moved = says_any(sentence, "date.moves");
      const bool onward = left.ends_with(" from ") ? rest.find(" to ") != std::string::npos
                                                   : rest.find(" al ") != std::string::npos;
      moment.left = moment.left || (moved && (onward || says_any(lead, "date.moves")));
    }
  }
  return moments;
}

}  // namespace lar::assistant
