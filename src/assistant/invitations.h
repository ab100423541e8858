// Invitations that came with mails (iTIP in mail, RFC 5546 and 6047), as far as they are for the
// owner: what a verdict keeps of them, what the calendar holds of the same event, and the object
// itself where it is to be answered. Pure but for load_invitation(); any thread.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <stop_token>
#include <string>
#include <vector>

#include "assistant/mailbox.h"
#include "base/result.h"
#include "reading/reading_service.h"
#include "sources/calendar_writer.h"
#include "store/store.h"

namespace lar::assistant {

struct KnownInvitation {
  std::string uid;
  std::string occurrence;  // of a series, the only one it is about; empty: all
  std::string method;      // "REQUEST" or "CANCEL"
  int sequence = 0;
  std::string organizer;  // address, lower case
  std::string attendee;   // the owner's address in it; empty where a cancellation names nobody
  std::string title, place;
  std::string start, end;  // "2026-05-14T17:30:00+02:00", or "2026-05-14" for whole days
  bool repeats = false;
};
// What the owner's calendar holds of an event they are invited to.
struct InvitedEvent {
  base::Id item;
  std::string organizer;
  std::string answer;  // the owner's PARTSTAT; empty where they are not among the invited
  int sequence = 0;
  std::string start;  // as KnownInvitation's; empty for a single occurrence of a series
};
// By uid and occurrence.
using InvitedEvents = std::map<std::pair<std::string, std::string>, InvitedEvent>;

// Those of a mail that ask the owner, or take back what they were asked, for a verdict's detail;
// an empty array where there are none.
nlohmann::json invitations_json(const Mail& mail, const Owner& owner);
std::vector<KnownInvitation> invitations_from(const nlohmann::json& detail);

// What the calendar holds of them.
base::Result<InvitedEvents> invited_events(store::Store& store, const Owner& owner,
                                           const std::vector<KnownInvitation>& invitations);

// The invitation of that UID and occurrence in a mail, read from its original.
struct LoadedInvitation {
  KnownInvitation known;
  std::string object;  // one VCALENDAR (sources/calendar_writer.h)
};
// Errors: those of load_mail; ical.not_invited where the mail has none for the owner.
base::Result<LoadedInvitation> load_invitation(store::Store& store,
                                               reading::ReadingService& reading,
                                               const base::Id& mail, const std::string& uid,
                                               const std::string& occurrence, std::stop_token stop);

}  // namespace lar::assistant
