// Reads the phrase files and makes the forms of Spanish verbs from their infinitives, so that a new
// verb is one line.
#include "assistant/lexicon.h"

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>

#include "base/embedded.h"
#include "base/text.h"

namespace lar::assistant {
namespace {

struct Tables {
  std::map<std::string, std::vector<std::string>, std::less<>> groups;
  std::vector<PhraseGroup> of_mails;
  std::unordered_map<std::string, VerbForm> spanish_verbs;
};

// The sound of a stem stays where its next vowel changes: "sac" → "saqu", "recog" → "recoj".
std::string before_vowel(std::string stem, bool front, bool first_conjugation) {
  if (stem.empty()) return stem;
  if (first_conjugation && front) {
    if (stem.ends_with('c')) {
      stem.pop_back();
      return stem + "qu";
    }
    if (stem.ends_with('g')) return stem + "u";
    if (stem.ends_with('z')) stem.back() = 'c';
  } else if (!first_conjugation && !front) {
    if (stem.ends_with('g')) stem.back() = 'j';
    if (stem.ends_with('c') && stem.size() > 1) stem.back() = 'z';
  }
  return stem;
}

class SpanishVerbs {
 public:
  explicit SpanishVerbs(std::unordered_map<std::string, VerbForm>& forms) : forms_(forms) {}

  // "mandar", "recordar recuerd", "hacer hag haz haga haces"
  void add(std::string_view line) {
    const std::vector<std::string_view> parts = base::split(line, ' ');
    std::string infinitive(parts[0]);
    if (infinitive.ends_with("se")) infinitive.resize(infinitive.size() - 2);
    if (infinitive.size() < 2) return;
    const std::string root = infinitive.substr(0, infinitive.size() - 2);
    const bool first = infinitive.ends_with("ar");
    const bool third = infinitive.ends_with("ir");
    const std::string stem = parts.size() > 1 ? std::string(parts[1]) : root;
    std::string informal = stem + (first ? "a" : "e");
    std::string formal = before_vowel(stem, first, first) + (first ? "e" : "a");
    if (parts.size() > 2) informal = parts[2];
    if (parts.size() > 3) formal = parts[3];
    using Kind = VerbForm::Kind;
    with_pronouns(informal, Kind::asks_you, infinitive);
    with_pronouns(root + (first ? "ad" : third ? "id" : "ed"), Kind::asks_you, infinitive);
    with_pronouns(formal, Kind::asks_formally, infinitive);
    with_pronouns(formal + "n", Kind::asks_formally, infinitive);
    with_pronouns(infinitive, Kind::infinitive, infinitive);
    put(parts.size() > 4 ? std::string(parts[4]) : stem + (first ? "as" : "es"),
        {Kind::present_you, infinitive, ""});
    put(root + (first ? "ais" : third ? "is" : "eis"), {Kind::present_you, infinitive, ""});
    // Of "vos": "mandame", "decime", "ponelo", "venis", "podes". "Hace" and "pone" are told of
    // others.
    if (!first) {
      with_pronouns(root + (third ? "i" : "e"), Kind::asks_you, infinitive, third ? 0 : 1);
    } else if (stem != root) {
      with_pronouns(root + "a", Kind::asks_you, infinitive);
    }
    put(root + (first ? "as" : third ? "is" : "es"), {Kind::present_you, infinitive, ""});
    put(before_vowel(stem, false, first) + "o", {Kind::present_me, infinitive, ""});
    std::string future = infinitive;
    if (infinitive == "hacer") future = "har";
    if (infinitive == "decir") future = "dir";
    for (const std::string_view verb : {"poner", "tener", "venir", "salir", "proponer"}) {
      if (infinitive == verb) future = infinitive.substr(0, infinitive.size() - 2) + "dr";
    }
    put(future + "e", {Kind::future_me, infinitive, ""});
    put(future + "emos", {Kind::future_me, infinitive, ""});
    // "que me mandes", "que nos envíen"
    put(formal + "s", {Kind::asks_you, infinitive, ""});
    put(before_vowel(root, first, first) + (first ? "eis" : "ais"),
        {Kind::asks_you, infinitive, ""});
    // "Nos gustaría que mandaras …"
    put(root + (first ? "aras" : "ieras"), {Kind::asks_you, infinitive, ""});
  }

 private:
  void put(const std::string& form, VerbForm made) {
    // "de" and "di" are mostly other words.
    if (form.size() > 2) forms_.emplace(form, std::move(made));
  }
  // From which pronoun on: 0 is the form without any.
  void with_pronouns(const std::string& form, VerbForm::Kind kind, const std::string& infinitive,
                     size_t since = 0) {
    static constexpr std::array<std::string_view, 25> pronouns = {
        "",     "me",    "nos",   "le",    "les",   "lo",    "la",     "los",    "las",
        "melo", "mela",  "melos", "melas", "noslo", "nosla", "noslos", "noslas", "selo",
        "sela", "selos", "selas", "te",    "os",    "se",    "telo"};
    for (size_t index = since; index < pronouns.size(); ++index) {
      const std::string pronoun(pronouns[index]);
      put(form + pronoun, {kind, infinitive, pronoun});
    }
  }
  std::unordered_map<std::string, VerbForm>& forms_;
};

Tables read_tables() {
  Tables tables;
  SpanishVerbs verbs(tables.spanish_verbs);
  for (const embedded::File& file : embedded::assistant_data()) {
    if (!file.path.starts_with("phrases.")) continue;
    std::string name;
    for (const std::string_view raw : base::split(file.bytes, '\n')) {
      const std::string_view line = base::trim(raw);
      if (line.empty() || line.starts_with('#')) continue;
      if (line.starts_with('[') && line.ends_with(']')) {
        name = line.substr(1, line.size() - 2);
        continue;
      }
      if (name == "ask.verbs" && file.path == "phrases.es.txt") {
        verbs.add(line);
        continue;
      }
      auto& group = tables.groups[name];
      if (std::find(group.begin(), group.end(), line) == group.end()) group.emplace_back(line);
    }
  }
  for (const auto& [name, list] : tables.groups) {
    if (name.starts_with("mail.")) tables.of_mails.push_back({name.substr(5), list});
  }
  return tables;
}

const Tables& tables() {
  static const Tables read = read_tables();
  return read;
}

bool stands(std::string_view folded, std::string_view phrase) {
  const bool open = phrase.ends_with('*');
  if (open) phrase.remove_suffix(1);
  for (size_t at = 0; (at = folded.find(phrase, at)) != std::string_view::npos; at += 1) {
    if (at == 0 || folded[at - 1] != ' ') continue;
    const size_t end = at + phrase.size();
    if (open || end >= folded.size() || folded[end] == ' ') return true;
  }
  return false;
}

}  // namespace

std::span<const PhraseGroup> phrase_groups() { return tables().of_mails; }

std::span<const std::string> phrases(std::string_view name) {
  const auto found = tables().groups.find(name);
  return found == tables().groups.end() ? std::span<const std::string>()
                                        : std::span<const std::string>(found->second);
}

int count_phrases(std::string_view folded, std::span<const std::string> phrases) {
  return static_cast<int>(
      std::count_if(phrases.begin(), phrases.end(),
                    [&](const std::string& phrase) { return stands(folded, phrase); }));
}

int count_phrases(std::string_view folded, std::string_view group) {
  return count_phrases(folded, phrases("mail." + std::string(group)));
}

bool says_any(std::string_view folded, std::string_view name) {
  const auto list = phrases(name);
  return std::any_of(list.begin(), list.end(),
                     [&](const std::string& phrase) { return stands(folded, phrase); });
}

const VerbForm* spanish_verb(std::string_view folded_word) {
  const auto found = tables().spanish_verbs.find(std::string(folded_word));
  return found == tables().spanish_verbs.end() ? nullptr : &found->second;
}

}  // namespace lar::assistant
