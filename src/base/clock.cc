// The clock on top of Howard Hinnant's date library (gcc 12 has no chrono zones). The fixed values
// are the only state; tests set them before starting threads.
#include "base/clock.h"

#include <date/date.h>
#include <date/tz.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <mutex>

namespace lar::base {
namespace {

struct Fixed {
  std::mutex mutex;
  bool read_environment = false;
  std::optional<Microseconds> time;
  std::optional<std::string> zone;
  std::optional<std::string> preferred_zone;
  // LAR_CLOCK.
  std::string file;
  std::optional<Microseconds> looked;  // by steady_now
  Microseconds start = 0, since = 0;
  double pace = 1;
};

Microseconds system_now() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

Fixed& fixed() {
  static Fixed state;
  return state;
}

const date::time_zone* find_zone(std::string_view zone) {
  try {
    return date::locate_zone(std::string(zone));
  } catch (const std::exception&) {
    return nullptr;
  }
}

void read_environment(Fixed& state) {
  if (state.read_environment) return;
  state.read_environment = true;
  if (const char* now = std::getenv("LAR_NOW"); now != nullptr && *now != '\0') {
    if (auto parsed = parse_rfc3339(now)) state.time = *parsed;
  }
  if (const char* file = std::getenv("LAR_CLOCK"); file != nullptr) state.file = file;
  for (const char* name : {"LAR_ZONE", "TZ"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    const std::string_view zone = *value == ':' ? value + 1 : value;
    if (find_zone(zone) != nullptr) {
      state.zone = std::string(zone);
      return;
    }
  }
}

// A file that is being written or says nothing sensible leaves the clock as it was.
void look_at_file(Fixed& state) {
  constexpr Microseconds between_looks = 20'000;
  const Microseconds steady = steady_now();
  if (state.looked && steady - *state.looked < between_looks) return;
  std::ifstream stream(state.file);
  std::string time;
  double pace = 0, since = 0;
  if (!(stream >> time >> pace >> since) || pace < 0) return;
  const auto start = parse_rfc3339(time);
  if (!start) return;
  state.looked = steady;
  state.start = *start;
  state.pace = pace;
  state.since = static_cast<Microseconds>(since * static_cast<double>(one_second));
}

date::year_month_day to_library(const Date& day) {
  return date::year{day.year} / date::month{static_cast<unsigned>(day.month)} /
         date::day{static_cast<unsigned>(day.day)};
}

Date from_library(const date::year_month_day& day) {
  return {static_cast<int>(day.year()), static_cast<int>(static_cast<unsigned>(day.month())),
          static_cast<int>(static_cast<unsigned>(day.day()))};
}

date::local_time<std::chrono::microseconds> to_library(const LocalTime& local) {
  return date::local_days{to_library(local.date)} + std::chrono::hours{local.hour} +
         std::chrono::minutes{local.minute} + std::chrono::seconds{local.second} +
         std::chrono::microseconds{0};
}

}  // namespace

Microseconds Clock::now() {
  Fixed& state = fixed();
  {
    const std::lock_guard lock(state.mutex);
    read_environment(state);
    if (state.time) return *state.time;
    if (!state.file.empty()) {
      look_at_file(state);
      if (state.looked) {
        const auto passed = static_cast<double>(system_now() - state.since);
        return state.start + static_cast<Microseconds>(passed * state.pace);
      }
    }
  }
  return system_now();
}

double Clock::pace() {
  Fixed& state = fixed();
  const std::lock_guard lock(state.mutex);
  read_environment(state);
  if (state.file.empty() || state.time) return 1;
  look_at_file(state);
  return std::max(1.0, state.looked ? state.pace : 1.0);
}

std::string Clock::zone() {
  Fixed& state = fixed();
  {
    const std::lock_guard lock(state.mutex);
    read_environment(state);
    if (state.zone) return *state.zone;
    if (state.preferred_zone) return *state.preferred_zone;
  }
  try {
    return date::current_zone()->name();
  } catch (const std::exception&) {
    return "UTC";
  }
}

void Clock::prefer_zone(std::string_view zone) {
  if (find_zone(zone) == nullptr) return;
  Fixed& state = fixed();
  const std::lock_guard lock(state.mutex);
  state.preferred_zone = std::string(zone);
}

void Clock::read_environment_again() {
  Fixed& state = fixed();
  const std::lock_guard lock(state.mutex);
  state.read_environment = false;
  state.time.reset();
  state.zone.reset();
  state.file.clear();
  state.looked.reset();
}

void Clock::fix(std::optional<Microseconds> time, std::optional<std::string> zone) {
  Fixed& state = fixed();
  const std::lock_guard lock(state.mutex);
  state.read_environment = true;
  state.file.clear();
  state.time = time;
  state.zone = std::move(zone);
}

Microseconds steady_now() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

bool zone_exists(std::string_view zone) { return find_zone(zone) != nullptr; }

LocalTime to_local(Microseconds time, std::string_view zone) {
  const date::sys_time<std::chrono::microseconds> moment{std::chrono::microseconds{time}};
  date::local_time<std::chrono::microseconds> local{moment.time_since_epoch()};
  if (const auto* found = find_zone(zone)) local = found->to_local(moment);
  const auto days = date::floor<date::days>(local);
  const date::hh_mm_ss clock{date::floor<std::chrono::seconds>(local - days)};
  return {from_library(date::year_month_day{days}), static_cast<int>(clock.hours().count()),
          static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count())};
}

Microseconds from_local(const LocalTime& local, std::string_view zone) {
  const auto reading = to_library(local);
  if (const auto* found = find_zone(zone)) {
    const auto info = found->get_info(reading);
    if (info.result == date::local_info::nonexistent) {
      return std::chrono::duration_cast<std::chrono::microseconds>(
                 info.first.end.time_since_epoch())
          .count();
    }
    return (reading.time_since_epoch() - std::chrono::microseconds{info.first.offset}).count();
  }
  return reading.time_since_epoch().count();
}

Date today(std::string_view zone) { return to_local(Clock::now(), zone).date; }

Date add_days(Date start, int days) {
  return from_library(date::year_month_day{date::sys_days{to_library(start)} + date::days{days}});
}

int weekday(Date day) {
  return static_cast<int>(date::weekday{date::sys_days{to_library(day)}}.iso_encoding()) - 1;
}

int days_between(Date from, Date to) {
  return static_cast<int>(
      (date::sys_days{to_library(to)} - date::sys_days{to_library(from)}).count());
}

bool date_is_valid(const Date& day) {
  return day.month >= 1 && day.month <= 12 && day.day >= 1 && to_library(day).ok();
}

std::string format_rfc3339(Microseconds time, std::string_view zone) {
  const LocalTime local = to_local(time, zone);
  const auto offset_minutes =
      static_cast<int>(((to_library(local).time_since_epoch().count() / one_second) -
                        (time >= 0 ? time / one_second : (time - one_second + 1) / one_second)) /
                       60);
  const int magnitude = std::abs(offset_minutes);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}{:02}:{:02}", local.date.year,
                     local.date.month, local.date.day, local.hour, local.minute, local.second,
                     offset_minutes < 0 ? '-' : '+', magnitude / 60, magnitude % 60);
}

std::string format_date(const Date& day) {
  return fmt::format("{:04}-{:02}-{:02}", day.year, day.month, day.day);
}

namespace {
// Reads exactly `count` digits at `position`.
std::optional<int> digits(std::string_view text, size_t position, size_t count) {
  if (position + count > text.size()) return std::nullopt;
  int value = 0;
  for (size_t index = position; index < position + count; ++index) {
    if (text[index] < '0' || text[index] > '9') return std::nullopt;
    value = value * 10 + (text[index] - '0');
  }
  return value;
}
}  // namespace

std::optional<Date> parse_date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
  if (!year || !month || !day) return std::nullopt;
  const Date result{*year, *month, *day};
  if (!date_is_valid(result)) return std::nullopt;
  return result;
}

Result<Microseconds> parse_rfc3339(std::string_view text) {
  const auto malformed = [&] {
    return fail(ErrorKind::invalid_input, "time.malformed", {{"text", std::string(text)}});
  };
  if (text.size() < 20 || (text[10] != 'T' && text[10] != 't' && text[10] != ' '))
    return malformed();
  const auto day = parse_date(text.substr(0, 10));
  const auto hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
  if (!day || !hour || !minute || !second || text[13] != ':' || text[16] != ':' || *hour > 23 ||
      *minute > 59 || *second > 60) {
    return malformed();
  }
  size_t position = 19;
  Microseconds fraction = 0;
  if (position < text.size() && text[position] == '.') {
    ++position;
    Microseconds unit = one_second / 10;
    while (position < text.size() && text[position] >= '0' && text[position] <= '9') {
      fraction += unit * (text[position] - '0');
      unit /= 10;
      ++position;
    }
  }
  Microseconds offset = 0;
  const std::string_view rest = text.substr(position);
  if (rest == "Z" || rest == "z") {
    offset = 0;
  } else {
    if (rest.size() != 6 || (rest[0] != '+' && rest[0] != '-') || rest[3] != ':')
      return malformed();
    const auto hours = digits(rest, 1, 2), minutes = digits(rest, 4, 2);
    if (!hours || !minutes || *hours > 23 || *minutes > 59) return malformed();
    offset = (*hours * 3600 + *minutes * 60) * one_second * (rest[0] == '-' ? -1 : 1);
  }
  return from_local({*day, *hour, *minute, *second}, "UTC") + fraction - offset;
}

}  // namespace lar::base
