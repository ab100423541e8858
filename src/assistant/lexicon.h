// What mails say, by groups of phrases in English and Spanish: pressure, harm, requests, promotion,
// closeness and so on. They are features among others, never a judgement by themselves. The phrases
// stand in data/phrases.LANGUAGE.txt, which the program carries; a group holds those of all
// languages, because people mix them. Read once, constant from then on; thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lar::assistant {

struct PhraseGroup {
  std::string name;                  // "urgency"; in the file "mail.urgency"
  std::vector<std::string> phrases;  // folded words; '*' at the end: any ending
};
// The groups mail.*, which are features of a mail.
std::span<const PhraseGroup> phrase_groups();
// The phrases of a group by its whole name ("ask.verbs"); empty if there is none.
std::span<const std::string> phrases(std::string_view name);

// How many phrases of a group mail.* stand in a text folded by phrase_text().
int count_phrases(std::string_view folded, std::span<const std::string> phrases);
int count_phrases(std::string_view folded, std::string_view group);
// Whether any phrase of the group with this whole name stands there.
bool says_any(std::string_view folded, std::string_view name);

// A verb by a form that asks for it or promises it, in Spanish: "mandame", "envienos", "recoged",
// "mandas" (of "¿me mandas…?"), "mandare". `pronouns` is what hangs on behind ("me", "melo").
struct VerbForm {
  enum class Kind { infinitive, asks_you, asks_formally, present_you, present_me, future_me };
  Kind kind = Kind::infinitive;
  std::string infinitive;  // "mandar"
  std::string pronouns;
};
// Null if it is no known verb's. "manda" is asks_you although it may be "he sends".
const VerbForm* spanish_verb(std::string_view folded_word);

}  // namespace lar::assistant
