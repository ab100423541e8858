// Calendars (RFC 5545) through libical: one item per UID, holding the event, its overridden
// occurrences and its exceptions. Times are wall clocks in IANA zones: occurrences are expanded on
// the wall clock and only then turned into moments, so that a weekly 9:00 stays 9:00 through the
// change of the clocks. libical is used for its grammar and its recurrence rules, not for its
// zones, except where a calendar defines a zone that nobody else knows.
#include <fmt/format.h>
#include <libical/ical.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <memory>

#include "base/text.h"
#include "readers/building.h"

namespace lar::readers {
namespace {

using base::Date;
using base::LocalTime;
using base::Microseconds;
using domain::AllDay;
using domain::Floating;
using domain::Instant;
using domain::Item;
using domain::Occurrence;
using domain::When;

constexpr size_t most_occurrences = 2000;
constexpr int most_steps = 200'000;
constexpr size_t most_items = 50'000;

struct FreeComponent {
  void operator()(icalcomponent* component) const { icalcomponent_free(component); }
};
using Component = std::unique_ptr<icalcomponent, FreeComponent>;

// ---- time zones --------------------------------------------------------------------------------

// Names Microsoft's programs write, with the zone CLDR gives for them (windowsZones.xml).
struct WindowsZone {
  std::string_view windows;
  std::string_view iana;
};
constexpr std::array<WindowsZone, 34> windows_zones = {{
    {"Romance Standard Time", "Europe/Paris"},
    {"W. Europe Standard Time", "Europe/Berlin"},
    {"Central Europe Standard Time", "Europe/Budapest"},
    {"Central European Standard Time", "Europe/Warsaw"},
    {"GMT Standard Time", "Europe/London"},
    {"Greenwich Standard Time", "Atlantic/Reykjavik"},
    {"E. Europe Standard Time", "Europe/Chisinau"},
    {"FLE Standard Time", "Europe/Kiev"},
    {"GTB Standard Time", "Europe/Bucharest"},
    {"Russian Standard Time", "Europe/Moscow"},
    {"Turkey Standard Time", "Europe/Istanbul"},
    {"Morocco Standard Time", "Africa/Casablanca"},
    {"South Africa Standard Time", "Africa/Johannesburg"},
    {"Egypt Standard Time", "Africa/Cairo"},
    {"Israel Standard Time", "Asia/Jerusalem"},
    {"Arabian Standard Time", "Asia/Dubai"},
    {"India Standard Time", "Asia/Kolkata"},
    {"China Standard Time", "Asia/Shanghai"},
    {"Singapore Standard Time", "Asia/Singapore"},
    {"Tokyo Standard Time", "Asia/Tokyo"},
    {"Korea Standard Time", "Asia/Seoul"},
    {"AUS Eastern Standard Time", "Australia/Sydney"},
    {"New Zealand Standard Time", "Pacific/Auckland"},
    {"Eastern Standard Time", "America/New_York"},
    {"Central Standard Time", "America/Chicago"},
    {"Mountain Standard Time", "America/Denver"},
    {"Pacific Standard Time", "America/Los_Angeles"},
    {"Atlantic Standard Time", "America/Halifax"},
    {"Central Standard Time (Mexico)", "America/Mexico_City"},
    {"SA Pacific Standard Time", "America/Bogota"},
    {"Argentina Standard Time", "America/Buenos_Aires"},
    {"E. South America Standard Time", "America/Sao_Paulo"},
    {"Pacific SA Standard Time", "America/Santiago"},
    {"UTC", "UTC"},
}};

struct Zone {
  enum class Kind { floating, utc, iana, custom } kind = Kind::floating;
  std::string name;
  icaltimezone* custom = nullptr;  // owned by its calendar
};

Zone find_zone(icalcomponent* calendar, const char* tzid) {
  if (tzid == nullptr || *tzid == '\0') return {};
  std::string_view name = tzid;
  if (base::zone_exists(name)) return {Zone::Kind::iana, std::string(name), nullptr};
  for (const WindowsZone& zone : windows_zones) {
    if (zone.windows == name) return {Zone::Kind::iana, std::string(zone.iana), nullptr};
  }
  // "/freeassociation.sourceforge.net/Europe/Madrid", "/citadel.org/20210210_1/Europe/Madrid"
  for (size_t slash = name.find('/'); slash != std::string_view::npos;
       slash = name.find('/', slash + 1)) {
    const std::string_view tail = name.substr(slash + 1);
    if (tail.find('/') != std::string_view::npos && base::zone_exists(tail)) {
      return {Zone::Kind::iana, std::string(tail), nullptr};
    }
  }
  if (icaltimezone* custom = icalcomponent_get_timezone(calendar, tzid)) {
    const char* location = icaltimezone_get_location(custom);
    if (location != nullptr && base::zone_exists(location)) {
      return {Zone::Kind::iana, location, nullptr};
    }
    return {Zone::Kind::custom, std::string(name), custom};
  }
  return {};
}

bool is_sane(const icaltimetype& time) {
  return !icaltime_is_null_time(time) && time.year >= 1 && time.year <= 9999 &&
         base::date_is_valid({time.year, time.month, time.day}) && time.hour >= 0 &&
         time.hour <= 23 && time.minute >= 0 && time.minute <= 59;
}

LocalTime local_of(const icaltimetype& time) {
  return {{time.year, time.month, time.day}, time.hour, time.minute, std::min(time.second, 59)};
}

When when_of(const icaltimetype& time, const Zone& zone) {
  if (time.is_date) return AllDay{{time.year, time.month, time.day}};
  const LocalTime local = local_of(time);
  switch (zone.kind) {
    case Zone::Kind::utc:
      return Instant{base::from_local(local, "UTC"), "UTC"};
    case Zone::Kind::iana:
      return Instant{base::from_local(local, zone.name), zone.name};
    case Zone::Kind::custom: {
      icaltimetype copy = time;
      int daylight = 0;
      const int offset = icaltimezone_get_utc_offset(zone.custom, &copy, &daylight);
      return Instant{base::from_local(local, "UTC") - offset * base::one_second, "UTC"};
    }
    case Zone::Kind::floating:
      break;
  }
  return Floating{local};
}

// A date property with the zone its TZID names.
struct Stated {
  icaltimetype time = icaltime_null_time();
  Zone zone;
  When when;
};

Zone zone_of(icalcomponent* calendar, icalproperty* property, const icaltimetype& time) {
  if (icaltime_is_utc(time)) return {Zone::Kind::utc, "UTC", nullptr};
  icalparameter* parameter = icalproperty_get_first_parameter(property, ICAL_TZID_PARAMETER);
  return find_zone(calendar, parameter == nullptr ? nullptr : icalparameter_get_tzid(parameter));
}

std::optional<Stated> stated(icalcomponent* calendar, icalcomponent* component,
                             icalproperty_kind kind) {
  icalproperty* property = icalcomponent_get_first_property(component, kind);
  if (property == nullptr) return std::nullopt;
  const icalvalue* value = icalproperty_get_value(property);
  if (value == nullptr) return std::nullopt;
  Stated result;
  result.time = icalvalue_get_datetime(value);
  if (!is_sane(result.time)) return std::nullopt;
  result.zone = zone_of(calendar, property, result.time);
  result.when = when_of(result.time, result.zone);
  return result;
}

// ---- words -------------------------------------------------------------------------------------

std::string text_property(icalcomponent* component, icalproperty_kind kind) {
  icalproperty* property = icalcomponent_get_first_property(component, kind);
  if (property == nullptr) return {};
  const icalvalue* value = icalproperty_get_value(property);
  const char* text = value == nullptr ? nullptr : icalvalue_get_text(value);
  return text == nullptr ? std::string() : std::string(base::trim(base::clean_utf8(text)));
}

std::string clock_text(const LocalTime& local) {
  return fmt::format("{:02}:{:02}", local.hour, local.minute);
}

// The wall clock a person in the event's own zone sees.
LocalTime wall_clock(const When& when) {
  if (const auto* instant = std::get_if<Instant>(&when)) {
    return base::to_local(instant->time, instant->zone);
  }
  if (const auto* day = std::get_if<AllDay>(&when)) return {day->date, 0, 0, 0};
  return std::get<Floating>(when).local;
}

std::string spell(const When& start, const std::optional<When>& end) {
  const LocalTime from = wall_clock(start);
  if (std::holds_alternative<AllDay>(start)) {
    std::string text = spell_date(from.date) + " (all day, todo el día)";
    if (end && std::holds_alternative<AllDay>(*end)) {
      // The end of whole days is the first day after them.
      const Date last = base::add_days(std::get<AllDay>(*end).date, -1);
      if (last > from.date) text += " – " + spell_date(last);
    }
    return text;
  }
  std::string times = clock_text(from);
  std::string later;
  if (end) {
    When comparable = *end;
    if (const auto* first = std::get_if<Instant>(&start)) {
      if (auto* last = std::get_if<Instant>(&comparable)) last->zone = first->zone;
    }
    const LocalTime to = wall_clock(comparable);
    if (to.date == from.date) {
      if (to != from) times += "–" + clock_text(to);
    } else {
      later = fmt::format(" – {}, {}", spell_date(to.date), clock_text(to));
    }
  }
  std::string zone;
  if (const auto* instant = std::get_if<Instant>(&start)) zone = " (" + instant->zone + ")";
  // The weekday and the date come first, then the time: "Wednesday 2026-06-03 17:30–18:00 (…), …".
  const std::string date = spell_date(from.date);
  const size_t comma = date.find(',');
  return date.substr(0, comma) + " " + times + zone + date.substr(comma) + later;
}

struct DayNames {
  std::string_view english;
  std::string_view spanish;
};
constexpr std::array<DayNames, 8> day_names = {{{"", ""},
                                                {"Sunday", "domingo"},
                                                {"Monday", "lunes"},
                                                {"Tuesday", "martes"},
                                                {"Wednesday", "miércoles"},
                                                {"Thursday", "jueves"},
                                                {"Friday", "viernes"},
                                                {"Saturday", "sábado"}}};

std::string ordinal_english(int position) {
  switch (position) {
    case 1:
      return "first ";
    case 2:
      return "second ";
    case 3:
      return "third ";
    case 4:
      return "fourth ";
    case -1:
      return "last ";
    default:
      return position == 0 ? "" : fmt::format("{}. ", position);
  }
}

std::string ordinal_spanish(int position) {
  switch (position) {
    case 1:
      return "primer ";
    case 2:
      return "segundo ";
    case 3:
      return "tercer ";
    case 4:
      return "cuarto ";
    case -1:
      return "último ";
    default:
      return position == 0 ? "" : fmt::format("{}.º ", position);
  }
}

// "every 2 weeks on Monday (cada 2 semanas, lunes), until 2026-06-30"
std::string spell_rule(const icalrecurrencetype& rule) {
  struct Unit {
    std::string_view english, english_many, spanish, spanish_many;
  };
  static constexpr std::array<Unit, 7> units = {{{"second", "seconds", "segundo", "segundos"},
                                                 {"minute", "minutes", "minuto", "minutos"},
                                                 {"hour", "hours", "hora", "horas"},
                                                 {"day", "days", "día", "días"},
                                                 {"week", "weeks", "semana", "semanas"},
                                                 {"month", "months", "mes", "meses"},
                                                 {"year", "years", "año", "años"}}};
  const auto frequency = static_cast<size_t>(rule.freq);
  if (frequency >= units.size()) return {};
  const Unit& unit = units.at(frequency);
  const int interval = std::max<int>(1, rule.interval);
  std::string english = interval == 1 ? fmt::format("every {}", unit.english)
                                      : fmt::format("every {} {}", interval, unit.english_many);
  std::string spanish = interval == 1 ? fmt::format("cada {}", unit.spanish)
                                      : fmt::format("cada {} {}", interval, unit.spanish_many);
  std::string english_days;
  std::string spanish_days;
  for (int index = 0; index < ICAL_BY_DAY_SIZE; ++index) {
    const short day = rule.by_day[index];
    if (day == ICAL_RECURRENCE_ARRAY_MAX) break;
    const auto weekday = static_cast<size_t>(icalrecurrencetype_day_day_of_week(day));
    if (weekday == 0 || weekday >= day_names.size()) continue;
    const int position = icalrecurrencetype_day_position(day);
    if (!english_days.empty()) {
      english_days += ", ";
      spanish_days += ", ";
    }
    english_days += ordinal_english(position) + std::string(day_names.at(weekday).english);
    spanish_days += ordinal_spanish(position) + std::string(day_names.at(weekday).spanish);
  }
  if (!english_days.empty()) {
    english += " on " + english_days;
    spanish += ", " + spanish_days;
  }
  std::string month_days;
  for (int index = 0; index < ICAL_BY_MONTHDAY_SIZE; ++index) {
    const short day = rule.by_month_day[index];
    if (day == ICAL_RECURRENCE_ARRAY_MAX) break;
    month_days += (month_days.empty() ? "" : ", ") + std::to_string(day);
  }
  if (!month_days.empty()) {
    english += " on day " + month_days;
    spanish += ", día " + month_days;
  }
  std::string text = english + " (" + spanish + ")";
  if (rule.count > 0) text += fmt::format(", {} times ({} veces)", rule.count, rule.count);
  if (is_sane(rule.until)) {
    text += ", until " + spell_date({rule.until.year, rule.until.month, rule.until.day});
  }
  return text;
}

std::string compact(const When& when) {
  if (const auto* instant = std::get_if<Instant>(&when)) {
    const LocalTime local = base::to_local(instant->time, "UTC");
    return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", local.date.year, local.date.month,
                       local.date.day, local.hour, local.minute, local.second);
  }
  if (const auto* day = std::get_if<AllDay>(&when)) {
    return fmt::format("{:04}{:02}{:02}", day->date.year, day->date.month, day->date.day);
  }
  const LocalTime& local = std::get<Floating>(when).local;
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}", local.date.year, local.date.month,
                     local.date.day, local.hour, local.minute, local.second);
}

// ---- one event ---------------------------------------------------------------------------------

// A component with the calendar whose zones it uses.
struct Entry {
  icalcomponent* calendar = nullptr;
  icalcomponent* component = nullptr;
};

struct Override {
  Entry entry;
  When original;
  When start;
  std::optional<When> end;
  bool cancelled = false;
  bool following = false;  // RANGE=THISANDFUTURE: all later occurrences change alike
};

// RFC 5545, 3.2.13. THISANDPRIOR is of the older RFC 2445 and stands for the one occurrence here.
bool changes_following(icalcomponent* component) {
  icalproperty* property = icalcomponent_get_first_property(component, ICAL_RECURRENCEID_PROPERTY);
  if (property == nullptr) return false;
  icalparameter* range = icalproperty_get_first_parameter(property, ICAL_RANGE_PARAMETER);
  return range != nullptr && icalparameter_get_range(range) == ICAL_RANGE_THISANDFUTURE;
}

int sequence_of(icalcomponent* component) {
  icalproperty* property = icalcomponent_get_first_property(component, ICAL_SEQUENCE_PROPERTY);
  return property == nullptr ? 0 : icalproperty_get_sequence(property);
}

bool is_cancelled(icalcomponent* component) {
  icalproperty* status = icalcomponent_get_first_property(component, ICAL_STATUS_PROPERTY);
  return status != nullptr && icalproperty_get_status(status) == ICAL_STATUS_CANCELLED;
}

std::optional<When> end_of(const Entry& entry, const Stated& start) {
  if (const auto end = stated(entry.calendar, entry.component, ICAL_DTEND_PROPERTY)) {
    // An end before the start is none.
    if (domain::begins_at(end->when, "UTC") < domain::begins_at(start.when, "UTC") &&
        end->when.index() == start.when.index()) {
      return std::nullopt;
    }
    return end->when;
  }
  icalproperty* property =
      icalcomponent_get_first_property(entry.component, ICAL_DURATION_PROPERTY);
  if (property == nullptr) return std::nullopt;
  const auto seconds = icaldurationtype_as_int(icalproperty_get_duration(property));
  if (seconds <= 0) return std::nullopt;
  if (const auto* day = std::get_if<AllDay>(&start.when)) {
    return AllDay{base::add_days(day->date, std::max(1, seconds / 86'400))};
  }
  if (const auto* instant = std::get_if<Instant>(&start.when)) {
    return Instant{instant->time + seconds * base::one_second, instant->zone};
  }
  const auto moment = base::from_local(std::get<Floating>(start.when).local, "UTC");
  return Floating{base::to_local(moment + seconds * base::one_second, "UTC")};
}

// `when` moved by as much as an occurrence lies after the first one; whole days stay whole days.
std::optional<When> shifted_end(const When& start, const std::optional<When>& end,
                                const When& occurrence) {
  if (!end) return std::nullopt;
  if (std::holds_alternative<AllDay>(start) && std::holds_alternative<AllDay>(*end) &&
      std::holds_alternative<AllDay>(occurrence)) {
    const int days = base::days_between(std::get<AllDay>(start).date, std::get<AllDay>(*end).date);
    return AllDay{base::add_days(std::get<AllDay>(occurrence).date, days)};
  }
  const Microseconds length = domain::begins_at(*end, "UTC") - domain::begins_at(start, "UTC");
  if (const auto* instant = std::get_if<Instant>(&occurrence)) {
    return Instant{instant->time + length, instant->zone};
  }
  if (const auto* floating = std::get_if<Floating>(&occurrence)) {
    return Floating{base::to_local(base::from_local(floating->local, "UTC") + length, "UTC")};
  }
  return std::nullopt;
}

LocalTime wall_clock_in(const When& when, const std::string& zone) {
  if (const auto* instant = std::get_if<Instant>(&when)) {
    return base::to_local(instant->time, zone);
  }
  return wall_clock(when);
}

// Where an occurrence goes when `original` went to `moved` and all after it follow: by as much, on
// the wall clock of the new zone, as whole days if the new start is one.
When moved_alike(const When& original, const When& moved, const When& occurrence) {
  if (const auto* day = std::get_if<AllDay>(&moved)) {
    const int days = base::days_between(wall_clock(original).date, day->date);
    return AllDay{base::add_days(wall_clock(occurrence).date, days)};
  }
  const auto* instant = std::get_if<Instant>(&moved);
  const std::string zone = instant != nullptr ? instant->zone : "UTC";
  const auto seconds = [&](const When& when) {
    return base::from_local(wall_clock_in(when, zone), "UTC");
  };
  const LocalTime local =
      base::to_local(seconds(occurrence) + seconds(moved) - seconds(original), "UTC");
  if (instant == nullptr) return Floating{local};
  return Instant{base::from_local(local, zone), zone};
}

class EventReader {
 public:
  EventReader(const Input& input, std::string uid, std::vector<Entry> entries)
      : input_(input), uid_(std::move(uid)), entries_(std::move(entries)) {}

  std::optional<Item> read() {
    for (const Entry& entry : entries_) {
      const auto original = stated(entry.calendar, entry.component, ICAL_RECURRENCEID_PROPERTY);
      if (!original) {
        master_ = entry;  // the last one wins: exports list revisions in order
        continue;
      }
      Override changed;
      changed.entry = entry;
      changed.original = original->when;
      const auto start = stated(entry.calendar, entry.component, ICAL_DTSTART_PROPERTY);
      changed.start = start ? start->when : original->when;
      if (start) changed.end = end_of(entry, *start);
      changed.cancelled = is_cancelled(entry.component);
      changed.following = changes_following(entry.component);
      if (changed.following) ranges_[key(changed.original)] = changed;
      overrides_[key(changed.original)] = changed;
    }
    if (master_.component == nullptr) {
      if (overrides_.empty()) return std::nullopt;
      master_ = overrides_.begin()->second.entry;  // an invitation to one occurrence only
      lone_ = true;
    }
    name_days();
    const bool task = icalcomponent_isa(master_.component) == ICAL_VTODO_COMPONENT;
    item_.kind = task ? domain::ItemKind::task : domain::ItemKind::event;
    item_.origin = domain::Origin::own_data;
    item_.external_id = uid_;
    item_.title = std::string(base::cut_utf8(
        base::collapse_spaces(text_property(master_.component, ICAL_SUMMARY_PROPERTY)), 500));
    item_.place = base::collapse_spaces(text_property(master_.component, ICAL_LOCATION_PROPERTY));

    auto start = stated(master_.calendar, master_.component, ICAL_DTSTART_PROPERTY);
    const auto due =
        task ? stated(master_.calendar, master_.component, ICAL_DUE_PROPERTY) : std::nullopt;
    if (!start && due) start = due;
    if (start) {
      item_.when = start->when;
      item_.end = task && due ? std::optional<When>(due->when) : end_of(master_, *start);
      expand(*start);
    } else if (!task) {
      item_.notices.push_back({"ical.no_start", {{"name", input_.name}}});
    }
    add_people();
    if (item_.when) {
      item_.event = domain::EventTimes{*item_.when, item_.end, own_calendar()};
    }
    write_part(task, due);
    complete(item_);
    return std::move(item_);
  }

 private:
  Microseconds key(const When& when) const { return domain::begins_at(when, input_.owner_zone); }

  // Exchange names the changed occurrences of whole-day events by their midnight.
  void name_days() {
    const auto start = stated(master_.calendar, master_.component, ICAL_DTSTART_PROPERTY);
    if (lone_ || !start || !std::holds_alternative<AllDay>(start->when)) return;
    for (auto* all : {&overrides_, &ranges_}) {
      std::map<Microseconds, Override> named;
      for (auto& [moment, changed] : *all) {
        changed.original = AllDay{wall_clock(changed.original).date};
        named[key(changed.original)] = std::move(changed);
      }
      *all = std::move(named);
    }
  }

  // What an older revision said of an occurrence that the newer series does not have.
  void drop_superseded(const std::map<Microseconds, When>& starts) {
    if (lone_ || full_) return;
    const int present = sequence_of(master_.component);
    std::erase_if(overrides_, [&](const auto& entry) {
      const auto& [moment, changed] = entry;
      return sequence_of(changed.entry.component) < present && !changed.following &&
             moment >= input_.horizon_begin && moment < input_.horizon_end &&
             (!starts.contains(moment) || is_excluded(changed.original));
    });
  }

  bool in_horizon(const When& start, const std::optional<When>& end) const {
    const Microseconds begins = key(start);
    const Microseconds ends = end ? key(*end) : begins;
    return begins < input_.horizon_end &&
           (ends > input_.horizon_begin || begins >= input_.horizon_begin);
  }

  void add_occurrence(const When& original, const When& start, const std::optional<When>& end,
                      const Override* changed) {
    if (!in_horizon(start, end)) return;
    if (item_.occurrences.size() >= most_occurrences) {
      full_ = true;
      return;
    }
    Occurrence occurrence;
    occurrence.recurrence_id = compact(original);
    occurrence.start = start;
    occurrence.end = end;
    occurrence.summary = item_.title;
    occurrence.location = item_.place;
    if (changed != nullptr) {
      const std::string summary = text_property(changed->entry.component, ICAL_SUMMARY_PROPERTY);
      const std::string location = text_property(changed->entry.component, ICAL_LOCATION_PROPERTY);
      if (!summary.empty()) occurrence.summary = base::collapse_spaces(summary);
      if (!location.empty()) occurrence.location = base::collapse_spaces(location);
    }
    item_.occurrences.push_back(std::move(occurrence));
  }

  // EXDATEs as moments, and as days where only a day is given.
  void read_exceptions() {
    for (icalproperty* property =
             icalcomponent_get_first_property(master_.component, ICAL_EXDATE_PROPERTY);
         property != nullptr;
         property = icalcomponent_get_next_property(master_.component, ICAL_EXDATE_PROPERTY)) {
      const icaltimetype time = icalproperty_get_exdate(property);
      if (!is_sane(time)) continue;
      const When when = when_of(time, zone_of(master_.calendar, property, time));
      exceptions_.push_back(when);
      if (time.is_date) {
        excluded_days_.push_back({time.year, time.month, time.day});
      } else {
        excluded_.push_back(key(when));
      }
    }
  }

  bool is_excluded(const When& when) const {
    if (std::find(excluded_.begin(), excluded_.end(), key(when)) != excluded_.end()) return true;
    const Date day = wall_clock(when).date;
    return std::find(excluded_days_.begin(), excluded_days_.end(), day) != excluded_days_.end();
  }

  void expand(const Stated& start) {
    read_exceptions();
    std::map<Microseconds, When> starts;
    if (!lone_) starts.emplace(key(start.when), start.when);
    for (icalproperty* property =
             icalcomponent_get_first_property(master_.component, ICAL_RRULE_PROPERTY);
         property != nullptr;
         property = icalcomponent_get_next_property(master_.component, ICAL_RRULE_PROPERTY)) {
      const icalrecurrencetype rule = icalproperty_get_rrule(property);
      const std::string words = spell_rule(rule);
      if (!words.empty()) rules_.push_back(words);
      run_rule(rule, start, starts);
    }
    for (icalproperty* property =
             icalcomponent_get_first_property(master_.component, ICAL_RDATE_PROPERTY);
         property != nullptr && starts.size() < 2 * most_occurrences;
         property = icalcomponent_get_next_property(master_.component, ICAL_RDATE_PROPERTY)) {
      const icaldatetimeperiodtype value = icalproperty_get_rdate(property);
      const icaltimetype time = icaltime_is_null_time(value.time) ? value.period.start : value.time;
      if (!is_sane(time)) continue;
      const When when = when_of(time, zone_of(master_.calendar, property, time));
      starts.emplace(key(when), when);
      extra_.push_back(when);
      if (icaltime_is_null_time(value.time)) add_own_end(property, value.period, when);
    }
    drop_superseded(starts);
    for (const auto& [moment, when] : starts) {
      if (overrides_.contains(moment) || is_excluded(when)) continue;
      // What is said of one occurrence alone goes before what is said of many.
      const auto later = ranges_.upper_bound(moment);
      if (later == ranges_.begin()) {
        const auto own = own_ends_.find(moment);
        add_occurrence(when, when,
                       own != own_ends_.end() ? std::optional(own->second)
                                              : shifted_end(start.when, item_.end, when),
                       nullptr);
        continue;
      }
      const Override& range = std::prev(later)->second;
      if (range.cancelled) continue;
      const When moved = moved_alike(range.original, range.start, when);
      add_occurrence(when, moved,
                     range.end ? shifted_end(range.start, range.end, moved)
                               : shifted_end(start.when, item_.end, moved),
                     &range);
    }
    for (const auto& [moment, changed] : overrides_) {
      if (!changed.cancelled)
        add_occurrence(changed.original, changed.start, changed.end, &changed);
    }
    std::stable_sort(
        item_.occurrences.begin(), item_.occurrences.end(),
        [&](const Occurrence& a, const Occurrence& b) { return key(a.start) < key(b.start); });
    if (full_) {
      item_.notices.push_back(
          {"ical.too_many_occurrences",
           {{"name", input_.name}, {"limit", std::to_string(most_occurrences)}}});
    }
  }

  // An RDATE that is a period says how long its occurrence is (RFC 5545, 3.8.5.2).
  void add_own_end(icalproperty* property, const icalperiodtype& period, const When& start) {
    if (is_sane(period.end)) {
      own_ends_[key(start)] = when_of(period.end, zone_of(master_.calendar, property, period.end));
      return;
    }
    const auto seconds = icaldurationtype_as_int(period.duration);
    const auto* instant = std::get_if<Instant>(&start);
    if (seconds <= 0 || instant == nullptr) return;
    own_ends_[key(start)] = Instant{instant->time + seconds * base::one_second, instant->zone};
  }

  void run_rule(icalrecurrencetype rule, const Stated& start,
                std::map<Microseconds, When>& starts) {
    // Until is compared here, on moments: libical would compare wall clocks of different zones.
    const icaltimetype until = rule.until;
    rule.until = icaltime_null_time();
    icaltimetype first = start.time;
    first.zone = nullptr;
    const std::unique_ptr<icalrecur_iterator, decltype(&icalrecur_iterator_free)> iterator(
        icalrecur_iterator_new(rule, first), &icalrecur_iterator_free);
    if (!iterator) {
      item_.notices.push_back({"ical.bad_rule", {{"name", input_.name}}});
      return;
    }
    // Old rules without a count need not be walked through from their beginning.
    const Microseconds margin = 40 * base::one_day;
    if (rule.count == 0 && key(start.when) + margin < input_.horizon_begin) {
      const LocalTime local = base::to_local(input_.horizon_begin - margin, "UTC");
      icaltimetype from = first;
      from.year = local.date.year;
      from.month = local.date.month;
      from.day = local.date.day;
      icalrecur_iterator_set_start(iterator.get(), from);
    }
    size_t found = 0;
    for (int step = 0; step < most_steps; ++step) {
      const icaltimetype next = icalrecur_iterator_next(iterator.get());
      if (!is_sane(next)) return;
      const When when = when_of(next, start.zone);
      const Microseconds moment = key(when);
      if (moment >= input_.horizon_end) return;
      if (is_sane(until)) {
        if (until.is_date) {
          if (wall_clock(when).date > Date{until.year, until.month, until.day}) return;
        } else {
          const Zone zone =
              icaltime_is_utc(until) ? Zone{Zone::Kind::utc, "UTC", nullptr} : start.zone;
          // Whole-day events with a time in their end: the day counts.
          const bool past =
              std::holds_alternative<AllDay>(when)
                  ? std::get<AllDay>(when).date > Date{until.year, until.month, until.day}
                  : moment > key(when_of(until, zone));
          if (past) return;
        }
      }
      if (moment + 32 * base::one_day < input_.horizon_begin) continue;
      starts.emplace(moment, when);
      if (++found > most_occurrences) {
        full_ = true;
        return;
      }
    }
    full_ = true;
  }

  void add_people() {
    struct Role {
      icalproperty_kind kind;
      domain::PersonRole role;
    };
    for (const Role& role : {Role{ICAL_ORGANIZER_PROPERTY, domain::PersonRole::organizer},
                             Role{ICAL_ATTENDEE_PROPERTY, domain::PersonRole::attendee}}) {
      for (icalproperty* property = icalcomponent_get_first_property(master_.component, role.kind);
           property != nullptr && item_.people.size() < 300;
           property = icalcomponent_get_next_property(master_.component, role.kind)) {
        domain::Person person;
        person.role = role.role;
        const char* value = role.kind == ICAL_ORGANIZER_PROPERTY
                                ? icalproperty_get_organizer(property)
                                : icalproperty_get_attendee(property);
        std::string address = base::lower_ascii(base::trim(value == nullptr ? "" : value));
        if (address.starts_with("mailto:")) address = address.substr(7);
        if (address.find('@') != std::string::npos) person.address = base::clean_utf8(address);
        icalparameter* name = icalproperty_get_first_parameter(property, ICAL_CN_PARAMETER);
        const char* text = name == nullptr ? nullptr : icalparameter_get_cn(name);
        if (text != nullptr) person.name = base::collapse_spaces(base::clean_utf8(text));
        if (!person.name.empty() || !person.address.empty()) item_.people.push_back(person);
      }
    }
  }

  // The event's components with the zones they name, as one calendar.
  std::string own_calendar() const {
    const Component calendar(icalcomponent_vanew(
        ICAL_VCALENDAR_COMPONENT, icalproperty_new_version("2.0"),
        icalproperty_new_prodid("-//lar//reader//EN"), static_cast<void*>(nullptr)));
    for (icalcomponent* zone =
             icalcomponent_get_first_component(master_.calendar, ICAL_VTIMEZONE_COMPONENT);
         zone != nullptr;
         zone = icalcomponent_get_next_component(master_.calendar, ICAL_VTIMEZONE_COMPONENT)) {
      icalproperty* id = icalcomponent_get_first_property(zone, ICAL_TZID_PROPERTY);
      const char* name = id == nullptr ? nullptr : icalproperty_get_tzid(id);
      if (name != nullptr && uses_zone(name)) {
        icalcomponent_add_component(calendar.get(), icalcomponent_new_clone(zone));
      }
    }
    for (const Entry& entry : entries_) {
      icalcomponent_add_component(calendar.get(), icalcomponent_new_clone(entry.component));
    }
    char* text = icalcomponent_as_ical_string_r(calendar.get());
    std::string result = text == nullptr ? "" : base::clean_utf8(text);
    std::free(text);
    return result;
  }

  bool uses_zone(const std::string& name) const {
    for (const Entry& entry : entries_) {
      for (icalproperty* property =
               icalcomponent_get_first_property(entry.component, ICAL_ANY_PROPERTY);
           property != nullptr;
           property = icalcomponent_get_next_property(entry.component, ICAL_ANY_PROPERTY)) {
        icalparameter* zone = icalproperty_get_first_parameter(property, ICAL_TZID_PARAMETER);
        if (zone != nullptr && name == icalparameter_get_tzid(zone)) return true;
      }
    }
    return false;
  }

  void write_part(bool task, const std::optional<Stated>& due) {
    std::string text = fmt::format("{}: {}\n", task ? "Task" : "Event", item_.title);
    const auto line = [&](std::string_view label, const std::string& value) {
      if (!value.empty()) text += fmt::format("{}: {}\n", label, value);
    };
    if (task) {
      if (due) line("Due", spell(due->when, std::nullopt));
      if (icalcomponent_get_first_property(master_.component, ICAL_COMPLETED_PROPERTY) != nullptr) {
        line("Status", "done (hecha)");
      }
    } else if (item_.when) {
      line("When", spell(*item_.when, item_.end));
    }
    if (is_cancelled(master_.component) && !lone_) line("Status", "cancelled (cancelado)");
    for (const std::string& rule : rules_) line("Repeats", rule);
    line("Also", dates(extra_));
    line("Except", dates(exceptions_));
    for (const auto& [moment, changed] : overrides_) {
      if (text.size() > 20'000) break;
      std::string original = base::format_date(wall_clock(changed.original).date);
      if (changed.following) original += " and all following (y todas las siguientes)";
      if (changed.cancelled) {
        line("Cancelled", original);
        continue;
      }
      std::string words = original + " → " + spell(changed.start, changed.end);
      const std::string summary = text_property(changed.entry.component, ICAL_SUMMARY_PROPERTY);
      const std::string location = text_property(changed.entry.component, ICAL_LOCATION_PROPERTY);
      if (!summary.empty() && summary != item_.title) words += ", " + summary;
      if (!location.empty() && location != item_.place) words += ", " + location;
      line(key(changed.original) == key(changed.start) ? "Changed" : "Moved", words);
    }
    line("Where", item_.place);
    for (const auto role : {domain::PersonRole::organizer, domain::PersonRole::attendee}) {
      std::string names;
      int count = 0;
      for (const domain::Person& person : item_.people) {
        if (person.role != role || ++count > 30) continue;
        if (!names.empty()) names += ", ";
        names += person.name.empty()      ? person.address
                 : person.address.empty() ? person.name
                                          : person.name + " <" + person.address + ">";
      }
      line(role == domain::PersonRole::organizer ? "Organizer" : "Attendees", names);
    }
    line("Categories", text_property(master_.component, ICAL_CATEGORIES_PROPERTY));
    icalproperty* url = icalcomponent_get_first_property(master_.component, ICAL_URL_PROPERTY);
    if (url != nullptr && icalproperty_get_url(url) != nullptr) {
      line("Web", base::clean_utf8(icalproperty_get_url(url)));
    }
    PartBuilder builder;
    builder.add(domain::SegmentKind::text, text);
    const std::string notes = text_property(master_.component, ICAL_DESCRIPTION_PROPERTY);
    if (!notes.empty()) {
      builder.add(domain::SegmentKind::text,
                  "Notes: " + std::string(base::cut_utf8(notes, 200'000)));
    }
    domain::TextPart part = builder.finish();
    part.media_type = "text/calendar";
    part.role = domain::PartRole::event;
    item_.parts.push_back(std::move(part));
  }

  static std::string dates(const std::vector<When>& list) {
    std::string text;
    for (size_t index = 0; index < list.size() && index < 60; ++index) {
      if (!text.empty()) text += "; ";
      text += spell_date(wall_clock(list[index]).date);
    }
    return text;
  }

  const Input& input_;
  std::string uid_;
  std::vector<Entry> entries_;
  Entry master_;
  bool lone_ = false;
  std::map<Microseconds, Override> overrides_;  // by their original start
  std::map<Microseconds, Override> ranges_;     // those of them that change all following
  std::vector<When> exceptions_;
  std::vector<Microseconds> excluded_;
  std::vector<Date> excluded_days_;
  std::vector<When> extra_;
  std::map<Microseconds, When> own_ends_;  // of extra ones that say their own
  std::vector<std::string> rules_;
  bool full_ = false;
  Item item_;
};

// Nested calendars hold calendars; anything deeper than two levels is nobody's export.
void collect(icalcomponent* component, icalcomponent* calendar, int depth,
             std::vector<Entry>& entries) {
  const icalcomponent_kind kind = icalcomponent_isa(component);
  if (kind == ICAL_VCALENDAR_COMPONENT) calendar = component;
  if ((kind == ICAL_VEVENT_COMPONENT || kind == ICAL_VTODO_COMPONENT) && calendar != nullptr) {
    entries.push_back({calendar, component});
    return;
  }
  if (depth > 3) return;
  std::vector<icalcomponent*> children;  // the library's cursor does not survive recursion
  for (icalcomponent* child = icalcomponent_get_first_component(component, ICAL_ANY_COMPONENT);
       child != nullptr; child = icalcomponent_get_next_component(component, ICAL_ANY_COMPONENT)) {
    children.push_back(child);
  }
  for (icalcomponent* child : children) collect(child, calendar, depth + 1, entries);
}

// libical gives nothing at all of a calendar whose end is missing: cuts such a text behind its last
// whole component and closes it. True if that was needed.
bool close_calendar(std::string& text) {
  const std::string lower = base::lower_ascii(text);
  const size_t end = lower.rfind("end:vcalendar");
  const size_t begin = lower.rfind("begin:vcalendar");
  if (end != std::string::npos && end > begin) return false;
  size_t last = std::string::npos;
  for (const std::string_view mark : {"\nend:vevent", "\nend:vtodo", "\nend:vtimezone"}) {
    const size_t at = lower.rfind(mark);
    if (at != std::string::npos && (last == std::string::npos || at + mark.size() > last)) {
      last = at + mark.size();
    }
  }
  if (last == std::string::npos) return true;
  text.resize(last);
  text += "\nEND:VCALENDAR\n";
  return true;
}

// A part said twice makes libical drop the whole rule; vobject has written "FREQ" so.
void drop_repeated_parts(std::string& text) {
  for (size_t at = text.find("\nRRULE"); at != std::string::npos;
       at = text.find("\nRRULE", at + 1)) {
    const size_t end = std::min(text.find_first_of("\r\n", at + 1), text.size());
    const size_t colon = text.find(':', at);
    const std::string_view line = std::string_view(text).substr(0, end);
    if (colon >= end) continue;
    const size_t first = line.find("FREQ=", colon);
    if (first == std::string_view::npos ||
        line.find("FREQ=", first + 1) == std::string_view::npos) {
      continue;
    }
    std::vector<std::string_view> parts;
    for (const std::string_view part : base::split(line.substr(colon + 1), ';')) {
      if (std::find(parts.begin(), parts.end(), part) == parts.end()) parts.push_back(part);
    }
    std::string rule;
    for (const std::string_view part : parts) rule += (rule.empty() ? "" : ";") + std::string(part);
    text.replace(colon + 1, end - colon - 1, rule);
  }
}

base::Result<std::vector<Item>> read_calendar(const Input& input) {
  static const bool prepared = [] {
    icalerror_set_errors_are_fatal(0);
    return true;
  }();
  static_cast<void>(prepared);
  const auto unreadable = [&] {
    return base::fail(base::ErrorKind::corrupt, "ical.unreadable", {{"name", input.name}});
  };
  std::string text = decode_text(input.bytes, {});
  const std::string start = base::lower_ascii(std::string_view(text).substr(0, 4096));
  if (start.find("begin:vcalendar") == std::string::npos) return unreadable();
  const bool truncated = close_calendar(text);
  drop_repeated_parts(text);
  const Component root(icalparser_parse_string(text.c_str()));
  if (!root) return unreadable();
  std::vector<Entry> entries;
  collect(root.get(), nullptr, 0, entries);
  std::vector<std::string> order;
  std::map<std::string, std::vector<Entry>> by_uid;
  for (const Entry& entry : entries) {
    const char* stated_uid = icalcomponent_get_uid(entry.component);
    std::string uid = stated_uid == nullptr ? "" : base::clean_utf8(base::trim(stated_uid));
    if (uid.empty() || uid.size() > 900) {
      char* own = icalcomponent_as_ical_string_r(entry.component);
      uid = "sha256:" + sha256_hex(own == nullptr ? "" : own);
      std::free(own);
    }
    auto& list = by_uid[uid];
    if (list.empty()) order.push_back(uid);
    list.push_back(entry);
  }
  std::vector<Item> items;
  for (const std::string& uid : order) {
    if (items.size() >= most_items) {
      items.back().notices.push_back({"reading.cut", {{"name", input.name}}});
      break;
    }
    if (auto item = EventReader(input, uid, by_uid[uid]).read()) items.push_back(std::move(*item));
  }
  if (truncated) {
    if (items.empty()) return unreadable();
    items.back().notices.push_back({"ical.truncated", {{"name", input.name}}});
  }
  return items;
}

}  // namespace

Reader ical_reader() {
  return {"ical", 3, {"text/calendar", "application/ics"}, {"ics", "ical", "ifb"}, &read_calendar};
}

}  // namespace lar::readers
