// A rehearsal before a change of the chat model: the owner's last questions, those whose answers
// they corrected first, go through the present model and through the one that may take its place,
// over the same mail, and what differs is shown. Nothing is remembered and nothing changes. Blocks
// the caller for seconds a question.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "engine/engine.h"
#include "store/store.h"

namespace lar::api {

struct RehearsalWish {
  std::string model;  // installed, or an engine's address
  int questions = 50;
};

// `options`: as the home's engines were opened with, their models among them. `progress`: how many
// of how many have been asked. Gives {model, other, questions: [{question, correction, current,
// other, same_answer, same_citations}], summary}; an answer is {answer, declined, citations,
// cites_as_kept, as_corrected, total_ms, prompt_tokens, completion_tokens}. `as_corrected`: whether
// it holds what the owner called right; null where they said nothing of the kind. Errors:
// rehearsal.no_questions, engine.no_room {model, needed, left} (MiB), those of Engines::use() and
// of asking.
base::Result<nlohmann::json> rehearse(store::Store& store, engine::Engines& engines,
                                      const engine::EngineOptions& options,
                                      const RehearsalWish& wish,
                                      const std::function<void(int done, int all)>& progress,
                                      std::stop_token stop);

}  // namespace lar::api
