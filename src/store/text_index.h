// What goes into the full text and how it is asked: tokens are prepared here with base's folding
// and stemming, so SQLite only sees plain words. Internal to the store; pure functions, any thread.
//
// Columns of passage_text: words (folded, ñ kept), stems (of the passage's language; of both where
// it cannot be told), fallback (n-spellings of words with ñ), head (title, people, folder,
// attachment name: words and stems).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/text.h"

namespace lar::store {

class Connection;

// Rises with every change of what the functions below produce: the index is then rebuilt on
// opening.
constexpr int tokenizer_version = 1;

struct IndexedText {
  std::string words, stems, fallback;
};
// `language` is the item's, for where the text does not tell.
IndexedText index_text(std::string_view text, std::string_view language);
// The head column: the item's head text and the name of an attachment.
std::string index_head(std::string_view head, std::string_view part_name);

struct TextQuery {
  std::string match;    // an FTS5 expression, every term quoted; empty: nothing to look for
  std::string weights;  // argument of lar_rank: one PhraseWeight per phrase of `match`
  std::string phrases;  // only the required phrases, as an expression; empty: none
};
// Terms are OR-ed, "quoted phrases" required; a last word ending in * also matches longer words.
// Stop words count only where there is nothing else.
TextQuery text_query(std::string_view typed, const std::vector<std::string>& more_terms);

// lar_rank(passage_text, weights): BM25 in which all spellings of a term (word, stem, fallback,
// head) are one term with one rarity and weigh as TextQuery says. Higher is better.
// lar_allowed(keys, key): whether a bound KeySet holds the key; asked before a rank is computed.
base::Status add_rank_function(Connection& connection);

}  // namespace lar::store
