// Tokens, queries and ranking of the full text. FTS5's own bm25 scores every phrase apart, so a
// rare fallback spelling could outrank the exact word; lar_rank sums the weighted spellings of a
// term before saturation instead (BM25F: Robertson, Zaragoza, Taylor, CIKM 2004) with one inverse
// document frequency for all of them.
#include "store/text_index.h"

#include <sqlite3.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <unordered_set>

#include "store/database.h"
#include "store/key_set.h"

namespace lar::store {

using base::Language;

namespace {

// Longer runs are encoded data rather than words; cut alike in index and query.
constexpr std::size_t longest_token = 64;
constexpr std::size_t most_terms = 48;

constexpr float words_weight = 1.0F;
constexpr float stems_weight = 0.45F;
constexpr float fallback_weight = 0.25F;
constexpr float head_weight = 0.6F;
constexpr float more_terms_weight = 0.4F;
// Of the pieces of a compound such as ES-2041-X beside the whole.
constexpr float piece_weight = 0.3F;
constexpr float compound_weight = 1.5F;
constexpr float phrase_weight = 2.0F;

std::vector<std::string> folded_words(std::string_view text) {
  const std::string folded = base::fold(text);
  std::vector<std::string> result;
  for (const base::Word& word : base::words(folded)) {
    result.emplace_back(base::cut_utf8(
        std::string_view(folded).substr(word.begin, word.end - word.begin), longest_token));
  }
  return result;
}

void append(std::string& column, std::string_view token) {
  if (token.empty()) return;
  if (!column.empty()) column += ' ';
  column += token;
}

bool has_n_tilde(std::string_view folded) { return folded.find("ñ") != std::string_view::npos; }

struct Languages {
  bool spanish = true;
  bool english = true;
};

// Both where the text's own function words do not settle it and the item does not say.
Languages languages_of(std::string_view text, std::string_view item_language) {
  const Language if_english = base::detect_language(text, Language::english);
  const Language if_spanish = base::detect_language(text, Language::spanish);
  if (if_english == if_spanish) {
    return {if_english == Language::spanish, if_english == Language::english};
  }
  if (item_language.empty()) return {};
  const Language stated = base::language_from_code(item_language);
  return {stated == Language::spanish, stated == Language::english};
}

// Snowball's Spanish rules know the suffix only with its accent, which folding took away:
// "facturacion" would not meet "facturaciones" and "facturar".
std::string spanish_stem(const std::string& word) {
  constexpr std::string_view suffix = "cion";
  if (!word.ends_with(suffix)) return base::stem(word, Language::spanish);
  return base::stem(word.substr(0, word.size() - suffix.size()) + "ción", Language::spanish);
}

// The stems of a word, without repetition.
std::vector<std::string> stems_of(const std::string& word, Languages languages) {
  std::vector<std::string> result;
  if (languages.spanish) result.push_back(spanish_stem(word));
  if (languages.english) {
    std::string stem = base::stem(word, Language::english);
    if (result.empty() || result.front() != stem) result.push_back(std::move(stem));
  }
  return result;
}

void append_fallback(std::string& column, const std::string& word, Languages languages) {
  if (!has_n_tilde(word)) return;
  const std::string plain = base::fold_to_n(word);
  append(column, plain);
  for (const std::string& stem : stems_of(word, languages)) {
    const std::string plain_stem = base::fold_to_n(stem);
    if (plain_stem != plain) append(column, plain_stem);
  }
}

void append_head(std::string& column, std::string_view text) {
  const std::vector<std::string> all = folded_words(text);
  for (const std::string& word : all) append(column, word);
  for (const std::string& word : all) {
    for (const std::string& stem : stems_of(word, {})) {
      if (stem != word) append(column, stem);
    }
    append_fallback(column, word, {});
  }
}

}  // namespace

std::string index_head(std::string_view head, std::string_view part_name) {
  std::string column;
  append_head(column, head);
  append_head(column, part_name);
  return column;
}

IndexedText index_text(std::string_view text, std::string_view language) {
  IndexedText result;
  const Languages languages = languages_of(text, language);
  for (const std::string& word : folded_words(text)) {
    append(result.words, word);
    if (!base::is_stop_word(word)) {
      for (const std::string& stem : stems_of(word, languages)) append(result.stems, stem);
    }
    append_fallback(result.fallback, word, languages);
  }
  return result;
}

// ---- queries -----------------------------------------------------------------------------------

namespace {

// What lar_rank is told of each phrase of the expression, in its order. Phrases of one group are
// spellings of one term.
struct PhraseWeight {
  std::int32_t group;
  float weight;
};

class QueryBuilder {
 public:
  void phrase(const std::vector<std::string>& tokens) {
    const std::int32_t group = next_group_++;
    std::string one = "(";
    one += plain("words", tokens, false);
    one += " OR ";
    one += plain("head", tokens, false);
    one += ")";
    required_ += required_.empty() ? one : " AND " + one;
    required_weights_.push_back({group, phrase_weight});
    required_weights_.push_back({group, phrase_weight * head_weight});
  }

  // Several words written as one: numbers with signs, references, addresses.
  void compound(const std::vector<std::string>& tokens, float weight) {
    const std::int32_t group = next_group_++;
    spelling("words", tokens, group, weight * compound_weight, false);
    spelling("head", tokens, group, weight * compound_weight * head_weight, false);
  }

  void term(const std::string& word, float weight, bool prefix) {
    if (!seen_.insert(word + (prefix ? "*" : "")).second || terms_ == most_terms) return;
    ++terms_;
    const std::int32_t group = next_group_++;
    spelling("words", {word}, group, weight * words_weight, prefix);
    spelling("head", {word}, group, weight * head_weight, prefix);
    if (prefix) return;
    const std::string plain_word = base::fold_to_n(word);
    std::unordered_set<std::string> fallbacks = {plain_word};
    for (const std::string& stem : stems_of(word, {})) {
      spelling("stems", {stem}, group, weight * stems_weight, false);
      if (stem != word) {
        spelling("head", {stem}, group, weight * head_weight * stems_weight, false);
      }
      fallbacks.insert(base::fold_to_n(stem));
    }
    for (const std::string& fallback : fallbacks) {
      spelling("fallback", {fallback}, group, weight * fallback_weight, false);
    }
    // Typed with ñ, written without.
    if (plain_word != word) {
      spelling("words", {plain_word}, group, weight * fallback_weight, false);
      spelling("head", {plain_word}, group, weight * fallback_weight * head_weight, false);
    }
  }

  bool any() const { return !optional_.empty() || !required_.empty(); }

  TextQuery finish() && {
    TextQuery query;
    std::vector<PhraseWeight> weights = required_weights_;
    query.phrases = required_;
    if (required_.empty()) {
      query.match = optional_;
    } else if (optional_.empty()) {
      query.match = required_;
    } else {
      // The phrases once more, weightless, make the other terms optional beside them.
      query.match = required_ + " AND (" + optional_ + " OR " + required_ + ")";
    }
    weights.insert(weights.end(), weights_.begin(), weights_.end());
    if (!optional_.empty()) {
      for (const PhraseWeight& weight : required_weights_) weights.push_back({weight.group, 0.0F});
    }
    query.weights.assign(reinterpret_cast<const char*>(weights.data()),
                         weights.size() * sizeof(PhraseWeight));
    return query;
  }

 private:
  // Tokens hold letters and digits only; the quotes keep AND, OR, NOT and NEAR from being
  // operators.
  static std::string plain(std::string_view column, const std::vector<std::string>& tokens,
                           bool prefix) {
    std::string text(column);
    text += " : \"";
    for (std::size_t index = 0; index < tokens.size(); ++index) {
      if (index > 0) text += ' ';
      text += tokens[index];
    }
    text += prefix ? "\" *" : "\"";
    return text;
  }

  void spelling(std::string_view column, const std::vector<std::string>& tokens, std::int32_t group,
                float weight, bool prefix) {
    if (!optional_.empty()) optional_ += " OR ";
    optional_ += plain(column, tokens, prefix);
    weights_.push_back({group, weight});
  }

  std::string optional_, required_;
  std::vector<PhraseWeight> weights_, required_weights_;
  std::unordered_set<std::string> seen_;
  std::int32_t next_group_ = 0;
  std::size_t terms_ = 0;
};

// The text between quotes, and what is left outside. A quote without its partner is no quote.
std::vector<std::string> take_phrases(std::string& text) {
  for (const char* sign : {"“", "”", "«", "»", "„"}) text = base::replace_all(text, sign, "\"");
  std::vector<std::string> phrases;
  for (;;) {
    const std::size_t begin = text.find('"');
    if (begin == std::string::npos) return phrases;
    const std::size_t end = text.find('"', begin + 1);
    if (end == std::string::npos) return phrases;
    phrases.push_back(text.substr(begin + 1, end - begin - 1));
    text.replace(begin, end - begin + 1, " ");
  }
}

struct Chunk {
  std::vector<std::string> tokens;
  bool prefix = false;
};

std::vector<Chunk> chunks_of(std::string_view text) {
  std::vector<Chunk> chunks;
  const std::string spaced = base::collapse_spaces(text);
  for (const std::string_view piece : base::split(spaced, ' ')) {
    Chunk chunk;
    chunk.tokens = folded_words(piece);
    if (chunk.tokens.empty()) continue;
    chunks.push_back(std::move(chunk));
  }
  if (!chunks.empty() && spaced.ends_with('*')) chunks.back().prefix = true;
  return chunks;
}

}  // namespace

TextQuery text_query(std::string_view typed, const std::vector<std::string>& more_terms) {
  QueryBuilder builder;
  std::string rest = base::clean_utf8(typed.substr(0, std::min<std::size_t>(typed.size(), 8192)));
  for (const std::string& phrase : take_phrases(rest)) {
    std::vector<std::string> tokens = folded_words(phrase);
    if (tokens.size() > most_terms) tokens.resize(most_terms);
    if (!tokens.empty()) builder.phrase(tokens);
  }
  const std::vector<Chunk> chunks = chunks_of(rest);
  const auto add = [&](bool with_stop_words) {
    for (const Chunk& chunk : chunks) {
      if (chunk.tokens.size() > 1 && chunk.tokens.size() <= 12) {
        builder.compound(chunk.tokens, 1.0F);
      }
      for (std::size_t index = 0; index < chunk.tokens.size(); ++index) {
        const std::string& token = chunk.tokens[index];
        const bool prefix = chunk.prefix && index + 1 == chunk.tokens.size();
        if (!with_stop_words && !prefix && base::is_stop_word(token)) continue;
        builder.term(token, chunk.tokens.size() > 1 ? piece_weight : 1.0F, prefix);
      }
    }
  };
  add(false);
  for (const std::string& term : more_terms) {
    const std::vector<std::string> tokens = folded_words(base::clean_utf8(term));
    if (tokens.size() > 1 && tokens.size() <= 12) builder.compound(tokens, more_terms_weight);
    for (const std::string& token : tokens) {
      if (!base::is_stop_word(token)) {
        builder.term(token, more_terms_weight * (tokens.size() > 1 ? 0.5F : 1.0F), false);
      }
    }
  }
  if (!builder.any()) add(true);
  return std::move(builder).finish();
}

// ---- ranking -----------------------------------------------------------------------------------

namespace {

constexpr double saturation = 1.2;
constexpr double length_share = 0.6;

// Figures of one query over the whole index, computed at its first row.
struct QueryFigures {
  std::vector<PhraseWeight> phrases;
  std::vector<double> rarity;     // by group
  std::vector<double> frequency;  // by group, of the row in hand
  double mean_length = 1;
};

int count_row(const Fts5ExtensionApi*, Fts5Context*, void* counter) {
  ++*static_cast<std::int64_t*>(counter);
  return SQLITE_OK;
}

int make_figures(const Fts5ExtensionApi* api, Fts5Context* fts, sqlite3_value* weights,
                 QueryFigures** made) {
  auto figures = std::make_unique<QueryFigures>();
  const int phrase_count = api->xPhraseCount(fts);
  const auto bytes = static_cast<std::size_t>(sqlite3_value_bytes(weights));
  if (bytes != static_cast<std::size_t>(phrase_count) * sizeof(PhraseWeight)) return SQLITE_ERROR;
  figures->phrases.resize(static_cast<std::size_t>(phrase_count));
  if (bytes > 0) std::memcpy(figures->phrases.data(), sqlite3_value_blob(weights), bytes);
  std::int32_t groups = 0;
  for (const PhraseWeight& phrase : figures->phrases) groups = std::max(groups, phrase.group + 1);
  sqlite3_int64 rows = 0;
  sqlite3_int64 tokens = 0;
  if (const int code = api->xRowCount(fts, &rows); code != SQLITE_OK) return code;
  if (const int code = api->xColumnTotalSize(fts, 0, &tokens); code != SQLITE_OK) return code;
  if (rows > 0) {
    figures->mean_length = std::max(1.0, static_cast<double>(tokens) / static_cast<double>(rows));
  }
  std::vector<std::int64_t> most(static_cast<std::size_t>(groups), 0);
  for (int index = 0; index < phrase_count; ++index) {
    std::int64_t hits = 0;
    const PhraseWeight& phrase = figures->phrases[static_cast<std::size_t>(index)];
    if (phrase.weight <= 0) continue;
    const int code = api->xQueryPhrase(fts, index, &hits, count_row);
    if (code != SQLITE_OK) return code;
    auto& group = most[static_cast<std::size_t>(phrase.group)];
    group = std::max(group, hits);
  }
  figures->frequency.resize(static_cast<std::size_t>(groups));
  for (const std::int64_t hits : most) {
    const double with = static_cast<double>(hits);
    figures->rarity.push_back(
        std::log(1.0 + (static_cast<double>(rows) - with + 0.5) / (with + 0.5)));
  }
  const int code = api->xSetAuxdata(fts, figures.get(),
                                    [](void* held) { delete static_cast<QueryFigures*>(held); });
  // On failure xSetAuxdata has already called the destructor.
  *made = figures.release();
  return code;
}

void rank(const Fts5ExtensionApi* api, Fts5Context* fts, sqlite3_context* context, int count,
          sqlite3_value** values) {
  if (count != 1) return sqlite3_result_error_code(context, SQLITE_MISUSE);
  auto* figures = static_cast<QueryFigures*>(api->xGetAuxdata(fts, 0));
  if (figures == nullptr) {
    const int code = make_figures(api, fts, values[0], &figures);
    if (code != SQLITE_OK) return sqlite3_result_error_code(context, code);
  }
  std::fill(figures->frequency.begin(), figures->frequency.end(), 0.0);
  int instances = 0;
  if (const int code = api->xInstCount(fts, &instances); code != SQLITE_OK) {
    return sqlite3_result_error_code(context, code);
  }
  for (int index = 0; index < instances; ++index) {
    int phrase = 0;
    int column = 0;
    int offset = 0;
    if (const int code = api->xInst(fts, index, &phrase, &column, &offset); code != SQLITE_OK) {
      return sqlite3_result_error_code(context, code);
    }
    const PhraseWeight& weight = figures->phrases[static_cast<std::size_t>(phrase)];
    figures->frequency[static_cast<std::size_t>(weight.group)] +=
        static_cast<double>(weight.weight);
  }
  int length = 0;
  if (const int code = api->xColumnSize(fts, 0, &length); code != SQLITE_OK) {
    return sqlite3_result_error_code(context, code);
  }
  const double norm =
      saturation * (1 - length_share + length_share * length / figures->mean_length);
  double score = 0;
  for (std::size_t group = 0; group < figures->frequency.size(); ++group) {
    const double frequency = figures->frequency[group];
    if (frequency > 0) {
      score += figures->rarity[group] * frequency * (saturation + 1) / (frequency + norm);
    }
  }
  sqlite3_result_double(context, score);
}

void is_allowed(sqlite3_context* context, int, sqlite3_value** values) {
  const auto* keys = static_cast<const KeySet*>(sqlite3_value_pointer(values[0], key_set_pointer));
  sqlite3_result_int(context, keys != nullptr && keys->has(sqlite3_value_int64(values[1])) ? 1 : 0);
}

}  // namespace

base::Status add_rank_function(Connection& connection) {
  // How FTS5 hands out its interface: https://sqlite.org/fts5.html#extending_fts5
  fts5_api* api = nullptr;
  sqlite3_stmt* statement = nullptr;
  int code = sqlite3_prepare_v2(connection.handle(), "SELECT fts5(?1)", -1, &statement, nullptr);
  if (code == SQLITE_OK) {
    sqlite3_bind_pointer(statement, 1, static_cast<void*>(&api), "fts5_api_ptr", nullptr);
    sqlite3_step(statement);
  }
  sqlite3_finalize(statement);
  if (code == SQLITE_OK && api == nullptr) code = SQLITE_ERROR;
  if (code == SQLITE_OK) code = api->xCreateFunction(api, "lar_rank", nullptr, rank, nullptr);
  if (code == SQLITE_OK) {
    code = sqlite3_create_function_v2(connection.handle(), "lar_allowed", 2,
                                      SQLITE_UTF8 | SQLITE_DETERMINISTIC, nullptr, is_allowed,
                                      nullptr, nullptr, nullptr);
  }
  if (code != SQLITE_OK) return connection.failure(code);
  return {};
}

}  // namespace lar::store
