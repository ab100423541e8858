// Words that mean the same in two languages lie near each other in the space of an embedding model
// that knows both; how near was measured with EmbeddingGemma over lines of a 1.5B model about mails
// in the other language, right ones and those of other mails (quality.md). A model that knows one
// language only finds nothing near, and the message's own words are shown instead.
#include "assistant/borne_out.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <set>

#include "assistant/mailbox.h"
#include "base/time_expression.h"

namespace lar::assistant {
namespace {

// Letters that two spellings of a word have in common at least, in either language.
constexpr std::size_t same_beginning = 5;
constexpr std::size_t shortest_word = 4;
// From here on two words are held to mean the same.
constexpr double near_enough = 0.70;
// Of the words of a line so many must be found, and so many strange ones may not follow each other:
// a lie at the end of a true line is words in a row. By spelling alone a line in the message's own
// language may say things in other words.
struct Strictness {
  double share;
  std::size_t strange_in_a_row;
};
constexpr Strictness by_meaning{0.75, 2}, by_spelling{0.5, 3};
// Of a message so many different words are compared.
constexpr std::size_t most_words = 160;

std::vector<std::string> numbers_of(std::string_view text) {
  std::vector<std::string> found;
  for (size_t at = 0; at < text.size();) {
    if (text[at] < '0' || text[at] > '9') {
      ++at;
      continue;
    }
    size_t end = at;
    while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
    std::string number(text.substr(at, end - at));
    while (number.size() > 1 && number[0] == '0') number.erase(0, 1);
    found.push_back(std::move(number));
    at = end;
  }
  return found;
}

bool numbers_stand_there(std::string_view line, const std::string& source) {
  const std::vector<std::string> known = numbers_of(source);
  for (const std::string& number : numbers_of(line)) {
    if (std::find(known.begin(), known.end(), number) != known.end()) continue;
    // "a las dos" may become 14:00 and the reverse.
    const bool half = std::any_of(known.begin(), known.end(), [&](const std::string& other) {
      return other.size() <= 2 && number.size() <= 2 &&
             std::abs(std::stoi(other) - std::stoi(number)) == 12;
    });
    if (!half && number.size() > 1) return false;
  }
  return true;
}

// Each day that the line names is one of those that the message names, or that of its writing.
bool days_stand_there(const std::vector<base::TimeExpression>& said, const Ground& ground) {
  const auto there =
      base::find_time_expressions(ground.text, ground.written, base::TimeDirection::future);
  return std::all_of(said.begin(), said.end(), [&](const base::TimeExpression& one) {
    if (one.first == ground.written && one.last == ground.written) return true;
    return std::any_of(there.begin(), there.end(), [&](const base::TimeExpression& other) {
      return base::days_between(other.first, one.first) >= 0 &&
             base::days_between(one.last, other.last) >= 0;
    });
  });
}

struct ContentWord {
  std::string folded, written;  // in small letters
};

// How one tells of a message: of such words it need not hold any.
bool only_tells(const ContentWord& word) {
  static const std::set<std::string> words = {
      "pide",    "piden", "dice",   "dicen", "pregunta", "preguntan", "avisa",  "avisan",
      "informa", "desea", "quiere", "asks",  "says",     "tells",     "wants",  "informs",
      "hacer",   "hace",  "tiene",  "puede", "podria",   "comunica",  "quieren"};
  return words.contains(word.folded);
}

// Words that mean something, in their order, each once; those of `times` are left out.
std::vector<ContentWord> content_words(std::string_view text,
                                       const std::vector<base::TimeExpression>& times) {
  std::vector<ContentWord> result;
  std::set<std::string> seen;
  for (const base::Word& word : base::words(text)) {
    const bool timed =
        std::any_of(times.begin(), times.end(), [&](const base::TimeExpression& time) {
          return word.begin >= time.begin && word.end <= time.end;
        });
    const std::string_view written = text.substr(word.begin, word.end - word.begin);
    std::string folded = base::fold(written);
    if (timed || folded.size() < shortest_word || base::is_stop_word(folded) ||
        folded.find_first_of("0123456789") != std::string::npos || !seen.insert(folded).second) {
      continue;
    }
    result.push_back({std::move(folded), base::lower_ascii(written)});
  }
  return result;
}

bool enough(const std::vector<bool>& found, const Strictness& strictness) {
  std::size_t there = 0, row = 0;
  for (const bool one : found) {
    there += one ? 1 : 0;
    row = one ? 0 : row + 1;
    if (row >= strictness.strange_in_a_row) return false;
  }
  return there > 0 &&
         static_cast<double>(there) >= strictness.share * static_cast<double>(found.size());
}

double nearness(const std::vector<float>& one, const std::vector<float>& other) {
  return std::inner_product(
      one.begin(), one.begin() + static_cast<std::ptrdiff_t>(std::min(one.size(), other.size())),
      other.begin(), 0.0);
}

}  // namespace

base::Result<bool> borne_out(std::string_view line, const Ground& ground,
                             base::Language line_language, const EmbedWords& embed) {
  if (!numbers_stand_there(line, ground.text + " " + ground.known)) return false;
  const auto times = base::find_time_expressions(line, ground.written, base::TimeDirection::future);
  if (!days_stand_there(times, ground)) return false;
  std::vector<ContentWord> said = content_words(line, times);
  said.erase(std::remove_if(said.begin(), said.end(), only_tells), said.end());
  const std::string spelt = phrase_text(ground.text) + phrase_text(ground.known);
  std::vector<bool> found;
  std::vector<std::string> strange;
  for (const ContentWord& word : said) {
    found.push_back(spelt.find(" " + word.folded.substr(0, same_beginning)) != std::string::npos);
    if (!found.back()) strange.push_back(word.written);
  }
  if (enough(found, by_meaning)) return true;
  if (!embed) return ground.language == line_language && enough(found, by_spelling);
  std::vector<ContentWord> there = content_words(ground.text, {});
  if (strange.empty() || there.empty()) return false;
  if (there.size() > most_words) there.resize(most_words);
  std::vector<std::string> all = strange;
  for (const ContentWord& word : there) all.push_back(word.written);
  TRY_ASSIGN(const auto vectors, embed(all));
  if (vectors.size() != all.size()) return false;
  std::size_t at = 0;  // in strange
  for (std::size_t index = 0; index < said.size(); ++index) {
    if (found[index]) continue;
    found[index] = std::any_of(vectors.begin() + static_cast<std::ptrdiff_t>(strange.size()),
                               vectors.end(), [&](const std::vector<float>& other) {
                                 return nearness(vectors[at], other) >= near_enough;
                               });
    ++at;
  }
  return enough(found, by_meaning);
}

std::string said_by(const std::string& who, std::string line) {
  const std::string folded = phrase_text(line);
  for (const base::Word& word : base::words(who)) {
    const std::string name =
        base::fold(std::string_view(who).substr(word.begin, word.end - word.begin));
    if (name.size() > 2 && folded.find(" " + name + " ") != std::string::npos) return line;
  }
  return who.empty() ? line : who + ": " + line;
}

}  // namespace lar::assistant
