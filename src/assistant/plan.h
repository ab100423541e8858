// What the owner tells lar to do, in a sentence ("mueve mi dentista del jueves a la semana que
// viene y avísales"), as actions with previews on one card: move, cancel or add an event, tell
// somebody, remind me, write to somebody. Nothing is done here; each action waits for approval like
// any other.
//
// Code understands it: verbs, days and hours, events of the calendar by title and day, people by
// name. Only where no verb is known, the chat model is asked to take the sentence apart (under a
// schema, into words that stand in it), and code goes on from there. What is ambiguous is asked
// back, with the choices there are; the answer comes with the same sentence and the choice.
//
// Any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "assistant/actions/action.h"

namespace lar::assistant {

struct PlanRequest {
  std::string text;
  // Chosen where it was asked for.
  std::string event;  // "ITEM" or "ITEM/OCCURRENCE"
  std::string start;  // RFC 3339 or a day
  std::string who;    // address
};

struct PlanChoice {
  std::string text;               // shown
  std::string event, start, who;  // one of them
};

struct PlanAnswer {
  std::optional<store::Card> card;  // with its actions proposed
  std::string question;             // in the owner's language; or else
  std::vector<PlanChoice> choices;  // may be empty: the owner says it again, more exactly
  std::vector<std::string> notes;   // what of the sentence could not be planned
};

// Errors: of the store and the chat model.
base::Result<PlanAnswer> make_plan(const ActionContext& context, const PlanRequest& request);

// ---- for tests ----

enum class Errand { move, cancel, add, tell, remind, write };
struct PlanClause {
  Errand errand = Errand::tell;
  std::string text;  // as written, with its verb
  std::string rest;  // behind the verb
};
// The sentence taken apart at its verbs; empty where none is known.
std::vector<PlanClause> clauses_of(const std::string& text);

}  // namespace lar::assistant
