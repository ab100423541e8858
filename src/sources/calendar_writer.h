// Writing calendar objects (RFC 5545): new events, and changes to ones that came from elsewhere. A
// change touches only the lines it is about: everything else (properties nobody here knows, who
// accepted, alarms of other programs) stays byte for byte. Pure; any thread.
//
// Texts are whole VCALENDARs as they lie at a CalDAV server: one UID, its changed occurrences, its
// time zones. Errors: ical.not_writable, ical.no_such_occurrence, ical.rule_in_the_way,
// ical.ends_before_start.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "domain/item.h"

namespace lar::sources {

struct EventDraft {
  std::string uid;  // empty: a new one
  std::string title;
  domain::When start;
  std::optional<domain::When> end;  // of whole days: the first day after them
  std::string place;
  std::string notes;
  std::vector<domain::Person> people;  // attendees and, with any, the organizer
  std::optional<int> alarm_minutes;    // before the start
  std::string rule;                    // an RRULE value, or empty
};
base::Result<std::string> write_event(const EventDraft& draft);

struct EventChange {
  std::optional<std::string> title;
  std::optional<std::string> place;
  std::optional<std::string> notes;
  std::optional<domain::When> start;
  std::optional<domain::When> end;  // without: it stays as long as it was
};
// `occurrence`: domain::Occurrence::recurrence_id of the one to change; empty: the whole event, of
// which `start` is that of its first occurrence. Its rule, exceptions and changed occurrences move
// along.
base::Result<std::string> change_event(std::string_view original, std::string_view occurrence,
                                       const EventChange& change);
// Takes one occurrence out of a series.
base::Result<std::string> remove_occurrence(std::string_view original, std::string_view occurrence);

enum class Participation { accepted, tentative, declined };
// The answer of the attendee with this address, to all or to one occurrence. Errors:
// ical.not_invited.
base::Result<std::string> answer_invitation(std::string_view original, std::string_view occurrence,
                                            std::string_view address, Participation answer);

// ---- invitations (RFC 5546) ----

struct Invited {
  std::string address;  // lower case
  std::string answer;   // PARTSTAT in upper case; "NEEDS-ACTION" where it is not said
};
struct Scheduling {
  std::string uid;
  int sequence = 0;        // raised by the organizer with each change that matters
  std::string organizer;   // address in lower case; empty: nobody invited
  std::string occurrence;  // the one it is about (domain::Occurrence::recurrence_id); empty: all
  bool repeats = false;
  bool transparent = false;  // TRANSP: takes up nobody's time
  bool cancelled = false;    // STATUS
  std::vector<Invited> invited;
};
// `occurrence`: that change of a series instead of the whole. Errors: ical.no_such_occurrence where
// the series has not changed it.
base::Result<Scheduling> scheduling_of(std::string_view object, std::string_view occurrence = {});
// What goes to the organizer (METHOD:REPLY): the event's identity and the one attendee's answer,
// nothing of the others. Errors: ical.not_invited.
base::Result<std::string> write_reply(std::string_view invitation, std::string_view address,
                                      Participation answer);
// An invitation, as it came or answered, over what the calendar holds of that UID (empty: nothing).
// A whole event takes its place and keeps its alarms; single occurrences become changes of the
// series that is there. Without METHOD, as calendars keep objects (RFC 4791, 4.1).
base::Result<std::string> merge_invitation(std::string_view existing, std::string_view invitation);
// Who tells the organizer (RFC 6638, 7.1): "CLIENT" or "NONE" keeps the server from doing it, too.
base::Result<std::string> with_schedule_agent(std::string_view object, std::string_view agent);

// ---- files that hold many objects ----

// The object of one UID as the functions above take it, with the file's time zones; nothing if the
// file has none.
std::optional<std::string> object_in(std::string_view file, std::string_view uid);
// The file with `object` in the place of what it has of that UID, or at its end; zones it lacks
// come along. All else, line ends too, stays as it is. Errors: ical.incomplete where the file does
// not end as a calendar; ical.not_writable.
base::Result<std::string> with_object(std::string_view file, std::string_view object);
// The file without that UID; nothing if it has none.
std::optional<std::string> without_object(std::string_view file, std::string_view uid);

// The VTIMEZONE of an IANA zone, right for `year` and, where its rules go on as they are, after it.
std::string write_time_zone(const std::string& zone, int year);

}  // namespace lar::sources
