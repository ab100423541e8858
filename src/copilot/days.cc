// Notes of days for the model, dates of days for the owner.
#include "copilot/days.h"

#include <algorithm>
#include <vector>

#include "base/time_expression.h"

namespace lar::copilot {
namespace {

using base::TimeExpression;

bool has_digit(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char letter) { return letter >= '0' && letter <= '9'; });
}

// "4 de junio" needs no help: what points at a day has no digits.
bool points_at_a_day(std::string_view text, const TimeExpression& time) {
  return time.relative && time.first == time.last &&
         !has_digit(text.substr(time.begin, time.end - time.begin));
}

// Without the weekday, which the text mostly names itself.
std::string spelled(base::Date date, base::Language language) {
  const std::string whole = base::spell_date(date, language == base::Language::spanish);
  return whole.substr(whole.find(' ') + 1);
}

}  // namespace

std::string with_notes_of_days(std::string_view text, base::Date written) {
  std::string result;
  std::size_t position = 0;
  for (const TimeExpression& time : base::find_time_expressions(text, written)) {
    if (!points_at_a_day(text, time)) continue;
    result += text.substr(position, time.end - position);
    result += " [= " + base::format_date(time.first) + "]";
    position = time.end;
  }
  result += text.substr(position);
  return result;
}

std::string without_notes_of_days(std::string_view text) {
  std::string result;
  for (std::size_t position = 0; position < text.size();) {
    if (text.substr(position).starts_with("[= ")) {
      const std::size_t close = text.find(']', position);
      if (close != std::string_view::npos) {
        if (result.ends_with(' ')) result.pop_back();
        position = close + 1;
        continue;
      }
    }
    result += text[position++];
  }
  return result;
}

std::string with_dates_of_days(std::string_view claim, std::string_view passage, base::Date written,
                               base::Language language) {
  const std::vector<TimeExpression> stated = base::find_time_expressions(passage, written);
  const std::vector<TimeExpression> said = base::find_time_expressions(claim, written);
  const auto pointed_at = [&](base::Date day) {
    return std::any_of(stated.begin(), stated.end(), [&](const TimeExpression& time) {
      return points_at_a_day(passage, time) && time.first == day;
    });
  };
  const auto dated = [&](base::Date day) {
    return std::any_of(said.begin(), said.end(), [&](const TimeExpression& time) {
      return !points_at_a_day(claim, time) && time.first == day && time.last == day;
    });
  };
  const bool quoted = claim.starts_with("«");
  std::string result;
  std::size_t position = 0;
  for (const TimeExpression& time : said) {
    const std::string_view words = claim.substr(time.begin, time.end - time.begin);
    if (base::parse_date(words) && pointed_at(time.first) && passage.find(words) == passage.npos) {
      result.append(claim.substr(position, time.begin - position));
      result += spelled(time.first, language);
      position = time.end;
    } else if (points_at_a_day(claim, time) && pointed_at(time.first) && !dated(time.first)) {
      result.append(claim.substr(position, time.end - position));
      result += (quoted ? " [" : " (") + spelled(time.first, language) + (quoted ? "]" : ")");
      position = time.end;
    }
  }
  result.append(claim.substr(position));
  return result;
}

}  // namespace lar::copilot
