// Another time for an event, or for one occurrence of a series; and taking one off the calendar.
// Both change the object that is there, line by line, and keep what it was for taking them back.
#include <cmath>

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

// The occurrence that is meant, or the event itself.
struct Meant {
  domain::When start;
  std::optional<domain::When> end;
  std::string title;
};
Meant meant_in(const domain::Item& item, const std::string& occurrence) {
  Meant meant{item.when.value_or(domain::When()), item.end, item.title};
  if (item.event) {
    meant.start = item.event->start;
    meant.end = item.event->end;
  }
  for (const domain::Occurrence& one : item.occurrences) {
    if (one.recurrence_id != occurrence || occurrence.empty()) continue;
    meant.start = one.start;
    meant.end = one.end;
    if (!one.summary.empty()) meant.title = one.summary;
  }
  return meant;
}

Result<json> complete_about(const ActionContext& context, const json& content,
                            const std::string& kind) {
  const auto item = base::Id::parse(text_of(content, "item"));
  if (!item) return base::fail(ErrorKind::invalid_input, "action.malformed", {{"kind", kind}});
  TRY_ASSIGN(const CalendarEvent event, find_event(context, *item));
  json result = content;
  const std::string zone =
      text_of(content, "zone").empty() ? base::Clock::zone() : text_of(content, "zone");
  result["zone"] = zone;
  result.erase("path");
  keep_place(event.place, result);
  const Meant meant = meant_in(event.item, text_of(content, "occurrence"));
  // What the owner was told stays: the calendar may show something else by the time of approval.
  if (text_of(content, "title").empty()) result["title"] = meant.title;
  if (text_of(content, "was").empty()) {
    result["was"] = std::holds_alternative<domain::AllDay>(meant.start)
                        ? domain::format(meant.start)
                        : base::format_rfc3339(domain::begins_at(meant.start, zone), zone);
  }
  return result;
}

std::string what(const ActionContext& context, const json& content, const char* code) {
  return base::message(
      code, {{"title", text_of(content, "title")}, {"calendar", text_of(content, "calendar")}},
      context.language);
}

Result<CalendarEvent> event_of(const ActionContext& context, const json& content) {
  return find_event(context, base::Id::parse(text_of(content, "item")).value_or(base::Id()));
}

// Kept before anything happens, so that after a crash it can be told and taken back.
Status note_before(const ActionContext& context, const base::Id& id, const CalendarEvent& event,
                   const std::string& after) {
  return note_progress(context, id, {{"uid", event.uid}, {"before", event.text}, {"after", after}});
}

Status undo(const ActionContext& context, const base::Id&, const json& how) {
  return undo_event(context, how);
}

// ---- moving ----

Result<json> complete_move(const ActionContext& context, const json& content) {
  TRY_ASSIGN(json result, complete_about(context, content, "move_event"));
  if (!moment_of(text_of(content, "start"), text_of(result, "zone"))) {
    return base::fail(ErrorKind::invalid_input, "action.malformed", {{"kind", "move_event"}});
  }
  return result;
}

std::vector<std::string> preview_move(const ActionContext& context, const json& content) {
  const std::string zone = text_of(content, "zone");
  const auto time = [&](const char* name) {
    return shown_time(text_of(content, name), zone, context.language);
  };
  return {what(context, content, "action.move_event.what"),
          base::message("action.move_event.when", {{"from", time("was")}, {"to", time("start")}},
                        context.language)};
}

domain::When when_of(const std::string& text, const std::string& zone) {
  if (text.size() <= 10) return domain::AllDay{base::parse_date(text).value_or(base::Date())};
  // No zone of its own: the event keeps the one it is stated in.
  return domain::Instant{moment_of(text, zone).value_or(0), "UTC"};
}

Result<Executed> execute_move(const ActionContext& context, const base::Id& id,
                              const json& content) {
  TRY_ASSIGN(const CalendarEvent event, event_of(context, content));
  const std::string zone = text_of(content, "zone");
  sources::EventChange change;
  change.start = when_of(text_of(content, "start"), zone);
  if (const std::string end = text_of(content, "end"); !end.empty()) {
    change.end = when_of(end, zone);
  }
  TRY_ASSIGN(const std::string after,
             sources::change_event(event.text, text_of(content, "occurrence"), change));
  TRY(note_before(context, id, event, after));
  return change_calendar(context, event.place, event.uid, &event, after);
}

// Whether the calendar shows the event (or its occurrence) at the new time.
Found look_move(const ActionContext& context, const base::Id&, const json& content,
                const json& progress) {
  const std::string before = text_of(progress, "before"), uid = text_of(progress, "uid");
  if (before.empty()) return std::optional<Executed>();  // it had not come to that
  const auto item = base::Id::parse(text_of(content, "item"));
  const CalendarPlace place = kept_place(content);
  if (!place.path.empty()) {
    const auto now = object_in_file(place.path, uid);
    if (!now) return std::nullopt;
    if (*now == before) return std::optional<Executed>();
  }
  const auto event = item ? find_event(context, *item)
                          : Result<CalendarEvent>(base::fail(ErrorKind::not_found, "item.unknown"));
  if (!event) return std::nullopt;
  const std::string zone = text_of(content, "zone");
  const auto wanted = moment_of(text_of(content, "start"), zone);
  const Meant meant = meant_in(event->item, text_of(content, "occurrence"));
  const bool there = wanted && domain::begins_at(meant.start, zone) == *wanted;
  if (!there && place.path.empty()) return std::nullopt;
  return std::optional<Executed>(
      changed_calendar(place, uid, event->version, before, text_of(progress, "after")));
}

// ---- cancelling ----

Result<json> complete_cancel(const ActionContext& context, const json& content) {
  return complete_about(context, content, "cancel_event");
}

std::vector<std::string> preview_cancel(const ActionContext& context, const json& content) {
  return {what(context, content, "action.cancel_event.what"),
          shown_time(text_of(content, "was"), text_of(content, "zone"), context.language)};
}

Result<Executed> execute_cancel(const ActionContext& context, const base::Id& id,
                                const json& content) {
  TRY_ASSIGN(const CalendarEvent event, event_of(context, content));
  std::string after;
  if (const std::string occurrence = text_of(content, "occurrence"); !occurrence.empty()) {
    // An event that takes place once goes as a whole.
    const bool series = event.text.find("\nRRULE") != std::string::npos ||
                        event.text.find("\nRDATE") != std::string::npos;
    if (series) {
      TRY_ASSIGN(after, sources::remove_occurrence(event.text, occurrence));
    }
  }
  TRY(note_before(context, id, event, after));
  return change_calendar(context, event.place, event.uid, &event, after);
}

Found look_cancel(const ActionContext& context, const base::Id&, const json& content,
                  const json& progress) {
  const std::string before = text_of(progress, "before"), uid = text_of(progress, "uid");
  if (before.empty()) return std::optional<Executed>();
  const CalendarPlace place = kept_place(content);
  const std::string after = text_of(progress, "after");
  if (!place.path.empty()) {
    const auto now = object_in_file(place.path, uid);
    if (now && *now == before) return std::optional<Executed>();
    if (!now && !after.empty()) return std::nullopt;
    return std::optional<Executed>(changed_calendar(place, uid, {}, before, after));
  }
  const auto now = placement_at(context.store, uid, place.source);
  if (!after.empty() || now) return std::nullopt;
  // The item is gone from the store, so a sync has seen it go; where it lay is no longer known, and
  // taking it back puts it into the account's first calendar.
  return std::optional<Executed>(changed_calendar(place, uid, {}, before, after));
}

}  // namespace

Executor move_event() {
  return {"move_event", complete_move, preview_move, execute_move, undo, look_move};
}
Executor cancel_event() {
  return {"cancel_event", complete_cancel, preview_cancel, execute_cancel, undo, look_cancel};
}

}  // namespace lar::assistant
