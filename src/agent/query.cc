// Query understanding by rules: the same query always means the same. Pure functions.
#include "agent/query.h"

#include <algorithm>

#include "base/messages.h"

namespace lar::agent {
namespace {

using base::Microseconds;

std::optional<domain::ItemKind> kind_named(std::string_view name) {
  if (const auto kind = domain::item_kind_from(name)) return kind;
  if (name == "correo" || name == "email") return domain::ItemKind::mail;
  if (name == "evento" || name == "cita") return domain::ItemKind::event;
  if (name == "contacto") return domain::ItemKind::contact;
  if (name == "documento") return domain::ItemKind::document;
  return std::nullopt;
}

}  // namespace

Query understand(std::string_view text, Microseconds now, std::string_view zone) {
  Query query;
  query.text = std::string(text);
  query.language = base::detect_language(text, base::environment_language());
  const base::Date reference = base::to_local(now, zone).date;
  const auto midnight = [&](const base::Date& day) {
    return base::from_local({day, 0, 0, 0}, zone);
  };

  std::string remaining;
  for (const std::string_view word : base::split(text, ' ')) {
    const size_t colon = word.find(':');
    if (colon != std::string_view::npos && colon > 0 && colon + 1 < word.size()) {
      const std::string name = base::lower_ascii(word.substr(0, colon));
      const std::string_view value = word.substr(colon + 1);
      if (name == "from" || name == "de" || name == "person" || name == "persona") {
        query.person = std::string(value);
        continue;
      }
      if (name == "kind" || name == "tipo") {
        if (const auto kind = kind_named(base::lower_ascii(value))) {
          query.kind = kind;
          continue;
        }
      }
      if (name == "after" || name == "desde" || name == "before" || name == "hasta") {
        if (const auto day = base::parse_date(value)) {
          (name == "after" || name == "desde" ? query.after : query.before) = midnight(*day);
          continue;
        }
      }
    }
    if (!remaining.empty()) remaining += ' ';
    remaining += word;
  }

  query.times = base::find_time_expressions(remaining, reference);
  std::string without_times;
  size_t position = 0;
  for (const base::TimeExpression& time : query.times) {
    without_times += remaining.substr(position, time.begin - position);
    position = time.end;
  }
  without_times += remaining.substr(position);
  if (!query.times.empty() && !query.after && !query.before) {
    query.after = midnight(query.times.front().first);
    query.before = midnight(base::add_days(query.times.front().last, 1));
  }
  query.search_text = content_words(without_times).empty() ? remaining : without_times;
  return query;
}

std::vector<std::string> content_words(std::string_view text) {
  std::vector<std::string> result;
  for (const base::Word& word : base::words(text)) {
    std::string folded = base::fold(text.substr(word.begin, word.end - word.begin));
    if (base::is_stop_word(folded)) continue;
    if (std::find(result.begin(), result.end(), folded) == result.end()) {
      result.push_back(std::move(folded));
    }
  }
  return result;
}

}  // namespace lar::agent
