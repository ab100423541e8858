// Moments named in a mail: days and clock times brought together and resolved against the day the
// mail was written. "el jueves que viene a las cinco y media" written on Monday 11 May is Thursday
// 14 May, 17:30. Pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace lar::assistant {

struct Moment {
  std::size_t begin = 0;  // bytes [begin, end) of the text
  std::size_t end = 0;
  // Words between the day and its hour that belong to neither: "el viernes [en mi casa] a las 8".
  std::size_t gap_begin = 0;
  std::size_t gap_end = 0;
  base::Date first;  // days [first, last]
  base::Date last;
  std::optional<int> from, to;  // minutes of the day
  bool dated = true;            // false: a clock time alone; the day is that of the mail
  bool relative = false;        // the day depends on when the text was written
  bool deadline = false;        // "by", "antes del", "vence el"
  bool guessed = false;         // which half of the day was not said
  std::string zone;             // IANA, where the text names one for the time: "3 p.m. Eastern"
  // Whether a byte of the text is part of what names the moment.
  bool covers(std::size_t at) const {
    return at >= begin && at < end && (at < gap_begin || at >= gap_end);
  }
  bool left = false;  // what something is moved away from: "from Tuesday", "del martes"
};

// In order. `written`: the local time of the mail.
std::vector<Moment> find_moments(std::string_view text, const base::LocalTime& written);

}  // namespace lar::assistant
