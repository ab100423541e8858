// Text: UTF-8 checks, folding for search, stemming, language of a text, word splitting.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lar::base {

enum class Language { english, spanish };
std::string_view language_code(Language language);   // "en", "es"
Language language_from_code(std::string_view code);  // anything but es… is English

// Valid UTF-8 in Unicode NFC: malformed bytes become U+FFFD, CR LF and CR become LF, NUL goes.
std::string clean_utf8(std::string_view bytes);
bool is_valid_utf8(std::string_view bytes);

// Lower case with accents removed, except that ñ stays ñ (a letter of its own in Spanish): "Año" →
// "año", "Müller" → "muller". Length may change.
std::string fold(std::string_view utf8);
// fold() with ñ turned into n: the lower-ranked fallback of search.
std::string fold_to_n(std::string_view utf8);

// A word of a text: [begin, end) byte offsets into the UTF-8 it came from.
struct Word {
  std::size_t begin;
  std::size_t end;
};
// Words are runs of letters and digits (Unicode categories L, M, N); e-mail addresses, decimals
// ("412,60", "3.5") and hyphenated references are split at the signs.
std::vector<Word> words(std::string_view utf8);

// Snowball stem of a folded word.
std::string stem(std::string_view folded_word, Language language);

// Which of the two it is, from function words and letters; the fallback where nothing tells.
Language detect_language(std::string_view utf8, Language fallback);

// True for very frequent function words of either language ("the", "de", "what", "cuándo").
bool is_stop_word(std::string_view folded_word);

// Cuts at a character boundary so that at most `bytes` bytes remain.
std::string_view cut_utf8(std::string_view utf8, std::size_t bytes);

// Number of UTF-16 code units of a UTF-8 text (JavaScript's offsets).
std::size_t utf16_length(std::string_view utf8);

std::string_view trim(std::string_view text);
std::string lower_ascii(std::string_view text);
std::vector<std::string_view> split(std::string_view text, char separator);
std::string replace_all(std::string_view text, std::string_view from, std::string_view to);
// Runs of white space become one space; ends trimmed.
std::string collapse_spaces(std::string_view text);

}  // namespace lar::base
