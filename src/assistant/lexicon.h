// What mails say, by groups of phrases in English and Spanish: pressure, harm, requests, promotion,
// closeness and so on. They are features among others, never a judgement by themselves.
#pragma once

#include <span>
#include <string_view>

namespace lar::assistant {

struct PhraseGroup {
  std::string_view name;
  std::span<const std::string_view> phrases;  // folded words; '*' at the end: any ending
};
std::span<const PhraseGroup> phrase_groups();

// How many phrases of a group stand in a text folded by phrase_text().
int count_phrases(std::string_view folded, std::span<const std::string_view> phrases);
int count_phrases(std::string_view folded, std::string_view group);

}  // namespace lar::assistant
