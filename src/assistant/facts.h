// What a judged mail says in typed form, each with the words it stands on, and what of it still
// holds once a whole thread is read: the later word wins, and an answer closes what waited for it.
// Kinds:
//
//   request      asked of the owner; `starts`: by when
//   awaits_me    waits for the owner's answer
//   promise      the owner's own; `starts`: for when
//   awaits_them  the owner asked, nobody answered
//   promised     somebody else's to the owner
//   appointment  `starts`, `ends`, `place`
//   invoice      `cents`, `currency`; `starts`: due
//   booking      `starts`: when it begins
//   decision     what was decided or agreed, by `who`; `starts`: for when
//   order        the mail speaks to an assistant to make it do something
//
// Pure functions.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "assistant/assistant.h"
#include "assistant/outcome.h"
#include "store/assistant_store.h"

namespace lar::assistant {

// Raised when judgement or facts change: everything is judged again.
inline constexpr int judgement_version = 4;

// `item` is what `mail` was made of; its texts are where the quotes are located.
std::vector<store::Fact> find_facts(const Mail& mail, const domain::Item& item,
                                    const Verdict& verdict, const Mailbox& mailbox);

// What later judging and the briefing need of a verdict, for store::Verdict::detail.
nlohmann::json detail_of(const Mail& mail, const Verdict& verdict);

// A mail of a thread, as far as it can end what others said.
struct ThreadMail {
  base::Id item;
  base::Microseconds sent = 0;
  bool mine = false;
  std::string from;
  bool fulfils = false;       // brings something: an attachment, "here it is", "done"
  bool cancels = false;       // calls an appointment off
  bool honest = true;         // not suspicious: what strangers forge ends nothing
  bool appointments = false;  // names some
  bool moves = false;         // and one of them takes the place of an earlier one
  Outcome outcome = {};
};
// Sets state, ended and superseded_by of a thread's facts, whatever they were before. `mails` in
// the order they were sent; facts of mails that are not among them are left alone.
void merge_thread(std::vector<store::Fact>& facts, const std::vector<ThreadMail>& mails);
ThreadMail thread_mail(const store::JudgedMail& mail);

// The stretch of an item's text that holds `sentence`, whatever white space it was broken with.
struct Evidence {
  std::string quote;
  domain::Locator locator;
};
std::optional<Evidence> locate(const domain::Item& item, std::string_view sentence);

// "2026-05-14" (in `zone`) or RFC 3339 as a moment.
std::optional<base::Microseconds> moment_of(const std::string& when, std::string_view zone);

}  // namespace lar::assistant
