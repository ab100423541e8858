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
