#include "copilot/evidence.h"

#include <gtest/gtest.h>

namespace lar::copilot {
namespace {

std::string found(std::string_view text, std::string_view claim, std::string_view question = "") {
  const EvidenceSource source{text, "Dental Sorní, Thursday 7 May 2026", {2026, 5, 7}};
  const auto evidence = find_evidence(source, claim, question);
  return evidence ? std::string(text.substr(evidence->begin, evidence->end - evidence->begin)) : "";
}

constexpr std::string_view mail =
    "Hola Clara:\n\nLa cita de Leo pasa al jueves 4 de junio a las 16:15.\n"
    "El importe será de 1.174,00 €. Un saludo, Amparo";

TEST(Evidence, is_the_sentence_that_holds_the_facts) {
  EXPECT_EQ(found(mail, "La cita de Leo es el 4 de junio a las 16:15."),
            "La cita de Leo pasa al jueves 4 de junio a las 16:15.");
  EXPECT_EQ(found(mail, "It costs 1174.00 euros"), "El importe será de 1.174,00 €.");
}

TEST(Evidence, a_number_date_time_or_name_that_is_not_there_is_refused) {
  EXPECT_EQ(found(mail, "The price is 1,147 €"), "");
  EXPECT_EQ(found(mail, "La cita es el 5 de junio"), "");
  EXPECT_EQ(found(mail, "La cita es a las 16:45"), "");
  EXPECT_EQ(found(mail, "La cita es con Ricardo"), "");
}

TEST(Evidence, a_day_told_without_its_year_is_borne_out_by_one_with_it) {
  constexpr std::string_view card = "Birthday: 25 June 1980";
  EXPECT_EQ(found(card, "Sole cumple años el 25 de junio."), card);
  EXPECT_EQ(found(card, "Sole cumple años el 25 de junio de 1981."), "");
  EXPECT_EQ(found(card, "Sole cumple años el 26 de junio."), "");
}

TEST(Evidence, a_day_told_with_a_weekday_that_it_is_not_is_refused) {
  constexpr std::string_view letter = "My train gets in on Thursday the 4th of June.";
  EXPECT_EQ(found(letter, "Su tren llega el jueves 4 de junio."), letter);
  EXPECT_EQ(found(letter, "Su tren llega el viernes 4 de junio."), "");
  // The writer's own slip may be told as it stands.
  EXPECT_NE(found("Quedamos el viernes 4 de junio.", "Se queda el viernes 4 de junio."), "");
}

TEST(Evidence, a_claim_of_the_questions_words_says_nothing_new) {
  const base::Date written{2026, 5, 7};
  EXPECT_TRUE(says_nothing_new("The white pill that Mum takes is the white pill.",
                               "What is the white pill that Mum takes?", written));
  EXPECT_FALSE(says_nothing_new("Pimienta es alérgica a la amoxicilina.",
                                "¿A qué antibiótico es alérgica Pimienta?", written));
}

TEST(Evidence, what_code_knows_of_the_item_counts) {
  EXPECT_NE(found(mail, "La cita de Leo en Dental Sorní"), "");
}

TEST(Evidence, a_relative_day_is_resolved_from_the_day_of_writing) {
  EXPECT_EQ(found("Nos vemos mañana en la nave.", "Es el 8 de mayo de 2026"),
            "Nos vemos mañana en la nave.");
}

TEST(Evidence, a_claim_of_the_questions_own_words_is_refused) {
  EXPECT_EQ(found(mail, "La cita de Leo es la cita de Leo", "¿Cuándo es la cita de Leo?"), "");
  EXPECT_NE(found(mail, "La cita de Leo es el 4 de junio", "¿Cuándo es la cita de Leo?"), "");
}

TEST(Evidence, never_runs_over_300_characters) {
  std::string text;
  for (int index = 0; index < 100; ++index) text += "palabra" + std::to_string(index) + " ";
  EXPECT_LE(found(text, "palabra50").size(), longest_quote);
}

TEST(Question, tells_sums_from_other_numbers) {
  EXPECT_EQ(asked_for("¿Por cuánto nos sale el dentista?"), std::vector{Asked::money});
  EXPECT_EQ(asked_for("how much will the plumber charge"), std::vector{Asked::money});
  EXPECT_EQ(asked_for("¿Cuánto pesa el paquete?"), std::vector{Asked::count});
  EXPECT_TRUE(holds("La cuota queda en 45 al mes", Asked::money));
  EXPECT_FALSE(holds("La sala 45 abre en mayo", Asked::money));
}

TEST(Question, asks_for_a_fact_or_for_a_yes) {
  EXPECT_TRUE(asks_for_a_fact("who has got our drill?"));
  EXPECT_FALSE(asks_for_a_fact("¿Está pagado el seguro?"));
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

TEST(ThingsAsked, two_questions_in_one_are_told_apart) {
  const auto two =
      things_asked("¿En qué acabado encargué la estantería del estudio y cuánto cuesta?");
  ASSERT_EQ(two.size(), 2u);
  EXPECT_EQ(two[0], "¿En qué acabado encargué la estantería del estudio?");
  EXPECT_TRUE(two[1].starts_with("¿cuánto cuesta?"));
  EXPECT_NE(two[1].find("estantería"), std::string::npos);
  EXPECT_EQ(things_asked("Who feeds the cat in August, and what is the pill for?").size(), 2u);
}

TEST(ThingsAsked, day_and_hour_of_one_thing_are_one_question) {
  for (const std::string_view question :
       {"¿Qué día y a qué hora tengo la cita de la ITV?",
        "What time is Leo's dentist appointment now, and on which day?",
        "When do Tom and Clara leave?"}) {
    EXPECT_EQ(things_asked(question), std::vector<std::string>{std::string(question)});
  }
}

TEST(ThingsAsked, a_place_and_an_hour_of_one_thing_are_two_questions) {
  // Asked for both at once, a small model gives the hour and leaves the place out.
  EXPECT_EQ(things_asked("¿Dónde y a qué hora es la cena de aniversario?"),
            (std::vector<std::string>{"¿Dónde es la cena de aniversario?",
                                      "¿a qué hora es la cena de aniversario?"}));
  EXPECT_EQ(things_asked("When and where is the concert?"),
            (std::vector<std::string>{"When is the concert?", "where is the concert?"}));
}

TEST(Change, messages_that_move_or_correct_something_are_told) {
  EXPECT_TRUE(tells_of_change("", "La inauguración pasa del 4 al 11 de junio"));
  EXPECT_TRUE(tells_of_change("", "Text freeze moves from 1 June to 15 June"));
  EXPECT_TRUE(tells_of_change("", "artes finales el 17 en lugar del 5"));
  EXPECT_TRUE(tells_of_change("Cambio de cita", "El lunes 15 a las 9:00."));
  EXPECT_FALSE(tells_of_change("Re: Cambio de cita", "Vale, allí estaré."));
  EXPECT_FALSE(tells_of_change("", "Te confirmamos la revisión el martes 26 de mayo a las 17:30."));
  EXPECT_FALSE(tells_of_change("", "Your flight leaves at 14:35 from gate 7."));
}

TEST(Asked, a_month_is_a_date_too) {
  EXPECT_TRUE(holds("it expires in June 2026", Asked::date));
  EXPECT_TRUE(holds("Lavavajillas | 11/2023 | 11/2026", Asked::date));
  EXPECT_FALSE(holds("dos rondas de cambios", Asked::date));
}

TEST(Asked, a_mobile_is_not_any_telephone) {
  EXPECT_EQ(asked_for("What is Priya's mobile number?"), (std::vector{Asked::mobile}));
  EXPECT_FALSE(holds("Phone (work): +44 117 496 0440", Asked::mobile));
  EXPECT_TRUE(holds("Phone (mobile): +44 7700 900 123", Asked::mobile));
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

TEST(Evidence, days_that_the_question_names_need_not_stand_in_the_passage) {
  const EvidenceSource source{
      "Del 3 al 9 voy yo a darle de comer al gato. Jorge", "mail, from Jorge", {2026, 5, 1}};
  EXPECT_TRUE(find_evidence(source, "Jorge feeds the cat from 3 to 9 August.",
                            "Who feeds the cat from 3 to 9 August?"));
  EXPECT_FALSE(find_evidence(source, "Jorge feeds the cat on 12 August.",
                             "Who feeds the cat from 3 to 9 August?"));
}

TEST(Evidence, a_month_of_a_claim_must_stand_in_the_passage_in_either_language) {
  const EvidenceSource source{
      "The pen in the school office expires in June 2026.", "mail", {2026, 4, 25}};
  const std::string_view question = "¿Cuándo caduca el autoinyector del colegio?";
  EXPECT_TRUE(find_evidence(source, "El autoinyector caduca en junio de 2026.", question));
  EXPECT_FALSE(find_evidence(source, "El autoinyector caduca en julio de 2026.", question));
}

TEST(About, a_text_must_name_whom_the_question_names) {
  EXPECT_TRUE(is_about("Hotel in Edinburgh, two nights", "¿Cuánto cuesta el hotel de Edimburgo?"));
  EXPECT_FALSE(is_about("Hannah's wedding is in Leith", "When is Iain's birthday?"));
  EXPECT_TRUE(
      is_about("mail, from marta@bodegasrobledal.example", "Deadline of the Robledal catalogue?"));
  EXPECT_FALSE(is_about("mail, from Marta Iranzo: paneles", "When does the Marjal show open?"));
  EXPECT_TRUE(is_about("cualquier texto", "¿Cuándo vence el seguro?"));
}

}  // namespace
TEST(Sentences, StopsOfAbbreviationsEndNone) {
  const auto sentences = [](std::string_view text) { return sentence_starts(text).size() - 1; };
  EXPECT_EQ(sentences("El técnico viene el miércoles entre las 8 a.m. y las 12 m."), 1U);
  EXPECT_EQ(sentences("It starts at 3:00 p.m. on Monday 9 November."), 1U);
  EXPECT_EQ(sentences("La Dra. Vélez estará en un congreso."), 1U);
  EXPECT_EQ(sentences("Ask Mr. Hale. He knows."), 2U);
  EXPECT_EQ(sentences("It starts at 3 p.m. The hall opens at two."), 2U);
  EXPECT_EQ(sentences("llego tarde. no me esperes"), 2U);
  EXPECT_EQ(sentences("Cuesta 12.50. Son dos."), 2U);
}

}  // namespace lar::copilot
