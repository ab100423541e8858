#include "assistant/actions/calendars.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "assistant/facts.h"
#include "base/clock.h"
#include "base/time_expression.h"
#include "os/file.h"
#include "sources/calendar_writer.h"

namespace lar::assistant {
namespace {

using base::ErrorKind;
using base::Result;
using base::Status;
using nlohmann::json;

bool is_writable_file(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         ::access(path.c_str(), W_OK) == 0;
}

Status replace_file(const std::string& path, const std::string& before, const std::string& after) {
  TRY_ASSIGN(const std::string now, os::read_file(path));
  if (now != before) return base::fail(ErrorKind::busy, "action.changed", {{"path", path}});
  struct stat status{};
  const int mode =
      ::stat(path.c_str(), &status) == 0 ? static_cast<int>(status.st_mode & 0777) : 0600;
  return os::write_file_atomically(path, after, mode);
}

void tell(const ActionContext& context, const CalendarPlace& place) {
  if (!context.source_changed) return;
  const auto sources = context.store.sources();
  if (!sources) return;
  for (const store::Source& source : *sources) {
    if (source.location == place.path) context.source_changed(source.id);
  }
}

Status change_file(const CalendarPlace& place, const std::string& uid, const std::string& after) {
  TRY_ASSIGN(const std::string file, os::read_file(place.path));
  if (after.empty()) {
    const auto without = sources::without_object(file, uid);
    return without ? replace_file(place.path, file, *without) : Status();
  }
  TRY_ASSIGN(const std::string with, sources::with_object(file, after));
  return replace_file(place.path, file, with);
}

// The version a server is to have, so that nobody's change is written over.
Result<sources::Applied> change_account(const ActionContext& context, const base::Id& source,
                                        const std::optional<store::Placement>& version,
                                        const std::string& folder, const std::string& after) {
  if (!context.apply) return base::fail(ErrorKind::permission, "source.no_outside");
  sources::Change change;
  change.kind = after.empty() ? sources::Change::Kind::remove : sources::Change::Kind::put;
  change.placement = version;
  change.folder = folder;
  change.bytes = after;
  return context.apply(source, change, context.stop);
}

}  // namespace

Result<CalendarPlace> calendar_for(const ActionContext& context, const std::string& wanted) {
  TRY_ASSIGN(const auto sources, context.store.sources());
  std::optional<CalendarPlace> best;
  for (const store::Source& source : sources) {
    if (!wanted.empty() && base::fold(source.name) != base::fold(wanted)) continue;
    const bool account = source.kind == "caldav" && context.apply;
    if (!account && (source.kind != "ics" || !is_writable_file(source.location))) continue;
    if (best && (best->path.empty() || !account)) continue;
    best = CalendarPlace{source.id, source.name, account ? "" : source.location};
  }
  if (!best) return base::fail(ErrorKind::not_found, "action.no_calendar");
  return *best;
}

void keep_place(const CalendarPlace& place, json& content) {
  content["calendar"] = place.name;
  content["source"] = place.source.text();
  if (!place.path.empty()) content["path"] = place.path;
}

CalendarPlace kept_place(const json& content) {
  return {base::Id::parse(text_of(content, "source")).value_or(base::Id()),
          text_of(content, "calendar"), text_of(content, "path")};
}

Result<CalendarEvent> find_event(const ActionContext& context, const base::Id& item) {
  TRY_ASSIGN(const store::StoredItem stored, context.store.item(item));
  TRY_ASSIGN(const auto sources, context.store.sources());
  std::string read_only;
  for (const store::Placement& place : stored.placements) {
    for (const store::Source& source : sources) {
      if (source.id != place.source) continue;
      CalendarEvent event;
      event.place = {source.id, source.name, ""};
      event.uid = stored.item.external_id;
      event.version = place;
      event.item = stored.item;
      if (source.kind == "caldav") {
        TRY_ASSIGN(event.text, context.store.original(item));
        return event;
      }
      if (source.kind == "ics" && is_writable_file(source.location)) {
        const auto text = object_in_file(source.location, event.uid);
        if (!text) return base::fail(ErrorKind::not_found, "action.event_gone");
        event.place.path = source.location;
        event.text = *text;
        return event;
      }
      read_only = source.name;
    }
  }
  if (read_only.empty()) return base::fail(ErrorKind::not_found, "action.event_gone");
  return base::fail(ErrorKind::unsupported, "action.calendar_read_only", {{"calendar", read_only}});
}

Executed changed_calendar(const CalendarPlace& place, const std::string& uid,
                          const store::Placement& now, const std::string& before,
                          const std::string& after) {
  json result = {{"calendar", place.name}, {"uid", uid}};
  if (!place.path.empty()) result["path"] = place.path;
  json undo = {{"uid", uid}, {"before", before}};
  keep_place(place, undo);
  if (place.path.empty()) {
    undo["folder"] = now.folder;
    undo["name"] = now.uid;
    undo["version"] = now.fingerprint;
    undo["gone"] = after.empty();
  } else {
    const auto written = object_in_file(place.path, uid);
    undo["sha256"] = written ? os::sha256(*written) : "";
  }
  return {std::move(result), std::move(undo)};
}

Result<Executed> change_calendar(const ActionContext& context, const CalendarPlace& place,
                                 const std::string& uid, const CalendarEvent* before,
                                 const std::string& after) {
  const std::string old = before != nullptr ? before->text : "";
  if (!place.path.empty()) {
    TRY(change_file(place, uid, after));
    tell(context, place);
    return changed_calendar(place, uid, {}, old, after);
  }
  store::Placement now;
  if (before != nullptr) now = before->version;
  TRY_ASSIGN(
      const sources::Applied applied,
      change_account(context, place.source,
                     before != nullptr ? std::optional(before->version) : std::nullopt, "", after));
  if (!after.empty()) {
    now.folder = applied.folder;
    now.uid = applied.uid;
    now.fingerprint = applied.fingerprint;
  }
  return changed_calendar(place, uid, now, old, after);
}

Status undo_event(const ActionContext& context, const json& how) {
  const CalendarPlace place = kept_place(how);
  const std::string uid = text_of(how, "uid"), before = text_of(how, "before");
  if (!place.path.empty()) {
    const auto now = object_in_file(place.path, uid);
    // Somebody has taken it back already, or made something else of it.
    if (!now && before.empty()) return {};
    if ((now ? os::sha256(*now) : std::string()) != text_of(how, "sha256")) {
      return base::fail(ErrorKind::already_exists, "action.event_changed");
    }
    TRY(change_file(place, uid, before));
    tell(context, place);
    return {};
  }
  std::optional<store::Placement> version;
  if (!how.value("gone", false)) {
    version.emplace();
    version->source = place.source;
    version->folder = text_of(how, "folder");
    version->uid = text_of(how, "name");
    version->fingerprint = text_of(how, "version");
    if (version->fingerprint.empty()) {
      // The server did not tell the new version: the one that the next sync saw.
      const auto seen = placement_at(context.store, uid, place.source);
      if (!seen) return base::fail(ErrorKind::busy, "action.not_synced");
      version = seen;
    }
  }
  const auto done = change_account(context, place.source, version, text_of(how, "folder"), before);
  if (!done && done.error().code == "source.conflict") {
    return base::fail(ErrorKind::already_exists, "action.event_changed");
  }
  if (!done) return tl::unexpected<base::Error>(done.error());
  return {};
}

std::optional<std::string> object_in_file(const std::string& path, const std::string& uid) {
  const auto file = os::read_file(path);
  return file ? sources::object_in(*file, uid) : std::nullopt;
}

std::string shown_time(const std::string& when, const std::string& zone, base::Language language) {
  const auto moment = moment_of(when, zone);
  if (!moment) return when;
  const base::LocalTime local = base::to_local(*moment, zone);
  const std::string day = base::spell_date(local.date, language == base::Language::spanish);
  return when.size() <= 10 ? day : fmt::format("{}, {:02}:{:02}", day, local.hour, local.minute);
}

}  // namespace lar::assistant
