// Sentences are looked at one by one. How people begin a request ("¿me puedes…", "please …", an
// imperative) and how verbs change when they ask is known (lexicon.h, data/phrases.*.txt); whether
// a sentence found so really leaves something to do is not decided here.
#include "assistant/requests.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <unordered_map>
#include <unordered_set>

#include "assistant/clauses.h"
#include "assistant/lexicon.h"
#include "assistant/mail_features.h"
#include "assistant/moments.h"
#include "base/time_expression.h"

namespace lar::assistant {
namespace {

using Kind = VerbForm::Kind;

// ---- phrases by their first word ----

using Phrases = std::unordered_map<std::string, std::vector<std::vector<std::string>>>;

Phrases by_first_word(std::string_view group) {
  Phrases made;
  for (const std::string& phrase : phrases(group)) {
    std::vector<std::string> rest;
    for (const std::string_view word : base::split(phrase, ' ')) rest.emplace_back(word);
    if (!rest.empty()) made[rest.front()].push_back(rest);
  }
  return made;
}

// How many tokens the longest phrase has that begins at token `at`.
size_t phrase_at(const Phrases& known, const std::vector<Token>& tokens, size_t at) {
  const auto found = known.find(tokens[at].folded);
  if (found == known.end()) return 0;
  size_t longest = 0;
  for (const std::vector<std::string>& phrase : found->second) {
    bool fits = at + phrase.size() <= tokens.size();
    for (size_t index = 1; fits && index < phrase.size(); ++index) {
      fits = tokens[at + index].folded == phrase[index];
    }
    if (fits) longest = std::max(longest, phrase.size());
  }
  return longest;
}

size_t introducer_at(const std::vector<Token>& tokens, size_t at) {
  static const Phrases known = by_first_word("ask.introducers");
  return phrase_at(known, tokens, at);
}

// The first place of a sentence where a phrase of the group begins: token and length.
std::optional<std::pair<size_t, size_t>> first_phrase(const Phrases& known,
                                                      const std::vector<Token>& tokens) {
  for (size_t at = 0; at < tokens.size(); ++at) {
    if (const size_t length = phrase_at(known, tokens, at); length > 0) {
      return std::pair(at, length);
    }
  }
  return std::nullopt;
}

std::string_view gap_before(std::string_view text, const std::vector<Token>& tokens, size_t at) {
  if (at == 0) return {};
  return text.substr(tokens[at - 1].end, tokens[at].begin - tokens[at - 1].end);
}

bool begins_clause(std::string_view text, const std::vector<Token>& tokens, size_t at) {
  if (at == 0) return true;
  const std::string_view gap = gap_before(text, tokens, at);
  return gap.find_first_of(",.:;?!(-") != std::string_view::npos ||
         gap.find("¿") != std::string_view::npos || gap.find("¡") != std::string_view::npos ||
         gap.find("—") != std::string_view::npos || gap.find("–") != std::string_view::npos;
}

// ---- words that ask ----

bool is_question_word(std::string_view word) {
  static constexpr std::string_view words[] = {
      "what", "which",  "when",   "where",   "who",     "whom",  "whose", "how",
      "why",  "que",    "cual",   "cuales",  "cuando",  "donde", "quien", "quienes",
      "como", "cuanto", "cuanta", "cuantos", "cuantas", "adonde"};
  return is_one(word, words);
}

bool is_auxiliary(std::string_view word) {
  static constexpr std::string_view words[] = {
      "are",  "is",    "do",   "does",  "did",    "have",   "has",    "had",
      "can",  "could", "will", "would", "shall",  "should", "may",    "might",
      "am",   "was",   "were", "must",  "isn",    "aren",   "don",    "doesn",
      "didn", "haven", "hasn", "won",   "wouldn", "couldn", "shouldn"};
  return is_one(word, words);
}

bool is_subject_pronoun(std::string_view word) {
  static constexpr std::string_view words[] = {
      "you",   "we",     "they",    "it",       "he",      "she",   "i",     "this",    "that",
      "there", "anyone", "anybody", "somebody", "someone", "these", "those", "everyone"};
  return is_one(word, words);
}

// Whether a question word opens the clause in which token `at` stands.
bool asks_openly(std::string_view text, const std::vector<Token>& tokens, size_t at) {
  for (size_t before = at + 1; before-- > 0;) {
    if (before < at && at - before > 6) return false;
    if (is_question_word(tokens[before].folded) && before < at) return true;
    if (begins_clause(text, tokens, before)) return false;
  }
  return false;
}

// ---- verbs that ask ----

bool is_english_verb(std::string_view word, bool clear) {
  static const auto set_of = [](std::string_view group) {
    const auto list = phrases(group);
    return std::unordered_set<std::string>(list.begin(), list.end());
  };
  static const std::unordered_set<std::string> all = set_of("ask.verbs");
  static const std::unordered_set<std::string> sure = set_of("ask.clear_verbs");
  return (clear ? sure : all).contains(std::string(word));
}

const VerbForm* asking_form(std::string_view word) {
  const VerbForm* form = spanish_verb(word);
  if (form == nullptr) return nullptr;
  return form->kind == Kind::asks_you || form->kind == Kind::asks_formally ? form : nullptr;
}

// An imperative that cannot be read as something told: with a pronoun behind it or of "vosotros".
bool is_clear_form(std::string_view word) {
  const VerbForm* form = asking_form(word);
  if (form == nullptr) return false;
  return !form->pronouns.empty() || word.ends_with("ad") || word.ends_with("ed") ||
         word.ends_with("id") || (form->kind == Kind::asks_formally && word.size() > 4);
}

enum class Tongue { english, spanish };

bool is_imperative(std::string_view word, Tongue tongue, bool clear) {
  if (tongue == Tongue::english) return is_english_verb(word, clear);
  if (!clear) return asking_form(word) != nullptr;
  if (!is_clear_form(word)) return false;
  // "mándame", "devolvednos", "ingresad" can only ask, of whatever verb.
  const std::string& pronouns = asking_form(word)->pronouns;
  if (pronouns.starts_with("me") || pronouns.starts_with("nos") || word.ends_with("ad") ||
      word.ends_with("ed") || word.ends_with("id")) {
    return true;
  }
  const auto sure = phrases("ask.clear_verbs");
  return std::find(sure.begin(), sure.end(), asking_form(word)->infinitive) != sure.end();
}

Tongue tongue_of(const Sentence& sentence, const Mail& mail) {
  const auto language = sentence.text.size() < 40
                            ? mail.language
                            : base::detect_language(sentence.text, mail.language);
  return language == base::Language::spanish ? Tongue::spanish : Tongue::english;
}

struct Span {
  size_t first = 0, last = 0;  // tokens [first, last)
  bool introduced = false;     // by words that ask, and not by the form of a verb alone
  bool imperative = false;
  bool unsure = false;  // a verb that may as well tell of somebody
  bool lacks = false;   // "necesito", "we need"
};

// An imperative at the beginning, perhaps behind a name or "and".
std::optional<Span> imperative_at(const Sentence& sentence, const std::vector<Token>& tokens,
                                  size_t first, Tongue tongue) {
  const std::string_view text = sentence.text;
  // A row of a table: "Entrega estimada | jueves 5 de marzo".
  if (text.find(" | ") != std::string_view::npos) return std::nullopt;
  if (tokens.size() > first + 2 && text.substr(tokens[first].end, 1) == ",") ++first;
  static constexpr std::string_view links[] = {"and",     "y",     "then", "luego", "also",
                                               "tambien", "so",    "asi",  "e",     "just",
                                               "now",     "first", "next", "pues",  "simplemente"};
  while (first + 1 < tokens.size() && is_one(tokens[first].folded, links)) ++first;
  if (first >= tokens.size()) return std::nullopt;
  const std::string& verb = tokens[first].folded;
  const VerbForm* form = tongue == Tongue::spanish ? spanish_verb(verb) : nullptr;
  // "¡Venga esos ensayos!" cheers.
  static constexpr std::string_view behind_come[] = {
      "a",     "al",    "el",     "la",  "lo",  "con", "en", "cuando",
      "antes", "usted", "manana", "hoy", "por", "si",  "o",  "y"};
  if (verb == "venga" && first + 1 < tokens.size() &&
      !is_one(tokens[first + 1].folded, behind_come)) {
    return std::nullopt;
  }
  // "Traer el DNI", "Enviar antes del viernes": lists tell by the infinitive.
  const bool told = form != nullptr && form->kind == Kind::infinitive && first == 0;
  if (!is_imperative(verb, tongue, false) && !told) return std::nullopt;
  // "Do you still have it?"
  if (first + 1 < tokens.size() && is_auxiliary(verb) &&
      is_subject_pronoun(tokens[first + 1].folded)) {
    return std::nullopt;
  }
  Span span{first, first + 1, false, true, false, false};
  if (tongue == Tongue::spanish) span.unsure = !told && !is_clear_form(verb);
  if (first + 1 == tokens.size()) {
    if (!is_imperative(verb, tongue, true) || sentence.heading) return std::nullopt;
    return span;
  }
  const std::string& next = tokens[first + 1].folded;
  static constexpr std::string_view of_nouns[] = {
      "de",        "del",      "confirmada", "confirmado", "confirmed", "is",     "es", "was",
      "ha",        "has",      "que",        "se",         "will",      "number", "n",  "s",
      "realizada", "recibido", "received",   "are",        "were",      "and"};
  if (is_one(next, of_nouns) && verb != "acuerdate" && verb != "dile") return std::nullopt;
  if (sentence.heading) return std::nullopt;
  // "Entrega: sábado", "Check-in from 3".
  const std::string_view behind =
      text.substr(tokens[first].end, tokens[first + 1].begin - tokens[first].end);
  if (behind.starts_with(':') || behind.starts_with('-') || behind.starts_with("'") ||
      behind.starts_with("’")) {
    return std::nullopt;
  }
  // A name that only looks like one: "Dale Heating".
  const char last = text.back();
  const bool ended = last == '.' || last == '!' || last == '?' || last == ',' || last == ':';
  if (tokens.size() <= 3 && !ended) return std::nullopt;
  span.last = clause_end(text, tokens, first);
  return span;
}

// Whether what was asked for follows "necesito" or "we need" and is a thing, not something to do.
bool is_lacking(const std::vector<Token>& tokens, size_t first) {
  static const Phrases known = by_first_word("ask.lacking");
  for (size_t at = first >= 5 ? first - 5 : 0; at < first && first < tokens.size(); ++at) {
    const size_t length = phrase_at(known, tokens, at);
    if (length == 0 || at + length != first) continue;
    const std::string& next = tokens[first].folded;
    static constexpr std::string_view of_things[] = {
        "el",   "la",    "los",  "las",  "un",      "una",     "tu",  "su",    "tus",
        "sus",  "the",   "a",    "an",   "your",    "two",     "dos", "copia", "copy",
        "tres", "three", "unos", "unas", "vuestro", "vuestra", "its", "some",  "confirmacion"};
    const std::string& last = tokens[first - 1].folded;
    return is_one(next, of_things) || last == "your" || last.starts_with("falta");
  }
  return false;
}

// Whether the words behind an introducer are a deed of the writer's own: "I need to tell them",
// "porfa, que debo pasar la planilla"; "I need to know" waits for the reader.
bool is_own_deed(const std::vector<Token>& tokens, size_t introducer, size_t from) {
  static constexpr std::string_view own[] = {"debo", "tengo", "tenemos", "voy", "vamos"};
  if (is_one(tokens[from].folded, own)) return true;
  static constexpr std::string_view of_reader[] = {
      "know", "hear",    "have",    "get", "see",     "saber", "ver",      "tener",
      "ask",  "receive", "recibir", "be",  "confirm", "check", "confirmar"};
  const std::string& whose = tokens[introducer].folded;
  if ((whose == "i" || whose == "we") && tokens[from].folded == "to") {
    return from + 1 < tokens.size() && !is_one(tokens[from + 1].folded, of_reader);
  }
  const VerbForm* form = spanish_verb(tokens[from].folded);
  return (whose == "necesito" || whose == "necesitamos") && form != nullptr &&
         form->kind == Kind::infinitive && form->pronouns.empty() &&
         !is_one(tokens[from].folded, of_reader);
}

// The request of a sentence, if it makes one.
std::optional<Span> request_in(const Sentence& sentence, const std::vector<Token>& tokens,
                               Tongue tongue) {
  if (tokens.empty()) return std::nullopt;
  const std::string_view text = sentence.text;
  // "Quien no asista debe presentar excusa", "if you have already paid": of others.
  if (holds(sentence.folded,
            {" quien no ", " quienes no ", " los que no ", " las que no ", " if you have already ",
             " if you ve already ", " si ya lo ha", " si ya ha "})) {
    return std::nullopt;
  }
  for (size_t at = 0; at < tokens.size(); ++at) {
    const size_t length = introducer_at(tokens, at);
    if (length == 0 || at + length >= tokens.size()) continue;
    const std::string& first_word = tokens[at].folded;
    // "no hace falta que …", "you don't have to …"
    static constexpr std::string_view turns[] = {"no", "not", "t", "lo", "la", "nadie", "never"};
    if (at > 0 && is_one(tokens[at - 1].folded, turns)) continue;
    if (at > 1 && tokens[at - 1].folded == "hace" && tokens[at - 2].folded == "no") continue;
    // Politeness in the middle of an imperative says nothing of its own.
    if (at > 0 && (first_word == "please" || first_word == "por" || first_word == "porfa" ||
                   first_word == "pls")) {
      const std::string_view before = gap_before(text, tokens, at);
      if (imperative_at(sentence, tokens, 0, tongue)) break;
      if (before.find(',') != std::string_view::npos && sentence.question) continue;
      // "Vacía la pared, por favor, que …": what is asked stands before, unless that is a condition
      // or a verb that asks follows: "if you cannot attend, please return the proxy".
      if (before.find(',') != std::string_view::npos && at >= 2 &&
          !is_imperative(tokens[at + length].folded, tongue, false)) {
        size_t from = at - 1;
        while (from > 0 && at - from < 14 &&
               gap_before(text, tokens, from).find_first_of(",.:;!?") == std::string_view::npos) {
          --from;
        }
        static constexpr std::string_view conditions[] = {
            "if",   "when", "once", "as",  "since",  "for",  "to", "unless", "in",   "si",
            "como", "para", "dado", "una", "cuando", "ante", "en", "after",  "tras", "before"};
        // "Kickoff 8:30 AM at the field, please …" is cut in the middle of its hour.
        const bool cut = tokens[from].folded[0] >= '0' && tokens[from].folded[0] <= '9';
        if (at - from >= 2 && !cut && !is_one(tokens[from].folded, conditions)) {
          return Span{from, at, true, false, false, false};
        }
      }
      // "Traiga por favor las muestras".
      if (before == " " && at + length < tokens.size() &&
          is_imperative(tokens[at - 1].folded, tongue, false)) {
        return Span{at - 1, clause_end(text, tokens, at + length), true, true, false, false};
      }
    }
    // "¿Tendría que pedir permiso?", "When could you start?", "Can I have until Friday?": answers
    // are wanted, not deeds.
    static constexpr std::string_view duties[] = {
        "tendria", "tiene", "tengo", "hay",      "debe",    "debo",    "habria", "deben",
        "tienen",  "hace",  "haria", "necesito", "tenemos", "debemos", "falta"};
    if (sentence.question && is_one(first_word, duties)) return std::nullopt;
    if (sentence.question && asks_openly(text, tokens, at)) return std::nullopt;
    // Outside a question "puedes" allows and does not ask.
    static constexpr std::string_view modal[] = {
        "can",   "could",  "would",    "will",   "puedes", "podrias", "podeis",
        "puede", "podria", "podriais", "podras", "podra",  "podreis", "podran"};
    // "Podría pasar por la tienda" offers.
    static constexpr std::string_view turned[] = {"can",  "could",   "would",
                                                  "will", "podrias", "podriais"};
    const bool turned_round = at + 1 < tokens.size() && is_one(first_word, turned) &&
                              begins_clause(text, tokens, at) && !sentence.heading;
    if (!sentence.question && is_one(first_word, modal) && !turned_round) continue;
    size_t from = at + length;
    // "please, can you": the later one says more.
    if (const size_t more = introducer_at(tokens, from); more > 0 && from + more < tokens.size()) {
      from += more;
    }
    static constexpr std::string_view fillers[] = {
        "also", "tambien", "just",  "me",    "nos",     "kindly",   "que",   "to",   "please",
        "tu",   "por",     "favor", "usted", "perhaps", "possibly", "maybe", "still"};
    if (is_own_deed(tokens, at, from)) continue;
    while (from < tokens.size() && is_one(tokens[from].folded, fillers)) ++from;
    if (from < tokens.size() && is_own_deed(tokens, at, from)) continue;
    const std::string_view gap = gap_before(text, tokens, std::min(at + length, tokens.size() - 1));
    if (gap.find_first_of(".?!;") != std::string_view::npos) continue;
    const size_t end = clause_end(text, tokens, from);
    if (end - from >= 2 || (end - from == 1 && tokens[from].folded.size() > 4)) {
      Span span{from, end, true, false, false, false};
      span.lacks = is_lacking(tokens, from);
      // "Could I have until Friday?" wants leave and no thing.
      if (!span.lacks && tokens[from - 1].folded == "have") return std::nullopt;
      return span;
    }
  }
  if (auto found = imperative_at(sentence, tokens, 0, tongue)) return found;
  // "Te paso la certificación para que la firmes"; "para que veas" asks for nothing.
  for (size_t at = 0; at + 2 < tokens.size(); ++at) {
    if (tokens[at].folded != "para" || tokens[at + 1].folded != "que") continue;
    static constexpr std::string_view clitics[] = {"me", "nos", "le",  "les",
                                                   "lo", "la",  "los", "las"};
    static constexpr std::string_view senses[] = {"ver",    "saber",   "tener",    "poder",
                                                  "estar",  "conocer", "entender", "disfrutar",
                                                  "quedar", "recordar"};
    size_t verb = at + 2;
    while (verb + 1 < tokens.size() && is_one(tokens[verb].folded, clitics)) ++verb;
    const std::string& word = tokens[verb].folded;
    if (word.size() < 5 || !word.ends_with("s")) continue;
    const VerbForm* form = spanish_verb(word.substr(0, word.size() - 1));
    if (form == nullptr || form->kind != Kind::asks_formally || is_one(form->infinitive, senses)) {
      continue;
    }
    return Span{verb, clause_end(text, tokens, verb), true, false, false, false};
  }
  // "¿Me mandas las fotos?", "¿Nos traes el pan?", "¿Puede venir alguien a recogerlo?"
  if (sentence.question) {
    for (size_t at = 0; at + 1 < tokens.size(); ++at) {
      const std::string& word = tokens[at].folded;
      // "papa me haces un bizum": whom one speaks to without a comma.
      const bool called = at == 1 && says_any(" " + tokens[0].folded + " ", "ask.vocatives");
      if (!begins_clause(text, tokens, at) && word != "y" && !called) continue;
      size_t verb = at;
      if (word == "y" && verb + 1 < tokens.size()) ++verb;
      static constexpr std::string_view clitics[] = {"me", "nos", "le",  "les", "lo",
                                                     "la", "los", "las", "te",  "se"};
      size_t pronouns = 0;
      while (verb + 1 < tokens.size() && pronouns < 2 && is_one(tokens[verb].folded, clitics)) {
        ++verb;
        ++pronouns;
      }
      const VerbForm* form = spanish_verb(tokens[verb].folded);
      const bool asks = form != nullptr && form->kind == Kind::present_you && pronouns > 0;
      if (!asks && word != "puede" && word != "pueden") continue;
      const size_t from = word == "puede" || word == "pueden" ? at + 1 : verb;
      if (from >= tokens.size()) continue;
      return Span{from, clause_end(text, tokens, from), true, false, false, false};
    }
  }
  // "Míralo y me cuentas", "me haces un bizum antes del 12": told to the reader, and meant as
  // asked.
  if (!sentence.question && tongue == Tongue::spanish) {
    for (size_t at = 0; at + 1 < tokens.size(); ++at) {
      const std::string& word = tokens[at].folded;
      if (word != "me" && word != "nos") continue;
      static constexpr std::string_view leads[] = {"y",        "e",  "tu",   "vos",
                                                   "entonces", "no", "luego"};
      const bool begins = begins_clause(text, tokens, at) || is_one(tokens[at - 1].folded, leads);
      // "Si no me dices nada" is a condition, "sino me dices" is none.
      const bool condition =
          at > 0 && (tokens[at - 1].folded == "si" ||
                     (tokens[at - 1].folded == "no" && (at < 2 || tokens[at - 2].folded != "si")));
      if (!begins || condition) continue;
      static constexpr std::string_view things[] = {"lo", "la", "los", "las"};
      size_t verb = at + 1;
      if (verb + 1 < tokens.size() && is_one(tokens[verb].folded, things)) ++verb;
      const VerbForm* form = spanish_verb(tokens[verb].folded);
      static constexpr std::string_view given[] = {
          "mandar",    "enviar", "pasar",   "decir",  "contar",    "avisar",
          "confirmar", "hacer",  "traer",   "llevar", "comprar",   "firmar",
          "devolver",  "dejar",  "dar",     "llamar", "adelantar", "recordar",
          "reservar",  "pagar",  "remitir", "subir",  "guardar"};
      if (form == nullptr || form->kind != Kind::present_you ||
          !is_one(std::string_view(form->infinitive), given)) {
        continue;
      }
      return Span{at, clause_end(text, tokens, verb), true, false, false, false};
    }
  }
  // An imperative behind a comma.
  for (size_t at = 1; at < tokens.size(); ++at) {
    const std::string& before = tokens[at - 1].folded;
    const bool begins = begins_clause(text, tokens, at) || before == "y" || before == "and" ||
                        before == "please" || before == "favor" || before == "pero" ||
                        before == "but" || before == "so" || before == "nomas" ||
                        before == "solo" || before == "mejor" || before == "porfa" ||
                        before == "entonces" || before == "then" || before == "just" ||
                        (at == 1 && says_any(" " + tokens[0].folded + " ", "ask.vocatives"));
    if (!begins || !is_imperative(tokens[at].folded, tongue, true)) continue;
    return Span{at, clause_end(text, tokens, at), false, true, false, false};
  }
  // "… avísame", "… let me know" wherever they stand.
  static const Phrases reports = by_first_word("ask.report");
  for (size_t at = 1; at < tokens.size(); ++at) {
    if (phrase_at(reports, tokens, at) == 0) continue;
    const VerbForm* form = tongue == Tongue::spanish ? spanish_verb(tokens[at].folded) : nullptr;
    const bool asks = tongue == Tongue::english
                          ? phrase_at(reports, tokens, at) > 1 && tokens[at - 1].folded != "to" &&
                                tokens[at - 1].folded != "ll" && tokens[at - 1].folded != "will"
                          : form != nullptr && (form->pronouns.starts_with("me") ||
                                                form->pronouns.starts_with("nos"));
    static constexpr std::string_view turns[] = {"no", "not", "don", "para", "sin", "t"};
    if (!asks || is_one(tokens[at - 1].folded, turns)) continue;
    return Span{at, clause_end(text, tokens, at), false, true, false, false};
  }
  return std::nullopt;
}

// ---- what is owed ----

// Abbreviations keep their capitals ("RSVP"), and so does "I".
std::string lower_first(std::string text) {
  if (text.size() < 2 || text[0] < 'A' || text[0] > 'Z') return text;
  const bool small = text[1] >= 'a' && text[1] <= 'z';
  // "¿Cómo lo ves?", "¿A qué hora?"
  const bool accented = static_cast<unsigned char>(text[1]) == 0xC3 && text.size() > 2 &&
                        static_cast<unsigned char>(text[2]) >= 0xA0;
  const bool alone = text[1] == ' ' && text[0] != 'I';
  if (small || accented || alone) text[0] = static_cast<char>(text[0] + 32);
  return text;
}

struct OwedThing {
  std::string_view word;
  std::string_view spanish, english;  // what one does with it
};
constexpr OwedThing owed_things[] = {{"expensas", "pagar", "pay"},
                                     {"monotributo", "pagar", "pay"},
                                     {"predial", "pagar", "pay"},
                                     {"tenencia", "pagar", "pay"},
                                     {"boleta", "pagar", "pay"},
                                     {"renta", "pagar", "pay"},
                                     {"arriendo", "pagar", "pay"},
                                     {"hipoteca", "pagar", "pay"},
                                     {"colegiatura", "pagar", "pay"},
                                     {"assessment", "pagar", "pay"},
                                     {"dues", "pagar", "pay"},
                                     {"premium", "pagar", "pay"},
                                     {"tuition", "pagar", "pay"},
                                     {"rates", "pagar", "pay"},
                                     {"waiver", "firmar", "sign"},
                                     {"waivers", "firmar", "sign"},
                                     {"slip", "firmar", "return"},
                                     {"slips", "firmar", "return"},
                                     {"forms", "presentar", "return"},
                                     {"reinscripcion", "hacer", "complete"},
                                     {"justificante", "presentar", "submit"},
                                     {"essay", "entregar", "hand in"},
                                     {"paper", "entregar", "hand in"},
                                     {"trabajo", "entregar", "hand in"},
                                     {"ensayo", "entregar", "hand in"},
                                     {"factura", "pagar", "pay"},
                                     {"invoice", "pagar", "pay"},
                                     {"recibo", "pagar", "pay"},
                                     {"payment", "pagar", "pay"},
                                     {"pago", "pagar", "pay"},
                                     {"cuota", "pagar", "pay"},
                                     {"cuotas", "pagar", "pay"},
                                     {"fee", "pagar", "pay"},
                                     {"fees", "pagar", "pay"},
                                     {"balance", "pagar", "pay"},
                                     {"importe", "pagar", "pay"},
                                     {"amount", "pagar", "pay"},
                                     {"bill", "pagar", "pay"},
                                     {"deposit", "pagar", "pay"},
                                     {"fianza", "pagar", "pay"},
                                     {"derrama", "pagar", "pay"},
                                     {"subscription", "pagar", "pay"},
                                     {"rent", "pagar", "pay"},
                                     {"alquiler", "pagar", "pay"},
                                     {"tax", "pagar", "pay"},
                                     {"impuesto", "pagar", "pay"},
                                     {"ibi", "pagar", "pay"},
                                     {"tasa", "pagar", "pay"},
                                     {"multa", "pagar", "pay"},
                                     {"fine", "pagar", "pay"},
                                     {"matricula", "pagar", "pay"},
                                     {"autonomos", "pagar", "pay"},
                                     {"saldo", "pagar", "pay"},
                                     {"liquidacion", "pagar", "pay"},
                                     {"formulario", "presentar", "return"},
                                     {"form", "presentar", "return"},
                                     {"solicitud", "presentar", "submit"},
                                     {"application", "presentar", "submit"},
                                     {"inscripcion", "hacer", "complete"},
                                     {"registration", "hacer", "complete"},
                                     {"impreso", "presentar", "return"},
                                     {"declaracion", "presentar", "file"},
                                     {"modelo", "presentar", "file"},
                                     {"return", "presentar", "file"},
                                     {"autorizacion", "firmar", "sign"},
                                     {"contrato", "firmar", "sign"},
                                     {"contract", "firmar", "sign"},
                                     {"consent", "firmar", "sign"},
                                     {"agreement", "firmar", "sign"},
                                     {"renewal", "renovar", "renew"},
                                     {"renovacion", "renovar", "renew"},
                                     {"itv", "pasar", "take"},
                                     {"mot", "pasar", "book"},
                                     {"passport", "renovar", "renew"},
                                     {"pasaporte", "renovar", "renew"},
                                     {"dni", "renovar", "renew"},
                                     {"permit", "renovar", "renew"},
                                     {"permiso", "renovar", "renew"},
                                     {"licence", "renovar", "renew"},
                                     {"certificado", "renovar", "renew"},
                                     {"seguro", "renovar", "renew"},
                                     {"policy", "renovar", "renew"},
                                     {"poliza", "renovar", "renew"},
                                     {"domain", "renovar", "renew"},
                                     {"dominio", "renovar", "renew"},
                                     {"book", "devolver", "return"},
                                     {"books", "devolver", "return"},
                                     {"libro", "devolver", "return"},
                                     {"libros", "devolver", "return"},
                                     {"prestamo", "devolver", "return"},
                                     {"loan", "devolver", "return"},
                                     {"items", "devolver", "return"},
                                     {"paquete", "recoger", "collect"},
                                     {"parcel", "recoger", "collect"},
                                     {"package", "recoger", "collect"},
                                     {"envio", "recoger", "collect"},
                                     {"receta", "recoger", "collect"},
                                     {"prescription", "recoger", "collect"},
                                     {"timesheet", "entregar", "submit"},
                                     {"report", "entregar", "submit"},
                                     {"informe", "entregar", "submit"},
                                     {"homework", "entregar", "hand in"},
                                     {"deberes", "entregar", "hand in"}};

// What is owed by a day although nobody asks, as something to do: an invoice, a form, a renewal.
std::string owed_in(const Sentence& sentence, const std::vector<Token>& tokens,
                    const std::string& subject, Tongue tongue, const std::vector<Moment>& moments) {
  const std::string& folded = sentence.folded;
  const bool owed = holds(folded, {" due ",
                                   " vence ",
                                   " vencen ",
                                   " vencimiento ",
                                   " antes del ",
                                   " antes de ",
                                   " before ",
                                   " by ",
                                   " hasta el ",
                                   " plazo ",
                                   " deadline ",
                                   " ultimo dia ",
                                   " last day ",
                                   " must be ",
                                   " debe ",
                                   " deben ",
                                   " limite ",
                                   " until ",
                                   " expires ",
                                   " caduca ",
                                   " caducan ",
                                   " pendiente ",
                                   " outstanding ",
                                   " overdue ",
                                   " a mas tardar ",
                                   " no later ",
                                   " needs to be ",
                                   " need to be ",
                                   " has to be ",
                                   " tiene que ",
                                   " hay que ",
                                   " finaliza ",
                                   " acaba ",
                                   " termina ",
                                   " payable ",
                                   " unpaid ",
                                   " owe ",
                                   " impagad",
                                   " se devuelv",
                                   " disponible para recog",
                                   " ready for pickup ",
                                   " is ready ",
                                   " ya esta listo ",
                                   " ya esta lista ",
                                   " ya puede pasar ",
                                   " periodo ",
                                   " comprende ",
                                   " ready for collection ",
                                   " ready to collect ",
                                   " listo para recoger "});
  const bool settled = holds(folded, {" direct debit ",        " domiciliad",
                                      " se cargara ",          " will be charged ",
                                      " automatically ",       " automaticamente ",
                                      " has been paid ",       " pagada ",
                                      " ha sido abonad",       " no action ",
                                      " no tiene que ",        " no tienes que ",
                                      " will be taken ",       " will be collected from ",
                                      " se adeudara ",         " pagado ",
                                      " already paid ",        " ya pagad",
                                      " gracias por su pago ", " was paid "});
  if (!owed || settled) return {};
  const auto thing_at = [&](size_t at) -> const OwedThing* {
    for (const OwedThing& thing : owed_things) {
      if (tokens[at].folded == thing.word) return &thing;
    }
    return nullptr;
  };
  const OwedThing* thing = nullptr;
  size_t first = 0;
  for (size_t at = 0; at < tokens.size() && thing == nullptr; ++at) {
    thing = thing_at(at);
    first = at;
  }
  // "El plazo para inscribir electivas vence el 12 de mayo", "the last day to return it is Friday":
  // the deed is named.
  for (size_t at = 0; at + 2 < tokens.size(); ++at) {
    static constexpr std::string_view limits[] = {"plazo", "limite", "deadline"};
    const std::string before = at > 0 ? tokens[at - 1].folded : std::string();
    const bool last_day = (tokens[at].folded == "dia" && before == "ultimo") ||
                          (tokens[at].folded == "day" && before == "last");
    if (!last_day && !is_one(tokens[at].folded, limits)) continue;
    const std::string& link = tokens[at + 1].folded;
    const VerbForm* form = spanish_verb(tokens[at + 2].folded);
    const bool deed =
        tongue == Tongue::spanish
            ? (link == "para" || link == "de") && form != nullptr && form->kind == Kind::infinitive
            : link == "to" && is_english_verb(tokens[at + 2].folded, false);
    if (!deed) continue;
    static constexpr std::string_view verbs[] = {
        "vence", "termina", "finaliza", "acaba", "es",   "expira",   "cierra", "concluye",
        "is",    "has",     "was",      "ends",  "sera", "comienza", "will",   "expires"};
    size_t last = at + 3;
    while (last < tokens.size() && last < at + 12 && !is_one(tokens[last].folded, verbs) &&
           gap_before(sentence.text, tokens, last).find_first_of(",.;:?!(") ==
               std::string_view::npos) {
      ++last;
    }
    return trimmed_clause(
        without_moments(sentence.text, tokens[at + 2].begin, tokens[last - 1].end, moments));
  }
  const std::string subject_text = phrase_text(subject);
  // What is brought wants nothing done.
  const bool brought = holds(folded, {" arrive", " deliver", " llega", " driver ", " on its way ",
                                      " en camino ", " reparto "});
  if (thing == nullptr && brought) return {};
  if (thing == nullptr) {
    for (const OwedThing& other : owed_things) {
      if (subject_text.find(" " + std::string(other.word) + " ") != std::string::npos) {
        return std::string(tongue == Tongue::spanish ? other.spanish : other.english) + " " +
               subject;
      }
    }
    // "Self-evaluations must be in the system by Friday."
    const bool deadline = std::any_of(moments.begin(), moments.end(),
                                      [](const Moment& moment) { return moment.deadline; });
    if (deadline && holds(folded, {" must be ", " deben ", " debe ", " have to be ", " need to be ",
                                   " needs to be ", " has to be ", " tienen que ", " hay que "})) {
      return lower_first(without_loose_end(trimmed_clause(
          plain_task(without_moments(sentence.text, 0, sentence.text.size(), moments)))));
    }
    return {};
  }
  // "Payment of invoice 4471", "el importe de la factura": what stands behind says more.
  for (size_t at = first + 1; at < std::min(first + 4, tokens.size()); ++at) {
    if (const OwedThing* more = thing_at(at)) {
      thing = more;
      first = at;
    }
  }
  size_t last = first + 1;
  static constexpr std::string_view ends[] = {
      "is",      "are",      "was",   "will",      "must",  "vence",  "vencen", "debe",    "deben",
      "ha",      "han",      "esta",  "estan",     "se",    "por",    "due",    "needs",   "has",
      "have",    "que",      "y",     "and",       "antes", "before", "by",     "hasta",   "until",
      "expires", "caduca",   "con",   "comprende", "va",    "with",   "tiene",  "remains", "sigue",
      "termina", "finaliza", "acaba", "can",       "puede", "a",      "to"};
  while (last < tokens.size() && last - first < 8 && !is_one(tokens[last].folded, ends) &&
         gap_before(sentence.text, tokens, last).find_first_of(",.;:?!(") ==
             std::string_view::npos) {
    ++last;
  }
  std::string what = trimmed_clause(
      without_moments(sentence.text, tokens[first].begin, tokens[last - 1].end, moments));
  // The subject names it better where it names the same thing, or where "the payment" says nothing.
  static constexpr std::string_view vague[] = {"pago",    "payment", "importe", "amount",
                                               "balance", "saldo",   "recibo",  "liquidacion"};
  const bool same = subject_text.find(" " + std::string(thing->word) + " ") != std::string::npos;
  // "Notificación: tasa de vía pública": what stands behind the colon names it.
  const size_t colon = subject.find(": ");
  const std::string named =
      colon != std::string::npos && std::any_of(std::begin(owed_things), std::end(owed_things),
                                                [&](const OwedThing& other) {
                                                  return phrase_text(subject.substr(colon + 2))
                                                             .find(" " + std::string(other.word) +
                                                                   " ") != std::string::npos;
                                                })
          ? subject.substr(colon + 2)
          : subject;
  const bool names_more = is_one(thing->word, vague) && named != subject;
  if ((last - first < 3 || names_more) && subject.size() < 80 &&
      (same || is_one(thing->word, vague))) {
    what = named;
  }
  // What runs out is renewed, whatever else one does with such a thing.
  static constexpr std::string_view deeds[] = {"pagar", "renovar", "devolver", "recoger",
                                               "entregar"};
  if (holds(folded, {" expires ", " caduca ", " caducan ", " expira "}) &&
      !is_one(thing->spanish, deeds)) {
    return (tongue == Tongue::spanish ? "renovar " : "renew ") + what;
  }
  return std::string(tongue == Tongue::spanish ? thing->spanish : thing->english) + " " + what;
}

// ---- words for what is to be done ----

// "Sonia", "Miss Okafor", "Ana, tutora de 3.º B": the name that an office's mail ends with.
std::string signed_name(const Mail& mail) {
  const std::string_view text = base::trim(mail.text);
  const size_t line = text.rfind('\n');
  if (line == std::string_view::npos) return {};
  std::string_view last = base::trim(text.substr(line + 1));
  last = base::trim(last.substr(0, last.find_first_of(",(/|·")));
  const std::vector<base::Word> words = base::words(last);
  if (words.empty() || words.size() > 3 || last.size() > 40) return {};
  if (last.find_first_of("0123456789:;?!@") != std::string_view::npos) return {};
  for (const base::Word& word : words) {
    const auto letter = static_cast<unsigned char>(last[word.begin]);
    if ((letter < 'A' || letter > 'Z') && letter != 0xC3) return {};
    const std::string folded =
        " " + base::fold(last.substr(word.begin, word.end - word.begin)) + " ";
    if (says_any(folded, "ask.no_names") || base::is_stop_word(base::trim(folded))) return {};
  }
  // An office that signs with its own name is nobody.
  if (phrase_text(mail.from.name)
              .find(" " + base::fold(last.substr(words[0].begin, words[0].end - words[0].begin)) +
                    " ") != std::string::npos &&
      words.size() > 1) {
    return {};
  }
  return std::string(last);
}

std::string name_of_sender(const Mail& mail) {
  if (mail.from.name.empty()) return mail.from.address.substr(0, mail.from.address.find('@'));
  std::string name = mail.from.name;
  if (!is_person_like(mail)) {
    const bool office = !is_automatic(mail) && !is_list(mail);
    const std::string by = office ? signed_name(mail) : std::string();
    if (by.empty()) return std::string(base::cut_utf8(name, 40));
    name = by;
  }
  // "Dra. Pilar Ocampo" is Dra. Ocampo, "Ana Robles" is Ana; "Ms. Patel, Grade 2" ends at the
  // comma.
  name = name.substr(0, std::min(name.size(), name.find_first_of(",(")));
  const std::vector<base::Word> words = base::words(name);
  if (words.empty()) return mail.from.name;
  std::string first = name.substr(words[0].begin, words[0].end - words[0].begin);
  if (words.size() > 1 && says_any(" " + base::fold(first) + " ", "ask.honorifics")) {
    const std::string last = name.substr(words.back().begin, words.back().end - words.back().begin);
    const bool dot = name.substr(words[0].end, 1) == ".";
    return first + (dot ? ". " : " ") + last;
  }
  return first;
}

// Subjects like these say nothing of what a mail is about.
bool is_empty_subject(const std::string& subject) {
  static const std::set<std::string> generic = {
      "hola",         "pregunta",    "question", "duda",  "cosa",   "favor",  "help",   "ayuda",
      "hello",        "hi",          "hey",      "quick", "una",    "un",     "a",      "consulta",
      "urgent",       "urgente",     "re",       "fwd",   "hoy",    "today",  "mañana", "tomorrow",
      "recordatorio", "reminder",    "info",     "nota",  "note",   "rapida", "rapido", "follow",
      "up",           "seguimiento", "one",      "thing", "buenas", "buenos", "dias",   "tardes",
      "importante",   "important",   "aviso"};
  const std::vector<Token> tokens = tokens_of(subject);
  return std::all_of(tokens.begin(), tokens.end(), [](const Token& token) {
    return generic.contains(token.folded) || base::is_stop_word(token.folded);
  });
}

// What a sentence with nothing but pronouns is about: the subject, or what was said before.
std::string context_for(const Mail& mail, size_t number) {
  std::string subject = plain_subject(mail.subject);
  if (subject.size() < 60 && !is_empty_subject(subject)) return subject;
  for (size_t before = number; before-- > 0;) {
    const Sentence& sentence = mail.sentences[before];
    if (sentence.text.size() < 15 || says_little(sentence.text, 2)) continue;
    return trimmed_clause(std::string(base::cut_utf8(sentence.text, 90)));
  }
  return {};
}

void add_context(std::string& what, const Mail& mail, size_t number) {
  const std::string context = context_for(mail, number);
  if (!context.empty()) what += " (" + context + ")";
}

// "cover my Saturday" → "cover Kayla's Saturday".
std::string of_sender(std::string what, const std::string& name, bool person) {
  if (!person) return what;
  const std::string lower = " " + base::lower_ascii(what) + " ";
  if (const size_t at = lower.find(" my "); at != std::string::npos) {
    what.replace(at, 2, name + "'s");
  }
  return what;
}

// "¿Puedes llevarla tú o le digo a Pepa?", "call us or email us": the first is what to do.
std::string without_alternative(std::string what, Tongue tongue) {
  const std::vector<Token> tokens = tokens_of(what);
  static constexpr std::string_view clitics[] = {"le", "les", "lo", "la", "los", "las", "me", "se"};
  static constexpr std::string_view mine[] = {"voy",    "hago",  "hay",      "tengo",
                                              "vamos",  "digo",  "dime",     "diganos",
                                              "digame", "dinos", "llamanos", "llamenos"};
  for (size_t at = 2; at + 1 < tokens.size(); ++at) {
    if (tokens[at].folded != (tongue == Tongue::spanish ? "o" : "or")) continue;
    size_t next = at + 1;
    if (tongue == Tongue::spanish) {
      while (next + 1 < tokens.size() && is_one(tokens[next].folded, clitics)) ++next;
      const VerbForm* form = spanish_verb(tokens[next].folded);
      const bool other =
          is_one(tokens[next].folded, mine) || (form != nullptr && form->kind == Kind::present_me);
      if (!other) continue;
    } else {
      const std::string& second = at + 2 < tokens.size() ? tokens[at + 2].folded : std::string();
      const bool other = is_auxiliary(tokens[next].folded) && (second == "i" || second == "we");
      const bool reached = second == "us" || second == "me";
      if (!other && !reached) continue;
    }
    return trimmed_clause(what.substr(0, tokens[at].begin));
  }
  return what;
}

// By what means a thing is done says little of what is to be done: "abonarlo mediante tarjeta".
std::string without_means(std::string what, Tongue tongue) {
  static constexpr std::string_view spanish[] = {" mediante ", " a través de ", " a traves de ",
                                                 " por transferencia", " con tarjeta"};
  static constexpr std::string_view english[] = {
      " by bank transfer", " by credit card", " by debit card", " in your account",
      " using the link",   " through our ",   " via our "};
  const auto cut = [&](std::span<const std::string_view> means) {
    for (const std::string_view one : means) {
      const size_t at = what.find(one);
      // A deed is left of it, with what it is done to.
      if (at == std::string::npos || at < 8) continue;
      what = trimmed_clause(what.substr(0, at));
    }
  };
  cut(tongue == Tongue::spanish ? std::span<const std::string_view>(spanish)
                                : std::span<const std::string_view>(english));
  return what;
}

// "mándame el contrato" → "mandar el contrato a Ana"; "send me the copy" → "send Ana the copy".
std::string as_task(std::string what, const Mail& mail, Tongue tongue, bool for_sender = false) {
  const bool person = is_person_like(mail) && !mail.mine && !mail.from.name.empty();
  const std::string name = name_of_sender(mail);
  if (tongue == Tongue::english) {
    const std::string lower = " " + base::lower_ascii(what) + " ";
    if (const size_t at = lower.find(" me "); at != std::string::npos && person) {
      what.replace(at, 2, name);
    }
    return lower_first(of_sender(std::move(what), name, person));
  }
  const std::vector<Token> tokens = tokens_of(what);
  if (tokens.empty()) return what;
  static constexpr std::string_view clitics[] = {"me", "nos", "le", "les", "os", "te",
                                                 "se", "lo",  "la", "los", "las"};
  size_t verb = 0;
  std::string kept;
  bool to_sender = for_sender;
  while (verb + 1 < tokens.size() && verb < 2 && is_one(tokens[verb].folded, clitics)) {
    if (tokens[verb].folded == "me") to_sender = true;
    if (tokens[verb].folded.size() >= 2 && tokens[verb].folded[0] == 'l' &&
        tokens[verb].folded[1] != 'e') {
      kept = tokens[verb].folded;
    }
    ++verb;
  }
  const VerbForm* form = spanish_verb(tokens[verb].folded);
  if (form == nullptr) return lower_first(what);
  std::string pronouns = form->pronouns;
  if (pronouns.starts_with("me")) {
    to_sender = true;
    pronouns.erase(0, 2);
  } else if (pronouns.starts_with("nos")) {
    pronouns.erase(0, 3);
  } else if (pronouns.starts_with("se") && pronouns.size() > 2) {
    pronouns.erase(0, 2);
  }
  if (pronouns == "te" || pronouns == "os") pronouns = pronouns == "te" ? "se" : "";
  if (pronouns.empty()) pronouns = kept;
  std::string rest = what.substr(tokens[verb].end);
  for (const std::string_view who : {" tú", " usted", " vosotros", " ustedes"}) {
    if (rest.ends_with(who)) rest.resize(rest.size() - who.size());
  }
  // What is brought to the writer is taken there by the owner.
  const std::string infinitive = form->infinitive == "traer" ? "llevar" : form->infinitive;
  std::string made = infinitive + pronouns + rest;
  const bool says_to =
      tokens.size() > verb + 2 && phrase_text(made).find(" a ") != std::string::npos;
  // "Decir a Ana si …" and not "decir si … a Ana".
  static constexpr std::string_view tells[] = {"decir",   "contar", "confirmar", "comentar",
                                               "indicar", "avisar", "explicar",  "contestar"};
  if (to_sender && person && !says_to && is_one(std::string_view(form->infinitive), tells)) {
    return form->infinitive + pronouns + " a " + name + rest;
  }
  if (to_sender && person && !says_to && made.size() < 90) made += " a " + name;
  return made;
}

// ---- questions ----

// Where the question of a sentence begins: behind greetings and what leads up to it.
size_t question_start(std::string_view text, const std::vector<Token>& tokens) {
  if (const size_t mark = text.rfind("¿"); mark != std::string_view::npos) {
    for (size_t at = 0; at < tokens.size(); ++at) {
      if (tokens[at].begin < mark) continue;
      static constexpr std::string_view leads[] = {"y", "entonces", "pero", "oye", "pues", "o"};
      while (at + 1 < tokens.size() && is_one(tokens[at].folded, leads)) ++at;
      return at;
    }
  }
  // Of what is written without capitals only the last sentence asks.
  size_t since = 0;
  if (const size_t mark = text.rfind('?'); mark != std::string_view::npos && mark > 0) {
    const size_t stop = text.rfind(". ", mark - 1);
    while (stop != std::string_view::npos && since + 1 < tokens.size() &&
           tokens[since].begin < stop) {
      ++since;
    }
  }
  for (size_t at = since; at + 1 < tokens.size(); ++at) {
    const std::string& before = at > 0 ? tokens[at - 1].folded : tokens[at].folded;
    const bool begins = begins_clause(text, tokens, at) || before == "and" || before == "so" ||
                        before == "but" || before == "y" || before == "or";
    if (!begins) continue;
    if (is_question_word(tokens[at].folded) || is_auxiliary(tokens[at].folded)) return at;
    static constexpr std::string_view prepositions[] = {
        "at", "by", "in", "on", "for", "a", "de", "en", "para", "con", "por", "with", "to"};
    if (is_one(tokens[at].folded, prepositions) && is_question_word(tokens[at + 1].folded)) {
      return at;
    }
  }
  if (since > 0) return since;
  // Behind "Hi Irene," at least.
  if (tokens.size() > 3) {
    for (size_t at = 1; at < 4 && at + 2 < tokens.size(); ++at) {
      if (gap_before(text, tokens, at).find(',') != std::string_view::npos) return at;
    }
  }
  return 0;
}

// "Are you coming on Saturday?" → "tell Sam whether you are coming on Saturday".
std::string as_told(const Sentence& sentence, const std::vector<Token>& tokens, const Mail& mail,
                    Tongue tongue, const std::vector<Moment>& moments) {
  size_t first = question_start(sentence.text, tokens);
  const std::string_view text = sentence.text;
  size_t end = text.find('?', tokens[first].begin);
  if (end == std::string_view::npos) end = text.size();
  // "Me lo dices mañana, ¿vale?": what is asked stands before the tag.
  static constexpr std::string_view tags[] = {"vale", "no", "ok", "verdad", "si", "eh", "right"};
  if (first > 2 && first + 1 == tokens.size() && is_one(tokens[first].folded, tags)) {
    first = 0;
    end = tokens[tokens.size() - 2].end;
  }
  std::string clause(text.substr(tokens[first].begin, end - tokens[first].begin));
  clause = trimmed_clause(std::string(base::cut_utf8(clause, 130)));
  // Cut in the middle of a bracket.
  if (const size_t open = clause.rfind('(');
      open != std::string::npos && open > 8 && clause.find(')', open) == std::string::npos) {
    clause = trimmed_clause(clause.substr(0, open));
  }
  const std::string name = name_of_sender(mail);
  const auto piece = [&](size_t from, size_t to) {
    if (from >= to || from >= tokens.size()) return std::string();
    const size_t stop = std::min(tokens[std::min(to, tokens.size()) - 1].end, end);
    if (tokens[from].begin >= stop) return std::string();
    return std::string(text.substr(tokens[from].begin, stop - tokens[from].begin));
  };
  if (tongue == Tongue::spanish) {
    size_t word = first;
    static constexpr std::string_view prepositions[] = {"a",   "de",    "en",    "para", "con",
                                                        "por", "desde", "hasta", "sobre"};
    if (word + 1 < tokens.size() && is_one(tokens[word].folded, prepositions)) ++word;
    const bool open = is_question_word(tokens[word].folded);
    return "decir a " + name + (open ? " " : " si ") + lower_first(clause);
  }
  // "which logo do you prefer" → "which logo you prefer"; "are you coming" → "you are coming".
  const bool open = is_question_word(tokens[first].folded) ||
                    (first + 1 < tokens.size() && is_question_word(tokens[first + 1].folded));
  for (size_t at = first; at + 1 < std::min(first + 7, tokens.size()); ++at) {
    if (!is_auxiliary(tokens[at].folded) || !is_subject_pronoun(tokens[at + 1].folded)) continue;
    if (!open && at != first) break;
    const std::string& helper = tokens[at].folded;
    const std::string& who = tokens[at + 1].folded;
    const bool silent = helper == "do" || helper == "does" || helper == "did";
    std::string told = open ? piece(first, at) + " " : "whether ";
    if ((helper == "shall" || helper == "should") && (who == "i" || who == "we")) {
      told += "to";
    } else {
      told += (who == "i" ? name : piece(at + 1, at + 2)) + (silent ? "" : " " + helper);
    }
    told += " " + piece(at + 2, tokens.size());
    return base::collapse_spaces("tell " + name + " " + lower_first(trimmed_clause(told)));
  }
  // "Would Tuesday 24th suit?", "Is the kiln free?": the helper goes behind what it asks about.
  if (!open && is_auxiliary(tokens[first].folded) && first + 2 < tokens.size()) {
    static constexpr std::string_view articles[] = {"the", "your", "my",  "our",  "his",   "her",
                                                    "a",   "this", "any", "that", "their", "all"};
    size_t behind = first + (is_one(tokens[first + 1].folded, articles) ? 3 : 2);
    for (const Moment& moment : moments) {
      if (moment.begin > tokens[first + 1].begin || moment.end <= tokens[first + 1].begin) continue;
      // The day only, where its hour stands farther off.
      const size_t name_end = moment.gap_end > moment.gap_begin ? moment.gap_begin : moment.end;
      behind = first + 1;
      while (behind < tokens.size() && tokens[behind].begin < name_end) ++behind;
    }
    const std::string& helper = tokens[first].folded;
    const bool silent = helper == "do" || helper == "does" || helper == "did";
    const std::string told = "whether " + piece(first + 1, behind) + (silent ? "" : " " + helper) +
                             " " + piece(behind, tokens.size());
    return base::collapse_spaces("tell " + name + " " + trimmed_clause(told));
  }
  return "tell " + name + (open ? " " : ": ") + lower_first(clause);
}

// The moments that a task is worded without: its deadline, which is told beside it, and days that
// are named by the day of writing ("hoy"); "cubrir el domingo" says what is to be done.
std::vector<Moment> cut_from(std::string_view text, const std::vector<Moment>& moments) {
  std::vector<Moment> cut;
  for (const Moment& moment : moments) {
    const std::string name = phrase_text(text.substr(moment.begin, moment.end - moment.begin));
    const bool lasting = !moment.deadline && says_any(name, "when.weekdays");
    if (!lasting) cut.push_back(moment);
  }
  return cut;
}

// ---- one mail ----

class Finder {
 public:
  Finder(const Mail& mail, const Mailbox& mailbox)
      : mail_(mail),
        zone_(mailbox.owner.zone),
        written_(written_at(mail, mailbox)),
        impersonal_(impersonal_mail(mail)),
        subject_(plain_subject(mail.subject)) {
    for (const domain::Person& person : mail.to) {
      to_owner_ = to_owner_ || mailbox.owner.is(person.address);
    }
    learn_names(mailbox.owner);
    shared_features();
    days();
  }

  std::vector<TaskCandidate> find() {
    for (size_t number = 0; number < mail_.sentences.size(); ++number) look_at(number);
    for (size_t index = 0; index < found_.size(); ++index) {
      Map& features = found_[index].features;
      features["t_only"] = found_.size() == 1 ? 1 : 0;
      features["t_first"] = index == 0 ? 1 : 0;
      features["t_many"] = found_.size() > 4 ? 1 : 0;
      bool asked = false;
      for (const TaskCandidate& other : found_) {
        asked = asked || (&other != &found_[index] && other.kind == TaskKind::request);
      }
      features["t_beside_request"] = asked ? 1 : 0;
    }
    return std::move(found_);
  }

 private:
  using Map = std::map<std::string, double>;
  enum class Called { nobody, owner, other };

  // By what names a sentence may call the owner or another recipient.
  void learn_names(const Owner& owner) {
    owner_names_ = owner.names;
    for (const auto* people : {&mail_.to, &mail_.cc}) {
      for (const domain::Person& person : *people) {
        if (owner.is(person.address)) continue;
        const std::string names =
            person.name.empty() ? person.address.substr(0, person.address.find('@')) : person.name;
        for (const Token& token : tokens_of(names)) {
          if (token.folded.size() > 2 && !owner_names_.contains(token.folded)) {
            other_names_.insert(token.folded);
          }
        }
      }
    }
  }

  static bool names_one(const std::set<std::string>& names, const std::string& word, size_t least) {
    return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
      // "Lu" and "Sole" are short for names, "Pilarín" is long for one; "Sí," and "No," are
      // neither.
      return name == word ||
             (word.size() >= least && !base::is_stop_word(word) && name.starts_with(word)) ||
             (name.size() >= 4 && word.starts_with(name));
    });
  }

  // Whom a sentence calls by name at its beginning: "Sole, vos …", "- Pilar: reclamar …",
  // "Hi Luis,". `behind`: the first token after the name.
  Called called_in(const Sentence& sentence, const std::vector<Token>& tokens,
                   size_t& behind) const {
    Called called = Called::nobody;
    for (size_t at = 0; at < std::min<size_t>(5, tokens.size()); ++at) {
      const std::string& word = tokens[at].folded;
      const char sign =
          tokens[at].end < sentence.text.size() ? sentence.text[tokens[at].end] : '\n';
      const char letter = sentence.text[tokens[at].begin];
      const bool name = letter < 'a' || letter > 'z';
      if (name && names_one(owner_names_, word, 2)) {
        called = Called::owner;
      } else if (name && called != Called::owner && names_one(other_names_, word, 3)) {
        called = Called::other;
      } else if (!says_any(" " + word + " ", "ask.greets")) {
        return Called::nobody;
      }
      if (called != Called::nobody && (sign == ',' || sign == ':' || sign == '\n')) {
        // "Luis, Pilar:" calls both.
        const bool more = sign == ',' && at + 1 < tokens.size() &&
                          names_one(owner_names_, tokens[at + 1].folded, 2);
        if (more) continue;
        behind = at + 1;
        return called;
      }
    }
    return Called::nobody;
  }

  void shared_features() {
    shared_["t_person"] = impersonal_ ? 0 : 1;
    shared_["t_automatic"] = is_automatic(mail_) ? 1 : 0;
    shared_["t_list"] = is_list(mail_) ? 1 : 0;
    shared_["t_office"] = impersonal_ && !is_automatic(mail_) && !is_list(mail_) ? 1 : 0;
    shared_["t_html"] = mail_.html ? 1 : 0;
    shared_["t_many_recipients"] = mail_.to.size() + mail_.cc.size() > 3 ? 1 : 0;
    shared_["t_promotion"] = count_phrases(mail_.folded, "promotion") > 1 ? 1 : 0;
    shared_["t_newsletter"] = count_phrases(mail_.folded, "newsletter") > 0 ? 1 : 0;
    shared_["t_no_answer"] = count_phrases(mail_.folded, "no_answer") > 0 ? 1 : 0;
    shared_["t_long_mail"] = mail_.sentences.size() > 14 ? 1 : 0;
    shared_["t_is_answer"] = !mail_.references.empty() ? 1 : 0;
    shared_["t_copied"] = to_owner_ || mail_.to.empty() ? 0 : 1;
    shared_["t_carried"] = is_automatic(mail_) && says_any(mail_.folded, "date.carried") ? 1 : 0;
  }

  void days() {
    bool several = false, more_days = false;
    for (const Moment& moment : find_moments(mail_.subject + "\n" + mail_.text, written_)) {
      if (!moment.dated || base::days_between(written_.date, moment.last) < 0) continue;
      if (moment.deadline) {
        several = several || (only_deadline_ && only_deadline_->last != moment.last);
        only_deadline_ = moment;
      }
      if (moment.left || moment.first != moment.last ||
          base::days_between(written_.date, moment.first) > 60) {
        continue;
      }
      more_days = more_days || (only_day_ && only_day_->first != moment.first);
      only_day_ = moment;
    }
    if (several) only_deadline_.reset();
    if (more_days) only_day_.reset();
  }

  void look_at(size_t number) {
    if (is_mail_head(mail_.sentences, number)) return;
    Sentence sentence = mail_.sentences[number];
    std::vector<Token> tokens = tokens_of(sentence.text);
    if (tokens.empty() || tokens.size() > 90) return;
    called_ = false;
    size_t behind = 0;
    const Called called = mail_.mine ? Called::nobody : called_in(sentence, tokens, behind);
    if (called != Called::nobody) {
      // Who is greeted at the beginning is meant until another name is called.
      if (number == 0) greets_other_ = called == Called::other;
      if (called == Called::other) return;
      greets_other_ = false;
      called_ = true;
      // "Pilar: reclamar el abono" is told her as a list tells.
      if (behind < tokens.size() && sentence.text[tokens[behind - 1].end] == ':') {
        sentence.text.erase(0, tokens[behind].begin);
        sentence.folded = phrase_text(sentence.text);
        tokens = tokens_of(sentence.text);
      }
    } else if (greets_other_ && !says_any(sentence.folded, "ask.all_of_you")) {
      return;
    }
    const Tongue tongue = tongue_of(sentence, mail_);
    const std::vector<Moment> moments = find_moments(sentence.text, written_);
    if (mail_.mine) {
      look_for_promise(number, sentence, tokens, tongue, moments);
      return;
    }
    const bool empty = says_any(sentence.folded, "ask.empty");
    const bool question = sentence.question || asks_unmarked(sentence, tokens, tongue);
    // Of several days to choose from one is to be named, where somebody asks or offers them: "puedo
    // ir el miércoles a las 9 o el viernes a la 1".
    const bool offered = offers_choice(sentence.text, moments);
    const bool choice = sentence.question && offered;
    if (const auto span = empty || choice ? std::nullopt : request_in(sentence, tokens, tongue)) {
      add_request(number, sentence, tokens, *span, tongue, moments);
      return;
    }
    // "How are you?" leaves nothing to do.
    const bool timed = offered && (choice || (!is_automatic(mail_) && !is_list(mail_))) &&
                       std::any_of(moments.begin(), moments.end(),
                                   [](const Moment& moment) { return moment.from.has_value(); });
    const bool small_talk = tokens.size() <= 6 && says_any(sentence.folded, "ask.small_talk");
    if ((question || timed) && tokens.size() >= 2 && !small_talk) {
      TaskCandidate made;
      made.kind = TaskKind::question;
      made.item.what =
          timed ? as_choice(tongue, number) : as_told(sentence, tokens, mail_, tongue, moments);
      const size_t lead = phrase_text("decir a " + name_of_sender(mail_)).size();
      const bool little = made.item.what.size() > lead &&
                          says_little(made.item.what.substr(std::min(lead, made.item.what.size())));
      if (little || has_pronoun_only(phrase_text(made.item.what))) {
        add_context(made.item.what, mail_, number);
      }
      made.features["t_little"] = little ? 1 : 0;
      made.features["t_choice"] = timed ? 1 : 0;
      made.features["t_offers"] = timed && !question ? 1 : 0;
      made.features["t_empty"] = empty ? 1 : 0;
      made.features["t_unmarked"] = sentence.question ? 0 : 1;
      finish(std::move(made), number, sentence, tokens, moments);
      return;
    }
    if (empty) return;
    static const Phrases indirect = by_first_word("ask.indirect");
    if (const auto at = first_phrase(indirect, tokens)) {
      const size_t from = at->first + at->second;
      const bool whether =
          from < tokens.size() && (tokens[from].folded == "if" || tokens[from].folded == "whether");
      const bool asks =
          from < tokens.size() &&
          (whether || is_question_word(tokens[from].folded) || tokens[from].folded == "si" ||
           tokens[from - 1].folded == "si" || is_question_word(tokens[from - 1].folded));
      if (asks) {
        TaskCandidate made;
        made.kind = TaskKind::question;
        const size_t begin =
            tokens[from - 1].folded == "si" || is_question_word(tokens[from - 1].folded) ? from - 1
                                                                                         : from;
        std::string clause(
            base::cut_utf8(std::string_view(sentence.text).substr(tokens[begin].begin), 130));
        if (whether) clause = "whether" + clause.substr(tokens[from].end - tokens[from].begin);
        made.item.what = (tongue == Tongue::spanish ? "decir a " : "tell ") +
                         name_of_sender(mail_) + " " + trimmed_clause(clause);
        made.features["t_indirect"] = 1;
        finish(std::move(made), number, sentence, tokens, moments);
        return;
      }
    }
    static const Phrases waiting = by_first_word("ask.waiting");
    if (const auto at = first_phrase(waiting, tokens)) {
      TaskCandidate made;
      made.kind = TaskKind::waiting;
      const size_t from = at->first + at->second;
      std::string rest;
      if (from < tokens.size()) {
        rest = without_loose_end(trimmed_clause(
            without_moments(sentence.text, tokens[from].begin,
                            tokens[clause_end(sentence.text, tokens, from) - 1].end, moments)));
      }
      static constexpr std::string_view answers[] = {
          " reply ",        " answer ",   " response ",     " hearing ",     " respuesta ",
          " contestacion ", " noticias ", " confirmation ", " confirmacion "};
      const std::string rest_text = phrase_text(rest);
      const bool answer = std::any_of(std::begin(answers), std::end(answers), [&](auto word) {
        return rest_text.find(word) != std::string::npos;
      });
      if (answer || says_little(rest, 0)) {
        made.item.what =
            (tongue == Tongue::spanish ? "responder a " : "answer ") + name_of_sender(mail_);
        add_context(made.item.what, mail_, number);
      } else {
        made.item.what = (tongue == Tongue::spanish ? "enviar " : "send ") + rest;
      }
      made.features["t_waits_for_answer"] = answer ? 1 : 0;
      finish(std::move(made), number, sentence, tokens, moments);
      return;
    }
    // What the bank takes by itself leaves nothing to do.
    if (says_any(mail_.folded, "ask.nothing_due")) return;
    TaskCandidate made;
    made.kind = TaskKind::owed;
    made.item.what = owed_in(sentence, tokens, subject_, tongue, moments);
    if (!made.item.what.empty()) finish(std::move(made), number, sentence, tokens, moments);
  }

  // "El martes a las 10 o el jueves a las 12": the times themselves stand to choose from.
  static bool offers_choice(std::string_view text, const std::vector<Moment>& moments) {
    for (size_t index = 1; index < moments.size(); ++index) {
      if (moments[index].begin < moments[index - 1].end) continue;
      const size_t end = moments[index - 1].end;
      const std::string between = phrase_text(text.substr(end, moments[index].begin - end));
      if (between.size() < 40 && holds(between, {" o ", " or ", " u "})) return true;
    }
    return false;
  }

  // Of several days or times which one suits, and for what.
  std::string as_choice(Tongue tongue, size_t number) const {
    std::string what = (tongue == Tongue::spanish ? "decir a " : "tell ") + name_of_sender(mail_) +
                       (tongue == Tongue::spanish ? " qué día y hora te va bien"
                                                  : " which day and time suits you");
    add_context(what, mail_, number);
    return what;
  }

  // "Are you and Sheila coming or not", "qué te parece": questions without their mark.
  bool asks_unmarked(const Sentence& sentence, const std::vector<Token>& tokens,
                     Tongue tongue) const {
    if (impersonal_ || tokens.size() < 3 || sentence.heading) return false;
    const size_t first = says_any(" " + tokens[0].folded + " ", "ask.vocatives") ? 1 : 0;
    const std::string& word = tokens[first].folded;
    if (tongue == Tongue::english) {
      static constexpr std::string_view helpers[] = {"are",  "do",  "can",  "could", "would",
                                                     "will", "did", "have", "shall", "is"};
      static constexpr std::string_view whom[] = {"you", "we", "i", "it", "u", "ya", "there"};
      return is_one(word, helpers) && first + 1 < tokens.size() &&
             is_one(tokens[first + 1].folded, whom);
    }
    // Spanish tells them by the accent: "cuándo vienes", not "cuando vienes".
    const std::string raw = base::lower_ascii(
        sentence.text.substr(tokens[first].begin, tokens[first].end - tokens[first].begin));
    static constexpr std::string_view words[] = {"qué",  "cuándo", "cómo",   "dónde",  "cuánto",
                                                 "cuál", "quién",  "cuánta", "cuántos"};
    return is_one(raw, words) &&
           (word != "que" || tokens[first + 1].folded == "te" || tokens[first + 1].folded == "os" ||
            tokens[first + 1].folded == "le" || tokens[first + 1].folded == "hacemos");
  }

  void add_request(size_t number, const Sentence& sentence, const std::vector<Token>& tokens,
                   const Span& span, Tongue tongue, const std::vector<Moment>& moments) {
    // "Send me the plans and call Ana": two things to do, where the second is named in full.
    std::vector<std::pair<size_t, size_t>> parts = {{span.first, span.last}};
    for (size_t at = span.first + 2; at + 2 < span.last; ++at) {
      const std::string& word = tokens[at].folded;
      if (word != "and" && word != "y" && word != "e") continue;
      // "Necesito que avises al seguro y que me digas dónde …"
      size_t second = at + 1;
      static constexpr std::string_view leads[] = {"que", "me", "nos", "to", "please"};
      while (second + 2 < span.last && is_one(tokens[second].folded, leads)) ++second;
      const std::string& next = tokens[second].folded;
      const VerbForm* form = tongue == Tongue::spanish ? spanish_verb(next) : nullptr;
      const bool verb = tongue == Tongue::spanish
                            ? form != nullptr && form->kind != Kind::present_me
                            : is_english_verb(next, false);
      if (!verb) continue;
      const std::string_view rest =
          std::string_view(sentence.text)
              .substr(tokens[second].end, tokens[span.last - 1].end - tokens[second].end);
      const std::string_view head =
          std::string_view(sentence.text)
              .substr(tokens[span.first].end, tokens[at].begin - tokens[span.first].end);
      const bool points_back = has_pronoun_only(phrase_text(rest)) ||
                               (form != nullptr && form->pronouns.find('l') != std::string::npos &&
                                !form->pronouns.starts_with("le"));
      static const Phrases reports = by_first_word("ask.report");
      // "Review it and let me know" is one thing, "… and tell me where to put it" another.
      const size_t told = phrase_at(reports, tokens, second);
      const bool matter =
          told > 0 && second + told < span.last &&
          (is_question_word(tokens[second + told].folded) || tokens[second + told].folded == "si" ||
           tokens[second + told].folded == "whether");
      if (told > 0 && !matter) continue;
      if (points_back || says_little(rest, 0) || says_little(head, 0)) continue;
      parts = {{span.first, at}, {second, span.last}};
      break;
    }
    // "Send me …, one page is plenty, and pick a slot": a request further on.
    for (size_t at = span.last + 1; parts.size() == 1 && at + 2 < tokens.size(); ++at) {
      const std::string& before = tokens[at - 1].folded;
      if (before != "and" && before != "y") continue;
      const bool asks = tongue == Tongue::english
                            ? is_english_verb(tokens[at].folded, false)
                            : is_clear_form(tokens[at].folded) &&
                                  !asking_form(tokens[at].folded)->pronouns.empty();
      static const Phrases reports = by_first_word("ask.report");
      if (!asks || phrase_at(reports, tokens, at) > 0) continue;
      const size_t last = clause_end(sentence.text, tokens, at);
      if (says_little(std::string_view(sentence.text)
                          .substr(tokens[at].end, tokens[last - 1].end - tokens[at].end),
                      0)) {
        continue;
      }
      parts.emplace_back(at, last);
    }
    for (const auto& [first, last] : parts) {
      TaskCandidate made;
      static const Phrases reports = by_first_word("ask.report");
      const bool report = phrase_at(reports, tokens, first) > 0 ||
                          (first > 0 && phrase_at(reports, tokens, first - 1) > 1);
      made.kind = span.lacks ? TaskKind::lacking : report ? TaskKind::report : TaskKind::request;
      std::string& what = made.item.what;
      what = without_loose_end(trimmed_clause(plain_task(
          trimmed_clause(without_moments(sentence.text, tokens[first].begin, tokens[last - 1].end,
                                         cut_from(sentence.text, moments))))));
      if (span.lacks) what.insert(0, tongue == Tongue::spanish ? "enviar " : "send ");
      what = without_means(without_alternative(std::move(what), tongue), tongue);
      // "Necesito que me contestes": the pronoun went with what introduces it.
      const bool me = first > 0 && tokens[first - 1].folded == "me";
      what = as_task(std::move(what), mail_, tongue, me);
      const bool little = says_little(what, report ? 2 : 1);
      if (little || has_pronoun_only(phrase_text(what))) add_context(what, mail_, number);
      made.features["t_introduced"] = span.introduced ? 1 : 0;
      made.features["t_imperative"] = span.imperative ? 1 : 0;
      made.features["t_unsure"] = span.unsure ? 1 : 0;
      // "Let me know if you agree" says itself what about; "let me know by Friday" does not.
      if (report) {
        const std::string behind =
            phrase_text(std::string_view(sentence.text)
                            .substr(tokens[first].end, tokens[last - 1].end - tokens[first].end));
        made.features["t_own_matter"] =
            holds(behind, {" si ", " if ", " whether ", " que ", " what ", " which ", " how ",
                           " when ", " cuando ", " cuanto ", " cual ", " about ", " where ",
                           " donde ", " quien ", " who ", " tu ", " your "})
                ? 1
                : 0;
      }
      made.features["t_little"] = little ? 1 : 0;
      made.features["t_late_start"] = first > 8 ? 1 : 0;
      made.features["t_second_part"] = first != span.first ? 1 : 0;
      finish(std::move(made), number, sentence, tokens, moments);
    }
  }

  void look_for_promise(size_t number, const Sentence& sentence, const std::vector<Token>& tokens,
                        Tongue tongue, const std::vector<Moment>& moments) {
    if (sentence.question) return;
    static const Phrases promises = by_first_word("ask.promise");
    const bool ahead = std::any_of(moments.begin(), moments.end(), [&](const Moment& moment) {
      return moment.dated && base::days_between(written_.date, moment.last) >= 0;
    });
    // Where each promise of the sentence begins, and whether it is a weak one.
    std::vector<std::pair<size_t, bool>> starts;
    for (size_t at = 0; at < tokens.size(); ++at) {
      const VerbForm* form = tongue == Tongue::spanish ? spanish_verb(tokens[at].folded) : nullptr;
      if (form != nullptr && form->kind == Kind::future_me) starts.emplace_back(at, false);
      // "te mando", "lo llevo"; "mañana llamo al técnico"
      static constexpr std::string_view clitics[] = {"te", "os",  "le",  "les", "lo",
                                                     "la", "los", "las", "yo"};
      const bool given = at > 0 && is_one(tokens[at - 1].folded, clitics);
      static constexpr std::string_view articles[] = {"el", "un", "mi",  "tu", "su",  "este", "del",
                                                      "al", "de", "por", "en", "sin", "con"};
      const bool noun = at > 0 && is_one(tokens[at - 1].folded, articles);
      if (form != nullptr && form->kind == Kind::present_me && (given || (ahead && !noun))) {
        starts.emplace_back(at, true);
      }
      if (const size_t length = phrase_at(promises, tokens, at);
          length > 0 && at + length < tokens.size()) {
        starts.emplace_back(at + length, false);
        at += length - 1;
      }
    }
    for (size_t index = 0; index < starts.size(); ++index) {
      const auto [from, weak] = starts[index];
      size_t last = clause_end(sentence.text, tokens, from);
      if (index + 1 < starts.size()) last = std::min(last, starts[index + 1].first);
      if (last <= from) continue;
      TaskCandidate made;
      made.kind = TaskKind::promise;
      std::vector<Moment> inside;
      for (const Moment& moment : moments) {
        const size_t until = index + 1 < starts.size() ? tokens[starts[index + 1].first].begin
                                                       : sentence.text.size();
        const size_t since = index == 0 ? 0 : tokens[from].begin;
        if (moment.begin >= since && moment.begin < until) inside.push_back(moment);
      }
      made.item.what = without_loose_end(trimmed_clause(plain_task(trimmed_clause(
          without_moments(sentence.text, tokens[from].begin, tokens[last - 1].end, moments)))));
      static constexpr std::string_view left_over[] = {"y", "and", "te", "os", "le", "yo", "i"};
      for (std::vector<Token> words = tokens_of(made.item.what);
           words.size() > 1 && is_one(words.back().folded, left_over);
           words = tokens_of(made.item.what)) {
        made.item.what = trimmed_clause(made.item.what.substr(0, words.back().begin));
      }
      if (const VerbForm* form = spanish_verb(tokens[from].folded);
          tongue == Tongue::spanish && form != nullptr && !made.item.what.empty()) {
        const std::vector<Token> words = tokens_of(made.item.what);
        if (!words.empty()) {
          made.item.what = form->infinitive + made.item.what.substr(words[0].end);
        }
      }
      if (says_little(made.item.what) || has_pronoun_only(phrase_text(made.item.what))) {
        add_context(made.item.what, mail_, number);
      }
      made.item.what = lower_first(made.item.what);
      made.features["t_weak_promise"] = weak ? 1 : 0;
      made.features["t_empty_promise"] = says_any(sentence.folded, "ask.promise_empty") ? 1 : 0;
      made.features["t_attaches"] =
          holds(sentence.folded, {" adjunt", " attached ", " enclosed ", " aqui "}) ||
                  !mail_.details.attachments.empty()
              ? 1
              : 0;
      finish(std::move(made), number, sentence, tokens, inside);
    }
  }

  // "Antes de las dos", "by noon" without a day: of the day the mail was written.
  std::string deadline_of_today(const std::vector<Moment>& moments) const {
    for (const Moment& moment : moments) {
      if (moment.dated || !moment.deadline || !moment.from) continue;
      if (*moment.from <= written_.hour * 60 + written_.minute) continue;
      return time_text(written_.date, *moment.from, moment.zone, zone_);
    }
    return {};
  }

  void set_due(TaskCandidate& made, size_t number, const std::vector<Moment>& moments) const {
    const auto dated = [&](const Moment& moment) {
      return moment.dated && !moment.left && base::days_between(written_.date, moment.last) >= 0;
    };
    const auto deadline = std::find_if(moments.begin(), moments.end(), [&](const Moment& moment) {
      return dated(moment) && moment.deadline;
    });
    const auto any = std::find_if(moments.begin(), moments.end(), dated);
    std::string& due = made.item.due;
    // "El periodo de pago va del 1 de febrero al 5 de abril": it ends with the last day.
    const auto last = std::find_if(moments.rbegin(), moments.rend(), dated);
    const bool period =
        made.kind == TaskKind::owed && last != moments.rend() && deadline == moments.end();
    const bool asks = made.kind == TaskKind::question || made.kind == TaskKind::report;
    if (deadline != moments.end()) {
      due = due_text(*deadline, zone_);
    } else if (period) {
      due = due_text(*last, zone_);
    } else if (any != moments.end() && !asks) {
      due = due_text(*any, zone_);
    } else if (const std::string hour = deadline_of_today(moments); !hour.empty()) {
      due = hour;
    } else if (only_deadline_) {
      due = due_text(*only_deadline_, zone_);
    } else if (number + 1 < mail_.sentences.size()) {
      for (const Moment& moment : find_moments(mail_.sentences[number + 1].text, written_)) {
        if (moment.dated && moment.deadline) due = due_text(moment, zone_);
      }
    }
    // "Call the ward right away", "contéstame ya".
    if (due.empty() && made.kind != TaskKind::promise &&
        says_any(mail_.sentences[number].folded, "ask.now")) {
      due = date_text(written_.date);
    }
    // A sentence that names another day ("el acta de ayer") is not about that one.
    if (due.empty() && only_day_ &&
        (made.kind == TaskKind::request || made.kind == TaskKind::promise) &&
        base::find_time_expressions(mail_.sentences[number].text, written_.date).empty()) {
      due = base::format_date(only_day_->first);
    }
    // What is due before the mail was written is history.
    if (!due.empty() && due.substr(0, 10) < date_text(written_.date)) due.clear();
  }

  void finish(TaskCandidate made, size_t number, const Sentence& sentence,
              const std::vector<Token>& tokens, const std::vector<Moment>& moments) {
    if (made.item.what.size() < 5) return;
    made.item.what = std::string(base::cut_utf8(made.item.what, 160));
    made.sentence = number;
    set_due(made, number, moments);
    Map& features = made.features;
    for (const auto& [name, value] : shared_) features[name] = value;
    static constexpr std::string_view kinds[] = {"request", "report", "question", "lacking",
                                                 "waiting", "owed",   "promise"};
    const std::string kind(kinds[static_cast<size_t>(made.kind)]);
    features["t_" + kind] = 1;
    features["t_" + kind + (impersonal_ ? "_impersonal" : "_person")] = 1;
    if (shared_["t_list"] > 0) features["t_" + kind + "_list"] = 1;
    if (shared_["t_automatic"] > 0) features["t_" + kind + "_automatic"] = 1;
    const std::string& folded = sentence.folded;
    const bool has_day = std::any_of(moments.begin(), moments.end(),
                                     [](const Moment& moment) { return moment.dated; });
    const bool deadline = std::any_of(moments.begin(), moments.end(),
                                      [](const Moment& moment) { return moment.deadline; });
    features["t_day"] = has_day ? 1 : 0;
    features["t_deadline"] = deadline ? 1 : 0;
    features["t_due"] = made.item.due.empty() ? 0 : 1;
    features["t_due_impersonal"] = !made.item.due.empty() && impersonal_ ? 1 : 0;
    features["t_deadline_impersonal"] = deadline && impersonal_ ? 1 : 0;
    features["t_question_mark"] = sentence.question ? 1 : 0;
    const bool conditional =
        holds(folded, {" si ", " if ", " unless ", " en caso ", " should you "});
    features["t_conditional"] = conditional ? 1 : 0;
    features["t_starts_if"] = folded.starts_with(" si ") || folded.starts_with(" if ") ? 1 : 0;
    features["t_conditional_impersonal"] = conditional && impersonal_ ? 1 : 0;
    const bool optional = says_any(folded, "ask.optional") && !sentence.question;
    features["t_optional"] = optional ? 1 : 0;
    features["t_optional_impersonal"] = optional && impersonal_ ? 1 : 0;
    features["t_small_talk"] = says_any(folded, "ask.small_talk") && sentence.question ? 1 : 0;
    // "Recoge a Nora, que yo no llego": the reason may say no, which denies nothing.
    std::string_view asked = folded;
    for (const std::string_view reason :
         {" que yo ", " que no ", " porque ", " because ", " since ", " i can t ", " i cant ",
          " i won t ", " pues "}) {
      const size_t begin = asked.find(reason);
      if (begin != std::string_view::npos) asked = asked.substr(0, begin + 1);
    }
    features["t_not"] = holds(asked, {" no ", " not ", " don t ", " never ", " nunca "}) ? 1 : 0;
    features["t_thanks"] =
        holds(folded, {" gracias ", " thanks ", " thank you ", " agradec"}) ? 1 : 0;
    features["t_links"] =
        holds(folded, {" clic ", " click ", " link ", " enlace ", " web ", " app ", " boton ",
                       " button ", " website ", " online ", " area de cliente ", " http "})
            ? 1
            : 0;
    features["t_sells"] = count_phrases(folded, "promotion") > 0 ? 1 : 0;
    features["t_you"] =
        holds(folded, {" you ", " your ", " te ", " tu ", " tus ", " contigo ", " ti "}) ? 1 : 0;
    features["t_you_formal"] = holds(folded, {" usted ", " su ", " sus ", " le ", " les "}) ? 1 : 0;
    features["t_we"] =
        holds(folded, {" we ", " our ", " us ", " nos ", " nosotros ", " vamos "}) ? 1 : 0;
    features["t_me"] = holds(folded, {" me ", " i ", " my ", " mi ", " yo "}) ? 1 : 0;
    features["t_past"] =
        holds(folded, {" was ", " were ", " did ", " fue ", " ayer ", " yesterday ", " estuvo "})
            ? 1
            : 0;
    features["t_all"] = holds(folded, {" everyone ", " all of you ", " somebody ", " someone ",
                                       " anyone ", " alguien ", " todos ", " todas ", " quien "})
                            ? 1
                            : 0;
    features["t_short"] = tokens.size() <= 4 ? 1 : 0;
    features["t_long"] = tokens.size() > 24 ? 1 : 0;
    features["t_near_end"] = number + 2 >= mail_.sentences.size() ? 1 : 0;
    features["t_near_begin"] = number <= 1 ? 1 : 0;
    features["t_tag"] = folded.ends_with(" no ") || folded.ends_with(" verdad ") ||
                                folded.ends_with(" right ") || folded.ends_with(" eh ") ||
                                folded.ends_with(" ok ")
                            ? 1
                            : 0;
    features["t_to_owner"] = to_owner_ ? 1 : 0;
    features["t_called"] = called_ ? 1 : 0;
    // "Preséntese 20 minutos antes", "please arrive by 8": how to come, not something to do.
    const std::string lead =
        phrase_text(std::string_view(made.item.what).substr(0, made.item.what.find(' ')));
    features["t_comes"] = says_any(lead, "ask.comes") ? 1 : 0;
    features["t_comes_impersonal"] = features["t_comes"] > 0 && impersonal_ ? 1 : 0;
    std::erase_if(features, [](const auto& feature) { return feature.second == 0; });
    found_.push_back(std::move(made));
  }

  const Mail& mail_;
  const std::string& zone_;
  base::LocalTime written_;
  bool impersonal_;
  std::string subject_;
  bool to_owner_ = false;
  std::set<std::string> owner_names_, other_names_;
  bool called_ = false;        // the owner, in the sentence that is looked at
  bool greets_other_ = false;  // the mail, until it calls somebody else
  Map shared_;
  std::optional<Moment> only_deadline_;  // where the mail names but one
  std::optional<Moment> only_day_;
  std::vector<TaskCandidate> found_;
};

std::set<std::string> content_of(std::string_view text) {
  std::set<std::string> words;
  for (const Token& token : tokens_of(text)) {
    if (token.folded.size() > 2 && !base::is_stop_word(token.folded)) {
      words.insert(token.folded.substr(0, 6));
    }
  }
  return words;
}

double shared_words(std::string_view one, std::string_view other) {
  const auto left = content_of(one), right = content_of(other);
  if (left.empty() || right.empty()) return 0;
  size_t both = 0;
  for (const std::string& word : left) both += right.contains(word) ? 1U : 0U;
  return static_cast<double>(both) / static_cast<double>(std::min(left.size(), right.size()));
}

}  // namespace

std::vector<TaskCandidate> task_candidates(const Mail& mail, const Mailbox& mailbox) {
  return Finder(mail, mailbox).find();
}

std::vector<ActionItem> chosen_items(const std::vector<TaskCandidate>& candidates,
                                     const Judge& judge) {
  constexpr size_t most = 6;
  std::vector<const TaskCandidate*> kept;
  for (const TaskCandidate& candidate : candidates) {
    // The second half of a request stands or falls with the first.
    const bool beside = candidate.features.contains("t_second_part") && !kept.empty() &&
                        kept.back()->sentence == candidate.sentence;
    if (beside || judge.task(candidate.features) >= judge.threshold("task")) {
      kept.push_back(&candidate);
    }
  }
  const auto any_of_kind = [&](std::initializer_list<TaskKind> kinds) {
    return std::any_of(kept.begin(), kept.end(), [&](const TaskCandidate* one) {
      return std::find(kinds.begin(), kinds.end(), one->kind) != kinds.end();
    });
  };
  std::vector<ActionItem> items;
  std::vector<const TaskCandidate*> taken;
  std::string due_of_report;
  const bool asked =
      any_of_kind({TaskKind::request, TaskKind::question, TaskKind::lacking, TaskKind::report});
  for (const TaskCandidate* candidate : kept) {
    const bool little = candidate->features.contains("t_little");
    // "Let me know by Friday" says when the question before it wants its answer.
    const bool bare =
        candidate->kind == TaskKind::report && !candidate->features.contains("t_own_matter");
    if (candidate->kind == TaskKind::report && (little || bare) &&
        any_of_kind({TaskKind::question, TaskKind::request, TaskKind::lacking})) {
      due_of_report = candidate->item.due;
      continue;
    }
    // What is merely due is told where nothing is asked outright.
    if ((candidate->kind == TaskKind::owed || candidate->kind == TaskKind::waiting) && asked) {
      continue;
    }
    // Questions that stand together want one answer.
    const bool known = std::any_of(taken.begin(), taken.end(), [&](const TaskCandidate* other) {
      const bool questions = candidate->kind == TaskKind::question &&
                             other->kind == TaskKind::question &&
                             candidate->sentence - other->sentence <= 2;
      const bool reports = candidate->kind == TaskKind::report && other->kind == TaskKind::question;
      const double shared = shared_words(candidate->item.what, other->item.what);
      // "… o el viernes a las 12. Dígame qué día prefiere": the choice says it.
      const bool chooses = candidate->kind == TaskKind::report &&
                           other->features.contains("t_choice") &&
                           candidate->sentence - other->sentence <= 2;
      return shared > 0.65 || questions || chooses || (reports && shared > 0.3);
    });
    if (known) continue;
    taken.push_back(candidate);
    items.push_back(candidate->item);
    items.back().sentence = candidate->sentence;
    if (items.size() == most) break;
  }
  if (!due_of_report.empty() && items.size() == 1 && items[0].due.empty()) {
    items[0].due = due_of_report;
  }
  return items;
}

ActionItem answer_owed(const Mail& mail, const std::vector<TaskCandidate>& candidates,
                       const Judge& judge) {
  // Less than what stands for itself: that something is wanted is known here.
  constexpr double likely_enough = 0.2;
  const TaskCandidate* likeliest = nullptr;
  double most = likely_enough;
  for (const TaskCandidate& candidate : candidates) {
    const double likely = judge.task(candidate.features);
    if (likely < most) continue;
    most = likely;
    likeliest = &candidate;
  }
  if (likeliest != nullptr) {
    ActionItem item = likeliest->item;
    item.sentence = likeliest->sentence;
    return item;
  }
  const bool spanish = mail.language == base::Language::spanish;
  const std::string subject = plain_subject(mail.subject);
  return {(spanish ? "decir a " : "tell ") + name_of_sender(mail) +
              (spanish ? " tu respuesta" : " your answer") +
              (subject.empty() ? "" : " (" + subject + ")"),
          {},
          {}};
}

}  // namespace lar::assistant
