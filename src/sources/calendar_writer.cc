// Calendar objects as lines, not as values: a library that parses and writes them again drops what
// it does not understand. libical is asked one thing only: what a time zone that nobody else knows
// means. Pure; any thread.
#include "sources/calendar_writer.h"

#include <fmt/format.h>
#include <libical/ical.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <memory>

#include "base/clock.h"
#include "base/id.h"
#include "base/text.h"

namespace lar::sources {

namespace {

using base::Date;
using base::ErrorKind;
using base::fail;
using base::LocalTime;
using base::Microseconds;
using base::Result;
using base::Status;
using domain::AllDay;
using domain::Floating;
using domain::Instant;
using domain::When;

constexpr std::size_t longest_line = 75;  // octets (RFC 5545, 3.1)
constexpr std::size_t deepest = 6;

tl::unexpected<base::Error> not_writable() {
  return fail(ErrorKind::unsupported, "ical.not_writable");
}

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  }
  return result;
}

// ---- lines -------------------------------------------------------------------------------------

struct Line {
  std::string name;   // upper case
  std::string head;   // name and parameters as written
  std::string value;  // as written
  std::string raw;    // the physical lines; empty once changed

  std::optional<std::string> parameter(std::string_view wanted) const;
  void set_parameter(std::string_view wanted, const std::string& to);
  void drop_parameter(std::string_view wanted);
};

// Where the parameter ";NAME=value" lies in a head.
struct Span {
  std::size_t begin = std::string::npos;  // of its semicolon
  std::size_t value = 0;
  std::size_t end = 0;
};
Span find_parameter(const std::string& head, std::string_view wanted) {
  bool quoted = false;
  for (std::size_t at = 0; at < head.size(); ++at) {
    if (head[at] == '"') quoted = !quoted;
    if (quoted || head[at] != ';') continue;
    std::size_t end = at + 1;
    bool inside = false;
    while (end < head.size() && (inside || head[end] != ';')) {
      if (head[end] == '"') inside = !inside;
      ++end;
    }
    const auto equals = head.find('=', at);
    if (equals < end && upper(std::string_view(head).substr(at + 1, equals - at - 1)) == wanted) {
      return {at, equals + 1, end};
    }
  }
  return {};
}

std::optional<std::string> Line::parameter(std::string_view wanted) const {
  const Span span = find_parameter(head, wanted);
  if (span.begin == std::string::npos) return std::nullopt;
  std::string value_text = head.substr(span.value, span.end - span.value);
  if (value_text.size() > 1 && value_text.front() == '"' && value_text.back() == '"') {
    value_text = value_text.substr(1, value_text.size() - 2);
  }
  return value_text;
}

void Line::drop_parameter(std::string_view wanted) {
  const Span span = find_parameter(head, wanted);
  if (span.begin == std::string::npos) return;
  head.erase(span.begin, span.end - span.begin);
  raw.clear();
}

std::string in_quotes(std::string_view text) {
  std::string plain;
  for (const char c : text) {
    if (c != '"' && static_cast<unsigned char>(c) >= ' ' && c != 0x7f) plain += c;
  }
  return plain.find_first_of(";:,") == std::string::npos ? plain : "\"" + plain + "\"";
}

void Line::set_parameter(std::string_view wanted, const std::string& to) {
  drop_parameter(wanted);
  head += ";" + std::string(wanted) + "=" + in_quotes(to);
  raw.clear();
}

struct Entry;
struct Component {
  std::string name;
  std::vector<Entry> entries;
};
struct Entry {
  Line line;                     // unless there is a component
  std::vector<Component> child;  // none or one
  bool is_component() const { return !child.empty(); }
};

Line parse_line(std::string_view text, std::string raw) {
  Line line;
  std::size_t colon = 0;
  bool inside = false;
  while (colon < text.size() && (inside || text[colon] != ':')) {
    if (text[colon] == '"') inside = !inside;
    ++colon;
  }
  line.head = text.substr(0, colon);
  line.value = text.substr(std::min(text.size(), colon + 1));
  line.name = upper(line.head.substr(0, line.head.find(';')));
  line.raw = std::move(raw);
  return line;
}

// The one VCALENDAR of a text.
Result<Component> parse(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::vector<std::pair<std::string, std::string>> lines;  // unfolded, raw
  for (std::string_view line : base::split(text, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    const std::string raw = std::string(line) + "\r\n";
    if (!lines.empty() && (line.starts_with(' ') || line.starts_with('\t'))) {
      lines.back().first += line.substr(1);
      lines.back().second += raw;
    } else if (!base::trim(line).empty()) {
      lines.emplace_back(line, raw);
    }
  }
  std::vector<Component> open;
  std::optional<Component> whole;
  for (auto& [unfolded, raw] : lines) {
    Line line = parse_line(unfolded, std::move(raw));
    if (whole) return not_writable();  // more than one calendar
    if (line.name == "BEGIN") {
      if (open.size() >= deepest) return not_writable();
      open.push_back({upper(base::trim(line.value)), {}});
      continue;
    }
    if (open.empty()) return not_writable();
    if (line.name == "END") {
      if (upper(base::trim(line.value)) != open.back().name) return not_writable();
      Component done = std::move(open.back());
      open.pop_back();
      if (open.empty()) {
        whole = std::move(done);
      } else {
        Entry entry;
        entry.child.push_back(std::move(done));
        open.back().entries.push_back(std::move(entry));
      }
      continue;
    }
    Entry entry;
    entry.line = std::move(line);
    open.back().entries.push_back(std::move(entry));
  }
  if (!whole || whole->name != "VCALENDAR") return not_writable();
  return std::move(*whole);
}

std::string folded(const std::string& line) {
  std::string result;
  std::string_view rest = line;
  while (rest.size() > longest_line - (result.empty() ? 0 : 1)) {
    std::string_view piece = base::cut_utf8(rest, longest_line - (result.empty() ? 0 : 1));
    if (piece.empty()) piece = rest.substr(0, longest_line - 1);
    result += (result.empty() ? "" : " ") + std::string(piece) + "\r\n";
    rest.remove_prefix(piece.size());
  }
  return result + (result.empty() ? "" : " ") + std::string(rest) + "\r\n";
}

void write(const Component& component, std::string& text) {
  text += "BEGIN:" + component.name + "\r\n";
  for (const Entry& entry : component.entries) {
    if (entry.is_component()) {
      write(entry.child.front(), text);
    } else if (!entry.line.raw.empty()) {
      text += entry.line.raw;
    } else {
      text += folded(entry.line.head + ":" + entry.line.value);
    }
  }
  text += "END:" + component.name + "\r\n";
}

std::string to_text(const Component& calendar) {
  std::string text;
  write(calendar, text);
  return text;
}

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : base::clean_utf8(text)) {
    if (c == '\n') {
      result += "\\n";
    } else if (c == '\\' || c == ';' || c == ',') {
      result += '\\';
      result += c;
    } else if (static_cast<unsigned char>(c) >= ' ' || c == '\t') {
      result += c;
    }
  }
  return result;
}

Line* find(Component& component, std::string_view name) {
  for (Entry& entry : component.entries) {
    if (!entry.is_component() && entry.line.name == name) return &entry.line;
  }
  return nullptr;
}
const Line* find(const Component& component, std::string_view name) {
  return find(const_cast<Component&>(component), name);
}

void erase(Component& component, std::string_view name) {
  std::erase_if(component.entries, [&](const Entry& entry) {
    return !entry.is_component() && entry.line.name == name;
  });
}

// Before the components inside, as RFC 5545 orders them.
void append(Component& component, Line line) {
  Entry entry;
  entry.line = std::move(line);
  const auto first_child = std::find_if(component.entries.begin(), component.entries.end(),
                                        [](const Entry& one) { return one.is_component(); });
  component.entries.insert(first_child, std::move(entry));
}

Line made(std::string_view name, std::string value) {
  return {std::string(name), std::string(name), std::move(value), ""};
}

// Keeps the place and the parameters of a property that is there.
void set_value(Component& component, std::string_view name, std::string value) {
  Line* line = find(component, name);
  if (line == nullptr) return append(component, made(name, std::move(value)));
  line->value = std::move(value);
  line->raw.clear();
}

void set_text(Component& component, std::string_view name, const std::string& text) {
  if (text.empty()) return erase(component, name);
  set_value(component, name, escaped(text));
  find(component, name)->drop_parameter("ALTREP");  // says what the text was
}

// ---- times -------------------------------------------------------------------------------------

// A DATE or DATE-TIME as it stands in a line.
struct Stamp {
  LocalTime local;
  bool date = false;
  bool utc = false;
  std::string zone;  // its TZID; empty: floating
};

std::string digits(const LocalTime& local, bool date) {
  const Date& day = local.date;
  if (date) return fmt::format("{:04}{:02}{:02}", day.year, day.month, day.day);
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}", day.year, day.month, day.day, local.hour,
                     local.minute, local.second);
}

std::string digits(const Stamp& stamp) {
  return digits(stamp.local, stamp.date) + (stamp.utc ? "Z" : "");
}

std::optional<Stamp> parse_stamp(std::string_view text, const std::string& zone) {
  text = base::trim(text);
  const auto number = [&](std::size_t at, std::size_t length, int& into) {
    if (at + length > text.size()) return false;
    const char* begin = text.data() + at;
    const auto [end, error] = std::from_chars(begin, begin + length, into);
    return error == std::errc() && end == begin + length;
  };
  Stamp stamp;
  Date& day = stamp.local.date;
  if (!number(0, 4, day.year) || !number(4, 2, day.month) || !number(6, 2, day.day) ||
      !base::date_is_valid(day)) {
    return std::nullopt;
  }
  if (text.size() == 8) {
    stamp.date = true;
    return stamp;
  }
  if (text.size() < 15 || text[8] != 'T' || !number(9, 2, stamp.local.hour) ||
      !number(11, 2, stamp.local.minute) || !number(13, 2, stamp.local.second) ||
      stamp.local.hour > 23 || stamp.local.minute > 59 || stamp.local.second > 60) {
    return std::nullopt;
  }
  stamp.local.second = std::min(stamp.local.second, 59);
  stamp.utc = text.size() == 16 && text[15] == 'Z';
  if (text.size() > 15 && !stamp.utc) return std::nullopt;
  if (!stamp.utc) stamp.zone = zone;
  return stamp;
}

std::optional<Stamp> stamp_of(const Line& line) {
  return parse_stamp(line.value, line.parameter("TZID").value_or(""));
}

// The IANA zone a TZID names, itself or behind somebody's prefix; empty where it names none.
std::string iana_name(const std::string& id) {
  if (base::zone_exists(id)) return id;
  for (auto slash = id.find('/'); slash != std::string::npos; slash = id.find('/', slash + 1)) {
    const std::string tail = id.substr(slash + 1);
    if (tail.find('/') != std::string::npos && base::zone_exists(tail)) return tail;
  }
  return {};
}

struct FreeComponent {
  void operator()(icalcomponent* component) const { icalcomponent_free(component); }
};

// What the time zones of one calendar mean. Asked for a zone of the calendar's own, libical reads
// its VTIMEZONE.
class Zones {
 public:
  explicit Zones(const Component& calendar) {
    for (const Entry& entry : calendar.entries) {
      if (!entry.is_component() || entry.child.front().name != "VTIMEZONE") continue;
      const Line* id = find(entry.child.front(), "TZID");
      if (id == nullptr || !iana_name(id->value).empty()) continue;
      std::string text;
      write(entry.child.front(), text);
      own_[id->value].reset(icalparser_parse_string(
          ("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" + text + "END:VCALENDAR\r\n").c_str()));
    }
  }

  Microseconds moment(const Stamp& stamp, std::string_view floating_zone = "UTC") const {
    if (stamp.utc) return base::from_local(stamp.local, "UTC");
    if (stamp.zone.empty()) return base::from_local(stamp.local, floating_zone);
    if (const std::string name = iana_name(stamp.zone); !name.empty()) {
      return base::from_local(stamp.local, name);
    }
    icaltimezone* zone = own(stamp.zone);
    if (zone == nullptr) return base::from_local(stamp.local, "UTC");
    icaltimetype time = libical_time(stamp.local);
    int daylight = 0;
    return base::from_local(stamp.local, "UTC") -
           icaltimezone_get_utc_offset(zone, &time, &daylight) * base::one_second;
  }

  LocalTime local(Microseconds moment, const std::string& id) const {
    if (const std::string name = iana_name(id); !name.empty()) return base::to_local(moment, name);
    const LocalTime utc = base::to_local(moment, "UTC");
    icaltimezone* zone = own(id);
    if (zone == nullptr) return utc;
    icaltimetype time = libical_time(utc);
    int daylight = 0;
    const int offset = icaltimezone_get_utc_offset_of_utc_time(zone, &time, &daylight);
    return base::to_local(moment + offset * base::one_second, "UTC");
  }

  bool knows(const std::string& id) const { return !iana_name(id).empty() || own(id) != nullptr; }

 private:
  static icaltimetype libical_time(const LocalTime& local) {
    icaltimetype time = icaltime_null_time();
    time.year = local.date.year;
    time.month = local.date.month;
    time.day = local.date.day;
    time.hour = local.hour;
    time.minute = local.minute;
    time.second = local.second;
    return time;
  }

  icaltimezone* own(const std::string& id) const {
    const auto found = own_.find(id);
    if (found == own_.end() || !found->second) return nullptr;
    return icalcomponent_get_timezone(found->second.get(), id.c_str());
  }

  std::map<std::string, std::unique_ptr<icalcomponent, FreeComponent>> own_;
};

// As the reader names occurrences: moments in UTC, days and floating times as they are.
std::string identity(const Stamp& stamp, const Zones& zones) {
  if (stamp.date || (stamp.zone.empty() && !stamp.utc)) return digits(stamp.local, stamp.date);
  return digits(base::to_local(zones.moment(stamp), "UTC"), false) + "Z";
}

void add_days(LocalTime& local, int days) { local.date = base::add_days(local.date, days); }

LocalTime plus(const LocalTime& local, Microseconds time) {
  return base::to_local(base::from_local(local, "UTC") + time, "UTC");
}

Microseconds between(const LocalTime& from, const LocalTime& to) {
  return base::from_local(to, "UTC") - base::from_local(from, "UTC");
}

// `when` in the way the event states its times: in its own zone, unless another one is meant.
Stamp stamp_for(const When& when, const std::string& present_zone, const Zones& zones) {
  Stamp stamp;
  if (const auto* day = std::get_if<AllDay>(&when)) {
    stamp.local.date = day->date;
    stamp.date = true;
    return stamp;
  }
  if (const auto* floating = std::get_if<Floating>(&when)) {
    stamp.local = floating->local;
    return stamp;
  }
  const auto& instant = std::get<Instant>(when);
  const bool unstated = instant.zone == "UTC" || !base::zone_exists(instant.zone);
  const bool same = iana_name(present_zone) == instant.zone;
  if (!present_zone.empty() && zones.knows(present_zone) && (unstated || same)) {
    stamp.zone = present_zone;
    stamp.local = zones.local(instant.time, present_zone);
    return stamp;
  }
  if (unstated) {
    stamp.utc = true;
    stamp.local = base::to_local(instant.time, "UTC");
    return stamp;
  }
  stamp.zone = instant.zone;
  stamp.local = base::to_local(instant.time, instant.zone);
  return stamp;
}

void give_time(Line& line, const Stamp& stamp) {
  line.drop_parameter("TZID");
  line.drop_parameter("VALUE");
  if (stamp.date) line.set_parameter("VALUE", "DATE");
  if (!stamp.zone.empty()) line.set_parameter("TZID", stamp.zone);
  line.value = digits(stamp);
  line.raw.clear();
}

void set_time(Component& component, std::string_view name, const Stamp& stamp) {
  if (find(component, name) == nullptr) append(component, made(name, ""));
  give_time(*find(component, name), stamp);
}

std::string now_text() { return digits(base::to_local(base::Clock::now(), "UTC"), false) + "Z"; }

// ---- time zones --------------------------------------------------------------------------------

int offset_at(Microseconds time, const std::string& zone) {
  return static_cast<int>((base::from_local(base::to_local(time, zone), "UTC") - time) /
                          base::one_second);
}

struct Transition {
  Microseconds time = 0;
  int before = 0;  // seconds east of UTC
  int after = 0;
  LocalTime local;  // on the clock before it
};

std::vector<Transition> transitions(const std::string& zone, int from_year, int to_year) {
  std::vector<Transition> list;
  Microseconds at = base::from_local({{from_year, 1, 1}, 0, 0, 0}, "UTC");
  const Microseconds end = base::from_local({{to_year + 1, 1, 1}, 0, 0, 0}, "UTC");
  int before = offset_at(at, zone);
  for (; at < end; at += base::one_day) {
    const int after = offset_at(at + base::one_day, zone);
    if (after == before) continue;
    Microseconds low = at;
    Microseconds high = at + base::one_day;
    while (high - low > base::one_second) {
      const Microseconds middle = low + (high - low) / 2 / base::one_second * base::one_second;
      (offset_at(middle, zone) == before ? low : high) = middle;
    }
    list.push_back({high, before, after, base::to_local(high + before * base::one_second, "UTC")});
    before = after;
  }
  return list;
}

std::string offset_text(int seconds) {
  const int size = std::abs(seconds);
  std::string text =
      fmt::format("{}{:02}{:02}", seconds < 0 ? '-' : '+', size / 3600, size / 60 % 60);
  if (size % 60 != 0) text += fmt::format("{:02}", size % 60);
  return text;
}

constexpr std::array<std::string_view, 7> weekdays = {"MO", "TU", "WE", "TH", "FR", "SA", "SU"};

int days_in_month(const Date& date) {
  const Date next =
      date.month == 12 ? Date{date.year + 1, 1, 1} : Date{date.year, date.month + 1, 1};
  return base::days_between({date.year, date.month, 1}, next);
}

// The rule by which one change of the year recurs ("last Sunday of March"); empty where none fits.
std::string yearly_rule(const std::vector<Transition>& list) {
  const LocalTime& first = list.front().local;
  bool last_of_month = true;
  bool same_position = true;
  int year = first.date.year;
  for (const Transition& one : list) {
    const Date& date = one.local.date;
    if (date.year != year++ || date.month != first.date.month ||
        base::weekday(date) != base::weekday(first.date) || one.local.hour != first.hour ||
        one.local.minute != first.minute || one.local.second != first.second) {
      return {};
    }
    last_of_month = last_of_month && date.day + 7 > days_in_month(date);
    same_position = same_position && (date.day - 1) / 7 == (first.date.day - 1) / 7;
  }
  if (!last_of_month && !same_position) return {};
  return fmt::format("FREQ=YEARLY;BYMONTH={};BYDAY={}{}", first.date.month,
                     last_of_month ? -1 : (first.date.day - 1) / 7 + 1,
                     weekdays.at(static_cast<std::size_t>(base::weekday(first.date))));
}

void write_observance(std::string& text, const Transition& first, const std::string& more) {
  const std::string_view name = first.after > first.before ? "DAYLIGHT" : "STANDARD";
  text += fmt::format("BEGIN:{}\r\nDTSTART:{}\r\nTZOFFSETFROM:{}\r\nTZOFFSETTO:{}\r\n{}END:{}\r\n",
                      name, digits(first.local, false), offset_text(first.before),
                      offset_text(first.after), more, name);
}

// Times of a zone are stated in it; UTC needs no stating.
void need_zone(Component& calendar, const Stamp& stamp) {
  if (!base::zone_exists(stamp.zone)) return;
  for (const Entry& entry : calendar.entries) {
    if (!entry.is_component() || entry.child.front().name != "VTIMEZONE") continue;
    const Line* id = find(entry.child.front(), "TZID");
    if (id != nullptr && id->value == stamp.zone) return;
  }
  const std::string text = "BEGIN:VCALENDAR\r\n" +
                           write_time_zone(stamp.zone, stamp.local.date.year) + "END:VCALENDAR\r\n";
  auto made_calendar = parse(text);
  if (!made_calendar || made_calendar->entries.empty()) return;
  const auto first_child = std::find_if(calendar.entries.begin(), calendar.entries.end(),
                                        [](const Entry& one) { return one.is_component(); });
  calendar.entries.insert(first_child, std::move(made_calendar->entries.front()));
}

// ---- files -------------------------------------------------------------------------------------

// A component right inside a VCALENDAR, as it stands in a file.
struct Stretch {
  std::size_t begin = 0, end = 0;  // bytes of whole lines
  std::string name;                // "VEVENT"
  std::string uid;                 // or TZID
};
struct Layout {
  std::vector<Stretch> parts;
  std::optional<std::size_t> last;  // where the line that ends the last calendar begins
  bool whole = false;               // every component has its end
};

Layout layout_of(std::string_view file) {
  Layout layout;
  std::size_t depth = 0;
  Stretch part;
  std::string property;  // a UID or TZID that may go on in the next line
  const auto settle = [&] {
    if (property.empty()) return;
    const Line line = parse_line(property, "");
    if (line.name == "UID" || line.name == "TZID") part.uid = base::trim(line.value);
    property.clear();
  };
  for (std::size_t at = 0; at < file.size();) {
    const auto newline = file.find('\n', at);
    const std::size_t next = newline == std::string_view::npos ? file.size() : newline + 1;
    std::string_view text = file.substr(at, next - at);
    while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
    if (at == 0 && text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    if (text.starts_with(' ') || text.starts_with('\t')) {
      if (!property.empty()) property += text.substr(1);
      at = next;
      continue;
    }
    settle();
    const std::string head = upper(text.substr(0, 8));
    if (head.starts_with("BEGIN:")) {
      if (depth == 1) part = {at, at, upper(base::trim(text.substr(6))), ""};
      ++depth;
    } else if (head.starts_with("END:")) {
      if (depth == 0) return layout;
      --depth;
      if (depth == 1) {
        part.end = next;
        layout.parts.push_back(part);
      }
      if (depth == 0) layout.last = at;
    } else if (depth == 2 && (head.starts_with("UID") || head.starts_with("TZID"))) {
      property = text;
    }
    at = next;
  }
  layout.whole = depth == 0 && layout.last.has_value();
  return layout;
}

bool is_object(const Stretch& part) { return part.name != "VTIMEZONE"; }

// ---- changes -----------------------------------------------------------------------------------

// An object opened for changes.
class Editing {
 public:
  static Result<Editing> open(std::string_view original) {
    TRY_ASSIGN(Component calendar, parse(original));
    Editing editing(std::move(calendar));
    if (editing.master_ == npos && editing.events_.empty()) return not_writable();
    return editing;
  }

  Result<std::string> change(std::string_view occurrence, const EventChange& change) {
    if (occurrence.empty() || is_only_occurrence(occurrence)) {
      TRY(change_all(change));
    } else {
      TRY_ASSIGN(const std::size_t at, single(occurrence));
      TRY(edit(event(at), change));
    }
    for (const Stamp& stamp : stated_) need_zone(calendar_, stamp);
    return to_text(calendar_);
  }

  Result<std::string> leave_out(std::string_view occurrence) {
    if (master_ == npos || !repeats(event(master_))) {
      return fail(ErrorKind::not_found, "ical.no_such_occurrence");
    }
    TRY_ASSIGN(const Stamp original, original_of(occurrence));
    std::erase_if(calendar_.entries, [&](const Entry& entry) {
      return entry.is_component() && is_event(entry.child.front()) &&
             names_occurrence(entry.child.front(), occurrence);
    });
    index();
    Line exception = made("EXDATE", "");
    give_time(exception, original);
    append(event(master_), std::move(exception));
    touch(event(master_));
    return to_text(calendar_);
  }

  Result<std::string> answer(std::string_view occurrence, std::string_view address,
                             Participation answer) {
    std::vector<std::size_t> about = events_;
    if (!occurrence.empty() && !is_only_occurrence(occurrence)) {
      TRY_ASSIGN(const std::size_t at, single(occurrence));
      about = {at};
    }
    const std::string wanted = base::lower_ascii(base::trim(address));
    bool invited = false;
    for (const std::size_t at : about) {
      for (Entry& entry : event(at).entries) {
        if (entry.is_component() || entry.line.name != "ATTENDEE" ||
            address_in(entry.line.value) != wanted) {
          continue;
        }
        entry.line.set_parameter("PARTSTAT", std::string(word_of(answer)));
        entry.line.drop_parameter("RSVP");
        invited = true;
      }
      set_value(event(at), "DTSTAMP", now_text());
    }
    if (!invited) return fail(ErrorKind::not_found, "ical.not_invited");
    return to_text(calendar_);
  }

  Result<Scheduling> scheduling(std::string_view occurrence) {
    Scheduling result;
    std::size_t at = master_ != npos ? master_ : events_.front();
    if (!occurrence.empty() && !is_only_occurrence(occurrence)) {
      const auto changed = std::find_if(events_.begin(), events_.end(), [&](std::size_t one) {
        return names_occurrence(event(one), occurrence);
      });
      if (changed == events_.end()) return fail(ErrorKind::not_found, "ical.no_such_occurrence");
      at = *changed;
    }
    const Component& about = event(at);
    const auto value = [&](std::string_view name) {
      const Line* line = find(about, name);
      return line == nullptr ? std::string() : std::string(base::trim(line->value));
    };
    result.uid = value("UID");
    const std::string sequence = value("SEQUENCE");
    std::from_chars(sequence.data(), sequence.data() + sequence.size(), result.sequence);
    result.organizer = address_in(value("ORGANIZER"));
    result.repeats = repeats(about);
    result.transparent = upper(value("TRANSP")) == "TRANSPARENT";
    result.cancelled = upper(value("STATUS")) == "CANCELLED";
    if (const Line* id = find(about, "RECURRENCE-ID"); id != nullptr && master_ == npos) {
      if (const auto stamp = stamp_of(*id)) result.occurrence = identity(*stamp, zones_);
    }
    for (const Entry& entry : about.entries) {
      if (entry.is_component() || entry.line.name != "ATTENDEE") continue;
      if (result.invited.size() >= most_invited) break;
      result.invited.push_back({address_in(entry.line.value),
                                upper(entry.line.parameter("PARTSTAT").value_or("NEEDS-ACTION"))});
    }
    return result;
  }

  Result<std::string> reply(std::string_view address, Participation answer) {
    const Component& about = told();
    Component calendar{"VCALENDAR", {}};
    append(calendar, made("PRODID", "-//lar//lar//EN"));
    append(calendar, made("VERSION", "2.0"));
    append(calendar, made("METHOD", "REPLY"));
    for (const Entry& entry : calendar_.entries) {
      if (entry.is_component() && entry.child.front().name == "VTIMEZONE") {
        calendar.entries.push_back(entry);
      }
    }
    Component event{"VEVENT", {}};
    for (const std::string_view name : {"UID", "RECURRENCE-ID", "SEQUENCE", "ORGANIZER", "DTSTART",
                                        "DTEND", "DURATION", "SUMMARY"}) {
      if (const Line* line = find(about, name)) append(event, *line);
    }
    set_value(event, "DTSTAMP", now_text());
    const std::string wanted = base::lower_ascii(base::trim(address));
    bool invited = false;
    for (const Entry& entry : about.entries) {
      if (invited || entry.is_component() || entry.line.name != "ATTENDEE" ||
          address_in(entry.line.value) != wanted) {
        continue;
      }
      Line own = made("ATTENDEE", std::string(base::trim(entry.line.value)));
      if (const auto name = entry.line.parameter("CN")) own.set_parameter("CN", *name);
      own.set_parameter("PARTSTAT", std::string(word_of(answer)));
      append(event, std::move(own));
      invited = true;
    }
    if (!invited) return fail(ErrorKind::not_found, "ical.not_invited");
    Entry entry;
    entry.child.push_back(std::move(event));
    calendar.entries.push_back(std::move(entry));
    return to_text(calendar);
  }

  // This is what the calendar holds.
  Result<std::string> take_over(Editing incoming) {
    erase(incoming.calendar_, "METHOD");
    incoming.index();
    if (incoming.master_ != npos) {
      Component& event = incoming.event(incoming.master_);
      if (master_ != npos && !has_alarm(event)) {
        for (const Entry& entry : this->event(master_).entries) {
          if (entry.is_component() && entry.child.front().name == "VALARM") {
            event.entries.push_back(entry);
          }
        }
      }
      return to_text(incoming.calendar_);
    }
    for (const std::size_t at : incoming.events_) {
      Component& changed = incoming.event(at);
      const Line* id = find(changed, "RECURRENCE-ID");
      const auto stamp = id == nullptr ? std::nullopt : stamp_of(*id);
      if (!stamp) return not_writable();
      const std::string occurrence = identity(*stamp, incoming.zones_);
      std::erase_if(calendar_.entries, [&](const Entry& entry) {
        return entry.is_component() && is_event(entry.child.front()) &&
               names_occurrence(entry.child.front(), occurrence);
      });
      Entry entry;
      entry.child.push_back(std::move(changed));
      calendar_.entries.push_back(std::move(entry));
    }
    for (auto zone = incoming.calendar_.entries.rbegin(); zone != incoming.calendar_.entries.rend();
         ++zone) {
      if (zone->is_component() && zone->child.front().name == "VTIMEZONE" &&
          !has_zone(zone->child.front())) {
        const auto first = std::find_if(calendar_.entries.begin(), calendar_.entries.end(),
                                        [](const Entry& one) { return one.is_component(); });
        calendar_.entries.insert(first, *zone);
      }
    }
    index();
    return to_text(calendar_);
  }

  // As an object of its own.
  std::string as_kept() {
    erase(calendar_, "METHOD");
    return to_text(calendar_);
  }

  std::string told_by(std::string_view agent) {
    for (const std::size_t at : events_) {
      if (Line* line = find(event(at), "ORGANIZER")) {
        line->set_parameter("SCHEDULE-AGENT", std::string(agent));
      }
    }
    return to_text(calendar_);
  }

 private:
  static constexpr std::size_t most_invited = 300;

  static std::string_view word_of(Participation answer) {
    constexpr std::array<std::string_view, 3> words = {"ACCEPTED", "TENTATIVE", "DECLINED"};
    return words.at(static_cast<std::size_t>(answer));
  }

  static std::string address_in(std::string_view value) {
    std::string address = base::lower_ascii(base::trim(value));
    if (address.starts_with("mailto:")) address = std::string(base::trim(address.substr(7)));
    return address;
  }

  static bool has_alarm(const Component& component) {
    return std::any_of(component.entries.begin(), component.entries.end(), [](const Entry& entry) {
      return entry.is_component() && entry.child.front().name == "VALARM";
    });
  }

  bool has_zone(const Component& zone) const {
    const Line* name = find(zone, "TZID");
    return name == nullptr ||
           std::any_of(calendar_.entries.begin(), calendar_.entries.end(), [&](const Entry& entry) {
             if (!entry.is_component() || entry.child.front().name != "VTIMEZONE") return false;
             const Line* other = find(entry.child.front(), "TZID");
             return other != nullptr && other->value == name->value;
           });
  }

  // What stands for the whole: the series, else its first change.
  Component& told() { return event(master_ != npos ? master_ : events_.front()); }

  static constexpr std::size_t npos = static_cast<std::size_t>(-1);

  explicit Editing(Component calendar) : calendar_(std::move(calendar)), zones_(calendar_) {
    index();
  }

  static bool is_event(const Component& component) {
    return component.name == "VEVENT" || component.name == "VTODO";
  }

  void index() {
    events_.clear();
    master_ = npos;
    for (std::size_t at = 0; at < calendar_.entries.size(); ++at) {
      const Entry& entry = calendar_.entries[at];
      if (!entry.is_component() || !is_event(entry.child.front())) continue;
      events_.push_back(at);
      if (find(entry.child.front(), "RECURRENCE-ID") == nullptr) master_ = at;
    }
  }

  Component& event(std::size_t at) { return calendar_.entries[at].child.front(); }

  static bool repeats(const Component& component) {
    return find(component, "RRULE") != nullptr || find(component, "RDATE") != nullptr;
  }

  bool names_occurrence(const Component& component, std::string_view occurrence) const {
    const Line* id = find(component, "RECURRENCE-ID");
    const auto stamp = id == nullptr ? std::nullopt : stamp_of(*id);
    return stamp && identity(*stamp, zones_) == occurrence;
  }

  bool is_only_occurrence(std::string_view occurrence) {
    if (master_ == npos || repeats(event(master_))) return false;
    const Line* start = find(event(master_), "DTSTART");
    const auto stamp = start == nullptr ? std::nullopt : stamp_of(*start);
    return stamp && identity(*stamp, zones_) == occurrence;
  }

  // The occurrence's original start in the form the series states its own in.
  Result<Stamp> original_of(std::string_view occurrence) {
    const auto unknown = [] { return fail(ErrorKind::not_found, "ical.no_such_occurrence"); };
    const Line* line = find(event(master_), "DTSTART");
    const auto start = line == nullptr ? std::nullopt : stamp_of(*line);
    const auto given = parse_stamp(occurrence, "");
    if (!start || !given || given->date != start->date) return unknown();
    Stamp stamp = *start;
    const bool moments = start->utc || !start->zone.empty();
    if (moments != given->utc && !given->date) return unknown();
    stamp.local = moments && !given->date && !start->utc
                      ? zones_.local(zones_.moment(*given), start->zone)
                      : given->local;
    return stamp;
  }

  // The component of one occurrence, made from the series where it has none yet.
  Result<std::size_t> single(std::string_view occurrence) {
    for (const std::size_t at : events_) {
      if (names_occurrence(event(at), occurrence)) return at;
    }
    if (master_ == npos || !repeats(event(master_))) {
      return fail(ErrorKind::not_found, "ical.no_such_occurrence");
    }
    TRY_ASSIGN(const Stamp original, original_of(occurrence));
    Component made_event = event(master_);
    const auto start = stamp_of(*find(made_event, "DTSTART"));
    for (const std::string_view name : {"RRULE", "RDATE", "EXDATE", "EXRULE"}) {
      erase(made_event, name);
    }
    if (const Line* line = find(made_event, "DTEND")) {
      const auto end = stamp_of(*line);
      if (!end || end->date != start->date) return not_writable();
      set_time(made_event, "DTEND", moved_end(*start, *end, original));
    }
    set_time(made_event, "DTSTART", original);
    Line id = made("RECURRENCE-ID", "");
    give_time(id, original);
    append(made_event, std::move(id));
    Entry entry;
    entry.child.push_back(std::move(made_event));
    calendar_.entries.push_back(std::move(entry));
    index();
    return calendar_.entries.size() - 1;
  }

  // The end of what began at `start` and begins at `to` now.
  Stamp moved_end(const Stamp& start, const Stamp& end, const Stamp& to) const {
    Stamp moved = to;
    if (to.date) {
      add_days(moved.local, base::days_between(start.local.date, end.local.date));
      return moved;
    }
    const Microseconds length = zones_.moment(end) - zones_.moment(start);
    if (to.utc || to.zone.empty()) {
      moved.local = plus(to.local, length);
    } else {
      moved.local = zones_.local(zones_.moment(to) + length, to.zone);
    }
    return moved;
  }

  static void touch(Component& component) {
    int sequence = 0;
    if (const Line* line = find(component, "SEQUENCE")) {
      const std::string_view text = base::trim(line->value);
      std::from_chars(text.data(), text.data() + text.size(), sequence);
    }
    set_value(component, "SEQUENCE", std::to_string(std::min(sequence, 1'000'000'000) + 1));
    set_value(component, "DTSTAMP", now_text());
    set_value(component, "LAST-MODIFIED", now_text());
  }

  Status edit(Component& component, const EventChange& change) {
    if (change.title) set_text(component, "SUMMARY", *change.title);
    if (change.place) set_text(component, "LOCATION", *change.place);
    if (change.notes) set_text(component, "DESCRIPTION", *change.notes);
    const Line* line = find(component, "DTSTART");
    const auto start = line == nullptr ? std::nullopt : stamp_of(*line);
    if (change.start || change.end) {
      if (!start) return not_writable();
      const Stamp to = change.start ? stamp_for(*change.start, start->zone, zones_) : *start;
      TRY(set_span(component, *start, to, change.end));
    }
    touch(component);
    return {};
  }

  Status set_span(Component& component, const Stamp& start, const Stamp& to,
                  const std::optional<When>& given_end) {
    const Line* line = find(component, "DTEND");
    const auto end = line == nullptr ? std::nullopt : stamp_of(*line);
    std::optional<Stamp> new_end;
    if (given_end) {
      new_end = stamp_for(*given_end, to.zone, zones_);
      if (new_end->date != to.date) return not_writable();
      erase(component, "DURATION");
    } else if (end && end->date == to.date && start.date == to.date) {
      new_end = moved_end(start, *end, to);
    } else if (start.date != to.date) {
      erase(component, "DURATION");
    }
    if (new_end) {
      const bool backwards = to.date ? new_end->local.date <= to.local.date
                                     : zones_.moment(*new_end) < zones_.moment(to);
      if (backwards) return fail(ErrorKind::invalid_input, "ical.ends_before_start");
      set_time(component, "DTEND", *new_end);
      stated_.push_back(*new_end);
    } else {
      erase(component, "DTEND");
    }
    set_time(component, "DTSTART", to);
    stated_.push_back(to);
    return {};
  }

  Status change_all(const EventChange& change) {
    if (master_ == npos) return not_writable();
    if (!change.start || !repeats(event(master_))) {
      return edit(event(master_), change);
    }
    const Line* line = find(event(master_), "DTSTART");
    const auto start = line == nullptr ? std::nullopt : stamp_of(*line);
    if (!start) return not_writable();
    const Stamp to = stamp_for(*change.start, start->zone, zones_);
    if (to.date != start->date && (events_.size() > 1 || has_stated_days(event(master_)))) {
      return fail(ErrorKind::unsupported, "ical.rule_in_the_way");
    }
    Component edited = event(master_);
    for (Entry& entry : edited.entries) {
      if (entry.is_component()) continue;
      if (entry.line.name == "RRULE" || entry.line.name == "EXRULE") {
        TRY(move_rule(entry.line, *start, to));
      } else if (entry.line.name == "EXDATE" || entry.line.name == "RDATE") {
        TRY(move_dates(entry.line, *start, to));
      }
    }
    TRY(edit(edited, change));
    for (const std::size_t at : events_) {
      if (at != master_) TRY(move_single(event(at), *start, to));
    }
    event(master_) = std::move(edited);
    return {};
  }

  static bool has_stated_days(const Component& component) {
    return find(component, "EXDATE") != nullptr || find(component, "RDATE") != nullptr;
  }

  // `stamp`, an occurrence of a series that began at `start`, when that begins at `to`.
  Stamp shifted(const Stamp& stamp, const Stamp& start, const Stamp& to) const {
    Stamp moved = to;
    LocalTime on_clock = stamp.local;
    const bool other_clock = stamp.utc != start.utc || stamp.zone != start.zone;
    if (!stamp.date && other_clock && !start.zone.empty()) {
      on_clock = zones_.local(zones_.moment(stamp), start.zone);
    }
    moved.local = plus(on_clock, between(start.local, to.local));
    return moved;
  }

  Status move_dates(Line& line, const Stamp& start, const Stamp& to) const {
    const std::string zone = line.parameter("TZID").value_or("");
    std::string values;
    std::optional<Stamp> last;
    for (const std::string_view text : base::split(line.value, ',')) {
      const auto stamp = parse_stamp(text, zone);
      if (!stamp) return fail(ErrorKind::unsupported, "ical.rule_in_the_way");
      // A whole day excluded from a series of hours: as many days on.
      Stamp moved = shifted(*stamp, start, to);
      if (stamp->date && !start.date) {
        moved = *stamp;
        add_days(moved.local, base::days_between(start.local.date, to.local.date));
      }
      values += (values.empty() ? "" : ",") + digits(moved);
      last = moved;
    }
    if (!last) return {};
    give_time(line, *last);
    line.value = values;
    return {};
  }

  Status move_single(Component& component, const Stamp& start, const Stamp& to) const {
    Line* id = find(component, "RECURRENCE-ID");
    const auto original = id == nullptr ? std::nullopt : stamp_of(*id);
    if (!original) return not_writable();
    const Stamp moved = shifted(*original, start, to);
    Line* begins = find(component, "DTSTART");
    const auto own = begins == nullptr ? std::nullopt : stamp_of(*begins);
    // One that was not moved by itself moves along.
    if (own && identity(*own, zones_) == identity(*original, zones_)) {
      Line* ends = find(component, "DTEND");
      const auto end = ends == nullptr ? std::nullopt : stamp_of(*ends);
      if (end && end->date == moved.date) give_time(*ends, moved_end(*own, *end, moved));
      give_time(*begins, moved);
    }
    give_time(*find(component, "RECURRENCE-ID"), moved);
    return {};
  }

  // A rule names days of its own; they go along where it is clear how.
  Status move_rule(Line& line, const Stamp& start, const Stamp& to) const {
    const auto in_the_way = [] { return fail(ErrorKind::unsupported, "ical.rule_in_the_way"); };
    std::vector<std::pair<std::string, std::string>> parts;
    std::map<std::string, std::string> by_name;
    for (const std::string_view part : base::split(line.value, ';')) {
      const auto equals = part.find('=');
      if (equals == std::string_view::npos) continue;
      parts.emplace_back(upper(part.substr(0, equals)), part.substr(equals + 1));
      by_name[parts.back().first] = upper(parts.back().second);
    }
    const int days = base::days_between(start.local.date, to.local.date);
    const bool other_time =
        start.local.hour != to.local.hour || start.local.minute != to.local.minute;
    const auto has = [&](const char* name) { return by_name.contains(name); };
    if (other_time && (has("BYHOUR") || has("BYMINUTE"))) return in_the_way();
    if (days != 0) {
      if (has("BYSETPOS") || has("BYYEARDAY") || has("BYWEEKNO")) return in_the_way();
      const std::string& frequency = by_name["FREQ"];
      if (frequency == "WEEKLY") {
        if (has("BYMONTH") || has("BYMONTHDAY")) return in_the_way();
      } else if (has("BYDAY") || (frequency != "MONTHLY" && frequency != "YEARLY" &&
                                  (has("BYMONTH") || has("BYMONTHDAY")))) {
        return in_the_way();
      }
    }
    std::string value;
    for (auto& [name, text] : parts) {
      if (name == "UNTIL") {
        const auto until = parse_stamp(text, "");
        if (!until) return in_the_way();
        Stamp moved = shifted(*until, start, to);
        if (until->date) {
          moved = *until;
          add_days(moved.local, days);
        } else if (until->utc) {
          moved.local = base::to_local(zones_.moment(moved), "UTC");
          moved.utc = true;
        }
        moved.date = until->date;
        text = digits(moved.local, moved.date) + (until->utc ? "Z" : "");
      } else if (name == "BYDAY" && days != 0) {
        std::string moved;
        const std::string stated = upper(text);
        for (const std::string_view day : base::split(stated, ',')) {
          const auto at = std::find(weekdays.begin(), weekdays.end(), base::trim(day));
          if (at == weekdays.end()) return in_the_way();
          const auto position = (at - weekdays.begin() + days % 7 + 7) % 7;
          moved += (moved.empty() ? "" : ",") +
                   std::string(weekdays.at(static_cast<std::size_t>(position)));
        }
        text = moved;
      } else if (name == "BYMONTHDAY" && days != 0) {
        if (text != std::to_string(start.local.date.day)) return in_the_way();
        text = std::to_string(to.local.date.day);
      } else if (name == "BYMONTH" && start.local.date.month != to.local.date.month) {
        if (text != std::to_string(start.local.date.month)) return in_the_way();
        text = std::to_string(to.local.date.month);
      }
      value.append(value.empty() ? "" : ";").append(name).append("=").append(text);
    }
    if (value != line.value) {
      line.value = value;
      line.raw.clear();
    }
    return {};
  }

  Component calendar_;
  Zones zones_;
  std::vector<std::size_t> events_;  // positions in the calendar
  std::size_t master_ = npos;
  std::vector<Stamp> stated_;  // times whose zones the calendar must define
};

}  // namespace

std::optional<std::string> object_in(std::string_view file, std::string_view uid) {
  std::string zones, objects;
  for (const Stretch& part : layout_of(file).parts) {
    if (is_object(part) && part.uid != uid) continue;
    (is_object(part) ? objects : zones) += file.substr(part.begin, part.end - part.begin);
  }
  if (objects.empty()) return std::nullopt;
  if (!objects.ends_with('\n')) objects += '\n';
  return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" + zones + objects + "END:VCALENDAR\r\n";
}

Result<std::string> with_object(std::string_view file, std::string_view object) {
  const Layout there = layout_of(file);
  if (!there.whole) return fail(ErrorKind::corrupt, "ical.incomplete");
  const Layout given = layout_of(object);
  std::string uid, zones, objects;
  for (const Stretch& part : given.parts) {
    const auto text = object.substr(part.begin, part.end - part.begin);
    if (is_object(part)) {
      objects += text;
      uid = part.uid;
      continue;
    }
    const bool known = std::any_of(there.parts.begin(), there.parts.end(), [&](const auto& one) {
      return !is_object(one) && one.uid == part.uid;
    });
    if (!known) zones += text;
  }
  if (!given.whole || uid.empty()) return not_writable();
  std::string text = zones + objects;
  if (file.find("\r\n") == std::string_view::npos) text = base::replace_all(text, "\r\n", "\n");
  std::string result;
  std::size_t kept = 0;
  bool put = false;
  for (const Stretch& part : there.parts) {
    if (!is_object(part) || part.uid != uid) continue;
    result += file.substr(kept, part.begin - kept);
    if (!put) result += text;
    put = true;
    kept = part.end;
  }
  if (!put) {
    result.append(file.substr(0, *there.last)).append(text);
    kept = *there.last;
  }
  return result.append(file.substr(kept));
}

std::optional<std::string> without_object(std::string_view file, std::string_view uid) {
  std::string result;
  std::size_t kept = 0;
  for (const Stretch& part : layout_of(file).parts) {
    if (!is_object(part) || part.uid != uid) continue;
    result += file.substr(kept, part.begin - kept);
    kept = part.end;
  }
  if (kept == 0) return std::nullopt;
  return result.append(file.substr(kept));
}

std::string write_time_zone(const std::string& zone, int year) {
  std::string text = "BEGIN:VTIMEZONE\r\nTZID:" + zone + "\r\n";
  constexpr int years_ahead = 12;
  const auto all = transitions(zone, year - 1, year + years_ahead);
  std::map<std::pair<int, int>, std::vector<Transition>> kinds;
  for (const Transition& one : all) kinds[{one.before, one.after}].push_back(one);
  std::map<std::pair<int, int>, std::string> rules;
  bool regular = kinds.size() == 2;
  for (const auto& [kind, list] : kinds) {
    if (!regular) break;
    rules[kind] = yearly_rule(list);
    regular = !rules[kind].empty() && static_cast<int>(list.size()) == years_ahead + 2;
  }
  if (!regular) {
    // What holds before the first change, then every change that is known.
    const int before = all.empty()
                           ? offset_at(base::from_local({{year, 7, 1}, 0, 0, 0}, "UTC"), zone)
                           : all.front().before;
    write_observance(text, {0, before, before, {{1970, 1, 1}, 0, 0, 0}}, "");
  }
  for (const auto& [kind, list] : kinds) {
    std::string more;
    if (regular) {
      more = "RRULE:" + rules[kind] + "\r\n";
    } else {
      for (std::size_t at = 1; at < list.size(); ++at) {
        more += "RDATE:" + digits(list[at].local, false) + "\r\n";
      }
    }
    write_observance(text, list.front(), more);
  }
  return text + "END:VTIMEZONE\r\n";
}

Result<std::string> write_event(const EventDraft& draft) {
  Component calendar{"VCALENDAR", {}};
  append(calendar, made("VERSION", "2.0"));
  append(calendar, made("PRODID", "-//lar//lar//EN"));
  Component event{"VEVENT", {}};
  append(event, made("UID", draft.uid.empty() ? base::Id::make().text() : draft.uid));
  append(event, made("DTSTAMP", now_text()));
  append(event, made("CREATED", now_text()));
  const Zones zones(calendar);
  const Stamp start = stamp_for(draft.start, "", zones);
  set_time(event, "DTSTART", start);
  if (draft.end) {
    const Stamp end = stamp_for(*draft.end, start.zone, zones);
    const bool backwards =
        start.date ? end.local.date <= start.local.date : zones.moment(end) < zones.moment(start);
    if (end.date != start.date || backwards) {
      return fail(ErrorKind::invalid_input, "ical.ends_before_start");
    }
    set_time(event, "DTEND", end);
    need_zone(calendar, end);
  }
  need_zone(calendar, start);
  if (draft.rule.find_first_of("\r\n:") != std::string::npos) return not_writable();
  if (!draft.rule.empty()) append(event, made("RRULE", draft.rule));
  set_text(event, "SUMMARY", draft.title);
  set_text(event, "LOCATION", draft.place);
  set_text(event, "DESCRIPTION", draft.notes);
  for (const domain::Person& person : draft.people) {
    const bool organizer = person.role == domain::PersonRole::organizer;
    if (person.address.find_first_of("\r\n") != std::string::npos || person.address.empty()) {
      continue;
    }
    Line line = made(organizer ? "ORGANIZER" : "ATTENDEE", "mailto:" + person.address);
    if (!person.name.empty()) line.set_parameter("CN", person.name);
    if (!organizer) {
      line.set_parameter("PARTSTAT", "NEEDS-ACTION");
      line.set_parameter("RSVP", "TRUE");
    }
    append(event, std::move(line));
  }
  if (draft.alarm_minutes) {
    Component alarm{"VALARM", {}};
    append(alarm, made("ACTION", "DISPLAY"));
    append(alarm, made("DESCRIPTION", escaped(draft.title.empty() ? "-" : draft.title)));
    append(alarm, made("TRIGGER", fmt::format("-PT{}M", std::max(0, *draft.alarm_minutes))));
    Entry entry;
    entry.child.push_back(std::move(alarm));
    event.entries.push_back(std::move(entry));
  }
  Entry entry;
  entry.child.push_back(std::move(event));
  calendar.entries.push_back(std::move(entry));
  return to_text(calendar);
}

Result<std::string> change_event(std::string_view original, std::string_view occurrence,
                                 const EventChange& change) {
  TRY_ASSIGN(Editing editing, Editing::open(original));
  return editing.change(occurrence, change);
}

Result<std::string> remove_occurrence(std::string_view original, std::string_view occurrence) {
  TRY_ASSIGN(Editing editing, Editing::open(original));
  return editing.leave_out(occurrence);
}

Result<std::string> answer_invitation(std::string_view original, std::string_view occurrence,
                                      std::string_view address, Participation answer) {
  TRY_ASSIGN(Editing editing, Editing::open(original));
  return editing.answer(occurrence, address, answer);
}

Result<Scheduling> scheduling_of(std::string_view object, std::string_view occurrence) {
  TRY_ASSIGN(Editing editing, Editing::open(object));
  return editing.scheduling(occurrence);
}

Result<std::string> write_reply(std::string_view invitation, std::string_view address,
                                Participation answer) {
  TRY_ASSIGN(Editing editing, Editing::open(invitation));
  return editing.reply(address, answer);
}

Result<std::string> merge_invitation(std::string_view existing, std::string_view invitation) {
  TRY_ASSIGN(Editing incoming, Editing::open(invitation));
  if (existing.empty()) return incoming.as_kept();
  TRY_ASSIGN(Editing editing, Editing::open(existing));
  return editing.take_over(std::move(incoming));
}

Result<std::string> with_schedule_agent(std::string_view object, std::string_view agent) {
  TRY_ASSIGN(Editing editing, Editing::open(object));
  return editing.told_by(agent);
}

}  // namespace lar::sources
