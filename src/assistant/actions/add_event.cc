// An event into a calendar file of the owner's, one that is a source of the home already. The file
// is written whole beside the old one and takes its place, after a last look whether somebody else
// has changed it meanwhile.
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <algorithm>

#include "assistant/actions/action.h"
#include "assistant/facts.h"
#include "base/clock.h"
#include "base/messages.h"
#include "os/file.h"

namespace lar::assistant {
namespace {

using base::ErrorKind;
using base::Result;
using base::Status;
using nlohmann::json;

constexpr base::Microseconds standard_length = 3600 * base::one_second;

// RFC 5545, 3.3.11.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char letter : text) {
    if (letter == '\\' || letter == ';' || letter == ',') result += '\\';
    if (letter == '\n') {
      result += "\\n";
    } else if (static_cast<unsigned char>(letter) >= 0x20) {
      result += letter;
    }
  }
  return result;
}

// RFC 5545, 3.1: at most 75 bytes a line, not inside a character.
std::string folded(const std::string& line, const std::string& line_end) {
  std::string result;
  std::string_view rest = line;
  size_t room = 75;
  while (rest.size() > room) {
    const std::string_view piece = base::cut_utf8(rest, room);
    result += std::string(piece) + line_end + " ";
    rest.remove_prefix(piece.size());
    room = 74;
  }
  return result + std::string(rest) + line_end;
}

std::string utc(base::Microseconds moment) {
  const base::LocalTime time = base::to_local(moment, "UTC");
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", time.date.year, time.date.month,
                     time.date.day, time.hour, time.minute, time.second);
}

std::string plain(const base::Date& day) {
  return fmt::format("{:04}{:02}{:02}", day.year, day.month, day.day);
}

std::string uid_of(const base::Id& id) { return id.text() + "@lar"; }

std::string line_end_of(const std::string& calendar) {
  return calendar.find("\r\n") != std::string::npos ? "\r\n" : "\n";
}

// [begin, end) of the VEVENT with that UID.
std::optional<std::pair<size_t, size_t>> event_range(const std::string& calendar,
                                                     const std::string& uid) {
  const size_t named = calendar.find("\nUID:" + uid);
  if (named == std::string::npos) return std::nullopt;
  const size_t begin = calendar.rfind("BEGIN:VEVENT", named);
  const size_t end = calendar.find("END:VEVENT", named);
  if (begin == std::string::npos || end == std::string::npos) return std::nullopt;
  const size_t line = calendar.find('\n', end);
  return std::pair{begin, line == std::string::npos ? calendar.size() : line + 1};
}

Result<json> complete(const ActionContext& context, const json& content) {
  json result = content;
  const std::string zone =
      text_of(content, "zone").empty() ? base::Clock::zone() : text_of(content, "zone");
  if (text_of(content, "title").empty() || !moment_of(text_of(content, "start"), zone)) {
    return base::fail(ErrorKind::invalid_input, "action.malformed", {{"kind", "add_event"}});
  }
  result["zone"] = zone;
  TRY_ASSIGN(const auto sources, context.store.sources());
  const std::string wanted = text_of(content, "calendar");
  for (const store::Source& source : sources) {
    if (source.kind != "ics" || (!wanted.empty() && source.name != wanted)) continue;
    struct stat status{};
    const bool writable = ::stat(source.location.c_str(), &status) == 0 &&
                          S_ISREG(status.st_mode) && ::access(source.location.c_str(), W_OK) == 0;
    if (!writable) continue;
    result["calendar"] = source.name;
    result["path"] = source.location;
    return result;
  }
  return base::fail(ErrorKind::not_found, "action.no_calendar");
}

std::vector<std::string> preview(const ActionContext& context, const json& content) {
  const auto say = [&](const char* code, const base::Parameters& parameters) {
    return base::message(code, parameters, context.language);
  };
  std::vector<std::string> lines;
  lines.push_back(say("action.add_event.what", {{"title", text_of(content, "title")},
                                                {"calendar", text_of(content, "calendar")}}));
  const std::string end = text_of(content, "end");
  lines.push_back(text_of(content, "start") + (end.empty() ? "" : " – " + end));
  if (!text_of(content, "place").empty()) lines.push_back(text_of(content, "place"));
  return lines;
}

Status replace_file(const std::string& path, const std::string& before, const std::string& after) {
  TRY_ASSIGN(const std::string now, os::read_file(path));
  if (now != before) return base::fail(ErrorKind::busy, "action.changed", {{"path", path}});
  struct stat status{};
  const int mode =
      ::stat(path.c_str(), &status) == 0 ? static_cast<int>(status.st_mode & 0777) : 0600;
  return os::write_file_atomically(path, after, mode);
}

void tell(const ActionContext& context, const std::string& path) {
  if (!context.source_changed) return;
  const auto sources = context.store.sources();
  if (!sources) return;
  for (const store::Source& source : *sources) {
    if (source.location == path) context.source_changed(source.id);
  }
}

Executed done(const base::Id& id, const json& content) {
  const std::string path = text_of(content, "path");
  return {{{"calendar", text_of(content, "calendar")}, {"path", path}, {"uid", uid_of(id)}},
          {{"path", path}, {"uid", uid_of(id)}}};
}

Result<Executed> execute(const ActionContext& context, const base::Id& id, const json& content) {
  const std::string path = text_of(content, "path");
  TRY_ASSIGN(const std::string before, os::read_file(path));
  if (!event_range(before, uid_of(id))) {
    TRY_ASSIGN(const std::string after, with_event(before, uid_of(id), content));
    TRY(replace_file(path, before, after));
  }
  tell(context, path);
  return done(id, content);
}

Status undo(const ActionContext& context, const base::Id&, const json& how) {
  const std::string path = text_of(how, "path");
  TRY_ASSIGN(const std::string before, os::read_file(path));
  const auto after = without_event(before, text_of(how, "uid"));
  if (!after) return {};  // somebody has removed it already
  TRY(replace_file(path, before, *after));
  tell(context, path);
  return {};
}

std::optional<std::optional<Executed>> look(const ActionContext&, const base::Id& id,
                                            const json& content) {
  const auto now = os::read_file(text_of(content, "path"));
  if (!now) return std::nullopt;
  if (!event_range(*now, uid_of(id))) return std::optional<Executed>();
  return std::optional<Executed>(done(id, content));
}

}  // namespace

Result<std::string> with_event(const std::string& calendar, const std::string& uid,
                               const json& content) {
  const size_t end = calendar.rfind("END:VCALENDAR");
  if (end == std::string::npos || (end > 0 && calendar[end - 1] != '\n')) {
    return base::fail(ErrorKind::corrupt, "action.no_calendar_file");
  }
  const std::string zone = text_of(content, "zone");
  const std::string start = text_of(content, "start"), ends = text_of(content, "end");
  const auto begins = moment_of(start, zone);
  if (!begins) {
    return base::fail(ErrorKind::invalid_input, "action.malformed", {{"kind", "add_event"}});
  }
  const std::string line_end = line_end_of(calendar);
  std::string event;
  const auto line = [&](const std::string& text) { event += folded(text, line_end); };
  line("BEGIN:VEVENT");
  line("UID:" + uid);
  line("DTSTAMP:" + utc(base::Clock::now()));
  if (start.size() == 10) {
    const auto last = base::parse_date(ends.empty() ? start : ends.substr(0, 10));
    const base::Date first = *base::parse_date(start);
    line("DTSTART;VALUE=DATE:" + plain(first));
    line("DTEND;VALUE=DATE:" + plain(base::add_days(std::max(first, last.value_or(first)), 1)));
  } else {
    const auto finish = ends.empty() ? std::nullopt : moment_of(ends, zone);
    line("DTSTART:" + utc(*begins));
    line("DTEND:" + utc(finish && *finish > *begins ? *finish : *begins + standard_length));
  }
  line("SUMMARY:" + escaped(text_of(content, "title")));
  if (!text_of(content, "place").empty()) line("LOCATION:" + escaped(text_of(content, "place")));
  line("END:VEVENT");
  std::string result = calendar;
  result.insert(end, event);
  return result;
}

std::optional<std::string> without_event(const std::string& calendar, const std::string& uid) {
  const auto range = event_range(calendar, uid);
  if (!range) return std::nullopt;
  std::string result = calendar;
  result.erase(range->first, range->second - range->first);
  return result;
}

Executor add_event() { return {"add_event", complete, preview, execute, undo, look}; }

}  // namespace lar::assistant
