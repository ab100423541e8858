// Text on top of utf8proc (Unicode data) and Snowball (stems). Stemmers are made once per thread.
#include "base/text.h"

#include <libstemmer.h>
#include <utf8proc.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <unordered_map>
#include <unordered_set>

namespace lar::base {
namespace {

constexpr utf8proc_int32_t replacement = 0xFFFD;
constexpr utf8proc_int32_t combining_tilde = 0x0303;

void append(std::string& text, utf8proc_int32_t codepoint) {
  std::array<utf8proc_uint8_t, 4> bytes{};
  const utf8proc_ssize_t length = utf8proc_encode_char(codepoint, bytes.data());
  text.append(reinterpret_cast<const char*>(bytes.data()), static_cast<size_t>(length));
}

// The next code point; malformed input gives `replacement` and advances by one byte.
utf8proc_int32_t next(std::string_view text, size_t& position) {
  utf8proc_int32_t codepoint = 0;
  const utf8proc_ssize_t length =
      utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + position,
                       static_cast<utf8proc_ssize_t>(text.size() - position), &codepoint);
  if (length <= 0) {
    ++position;
    return replacement;
  }
  position += static_cast<size_t>(length);
  return codepoint;
}

bool in_word(utf8proc_int32_t codepoint) {
  switch (utf8proc_category(codepoint)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return true;
    default:
      return false;
  }
}

enum class Tilde { kept, dropped };

std::string fold_with(std::string_view utf8, Tilde tilde) {
  std::string result;
  result.reserve(utf8.size());
  for (size_t position = 0; position < utf8.size();) {
    const auto first = static_cast<unsigned char>(utf8[position]);
    if (first < 0x80) {
      result +=
          first >= 'A' && first <= 'Z' ? static_cast<char>(first + 32) : static_cast<char>(first);
      ++position;
      continue;
    }
    utf8proc_int32_t codepoint = next(utf8, position);
    // A decomposed ñ (n and a combining tilde) is the same letter.
    if (codepoint == combining_tilde && !result.empty() && result.back() == 'n') {
      if (tilde == Tilde::kept) {
        result.pop_back();
        append(result, 0x00F1);
      }
      continue;
    }
    if (codepoint == 0x00F1 || codepoint == 0x00D1) {
      if (tilde == Tilde::kept) {
        append(result, 0x00F1);
      } else {
        result += 'n';
      }
      continue;
    }
    std::array<utf8proc_int32_t, 32> decomposed{};
    int boundary = 0;
    const utf8proc_ssize_t count = utf8proc_decompose_char(
        codepoint, decomposed.data(), static_cast<utf8proc_ssize_t>(decomposed.size()),
        static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD |
                                       UTF8PROC_IGNORE),
        &boundary);
    if (count < 0 || count > static_cast<utf8proc_ssize_t>(decomposed.size())) continue;
    for (utf8proc_ssize_t index = 0; index < count; ++index) {
      const utf8proc_int32_t piece = decomposed[static_cast<size_t>(index)];
      if (utf8proc_category(piece) == UTF8PROC_CATEGORY_MN) continue;
      append(result, piece);
    }
  }
  return result;
}

const std::unordered_set<std::string_view>& stop_words(Language language) {
  // Folded. Question words are among them: they say what is asked, not what to look for.
  static const std::unordered_set<std::string_view> english = {
      "a",     "about", "after",  "all",   "also",   "am",   "an",    "and",   "any",   "are",
      "as",    "at",    "be",     "been",  "before", "but",  "by",    "can",   "could", "did",
      "do",    "does",  "for",    "from",  "had",    "has",  "have",  "he",    "her",   "his",
      "how",   "i",     "if",     "in",    "into",   "is",   "it",    "its",   "just",  "many",
      "me",    "much",  "my",     "no",    "not",    "of",   "on",    "or",    "our",   "out",
      "s",     "she",   "should", "so",    "some",   "t",    "tell",  "than",  "that",  "the",
      "their", "them",  "then",   "there", "these",  "they", "this",  "those", "to",    "up",
      "us",    "was",   "we",     "were",  "what",   "when", "where", "which", "who",   "whom",
      "whose", "why",   "will",   "with",  "would",  "you",  "your",  "got",   "get",   "long"};
  static const std::unordered_set<std::string_view> spanish = {
      "a",      "al",     "algo",   "ante",    "asi",    "aun",     "como",  "con",     "cual",
      "cuales", "cuando", "cuanta", "cuantas", "cuanto", "cuantos", "de",    "del",     "desde",
      "donde",  "e",      "el",     "ella",    "ellos",  "en",      "entre", "era",     "eran",
      "es",     "esa",    "ese",    "eso",     "esta",   "estaba",  "estan", "este",    "esto",
      "estos",  "fue",    "fueron", "ha",      "habia",  "han",     "hasta", "hay",     "he",
      "hemos",  "hizo",   "la",     "las",     "le",     "les",     "lo",    "los",     "me",
      "mi",     "mis",    "muy",    "nada",    "ni",     "no",      "nos",   "nuestra", "nuestro",
      "o",      "os",     "para",   "pero",    "por",    "porque",  "que",   "quien",   "quienes",
      "se",     "sea",    "ser",    "si",      "sido",   "sin",     "sobre", "son",     "su",
      "sus",    "te",     "tengo",  "tiene",   "tienen", "tenemos", "todo",  "tu",      "tus",
      "u",      "un",     "una",    "unas",    "unos",   "y",       "ya",    "yo",      "dime"};
  return language == Language::spanish ? spanish : english;
}

struct StemmerFree {
  void operator()(sb_stemmer* stemmer) const { sb_stemmer_delete(stemmer); }
};

sb_stemmer* stemmer_for(Language language) {
  thread_local std::unique_ptr<sb_stemmer, StemmerFree> english(sb_stemmer_new("english", "UTF_8"));
  thread_local std::unique_ptr<sb_stemmer, StemmerFree> spanish(sb_stemmer_new("spanish", "UTF_8"));
  return language == Language::spanish ? spanish.get() : english.get();
}

}  // namespace

std::string_view language_code(Language language) {
  return language == Language::spanish ? "es" : "en";
}

Language language_from_code(std::string_view code) {
  return code.starts_with("es") || code.starts_with("ES") ? Language::spanish : Language::english;
}

bool is_valid_utf8(std::string_view bytes) {
  for (size_t position = 0; position < bytes.size();) {
    utf8proc_int32_t codepoint = 0;
    const utf8proc_ssize_t length =
        utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(bytes.data()) + position,
                         static_cast<utf8proc_ssize_t>(bytes.size() - position), &codepoint);
    if (length <= 0) return false;
    position += static_cast<size_t>(length);
  }
  return true;
}

std::string clean_utf8(std::string_view bytes) {
  std::string valid;
  valid.reserve(bytes.size());
  bool ascii = true;
  for (size_t position = 0; position < bytes.size();) {
    const char letter = bytes[position];
    if (static_cast<unsigned char>(letter) < 0x80) {
      ++position;
      if (letter == '\r') {
        if (position < bytes.size() && bytes[position] == '\n') ++position;
        valid += '\n';
      } else if (letter != '\0') {
        valid += letter;
      }
      continue;
    }
    ascii = false;
    append(valid, next(bytes, position));
  }
  if (ascii) return valid;
  utf8proc_uint8_t* composed = nullptr;
  const utf8proc_ssize_t length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(valid.data()),
                   static_cast<utf8proc_ssize_t>(valid.size()), &composed,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  if (length < 0) return valid;
  std::string result(reinterpret_cast<char*>(composed), static_cast<size_t>(length));
  std::free(composed);
  return result;
}

std::string fold(std::string_view utf8) { return fold_with(utf8, Tilde::kept); }
std::string fold_to_n(std::string_view utf8) { return fold_with(utf8, Tilde::dropped); }

std::vector<Word> words(std::string_view utf8) {
  std::vector<Word> result;
  bool inside = false;
  size_t begin = 0;
  for (size_t position = 0; position < utf8.size();) {
    const size_t start = position;
    if (in_word(next(utf8, position))) {
      if (!inside) begin = start;
      inside = true;
    } else if (inside) {
      result.push_back({begin, start});
      inside = false;
    }
  }
  if (inside) result.push_back({begin, utf8.size()});
  return result;
}

std::string stem(std::string_view folded_word, Language language) {
  sb_stemmer* stemmer = stemmer_for(language);
  if (stemmer == nullptr) return std::string(folded_word);
  const sb_symbol* stemmed =
      sb_stemmer_stem(stemmer, reinterpret_cast<const sb_symbol*>(folded_word.data()),
                      static_cast<int>(folded_word.size()));
  if (stemmed == nullptr) return std::string(folded_word);
  return std::string(reinterpret_cast<const char*>(stemmed),
                     static_cast<size_t>(sb_stemmer_length(stemmer)));
}

Language detect_language(std::string_view utf8, Language fallback) {
  int spanish = 0, english = 0;
  const std::string_view sample = cut_utf8(utf8, 4000);
  for (const std::string_view sign : {"¿", "¡", "ñ", "Ñ"}) {
    if (sample.find(sign) != std::string_view::npos) spanish += 3;
  }
  for (const std::string_view sign : {"á", "é", "í", "ó", "ú"}) {
    if (sample.find(sign) != std::string_view::npos) ++spanish;
  }
  for (const Word& word : words(sample)) {
    const std::string folded = fold(sample.substr(word.begin, word.end - word.begin));
    const bool in_spanish = stop_words(Language::spanish).contains(folded);
    const bool in_english = stop_words(Language::english).contains(folded);
    if (in_spanish && !in_english) ++spanish;
    if (in_english && !in_spanish) ++english;
  }
  if (spanish == english) return fallback;
  return spanish > english ? Language::spanish : Language::english;
}

bool is_stop_word(std::string_view folded_word) {
  return stop_words(Language::english).contains(folded_word) ||
         stop_words(Language::spanish).contains(folded_word);
}

std::string_view cut_utf8(std::string_view utf8, std::size_t bytes) {
  if (utf8.size() <= bytes) return utf8;
  while (bytes > 0 && (static_cast<unsigned char>(utf8[bytes]) & 0xC0) == 0x80) --bytes;
  return utf8.substr(0, bytes);
}

std::size_t utf16_length(std::string_view utf8) {
  std::size_t length = 0;
  for (const char letter : utf8) {
    const auto byte = static_cast<unsigned char>(letter);
    if ((byte & 0xC0) != 0x80) ++length;
    if (byte >= 0xF0) ++length;
  }
  return length;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view white = " \t\r\n\f\v";
  const size_t begin = text.find_first_not_of(white);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(white) - begin + 1);
}

std::string lower_ascii(std::string_view text) {
  std::string result(text);
  for (char& letter : result) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter + 32);
  }
  return result;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> result;
  size_t begin = 0;
  while (true) {
    const size_t end = text.find(separator, begin);
    result.push_back(text.substr(begin, end == std::string_view::npos ? end : end - begin));
    if (end == std::string_view::npos) return result;
    begin = end + 1;
  }
}

std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
  std::string result;
  size_t begin = 0;
  while (!from.empty()) {
    const size_t found = text.find(from, begin);
    if (found == std::string_view::npos) break;
    result.append(text.substr(begin, found - begin)).append(to);
    begin = found + from.size();
  }
  return result.append(text.substr(begin));
}

std::string collapse_spaces(std::string_view text) {
  std::string result;
  bool pending = false;
  for (const char letter : text) {
    if (letter == ' ' || letter == '\t' || letter == '\n' || letter == '\r' || letter == '\f' ||
        letter == '\v') {
      pending = !result.empty();
    } else {
      if (pending) result += ' ';
      pending = false;
      result += letter;
    }
  }
  return result;
}

}  // namespace lar::base
