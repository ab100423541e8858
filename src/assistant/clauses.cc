// Small steps over one sentence.
#include "assistant/clauses.h"

#include <array>

#include "assistant/lexicon.h"
#include "assistant/mail_features.h"

namespace lar::assistant {

std::vector<Token> tokens_of(std::string_view text) {
  std::vector<Token> tokens;
  for (const base::Word& word : base::words(text)) {
    tokens.push_back(
        {base::fold(text.substr(word.begin, word.end - word.begin)), word.begin, word.end});
  }
  return tokens;
}

bool holds(std::string_view folded, std::initializer_list<std::string_view> pieces) {
  return std::any_of(pieces.begin(), pieces.end(), [&](std::string_view piece) {
    return folded.find(piece) != std::string_view::npos;
  });
}

// Whether a verb that asks stands at token `at`, perhaps behind "and".
bool asks_on(const std::vector<Token>& tokens, size_t at) {
  while (at + 1 < tokens.size() && (tokens[at].folded == "and" || tokens[at].folded == "y")) ++at;
  if (at + 1 >= tokens.size()) return false;
  const VerbForm* form = spanish_verb(tokens[at].folded);
  if (form != nullptr && !form->pronouns.empty() &&
      (form->kind == VerbForm::Kind::asks_you || form->kind == VerbForm::Kind::asks_formally)) {
    return true;
  }
  const auto verbs = phrases("ask.clear_verbs");
  return std::find(verbs.begin(), verbs.end(), tokens[at].folded) != verbs.end();
}

// Whether "and" at token `at` leads to what somebody else does: "… and I'll do the drop offs",
// "dime algo y te lo dejo".
bool turns_to_another(const std::vector<Token>& tokens, size_t at) {
  if (at + 2 >= tokens.size()) return false;
  const std::string& next = tokens[at + 1].folded;
  if (tokens[at].folded == "and") {
    static constexpr std::string_view people[] = {"i", "we", "he", "she", "they", "it", "you"};
    return is_one(next, people);
  }
  if (tokens[at].folded != "y" && tokens[at].folded != "e") return false;
  if (next == "yo" || next == "nosotros" || next == "nosotras") return true;
  static constexpr std::string_view clitics[] = {"te", "os", "le", "les", "se", "lo", "la"};
  size_t verb = at + 1;
  while (verb + 1 < tokens.size() && verb < at + 3 && is_one(tokens[verb].folded, clitics)) ++verb;
  const VerbForm* form = verb > at + 1 ? spanish_verb(tokens[verb].folded) : nullptr;
  return form != nullptr &&
         (form->kind == VerbForm::Kind::present_me || form->kind == VerbForm::Kind::future_me);
}

// Whether a comma before token `at` only parts things that are counted up: "ropa cómoda, gorra y
// almuerzo", "waterproofs, packed lunch and a drink".
bool counts_up(std::string_view text, const std::vector<Token>& tokens, size_t at) {
  constexpr size_t longest_name = 4;
  for (size_t next = at; next < std::min(at + 2 * longest_name, tokens.size()); ++next) {
    const std::string& word = tokens[next].folded;
    if (next > at && (word == "y" || word == "e" || word == "and")) return true;
    static constexpr std::string_view goes_on[] = {
        "que", "si",   "if",      "i",    "we",   "you",    "to", "so", "as",
        "but", "pero", "because", "when", "para", "cuando", "it", "no", "which"};
    const VerbForm* form = spanish_verb(word);
    if (is_one(word, goes_on) || (form != nullptr && form->kind != VerbForm::Kind::asks_you &&
                                  form->kind != VerbForm::Kind::asks_formally)) {
      return false;
    }
    if (next + 1 < tokens.size()) {
      const std::string_view gap =
          text.substr(tokens[next].end, tokens[next + 1].begin - tokens[next].end);
      if (gap.find_first_of(".;:?!()\n") != std::string_view::npos) return false;
    }
  }
  return false;
}

// The end of the clause that begins at token `from`, as a token number behind it.
size_t clause_end(std::string_view text, const std::vector<Token>& tokens, size_t from) {
  constexpr size_t longest = 18;
  const auto stops = phrases("ask.clause_ends");
  size_t end = from;
  while (end < tokens.size() && end - from < longest) {
    if (end > from && (std::find(stops.begin(), stops.end(), tokens[end].folded) != stops.end() ||
                       turns_to_another(tokens, end))) {
      break;
    }
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
    // A comma ends it once something was asked, unless another request follows: "read it through,
    // sign it and send it back".
    if (gap.find(',') != std::string_view::npos && end - from >= 3 && !asks_on(tokens, end) &&
        !counts_up(text, tokens, end)) {
      break;
    }
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

std::string time_text(const base::Date& date, int minute, const std::string& named,
                      const std::string& zone) {
  if (named.empty() || named == zone) return time_text(date, minute, zone);
  base::LocalTime local;
  local.date = base::add_days(date, minute / 1440);
  local.hour = minute % 1440 / 60;
  local.minute = minute % 60;
  return base::format_rfc3339(base::from_local(local, named), zone);
}

std::string due_text(const Moment& moment, const std::string& zone) {
  if (moment.from && moment.deadline)
    return time_text(moment.last, *moment.from, moment.zone, zone);
  // "this week" is over on Friday, and what must be there before the weekend too.
  const int length = base::days_between(moment.first, moment.last);
  if (length == 6) return date_text(base::add_days(moment.first, 4));
  if (length == 1 && moment.deadline && base::weekday(moment.first) == 5) {
    return date_text(base::add_days(moment.first, -1));
  }
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
    for (const std::string& words : phrases("ask.haste")) {
      // Whole words, compared without case.
      const std::string lower = " " + base::lower_ascii(text) + " ";
      const std::string wanted = " " + words;
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
  // "llevarla", "recogerlos": a thing that was named before.
  static constexpr std::string_view endings[] = {"arlo",  "arla",  "arlos", "arlas", "erlo",
                                                 "erla",  "erlos", "erlas", "irlo",  "irla",
                                                 "irlos", "irlas", "arle",  "erle",  "irle"};
  for (const std::string_view word : base::split(folded, ' ')) {
    if (word.size() > 6 && std::any_of(std::begin(endings), std::end(endings),
                                       [&](auto ending) { return word.ends_with(ending); })) {
      return true;
    }
  }
  // "No los veo", and not "los motores".
  const std::vector<std::string_view> words = base::split(base::trim(folded), ' ');
  for (size_t at = 0; at < words.size(); ++at) {
    if (words[at] != "lo" && words[at] != "los") continue;
    if (at + 1 == words.size() || spanish_verb(words[at + 1]) != nullptr) return true;
  }
  return holds(folded, {" it ", " him ", " her ", " them "});
}

// "Confírmame", "tell me": what about, only the subject says.
bool says_little(std::string_view text, size_t most) {
  size_t words = 0;
  for (const base::Word& word : base::words(text)) {
    const std::string folded = base::fold(text.substr(word.begin, word.end - word.begin));
    // A telephone number says nothing of what a call is about.
    const bool number = folded.find_first_not_of("0123456789") == std::string::npos;
    if (!base::is_stop_word(folded) && folded.size() > 2 && !number) ++words;
  }
  return words <= most;
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

bool is_mail_head(const std::vector<Sentence>& sentences, size_t number) {
  const auto starts = [&](size_t at, std::initializer_list<std::string_view> fields) {
    if (at >= sentences.size() || sentences[at].text.size() > 200) return false;
    const size_t colon = sentences[at].text.find(':');
    if (colon == std::string::npos || colon > 12) return false;
    const std::string field = base::fold(std::string_view(sentences[at].text).substr(0, colon));
    return std::find(fields.begin(), fields.end(), field) != fields.end();
  };
  const auto of_head = [&](size_t at) {
    return starts(at, {"de", "from", "para", "to", "cc", "asunto", "subject", "enviado", "sent",
                       "enviado el", "fecha", "date"});
  };
  // "Fecha: …" alone is a field of any notice: a head names sender or subject beside it.
  if (!of_head(number)) return false;
  for (size_t at = number < 3 ? 0 : number - 3; at <= number + 3; ++at) {
    if (at != number && starts(at, {"de", "from", "asunto", "subject"})) return true;
  }
  return false;
}

bool impersonal_mail(const Mail& mail) {
  return is_automatic(mail) || is_list(mail) || !is_person_like(mail);
}

}  // namespace lar::assistant
