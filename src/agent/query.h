// What a typed query says beyond its words: its language, its times, filters such as `from:ana` or
// `kind:mail`.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/text.h"
#include "base/time_expression.h"
#include "domain/item.h"

namespace lar::agent {

struct Query {
  std::string text;         // as typed
  std::string search_text;  // without times and filters; the whole text if nothing else is left
  base::Language language = base::Language::english;
  std::vector<base::TimeExpression> times;
  std::optional<base::Microseconds>
      after;  // [after, before) of the first time expression or filter
  std::optional<base::Microseconds> before;
  std::optional<domain::ItemKind> kind;
  std::string person;
};

// Filters: from:, de:, person:, persona:, kind:, tipo:, after:, desde:, before:, hasta: with a
// value. `now` and `zone` resolve relative times.
Query understand(std::string_view text, base::Microseconds now, std::string_view zone);

// Folded content words (no function words), in order, without doubles.
std::vector<std::string> content_words(std::string_view text);

}  // namespace lar::agent
