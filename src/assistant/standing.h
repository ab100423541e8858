// Standing rules: what the owner said needs no approval any more. A rule names the kind of action,
// the kind of card, and mostly the person; it is made from an action that the owner looks at, is
// listed, and can be revoked. Kept as the setting "standing_rules".
//
// A rule lets nothing through that stands on a mail which is suspicious or speaks to an assistant,
// and sends a mail only where the mail it answers is proven to come from whom it says (DMARC, RFC
// 7489): a From line alone permits nothing that leaves this home.
//
// Any thread; changes of the list are the caller's to keep apart.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "reading/reading_service.h"
#include "store/assistant_store.h"
#include "store/store.h"

namespace lar::assistant {

struct StandingRule {
  std::int64_t number = 0;
  std::string action;  // kind of the action
  std::string card;    // kind of the card
  std::string person;  // address; empty: anybody
  base::Microseconds made = 0;
};
enum class ForWhom { person, anybody };

base::Result<std::vector<StandingRule>> standing_rules(store::Store& store);
// The same rule twice is one. Errors: standing.suspicious (never for such cards), standing.too_wide
// (mail to anybody).
base::Result<StandingRule> add_standing_rule(store::Store& store, const store::Card& card,
                                             const std::string& action, ForWhom whom);
base::Status remove_standing_rule(store::Store& store, std::int64_t number);  // standing.unknown

// The rule that covers a proposed action; null: it waits for the owner.
const StandingRule* rule_for(const std::vector<StandingRule>& rules, const store::Card& card,
                             const store::Action& action);
// Whether what the card stands on allows it at this moment. False also where it cannot be told.
bool may_act_alone(store::Store& store, reading::ReadingService& reading, const store::Card& card,
                   const store::Action& action, std::stop_token stop);
// Written into the action before it is approved, so that it can be seen afterwards.
base::Status note_rule(store::Store& store, const store::Action& action, const StandingRule& rule);

}  // namespace lar::assistant
