// Before the first live notification the owner sees what there would have been: what a new account
// of mail would interrupt them with is held back until they have looked at a replay, or have said
// that it may begin. It stands in the briefing and among the cards meanwhile, and what was held is
// not told late. Kept as the setting "held_back". Any thread; changes are the caller's to keep
// apart.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "store/assistant_store.h"
#include "store/store.h"

namespace lar::assistant {

struct HeldBack {
  std::vector<base::Id> sources;             // that have not begun, of those that there are
  bool all = false;                          // no other source of mail has begun
  std::optional<base::Microseconds> looked;  // the owner at a replay, or corrected what it showed
  std::vector<std::int64_t> passed;          // numbers of cards that were held when it began
  bool active() const { return !sources.empty(); }
};

base::Result<HeldBack> held_back(store::Store& store);
base::Status set_held_back(store::Store& store, const HeldBack& held);
// Whether that sort of source brings mail as it comes.
bool brings_mail(std::string_view source_kind);
// Whether the card is of the accounts that have not begun: all mails it stands on lie there alone,
// or nothing has begun yet. Not what the owner has asked for themselves.
base::Result<bool> is_held(store::Store& store, const HeldBack& held, const store::Card& card);
// When looking counts as having looked: time is left for corrections.
std::optional<base::Microseconds> begins_at(const HeldBack& held);

}  // namespace lar::assistant
