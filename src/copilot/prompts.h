// The prompts of an answer: one text, one question, and whether the text states what is asked.
//
// A small model shown by examples what counts as stated tells a near miss ("the code of the gate,
// not of the padlock") far better than one that is only told. The examples stand before everything
// that changes, so that an engine computes them once.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "engine/engine.h"

namespace lar::copilot {

struct ReadingPrompt {
  std::string header;   // "mail, Friday 17 April 2026, from Seguros Llevantina to Clara: …"
  std::string text;     // the passage as shown
  std::string remarks;  // lines on the question: the day it is asked, what was asked before
  std::string question;
  // Of the answer. Left out where only the yes or no counts, so that one judgement serves both.
  std::optional<base::Language> language;
};

// The model begins with "Yes" or "No"; after "Yes. " stands its answer.
std::vector<engine::ChatMessage> reading_messages(const ReadingPrompt& prompt);

// The same text read another way: what of it the answer needs is copied first ("quote"), then the
// answer is put together from that ("answer"), as an object of `copying_schema`. Small models that
// leave out the second of two facts, or look at the wrong sentence, mostly copy the right one.
std::vector<engine::ChatMessage> copying_messages(const ReadingPrompt& prompt);
extern const std::string_view copying_schema;

}  // namespace lar::copilot
