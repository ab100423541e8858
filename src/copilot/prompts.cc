// Examples are fictional and of both languages; each refusal misses by another kind of detail:
// another thing, another person, another event, a fact that is simply not there.
#include "copilot/prompts.h"

#include <fmt/format.h>

namespace lar::copilot {
namespace {

constexpr std::string_view instructions =
    "You read one text from a person's own mail, calendar, contacts or documents and say whether "
    "it states what a question asks. Another thing, another person, another event or another "
    "detail than the one asked for is a no. After yes, answer in one short full sentence in the "
    "language of the question, with the exact date, time, amount, name or number as the text has "
    "it.";

constexpr std::string_view copying_instructions =
    "You answer a question from one text of a person's own mail, calendar, contacts or documents. "
    "Give exact dates, times, amounts, names and numbers as the text has them.";

struct Example {
  std::string_view header, text, question, answer;
};
constexpr Example examples[] = {
    {"mail, Monday 2 March 2026, from Aurora Gym to Pablo Rey: Your membership",
     "Dear Pablo,\nYour membership renews on 30 March. From then on the monthly fee goes up from "
     "31 to 34 euros. The towel service stays at 5 euros.",
     "When does my gym membership renew?", "Yes. Your gym membership renews on 30 March."},
    {"mail, martes 13 de enero de 2026, from Clínica Bruma to Pablo Rey: Revisión de Canela",
     "Hola, Pablo:\nTe confirmamos la revisión de Canela el 12 de febrero a las 18:00. La última "
     "vez pesaba 4,2 kg.\nTrae la cartilla, por favor.",
     "¿Cuánto cuesta la revisión de Canela?", "No. Da el día y la hora, no el precio."},
    {"document: Storage unit",
     "Storage unit B12, Harbour Road.\nGate code: 4471#. Open 6:00 to 22:00.\nThe padlock is our "
     "own.",
     "What is the code of the padlock?", "No. It gives the code of the gate, not of the padlock."},
    {"mail, jueves 2 de octubre de 2025, from Gadea Lozano to Pablo Rey: Re: Reunión",
     "Pablo, el martes no puedo al final. ¿Te viene bien el jueves 9 a las 11:00, en la misma "
     "sala? Si no dices nada, queda así.",
     "¿Qué día y a qué hora es ahora la reunión con Gadea?",
     "Yes. La reunión con Gadea es el jueves 9 de octubre a las 11:00."},
    {"contact: Rosa Peiró",
     "Rosa Peiró\nFontanera\nTel.: 600 111 222\nNota: muy puntual, arregló el baño.",
     "¿Cuál es el teléfono del cerrajero?", "No. Rosa es fontanera, no cerrajera."},
    {"mail, Friday 9 January 2026, from Parking Sol to Pablo Rey: Nueva tarifa",
     "Le informamos de que la plaza 31 pasa a costar 95 € al mes desde el 1 de febrero (hasta "
     "ahora 88 €). El mando a distancia se cobra aparte, 20 €.",
     "How much will the parking space cost from February?",
     "Yes. The parking space will cost 95 € a month from February."},
    {"mail, Sunday 8 June 2025, from Diego Rey to Pablo Rey: Saturday",
     "My flight lands at 21:40, so don't wait with dinner. Mum and Dad come by train the day "
     "after. Diego",
     "What time does Mum and Dad's train arrive?",
     "No. It gives the time of Diego's flight, not of the train."},
    {"event, domingo 3 de mayo de 2026: Comida en casa de Elvira",
     "Comida en casa de Elvira, 14:30. Llevar el postre.",
     "¿Quién lleva el postre el año que viene?", "No. Habla de otra comida."},
    {"mail, Tuesday 4 November 2025, from Elvira Sanz to Pablo Rey: la cata",
     "El vino que tanto te gustó era un Monastrell de Yecla, lo compré en la tienda de la calle "
     "Mayor. La copa de cada uno fueron 12 euros.",
     "Which wine did I like so much at Elvira's?",
     "Yes. The wine you liked was a Monastrell from Yecla."},
};

std::string turn(std::string_view header, std::string_view text, std::string_view remarks,
                 std::string_view question, std::string_view tongue) {
  return fmt::format(
      "Text ({}):\n{}\n\n{}Question: {}\nDoes the text state it? Answer yes or no, then the "
      "answer{}.",
      header, text, remarks, question, tongue);
}

}  // namespace

std::vector<engine::ChatMessage> reading_messages(const ReadingPrompt& prompt) {
  std::vector<engine::ChatMessage> messages{{"system", std::string(instructions)}};
  for (const Example& example : examples) {
    messages.push_back({"user", turn(example.header, example.text, {}, example.question, {})});
    messages.push_back({"assistant", std::string(example.answer)});
  }
  std::string_view tongue;
  if (prompt.language) {
    tongue = *prompt.language == base::Language::spanish ? " in Spanish" : " in English";
  }
  messages.push_back(
      {"user", turn(prompt.header, prompt.text, prompt.remarks, prompt.question, tongue)});
  return messages;
}

const std::string_view copying_schema =
    R"({"type":"object","properties":{"quote":{"type":"string","maxLength":250},)"
    R"("answer":{"type":"string","maxLength":250}},"required":["quote","answer"]})";

std::vector<engine::ChatMessage> copying_messages(const ReadingPrompt& prompt) {
  std::string_view tongue = "the language of the question";
  if (prompt.language) {
    tongue = *prompt.language == base::Language::spanish ? "Spanish" : "English";
  }
  return {
      {"system", std::string(copying_instructions)},
      {"user", fmt::format("({})\n{}\n\n{}Question: {}\nAnswer as JSON: all words of the text "
                           "that the answer needs, copied exactly (quote); the answer to "
                           "everything asked, in one full sentence in {} (answer).",
                           prompt.header, prompt.text, prompt.remarks, prompt.question, tongue)}};
}

}  // namespace lar::copilot
