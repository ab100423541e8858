// Reference day: Thursday 14 May 2026.
#include "base/time_expression.h"

#include <gtest/gtest.h>

namespace lar::base {
namespace {

std::string spans(std::string_view text, TimeDirection direction = TimeDirection::any) {
  std::string result;
  for (const TimeExpression& found : find_time_expressions(text, {2026, 5, 14}, direction)) {
    if (!result.empty()) result += "; ";
    result += std::string(text.substr(found.begin, found.end - found.begin)) + "=" +
              format_date(found.first);
    if (found.last != found.first) result += ".." + format_date(found.last);
  }
  return result;
}

TEST(TimeExpression, reads_explicit_dates_of_both_languages) {
  EXPECT_EQ(spans("el 3 de junio de 2026"), "3 de junio de 2026=2026-06-03");
  EXPECT_EQ(spans("June 3rd, 2026"), "June 3rd, 2026=2026-06-03");
  EXPECT_EQ(spans("3 June"), "3 June=2026-06-03");
  EXPECT_EQ(spans("due 03/06/2026."), "03/06/2026=2026-06-03");
  EXPECT_EQ(spans("2026-06-03T10:00"), "2026-06-03=2026-06-03");
  EXPECT_EQ(spans("31/02/2026"), "");
}

TEST(TimeExpression, takes_the_year_that_fits) {
  EXPECT_EQ(spans("el 20 de diciembre", TimeDirection::past), "20 de diciembre=2025-12-20");
  EXPECT_EQ(spans("el 20 de diciembre", TimeDirection::future), "20 de diciembre=2026-12-20");
  EXPECT_EQ(spans("en marzo"), "marzo=2026-03-01..2026-03-31");
  EXPECT_EQ(spans("in November", TimeDirection::past), "November=2025-11-01..2025-11-30");
}

TEST(TimeExpression, resolves_relative_days) {
  EXPECT_EQ(spans("mañana por la mañana"), "mañana=2026-05-15");
  EXPECT_EQ(spans("por la mañana"), "");
  EXPECT_EQ(spans("pasado mañana"), "pasado mañana=2026-05-16");
  EXPECT_EQ(spans("yesterday and today"), "yesterday=2026-05-13; today=2026-05-14");
  EXPECT_EQ(spans("hace dos semanas"), "hace dos semanas=2026-04-30");
  EXPECT_EQ(spans("3 days ago"), "3 days ago=2026-05-11");
}

TEST(TimeExpression, resolves_weeks_months_and_weekdays) {
  EXPECT_EQ(spans("last week"), "last week=2026-05-04..2026-05-10");
  EXPECT_EQ(spans("la semana que viene"), "semana que viene=2026-05-18..2026-05-24");
  EXPECT_EQ(spans("el mes pasado"), "mes pasado=2026-04-01..2026-04-30");
  EXPECT_EQ(spans("next Tuesday"), "next Tuesday=2026-05-19");
  EXPECT_EQ(spans("el viernes"), "viernes=2026-05-15");
  EXPECT_EQ(spans("el lunes pasado"), "lunes pasado=2026-05-11");
  EXPECT_EQ(spans("el lunes 18 de mayo"), "18 de mayo=2026-05-18");
  EXPECT_EQ(spans("últimos 30 días"), "últimos 30 días=2026-04-14..2026-05-14");
}

TEST(TimeExpression, reads_days_in_words_and_short_weekdays_in_small_letters) {
  EXPECT_EQ(spans("es el jueves veintiocho a las nueve"), "jueves veintiocho=2026-05-28");
  EXPECT_EQ(spans("on Friday the twenty second"), "Friday the twenty second=2026-05-22");
  // Not where the calendar says otherwise, and few words say how many.
  EXPECT_EQ(spans("Friday the third attempt"), "Friday=2026-05-15");
  EXPECT_EQ(spans("el viernes dos personas"), "viernes=2026-05-15");
  EXPECT_EQ(spans("r u still wanting me sat 16th"), "sat 16th=2026-05-16");
  EXPECT_EQ(spans("can come wed 8 ish morning"), "wed=2026-05-20");
  EXPECT_EQ(spans("fri instead same time"), "fri=2026-05-15");
  EXPECT_EQ(spans("he sat 3 rows behind the sun"), "");
  // An hour, although a Monday that is an 8th would be found.
  EXPECT_EQ(spans("plasterer monday 8 on the dot"), "monday=2026-05-18");
  EXPECT_EQ(spans("Tue 09/06/2026"), "09/06/2026=2026-06-09");
  EXPECT_EQ(spans("Tue 08/09/2026"), "08/09/2026=2026-09-08");
  EXPECT_EQ(spans("Tue 09/08/2026"), "09/08/2026=2026-09-08");
  EXPECT_EQ(spans("nueve habitaciones del 16 al 18 de octubre"),
            "16 al 18 de octubre=2026-10-16..2026-10-18");
}

TEST(TimeExpression, resolves_days_without_a_month_and_ends_of_spans) {
  EXPECT_EQ(spans("el viernes 22"), "viernes 22=2026-05-22");
  EXPECT_EQ(spans("on Friday the 22nd"), "Friday the 22nd=2026-05-22");
  EXPECT_EQ(spans("on Friday, 5"), "Friday, 5=2026-06-05");
  // The next Friday that is a 10th is in July: an hour is meant.
  EXPECT_EQ(spans("a call on Friday, 10 Irish time"), "Friday=2026-05-15");
  EXPECT_EQ(spans("el día 3"), "3=2026-06-03");
  EXPECT_EQ(spans("el 17 a las 18:00"), "17=2026-05-17");
  EXPECT_EQ(spans("El 30 en mi casa"), "30=2026-05-30");
  EXPECT_EQ(spans("entre el 17 y la pared"), "");
  EXPECT_EQ(spans("by the 20th"), "20th=2026-05-20");
  EXPECT_EQ(spans("a fin de mes"), "fin de mes=2026-05-31");
  EXPECT_EQ(spans("by the end of the week"), "end of the week=2026-05-15");
  EXPECT_EQ(spans("en tres días"), "en tres días=2026-05-17");
  EXPECT_EQ(spans("the 20% of the 3rd floor"), "");
}

TEST(TimeExpression, knows_how_the_british_and_latin_americans_count_weeks) {
  EXPECT_EQ(spans("Friday week"), "Friday week=2026-05-22");
  EXPECT_EQ(spans("Saturday fortnight"), "Saturday fortnight=2026-05-30");
  EXPECT_EQ(spans("a week on Tuesday"), "Tuesday=2026-05-26");
  EXPECT_EQ(spans("a week tomorrow"), "tomorrow=2026-05-22");
  EXPECT_EQ(spans("la semana q entra"), "semana q entra=2026-05-18..2026-05-24");
  EXPECT_EQ(spans("el lunes entrante"), "lunes entrante=2026-05-18");
  EXPECT_EQ(spans("tmrw or Wed night"), "tmrw=2026-05-15; Wed=2026-05-20");
}

TEST(TimeExpression, a_number_behind_an_article_is_a_day_where_its_neighbours_say_so) {
  EXPECT_EQ(spans("antes del 29"), "29=2026-05-29");
  EXPECT_EQ(spans("hasta el 21, inclusive"), "21=2026-05-21");
  EXPECT_EQ(spans("el 20 vence el plazo"), "20=2026-05-20");
  EXPECT_EQ(spans("mi cumple es el 30 pero no estaré"), "30=2026-05-30");
  EXPECT_EQ(spans("el 20 por ciento"), "");
  EXPECT_EQ(spans("para el 2 piso"), "");
}

TEST(TimeExpression, vague_ends_are_the_last_working_day) {
  EXPECT_EQ(spans("by the end of next week"), "end of next week=2026-05-22");
  EXPECT_EQ(spans("a finales de la semana que viene"), "finales de la semana que viene=2026-05-22");
  EXPECT_EQ(spans("a lo largo de la semana"), "largo de la semana=2026-05-15");
}

TEST(TimeExpression, leaves_ordinary_words_alone) {
  EXPECT_EQ(spans("you may march in order 66"), "");
  EXPECT_EQ(spans("Invoice 2024-118, 412,60 €"), "");
}

TEST(ClockTime, is_found_in_its_usual_forms) {
  const auto times = [](std::string_view text) {
    std::string result;
    for (const ClockExpression& found : find_clock_times(text)) {
      result += std::to_string(found.hour) + ":" + std::to_string(found.minute) + " ";
    }
    return result;
  };
  EXPECT_EQ(times("a las 17:30 h"), "17:30 ");
  EXPECT_EQ(times("at 5.30 pm or 9am"), "17:30 9:0 ");
  EXPECT_EQ(times("a las 9"), "9:0 ");
  EXPECT_EQ(times("total 12.50 EUR"), "");
  EXPECT_EQ(times("a las cinco y media de la tarde"), "17:30 ");
  EXPECT_EQ(times("sobre las nueve menos cuarto"), "8:45 ");
  EXPECT_EQ(times("a la una"), "1:0 ");
  EXPECT_EQ(times("at half past six, or at five o'clock"), "6:30 5:0 ");
  EXPECT_EQ(times("at noon"), "12:0 ");
  EXPECT_EQ(times("a las 5 de la tarde"), "17:0 ");
  EXPECT_EQ(times("a las 17h30"), "17:30 ");
  EXPECT_EQ(times("at 9 in the morning"), "9:0 ");
  EXPECT_EQ(times("las cinco niñas y la una por la otra"), "");
}

TEST(ClockTime, is_found_as_people_say_it) {
  const auto times = [](std::string_view text) {
    std::string result;
    for (const ClockExpression& found : find_clock_times(text)) {
      result += std::to_string(found.hour) + ":" + std::to_string(found.minute) + " ";
    }
    return result;
  };
  EXPECT_EQ(times("tipo 2 y media"), "2:30 ");
  EXPECT_EQ(times("de ocho y media a nueve y cuarto"), "8:30 9:15 ");
  EXPECT_EQ(times("at ten to seven"), "6:50 ");
  EXPECT_EQ(times("about twenty past three"), "3:20 ");
  EXPECT_EQ(times("7ish, or six-ish"), "7:0 6:0 ");
  EXPECT_EQ(times("pop in at two so we can talk"), "2:0 ");
  EXPECT_EQ(times("at one point, at two places"), "");
  EXPECT_EQ(times("8.30-12.30"), "8:30 12:30 ");
  EXPECT_EQ(times("version 8.30"), "");
  EXPECT_EQ(times("between 10am and 12 noon"), "10:0 12:0 ");
  EXPECT_EQ(times("19:30 hs."), "19:30 ");
  EXPECT_EQ(times("dura 2 horas"), "");
  EXPECT_EQ(times("dos y media horas"), "");
  EXPECT_EQ(times("el miercoles a las 10 y 40"), "10:40 ");
  EXPECT_EQ(times("a las siete y cuarenta"), "7:40 ");
  EXPECT_EQ(times("a las 10 y 12 personas"), "10:0 ");
  EXPECT_EQ(times("could we make it 3.30 instead"), "3:30 ");
  EXPECT_EQ(times("Wed 20th May, 5.30-7.30pm"), "5:30 19:30 ");
  EXPECT_EQ(times("the 27th, 9 sharp"), "9:0 ");
  EXPECT_EQ(times("Come over Friday about 5 if you like"), "5:0 ");
  EXPECT_EQ(times("Friday's meeting has been brought forward to 9.30."), "9:30 ");
  EXPECT_EQ(times("queda fijada a las 11,30 h en la notaria"), "11:30 ");
  EXPECT_EQ(times("a call on Thursday, 10 Irish time"), "10:0 ");
  EXPECT_EQ(times("the 2 local times, 3 our people"), "");
  EXPECT_EQ(times("dep 09.30 arr 11.12"), "9:30 11:12 ");
}

TEST(ClockTime, is_found_as_people_type_it_in_haste) {
  const auto times = [](std::string_view text) {
    std::string result;
    for (const ClockExpression& found : find_clock_times(text)) {
      result += std::to_string(found.hour) + ":" + std::to_string(found.minute) + " ";
    }
    return result;
  };
  EXPECT_EQ(times("Grandparents day is FRIDAY at 930 in the morning"), "9:30 ");
  EXPECT_EQ(times("the truck is coming at 830 this morning"), "8:30 ");
  EXPECT_EQ(times("steel is friday morning 730"), "7:30 ");
  EXPECT_EQ(times("room 730, at 1500 euros, in 2025, at 900 metres"), "");
  EXPECT_EQ(times("be with you 11.15ish"), "11:15 ");
  EXPECT_EQ(times("progress meeting on Friday, 10.00 to 11.30, at ours"), "10:0 11:30 ");
  EXPECT_EQ(times("could you do 4.45 to 6 on Friday"), "4:45 ");
  EXPECT_EQ(times("tickets cost 4.45 to 6 euros"), "");
  EXPECT_EQ(times("wed 8 ish morning"), "8:0 ");
  EXPECT_EQ(times("monday 8 on the dot"), "8:0 ");
  EXPECT_EQ(times("off wednesday 9 til about 1"), "9:0 1:0 ");
  EXPECT_EQ(times("tues 8 oclock"), "8:0 ");
  EXPECT_EQ(times("Thursday, seven in the gym"), "7:0 ");
  EXPECT_EQ(times("I'll be there Friday for ten."), "10:0 ");
  EXPECT_EQ(times("a table for two on Friday"), "");
  EXPECT_EQ(times("tomorrow around 2 if you'd hold it"), "2:0 ");
  EXPECT_EQ(times("hoy 21hs cancha 3"), "21:0 ");
  EXPECT_EQ(times("voy 11 y media si puedo"), "11:30 ");
  EXPECT_EQ(times("11 y media docenas"), "");
  EXPECT_EQ(times("llegaremos hacia las siete"), "7:0 ");
}

TEST(ClockTime, says_whether_the_half_of_the_day_is_certain) {
  const auto certain = [](std::string_view text) {
    const auto found = find_clock_times(text);
    return found.size() == 1 && found[0].certain;
  };
  EXPECT_FALSE(certain("a las 5:30"));
  EXPECT_FALSE(certain("a las cinco"));
  EXPECT_TRUE(certain("at 5:30 pm"));
  EXPECT_TRUE(certain("17:30"));
  EXPECT_TRUE(certain("at 05:30"));
  EXPECT_TRUE(certain("a las 9 de la noche"));
}

TEST(SpellDate, speaks_both_languages) {
  EXPECT_EQ(spell_date({2026, 6, 3}, true), "miércoles 3 de junio de 2026");
  EXPECT_EQ(spell_date({2026, 6, 3}, false), "Wednesday 3 June 2026");
}

}  // namespace
}  // namespace lar::base
