// What was said in a conversation, in a few claims with the words each stands on: a thread of
// mails, a chat, or all that was written in a time. What the judgement has found already comes
// first (decisions, appointments, who promised what, amounts), put into words by code; the chat
// model words what is left, one message at a time, and is shown only where code finds in the
// message what it says. Without a model the messages' own first sentences stand there, and say so.
//
// Nothing is stored. Any thread.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "domain/item.h"
#include "engine/engine.h"
#include "store/store.h"

namespace lar::assistant {

// One of the first three says what; since and until bound a chat, and are a time by themselves.
struct SummaryRequest {
  std::optional<base::Id> item;                       // the conversation it belongs to
  std::string chat;                                   // a chat by its name
  std::optional<base::Microseconds> since, until;     // [since, until)
  std::string person;                                 // only of them: name or address
  base::Language language = base::Language::english;  // of the summary
};

struct SummaryClaim {
  std::string kind;  // of a fact (facts.h), "decision", or "said"
  std::string text;
  bool by_model = false;
  base::Id item;
  std::string external_id;
  std::string title;
  domain::ItemKind item_kind = domain::ItemKind::mail;
  domain::Origin origin = domain::Origin::stranger;
  std::optional<domain::When> when;  // of the item
  std::string quote;                 // a piece of the item's text, at most 300 bytes of it
  domain::Locator locator;           // where it stands
};

struct Summary {
  std::string title;  // subject or name of the chat; empty for a time
  int items = 0;      // mails and days of chats that it is about
  std::vector<SummaryClaim> claims;
  std::string model;  // that worded some; empty: code alone
  // What there was and is not told of.
  int left_out_items = 0;   // older than the newest that are read
  int left_out_unsafe = 0;  // suspicious, or speaking to an assistant
  int left_out_bulk = 0;
  int left_out_facts = 0;
  int left_out_said = 0;               // messages that have no line of their own
  int left_out_cut = 0;                // long ones of which the model read only the beginning
  std::optional<base::Error> trouble;  // of the model
};

// Where a passage bears out a claim: [begin, end) of its text, and the share of the claim's words
// found there; nothing where a number, date or name is missing. copilot/evidence.h does it.
struct Support {
  std::size_t begin = 0, end = 0;
  double overlap = 0;
};
using FindSupport = std::function<std::optional<Support>(
    std::string_view text, const std::string& known, base::Date written, std::string_view claim)>;

// `on_claim` gets each claim as soon as it is known, in the order of Summary::claims. Errors:
// summary.nothing_asked, summary.empty, summary.no_chat {name}, summary.ambiguous {name, names},
// item.unknown, cancelled.
base::Result<Summary> summarise(store::Store& store, engine::Engines& engines,
                                const SummaryRequest& request, const FindSupport& support,
                                const std::function<void(const SummaryClaim&)>& on_claim,
                                std::stop_token stop);

}  // namespace lar::assistant
