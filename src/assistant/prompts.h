// The prompt of a judged mail: one line that says what it is about. Instructions and examples of
// both languages stand before everything that changes, so that an engine computes them once.
#pragma once

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

std::vector<engine::ChatMessage> mail_messages(const MailPrompt& prompt);
// GBNF of such a line.
std::string_view mail_grammar();
// The line of an answer, as far as it tells of the mail: not where it speaks in its writer's voice,
// asks or is cut off. Empty if there is none.
std::string answered_line(std::string_view text);

}  // namespace lar::assistant
