// Expressions of time in Spanish and English text: "el próximo martes", "last week", "3 de junio",
// "June 3rd, 2026", "03/06/2026", "en marzo", "hace dos días". Found by patterns over folded words,
// resolved against a reference day. Ambiguous numeric dates are read day first.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace lar::base {

enum class TimeDirection { any, past, future };

struct TimeExpression {
  std::size_t begin = 0;  // bytes [begin, end) of the text
  std::size_t end = 0;
  Date first;  // days [first, last]
  Date last;
  bool relative = false;  // needs the reference day ("tomorrow"), as opposed to "3 June 2026"
};

// In order, not overlapping. A date without year takes the one that fits `direction`: nearest to
// the reference for `any`, not after it for `past`, not before it for `future`.
std::vector<TimeExpression> find_time_expressions(std::string_view utf8, Date reference,
                                                  TimeDirection direction = TimeDirection::any);

// A clock time in a text: "17:30", "5.30 pm", "a las 9", "las cinco y media de la tarde", "noon".
struct ClockExpression {
  std::size_t begin = 0;
  std::size_t end = 0;
  int hour = 0;
  int minute = 0;
  bool certain = false;  // which half of the day is said; "5:30" alone may be either
};
std::vector<ClockExpression> find_clock_times(std::string_view utf8);

// "Wednesday 3 June 2026", "miércoles 3 de junio de 2026".
std::string spell_date(Date date, bool spanish);

}  // namespace lar::base
