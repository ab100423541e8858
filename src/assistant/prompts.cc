// Examples are fictional and of both languages. They show what a line keeps: who wants what, and
// the days and amounts that matter.
#include "assistant/prompts.h"

#include <fmt/format.h>

#include "assistant/clauses.h"
#include "assistant/mailbox.h"

namespace lar::assistant {
namespace {

constexpr std::size_t longest_line = 180;  // letters, behind the first

constexpr std::string_view instructions =
    "You tell the owner of a mailbox in one short line what a mail is about: who wants what, with "
    "the names, days and amounts that matter. Use only what the mail says.";

struct Example {
  std::string_view header, text, tongue, answer;
};
constexpr Example examples[] = {
    {"from Gadea Lozano to Pablo, Monday 2 March 2026, 18:10: Sábado",
     "¡Hola, Pablo! El sábado hacemos paella en casa a las dos. ¿Venís? Si venís, ¿podéis traer el "
     "postre?\nUn abrazo, Gadea",
     "Spanish",
     "Gadea os invita a comer paella en su casa el sábado a las dos y pregunta si vais."},
    {"from Aurora Gym <noreply@auroragym.example> to Pablo, Friday 6 March 2026, 07:00: Spring "
     "offer",
     "Only this weekend: 40 % off every annual plan. Don't miss it! Join now.", "Spanish",
     "Publicidad del gimnasio Aurora: 40 % de descuento en los planes anuales."},
    {"from Colegio Brezo <secretaria@colegiobrezo.example> to Pablo, Tuesday 10 March 2026, 11:25: "
     "Nico",
     "Buenos días: Nico se ha caído en el patio y le duele mucho el brazo. Necesitamos que venga "
     "alguien a recogerlo cuanto antes.",
     "English",
     "Nico fell at school, his arm hurts, and the school needs somebody to collect him as "
     "soon as possible."},
    {"from Banco Sauce <avisos@bancosauce.example> to Pablo, Wednesday 11 March 2026, 08:02: Your "
     "statement",
     "Your statement for February is now available in your online account. This is an automatic "
     "message, please do not reply.",
     "English", "Banco Sauce: the February statement is available online."},
    {"from Iris Mena to Pablo, Thursday 12 March 2026, 16:40: Contract",
     "Hi Pablo, the client's lawyer changed clause 4. Could you check it and send me the signed "
     "copy by Monday? Regards, Iris",
     "Spanish",
     "Iris pide que revises la cláusula 4 del contrato y le envíes la copia firmada antes "
     "del lunes."},
    {"from Luz Clara <avisos@luzclara.example> to Pablo, Friday 13 March 2026, 09:15: Recibo "
     "devuelto",
     "El recibo de febrero (61,20 €) ha sido devuelto. Si no se paga hoy, el lunes cortaremos el "
     "suministro.",
     "Spanish",
     "Luz Clara: el recibo de febrero de 61,20 € fue devuelto; si no se paga hoy, cortan "
     "la luz el lunes."},
    {"from Elvira Sanz to Pablo, Sunday 15 March 2026, 20:05: Photos",
     "Here are the photos of the walk. What a day! No need to answer. Love, Elvira", "English",
     "Elvira sends the photos of the walk."},
};

std::string turn(std::string_view header, std::string_view text, std::string_view tongue) {
  return fmt::format("Mail {}\n{}\n\nThe line in {}.", header, text, tongue);
}

}  // namespace

std::vector<engine::ChatMessage> mail_messages(const MailPrompt& prompt) {
  std::vector<engine::ChatMessage> messages{{"system", std::string(instructions)}};
  for (const Example& example : examples) {
    messages.push_back({"user", turn(example.header, example.text, example.tongue)});
    messages.push_back({"assistant", std::string(example.answer)});
  }
  messages.push_back(
      {"user", turn(prompt.header, prompt.text,
                    prompt.language == base::Language::spanish ? "Spanish" : "English")});
  return messages;
}

std::string_view mail_grammar() {
  static const std::string grammar = fmt::format(
      R"(root ::= [^\n\x00-\x1F-] [^\n\x00-\x1F]{{8,{}}}
)",
      longest_line);
  return grammar;
}

std::string answered_line(std::string_view text) {
  const std::string_view trimmed = base::trim(text);
  const std::string_view line = base::trim(trimmed.substr(0, trimmed.find('\n')));
  // Small models fall into the writer's own voice and go on until they are cut off: what is told
  // of the mail before that is kept.
  const bool full = line.size() >= longest_line - 10;
  std::string told;
  const std::vector<Sentence> sentences = sentences_of(line, true);
  for (const Sentence& sentence : sentences) {
    const bool cut = full && &sentence == &sentences.back() &&
                     std::string_view(".!…€)").find(sentence.text.back()) == std::string_view::npos;
    const bool own_voice =
        holds(sentence.folded,
              {" i ", " me ", " my ", " we ", " our ", " us ", " yo ", " mi ", " mis ", " nos ",
               " nuestro ", " nuestra ", " podemos ", " puedo ", " necesitamos ", " necesito "});
    if (sentence.question || own_voice || cut) break;
    told += (told.empty() ? "" : " ") + sentence.text;
  }
  return told;
}

}  // namespace lar::assistant
