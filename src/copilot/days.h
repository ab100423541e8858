// Days that a text only points at ("el martes", "tomorrow"), for a model that cannot count days and
// for an owner who does not know on which day the text was written. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/text.h"

namespace lar::copilot {

// A text written on `written`, with a note behind each day that it points at, such as
// "el martes [= 2026-11-10]".
std::string with_notes_of_days(std::string_view text, base::Date written);
// What a model copied of such a text, without the notes.
std::string without_notes_of_days(std::string_view text);

// A claim about `passage`, written on `written`, as it is shown: a day that both point at is
// followed by its date, in brackets where the claim quotes ("el martes (10 de noviembre de 2026)"),
// and a date taken out of a note is spelled.
std::string with_dates_of_days(std::string_view claim, std::string_view passage, base::Date written,
                               base::Language language);

}  // namespace lar::copilot
