#include "copilot/days.h"

#include <gtest/gtest.h>

namespace lar::copilot {
namespace {

constexpr base::Date written{2026, 11, 4};  // a Wednesday
using base::Language;

TEST(Days, are_noted_for_the_model_and_the_notes_taken_away_again) {
  const std::string noted = with_notes_of_days("Nos vemos el martes, no el 4 de junio.", written);
  EXPECT_EQ(noted, "Nos vemos el martes [= 2026-11-10], no el 4 de junio.");
  EXPECT_EQ(without_notes_of_days("Es el martes [= 2026-11-10]."), "Es el martes.");
}

TEST(Days, that_claim_and_passage_point_at_are_shown_with_their_date) {
  EXPECT_EQ(with_dates_of_days("Recogen a Turrón el martes.",
                               "Lo recogemos el martes por la tarde.", written, Language::spanish),
            "Recogen a Turrón el martes (10 de noviembre de 2026).");
  EXPECT_EQ(with_dates_of_days("The plumber comes tomorrow at nine.",
                               "El fontanero viene mañana a las 9.", written, Language::english),
            "The plumber comes tomorrow (5 November 2026) at nine.");
  EXPECT_EQ(with_dates_of_days("«See you on Friday»", "See you on Friday, then.", written,
                               Language::english),
            "«See you on Friday [6 November 2026]»");
}

TEST(Days, whose_date_is_told_or_that_the_passage_does_not_name_stay_as_they_are) {
  for (const std::string_view claim : {"La cita es el martes 10 de noviembre.",
                                       "La cita es el martes, 10 de noviembre de 2026."}) {
    EXPECT_EQ(with_dates_of_days(claim, "Te veo el martes.", written, Language::spanish), claim);
  }
  EXPECT_EQ(
      with_dates_of_days("It is on Friday.", "It is on the 13th.", written, Language::english),
      "It is on Friday.");
}

TEST(Days, taken_out_of_a_note_are_spelled) {
  EXPECT_EQ(with_dates_of_days("Fabio lo recoge el martes 2026-11-10.",
                               "Fabio lo recoge el martes.", written, Language::spanish),
            "Fabio lo recoge el martes 10 de noviembre de 2026.");
  EXPECT_EQ(with_dates_of_days("Due on 2026-11-10.", "Due date: 2026-11-10, a Tuesday.", written,
                               Language::english),
            "Due on 2026-11-10.");
}

}  // namespace
}  // namespace lar::copilot
