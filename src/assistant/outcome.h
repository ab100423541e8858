// What a later mail does to what an earlier one left open: brings it, pays it, puts it off, takes
// it back. Found where a mail is judged, kept in its verdict, and used by merge_thread() within a
// thread and by settled_elsewhere() beyond it: who brings what was promised often begins a new
// mail. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "assistant/mailbox.h"

namespace lar::store {
struct Fact;
}

namespace lar::assistant {

struct KnownMail;
struct World;

struct Outcome {
  bool paid = false;          // a payment has arrived
  bool defers = false;        // "I'll look at it": an answer is still to come
  bool acknowledges = false;  // "sure, will do", and nothing else
  bool releases = false;      // "no longer needed", "never mind"
  bool changes = false;       // "better on Thursday": takes the place of what was said before
  std::vector<std::int64_t> amounts;  // of a payment, in cents
  std::vector<std::string> files;     // names of what is attached, without pictures of signatures
  std::string brings;  // names of what is attached and the words around "here is"; folded
};
Outcome outcome_of(const Mail& mail);
nlohmann::json to_json(const Outcome& outcome);
Outcome outcome_from(const nlohmann::json& detail);  // a verdict's detail

// Whether the mail brings something: a file, "here it is", "done". What is denied, asked or
// conditional ("not done yet") brings nothing.
bool brings_something(const Mail& mail);

// The words by which a matter is known: neither those that all matters have in common nor days.
std::set<std::string> matter_words(std::string_view text);
// How many words of `one` are among those of `other`, whatever their endings.
std::size_t shared_words(const std::set<std::string>& one, const std::set<std::string>& other);
// Whether a text is about the matter that `what` names: most of its words stand there.
bool is_about(std::string_view what, std::string_view text);

// Of one organisation: the same address, or a host of the same domain that is no mail provider's.
bool same_sender(std::string_view one, std::string_view other);

// The mail that brings, does or pays what was promised, asked or billed in another thread; null if
// there is none. `enders`: the mails of honest senders that bring or pay something, oldest first.
const KnownMail* settled_elsewhere(const World& world, const store::Fact& fact,
                                   std::span<const KnownMail* const> enders);

}  // namespace lar::assistant
