// What the detectors look at: mails with their verdicts, facts, the calendar, birthdays, and the
// clock. Loaded once from the store; world_at() gives what was known at a moment, so that a replay
// runs through the same code as the present. Values; any thread.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "assistant/invitations.h"
#include "assistant/mailbox.h"
#include "assistant/outcome.h"
#include "store/assistant_store.h"
#include "store/store.h"

namespace lar::assistant {

// A judged mail with what its detail says.
struct KnownMail {
  base::Id item;
  std::string message_id;
  std::string thread;
  std::string subject;
  domain::Person from;
  std::vector<domain::Person> to;
  base::Microseconds sent = 0;
  domain::Origin origin = domain::Origin::stranger;
  bool mine = false;
  bool person = false;  // written by somebody under their own name
  bool automatic = false;
  bool moves = false, cancels = false, fulfils = false;
  Outcome outcome;
  std::string priority, suspicious, summary;
  double urgency = 0;
  bool personal = false;
  std::vector<std::pair<std::string, base::Parameters>> reasons;  // triage.reason.CODE
  std::string language;
  std::vector<KnownInvitation> invitations;  // to the owner
};

// An event of the calendar that takes place once.
struct Meeting {
  base::Id item;
  std::string external_id;
  std::string title;
  std::string place;
  base::Microseconds starts = 0;
  base::Microseconds ends = 0;
  bool all_day = false;
  std::vector<domain::Person> people;  // without the owner
  std::string occurrence;              // of a series, which (domain::Occurrence::recurrence_id)
  // Neither takes the owner's time: marked as free (TRANSP), or declined by them (PARTSTAT).
  bool free = false, declined = false;
};

// What the address book says that somebody is: "arquitecta, Estudio Robles".
using Roles = std::map<std::string, std::string>;  // by address

struct KnownDocument {
  base::Id item;
  std::string external_id;
  std::string title;
};

struct Birthday {
  base::Id item;
  std::string name;
  std::string address;
  int month = 0, day = 0;
  int year = 0;  // 0: not known
};

struct Knowledge {
  Owner owner;
  std::vector<KnownMail> mails;  // oldest first
  std::vector<store::Fact> facts;
  std::vector<Meeting> meetings;  // in order
  std::vector<Birthday> birthdays;
  InvitedEvents invited;  // what the calendar holds of the mails' invitations
  Roles roles;
  std::vector<KnownDocument> documents;  // that may belong to the next meetings
};

// Mails of [from, …), the calendar of [from, to).
base::Result<Knowledge> load_knowledge(store::Store& store, base::Microseconds from,
                                       base::Microseconds to);

struct World {
  base::Microseconds now = 0;
  base::Date today;
  Owner owner;
  std::vector<KnownMail> mails;
  std::vector<store::Fact> facts;  // with the state they have at `now`
  std::vector<Meeting> meetings;
  std::vector<Birthday> birthdays;
  InvitedEvents invited;
  Roles roles;
  std::vector<KnownDocument> documents;

  const KnownMail* mail(const base::Id& item) const;
  std::vector<const KnownMail*> thread(const std::string& name) const;  // oldest first
  base::Date day_of(base::Microseconds moment) const;
  int days_to(base::Microseconds moment) const;  // 0 today, 1 tomorrow, -1 yesterday

 private:
  friend World world_at(const Knowledge& knowledge, base::Microseconds now);
  std::map<base::Id, size_t> by_item_;
};
World world_at(const Knowledge& knowledge, base::Microseconds now);

}  // namespace lar::assistant
