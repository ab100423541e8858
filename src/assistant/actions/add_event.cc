// A new event: into a calendar account of the owner's, else into one of their calendar files.
#include <algorithm>

#include "assistant/actions/calendars.h"
#include "assistant/facts.h"
#include "base/clock.h"
#include "base/messages.h"
#include "sources/calendar_writer.h"

namespace lar::assistant {
namespace {

using base::ErrorKind;
using base::Result;
using base::Status;
using nlohmann::json;

constexpr base::Microseconds standard_length = 3600 * base::one_second;

std::string uid_of(const base::Id& id) { return id.text() + "@lar"; }

Result<json> complete(const ActionContext& context, const json& content) {
  json result = content;
  const std::string zone =
      text_of(content, "zone").empty() ? base::Clock::zone() : text_of(content, "zone");
  if (text_of(content, "title").empty() || !moment_of(text_of(content, "start"), zone)) {
    return base::fail(ErrorKind::invalid_input, "action.malformed", {{"kind", "add_event"}});
  }
  result["zone"] = zone;
  TRY_ASSIGN(const CalendarPlace place, calendar_for(context, text_of(content, "calendar")));
  result.erase("path");
  keep_place(place, result);
  return result;
}

std::vector<std::string> preview(const ActionContext& context, const json& content) {
  const auto time = [&](const std::string& when) {
    return shown_time(when, text_of(content, "zone"), context.language);
  };
  std::vector<std::string> lines;
  lines.push_back(base::message(
      "action.add_event.what",
      {{"title", text_of(content, "title")}, {"calendar", text_of(content, "calendar")}},
      context.language));
  const std::string end = text_of(content, "end");
  lines.push_back(time(text_of(content, "start")) + (end.empty() ? "" : " – " + time(end)));
  if (!text_of(content, "place").empty()) lines.push_back(text_of(content, "place"));
  return lines;
}

Result<Executed> execute(const ActionContext& context, const base::Id& id, const json& content) {
  TRY_ASSIGN(const std::string object, event_object(uid_of(id), content));
  return change_calendar(context, kept_place(content), uid_of(id), nullptr, object);
}

Status undo(const ActionContext& context, const base::Id&, const json& how) {
  return undo_event(context, how);
}

Found look(const ActionContext& context, const base::Id& id, const json& content, const json&) {
  const CalendarPlace place = kept_place(content);
  if (!place.path.empty()) {
    if (!object_in_file(place.path, uid_of(id))) return std::optional<Executed>();
    return std::optional<Executed>(changed_calendar(place, uid_of(id), {}, "", "new"));
  }
  const auto now = placement_at(context.store, uid_of(id), place.source);
  if (!now) return std::nullopt;
  return std::optional<Executed>(changed_calendar(place, uid_of(id), *now, "", "new"));
}

}  // namespace

Result<std::string> event_object(const std::string& uid, const json& content) {
  const std::string zone = text_of(content, "zone");
  const std::string start = text_of(content, "start"), ends = text_of(content, "end");
  const auto begins = moment_of(start, zone);
  if (!begins) {
    return base::fail(ErrorKind::invalid_input, "action.malformed", {{"kind", "add_event"}});
  }
  sources::EventDraft draft;
  draft.uid = uid;
  draft.title = text_of(content, "title");
  draft.place = text_of(content, "place");
  if (start.size() == 10) {
    const base::Date first = *base::parse_date(start);
    const auto last = base::parse_date(ends.empty() ? start : ends.substr(0, 10));
    draft.start = domain::AllDay{first};
    draft.end = domain::AllDay{base::add_days(std::max(first, last.value_or(first)), 1)};
  } else {
    const auto finish = ends.empty() ? std::nullopt : moment_of(ends, zone);
    draft.start = domain::Instant{*begins, "UTC"};
    draft.end =
        domain::Instant{finish && *finish > *begins ? *finish : *begins + standard_length, "UTC"};
  }
  return sources::write_event(draft);
}

Executor add_event() { return {"add_event", complete, preview, execute, undo, look}; }

}  // namespace lar::assistant
