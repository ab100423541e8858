// Where events lie that lar may change: collections of a CalDAV account, guarded by the version
// that was last seen, and calendar files of the owner's. A file is written whole beside the old one
// and takes its place, after a last look whether somebody else has changed it meanwhile.
//
// Any thread; changes at a server run on the caller's.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "assistant/actions/action.h"

namespace lar::assistant {

struct CalendarPlace {
  base::Id source;
  std::string name;  // of the source
  std::string path;  // of a file; empty: an account at a server
};
// For a new event: the source of that name, else an account, else a file. Errors:
// action.no_calendar.
base::Result<CalendarPlace> calendar_for(const ActionContext& context, const std::string& wanted);
// As an action's content keeps it: source, calendar, path.
void keep_place(const CalendarPlace& place, nlohmann::json& content);
CalendarPlace kept_place(const nlohmann::json& content);

// An event that is there, as last seen.
struct CalendarEvent {
  CalendarPlace place;
  std::string uid;
  store::Placement version;
  std::string text;  // its object (sources/calendar_writer.h)
  domain::Item item;
};
// Errors: item.unknown, action.event_gone, action.calendar_read_only {calendar}.
base::Result<CalendarEvent> find_event(const ActionContext& context, const base::Id& item);

// `before`: null for a new event. `after`: empty takes it away. The undo data of what they give go
// to undo_event(). Errors: source.conflict, source.uncertain and others of SourceType::apply;
// action.changed {path}; ical.*.
base::Result<Executed> change_calendar(const ActionContext& context, const CalendarPlace& place,
                                       const std::string& uid, const CalendarEvent* before,
                                       const std::string& after);
// Errors: the same; action.event_changed where somebody has changed it since.
base::Status undo_event(const ActionContext& context, const nlohmann::json& how);

// Undo data of a change that is found to have happened.
Executed changed_calendar(const CalendarPlace& place, const std::string& uid,
                          const store::Placement& now, const std::string& before,
                          const std::string& after);
// The object of that UID in a calendar file; nothing if there is none or the file cannot be read.
std::optional<std::string> object_in_file(const std::string& path, const std::string& uid);

// "Friday 15 May 2026, 17:30" of a time in an action's content.
std::string shown_time(const std::string& when, const std::string& zone, base::Language language);

}  // namespace lar::assistant
