// A detector looks at the world and says which cards there are to be, as they stand now: a card it
// no longer says has lost its cause. A new one is a file here and a line in registry.cc.
//
// Pure functions: the same world gives the same cards. A card's key names the state it tells of
// (the mail that waits, not the days it has waited), its text may change with the clock.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "assistant/knowledge.h"

namespace lar::assistant {

enum Urgency { urgency_later = 0, urgency_today = 1, urgency_now = 2 };

struct Detector {
  std::string_view kind;  // of all cards it makes
  void (*find)(const World& world, std::vector<store::Card>& cards);
};
std::span<const Detector> detectors();

// All cards at that moment, most pressing first, and the kinds they may be of.
std::vector<store::Card> detect(const World& world);
std::vector<std::string> card_kinds();

// ---- what detectors share ----

// Whether the owner's time is taken by it: not where it is marked as free, they have declined it,
// or it is another's in a shared calendar ("Tom: dentist").
bool binds_owner(const World& world, const Meeting& meeting);
bool is_of_another(const World& world, const Meeting& meeting);

// A card about a mail: person, thread and origin are the mail's, the mail is its first evidence.
store::Card card_about(std::string_view kind, const KnownMail& mail, std::string quote = {});
// `parameters` as JSON object of texts.
void set_text(store::Card& card, std::string code,
              std::vector<std::pair<std::string, std::string>> parameters);
std::string who(const domain::Person& person);
// Whose words the fact is: of a mail its sender's, of a chat those of whoever wrote the message.
std::string whose(const KnownMail& mail, const store::Fact& fact);
// The mail's line without the name it begins with, where the card's text says that already.
std::string what_of(const KnownMail& mail);
// Days are told in words when the card is shown: "@2026-05-14" or "@2026-05-14T17:30".
std::string day_text(const base::Date& day);
std::string time_text(const World& world, base::Microseconds moment);
// What a fact or event says about when: of the day alone, or with the time.
std::string when_text(const World& world, const std::string& when);

store::ProposedAction draft_to(const KnownMail& mail);
// The same as a mail that is sent. The desk leaves it out where no account can send.
store::ProposedAction answer_to(const KnownMail& mail);
// The same where somebody else than its sender is written to.
store::ProposedAction draft_to(const KnownMail& mail, const std::string& address,
                               const std::string& name);
// A first mail to somebody.
store::ProposedAction new_draft(const domain::Person& to, const std::string& subject);
store::ProposedAction reminder_at(base::Microseconds moment, const std::string& text,
                                  const base::Id& item);
// On the morning of that day, or where that is past, in good time: today at six, else tomorrow.
store::ProposedAction reminder_for(const World& world, base::Microseconds moment,
                                   const std::string& text, const base::Id& item);
// The event at another time, as long as it was.
store::ProposedAction move_to(const World& world, const Meeting& meeting,
                              base::Microseconds starts);
store::ProposedAction event_from(const store::Fact& fact);

}  // namespace lar::assistant
