// Requests are found by how people begin them ("¿me puedes…", "please …", an imperative at the
// beginning) and end where their clause does. Appointments need a time of day that lies ahead and a
// word for something that one attends.
#include "assistant/tasks.h"

#include <algorithm>
#include <array>

#include "assistant/lexicon.h"
#include "assistant/mail_features.h"
#include "assistant/moments.h"

namespace lar::assistant {
namespace {

struct Token {
  std::string folded;
  size_t begin = 0, end = 0;
};

std::vector<Token> tokens_of(std::string_view text) {
  std::vector<Token> tokens;
  for (const base::Word& word : base::words(text)) {
    tokens.push_back(
        {base::fold(text.substr(word.begin, word.end - word.begin)), word.begin, word.end});
  }
  return tokens;
}

// How requests begin; the longest that fits counts.
constexpr std::string_view introducers[] = {"can you please",
                                            "can you",
                                            "could you please",
                                            "could you possibly",
                                            "could you",
                                            "would you be able to",
                                            "would you please",
                                            "would you mind",
                                            "would you",
                                            "will you please",
                                            "can i ask you to",
                                            "may i ask you to",
                                            "please could you",
                                            "please can you",
                                            "please",
                                            "kindly",
                                            "make sure you",
                                            "make sure to",
                                            "don t forget to",
                                            "do not forget to",
                                            "don t forget",
                                            "remember to",
                                            "i need you to",
                                            "we need you to",
                                            "need you to",
                                            "i need",
                                            "we need from you",
                                            "you need to",
                                            "you ll need to",
                                            "you will need to",
                                            "you must",
                                            "you have to",
                                            "you should",
                                            "be sure to",
                                            "i d like you to",
                                            "if you could",
                                            "we ask you to",
                                            "we kindly ask you to",
                                            "you are required to",
                                            "you are kindly asked to",
                                            "it would be great if you could",
                                            "we require you to",
                                            "need your",
                                            "may we have",
                                            "could we have",
                                            "can we have",
                                            "can i have",
                                            "could i have",
                                            "i m missing",
                                            "we are missing",
                                            "me falta",
                                            "me faltan",
                                            "nos faltan",
                                            "i d appreciate it if you could",
                                            "i would appreciate it if you could",
                                            "me puedes",
                                            "nos puedes",
                                            "le puedes",
                                            "puedes",
                                            "podrias",
                                            "me podrias",
                                            "nos podrias",
                                            "podeis",
                                            "podriais",
                                            "puede usted",
                                            "podria usted",
                                            "podria",
                                            "por favor",
                                            "porfa",
                                            "acuerdate de",
                                            "acordaos de",
                                            "no te olvides de",
                                            "no os olvideis de",
                                            "no olvides",
                                            "no olvide",
                                            "recuerda que tienes que",
                                            "recuerda",
                                            "recuerde",
                                            "recordad",
                                            "tienes que",
                                            "teneis que",
                                            "tiene que",
                                            "tendrias que",
                                            "tendras que",
                                            "debes",
                                            "deberas",
                                            "debera",
                                            "deberias",
                                            "hay que",
                                            "necesito que me",
                                            "necesito que nos",
                                            "necesito que",
                                            "necesitamos que nos",
                                            "necesitamos que",
                                            "hace falta que",
                                            "te importa",
                                            "te importaria",
                                            "seria posible",
                                            "te pido que",
                                            "te pedimos que",
                                            "os pido que",
                                            "te ruego que",
                                            "le ruego que",
                                            "le rogamos que",
                                            "os rogamos que",
                                            "rogamos que",
                                            "rogamos",
                                            "le rogamos",
                                            "te agradeceria que",
                                            "le agradeceria que",
                                            "agradeceria que",
                                            "agradeceriamos que",
                                            "me haces el favor de",
                                            "te encargas de",
                                            "debe",
                                            "deben",
                                            "les ruego que me",
                                            "les ruego que",
                                            "les rogamos que",
                                            "os ruego que",
                                            "le ruego que me",
                                            "te ruego que me",
                                            "necesito tambien",
                                            "necesito",
                                            "necesitamos tambien",
                                            "necesitamos",
                                            "we need",
                                            "we also need",
                                            "i also need",
                                            "nos hace falta",
                                            "nos falta",
                                            "puedes por favor",
                                            "podrias por favor",
                                            "es necesario que",
                                            "es imprescindible que"};

// What somebody lacks and waits for: the task is to send it.
constexpr std::string_view lacking[] = {
    "me falta",      "me faltan",        "nos falta",           "nos faltan",       "necesito",
    "necesitamos",   "necesito tambien", "necesitamos tambien", "we need",          "we also need",
    "i need",        "i also need",      "need your",           "we need from you", "may we have",
    "could we have", "can we have",      "can i have",          "could i have",     "i m missing",
    "we are missing"};

// Verbs in the form that asks, at the beginning of a sentence.
constexpr std::string_view imperatives[] = {
    "traiga",      "traigan",     "mande",     "mandenos",    "diga",        "venga",
    "pase",        "remita",      "remitanos", "indique",     "indiquenos",  "facilite",
    "facilitenos", "aporte",      "adjunte",   "comunique",   "cumplimente", "solicite",
    "subid",       "llevad",      "poned",     "send",        "call",        "bring",
    "pay",         "sign",        "return",    "reply",       "confirm",     "book",
    "check",       "review",      "fill",      "complete",    "submit",      "buy",
    "pick",        "collect",     "email",     "forward",     "update",      "prepare",
    "print",       "upload",      "choose",    "renew",       "register",    "contact",
    "ring",        "drop",        "water",     "feed",        "take",        "get",
    "finish",      "read",        "approve",   "schedule",    "cancel",      "order",
    "transfer",    "tell",        "ask",       "invite",      "arrange",     "let",
    "give",        "move",        "turn",      "leave",       "stop",        "disconnect",
    "manda",       "mandame",     "mandanos",  "mandad",      "envia",       "enviame",
    "envianos",    "envie",       "envienos",  "llama",       "llamame",     "llamanos",
    "llamad",      "llame",       "trae",      "traed",       "traeme",      "paga",
    "pague",       "abona",       "abone",     "firma",       "firme",       "devuelve",
    "devuelveme",  "devuelva",    "confirma",  "confirmame",  "confirmanos", "confirmad",
    "confirme",    "confirmenos", "revisa",    "revise",      "rellena",     "rellene",
    "completa",    "complete",    "compra",    "comprad",     "recoge",      "recoja",
    "avisa",       "avisame",     "avisanos",  "avise",       "avisad",      "responde",
    "respondeme",  "responda",    "contesta",  "contestame",  "conteste",    "prepara",
    "preparad",    "imprime",     "sube",      "elige",       "renueva",     "renueve",
    "presenta",    "presente",    "contacta",  "pide",        "pidele",      "dime",
    "dinos",       "decidme",     "diganos",   "pasa",        "pasame",      "lleva",
    "llevate",     "riega",       "saca",      "haz",         "pon",         "cancela",
    "cancele",     "actualiza",   "actualice", "inscribete",  "apuntate",    "llamenos",
    "ven",         "venid",       "bajad",     "confirmadme", "contestadme", "mandadme",
    "traedme",     "rellenad",    "firmad",    "dadme",       "dame",        "danos",
    "renuevalo",   "renuevelo",   "echale",    "ponte",       "acercate",    "mira",
    "busca",       "recuerda"};

constexpr std::string_view stops[] = {"because", "since",  "porque", "ya",        "pero",
                                      "but",     "asi",    "so",     "otherwise", "pues",
                                      "gracias", "thanks", "aunque", "although"};

// Of those, what asks at the beginning of any clause: "si no puede, llámenos".
constexpr std::string_view clear_imperatives[] = {
    "call",        "ring",       "send",        "reply",       "confirm",    "contact",
    "let",         "tell",       "return",      "bring",       "sign",       "llamame",
    "llamanos",    "llamenos",   "llame",       "avisame",     "avisanos",   "avisenos",
    "dime",        "dinos",      "mandame",     "mandanos",    "enviame",    "envianos",
    "envienos",    "confirmame", "confirmanos", "confirmenos", "contestame", "contesta",
    "conteste",    "respondeme", "pasame",      "traeme",      "diganos",    "decidme",
    "contactenos", "firma",      "ven",         "dilo",        "dimelo",     "digamelo"};

// How soon, which a task's own day says better.
constexpr std::string_view haste[] = {"as soon as possible",
                                      "as soon as you can",
                                      "when you can",
                                      "whenever you can",
                                      "right away",
                                      "right now",
                                      "immediately",
                                      "at once",
                                      "today",
                                      "now",
                                      "please",
                                      "lo antes posible",
                                      "cuanto antes",
                                      "en cuanto puedas",
                                      "en cuanto leas esto",
                                      "en cuanto veas esto",
                                      "cuando puedas",
                                      "por favor",
                                      "ahora mismo",
                                      "de inmediato",
                                      "inmediatamente",
                                      "urgentemente",
                                      "hoy mismo",
                                      "hoy",
                                      "ya",
                                      "asap",
                                      "within the hour",
                                      "come and",
                                      "go and",
                                      "again",
                                      "también"};

// Requests that ask for nothing.
constexpr std::string_view empty_requests[] = {"do not reply",
                                               "don t reply",
                                               "do not respond",
                                               "not reply",
                                               "find attached",
                                               "find enclosed",
                                               "note that",
                                               "be aware",
                                               "be advised",
                                               "ignore this",
                                               "disregard",
                                               "do not hesitate",
                                               "don t hesitate",
                                               "feel free",
                                               "accept our",
                                               "accept my",
                                               "no responda",
                                               "no respondas",
                                               "no conteste",
                                               "no contestes",
                                               "no dude",
                                               "no dudes",
                                               "any questions",
                                               "need anything",
                                               "any problem",
                                               "alguna duda",
                                               "cualquier duda",
                                               "necesitas algo",
                                               "necesita algo",
                                               "si tienes dudas",
                                               "view in",
                                               "visit our",
                                               "visita nuestra",
                                               "click",
                                               "clic",
                                               "pincha",
                                               "ten en cuenta",
                                               "tenga en cuenta",
                                               "tener en cuenta",
                                               "ignore",
                                               "ignora",
                                               "recibe un",
                                               "reciba un",
                                               "take care",
                                               "have a",
                                               "worry",
                                               "te preocupes",
                                               "se preocupe",
                                               "enjoy",
                                               "disfruta",
                                               "unsubscribe",
                                               "dar de baja",
                                               "believe",
                                               "imagine",
                                               "imagina",
                                               "forgive",
                                               "perdona",
                                               "perdone",
                                               "disculpa",
                                               "excuse",
                                               "tell everyone hi",
                                               "say hi",
                                               "give my love",
                                               "dale un beso",
                                               "dale recuerdos",
                                               "da recuerdos",
                                               "please allow",
                                               "allow two",
                                               "allow up to",
                                               "if anything",
                                               "hacer nada",
                                               "haga nada",
                                               "hagas nada",
                                               "do anything",
                                               "anything else",
                                               "keep this",
                                               "conserve este",
                                               "conserva este",
                                               "let me know how it",
                                               "ver mas"};

template <size_t count>
bool is_one(std::string_view word, const std::string_view (&list)[count]) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

bool holds(std::string_view folded, std::initializer_list<std::string_view> phrases) {
  return std::any_of(phrases.begin(), phrases.end(), [&](std::string_view phrase) {
    return folded.find(phrase) != std::string_view::npos;
  });
}

size_t introducer_at(const std::vector<Token>& tokens, size_t at) {
  size_t longest = 0;
  for (const std::string_view phrase : introducers) {
    size_t length = 0;
    bool fits = true;
    for (const std::string_view word : base::split(phrase, ' ')) {
      if (at + length >= tokens.size() || tokens[at + length].folded != word) {
        fits = false;
        break;
      }
      ++length;
    }
    if (fits) longest = std::max(longest, length);
  }
  return longest;
}

// The end of the clause that begins at token `from`, as a token number behind it.
size_t clause_end(std::string_view text, const std::vector<Token>& tokens, size_t from) {
  constexpr size_t longest = 18;
  size_t end = from;
  while (end < tokens.size() && end - from < longest) {
    if (end > from + 1 && is_one(tokens[end].folded, stops)) break;
    ++end;
    if (end >= tokens.size()) break;
    const std::string_view gap =
        text.substr(tokens[end - 1].end, tokens[end].begin - tokens[end - 1].end);
    if (gap.find_first_of(";:?!()\n") != std::string_view::npos && gap.find(':') != 0) {
      break;
    }
    if (gap.find("¿") != std::string_view::npos || gap.find(" - ") != std::string_view::npos ||
        gap.find("—") != std::string_view::npos || gap.find(". ") != std::string_view::npos) {
      break;
    }
    // A comma ends it once something was asked, unless a list goes on.
    if (gap.find(',') != std::string_view::npos && end - from >= 3) break;
  }
  return end;
}

std::string date_text(const base::Date& date) { return base::format_date(date); }

std::string time_text(const base::Date& date, int minute, const std::string& zone) {
  base::LocalTime local;
  local.date = base::add_days(date, minute / 1440);
  local.hour = minute % 1440 / 60;
  local.minute = minute % 60;
  return base::format_rfc3339(base::from_local(local, zone), zone);
}

std::string due_text(const Moment& moment, const std::string& zone) {
  if (moment.from && moment.deadline) return time_text(moment.last, *moment.from, zone);
  return date_text(moment.last);
}

// Takes the moment, and the preposition before it, off the end of a clause.
std::string without_moments(std::string_view text, size_t begin, size_t end,
                            const std::vector<Moment>& moments) {
  std::string result;
  size_t at = begin;
  for (const Moment& moment : moments) {
    if (moment.begin < at || moment.end > end || !moment.dated) continue;
    result += text.substr(at, moment.begin - at);
    for (bool again = true; again;) {
      again = false;
      result = std::string(base::trim(result));
      const std::string lower = " " + base::fold(result);
      for (const std::string_view word : {" by",
                                          " before",
                                          " on",
                                          " at",
                                          " until",
                                          " no later than",
                                          " due",
                                          " for",
                                          " antes del",
                                          " antes de las",
                                          " antes de",
                                          " para el",
                                          " para",
                                          " el",
                                          " hasta el",
                                          " hasta",
                                          " a las",
                                          " del",
                                          " de",
                                          " the",
                                          " end",
                                          " this",
                                          " como muy tarde",
                                          " a mas tardar",
                                          " por la",
                                          " a la",
                                          " la",
                                          " las",
                                          " in",
                                          " en",
                                          " from",
                                          " between",
                                          " within",
                                          ","}) {
        if (lower.ends_with(word) && result.size() >= word.size()) {
          result.resize(result.size() -
                        std::min(result.size(), word.size() - (word[0] == ' ' ? 1 : 0)));
          again = true;
          break;
        }
      }
    }
    result += " ";
    at = moment.end;
  }
  if (at < end) result += text.substr(at, end - at);
  return base::collapse_spaces(result);
}

// Without words that say how soon or introduce: what is left is what to do.
std::string plain_task(std::string text) {
  for (bool again = true; again;) {
    again = false;
    for (const std::string_view words : haste) {
      // Whole words, compared without case.
      const std::string lower = " " + base::lower_ascii(text) + " ";
      const std::string wanted = " " + std::string(words);
      const size_t at = lower.find(wanted);
      if (at == std::string::npos) continue;
      const char behind = lower[at + wanted.size()];
      if (behind != ' ' && behind != ',' && behind != '.' && behind != '!') continue;
      text.erase(at, std::min(words.size(), text.size() - at));
      again = true;
    }
  }
  text = base::collapse_spaces(text);
  const std::string lower = base::lower_ascii(text);
  for (const std::string_view start :
       {"le informamos de que ", "te informamos de que ", "les informamos de que ",
        "le recordamos que ", "te recordamos que ", "we inform you that ",
        "this is a reminder that ", "please note that ", "we remind you that ", "recuerda que ",
        "recuerde que ", "a reminder that "}) {
    if (lower.starts_with(start)) text.erase(0, start.size());
  }
  return text;
}

bool has_pronoun_only(std::string_view folded) {
  return holds(folded, {" it ",        " him ",        " her ",        " them ",      " lo ",
                        " la abone ",  " los ",        " recogerlo ",  " recogerla ", " recogerle ",
                        " buscarle ",  " buscarlo ",   " buscarla ",   " pagarla ",   " pagarlo ",
                        " firmarlo ",  " firmarla ",   " renovarlo ",  " renovarla ", " renuevalo ",
                        " renuevelo ", " devolverlo ", " devolverla ", " enviarlo ",  " enviarla ",
                        " revisarlo ", " revisarla ",  " confirmarlo "});
}

// "Confírmame", "tell me": what about, only the subject says.
bool says_little(std::string_view text) {
  size_t words = 0;
  for (const base::Word& word : base::words(text)) {
    const std::string folded = base::fold(text.substr(word.begin, word.end - word.begin));
    if (!base::is_stop_word(folded) && folded.size() > 2) ++words;
  }
  return words <= 1;
}

// Takes prepositions and articles off the end that a removed day has left: "dar de comer del 3 al".
std::string without_loose_end(std::string text) {
  static constexpr std::string_view loose[] = {
      "al",   "del", "de",  "a",  "antes", "el", "la",    "los",   "por",    "para", "en",  "y",
      "to",   "by",  "on",  "at", "the",   "of", "from",  "until", "before", "dia",  "and", "for",
      "with", "con", "que", "or", "o",     "in", "hasta", "sobre", "around", "next"};
  for (;;) {
    while (!text.empty() &&
           std::string_view(" .,;:?!-").find(text.back()) != std::string_view::npos)
      text.pop_back();
    const std::vector<base::Word> words = base::words(text);
    if (words.size() < 2 || words.back().end != text.size()) return text;
    const std::string last = base::fold(std::string_view(text).substr(words.back().begin));
    const std::string before = base::fold(
        std::string_view(text).substr(words[words.size() - 2].begin,
                                      words[words.size() - 2].end - words[words.size() - 2].begin));
    const bool number = last.find_first_not_of("0123456789") == std::string::npos &&
                        (before == "del" || before == "from");
    if (!number && !is_one(last, loose)) return text;
    text.resize(words.back().begin);
  }
}

std::string trimmed_clause(std::string text) {
  while (!text.empty() &&
         std::string_view(" .,;:?!-)").find(text.back()) != std::string_view::npos) {
    text.pop_back();
  }
  while (!text.empty() &&
         std::string_view(" .,;:-(").find(text.front()) != std::string_view::npos) {
    text.erase(0, 1);
  }
  return text;
}

// An imperative at the beginning, perhaps behind a name or "and".
std::optional<std::pair<size_t, size_t>> imperative_at(const Sentence& sentence,
                                                       const std::vector<Token>& tokens,
                                                       size_t first) {
  const std::string_view text = sentence.text;
  if (tokens.size() > first + 2 && text.substr(tokens[first].end, 1) == ",") ++first;
  while (first + 1 < tokens.size() &&
         (tokens[first].folded == "and" || tokens[first].folded == "y" ||
          tokens[first].folded == "then" || tokens[first].folded == "luego" ||
          tokens[first].folded == "also" || tokens[first].folded == "tambien" ||
          tokens[first].folded == "so" || tokens[first].folded == "asi")) {
    ++first;
  }
  if (first >= tokens.size() || !is_one(tokens[first].folded, imperatives)) return std::nullopt;
  if (first + 1 == tokens.size()) {
    if (!is_one(tokens[first].folded, clear_imperatives) || sentence.heading) return std::nullopt;
    return std::pair(first, first + 1);
  }
  const std::string& next = tokens[first + 1].folded;
  static constexpr std::string_view of_nouns[] = {
      "de",  "del", "confirmada", "confirmado", "confirmed", "is",   "es",
      "was", "ha",  "has",        "que",        "se",        "will", "number",
      "n",   "s",   "realizada",  "recibido",   "received"};
  if (is_one(next, of_nouns) || sentence.heading) return std::nullopt;
  // "Entrega: sábado", "Check-in from 3".
  const std::string_view behind =
      text.substr(tokens[first].end, tokens[first + 1].begin - tokens[first].end);
  if (behind.starts_with(':') || behind.starts_with('-')) return std::nullopt;
  // A name that only looks like one: "Dale Heating".
  const char last = text.back();
  const bool ended = last == '.' || last == '!' || last == '?' || last == ',' || last == ':';
  if (tokens.size() <= 3 && !ended) return std::nullopt;
  return std::pair(first, clause_end(text, tokens, first));
}

// The request of a sentence, if it makes one.
std::optional<std::pair<size_t, size_t>> request_in(const Sentence& sentence,
                                                    const std::vector<Token>& tokens) {
  if (tokens.empty()) return std::nullopt;
  const std::string_view text = sentence.text;
  for (size_t at = 0; at < tokens.size(); ++at) {
    const size_t length = introducer_at(tokens, at);
    if (length == 0 || at + length >= tokens.size()) continue;
    const std::string& first_word = tokens[at].folded;
    // "no hace falta que …", "you don't have to …"
    if (at > 0 && (tokens[at - 1].folded == "no" || tokens[at - 1].folded == "not" ||
                   tokens[at - 1].folded == "lo" || tokens[at - 1].folded == "la")) {
      continue;
    }
    // Politeness in the middle of an imperative says nothing of its own.
    if (at > 0 && (first_word == "please" || first_word == "por" || first_word == "porfa")) {
      const std::string_view before =
          text.substr(tokens[at - 1].end, tokens[at].begin - tokens[at - 1].end);
      if (imperative_at(sentence, tokens, 0)) break;
      if (before.find(',') != std::string_view::npos && sentence.question) continue;
      // "Vacía la pared, por favor, que …": what is asked stands before.
      if (before.find(',') != std::string_view::npos && at >= 2) {
        size_t from = at - 1;
        while (from > 0 && at - from < 14 &&
               text.substr(tokens[from - 1].end, tokens[from].begin - tokens[from - 1].end)
                       .find_first_of(",.:;!?") == std::string_view::npos) {
          --from;
        }
        if (at - from >= 2) return std::pair(from, at);
      }
      // "Traiga por favor las muestras".
      if (before == " " && at + length < tokens.size()) {
        size_t from = at;
        while (from > 0 && at - from < 6 &&
               text.substr(tokens[from - 1].end, tokens[from].begin - tokens[from - 1].end)
                       .find_first_of(",.:;!?") == std::string_view::npos) {
          --from;
        }
        return std::pair(from, clause_end(text, tokens, at + length));
      }
    }
    // Outside a question "puedes" allows and does not ask.
    static constexpr std::string_view modal[] = {"can",    "could",   "would",  "will",
                                                 "puedes", "podrias", "podeis", "puede",
                                                 "podria", "podriais"};
    if (!sentence.question && is_one(first_word, modal)) continue;
    size_t from = at + length;
    // "please, can you": the later one says more.
    if (const size_t more = introducer_at(tokens, from); more > 0 && from + more < tokens.size()) {
      from += more;
    }
    while (from < tokens.size() &&
           (tokens[from].folded == "also" || tokens[from].folded == "tambien" ||
            tokens[from].folded == "just" || tokens[from].folded == "me" ||
            tokens[from].folded == "nos" || tokens[from].folded == "kindly" ||
            tokens[from].folded == "que" || tokens[from].folded == "to")) {
      ++from;
    }
    const std::string_view gap = text.substr(
        tokens[at + length - 1].end,
        tokens[std::min(at + length, tokens.size() - 1)].begin - tokens[at + length - 1].end);
    if (gap.find_first_of(".?!;") != std::string_view::npos) continue;
    const size_t end = clause_end(text, tokens, from);
    if (end - from >= 2 || (end - from == 1 && tokens[from].folded.size() > 4)) {
      return std::pair(from, end);
    }
  }
  if (const auto found = imperative_at(sentence, tokens, 0)) return found;
  // "¿Me mandas las fotos?", "¿Nos traes el pan?", "¿Puede venir alguien a recogerlo?"
  if (sentence.question) {
    for (size_t at = 0; at + 2 < tokens.size(); ++at) {
      const std::string& word = tokens[at].folded;
      const bool begins =
          at == 0 ||
          text.substr(tokens[at - 1].end, tokens[at].begin - tokens[at - 1].end)
                  .find_first_of(",.:?!") != std::string_view::npos ||
          text.substr(tokens[at - 1].end, tokens[at].begin - tokens[at - 1].end).find("¿") !=
              std::string_view::npos;
      if (!begins) continue;
      const std::string& next = tokens[at + 1].folded;
      const bool asks_me = (word == "me" || word == "nos" || word == "le" || word == "les" ||
                            word == "lo" || word == "la" || word == "los" || word == "las") &&
                           next.ends_with('s') && !next.ends_with("mos") && next.size() > 4 &&
                           next != "gustas";
      if (!asks_me && word != "puede" && word != "pueden") continue;
      const size_t end = clause_end(text, tokens, at + 1);
      return std::pair(at + 1, end);
    }
  }
  // An imperative behind a comma.
  for (size_t at = 1; at + 1 < tokens.size(); ++at) {
    const std::string_view gap =
        text.substr(tokens[at - 1].end, tokens[at].begin - tokens[at - 1].end);
    const std::string& before = tokens[at - 1].folded;
    const bool begins = gap.find_first_of(",:;") != std::string_view::npos || before == "y" ||
                        before == "and" || before == "please" || before == "favor";
    if (!begins || !is_one(tokens[at].folded, clear_imperatives)) continue;
    const size_t end = clause_end(text, tokens, at);
    if (end - at >= 1) return std::pair(at, end);
  }
  return std::nullopt;
}

// What is owed by a day although nobody asks: an invoice, a form, a renewal.
bool is_owed(std::string_view folded) {
  const bool thing = holds(
      folded, {" factura ",      " invoice ",  " recibo ",    " payment ",      " pago ",
               " cuota ",        " fee ",      " balance ",   " importe ",      " amount ",
               " formulario ",   " form ",     " solicitud ", " application ",  " inscripcion ",
               " registration ", " plazo ",    " deadline ",  " fecha limite ", " renewal ",
               " renovacion ",   " itv ",      " book ",      " books ",        " libro ",
               " libros ",       " seguro ",   " matricula ", " rent ",         " alquiler ",
               " tax ",          " impuesto ", " multa ",     " fine ",         " policy "});
  const bool owed = holds(
      folded, {" due ", " vence ", " vencen ", " antes del ", " antes de ", " before ", " by ",
               " hasta el ", " plazo ", " deadline ", " must be ", " debe ", " limite ", " until ",
               " expires ", " caduca ", " pendiente ", " outstanding ", " overdue "});
  const bool settled =
      holds(folded, {" direct debit ", " domiciliad", " se cargara ", " will be charged ",
                     " automatically ", " automaticamente ", " has been paid ", " pagada ",
                     " ha sido abonad", " no action ", " no tiene que ", " no tienes que "});
  return thing && owed && !settled;
}

std::string owed_verb(std::string_view folded, base::Language language) {
  const bool money = holds(
      folded, {" factura ", " invoice ", " recibo ", " payment ", " pago ", " cuota ", " fee ",
               " balance ", " importe ", " amount ", " rent ", " alquiler ", " multa ", " fine "});
  if (!money) return "";
  return language == base::Language::spanish ? "pagar: " : "pay: ";
}

// A name for what takes place: the subject where it says something.
std::string title_for(const Mail& mail, const Sentence& sentence) {
  const std::string subject = plain_subject(mail.subject);
  const std::string folded = phrase_text(subject);
  static constexpr std::string_view generic[] = {
      " hola ", " hi ",    " hello ",  " una cosa ", " question ",     " pregunta ",
      " hoy ",  " today ", " mañana ", " tomorrow ", " recordatorio ", " reminder "};
  if (subject.size() > 3 &&
      std::find(std::begin(generic), std::end(generic), folded) == std::end(generic)) {
    return subject;
  }
  return std::string(base::cut_utf8(sentence.text, 80));
}

bool is_place_noun(std::string_view word) {
  static constexpr std::string_view nouns[] = {
      "casa",     "oficina",    "oficinas",    "consulta",     "clinica",    "colegio",
      "cole",     "bar",        "restaurante", "estacion",     "aeropuerto", "sala",
      "aula",     "despacho",   "hospital",    "parque",       "plaza",      "calle",
      "avenida",  "biblioteca", "cafeteria",   "centro",       "taller",     "estudio",
      "gimnasio", "teatro",     "office",      "school",       "station",    "airport",
      "clinic",   "room",       "house",       "home",         "place",      "pub",
      "cafe",     "park",       "street",      "library",      "surgery",    "hotel",
      "church",   "hall",       "centre",      "center",       "theatre",    "studio",
      "gym",      "restaurant", "notaria",     "ayuntamiento", "puerta",     "gate"};
  return is_one(word, nouns);
}

std::string place_in(std::string_view text, const std::vector<Moment>& moments) {
  const std::vector<Token> tokens = tokens_of(text);
  for (size_t at = 0; at + 1 < tokens.size(); ++at) {
    const std::string& word = tokens[at].folded;
    const std::string_view behind =
        text.substr(tokens[at].end, tokens[at + 1].begin - tokens[at].end);
    const bool field = (word == "lugar" || word == "direccion" || word == "location" ||
                        word == "where" || word == "place" || word == "venue" ||
                        word == "address" || word == "donde" || word == "sala") &&
                       behind.starts_with(":");
    if (!field && word != "en" && word != "at" && word != "in") continue;
    if (!field && behind != " ") continue;
    size_t first = at + 1, end = first;
    bool named = field;
    while (end < tokens.size() && end - first < (field ? 12U : 8U)) {
      const bool inside = std::any_of(moments.begin(), moments.end(), [&](const Moment& moment) {
        return tokens[end].begin >= moment.begin && tokens[end].begin < moment.end;
      });
      if (inside) break;
      const std::string& here = tokens[end].folded;
      if (!field && end > first &&
          (here == "a" || here == "y" || here == "para" || here == "con" || here == "si" ||
           here == "and" || here == "with" || here == "on" || here == "from" || here == "at" ||
           here == "que" || here == "por" || here == "to" || here == "for" || here == "if" ||
           here == "so")) {
        break;
      }
      const char letter = text[tokens[end].begin];
      named = named || (letter >= 'A' && letter <= 'Z') || is_place_noun(here) ||
              static_cast<unsigned char>(letter) == 0xC3;
      ++end;
      if (end < tokens.size()) {
        const std::string_view gap =
            text.substr(tokens[end - 1].end, tokens[end].begin - tokens[end - 1].end);
        if (gap.find_first_of(field ? ".;?!\n(" : ".,;?!:\n(") != std::string_view::npos) break;
      }
    }
    if (end == first || !named) continue;
    std::string place(text.substr(tokens[first].begin, tokens[end - 1].end - tokens[first].begin));
    const std::string folded = " " + base::fold(place) + " ";
    // A preposition or article that was left over.
    for (const std::string_view rest :
         {" el ", " la ", " the ", " de ", " del ", " of ", " los "}) {
      if (folded.ends_with(rest) && place.size() > rest.size())
        place.resize(place.size() - rest.size() + 1);
    }
    if (place.size() < 3) continue;
    return place;
  }
  return {};
}

std::string when_text(const domain::When& when, const std::string& zone) {
  if (const auto* instant = std::get_if<domain::Instant>(&when)) {
    return base::format_rfc3339(instant->time, zone);
  }
  if (const auto* day = std::get_if<domain::AllDay>(&when)) return base::format_date(day->date);
  return base::format_rfc3339(base::from_local(std::get<domain::Floating>(when).local, zone), zone);
}

bool impersonal_mail(const Mail& mail) {
  return is_automatic(mail) || is_list(mail) || !is_person_like(mail);
}

void find_appointments(const Mail& mail, const Mailbox& mailbox, Findings& found) {
  const std::string& zone = mailbox.owner.zone;
  const base::LocalTime written = written_at(mail, mailbox);
  for (const domain::Invitation& invitation : mail.details.invitations) {
    if (invitation.cancelled) {
      found.cancels = true;
      continue;
    }
    Appointment appointment;
    appointment.title = invitation.title;
    appointment.start = when_text(invitation.start, zone);
    if (invitation.end && std::holds_alternative<domain::Instant>(*invitation.end)) {
      appointment.end = when_text(*invitation.end, zone);
    }
    appointment.place = invitation.place;
    found.appointments.push_back(std::move(appointment));
  }
  if (!mail.details.invitations.empty()) return;

  std::vector<Sentence> sentences = sentences_of(mail.subject, false);
  const size_t of_subject = sentences.size();
  sentences.insert(sentences.end(), mail.sentences.begin(), mail.sentences.end());
  const bool about_meeting = count_phrases(mail.folded, "meeting") > 0;
  const bool impersonal = impersonal_mail(mail);
  const bool booking =
      holds(mail.folded,
            {" booking ", " reserva ", " localizador ", " booked ", " confirmed ", " confirmacion ",
             " confirmada ", " confirmado ", " ticket", " entradas ", " billete", " su viaje ",
             " your flight ", " su cita ", " your appointment ", " reservation "});
  std::vector<Moment> explicit_days;
  for (const Moment& moment : find_moments(mail.subject + "\n" + mail.text, written)) {
    if (moment.dated && (!moment.relative || moment.first.month != written.date.month))
      explicit_days.push_back(moment);
  }
  std::optional<Moment> day;  // the day spoken of last
  std::string place;
  for (const Sentence& sentence : sentences) {
    if (!place.empty()) break;
    const std::string& folded = sentence.folded;
    if (holds(folded, {" lugar ", " direccion ", " location ", " where ", " venue ", " place ",
                       " address "}) &&
        sentence.text.find(": ") != std::string::npos) {
      place = place_in(sentence.text, {});
    }
  }
  for (size_t number = 0; number < sentences.size(); ++number) {
    const Sentence& sentence = sentences[number];
    const std::vector<Moment> moments = find_moments(sentence.text, written);
    const std::string& folded = sentence.folded;
    const bool moves =
        holds(folded, {" move ",        " moved ",           " mover ",           " movemos ",
                       " movido ",      " pasa al ",         " pasa a ",          " pasamos ",
                       " cambia ",      " cambiamos ",       " cambiado ",        " changed ",
                       " rescheduled ", " postponed ",       " aplaza",           " adelanta",
                       " retras",       " brought forward ", " new time ",        " nueva hora ",
                       " nueva fecha ", " pasar al ",        " pasarla ",         " moverla ",
                       " cambio de ",   " cambiamos dia ",   " cambia de dia ",   " de fecha ",
                       " new date ",    " change to ",       " schedule change ", " queria decir ",
                       " i meant ",     " instead of ",      " en vez del ",      " en vez de el ",
                       " corregi",      " corrections ",     " moverla "});
    // "¿Podemos vernos a las once y media?": what is proposed counts and not what it makes way for.
    const bool proposes =
        sentence.question &&
        holds(folded, {" vernos ", " quedar ", " quedamos ", " meet ", " podemos ", " can we ",
                       " could we ", " shall we ", " te viene ", " work for "});
    const bool cannot =
        holds(folded,
              {" no puedo ", " no podre ", " no podemos ", " can t ", " cannot ", " won t be able ",
               " not able to ", " imposible ", " no me viene ", " doesn t work ", " don t work "});
    const bool cancels =
        holds(folded, {" se cancela ", " cancelad", " cancelled ", " canceled ", " anulad",
                       " se anula ", " called off ", " suspendid", " se suspende "});
    if (moves && (!moments.empty() || number < of_subject)) found.moves = true;
    if (cancels && number >= of_subject) found.cancels = true;
    const bool past = holds(
        folded, {" was ", " fue ", " estuvo ", " were ", " yesterday ", " ayer ", " estuvimos "});
    const bool attends =
        count_phrases(folded, "meeting") > 0 ||
        holds(folded,
              {" hora ",      " time ",     " fecha ",        " date ",          " salida ",
               " departure ", " llegamos ", " viene ",        " vienen ",        " comes ",
               " come by ",   " pasara ",   " pasaran ",      " start",          " empieza",
               " comienza",   " begins ",   " work for you ", " te viene ",      " os viene ",
               " le viene ",  " suit you ", " free ",         " libre ",         " hueco ",
               " slot ",      " join ",     " arrive ",       " can come ",      " come to ",
               " come and ",  " be in ",    " deliver",       " entreg",         " junta ",
               " asamblea ",  " convoca",   " puedo pasar ",  " podemos pasar ", " service the ",
               " venid ",     " venir ",    " acudir ",       " acuda ",         " pasar por ",
               " reuni",      " pick up ",  " recoger ",      " recog",          " turno ",
               " shift ",     " acto ",     " ceremon",       " pasare ",        " vernos ",
               " meet ",      " vemos ",    " veamos ",       " confirm"});
    // Every week is no appointment, and neither are opening hours.
    const bool habitual =
        holds(folded, {" los lunes ",   " los martes ",  " los miercoles ", " los jueves ",
                       " los viernes ", " los sabados ", " los domingos ",  " lunes y ",
                       " martes y ",    " miercoles y ", " every ",         " cada ",
                       " mondays ",     " tuesdays ",    " wednesdays ",    " thursdays ",
                       " fridays ",     " lunes a ",     " monday to ",     " mon fri ",
                       " dilluns i ",   " todos los "});
    const bool hours =
        holds(folded, {" abrimos ", " abierto ", " abierta ", " open ", " opening ", " cerramos ",
                       " closed ", " horario ", " mantenimiento ", " maintenance ", " se cortara ",
                       " corte ", " caduca ", " expires ", " a partir de ", " hecha ",
                       " realizado ", " registrada "});
    if (habitual) continue;
    std::vector<Moment> candidates;
    int open = 0;
    for (const Moment& moment : moments) {
      if (moment.left || moment.deadline) continue;
      if (moment.dated && moment.first == moment.last) day = moment;
      if (moment.from) ++open;
      candidates.push_back(moment);
    }
    if (cannot && !moves && open < 2) continue;
    if (cancels && !moves) continue;
    if (past && !moves) continue;
    if (moves && candidates.size() > 1) candidates.erase(candidates.begin(), candidates.end() - 1);
    // Several times to choose from are no appointment yet.
    const bool choice = open > 1 && holds(folded, {" o ", " or ", " u "}) && !moves;
    if (choice) continue;
    for (const Moment& moment : candidates) {
      if (!moment.from) continue;
      Moment at = moment;
      if (!at.dated) {
        const bool today = holds(
            folded, {" hoy ", " today ", " tonight ", " esta tarde ", " esta noche ",
                     " this evening ", " this afternoon ", " esta mañana ", " this morning "});
        if (!day && !today) continue;
        if (day) at.first = at.last = day->first;
        // In a letter from a person the day was named a sentence before: "Come around nine."
        if ((!attends && impersonal) || !about_meeting) continue;
      }
      if (at.first != at.last) continue;
      // "A las nueve y media" of a mail about a dinner is in the evening.
      if (at.guessed && *at.from >= 8 * 60 && *at.from < 12 * 60 &&
          holds(mail.folded, {" cena ", " cenar ", " dinner ", " tonight ", " esta noche ",
                              " concierto ", " concert ", " copas ", " drinks "})) {
        *at.from += 12 * 60;
        if (at.to && *at.to < 12 * 60) *at.to += 12 * 60;
      }
      const bool booked = booking && !at.relative;
      if ((hours || (impersonal && !booked)) && !attends) continue;
      // "el día 6" of a mail that speaks of 6 July.
      if (at.relative && at.dated) {
        for (const Moment& stated : explicit_days) {
          if (stated.first.day == at.first.day && stated.first != at.first &&
              at.first < stated.first &&
              sentence.text.find(std::to_string(at.first.day)) != std::string::npos) {
            at.first = at.last = stated.first;
            break;
          }
        }
      }
      const std::string start = time_text(at.first, *at.from, zone);
      const auto begins = base::parse_rfc3339(start);
      if (!begins || (mail.sent && *begins < *mail.sent)) continue;
      if (base::days_between(written.date, at.first) > 400) continue;
      const std::string lead = phrase_text(std::string_view(sentence.text)
                                               .substr(moment.begin > 24 ? moment.begin - 24 : 0,
                                                       std::min<size_t>(24, moment.begin)));
      const bool arrival = holds(lead, {" llegada ", " arriv", " llega ", " ends ", " termina ",
                                        " fin ", " vuelta ", " regreso ", " back ", " land"});
      if (arrival && !found.appointments.empty()) {
        if (found.appointments.back().end.empty() && found.appointments.back().start < start) {
          found.appointments.back().end = start;
        }
        continue;
      }
      Appointment appointment;
      appointment.start = start;
      if (at.to) appointment.end = time_text(at.first, *at.to, zone);
      appointment.title = title_for(mail, sentence);
      appointment.place = place.empty() ? place_in(sentence.text, moments) : place;
      const auto same =
          std::find_if(found.appointments.begin(), found.appointments.end(),
                       [&](const Appointment& other) { return other.start == appointment.start; });
      if (same != found.appointments.end()) {
        if (same->place.empty()) same->place = appointment.place;
        if (same->end.empty()) same->end = appointment.end;
        continue;
      }
      // Of several times named for one day the first is when to be there.
      const bool again = std::any_of(
          found.appointments.begin(), found.appointments.end(), [&](const Appointment& other) {
            return other.start.substr(0, 10) == appointment.start.substr(0, 10);
          });
      if (again && !moves && !proposes) continue;
      if (again) {
        std::erase_if(found.appointments, [&](const Appointment& other) {
          return other.start.substr(0, 10) == appointment.start.substr(0, 10);
        });
      }
      found.appointments.push_back(std::move(appointment));
    }
  }
}

// Whether what was asked for follows "necesito" or "we need" and is a thing, not something to do.
bool is_lacking(const std::vector<Token>& tokens, size_t first) {
  for (const std::string_view phrase : lacking) {
    const std::vector<std::string_view> words = base::split(phrase, ' ');
    if (first < words.size()) continue;
    bool fits = true;
    for (size_t index = 0; index < words.size(); ++index) {
      fits = fits && tokens[first - words.size() + index].folded == words[index];
    }
    if (!fits || first >= tokens.size()) continue;
    const std::string& next = tokens[first].folded;
    static constexpr std::string_view of_things[] = {"el", "la",   "los", "las", "un",    "una",
                                                     "tu", "su",   "tus", "sus", "the",   "a",
                                                     "an", "your", "two", "dos", "copia", "copy"};
    return is_one(next, of_things) || phrase.ends_with("your") ||
           phrase.find("have") != phrase.npos;
  }
  return false;
}

// "ring me" → "ring Joan"; "llámame" → "llámame (a Carmen)": a task is read without its mail.
std::string with_name(std::string what, const Mail& mail) {
  if (!is_person_like(mail) || mail.from.name.empty()) return what;
  const std::vector<base::Word> words = base::words(mail.from.name);
  if (words.empty()) return what;
  const std::string name = mail.from.name.substr(words[0].begin, words[0].end - words[0].begin);
  std::string lower = " " + base::lower_ascii(what) + " ";
  if (const size_t at = lower.find(" me ");
      at != std::string::npos && mail.language == base::Language::english) {
    return what.replace(at, 2, name);
  }
  if (mail.language != base::Language::spanish) return what;
  const std::vector<Token> tokens = tokens_of(what);
  if (tokens.empty()) return what;
  const std::string& verb = tokens[0].folded;
  if (verb.size() > 3 && verb.ends_with("me") && what.size() < 90) {
    what.insert(tokens[0].end, " a " + name);
  }
  return what;
}

void find_requests(const Mail& mail, const Mailbox& mailbox, Findings& found) {
  const std::string& zone = mailbox.owner.zone;
  const base::LocalTime written = written_at(mail, mailbox);
  // A deadline holds for what is asked beside it, where the mail names only one.
  std::optional<Moment> only_deadline;
  bool several = false;
  for (const Moment& moment : find_moments(mail.subject + "\n" + mail.text, written)) {
    const bool far = base::days_between(written.date, moment.last) < 0;
    if (!moment.deadline || !moment.dated || far) continue;
    several = several || (only_deadline && only_deadline->last != moment.last);
    only_deadline = moment;
  }
  if (several) only_deadline.reset();
  // And a mail that names only one day to come means that day.
  std::optional<Moment> only_day;
  bool more_days = false;
  for (const Moment& moment : find_moments(mail.subject + "\n" + mail.text, written)) {
    if (!moment.dated || moment.left || moment.first != moment.last ||
        moment.first < written.date || base::days_between(written.date, moment.first) > 60) {
      continue;
    }
    more_days = more_days || (only_day && only_day->first != moment.first);
    only_day = moment;
  }
  if (more_days || impersonal_mail(mail)) only_day.reset();
  std::vector<ActionItem> owed;
  const bool impersonal = impersonal_mail(mail);
  const std::string subject = plain_subject(mail.subject);
  for (size_t number = 0; number < mail.sentences.size(); ++number) {
    const Sentence& sentence = mail.sentences[number];
    const std::string& folded = sentence.folded;
    if (std::any_of(std::begin(empty_requests), std::end(empty_requests),
                    [&](std::string_view phrase) {
                      return folded.find(" " + std::string(phrase)) != std::string::npos;
                    })) {
      continue;
    }
    const std::vector<Token> tokens = tokens_of(sentence.text);
    const std::vector<Moment> moments = find_moments(sentence.text, written);
    ActionItem item;
    const auto request = request_in(sentence, tokens);
    if (request) {
      item.what = without_loose_end(trimmed_clause(
          plain_task(trimmed_clause(without_moments(sentence.text, tokens[request->first].begin,
                                                    tokens[request->second - 1].end, moments)))));
      if (is_lacking(tokens, request->first)) {
        item.what = (mail.language == base::Language::spanish ? "enviar " : "send ") + item.what;
      }
      item.what = with_name(std::move(item.what), mail);
      if ((has_pronoun_only(phrase_text(item.what)) || says_little(item.what)) &&
          subject.size() < 50 && !subject.empty()) {
        item.what += " (" + subject + ")";
      }
    } else if (is_owed(folded) && !sentence.question) {
      const auto owed_by = std::find_if(moments.begin(), moments.end(),
                                        [](const Moment& moment) { return moment.dated; });
      if (owed_by == moments.end()) continue;
      item.what = trimmed_clause(plain_task(
          trimmed_clause(without_moments(sentence.text, 0, sentence.text.size(), moments))));
      if (says_little(item.what) || item.what.size() < 18)
        item.what = subject.empty() ? item.what : subject;
      item.what = owed_verb(folded, mail.language) + item.what;
    } else {
      continue;
    }
    if (item.what.size() < 5) continue;
    // What a machine suggests is a task only where it has a day; "avísenos si no puede" is none.
    if (impersonal) {
      const bool conditional = holds(phrase_text(item.what), {" si ", " if "});
      const bool has_day = std::any_of(moments.begin(), moments.end(),
                                       [](const Moment& moment) { return moment.dated; });
      if (conditional || (!has_day && !only_deadline && is_automatic(mail))) continue;
    }
    item.what = std::string(base::cut_utf8(item.what, 160));
    const auto dated = [](const Moment& moment) { return moment.dated && !moment.left; };
    const auto deadline = std::find_if(moments.begin(), moments.end(), [&](const Moment& moment) {
      return dated(moment) && moment.deadline;
    });
    const auto any = std::find_if(moments.begin(), moments.end(), dated);
    if (deadline != moments.end()) {
      item.due = due_text(*deadline, zone);
    } else if (any != moments.end()) {
      item.due = due_text(*any, zone);
    } else if (only_deadline) {
      item.due = due_text(*only_deadline, zone);
    } else if (number + 1 < mail.sentences.size()) {
      for (const Moment& moment : find_moments(mail.sentences[number + 1].text, written)) {
        if (moment.dated && moment.deadline) item.due = due_text(moment, zone);
      }
    }
    if (item.due.empty() && request && only_day) item.due = base::format_date(only_day->first);
    // What is due before the mail was written is history.
    if (!item.due.empty() && item.due.substr(0, 10) < date_text(written.date)) item.due.clear();
    const bool known = std::any_of(
        found.action_items.begin(), found.action_items.end(),
        [&](const ActionItem& other) { return base::fold(other.what) == base::fold(item.what); });
    if (known) continue;
    if (!request) {
      owed.push_back(std::move(item));
    } else if (found.action_items.size() < 5) {
      found.action_items.push_back(std::move(item));
    }
  }
  // What is merely due is told where nothing is asked outright.
  if (found.action_items.empty() && !owed.empty())
    found.action_items.push_back(std::move(owed.front()));
}

// What the owner promises in a mail of theirs.
void find_promises(const Mail& mail, const Mailbox& mailbox, Findings& found) {
  const base::LocalTime written = written_at(mail, mailbox);
  static constexpr std::string_view promises[] = {
      "i ll",     "i will",   "i m going to", "te mando",   "te envio", "le envio",
      "os mando", "os envio", "voy a",        "te lo paso", "te paso",  "me encargo de",
      "llevare",  "enviare",  "mandare",      "lo tendras", "te llamo", "te confirmo",
      "hare",     "mirare",   "preparo",      "llevo"};
  for (const Sentence& sentence : mail.sentences) {
    if (sentence.question) continue;
    for (const std::string_view promise : promises) {
      const size_t at = sentence.folded.find(" " + std::string(promise) + " ");
      if (at == std::string::npos) continue;
      const std::vector<Moment> moments = find_moments(sentence.text, written);
      ActionItem item;
      item.what = std::string(base::cut_utf8(
          trimmed_clause(without_moments(sentence.text, 0, sentence.text.size(), moments)), 160));
      for (const Moment& moment : moments) {
        if (moment.dated && item.due.empty()) item.due = due_text(moment, mailbox.owner.zone);
      }
      if (found.action_items.size() < 4) found.action_items.push_back(std::move(item));
      break;
    }
  }
}

}  // namespace

std::string plain_subject(std::string_view subject) {
  std::string_view rest = base::trim(subject);
  for (bool again = true; again;) {
    again = false;
    const std::string lower = base::lower_ascii(rest);
    for (const std::string_view start : {"re:", "fwd:", "fw:", "rv:", "aw:", "res:"}) {
      if (lower.starts_with(start)) {
        rest = base::trim(rest.substr(start.size()));
        again = true;
        break;
      }
    }
    if (!again && rest.starts_with('[') && rest.find(']') != std::string_view::npos &&
        rest.find(']') < 30) {
      rest = base::trim(rest.substr(rest.find(']') + 1));
      again = true;
    }
  }
  return std::string(rest);
}

Findings find_tasks(const Mail& mail, const Mailbox& mailbox) {
  Findings found;
  if (mail.mine) {
    find_promises(mail, mailbox, found);
    find_appointments(mail, mailbox, found);
    return found;
  }
  find_appointments(mail, mailbox, found);
  find_requests(mail, mailbox, found);
  return found;
}

}  // namespace lar::assistant
