// The prompt of a judged mail: how soon its owner must see it, and one line that says what it is
// about. Instructions and examples of both languages stand before everything that changes, so that
// an engine computes them once.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "engine/engine.h"

namespace lar::assistant {

struct MailPrompt {
  std::string header;  // "from Gadea Lozano to Pablo, Monday 2 March 2026, 09:30: Subject"
  std::string text;    // the writer's own words, cut
  base::Language language = base::Language::english;  // of the answer
};

// The answer's first word is one of urgent, reply, fyi, bulk; a line follows that says what the
// mail is about.
std::vector<engine::ChatMessage> mail_messages(const MailPrompt& prompt);
// GBNF of such an answer.
std::string_view mail_grammar();

struct MailAnswer {
  std::string word;
  std::string summary;
};
// Takes an answer apart; nothing if it has another form.
std::optional<MailAnswer> parse_answer(std::string_view text);

}  // namespace lar::assistant
