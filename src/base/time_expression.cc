// Patterns over the folded words of a text. Pure functions; the tables are constants.
#include "base/time_expression.h"

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <string>
#include <utility>

#include "base/text.h"

namespace lar::base {
namespace {

struct Token {
  std::string text;  // folded
  size_t begin;
  size_t end;
};

std::vector<Token> tokens_of(std::string_view utf8) {
  std::vector<Token> tokens;
  for (const Word& word : words(utf8)) {
    tokens.push_back({fold(utf8.substr(word.begin, word.end - word.begin)), word.begin, word.end});
  }
  return tokens;
}

template <size_t count>
int index_in(const std::array<std::string_view, count>& names, std::string_view word) {
  for (size_t index = 0; index < count; ++index) {
    if (names[index] == word) return static_cast<int>(index);
  }
  return -1;
}

constexpr std::array<std::string_view, 12> months_english = {
    "january", "february", "march",     "april",   "may",      "june",
    "july",    "august",   "september", "october", "november", "december"};
constexpr std::array<std::string_view, 12> months_spanish = {
    "enero", "febrero", "marzo",      "abril",   "mayo",      "junio",
    "julio", "agosto",  "septiembre", "octubre", "noviembre", "diciembre"};
constexpr std::array<std::string_view, 12> months_short = {
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 12> months_short_spanish = {
    "ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"};
constexpr std::array<std::string_view, 7> days_english = {
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};
constexpr std::array<std::string_view, 7> days_spanish = {
    "lunes", "martes", "miercoles", "jueves", "viernes", "sabado", "domingo"};
constexpr std::array<std::string_view, 7> days_short = {"mon", "tue", "wed", "thu",
                                                        "fri", "sat", "sun"};
constexpr std::array<std::string_view, 13> numbers_english = {
    "zero",  "one",   "two",  "three", "four",   "five",  "six",
    "seven", "eight", "nine", "ten",   "eleven", "twelve"};
constexpr std::array<std::string_view, 13> numbers_spanish = {
    "cero",  "un",   "dos",   "tres", "cuatro", "cinco", "seis",
    "siete", "ocho", "nueve", "diez", "once",   "doce"};

// 1-12, or 0. "mar" and "may" as short forms are too common as words: `strict` leaves them out.
int month_of(std::string_view word, bool strict) {
  for (const auto* table : {&months_english, &months_spanish}) {
    if (const int month = index_in(*table, word); month >= 0) return month + 1;
  }
  if (word == "setiembre") return 9;
  if (strict) return 0;
  for (const auto* table : {&months_short, &months_short_spanish}) {
    if (const int month = index_in(*table, word); month >= 0) return month + 1;
  }
  return word == "sept" ? 9 : 0;
}

int weekday_of(std::string_view word) {
  if (const int day = index_in(days_english, word); day >= 0) return day;
  return index_in(days_spanish, word);
}

// A non-negative number of at most four digits, or -1.
int digits_of(std::string_view word) {
  if (word.empty() || word.size() > 4) return -1;
  int value = 0;
  for (const char letter : word) {
    if (letter < '0' || letter > '9') return -1;
    value = value * 10 + (letter - '0');
  }
  return value;
}

// "3", "3rd", "primero": a day of a month, or 0.
int day_of(std::string_view word) {
  if (word == "primero" || word == "1o") return 1;
  for (const std::string_view suffix : {"st", "nd", "rd", "th"}) {
    if (word.size() > suffix.size() && word.ends_with(suffix)) {
      word.remove_suffix(suffix.size());
      break;
    }
  }
  const int day = word.size() <= 2 ? digits_of(word) : -1;
  return day >= 1 && day <= 31 ? day : 0;
}

// A day of a month in words, from 13 on in Spanish ("dieciocho"; fewer are how many of a thing) and
// as ordinals in English ("fifteenth"), or 0. "treinta y uno" and "thirty first" take two words.
int spelled_day(std::string_view word) {
  static constexpr std::array<std::pair<std::string_view, int>, 18> spanish = {
      {{"trece", 13},
       {"catorce", 14},
       {"quince", 15},
       {"dieciseis", 16},
       {"diecisiete", 17},
       {"dieciocho", 18},
       {"diecinueve", 19},
       {"veinte", 20},
       {"veintiuno", 21},
       {"veintiun", 21},
       {"veintidos", 22},
       {"veintitres", 23},
       {"veinticuatro", 24},
       {"veinticinco", 25},
       {"veintiseis", 26},
       {"veintisiete", 27},
       {"veintiocho", 28},
       {"veintinueve", 29}}};
  static constexpr std::array<std::string_view, 20> english = {
      "first",     "second",      "third",      "fourth",     "fifth",
      "sixth",     "seventh",     "eighth",     "ninth",      "tenth",
      "eleventh",  "twelfth",     "thirteenth", "fourteenth", "fifteenth",
      "sixteenth", "seventeenth", "eighteenth", "nineteenth", "twentieth"};
  for (const auto& [name, day] : spanish) {
    if (name == word) return day;
  }
  return index_in(english, word) + 1;
}

int year_of(std::string_view word) {
  const int year = word.size() == 4 ? digits_of(word) : -1;
  return year >= 1900 && year <= 2100 ? year : 0;
}

int count_of(std::string_view word) {
  if (const int value = digits_of(word); value >= 0) return value;
  if (const int value = index_in(numbers_english, word); value >= 0) return value;
  if (word == "una" || word == "a" || word == "an") return 1;
  return index_in(numbers_spanish, word);
}

enum class Unit { none, day, week, month, year };
Unit unit_of(std::string_view word) {
  if (word == "day" || word == "days" || word == "dia" || word == "dias") return Unit::day;
  if (word == "week" || word == "weeks" || word == "semana" || word == "semanas") return Unit::week;
  if (word == "month" || word == "months" || word == "mes" || word == "meses") return Unit::month;
  // "ano" without the letter ñ is how many people type año.
  if (word == "year" || word == "years" || word == "año" || word == "años" || word == "ano" ||
      word == "anos") {
    return Unit::year;
  }
  return Unit::none;
}

int days_in_month(int year, int month) {
  for (int day = 31; day > 28; --day) {
    if (date_is_valid({year, month, day})) return day;
  }
  return 28;
}

Date shift_months(Date date, int months) {
  const int index = date.year * 12 + date.month - 1 + months;
  Date shifted{index / 12, index % 12 + 1, 1};
  shifted.day = std::min(date.day, days_in_month(shifted.year, shifted.month));
  return shifted;
}

Date shift(Date date, Unit unit, int count) {
  switch (unit) {
    case Unit::day:
      return add_days(date, count);
    case Unit::week:
      return add_days(date, 7 * count);
    case Unit::month:
      return shift_months(date, count);
    case Unit::year:
      return shift_months(date, 12 * count);
    case Unit::none:
      return date;
  }
  return date;
}

// The whole week, month or year that holds `date`.
std::pair<Date, Date> span_around(Date date, Unit unit) {
  switch (unit) {
    case Unit::week: {
      const Date monday = add_days(date, -weekday(date));
      return {monday, add_days(monday, 6)};
    }
    case Unit::month:
      return {{date.year, date.month, 1},
              {date.year, date.month, days_in_month(date.year, date.month)}};
    case Unit::year:
      return {{date.year, 1, 1}, {date.year, 12, 31}};
    default:
      return {date, date};
  }
}

// The year for a date stated without one.
int fitting_year(int month, int day, Date reference, TimeDirection direction) {
  const auto in_year = [&](int year) {
    return Date{year, month, std::min(day, days_in_month(year, month))};
  };
  if (direction == TimeDirection::future) {
    return in_year(reference.year) < reference ? reference.year + 1 : reference.year;
  }
  if (direction == TimeDirection::past) {
    return in_year(reference.year) > reference ? reference.year - 1 : reference.year;
  }
  int best = reference.year;
  for (const int year : {reference.year - 1, reference.year + 1}) {
    if (std::abs(days_between(reference, in_year(year))) <
        std::abs(days_between(reference, in_year(best)))) {
      best = year;
    }
  }
  return best;
}

class Finder {
 public:
  Finder(std::string_view text, Date reference, TimeDirection direction)
      : text_(text), reference_(reference), direction_(direction), tokens_(tokens_of(text)) {}

  std::vector<TimeExpression> find() {
    while (position_ < tokens_.size()) {
      if (!(numeric_date() || day_month() || month_day() || relative_word() || end_of() ||
            counted() || this_last_next() || weekday_and_day() || weekday_name() || day_alone() ||
            month_alone() || year_alone())) {
        ++position_;
      }
    }
    return std::move(found_);
  }

 private:
  std::string_view word(size_t ahead) const {
    return position_ + ahead < tokens_.size() ? std::string_view(tokens_[position_ + ahead].text)
                                              : std::string_view();
  }
  // The raw text between token `ahead` and the next one.
  std::string_view gap(size_t ahead) const {
    if (position_ + ahead + 1 >= tokens_.size()) return {};
    const size_t begin = tokens_[position_ + ahead].end;
    return text_.substr(begin, tokens_[position_ + ahead + 1].begin - begin);
  }
  // The weekday named by a word, also by a short form where its place shows that it is one: "by
  // Fri", "Sat 14". "sun" and "wed" are words of their own otherwise.
  int weekday_at(size_t ahead) const {
    const std::string_view name = word(ahead);
    if (const int day = weekday_of(name); day >= 0) return day;
    if (name == "tues") return 1;
    if (name == "thur" || name == "thurs") return 3;
    if (name == "weds") return 2;
    const int day = index_in(days_short, name);
    if (day < 0) return -1;
    const size_t at = position_ + ahead;
    const char letter = text_[tokens_[at].begin];
    // In small letters only where nothing else can be meant: "sat" and "sun" are words, "mon" and
    // "wed" of some languages.
    if (letter < 'A' || letter > 'Z') return is_short_day_by_place(ahead, name) ? day : -1;
    const std::string_view before = at > 0 ? std::string_view(tokens_[at - 1].text) : "";
    for (const std::string_view lead :
         {"on", "by", "this", "next", "until", "before", "from", "last", "for", "or", "and"}) {
      if (before == lead) return day;
    }
    // "Wed night", "Fri at 8", "Sat 14".
    for (const std::string_view next :
         {"night", "morning", "evening", "afternoon", "eve", "pm", "am", "lunch", "at"}) {
      if (word(ahead + 1) == next) return day;
    }
    return day_of(word(ahead + 1)) != 0 || month_of(word(ahead + 1), false) != 0 ? day : -1;
  }
  // "fri 7.30", "can come wed 8 ish", "wanting me sat 17th", "fri instead".
  bool is_short_day_by_place(size_t ahead, std::string_view name) const {
    const std::string_view next = word(ahead + 1);
    static constexpr std::array<std::string_view, 10> behind = {
        "night", "morning", "evening", "afternoon", "instead", "week", "at", "same", "am", "pm"};
    const bool own_word = name == "sat" || name == "sun" || name == "mon" || name == "wed";
    if (!own_word && (name == "thu" || name == "tue" || name == "fri")) return true;
    if (index_in(behind, next) >= 0 && next != "at" && next != "same") return true;
    const bool ordinal = day_of(next) != 0 && next.size() > 2 &&
                         (next.ends_with("th") || next.ends_with("st") || next.ends_with("nd") ||
                          next.ends_with("rd"));
    if (ordinal || is_hour_by_sign(ahead + 1)) return true;
    const size_t at = position_ + ahead;
    static constexpr std::array<std::string_view, 9> leads = {"by",   "until", "till", "til", "on",
                                                              "this", "next",  "for",  "of"};
    return name != "sun" && at > 0 && index_in(leads, tokens_[at - 1].text) >= 0;
  }

  // Whether the number at token `ahead` can only be an hour: "8 ish", "8 on the dot", "9 til about
  // 1", "8 oclock", "7.30".
  bool is_hour_by_sign(size_t ahead) const {
    const int value = word(ahead).size() <= 2 ? digits_of(word(ahead)) : -1;
    if (value < 1 || value > 12) return false;
    const std::string_view next = word(ahead + 1);
    if (gap(ahead) == "." && next.size() >= 2 && digits_of(next.substr(0, 2)) % 5 == 0) {
      return next.size() == 2 || next.ends_with("ish") || next.ends_with("am") ||
             next.ends_with("pm");
    }
    return next == "ish" || next == "sharp" || next == "oclock" ||
           (next == "o" && word(ahead + 2) == "clock") ||
           (next == "on" && word(ahead + 2) == "the" && word(ahead + 3) == "dot") ||
           next == "til" || next == "till" || (next == "en" && word(ahead + 2) == "punto");
  }

  // The day of a month in words at token `ahead`, and how many tokens it takes; 0 if none is said.
  std::pair<int, size_t> day_in_words(size_t ahead) const {
    if ((word(ahead) == "thirty" || word(ahead) == "twenty") && gap(ahead).size() == 1) {
      const int tens = word(ahead) == "thirty" ? 30 : 20;
      const int ones = spelled_day(word(ahead + 1));
      const int most = tens == 30 ? 1 : 9;
      return ones >= 1 && ones <= most ? std::pair(tens + ones, size_t{2})
                                       : std::pair(0, size_t{0});
    }
    if (word(ahead) == "thirtieth") return {30, 1};
    if (word(ahead) == "treinta") {
      const bool more =
          word(ahead + 1) == "y" && (word(ahead + 2) == "uno" || word(ahead + 2) == "un");
      return more ? std::pair(31, size_t{3}) : std::pair(30, size_t{1});
    }
    return {spelled_day(word(ahead)), 1};
  }

  bool add(size_t count, Date first, Date last, bool relative) {
    if (!date_is_valid(first) || !date_is_valid(last)) return false;
    found_.push_back(
        {tokens_[position_].begin, tokens_[position_ + count - 1].end, first, last, relative});
    position_ += count;
    return true;
  }
  bool add_day_month(size_t count, int day, int month, int year) {
    const bool without_year = year == 0;
    if (without_year) year = fitting_year(month, day, reference_, direction_);
    const Date date{year, month, day};
    return add(count, date, date, without_year);
  }

  bool numeric_date() {
    // 2026-06-03
    if (const int year = year_of(word(0)); year != 0 && gap(0) == "-" && gap(1) == "-") {
      const int month = digits_of(word(1)), day = day_of(word(2).substr(0, 2));
      if (month >= 1 && month <= 12 && day != 0 && word(1).size() == 2) {
        if (!add(3, {year, month, day}, {year, month, day}, false)) return false;
        // RFC 3339 runs on with "T10": the day ends after two digits.
        found_.back().end = tokens_[position_ - 1].begin + 2;
        return true;
      }
    }
    // 03/06/2026, 3-6-26, 3.6.2026
    const std::string_view sign = gap(0);
    if ((sign == "/" || sign == "-" || sign == ".") && gap(1) == sign) {
      int day = day_of(word(0)), month = digits_of(word(1));
      // "5/14/2026" can only be written month first.
      if (month > 12 && month <= 31 && day >= 1 && day <= 12) std::swap(day, month);
      int year = digits_of(word(2));
      if (word(2).size() == 2 && year >= 0) year += 2000;
      if (day <= 12 && month <= 12 && is_month_first_by_weekday({year, month, day})) {
        std::swap(day, month);
      }
      if (day != 0 && month >= 1 && month <= 12 && year >= 1900 && year <= 2100 &&
          word(2).size() != 3) {
        return add(3, {year, month, day}, {year, month, day}, false);
      }
    }
    // 3/6 with no third part
    if (sign == "/" && gap(1) != "/") {
      int day = day_of(word(0)), month = digits_of(word(1));
      if (month > 12 && month <= 31 && day >= 1 && day <= 12) std::swap(day, month);
      if (day != 0 && month >= 1 && month <= 12 && word(1).size() <= 2 &&
          (position_ == 0 || gap_before() != "/")) {
        if (is_month_first(day, month)) std::swap(day, month);
        return add_day_month(2, day, month, 0);
      }
    }
    return false;
  }
  // "Tue 09/08/2026" is 8 September: of the two readings only that is the weekday before it.
  bool is_month_first_by_weekday(Date usual) const {
    const Date other{usual.year, usual.day, usual.month};
    if (position_ == 0 || !date_is_valid(usual) || !date_is_valid(other)) return false;
    const std::string& name = tokens_[position_ - 1].text;
    const int named = weekday_of(name) >= 0 ? weekday_of(name) : index_in(days_short, name);
    return named >= 0 && weekday(usual) != named && weekday(other) == named;
  }
  // "Thursday, 4/9" in a mail of April is 9 April where that is a Thursday; without a weekday,
  // where only that lies near.
  bool is_month_first(int day, int month) const {
    if (day > 12) return false;
    const auto dated = [&](int of_month, int in_month) {
      return Date{fitting_year(in_month, of_month, reference_, direction_), in_month, of_month};
    };
    const Date usual = dated(day, month), other = dated(month, day);
    if (!date_is_valid(usual) || !date_is_valid(other)) return false;
    for (size_t back = 1; back <= 2 && back <= position_; ++back) {
      const int named = weekday_of(tokens_[position_ - back].text);
      if (named >= 0) return weekday(usual) != named && weekday(other) == named;
    }
    const int distance = days_between(reference_, other);
    return std::abs(days_between(reference_, usual)) > 60 && std::abs(distance) <= 21;
  }
  std::string_view gap_before() const {
    const size_t begin = tokens_[position_ - 1].end;
    return text_.substr(begin, tokens_[position_].begin - begin);
  }

  // "3 de junio de 2026", "3 June 2026", "3rd of June"
  bool day_month() {
    const int day = day_of(word(0));
    if (day == 0) return false;
    // "Del 16 al 18 de octubre": from the first to the last.
    if (word(1) == "al" && day_of(word(2)) > day && word(3) == "de" &&
        month_of(word(4), true) != 0) {
      const int month = month_of(word(4), true);
      const size_t year_at = word(5) == "de" || word(5) == "del" ? 6 : 5;
      const int stated = year_of(word(year_at));
      const int year = stated != 0 ? stated : fitting_year(month, day, reference_, direction_);
      return add(stated != 0 ? year_at + 1 : 5, {year, month, day}, {year, month, day_of(word(2))},
                 stated == 0);
    }
    size_t at = 1;
    if (word(at) == "de" || word(at) == "of") ++at;
    const int month = month_of(word(at), false);
    if (month == 0) return false;
    ++at;
    size_t year_at = at;
    if (word(year_at) == "de" || word(year_at) == "del") ++year_at;
    if (const int year = year_of(word(year_at)); year != 0) {
      return add_day_month(year_at + 1, day, month, year);
    }
    return add_day_month(at, day, month, 0);
  }

  // "June 3rd, 2026"
  bool month_day() {
    const int month = month_of(word(0), false);
    const int day = day_of(word(1));
    if (month == 0 || day == 0 || gap(0).find_first_not_of(" \t.") != std::string_view::npos) {
      return false;
    }
    // "March 10:30" is a time, not a day.
    if (gap(1) == ":") return false;
    if (const int year = year_of(word(2)); year != 0) return add_day_month(3, day, month, year);
    return add_day_month(2, day, month, 0);
  }

  bool relative_word() {
    const std::string_view first = word(0), second = word(1);
    const auto day = [&](size_t count, int offset) {
      const Date date = add_days(reference_, offset);
      return add(count, date, date, true);
    };
    if (first == "pasado" && second == "mañana") return day(2, 2);
    if (first == "day" && second == "after" && word(2) == "tomorrow") return day(3, 2);
    if (first == "day" && second == "before" && word(2) == "yesterday") return day(3, -2);
    if (first == "today" || first == "hoy" || first == "tonight") return day(1, 0);
    if (first == "tonite") return day(1, 0);
    if (first == "tomorrow" || first == "tmrw" || first == "tmr" || first == "tomoz" ||
        first == "tomorow" || first == "tommorow" || first == "tommorrow" || first == "2moro") {
      // "a week tomorrow"
      return day(1, position_ > 1 && tokens_[position_ - 1].text == "week" &&
                            tokens_[position_ - 2].text == "a"
                        ? 8
                        : 1);
    }
    if (first == "yesterday" || first == "ayer" || first == "anoche") return day(1, -1);
    if (first == "anteayer" || first == "antier") return day(1, -2);
    if (first == "esta" && (second == "mañana" || second == "tarde" || second == "noche")) {
      return day(2, 0);
    }
    if (first == "this" && (second == "morning" || second == "afternoon" || second == "evening")) {
      return day(2, 0);
    }
    if (first == "mañana") {
      // "por la mañana" is the morning, "mañana por la mañana" is tomorrow.
      if (position_ > 0) {
        const std::string& before = tokens_[position_ - 1].text;
        if (before == "la" || before == "una" || before == "cada") return false;
      }
      return day(1, 1);
    }
    return false;
  }

  // "hace dos semanas", "3 days ago", "in two weeks", "dentro de 10 días", "last 30 days"
  bool counted() {
    if (word(0) == "hace" || (word(0) == "dentro" && word(1) == "de") || word(0) == "in" ||
        word(0) == "en" || word(0) == "within") {
      const bool past = word(0) == "hace";
      const size_t at = word(0) == "dentro" ? 2 : 1;
      const int count = count_of(word(at));
      const Unit unit = unit_of(word(at + 1));
      if (count > 0 && count < 1000 && unit != Unit::none) {
        const Date date = shift(reference_, unit, past ? -count : count);
        const auto [first, last] = unit == Unit::day || unit == Unit::week
                                       ? std::pair{date, date}
                                       : span_around(date, unit);
        return add(at + 2, first, last, true);
      }
      return false;
    }
    if ((word(0) == "last" || word(0) == "past" || word(0) == "ultimos" || word(0) == "ultimas" ||
         word(0) == "next" || word(0) == "proximos" || word(0) == "proximas") &&
        unit_of(word(2)) != Unit::none) {
      const int count = count_of(word(1));
      if (count > 0 && count < 1000) {
        const bool future = word(0) == "next" || word(0).starts_with("prox");
        const Date other = shift(reference_, unit_of(word(2)), future ? count : -count);
        return add(3, future ? reference_ : other, future ? other : reference_, true);
      }
    }
    const int count = count_of(word(0));
    if (count > 0 && count < 1000 && unit_of(word(1)) != Unit::none && word(2) == "ago") {
      const Date date = shift(reference_, unit_of(word(1)), -count);
      return add(3, date, date, true);
    }
    return false;
  }

  // "this week", "la semana pasada", "next month", "el mes que viene", "last Friday"
  bool this_last_next() {
    const auto side_of = [](std::string_view name) -> std::optional<int> {
      if (name == "this" || name == "esta" || name == "este" || name == "current") return 0;
      if (name == "last" || name == "previous" || name == "pasada" || name == "pasado") return -1;
      if (name == "next" || name == "proxima" || name == "proximo" || name == "coming") return 1;
      return std::nullopt;
    };
    // Side first.
    if (const auto side = side_of(word(0))) {
      if (word(0) == "pasado" || word(0) == "pasada") return false;
      if (const Unit unit = unit_of(word(1)); unit != Unit::none && unit != Unit::day) {
        const auto [first, last] = span_around(shift(reference_, unit, *side), unit);
        return add(2, first, last, true);
      }
      if (const int day = weekday_at(1); day >= 0) return add_weekday(2, day, *side);
      if ((word(1) == "weekend" || (word(1) == "fin" && word(2) == "de" && word(3) == "semana"))) {
        const Date monday = add_days(reference_, -weekday(reference_) + 7 * *side);
        return add(word(1) == "weekend" ? 2 : 4, add_days(monday, 5), add_days(monday, 6), true);
      }
    }
    // Unit first (Spanish).
    if (const Unit unit = unit_of(word(0)); unit != Unit::none && unit != Unit::day) {
      if (word(1) == "pasada" || word(1) == "pasado") {
        const auto [first, last] = span_around(shift(reference_, unit, -1), unit);
        return add(2, first, last, true);
      }
      if (is_that_comes(1) || word(1) == "proxima" || word(1) == "proximo" ||
          word(1) == "entrante" || word(1) == "siguiente") {
        const auto [first, last] = span_around(shift(reference_, unit, 1), unit);
        return add(is_that_comes(1) ? 3 : 2, first, last, true);
      }
    }
    return false;
  }

  // "que viene", and as people type it: "q viene", "que entra".
  bool is_that_comes(size_t ahead) const {
    return (word(ahead) == "que" || word(ahead) == "q") &&
           (word(ahead + 1) == "viene" || word(ahead + 1) == "entra" || word(ahead + 1) == "sigue");
  }

  // Today, or the day named behind: "by end of day tomorrow", "COB Wednesday".
  bool end_of_day(size_t count) {
    const size_t more = word(count) == "on" || word(count) == "of" ? 1 : 0;
    if (word(count) == "tomorrow") {
      const Date date = add_days(reference_, 1);
      return add(count + 1, date, date, true);
    }
    if (const int day = weekday_of(word(count + more)); day >= 0) {
      return add_weekday(count + more + 1, day, 0);
    }
    return add(count, reference_, reference_, true);
  }

  // "end of the month", "fin de mes", "a finales de semana"; of a week its last working day.
  bool end_of() {
    const std::string_view first = word(0);
    if (first == "eod" || first == "cob") return end_of_day(1);
    if (first == "close" && word(1) == "of" && (word(2) == "business" || word(2) == "play")) {
      return end_of_day(3);
    }
    // "este finde", "el finde", "before the weekend"
    if (first == "finde" ||
        (first == "weekend" && position_ > 0 && tokens_[position_ - 1].text == "the")) {
      const Date monday = add_days(reference_, -weekday(reference_));
      return add(1, add_days(monday, 5), add_days(monday, 6), true);
    }
    // "a lo largo de la semana", "during the week", "entre semana": until its last working day.
    if ((first == "largo" || first == "course") && (word(1) == "de" || word(1) == "of")) {
      const size_t at = word(2) == "la" || word(2) == "the" || word(2) == "esta" ? 3 : 2;
      if (unit_of(word(at)) == Unit::week) {
        const Date friday = add_days(reference_, 4 - weekday(reference_));
        return add(at + 1, friday < reference_ ? add_days(friday, 7) : friday,
                   friday < reference_ ? add_days(friday, 7) : friday, true);
      }
      if (word(2) == "mañana" || word(2) == "dia" || word(3) == "mañana" || word(3) == "day") {
        const bool tomorrow = word(2) == "mañana";
        const Date date = add_days(reference_, tomorrow ? 1 : 0);
        return add(tomorrow ? 3 : (word(2) == "dia" ? 3 : 4), date, date, true);
      }
      return false;
    }
    if ((first == "during" || first == "durante") && (word(1) == "the" || word(1) == "la") &&
        unit_of(word(2)) == Unit::week) {
      const Date monday = add_days(reference_, -weekday(reference_));
      return add(3, monday, add_days(monday, 6), true);
    }
    const bool english = first == "end" && word(1) == "of";
    const bool spanish = (first == "fin" || first == "final" || first == "finales") &&
                         (word(1) == "de" || word(1) == "del");
    if (!english && !spanish) return false;
    size_t at = 2;
    if (word(at) == "the" || word(at) == "this" || word(at) == "la" || word(at) == "este" ||
        word(at) == "esta") {
      ++at;
    }
    const bool of_next = word(at) == "next" || word(at) == "proxima" || word(at) == "proximo";
    if (of_next) ++at;
    if (word(at) == "day" || word(at) == "today" || (spanish && word(at) == "dia")) {
      return end_of_day(at + 1);
    }
    const Unit unit = unit_of(word(at));
    if (unit == Unit::none || unit == Unit::day) return false;
    // "fin de semana" is the weekend.
    if (unit == Unit::week && first == "fin") {
      const Date monday = add_days(reference_, -weekday(reference_));
      return add(at + 1, add_days(monday, 5), add_days(monday, 6), true);
    }
    const bool next = of_next || is_that_comes(at + 1) || word(at + 1) == "proximo";
    auto [begin, last] = span_around(next ? shift(reference_, unit, 1) : reference_, unit);
    // Who says so on a Saturday means the week that begins.
    if (unit == Unit::week && !next && weekday(reference_) > 4) begin = add_days(begin, 7);
    const Date date = unit == Unit::week ? add_days(begin, 4) : last;
    const size_t behind = is_that_comes(at + 1) ? 2 : word(at + 1) == "proximo" ? 1 : 0;
    return add(at + 1 + behind, date, date, true);
  }

  // The day of a month stated without month, where its weekday may say which month is meant.
  std::optional<Date> day_without_month(int day, int named_weekday) const {
    std::optional<Date> best;
    // Where nothing tells, what is named by its day alone lies ahead.
    const int from = direction_ == TimeDirection::past ? -6 : 0;
    const int to = direction_ == TimeDirection::past ? 0 : 6;
    for (int shifted = from; shifted <= to; ++shifted) {
      Date month = shift_months({reference_.year, reference_.month, 1}, shifted);
      const Date date{month.year, month.month, day};
      if (!date_is_valid(date) || (named_weekday >= 0 && weekday(date) != named_weekday)) continue;
      const int distance = days_between(reference_, date);
      if (direction_ == TimeDirection::past ? distance > 0 : distance < 0) continue;
      if (!best || std::abs(distance) < std::abs(days_between(reference_, *best))) best = date;
    }
    return best;
  }

  // "Friday 6", "viernes 6", "Friday the 6th": only where no month follows.
  bool weekday_and_day() {
    const int named = weekday_at(0);
    if (named < 0) return false;
    const std::string_view between = gap(0);
    if (between.find_first_not_of(" ,") != std::string_view::npos) return false;
    size_t at = 1;
    if (word(at) == "the" || (word(at) == "dia" && word(at + 1) != "")) ++at;
    const int day = day_of(word(at));
    if (day == 0) {
      // "el jueves dieciocho", "Friday the thirty first": right only where the calendar agrees.
      const auto [spelled, length] = day_in_words(at);
      if (spelled == 0) return false;
      size_t behind = at + length;
      // "Friday the third attempt" counts something else.
      static constexpr std::array<std::string_view, 16> goes_on = {
          "",   "at",  "for", "in", "on", "of", "and", "from",
          "if", "but", "is",  "it", "de", "a",  "en",  "por"};
      if (gap(behind - 1) == " " && index_in(goes_on, word(behind)) < 0) return false;
      const auto told = day_without_month(spelled, named);
      if (word(behind) == "de" || word(behind) == "of") ++behind;
      if (const int month = month_of(word(behind), true); month != 0) {
        return add_day_month(behind + 1, spelled, month, 0);
      }
      constexpr int farthest_spelled = 70;
      return told && days_between(reference_, *told) <= farthest_spelled &&
             add(at + length, *told, *told, true);
    }
    if (!plain_day(at) || (at == 1 && is_hour_by_sign(at))) return false;
    const auto date = day_without_month(day, named);
    return date && !is_hour_behind() && add(at + 1, *date, *date, true);
  }

  // "A call on Thursday, 10 (Irish time)": the Thursday that is a 10th is months away, so that the
  // number is an hour.
  bool is_hour_behind() const {
    constexpr int farthest_meant = 45;
    const int named = weekday_at(0);
    const int day = day_of(word(1));
    if (named < 0 || day == 0 || day > 12 || !plain_day(1)) return false;
    if (gap(0).find(',') == std::string_view::npos) return false;
    const auto date = day_without_month(day, named);
    return date && std::abs(days_between(reference_, *date)) > farthest_meant;
  }

  // "el día 15", "the 15th", "on the 3rd"
  bool day_alone() {
    if (position_ == 0) return false;
    const std::string& before = tokens_[position_ - 1].text;
    const int day = day_of(word(0));
    if (day == 0 || !plain_day(0)) return false;
    const bool ordinal = word(0).size() > 2 && !word(0).starts_with("primero");
    // "el 17 a las 18:00": what happens at a time happens on a day.
    const std::string_view behind = gap(0);
    const bool timed =
        before == "el" && ((word(1) == "a" && (word(2) == "las" || word(2) == "la")) ||
                           word(1) == "en" || behind.starts_with(",") || is_day_by_verb());
    if (before != "dia" && !timed && !is_day_by_lead() && !(before == "the" && ordinal)) {
      return false;
    }
    const auto date = day_without_month(day, -1);
    return date && add(1, *date, *date, true);
  }

  // "el 20 vence", "el 30 pero lo festejo": what follows the number tells that it is a day.
  bool is_day_by_verb() const {
    static constexpr std::array<std::string_view, 26> verbs = {
        "vence",   "vencen",  "es",     "sera",  "empieza", "empiezan", "comienza",
        "arranca", "termina", "acaba",  "llego", "llega",   "salgo",    "sale",
        "cumple",  "tenemos", "tengo",  "nos",   "pero",    "cae",      "hay",
        "ya",      "viene",   "vienen", "como",  "por"};
    if (word(1) == "por") return word(2) == "la";
    return index_in(verbs, word(1)) >= 0;
  }
  // "antes del 15", "hasta el 21", "a partir del 1", "para el 30", "es el 12".
  bool is_day_by_lead() const {
    const std::string& article = tokens_[position_ - 1].text;
    if ((article != "el" && article != "del") || position_ < 2) return false;
    static constexpr std::array<std::string_view, 12> leads = {
        "antes", "hasta", "partir", "para", "es",    "desde",
        "vence", "sobre", "sera",   "fue",  "queda", "cumple"};
    if (index_in(leads, tokens_[position_ - 2].text) < 0) return false;
    // A thing is counted behind a number: "para el 2 piso", "es el 10 titular".
    const std::string_view behind = gap(0);
    if (behind != " ") return true;
    static constexpr std::array<std::string_view, 24> goes_on = {
        "y",   "o",  "e",    "que", "si", "a",  "en",  "con", "de",        "porque", "como", "pero",
        "por", "al", "para", "sin", "se", "lo", "nos", "me",  "inclusive", "ya",     "no",   "te"};
    return index_in(goes_on, word(1)) >= 0;
  }

  // Whether the number at token `at` may be a day: no month, unit, clock time or fraction behind.
  bool plain_day(size_t at) const {
    const std::string_view next = word(at + 1), behind = gap(at);
    if (month_of(next, false) != 0 || unit_of(next) != Unit::none) return false;
    if ((next == "de" || next == "of" || next == "del") && month_of(word(at + 2), false) != 0) {
      return false;
    }
    if (next == "am" || next == "pm" || next == "h" || next == "horas" || next == "floor" ||
        next == "anniversary" || next == "birthday" || next == "edition" || next == "euros") {
      return false;
    }
    if (behind.empty()) return true;
    const char sign = behind.front();
    return sign != ':' && sign != '/' && sign != '%' && sign != '-' && !behind.starts_with(" €") &&
           !behind.starts_with("€") && !behind.starts_with(" %") &&
           !(sign == '.' && behind.size() == 1) && !(sign == ',' && behind.size() == 1);
  }

  // The weekday next to come (side 0 or 1) or gone (-1), and `later` days behind that.
  bool add_weekday(size_t count, int day, int side, int later = 0) {
    const int today_weekday = weekday(reference_);
    int offset = day - today_weekday;
    if (side < 0) {
      if (offset >= 0) offset -= 7;
    } else if (offset <= 0 && side > 0) {
      offset += 7;
    } else if (offset < 0) {
      offset += 7;
    }
    const Date date = add_days(reference_, offset + later);
    return add(count, date, date, true);
  }

  // "Wednesday 5-6pm", "viernes 9:30", "Friday 8 pm": the number is a time.
  bool is_clock_behind() const {
    if (gap(1) == ":" || word(2) == "am" || word(2) == "pm" || word(2) == "h") return true;
    return (gap(1) == "-" || gap(1) == "–") && gap(2) != gap(1) &&
           (word(2).ends_with("pm") || word(2).ends_with("am") || word(3) == "am" ||
            word(3) == "pm" || word(3) == "h" || word(2).ends_with("h"));
  }

  // "el viernes", "on Friday 6 June", "el lunes pasado"
  bool weekday_name() {
    const int day = weekday_at(0);
    if (day < 0) return false;
    // A weekday before a date belongs to that date, which then decides.
    if ((day_of(word(1)) != 0 && !is_clock_behind() && !is_hour_behind() && !is_hour_by_sign(1)) ||
        month_of(word(1), true) != 0 || (word(1) == "the" && day_of(word(2)) != 0)) {
      return false;
    }
    if (word(1) == "pasado" && word(2) != "mañana") return add_weekday(2, day, -1);
    if (word(1) == "proximo" || word(1) == "entrante") return add_weekday(2, day, 1);
    if (is_that_comes(1)) return add_weekday(3, day, 1);
    // "Thursday week", "Saturday fortnight", "Wednesday next"; "a week on Thursday".
    const bool ends = word(2) != "of" && word(2) != "from";
    if (word(1) == "week" && gap(0) == " " && ends) return add_weekday(2, day, 0, 7);
    if (word(1) == "fortnight" && gap(0) == " ") return add_weekday(2, day, 0, 14);
    if (word(1) == "next" && gap(0) == " " && unit_of(word(2)) == Unit::none &&
        weekday_of(word(2)) < 0) {
      return add_weekday(2, day, 1);
    }
    if (position_ >= 2 && tokens_[position_ - 1].text == "on" &&
        tokens_[position_ - 2].text == "week") {
      return add_weekday(1, day, 0, 7);
    }
    return add_weekday(1, day, direction_ == TimeDirection::past ? -1 : 0);
  }

  // "en marzo", "March 2026", "in May"
  bool month_alone() {
    const int month = month_of(word(0), true);
    if (month == 0) return false;
    // "may" and "march" are also verbs: in lower case they count only after a preposition.
    const bool capital =
        text_[tokens_[position_].begin] >= 'A' && text_[tokens_[position_].begin] <= 'Z';
    if (word(0) == "may" || word(0) == "march") {
      const std::string before = position_ > 0 ? tokens_[position_ - 1].text : "";
      if (!capital && before != "in" && before != "of" && before != "last" && before != "next" &&
          before != "since" && before != "until") {
        return false;
      }
    }
    size_t count = 1;
    size_t at = word(1) == "de" || word(1) == "del" || word(1) == "of" ? 2 : 1;
    int year = year_of(word(at));
    const bool without_year = year == 0;
    if (without_year) {
      year = fitting_year(month, 15, reference_, direction_);
    } else {
      count = at + 1;
    }
    return add(count, {year, month, 1}, {year, month, days_in_month(year, month)}, without_year);
  }

  // "en 2025", "during 2025"
  bool year_alone() {
    const int year = year_of(word(0));
    if (year == 0 || position_ == 0) return false;
    const std::string& before = tokens_[position_ - 1].text;
    for (const std::string_view preposition :
         {"en", "in", "during", "durante", "since", "desde", "ano", "año", "year", "del"}) {
      if (before == preposition) return add(1, {year, 1, 1}, {year, 12, 31}, false);
    }
    return false;
  }

  std::string_view text_;
  Date reference_;
  TimeDirection direction_;
  std::vector<Token> tokens_;
  size_t position_ = 0;
  std::vector<TimeExpression> found_;
};

}  // namespace

std::vector<TimeExpression> find_time_expressions(std::string_view utf8, Date reference,
                                                  TimeDirection direction) {
  return Finder(utf8, reference, direction).find();
}

namespace {

// Where the part of the day is named behind a time: "de la tarde", "in the morning".
enum class DayPart { none, morning, afternoon, night };
DayPart day_part_at(const std::vector<Token>& tokens, size_t at, size_t& length) {
  const auto word = [&](size_t ahead) -> std::string_view {
    return at + ahead < tokens.size() ? std::string_view(tokens[at + ahead].text) : "";
  };
  length = 3;
  if ((word(0) == "de" || word(0) == "por") && word(1) == "la") {
    if (word(2) == "mañana" || word(2) == "madrugada") return DayPart::morning;
    if (word(2) == "tarde") return DayPart::afternoon;
    if (word(2) == "noche") return DayPart::night;
  }
  if (word(0) == "del" && word(1) == "mediodia") {
    length = 2;
    return DayPart::afternoon;
  }
  if (word(0) == "in" && word(1) == "the") {
    if (word(2) == "morning") return DayPart::morning;
    if (word(2) == "afternoon" || word(2) == "evening") return DayPart::afternoon;
  }
  if (word(0) == "at" && word(1) == "night") {
    length = 2;
    return DayPart::night;
  }
  return DayPart::none;
}

// A time said in words beginning at token `at`: "las cinco y media", "la una menos cuarto", "half
// past five", "five o'clock", "noon". Gives the number of tokens, or 0.
// `stops`: a sign ends the clause behind the first token.
size_t spoken_time(const std::vector<Token>& tokens, size_t at, bool stops, int& hour, int& minute,
                   bool& certain) {
  const auto word = [&](size_t ahead) -> std::string_view {
    return at + ahead < tokens.size() ? std::string_view(tokens[at + ahead].text) : "";
  };
  const auto hour_in = [](std::string_view name) {
    if (name == "una") return 1;
    const int english = index_in(numbers_english, name), spanish = index_in(numbers_spanish, name);
    const int digits = name.size() <= 2 ? digits_of(name) : -1;
    const int value = digits >= 0 ? digits : english >= 0 ? english : spanish;
    return value >= 1 && value <= 12 ? value : -1;
  };
  minute = 0;
  certain = false;
  if (word(0) == "noon" || word(0) == "midday" || word(0) == "mediodia") {
    hour = 12;
    certain = true;
    return 1;
  }
  // "12 noon", "12 midnight"
  if ((word(0) == "12" || word(0) == "twelve") &&
      (word(1) == "noon" || word(1) == "midday" || word(1) == "midnight")) {
    hour = word(1) == "midnight" ? 0 : 12;
    certain = true;
    return 2;
  }
  if (word(0) == "midnight" || word(0) == "medianoche") {
    hour = 0;
    certain = true;
    return 1;
  }
  // Minutes said behind an hour, "y media", "menos cuarto", "y diez": 0 if none are.
  const auto spanish_minutes = [&](size_t from) {
    if (word(from) != "y" && word(from) != "menos") return 0;
    const std::string_view by = word(from + 1);
    const int offset = by == "media" || by == "1/2" ? 30
                       : by == "cuarto"             ? 15
                       : by == "veinticinco"        ? 25
                       : by == "veinte"             ? 20
                       : by == "diez"               ? 10
                       : by == "cinco"              ? 5
                                                    : 0;
    return word(from) == "y" ? offset : -offset;
  };
  // "las 10 y 40", "la una y cuarenta": minutes as a number, where only an hour can stand before.
  const auto counted_minutes = [&](size_t from) {
    static constexpr std::array<std::pair<std::string_view, int>, 6> names = {
        {{"quince", 15},
         {"treinta", 30},
         {"treintaicinco", 35},
         {"cuarenta", 40},
         {"cincuenta", 50},
         {"cuarentaicinco", 45}}};
    if (word(from) != "y") return 0;
    for (const auto& [name, value] : names) {
      if (word(from + 1) == name) return value;
    }
    const int value = word(from + 1).size() == 2 ? digits_of(word(from + 1)) : -1;
    return value >= 10 && value < 60 && value % 5 == 0 ? value : 0;
  };
  const auto turn_by = [&](int offset) {
    minute = offset > 0 ? offset : 60 + offset;
    if (offset < 0) hour = hour == 1 ? 12 : hour - 1;
  };
  // "de ocho y media a nueve y cuarto", "tipo 2 y media": minutes show that an hour is meant.
  if (const int offset = spanish_minutes(1);
      offset != 0 && (offset == 30 || offset == 15 || offset == -15) && hour_in(word(0)) > 0) {
    const std::string before = at > 0 ? tokens[at - 1].text : "";
    for (const std::string_view lead : {"de", "a", "tipo", "desde", "hasta", "y", "sobre", "como",
                                        "para", "entre", "hacia", "o", "les"}) {
      // "dos y media horas" and "de kilo y media" are amounts.
      if (before != lead || word(3).starts_with("hora") || word(3).starts_with("kilo") ||
          word(3).starts_with("año") || word(3).starts_with("mes")) {
        continue;
      }
      hour = hour_in(word(0));
      turn_by(offset);
      return 3;
    }
    // "Voy 11 y media si puedo": a number with quarters of which nothing is counted.
    static constexpr std::array<std::string_view, 18> goes_on = {
        "",  "y",   "si",     "en",   "que",  "de",    "para", "con", "por",
        "a", "hoy", "mañana", "pero", "como", "aprox", "o",    "el",  "mas"};
    if (digits_of(word(0)) >= 0 && index_in(goes_on, word(3)) >= 0) {
      hour = hour_in(word(0));
      turn_by(offset);
      return 3;
    }
  }
  // "Empezamos tipo 9 y …": only of hours, unless what is counted follows.
  if (at > 0 && tokens[at - 1].text == "tipo" && hour_in(word(0)) > 0) {
    static constexpr std::array<std::string_view, 14> goes_on = {
        "", "y", "e", "o", "en", "a", "si", "de", "para", "que", "por", "pm", "am", "mas"};
    if (stops || index_in(goes_on, word(1)) >= 0) {
      hour = hour_in(word(0));
      return 1;
    }
  }
  if (word(0) == "las" || word(0) == "la" || word(0) == "les") {
    const std::string before = at > 0 ? tokens[at - 1].text : "";
    const bool plural = word(0) != "la";
    const bool introduced = before == "a" || before == "para" || before == "sobre" ||
                            before == "desde" || before == "hasta" || before == "eso" ||
                            before == "entre" || before == "hacia" || before == "como" ||
                            before == "pasadas" || (plural && (before == "de" || before == "y"));
    hour = hour_in(word(1));
    const bool digits = digits_of(word(1)) >= 0;
    if (hour < 0 || !introduced || (word(0) == "la" && hour != 1)) return 0;
    if (const int offset = spanish_minutes(2); offset != 0) {
      turn_by(offset);
      return 4;
    }
    if (const int minutes = counted_minutes(2); minutes != 0 && before != "entre") {
      minute = minutes;
      return 4;
    }
    // Digits alone are found as such.
    return digits ? 0 : 2;
  }
  if ((word(0) == "half" || word(0) == "quarter") && (word(1) == "past" || word(1) == "to")) {
    hour = hour_in(word(2));
    if (hour < 0) return 0;
    const int offset = word(0) == "half" ? 30 : 15;
    minute = word(1) == "past" ? offset : 60 - offset;
    if (word(1) == "to") hour = hour == 1 ? 12 : hour - 1;
    return 3;
  }
  // "ten to seven", "twenty past five", "five past ten"
  if (word(1) == "past" || word(1) == "to") {
    const int offset = word(0) == "ten" || word(0) == "10"      ? 10
                       : word(0) == "twenty" || word(0) == "20" ? 20
                       : word(0) == "five" || word(0) == "5"    ? 5
                                                                : 0;
    const int named = hour_in(word(2));
    // "from five to ten", "ten to twelve people" are ranges.
    const std::string before = at > 0 ? tokens[at - 1].text : "";
    const bool led = before == "at" || before == "about" || before == "around" || before == "by" ||
                     before == "until" || before == "til";
    if (offset > 0 && named > 0 && (word(1) == "past" || led)) {
      hour = named;
      turn_by(word(1) == "past" ? offset : -offset);
      return 3;
    }
  }
  // "quarter past", "half past": of the hour named before, which nobody says here.
  // "half seven" is said for half past seven.
  if (word(0) == "half") {
    hour = hour_in(word(1));
    minute = 30;
    return hour < 0 || word(2) == "hour" || word(2) == "days" ? 0 : 2;
  }
  if (word(1) == "o" && word(2) == "clock") {
    hour = hour_in(word(0));
    return hour < 0 ? 0 : 3;
  }
  if (word(1) == "oclock" && hour_in(word(0)) > 0) {
    hour = hour_in(word(0));
    return 2;
  }
  if (word(1) == "on" && word(2) == "the" && word(3) == "dot" && hour_in(word(0)) > 0) {
    hour = hour_in(word(0));
    return 4;
  }
  // "Thursday, seven in the gym", "Friday for ten.", "Sunday night about nine, and": words are
  // hours right behind a day; "table for two on Friday" is none.
  const auto names_day = [&](std::string_view name) {
    static constexpr std::array<std::string_view, 9> names = {
        "tomorrow", "today", "tonight", "night", "morning", "evening", "afternoon", "noon", "tmrw"};
    return weekday_of(name) >= 0 || index_in(names, name) >= 0;
  };
  if (at > 0 && hour_in(word(0)) > 0 && digits_of(word(0)) < 0 && word(0) != "un" &&
      word(0) != "one") {
    const std::string& before = tokens[at - 1].text;
    const std::string lead = at > 1 ? tokens[at - 2].text : std::string();
    const bool led =
        (before == "for" || before == "about" || before == "around") && names_day(lead) && stops;
    const bool behind_day = names_day(before) && (stops || word(1) == "in" || word(1) == "at");
    if (led || behind_day) {
      hour = hour_in(word(0));
      return 1;
    }
  }
  // "at two so we can measure", "at nine."; "at one point" and "at two places" are no times.
  if (at > 0 && tokens[at - 1].text == "at" && hour_in(word(0)) > 0) {
    static constexpr std::array<std::string_view, 37> goes_on = {
        "",        "on",       "in",     "so",      "to",   "for", "and",    "or",
        "if",      "but",      "then",   "sharp",   "with", "at",  "as",     "the",
        "this",    "tomorrow", "today",  "tonight", "pm",   "am",  "we",     "i",
        "instead", "because",  "when",   "please",  "pls",  "ok",  "thanks", "your",
        "my",      "our",      "before", "after",   "next"};
    const bool named = weekday_of(word(1)) >= 0;
    if (index_in(goes_on, word(1)) < 0 && !named && !stops) return 0;
    if (word(1) == "the" || digits_of(word(0)) >= 0) return 0;
    hour = hour_in(word(0));
    return 1;
  }
  // "six-ish", "seven ish"
  if (word(1) == "ish" && hour_in(word(0)) > 0) {
    hour = hour_in(word(0));
    return 2;
  }
  return 0;
}

}  // namespace

std::vector<ClockExpression> find_clock_times(std::string_view utf8) {
  std::vector<ClockExpression> found;
  const std::vector<Token> tokens = tokens_of(utf8);
  const auto gap = [&](size_t index) -> std::string_view {
    if (index + 1 >= tokens.size()) return {};
    return utf8.substr(tokens[index].end, tokens[index + 1].begin - tokens[index].end);
  };
  bool certain_half = false;
  // "9am" is one word; "9 am" and "9 a.m." are two or three.
  const auto half_of_day = [&](size_t index, int& hour, size_t& end) {
    std::string name;
    size_t last = index;
    if (index < tokens.size()) {
      name = tokens[index].text;
      if ((name == "a" || name == "p") && index + 1 < tokens.size() &&
          tokens[index + 1].text == "m") {
        name += "m";
        last = index + 1;
      }
    }
    if (name != "am" && name != "pm") return;
    if (hour > 12) return;
    certain_half = true;
    hour = hour % 12 + (name == "pm" ? 12 : 0);
    end = tokens[last].end;
  };
  // "8.30-12.30": two numbers written alike with a dash between them are times.
  const auto ranges_on = [&](size_t index) {
    const auto alike = [&](size_t at) {
      if (at + 1 >= tokens.size() || tokens[at].text.size() > 2 || gap(at) != ".") return false;
      std::string_view minutes = tokens[at + 1].text;
      // "5.30-7.30pm"
      const bool half = minutes.size() == 4 && (minutes.ends_with("am") || minutes.ends_with("pm"));
      if (half) minutes = minutes.substr(0, 2);
      const int hours = digits_of(tokens[at].text), count = digits_of(minutes);
      return minutes.size() == 2 && hours >= 0 && hours < 24 && count >= 0 && count < 60 &&
             count % 5 == 0;
    };
    const auto dash = [&](size_t at) {
      const std::string_view sign = trim(gap(at));
      return sign == "-" || sign == "–";
    };
    return alike(index) && ((dash(index + 1) && alike(index + 2)) ||
                            (index >= 2 && dash(index - 1) && alike(index - 2)));
  };
  // "fri 7.30 in the canteen"
  const auto is_short_day = [](std::string_view name) {
    static constexpr std::array<std::string_view, 13> names = {
        "mon",   "tue", "tues", "wed", "weds", "thu",  "thur",
        "thurs", "fri", "sat",  "sun", "door", "doors"};
    return index_in(names, name) >= 0;
  };
  // "10.00 to 11.30", "could you do 4.45 to 6 on Friday": quarters of an hour with "to" and another
  // hour behind, of nothing that is counted or paid for.
  const auto range_to = [&](size_t index) {
    if (index + 3 >= tokens.size() || gap(index) != ".") return false;
    const int hours = digits_of(tokens[index].text), minutes = digits_of(tokens[index + 1].text);
    const std::string& sign = tokens[index + 2].text;
    const int until = tokens[index + 3].text.size() <= 2 ? digits_of(tokens[index + 3].text) : -1;
    if (tokens[index + 1].text.size() != 2 || hours < 1 || hours > 23 || minutes % 15 != 0 ||
        (sign != "to" && sign != "till" && sign != "til" && sign != "until") || until < 1 ||
        until > 23) {
      return false;
    }
    if (gap(index + 3) == ".") {
      return index + 4 < tokens.size() && tokens[index + 4].text.size() == 2 &&
             digits_of(tokens[index + 4].text) % 15 == 0;
    }
    static constexpr std::array<std::string_view, 10> goes_on = {
        "", "on", "at", "in", "this", "today", "tomorrow", "and", "if", "please"};
    return index_in(goes_on, index + 4 < tokens.size() ? std::string_view(tokens[index + 4].text)
                                                       : std::string_view()) >= 0;
  };
  // "brought forward to 9.30", "moved to 9.30"
  const auto moved_to = [&](size_t index) {
    static constexpr std::array<std::string_view, 9> moves = {
        "forward", "back", "moved",     "changed",    "pushed",
        "delayed", "put",  "postponed", "rescheduled"};
    return index >= 2 && tokens[index - 1].text == "to" &&
           index_in(moves, tokens[index - 2].text) >= 0;
  };
  // "Jugamos 17.30 en la canchita", "cena en Casa Emilio, 21.30.": an hour of the day in quarters,
  // of nothing that is counted or paid for.
  const auto plain_time = [&](size_t index) {
    if (index + 1 >= tokens.size() || gap(index) != "." || tokens[index].text.size() > 2 ||
        tokens[index + 1].text.size() != 2) {
      return false;
    }
    const int hours = digits_of(tokens[index].text), minutes = digits_of(tokens[index + 1].text);
    if (hours < 7 || hours > 23 || minutes < 0 || minutes > 45 || minutes % 15 != 0) return false;
    const size_t begin = tokens[index].begin, end = tokens[index + 1].end;
    const std::string_view before =
        trim(utf8.substr(begin > 6 ? begin - 6 : 0, std::min<size_t>(6, begin)));
    const std::string_view behind = trim(utf8.substr(end, 5));
    for (const std::string_view sign : {"€", "$", "£", "%", "EUR", "USD", "v", "art", "n.", "§"}) {
      if (before.ends_with(sign) || behind.starts_with(sign)) return false;
    }
    if (end < utf8.size() && (utf8[end] == ',' || utf8[end] == '.') && end + 1 < utf8.size() &&
        utf8[end + 1] >= '0' && utf8[end + 1] <= '9') {
      return false;
    }
    static constexpr std::array<std::string_view, 12> follows = {
        "", "en", "at", "in", "y", "and", "con", "with", "contra", "h", "hs", "para"};
    const std::string next = index + 2 < tokens.size() ? tokens[index + 2].text : std::string();
    const bool stops = end >= utf8.size() || utf8[end] == '.' || utf8[end] == ',' ||
                       utf8[end] == '\n' || utf8[end] == ';' || utf8[end] == ')';
    static constexpr std::array<std::string_view, 9> leads = {"jugamos", "quedamos", "empezamos",
                                                              "salimos", "empieza",  "cena",
                                                              "kick",    "kickoff",  "inicio"};
    const bool led = index > 0 && index_in(leads, tokens[index - 1].text) >= 0;
    const bool apart = index > 0 && gap(index - 1).find(',') != std::string_view::npos && stops;
    return (led && index_in(follows, next) >= 0) || (led && stops) || apart;
  };
  // "10 Irish time (11 your time)"
  const auto of_zone = [&](size_t index) {
    static constexpr std::array<std::string_view, 14> whose = {
        "irish",   "uk",     "british", "london", "spanish", "madrid", "eastern",
        "central", "german", "french",  "local",  "your",    "my",     "our"};
    return index + 1 < tokens.size() && tokens[index + 1].text == "time" &&
           index_in(whose, tokens[index].text) >= 0;
  };
  // The end of "7 till 11", "9 til about 1", "7 til 11ish", "5 till whenever".
  const auto hour_follows = [&](size_t index) {
    const auto at = [&](size_t place) {
      return place < tokens.size() ? std::string_view(tokens[place].text) : std::string_view();
    };
    std::string_view name = at(index);
    if (name == "about" || name == "around" || name == "roughly") name = at(index + 1);
    if (name == "whenever" || name == "late" || name == "noon" || name == "midnight") return true;
    if (name.ends_with("ish")) name.remove_suffix(3);
    const int value = name.size() <= 2 ? digits_of(name) : -1;
    return value >= 1 && value <= 23;
  };
  // "at 930 in the morning", "coming at 830 this morning", "steel is friday morning 730": hour and
  // minutes without a sign between them, where only a time can stand. Four digits are years, too.
  const auto joined_time = [&](size_t index) -> std::optional<std::pair<int, int>> {
    const std::string& name = tokens[index].text;
    const int value = name.size() == 3 || name.size() == 4 ? digits_of(name) : -1;
    const int hours = value / 100, minutes = value % 100;
    if (value < 0 || hours < 1 || hours > 23 || minutes > 55 || minutes % 5 != 0) {
      return std::nullopt;
    }
    const auto at = [&](size_t place) {
      return place < tokens.size() ? std::string_view(tokens[place].text) : std::string_view();
    };
    const std::string_view before = index > 0 ? at(index - 1) : std::string_view();
    const std::string_view lead = index > 1 ? at(index - 2) : std::string_view();
    const std::string_view next = at(index + 1), behind = at(index + 2);
    const std::string_view sign = gap(index);
    if (sign.find_first_of("€$£%/:-") != std::string_view::npos) return std::nullopt;
    if (tokens[index].begin > 0 &&
        std::string_view("$#/.-").find(utf8[tokens[index].begin - 1]) != std::string_view::npos) {
      return std::nullopt;
    }
    size_t length = 0;
    const bool of_part =
        day_part_at(tokens, index + 1, length) != DayPart::none || next == "tomorrow" ||
        next == "tonight" || next == "sharp" ||
        (next == "this" && (behind == "morning" || behind == "afternoon" || behind == "evening"));
    const bool of_day = weekday_of(before) >= 0 || before == "tomorrow" || before == "tonight" ||
                        ((before == "morning" || before == "afternoon" || before == "evening") &&
                         (weekday_of(lead) >= 0 || lead == "tomorrow" || lead == "this"));
    const bool led = before == "at" || before == "las";
    const bool year = value >= 1900 && value <= 2100;
    return ((led || before == "for" || before == "about") && of_part) ||
                   (of_day && !year && name.size() == 3)
               ? std::optional(std::pair(hours, minutes))
               : std::nullopt;
  };
  for (size_t index = 0; index < tokens.size(); ++index) {
    const std::string& word = tokens[index].text;
    int hour = -1, minute = 0;
    size_t end = tokens[index].end, following = index + 1;
    certain_half = false;
    bool certain_words = false;
    const std::string_view behind_word = gap(index);
    const bool stops =
        index + 1 >= tokens.size() ||
        (!behind_word.empty() &&
         std::string_view(".,;:?!)\n-").find(behind_word[0]) != std::string_view::npos);
    if (const size_t length = spoken_time(tokens, index, stops, hour, minute, certain_words);
        length > 0) {
      end = tokens[index + length - 1].end;
      following = index + length;
      certain_half = certain_words;
    } else if (hour = -1, minute = 0;
               word.size() <= 2 && digits_of(word) >= 0 && digits_of(word) < 24) {
      const int value = digits_of(word);
      const std::string_view sign = gap(index);
      // "a las 11,30 h"
      const bool comma = sign == "," && index > 0 && index + 2 < tokens.size() &&
                         (tokens[index - 1].text == "las" || tokens[index - 1].text == "la") &&
                         (tokens[index + 2].text == "h" || tokens[index + 2].text == "horas" ||
                          tokens[index + 2].text == "hs");
      if ((sign == ":" || sign == "." || sign == "h" || comma) && index + 1 < tokens.size()) {
        std::string_view next = tokens[index + 1].text;
        int suffix_half = 0;
        if (next.size() == 4 && (next.ends_with("am") || next.ends_with("pm"))) {
          suffix_half = next.ends_with("am") ? 1 : 2;
          next = next.substr(0, 2);
        } else if (next.size() == 3 && next.ends_with("h")) {
          next = next.substr(0, 2);
        }
        // "be with you 11.15ish"
        const bool roughly = next.size() == 5 && next.ends_with("ish");
        if (roughly) next = next.substr(0, 2);
        const int minutes = next.size() == 2 ? digits_of(next) : -1;
        // "9.30" is a time only before am/pm or after "a las"/"at"; "9:30" always is.
        const bool certain = sign == ":" || suffix_half != 0;
        if (minutes >= 0 && minutes < 60) {
          int candidate = value;
          size_t candidate_end = tokens[index + 1].end;
          if (suffix_half != 0) {
            certain_half = true;
            candidate = value % 12 + (suffix_half == 2 ? 12 : 0);
          } else {
            half_of_day(index + 2, candidate, candidate_end);
          }
          const std::string before = index > 0 ? tokens[index - 1].text : "";
          const std::string after =
              index + 2 < tokens.size() ? tokens[index + 2].text : std::string();
          const bool introduced =
              before == "las" || before == "at" || before == "la" || before == "around" ||
              before == "about" || before == "from" || before == "until" || before == "till" ||
              before == "tomorrow" || before == "today" || before == "les" || before == "til" ||
              before == "by" || before == "for" || before == "doors" || before == "starts" ||
              before == "it" || before == "dep" || before == "arr" || before == "departs" ||
              before == "arrives" || before == "mañana" || before == "hoy" ||
              weekday_of(before) >= 0 || is_short_day(before) || roughly ||
              (minutes % 15 == 0 && value >= 1 && after == "instead") || range_to(index) ||
              (index >= 3 && range_to(index - 3)) ||
              ((before == "the" || before == "a" || before == "my" || before == "your") &&
               (after == "bus" || after == "train" || after == "slot" || after == "flight" ||
                after == "ferry" || after == "service" || after == "start" ||
                after == "showing")) ||
              ranges_on(index) || moved_to(index) || plain_time(index);
          if (certain || candidate_end != tokens[index + 1].end || introduced) {
            hour = candidate;
            minute = minutes;
            end = candidate_end;
            following = index + 2;
          }
        }
      }
      if (hour < 0) {
        int candidate = value;
        size_t candidate_end = end;
        half_of_day(index + 1, candidate, candidate_end);
        const std::string before = index > 0 ? tokens[index - 1].text : "";
        const std::string next = index + 1 < tokens.size() ? tokens[index + 1].text : "";
        const bool introduced =
            before == "las" || before == "at" || before == "les" || (before == "la" && value == 1);
        // "dura 2 horas", "en 24 horas" are lengths, "de 9 a 14 horas" and "19 h" are times.
        static constexpr std::array<std::string_view, 14> of_lengths = {
            "en",       "dura", "unas",  "cada",   "durante", "durara", "dentro",
            "proximas", "mas",  "plazo", "maximo", "otras",   "hace",   "in"};
        const bool unit = (next == "h" || next == "hs" || next == "hrs" || next == "horas") &&
                          index_in(of_lengths, before) < 0 && (next != "horas" || value >= 6);
        // "around 9," and "from 8." end with the number.
        const bool leads = before == "around" || before == "from" || before == "till" ||
                           before == "until" || before == "til" || before == "about";
        // "Friday about 5 if you like", "tomorrow around 2 if you"
        static constexpr std::array<std::string_view, 8> day_names = {
            "tomorrow", "today", "tonight", "night", "morning", "evening", "afternoon", "tmrw"};
        // "Saturday 28th from 8 and there will be wine"
        const bool of_weekday =
            (before == "about" || before == "around" || before == "from") && index >= 2 &&
            (weekday_of(tokens[index - 2].text) >= 0 ||
             (tokens[index - 2].text.size() > 2 && day_of(tokens[index - 2].text) != 0) ||
             index_in(day_names, tokens[index - 2].text) >= 0) &&
            value >= 1 && value <= 12;
        // "7 de la tarde", "9 de la noche", "8-ish"
        size_t part_length = 0;
        const bool of_day =
            value >= 1 && value <= 12 &&
            (next == "ish" || next == "sharp" || of_zone(index + 1) ||
             ((next == "til" || next == "till") && hour_follows(index + 2)) ||
             (next == "en" && index + 2 < tokens.size() && tokens[index + 2].text == "punto") ||
             day_part_at(tokens, index + 1, part_length) != DayPart::none);
        const size_t after = tokens[index].end;
        const bool closes =
            after >= utf8.size() || utf8[after] == ',' || utf8[after] == '?' ||
            utf8[after] == ';' ||
            (utf8[after] == '.' && (after + 1 >= utf8.size() || utf8[after + 1] == ' '));
        // "I'd drop them around 9 and", "still 7 at the depot"
        const bool goes_on =
            value >= 1 && value <= 12 &&
            ((before == "around" && (next == "and" || next == "if" || next == "then") &&
              (index + 2 >= tokens.size() || digits_of(tokens[index + 2].text) < 0)) ||
             (before == "still" && (next == "at" || closes)));
        if (candidate_end != end || unit || introduced || of_day || of_weekday || goes_on ||
            (leads && closes && value > 0)) {
          hour = candidate;
          end = candidate_end;
        }
      }
    } else if (word.size() >= 3 && word.size() <= 4 &&
               (word.ends_with("am") || word.ends_with("pm"))) {
      const int value = digits_of(std::string_view(word).substr(0, word.size() - 2));
      if (value >= 1 && value <= 12) hour = value % 12 + (word.ends_with("pm") ? 12 : 0);
      certain_half = true;
    } else if (word.size() >= 4 && word.size() <= 5 && word.ends_with("ish")) {
      // "7ish"
      const int value = digits_of(std::string_view(word).substr(0, word.size() - 3));
      if (value >= 1 && value <= 12) hour = value;
    } else if (word.size() == 4 && word.ends_with("hs")) {
      // "hoy 21hs"
      const int value = digits_of(std::string_view(word).substr(0, 2));
      if (value >= 0 && value < 24) hour = value;
    } else if (const size_t letter = word.find('h');
               word.size() >= 4 && word.size() <= 6 && (letter == 1 || letter == 2)) {
      // "17h30", "9h30"
      const int value = digits_of(std::string_view(word).substr(0, letter));
      const int minutes = digits_of(std::string_view(word).substr(letter + 1, 2));
      const std::string_view rest = std::string_view(word).substr(letter + 1);
      if (value >= 0 && value < 24 && rest.size() >= 2 && minutes >= 0 && minutes < 60 &&
          (rest.size() == 2 || rest.substr(2) == "h")) {
        hour = value;
        minute = minutes;
      }
    } else if (word.size() >= 2 && word.size() <= 3 && word.ends_with("h")) {
      const int value = digits_of(std::string_view(word).substr(0, word.size() - 1));
      if (value >= 0 && value < 24) hour = value;
    } else if (const auto joined = joined_time(index)) {
      hour = joined->first;
      minute = joined->second;
    }
    if (hour >= 0 && hour < 24) {
      size_t length = 0;
      while (following < tokens.size() && tokens[following].begin < end) ++following;
      const size_t behind =
          following < tokens.size() &&
                  (tokens[following].text == "h" || tokens[following].text == "horas" ||
                   tokens[following].text == "hs" || tokens[following].text == "hrs")
              ? following + 1
              : following;
      const DayPart part = day_part_at(tokens, behind, length);
      if (part != DayPart::none && behind + length <= tokens.size()) {
        if (!certain_half) {
          if (part != DayPart::morning && hour < 12 && hour > 0) hour += 12;
          if (part == DayPart::night && hour == 12) hour = 0;
          certain_half = true;
        }
        end = tokens[behind + length - 1].end;
        following = behind + length;
      }
      const bool padded = tokens[index].text.starts_with("0");
      const bool certain = certain_half || padded || hour > 12 || hour == 0;
      found.push_back({tokens[index].begin, end, hour, minute, certain});
      index = following - 1;
    }
  }
  return found;
}

std::string spell_date(Date date, bool spanish) {
  static constexpr std::array<std::string_view, 7> names_english = {
      "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
  static constexpr std::array<std::string_view, 7> names_spanish = {
      "lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"};
  const auto day = static_cast<size_t>(weekday(date));
  const auto month = static_cast<size_t>(date.month - 1);
  if (spanish) {
    return fmt::format("{} {} de {} de {}", names_spanish[day], date.day, months_spanish[month],
                       date.year);
  }
  std::string name(months_english[month]);
  name[0] = static_cast<char>(name[0] - 32);
  return fmt::format("{} {} {} {}", names_english[day], date.day, name, date.year);
}

}  // namespace lar::base
