#include "copilot/evidence.h"

#include <gtest/gtest.h>

namespace lar::copilot {
namespace {

std::string found(std::string_view text, std::string_view quote, std::string_view claim,
                  std::string_view question = "") {
  const EvidenceSource source{text, "Dental Sorní, Thursday 7 May 2026", {2026, 5, 7}};
  const auto evidence = find_evidence(source, quote, claim, question);
  return evidence ? std::string(text.substr(evidence->begin, evidence->end - evidence->begin)) : "";
}

constexpr std::string_view mail =
    "Hola Clara:\n\nLa cita de Leo pasa al jueves 4 de junio a las 16:15.\n"
    "El importe será de 1.174,00 €. Un saludo, Amparo";

TEST(Evidence, is_the_sentence_that_holds_the_facts) {
  EXPECT_EQ(found(mail, "La cita de Leo pasa al jueves 4 de junio a las 16:15",
                  "La cita de Leo es el 4 de junio a las 16:15."),
            "La cita de Leo pasa al jueves 4 de junio a las 16:15.");
  EXPECT_EQ(found(mail, "", "It costs 1174.00 euros"), "El importe será de 1.174,00 €.");
}

TEST(Evidence, a_number_date_time_or_name_that_is_not_there_is_refused) {
  EXPECT_EQ(found(mail, "El importe será de 1.174,00 €", "The price is 1,147 €"), "");
  EXPECT_EQ(found(mail, "La cita de Leo", "La cita es el 5 de junio"), "");
  EXPECT_EQ(found(mail, "La cita de Leo", "La cita es a las 16:45"), "");
  EXPECT_EQ(found(mail, "La cita de Leo", "La cita es con Ricardo"), "");
}

TEST(Evidence, what_code_knows_of_the_item_counts) {
  EXPECT_NE(found(mail, "La cita de Leo", "La cita de Leo en Dental Sorní"), "");
}

TEST(Evidence, a_relative_day_is_resolved_from_the_day_of_writing) {
  EXPECT_EQ(found("Nos vemos mañana en la nave.", "Nos vemos mañana", "Es el 8 de mayo de 2026"),
            "Nos vemos mañana en la nave.");
}

TEST(Evidence, never_runs_over_300_characters) {
  std::string text;
  for (int index = 0; index < 100; ++index) text += "palabra" + std::to_string(index) + " ";
  EXPECT_LE(found(text, "palabra50 palabra51", "palabra50").size(), longest_quote);
}

TEST(Numbers, have_one_form) {
  EXPECT_EQ(canonical_number("1.174,00"), "1174");
  EXPECT_EQ(canonical_number("1,174.50"), "1174.5");
  EXPECT_EQ(canonical_number("401'90"), "401.9");
  EXPECT_EQ(canonical_number("655 010 700"), "655010700");
  EXPECT_EQ(canonical_number("007"), "7");
  EXPECT_EQ(numbers_in("entre 1,2 y 1,5 bar, ref. A-20"),
            (std::vector<std::string>{"1.2", "1.5", "20"}));
}

TEST(Asked, tells_what_sort_of_fact_is_wanted) {
  EXPECT_EQ(asked_for("¿A qué hora es la cena?"), (std::vector{Asked::clock_time}));
  EXPECT_EQ(asked_for("When is Iain's birthday?"), (std::vector{Asked::birthday}));
  EXPECT_FALSE(holds("La boda es el 29 de agosto", Asked::birthday));
  EXPECT_EQ(asked_for("¿Cuál es el teléfono del electricista?"), (std::vector{Asked::phone}));
  EXPECT_TRUE(asked_for("¿Qué dijo Marta?").empty());
  EXPECT_TRUE(holds("Llámame al 655 010 700", Asked::phone));
  EXPECT_FALSE(holds("Llámame mañana", Asked::phone));
  EXPECT_FALSE(holds("son 12 sillas", Asked::money));
}

TEST(About, a_text_must_name_whom_the_question_names) {
  EXPECT_TRUE(is_about("Hotel in Edinburgh, two nights", "¿Cuánto cuesta el hotel de Edimburgo?"));
  EXPECT_FALSE(is_about("Hannah's wedding is in Leith", "When is Iain's birthday?"));
  EXPECT_TRUE(is_about("cualquier texto", "¿Cuándo vence el seguro?"));
}

}  // namespace
}  // namespace lar::copilot
